#include "verify/comparison.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "verify/reference.h"

namespace atl {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

Tensor floats(const std::vector<float>& v) { return Tensor::of<float>(DType::kF32, {int64_t(v.size())}, v); }
Tensor ints(const std::vector<int32_t>& v) { return Tensor::of<int32_t>(DType::kI32, {int64_t(v.size())}, v); }

TEST(Compare, EqualFloatsHaveNoNoise) {
  const Comparison c = compare(floats({1, -2, 3}), floats({1, -2, 3}), {});
  EXPECT_TRUE(c.passed);
  EXPECT_EQ(c.snr_db(), std::numeric_limits<double>::infinity());
  EXPECT_EQ(c.differing, 0);
  EXPECT_EQ(c.max_reference, 3);
}

TEST(Compare, MeasuresDecibels) {
  // Signal 4 * 100, noise 4 * 0.01: 40 dB.
  const Comparison c = compare(floats({10, -10, 10, 10}), floats({10.1f, -10.1f, 9.9f, 10.1f}), {});
  EXPECT_NEAR(c.snr_db(), 40, 1e-3);
  EXPECT_NEAR(c.max_error, 0.1, 1e-5);
  EXPECT_NEAR(c.rms_error(), 0.1, 1e-5);
  EXPECT_FALSE(c.passed);
  EXPECT_EQ(c.reason, "SNR 40.0 dB is below 60 dB");
  EXPECT_TRUE(compare(floats({10}), floats({10.1f}), {.min_snr_db = 39}).passed);
}

TEST(Compare, NamesTheWorstElement) { EXPECT_EQ(compare(floats({1, 2, 3, 4}), floats({1, 2.1f, 2, 4}), {}).worst_element, 2); }

TEST(Compare, ErrorsFarBelowTheLargestValuePass) {
  // All noise in a small element: 59 dB would not do, but the error is 1e-6 of the largest value.
  Tolerance strict;
  strict.min_snr_db = 200;
  EXPECT_TRUE(compare(floats({1000, 0}), floats({1000, 0.001f}), strict).passed);
  EXPECT_FALSE(compare(floats({1000, 0}), floats({1000, 0.1f}), strict).passed);
}

TEST(Compare, ZeroReferencesAllowRoundingErrorsOnly) {
  EXPECT_TRUE(compare(floats({0, 0}), floats({1e-7f, 0}), {}).passed);
  EXPECT_FALSE(compare(floats({0, 0}), floats({1e-5f, 0}), {}).passed);
}

TEST(Compare, NanAndInfinityMustStandAtTheSamePlaces) {
  EXPECT_TRUE(compare(floats({kNan, kInf, -kInf, 1}), floats({kNan, kInf, -kInf, 1}), {}).passed);
  const Comparison nan = compare(floats({kNan, 1}), floats({0, 1}), {});
  EXPECT_FALSE(nan.passed);
  EXPECT_EQ(nan.reason, "1 of 2 elements are NaN or infinite on one side only");
  EXPECT_FALSE(compare(floats({1, 1}), floats({1, kNan}), {}).passed);
  EXPECT_FALSE(compare(floats({kInf, 1}), floats({-kInf, 1}), {}).passed);
  EXPECT_FALSE(compare(floats({kInf, 1}), floats({kNan, 1}), {}).passed);
  EXPECT_FALSE(compare(floats({3e38f, 1}), floats({kInf, 1}), {}).passed);
  EXPECT_EQ(compare(floats({kNan, kNan}), floats({kNan, kNan}), {}).finite, 0);
}

TEST(Compare, IntegersMustBeEqual) {
  EXPECT_TRUE(compare(ints({1, 2}), ints({1, 2}), {}, false).passed);
  const Comparison c = compare(ints({1, 2, 3}), ints({1, 2, 4}), {}, true);
  EXPECT_FALSE(c.passed);
  EXPECT_EQ(c.reason, "1 of 3 elements differ");
}

TEST(Compare, IntegersFromFloatsMayDifferWhereRoundingDecides) {
  std::vector<int32_t> a(20000, 3), b = a;
  b[17] = 4;
  b[18000] = 2;
  EXPECT_TRUE(compare(ints(a), ints(b), {}, true).passed);
  EXPECT_FALSE(compare(ints(a), ints(b), {}, false).passed);
  b[5] = 9;
  EXPECT_FALSE(compare(ints(a), ints(b), {}, true).passed);
}

TEST(Compare, LargeIntegersAreNotRounded) {
  const std::vector<int64_t> a{(int64_t{1} << 60) + 1}, b{int64_t{1} << 60};
  EXPECT_FALSE(compare(Tensor::of<int64_t>(DType::kI64, {1}, a), Tensor::of<int64_t>(DType::kI64, {1}, b), {}, false).passed);
}

TEST(Compare, ShapesMustBeEqual) {
  const Tensor a = Tensor::of<float>(DType::kF32, {2, 3}, std::vector<float>(6, 1)), b = a.reshaped({3, 2});
  const Comparison c = compare(a, b, {});
  EXPECT_FALSE(c.passed);
  EXPECT_EQ(c.reason, "f32[2,3] against f32[3,2]");
}

TEST(Compare, ElementTypesMayDiffer) {
  EXPECT_TRUE(compare(cast(floats({1, 2}), DType::kF64), floats({1, 2}), {}).passed);
  EXPECT_FALSE(compare(cast(floats({1, 2}), DType::kF64), floats({1, 3}), {}).passed);
}

TEST(Compare, HalfPrecisionIsHeldToItsBits) {
  const std::vector<float> a{1, 2, 3, 4}, b{1.005f, 2.005f, 2.995f, 4.005f};  // about 54 dB
  EXPECT_FALSE(compare(floats(a), floats(b), {}).passed);
  EXPECT_TRUE(compare(cast(floats(a), DType::kF16), cast(floats(b), DType::kF16), {}).passed);
}

TEST(CompareChange, ShowsAnErrorThatTheRestHides) {
  // 100 throughout, of which 0.01 depends on the input; the file has that part upside down.
  const Tensor a = floats({100, 100, 100}), b = floats({100.01f, 99.99f, 100});
  const Tensor wrong = floats({99.99f, 100.01f, 100});
  EXPECT_TRUE(compare(b, wrong, {}).passed);
  const Comparison c = compare_change(a, b, a, wrong);
  EXPECT_NEAR(c.snr_db(), -6.02, 0.1);
  EXPECT_EQ(compare_change(a, b, a, b).noise, 0);
}

Tensor counted(Shape shape) {
  std::vector<float> v(size_t(element_count(shape)));
  for (size_t i = 0; i < v.size(); ++i) v[i] = float(i % 17) + 0.1f * float(i);
  return Tensor::of<float>(DType::kF32, std::move(shape), v);
}

TEST(CompareUpToLayout, FindsThePermutation) {
  const Tensor a = counted({2, 3, 4, 5});
  EXPECT_TRUE(compare_up_to_layout(a, transpose(a, {0, 2, 3, 1}), {})->passed);
  EXPECT_FALSE(compare_up_to_layout(a, a.reshaped({2, 4, 5, 3}), {})->passed);
  // Axes of one size: the shapes do not tell the permutation.
  const Tensor square = counted({1, 4, 4, 4});
  EXPECT_TRUE(compare_up_to_layout(square, transpose(square, {0, 2, 3, 1}), {})->passed);
}

TEST(CompareUpToLayout, IgnoresAxesOfOne) {
  const Tensor a = counted({1, 3, 4});
  EXPECT_TRUE(compare_up_to_layout(a, transpose(a, {0, 2, 1}).reshaped({1, 1, 4, 3}), {})->passed);
  EXPECT_FALSE(compare_up_to_layout(a, counted({1, 3, 5}), {}).has_value());
}

}  // namespace
}  // namespace atl
