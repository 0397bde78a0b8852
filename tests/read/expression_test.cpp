#include "read/expression.h"

#include <gtest/gtest.h>

namespace atl {
namespace {

TEST(Expression, Readable) {
  EXPECT_EQ(readable_expression("Symbol('s77', positive=True, integer=True)"), "s77");
  EXPECT_EQ(readable_expression("Mul(Integer(3), Symbol('s77', positive=True, integer=True))"), "3*s77");
  EXPECT_EQ(readable_expression("Mul(Integer(-2), Add(Symbol('s0'), Integer(1)))"), "-2*(s0 + 1)");
  EXPECT_EQ(readable_expression("Add(Mul(Integer(2), Symbol('s0')), Integer(-1))"), "2*s0 + -1");
  EXPECT_EQ(readable_expression("FloorDiv(Symbol('s0'), Integer(2))"), "FloorDiv(s0, 2)");
  EXPECT_EQ(readable_expression("FloatPow(ToFloat(Symbol('s0', positive=True)), Float('0.5', precision=53))"),
            "FloatPow(ToFloat(s0), 0.5)");
  EXPECT_EQ(readable_expression("s0"), "s0");
}

TEST(Expression, OtherTextsStay) {
  for (const auto* text : {"", "(", "f(", "f(x", "f(x,", "s0 + 1", "Symbol('s0", "f(x))", ",", "Symbol(a==b)"}) {
    EXPECT_EQ(readable_expression(text), text);
  }
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "f(";
  EXPECT_EQ(readable_expression(deep), deep);
}

}  // namespace
}  // namespace atl
