// Loops and branches: how they are simplified, and what no sample shows.
#include "ops/control_flow.h"

#include <gtest/gtest.h>

#include "ir/text.h"
#include "ir/verifier.h"
#include "pass/pipeline.h"
#include "tflite/reader.h"
#include "tflite/writer.h"
#include "verify/evaluate.h"
#include "verify/written_model.h"

namespace atl {
namespace {

Graph parsed(std::string_view text) {
  auto g = parse_graph(text);
  if (!g) ADD_FAILURE() << format(g.error());
  return g ? *std::move(g) : Graph();
}

Tensor f32(Shape shape, std::vector<float> v) {
  return Tensor::of<float>(DType::kF32, std::move(shape), std::span<const float>(v));
}
Tensor i32(Shape shape, std::vector<int32_t> v) {
  return Tensor::of<int32_t>(DType::kI32, std::move(shape), std::span<const int32_t>(v));
}

std::vector<double> values(const Tensor& t) {
  std::vector<double> out;
  for (int64_t i = 0; i < t.count(); ++i) out.push_back(element_as_double(t, i));
  return out;
}

Tensors evaluated(const Graph& g, const Tensors& in) {
  auto out = evaluate(g, in);
  if (!out) ADD_FAILURE() << format(out.error());
  return out ? out->outputs : Tensors();
}

void canonicalize_once(Graph& g) {
  PassContext context;
  const Status s = canonicalize(g, context);
  ASSERT_TRUE(s) << format(s.error());
  const Status v = verify(g);
  ASSERT_TRUE(v) << format(v.error());
}

// while (i < 4) { i = i + 1; x = x * scale + shift; unused = unused + x }
constexpr std::string_view kScaled = R"(graph main
%0: i32[1] = input "i"
%1: f32[2,3] = input "x"
%2: f32[1,3] = input "shift"
%3: f32[2,1] = const "scale" {2, 3}
%4: f32[2,3] = input "unused"
%5: i32[1], f32[2,3], f32[2,1], f32[1,3], f32[2,3] = while(%0, %1, %3, %2, %4) {cond={
  graph below
  %0: i32[1] = input "i"
  %1: f32[2,3] = input "x"
  %2: f32[2,1] = input "scale"
  %3: f32[1,3] = input "shift"
  %4: f32[2,3] = input "unused"
  %5: i32[1] = const "" {4}
  %6: bool[1] = compare(%0, %5) {kind=less}
  output "go_on" = %6
}, body={
  graph step
  %0: i32[1] = input "i"
  %1: f32[2,3] = input "x"
  %2: f32[2,1] = input "scale"
  %3: f32[1,3] = input "shift"
  %4: f32[2,3] = input "unused"
  %5: i32[1] = const "" {1}
  %6: i32[1] = binary(%0, %5) {kind=add, activation=none}
  %7: f32[2,3] = binary(%1, %2) {kind=mul, activation=none}
  %8: f32[2,3] = binary(%7, %3) {kind=add, activation=none}
  %9: f32[2,3] = binary(%4, %1) {kind=add, activation=none}
  output "i" = %6
  output "x" = %8
  output "scale" = %2
  output "shift" = %3
  output "unused" = %9
}}
output "x" = %5.1
output "shift" = %5.3
)";

TEST(While, ConstantsGoInsideAndUnusedVariablesGo) {
  Graph g = parsed(kScaled);
  const Tensors in{i32({1}, {1}), f32({2, 3}, {1, 2, 3, 4, 5, 6}), f32({1, 3}, {0, 1, -1}), f32({2, 3}, {0, 0, 0, 0, 0, 0})};
  const Tensors before = evaluated(g, in);
  canonicalize_once(g);
  EXPECT_EQ(values(before[0]), (std::vector<double>{8, 23, 17, 108, 148, 149}));
  const Tensors after = evaluated(g, in);
  EXPECT_EQ(values(after[0]), values(before[0]));
  // What the loop hands on unchanged is read before it.
  EXPECT_EQ(g.outputs()[1].value, g.inputs()[2].value);
  const auto* loop = g.as<While>(g.outputs()[0].value);
  ASSERT_NE(loop, nullptr) << print(g);
  std::vector<std::string> names;
  for (const Port& p : loop->body.graph->inputs()) names.push_back(p.name);
  EXPECT_EQ(names, (std::vector<std::string>{"i", "x", "shift"}));
  EXPECT_EQ(loop->cond.graph->inputs().size(), 3u);
}

TEST(While, AConditionThatNeverFailsEndsInAnError) {
  Graph g = parsed(R"(graph main
%0: i32[1] = input "i"
%1: i32[1] = while(%0) {cond={
  graph always
  %0: i32[1] = input "i"
  %1: i32[1] = const "" {7}
  %2: bool[1] = compare(%0, %1) {kind=less}
  output "go_on" = %2
}, body={
  graph same
  %0: i32[1] = input "i"
  output "i" = %0
}}
output "i" = %1
)");
  const auto out = evaluate(g, Tensors{i32({1}, {3})});
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, Code::kUnsupportedForm);
  EXPECT_EQ(out.error().what, "a loop runs more than 1000000 times");
  const auto none = evaluated(g, {i32({1}, {9})});
  EXPECT_EQ(values(none[0]), (std::vector<double>{9}));
}

/// Steps collected along axis 1, counted up or down; `read` is the slice behind the loop.
std::string collecting(bool down, std::string_view read) {
  std::string text = R"(graph main
%0: i32[1] = const "" {FIRST}
%1: f32[2,1] = input "h"
%2: f32[2,5] = const "" {0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
%3: i32[1], f32[2,1], f32[2,5] = while(%0, %1, %2) {cond={
  graph more
  %0: i32[1] = input "i"
  %1: f32[2,1] = input "h"
  %2: f32[2,5] = input "all"
  %3: i32[1] = const "" {BOUND}
  %4: bool[1] = compare(%0, %3) {kind=KIND}
  output "more" = %4
}, body={
  graph step
  %0: i32[1] = input "i"
  %1: f32[2,1] = input "h"
  %2: f32[2,5] = input "all"
  %3: i32[1] = const "" {STEP}
  %4: i32[1] = const "" {0}
  %5: i32[1] = binary(%0, %3) {kind=add, activation=none}
  %6: f32[2,1] = binary(%1, %1) {kind=add, activation=none}
  %7: i32[2] = concat(%4, %0) {axis=0}
  %8: f32[2,5] = dynamic_update_slice(%2, %6, %7)
  output "i" = %5
  output "h" = %6
  output "all" = %8
}}
%4: READ
output "y" = %4
)";
  const auto set = [&](std::string_view key, std::string_view value) { text.replace(text.find(key), key.size(), value); };
  set("FIRST", down ? "4" : "0");
  set("BOUND", down ? "0" : "5");
  set("KIND", down ? "greater_equal" : "less");
  set("STEP", down ? "-1" : "1");
  set("READ", read);
  return text;
}

constexpr std::string_view kReadFirst = "f32[2,1] = slice(%3.2) {begin=[0,0], size=[2,1], stride=[1,1], shrink=[]}";
constexpr std::string_view kReadLast = "f32[2] = slice(%3.2) {begin=[0,4], size=[2,1], stride=[1,1], shrink=[1]}";

size_t collections(const Graph& g) {
  size_t n = 0;
  for (uint32_t id = 0; id < g.size(); ++id)
    if (const auto* loop = g[id].dead ? nullptr : g.as<While>({id, 0}))
      n += loop->body.graph->count(OpCode::kDynamicUpdateSlice);
  return n;
}

TEST(While, AReaderOfTheLastStepReadsTheVariable) {
  for (const bool down : {false, true})
    for (const std::string_view read : {kReadFirst, kReadLast}) {
      SCOPED_TRACE(fmt::format("{} {}", down ? "down" : "up", read));
      Graph g = parsed(collecting(down, read));
      const Tensors in{f32({2, 1}, {1, -3})};
      const Tensors before = evaluated(g, in);
      canonicalize_once(g);
      const bool last = down == (read == kReadFirst);
      EXPECT_EQ(collections(g), last ? 0u : 1u) << print(g);
      EXPECT_EQ(values(evaluated(g, in)[0]), values(before[0]));
      EXPECT_EQ(values(before[0]), last ? (std::vector<double>{32, -96}) : (std::vector<double>{2, -6}));
    }
}

constexpr std::string_view kChoice = R"(graph main
%0: bool[] = CONDITION
%1: f32[2,3] = input "x"
%2: f32[3] = const "b" {1, 2, 3}
%3: f32[3] = input "unused"
%4: f32[2,3], f32[2,3] = if(%0, %1, %2, %3) {then={
  graph yes
  %0: f32[2,3] = input "x"
  %1: f32[3] = input "b"
  %2: f32[3] = input "unused"
  %3: f32[2,3] = binary(%0, %1) {kind=mul, activation=none}
  %4: f32[2,3] = binary(%0, %2) {kind=mul, activation=none}
  output "y" = %3
  output "z" = %4
}, else={
  graph no
  %0: f32[2,3] = input "x"
  %1: f32[3] = input "b"
  %2: f32[3] = input "unused"
  %3: f32[2,3] = binary(%0, %1) {kind=sub, activation=none}
  output "y" = %3
  output "z" = %0
}}
output "y" = %4.0
)";

Graph choice(std::string_view condition) {
  std::string text(kChoice);
  text.replace(text.find("CONDITION"), 9, condition);
  return parsed(text);
}

TEST(If, ConstantsGoInsideAndUnusedPortsGo) {
  Graph g = choice("input \"c\"");
  canonicalize_once(g);
  const auto* op = g.as<If>(g.outputs()[0].value);
  ASSERT_NE(op, nullptr) << print(g);
  EXPECT_EQ(op->then_branch.graph->inputs().size(), 1u);
  EXPECT_EQ(op->else_branch.graph->inputs().size(), 1u);
  EXPECT_EQ(op->else_branch.graph->outputs().size(), 1u);
  for (const uint8_t c : {0, 1}) {
    const Tensors in{Tensor::of<uint8_t>(DType::kBool, {}, std::span(&c, 1)), f32({2, 3}, {1, 2, 3, 4, 5, 6}),
                     f32({3}, {9, 9, 9})};
    EXPECT_EQ(values(evaluated(g, in)[0]),
              c ? (std::vector<double>{1, 4, 9, 4, 10, 18}) : (std::vector<double>{0, 0, 0, 3, 3, 3}));
  }
}

TEST(If, AKnownConditionLeavesOneBranch) {
  for (const bool c : {false, true}) {
    Graph g = choice(c ? "const \"\" {1}" : "const \"\" {0}");
    canonicalize_once(g);
    EXPECT_EQ(g.count(OpCode::kIf), 0u) << print(g);
    const Tensors in{f32({2, 3}, {1, 2, 3, 4, 5, 6}), f32({3}, {9, 9, 9})};
    EXPECT_EQ(values(evaluated(g, in)[0]),
              c ? (std::vector<double>{1, 4, 9, 4, 10, 18}) : (std::vector<double>{0, 0, 0, 3, 3, 3}));
  }
}

TEST(Body, IsEqualByStructureAndConstants) {
  const std::string text =
      "graph g\n%0: f32[2] = input \"x\"\n%1: f32[2] = const \"w\" {1, 2}\n"
      "%2: f32[2] = binary(%0, %1) {kind=add, activation=none}\noutput \"y\" = %2\n";
  const auto body = [](std::string t) { return Body{std::make_shared<const Graph>(parsed(t))}; };
  const auto changed = [&](std::string_view from, std::string_view to) {
    std::string t = text;
    t.replace(t.find(from), from.size(), to);
    return body(t);
  };
  EXPECT_EQ(body(text), body(text));
  EXPECT_FALSE(body(text) == changed("{1, 2}", "{1, 3}"));
  EXPECT_FALSE(body(text) == changed("kind=add", "kind=sub"));
  EXPECT_FALSE(body(text) == changed("\"y\" = %2", "\"y\" = %0"));
  EXPECT_FALSE(body(text) == changed("(%0, %1)", "(%1, %0)"));
  EXPECT_FALSE(body(text) == Body{});
}

/// Variables that change places, and one that is handed on: LiteRT copies none of them over another.
TEST(While, VariablesThatChangePlacesInLiteRt) {
  auto library = LiteRtLibrary::find();
  if (!library) GTEST_SKIP() << library.error().what;
  const Graph source = parsed(R"(graph main
%0: i32[1] = input "n"
%1: f32[3] = input "a"
%2: f32[3] = input "b"
%3: f32[3] = input "c"
%4: i32[1], f32[3], f32[3], f32[3] = while(%0, %1, %2, %3) {cond={
  graph more
  %0: i32[1] = input "n"
  %1: f32[3] = input "a"
  %2: f32[3] = input "b"
  %3: f32[3] = input "c"
  %4: i32[1] = const "" {0}
  %5: bool[1] = compare(%0, %4) {kind=greater}
  output "more" = %5
}, body={
  graph step
  %0: i32[1] = input "n"
  %1: f32[3] = input "a"
  %2: f32[3] = input "b"
  %3: f32[3] = input "c"
  %4: i32[1] = const "" {-1}
  %5: i32[1] = binary(%0, %4) {kind=add, activation=none}
  %6: f32[3] = binary(%1, %3) {kind=add, activation=none}
  output "n" = %5
  output "a" = %2
  output "b" = %6
  output "c" = %3
}}
output "a" = %4.1
output "b" = %4.2
output "c" = %4.3
)");
  Model m;
  m.graphs.push_back(source);
  m.signatures.push_back({"serving_default", 0});
  const Status lowered = run_pipeline(m.graphs[0], {.verify_each = true});
  ASSERT_TRUE(lowered) << format(lowered.error());
  const auto bytes = serialize_tflite(m);
  ASSERT_TRUE(bytes) << format(bytes.error());
  for (const KernelMode mode : {KernelMode::kDelegate, KernelMode::kBuiltin, KernelMode::kReference}) {
    auto file = WrittenModel::load(*library, {.bytes = *bytes}, source, {}, {.threads = 1, .kernel_mode = mode});
    ASSERT_TRUE(file) << format(file.error());
    for (const int32_t n : {0, 1, 2, 3, 6, 1}) {
      SCOPED_TRACE(fmt::format("{} trips, {}", n, name(mode)));
      const Tensors in{i32({1}, {n}), f32({3}, {1, 2, 3}), f32({3}, {10, 20, 30}), f32({3}, {100, 0, -100})};
      const Tensors want = evaluated(source, in);
      const auto got = file->run(in);
      ASSERT_TRUE(got) << format(got.error());
      for (size_t i = 0; i < want.size(); ++i) EXPECT_EQ(values((*got)[i]), values(want[i])) << "output " << i;
    }
  }
}

}  // namespace
}  // namespace atl
