#include "ir/text.h"

#include <gtest/gtest.h>

#include "ir/verifier.h"
#include "ops/shape.h"
#include "ops/unary.h"

namespace atl {
namespace {

constexpr std::string_view kText = R"(graph net
%0: f32[2,3,5] = input "x \"quoted\""
%1: f32[5,3] = const "w" {0.5, -1.25, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, inf, -inf}
%2: f32[3,5] = transpose(%1) {perm=[1,0]}
%3: f32[2,3,5] = binary(%0, %2) {kind=add, activation=relu6}
%4: f32[2,3,2], f32[2,3,3] = split(%3) {axis=2, sizes=[2,3]}
%5: f32[7,3] = const "v" {random 5}
%6: f32[2,3,7] = fully_connected(%4.1, %5, _) {activation=none}
%7: i64[2] = const "" {-3, 4}
%8: bool[] = const "flag" {1}
output "a" = %4.0
output "b" = %6
output "c" = %7
output "d" = %8
)";

TEST(Text, PrintIsTheInverseOfParse) {
  const auto g = parse_graph(kText);
  ASSERT_TRUE(g) << format(g.error());
  ASSERT_TRUE(verify(*g));
  // Nodes are numbered in topological order: the second time nothing changes any more.
  const std::string once = print(*g, true);
  const auto again = parse_graph(once);
  ASSERT_TRUE(again) << format(again.error()) << once;
  EXPECT_EQ(print(*again, true), once);
  EXPECT_EQ(again->name, "net");
  EXPECT_EQ(again->inputs()[0].name, "x \"quoted\"");
  EXPECT_EQ(again->outputs().size(), 4u);
  EXPECT_EQ(once.size(), kText.size());
}

TEST(Text, LargeConstantsAreWrittenAsRandomOnlyWhenAsked) {
  const auto g = parse_graph("%0: f32[17] = const \"w\" {random 3}\noutput \"y\" = %0\n");
  ASSERT_TRUE(g);
  EXPECT_EQ(print(*g), "graph main\n%0: f32[17] = const \"w\" {...}\noutput \"y\" = %0\n");
  EXPECT_EQ(print(*g, true), "graph main\n%0: f32[17] = const \"w\" {random 0}\noutput \"y\" = %0\n");
}

TEST(Text, RandomConstantsDependOnTheirSeedOnly) {
  const auto values = [](std::string_view seed) {
    auto g = parse_graph(fmt::format("%0: f32[40] = const \"w\" {{random {}}}\noutput \"y\" = %0\n", seed));
    const auto t = *g->constant(g->outputs()[0].value)->materialize();
    return std::vector<float>(t.values<float>().begin(), t.values<float>().end());
  };
  EXPECT_EQ(values("1"), values("1"));
  EXPECT_NE(values("1"), values("2"));
  for (float v : values("1")) EXPECT_TRUE(v >= -1 && v < 1);
}

TEST(Text, OriginsAreCommentsThatParsingSkips) {
  Graph g;
  const Value x = g.add_input("x", {DType::kF32, {2}, {}});
  const OriginId origin = g.add_origin({.module_path = "net.act", .file = "net.py", .line = 12});
  const auto y = g.add(make_op(Unary(UnaryKind::kAbs)), {x}, origin);
  g.add_output("y", (*y)[0]);
  EXPECT_EQ(
      print(g),
      "graph main\n%0: f32[2] = input \"x\"\n%1: f32[2] = unary(%0) {kind=abs}  // net.act net.py:12\noutput \"y\" = %1\n");
  EXPECT_TRUE(parse_graph(print(g)));
}

struct Bad {
  const char* what;
  const char* text;
  const char* message;
  const char* line = "line 2";
};
class TextErrors : public testing::TestWithParam<Bad> {};

TEST_P(TextErrors, NameTheLine) {
  const auto g = parse_graph(std::string("%0: f32[2,3] = input \"x\"\n") + GetParam().text);
  ASSERT_FALSE(g);
  EXPECT_NE(g.error().what.find(GetParam().message), std::string::npos) << g.error().what;
  ASSERT_FALSE(g.error().trail.empty());
  EXPECT_EQ(g.error().trail.back(), GetParam().line);
}

INSTANTIATE_TEST_SUITE_P(
    All, TextErrors,
    testing::Values(Bad{"NoNode", "hello", "'%', 'graph' or 'output' expected"},
                    Bad{"NoNumber", "%: f32[2] = input \"y\"", "a number is expected after '%'"},
                    Bad{"NoColon", "%1 f32[2] = input \"y\"", "':' expected"},
                    Bad{"NoType", "%1: = unary(%0) {kind=abs}", "a type is expected"},
                    Bad{"UnknownType", "%1: f33[2] = input \"y\"", "unknown element type 'f33'"},
                    Bad{"NoEquals", "%1: f32[2,3] unary(%0) {kind=abs}", "'=' expected"},
                    Bad{"UnknownOperator", "%1: f32[2,3] = unry(%0) {kind=abs}", "unknown operator 'unry'"},
                    Bad{"NoOperands", "%1: f32[2,3] = unary", "an operator with operands is expected"},
                    Bad{"UnknownValue", "%1: f32[2,3] = unary(%7) {kind=abs}", "'%7' is not defined"},
                    Bad{"ResultThatDoesNotExist", "%1: f32[2,3] = unary(%0.1) {kind=abs}", "'%0.1' is not defined"},
                    Bad{"NoValue", "%1: f32[2,3] = unary(x) {kind=abs}", "a value is expected, not 'x'"},
                    Bad{"AnotherType", "%1: f32[3,2] = unary(%0) {kind=abs}", "the stated type is not what the operator gives"},
                    Bad{"FieldsMissing", "%1: f32[2,3] = unary(%0)", "field 'kind' expected"},
                    Bad{"BadFields", "%1: f32[2,3] = transpose(%0) {perm=[0,0]}", ""},
                    Bad{"TooFewNumbers", "%1: f32[3] = const \"c\" {1, 2}", "number expected"},
                    Bad{"TooManyNumbers", "%1: f32[2] = const \"c\" {1, 2, 3}", "'}' expected"},
                    Bad{"HugeConstant", "%1: f32[99999999999] = const \"c\" {random 1}", "too large"},
                    Bad{"HugeStrings", "%1: string[99999999999] = const \"c\" {random 1}", ""},
                    Bad{"OverflowingConstant", "%1: f32[99999999999,99999999999] = const \"c\" {random 1}", "overflows"},
                    Bad{"NegativeSize", "%1: f32[-2] = const \"c\" {random 1}", "negative size"},
                    Bad{"OutputOfNothing", "output \"y\" = %9", "'%9' is not defined"},
                    Bad{"OutputOfNoValue", "output \"y\" = _", ""},
                    Bad{"OutputWithoutAName", "output y = %0", "'\"' expected"}),
    [](const auto& p) { return p.param.what; });

}  // namespace
}  // namespace atl
