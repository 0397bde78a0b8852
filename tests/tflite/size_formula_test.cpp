#include "tflite/size_formula.h"

#include <gtest/gtest.h>

namespace atl {
namespace {

const SizeVector kA{5, 8, 13, 21}, kB{9, 6, 17, 4}, kC{3, 11, 7, 30};
const std::vector<SizeVector> kSizes{kA, kB, kC};

/// The formula for what f gives, checked at every example and at sizes that were not among them.
template <class F>
void expect_found(F f, const char* name) {
  SizeVector wanted;
  for (size_t i = 0; i < kA.size(); ++i) wanted.push_back(f(kA[i], kB[i], kC[i]));
  const auto formula = find_formula(wanted, kSizes);
  ASSERT_TRUE(formula) << name;
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(evaluate(*formula, kSizes, i), wanted[i]) << name;
  const std::vector<SizeVector> other{{34, 55}, {19, 2}, {14, 23}};
  for (size_t i = 0; i < 2; ++i) EXPECT_EQ(evaluate(*formula, other, i), f(other[0][i], other[1][i], other[2][i])) << name;
}

TEST(SizeFormula, Found) {
  expect_found([](int64_t, int64_t, int64_t) { return int64_t(7); }, "constant");
  expect_found([](int64_t, int64_t b, int64_t) { return b; }, "size");
  expect_found([](int64_t a, int64_t, int64_t) { return 3 * a - 2; }, "line");
  expect_found([](int64_t a, int64_t b, int64_t) { return 12 * a * b; }, "product");
  expect_found([](int64_t a, int64_t b, int64_t c) { return 2 * a * b * c; }, "product of three");
  expect_found([](int64_t a, int64_t b, int64_t) { return a * (2 * b + 1); }, "product with a line");
  expect_found([](int64_t a, int64_t, int64_t) { return a * a; }, "square");
  expect_found([](int64_t a, int64_t, int64_t c) { return a + c + 4; }, "sum");
  expect_found([](int64_t a, int64_t b, int64_t) { return a - b; }, "difference");
  expect_found([](int64_t a, int64_t, int64_t) { return a / 2; }, "half");
  expect_found([](int64_t a, int64_t, int64_t) { return (a + 4) / 5; }, "fifth, rounded up");
}

TEST(SizeFormula, QuotientOfMultiples) {
  const auto formula = find_formula({2, 3, 5, 8}, std::vector<SizeVector>{{8, 12, 20, 32}});
  ASSERT_TRUE(formula);
  EXPECT_EQ(evaluate(*formula, std::vector<SizeVector>{{36}}, 0), 9);
}

TEST(SizeFormula, NotGuessed) {
  EXPECT_FALSE(find_formula({1, 3, 2, 9}, kSizes));
  EXPECT_FALSE(find_formula({5, 8, 13, 20}, kSizes));  // min(a, 20)
  EXPECT_FALSE(find_formula({0, 0, 1, 0}, kSizes));    // (b - 4) / 7 by chance
}

}  // namespace
}  // namespace atl
