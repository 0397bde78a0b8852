#include "quant/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "quant/range_choice.h"

namespace atl {
namespace {

std::vector<float> normal(size_t n, double sigma, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> d(0, sigma);
  std::vector<float> out;
  for (size_t i = 0; i < n; ++i) out.push_back(float(d(random)));
  return out;
}

uint64_t total(const Statistics& s) {
  uint64_t n = s.zeros();
  for (const uint64_t b : s.bins()) n += b;
  return n;
}

TEST(Statistics, CountsExtremesAndZeros) {
  Statistics s;
  s.observe(std::vector<float>{0, -3, 0.5f, 7.25f, 0});
  EXPECT_EQ(s.count(), 5u);
  EXPECT_EQ(s.zeros(), 2u);
  EXPECT_EQ(s.extremes(), (Range{-3, 7.25}));
  EXPECT_NEAR(s.mean(), 4.75 / 5, 1e-12);
  EXPECT_EQ(total(s), 5u);
}

TEST(Statistics, GrowsWithTheValuesAndKeepsThemInTheirBins) {
  Statistics s;
  s.observe(std::vector<float>{0.001f, -0.002f});
  s.observe(std::vector<float>{1000, -0.5f});
  EXPECT_EQ(total(s), 4u);
  for (size_t i = 0; i < s.bins().size(); ++i) {
    if (!s.bins()[i]) continue;
    const bool holds_one = (s.edge(i) <= 1000 && 1000 < s.edge(i + 1)) || (s.edge(i) <= 0.001 && 0.001 < s.edge(i + 1)) ||
                           (s.edge(i) <= -0.002 && -0.002 < s.edge(i + 1)) || (s.edge(i) <= -0.5 && -0.5 < s.edge(i + 1));
    EXPECT_TRUE(holds_one) << s.edge(i) << " " << s.edge(i + 1);
  }
}

TEST(Statistics, MergingIsObservingBoth) {
  const auto a = normal(1000, 1, 1), b = normal(500, 40, 2);
  Statistics together, first, second;
  together.observe(a);
  together.observe(b);
  first.observe(a);
  second.observe(b);
  first.merge(second);
  EXPECT_EQ(first.bins(), together.bins());
  EXPECT_EQ(first.extremes(), together.extremes());
  EXPECT_EQ(first.count(), together.count());
}

TEST(Statistics, SetsNanAndInfinityAside) {
  Statistics s;
  s.observe(std::vector<float>{1, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), -2,
                               std::numeric_limits<float>::lowest()});
  EXPECT_EQ(s.not_finite(), 2u);
  EXPECT_EQ(s.masked(), 1u);
  EXPECT_EQ(s.count(), 2u);
  EXPECT_EQ(s.extremes(), (Range{-2, 1}));
}

// The square error of values in 256 steps over a range, computed value by value.
double measured_error(std::span<const float> values, Range r) {
  const double step = r.width() / 255;
  double e = 0;
  for (const float v : values) {
    const double q = std::nearbyint((std::clamp(double(v), r.low, r.high) - r.low) / step) * step + r.low;
    e += (q - double(v)) * (q - double(v));
  }
  return e / double(values.size());
}

TEST(RangeChoice, LeastSquareErrorIsLeast) {
  auto values = normal(20000, 1, 3);
  values.push_back(40);
  Statistics s;
  s.observe(values);
  const Range mse = choose_range(s, RangeMethod::kMse, DType::kI8), all = choose_range(s, RangeMethod::kMinMax, DType::kI8);
  EXPECT_EQ(all.high, 40);
  EXPECT_LT(measured_error(values, mse), measured_error(values, all));
  EXPECT_LT(measured_error(values, mse), measured_error(values, {mse.low, 0.7 * mse.high}));
  EXPECT_LT(measured_error(values, mse), measured_error(values, {mse.low, 1.5 * mse.high}));
  EXPECT_NEAR(expected_square_error(s, mse, 255) / measured_error(values, mse), 1, 0.1);
}

TEST(RangeChoice, PercentileLeavesOutliersAndHoldsZero) {
  auto values = normal(50000, 1, 4);
  for (float& v : values) v = std::fabs(v) + 3;
  values.push_back(500);
  Statistics s;
  s.observe(values);
  const Range r = choose_range(s, RangeMethod::kPercentile, DType::kI8);
  EXPECT_EQ(r.low, 0);
  EXPECT_LT(r.high, 20);
  EXPECT_GT(r.high, 5);
}

TEST(ParametersOfValues, TakeTheStepsThatAGridIsMultiplesOf) {
  std::vector<float> grid;
  for (int i = 0; i < 40; ++i)
    for (int k = 0; k < 30; ++k) grid.insert(grid.end(), {(float(i) + 0.5F) / 40, (float(k) + 0.5F) / 30});
  const Range range{grid[1] * 0.5, 1 - 0.5 / 40};
  const auto error = [&](const QuantParams& q) {
    double most = 0;
    for (const float v : grid) {
      const double n = std::clamp(std::nearbyint(double(v) / double(q.scale[0])) + double(q.zero_point[0]), -128.0, 127.0);
      most = std::max(most, std::fabs((n - double(q.zero_point[0])) * double(q.scale[0]) - double(v)));
    }
    return most;
  };
  const QuantParams plain = parameters_of(range, DType::kI8), found = parameters_of_values(grid, range, DType::kI8);
  EXPECT_GT(error(plain), 0.0018);
  EXPECT_LT(error(found), 0.0005);
  EXPECT_NEAR(double(found.scale[0]), 1.0 / 240, 1e-5);
  EXPECT_EQ(found.zero_point, plain.zero_point);
}

TEST(ParametersOfValues, KeepTheRangeWhereNoGridIs) {
  std::vector<float> values;
  for (int i = 0; i < 3000; ++i) values.push_back(std::sin(float(i * i)) * 3 - 1);
  const Range range{-4, 2};
  for (const DType t : {DType::kI8, DType::kU8}) EXPECT_EQ(parameters_of_values(values, range, t), parameters_of(range, t));
  EXPECT_EQ(parameters_of_values(std::vector<float>{0, 0}, {0, 0}, DType::kI8), parameters_of({0, 0}, DType::kI8));
}

TEST(ChooseRange, AverageIsTheMeanOfTheSamplesExtremes) {
  Statistics one, other;
  one.observe(std::vector<float>{-1, 4});
  one.observe(std::vector<float>{-3, 2});
  other.observe(std::vector<float>{-5, 1});
  Statistics samples = one, tensors = one;
  samples.merge(other);
  tensors.join(other);
  EXPECT_EQ(choose_range(one, RangeMethod::kAverage, DType::kI8), (Range{-2, 3}));
  EXPECT_EQ(choose_range(samples, RangeMethod::kAverage, DType::kI8), (Range{-3, 7.0 / 3}));
  EXPECT_EQ(choose_range(tensors, RangeMethod::kAverage, DType::kI8), (Range{-5, 3}));
  EXPECT_EQ(tensors.extremes(), (Range{-5, 4}));
}

TEST(RangeChoice, ParametersHoldZeroExactlyAndReachTheEnds) {
  for (const Range r : {Range{-1.7, 5.3}, Range{0.5, 2}, Range{-9, -1}, Range{-1e-7, 3e-7}}) {
    const QuantParams q = parameters_of(r, DType::kI8);
    ASSERT_EQ(q.scale.size(), 1u);
    EXPECT_GE(q.zero_point[0], -128);
    EXPECT_LE(q.zero_point[0], 127);
    EXPECT_NEAR(double(q.scale[0]) * double(127 - q.zero_point[0]), std::max(r.high, 0.0), double(q.scale[0]));
    EXPECT_NEAR(double(q.scale[0]) * double(-128 - q.zero_point[0]), std::min(r.low, 0.0), double(q.scale[0]));
  }
  EXPECT_EQ(parameters_of({-3, 2}, DType::kI16).zero_point[0], 0);
  EXPECT_GT(parameters_of({0, 0}, DType::kI8).scale[0], 0);
  EXPECT_EQ(parameters_of({0, 255}, DType::kU8).zero_point[0], 0);
}

}  // namespace
}  // namespace atl
