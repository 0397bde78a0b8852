#include "import/size_expression.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace atl {
namespace {

const SizeLookup kSizes = [](std::string_view name) -> std::optional<int64_t> {
  static const std::map<std::string_view, int64_t> kValues{
      {"s0", 7}, {"s1", 12}, {"L['x'].size()[1]", 12}, {"L['a'][0].size()[2]", 5}};
  const auto it = kValues.find(name);
  return it == kValues.end() ? std::nullopt : std::optional(it->second);
};

int64_t integer(std::string_view text) {
  const auto v = evaluate_size(text, kSizes);
  EXPECT_TRUE(v) << text << ": " << v.error().what;
  EXPECT_TRUE(v && !v->is_float) << text;
  return v ? v->integer : -999;
}

TEST(SizeExpression, Integers) {
  EXPECT_EQ(integer("2*s0 + -1"), 13);
  EXPECT_EQ(integer("-2*(s0 + 1)"), -16);
  EXPECT_EQ(integer("FloorDiv(s0 + -1, 2) + 1"), 4);
  EXPECT_EQ(integer("-s0 // 2"), -4);  // Python rounds down
  EXPECT_EQ(integer("-s0 % 4"), 1);
  EXPECT_EQ(integer("2**3**2"), 512);
  EXPECT_EQ(integer("-2**2"), -4);
  EXPECT_EQ(integer("PowByNatural(s0, 2) + Max(3, s0, s1) + Min(s0, s1)"), 68);
  EXPECT_EQ(integer("CeilDiv(s0, 2)"), 4);
  EXPECT_EQ(integer("Mod(s1, s0) + PythonMod(-1, s0)"), 11);
  EXPECT_EQ(integer("CeilToInt(IntTrueDiv(s0, 2)) + FloorToInt(IntTrueDiv(s0, 2))"), 7);
  EXPECT_EQ(integer("Where(s0 < s1, 1, 2)"), 1);
}

TEST(SizeExpression, Floats) {
  EXPECT_DOUBLE_EQ(evaluate_size("FloatPow(ToFloat(s0), 0.5)", kSizes)->real, std::sqrt(7.0));
  EXPECT_DOUBLE_EQ(evaluate_size("1/s0 + 1e-3", kSizes)->real, 1.0 / 7 + 1e-3);
  EXPECT_DOUBLE_EQ(evaluate_size("OpaqueUnaryFn_sqrt(s0)*Rational(1, 2)", kSizes)->real, std::sqrt(7.0) / 2);
}

TEST(SizeExpression, Guards) {
  EXPECT_EQ(integer("(L['x'].size()[1] % 4) == 0"), 1);
  EXPECT_EQ(integer("L['x'].size()[1] == (2*L['a'][0].size()[2])"), 0);
  EXPECT_EQ(integer("2 <= L['x'].size()[1] and L['x'].size()[1] <= 9"), 0);
  EXPECT_EQ(integer("not 3 <= s0 < s1 or Eq(s0, 7)"), 1);
  EXPECT_EQ(integer("((-1) + s0 + (-1)*(s1 // 2)) >= max(1, s0 // 7)"), 0);
}

TEST(SizeExpression, WhatCannotBeEvaluated) {
  const auto what = [](std::string_view text) {
    const auto v = evaluate_size(text, kSizes);
    EXPECT_FALSE(v) << text;
    return v ? std::string() : v.error().what;
  };
  EXPECT_EQ(what("s0 + u0"), "the size 'u0' is not known");
  EXPECT_EQ(what("ModularIndexing(s0, 1, 2)"), "the function 'ModularIndexing' of 3 sizes is not known");
  EXPECT_EQ(what("s0 // (s0 - 7)"), "a division by zero");
  EXPECT_EQ(what("s0**64"), "a size does not fit 64 bits");
  for (const auto* text : {"", "(", "s0 +", "s0 s1", "f(", "L['x'].size()", "&"})
    EXPECT_EQ(what(text), fmt::format("the size expression '{}' is not understood", text));
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "(";
  EXPECT_NE(what(deep), "");
}

TEST(SizeExpression, Names) {
  EXPECT_EQ(size_names("2*s0 + FloorDiv(s1, s0) - 1e3"), (std::vector<std::string>{"s0", "s1"}));
  EXPECT_EQ(size_names("L['x'].size()[1] % 4 == 0 and not s7"), (std::vector<std::string>{"L['x'].size()[1]", "s7"}));
}

TEST(SizeExpression, Branches) { EXPECT_EQ(*size_branches("Max(3, s0) + Min(10, s1)", kSizes), (std::vector<double>{-4, -2})); }

}  // namespace
}  // namespace atl
