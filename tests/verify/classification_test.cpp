#include "verify/classification.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "verify/agreement.h"

namespace atl {
namespace {

Tensor row(const std::vector<float>& values) { return Tensor::of<float>(DType::kF32, {1, int64_t(values.size())}, values); }
const float kNan = std::numeric_limits<float>::quiet_NaN(), kInf = std::numeric_limits<float>::infinity();

TEST(Classification, TheFirstOfEqualScoresIsHighest) {
  EXPECT_EQ(highest(row({1, 3, 3, 2})), 1);
  EXPECT_EQ(highest(row({kNan, -kInf, -2})), 2);
  EXPECT_EQ(highest(row({kNan, kNan})), std::nullopt);
  EXPECT_EQ(highest(Tensor::of<int8_t>(DType::kI8, {3}, std::vector<int8_t>{-3, -1, -2})), 1);
}

TEST(Classification, RanksCountWhatIsAboveAndEqualsBefore) {
  const Tensor t = row({5, 4, 4, 1, kNan});
  EXPECT_TRUE(among_highest(t, 0, 1));
  EXPECT_TRUE(among_highest(t, 1, 2));
  EXPECT_FALSE(among_highest(t, 2, 2));
  EXPECT_TRUE(among_highest(t, 2, 3));
  EXPECT_FALSE(among_highest(t, 4, 5));
}

TEST(Classification, Counts) {
  Classification c;
  c.add(row({0, 1, 0, 0, 0, 0, 0}), 1);
  c.add(row({6, 5, 4, 3, 2, 1, 0}), 4);
  c.add(row({6, 5, 4, 3, 2, 1, 0}), 5);
  c.add(row({kNan, kNan, kNan, kNan, kNan, kNan, kNan}), 2);
  EXPECT_EQ(c.examples, 4u);
  EXPECT_EQ(c.top1, 1u);
  EXPECT_EQ(c.top5, 2u);
  EXPECT_EQ(c.undecided, 1u);
  const std::map<std::pair<int64_t, int64_t>, size_t> wanted = {{{1, 1}, 1}, {{4, 0}, 1}, {{5, 0}, 1}, {{2, -1}, 1}};
  EXPECT_EQ(c.confusion, wanted);
}

TEST(Agreement, MeansOverTheExamples) {
  Agreement a;
  ASSERT_TRUE(a.add(row({3, 4}), row({3, 4.5})));      // 25 / 0.25: 20 dB
  ASSERT_TRUE(a.add(row({30, 40}), row({30, 40.5})));  // 2500 / 0.25: 40 dB
  EXPECT_NEAR(a.mean_snr_db(), 30, 1e-9);
  EXPECT_NEAR(a.max_error(), 0.5, 1e-9);
  const double first = (9 + 18) / (5 * std::sqrt(9 + 4.5 * 4.5)), second = (900 + 1620) / (50 * std::sqrt(900 + 40.5 * 40.5));
  EXPECT_NEAR(a.mean_cosine(), (first + second) / 2, 1e-12);
  EXPECT_EQ(a.misplaced(), 0u);
}

TEST(Agreement, EqualExamplesDoNotDecideAMean) {
  Agreement a;
  ASSERT_TRUE(a.add(row({1, 2}), row({1, 2})));
  EXPECT_EQ(a.mean_snr_db(), 999);
  ASSERT_TRUE(a.add(row({3, 4}), row({3, 4.5})));
  EXPECT_NEAR(a.mean_snr_db(), (150 + 20) / 2.0, 1e-9);
  Agreement zero;
  ASSERT_TRUE(zero.add(row({0, 0}), row({0, 1})));
  EXPECT_EQ(zero.mean_snr_db(), -150);
  EXPECT_EQ(zero.mean_cosine(), 0);
}

TEST(Agreement, NanOnOneSideIsCounted) {
  Agreement a;
  ASSERT_TRUE(a.add(row({1, kNan}), row({1, kNan})));
  EXPECT_EQ(a.misplaced(), 0u);
  ASSERT_TRUE(a.add(row({1, kInf}), row({1, 7})));
  EXPECT_EQ(a.misplaced(), 1u);
  EXPECT_EQ(a.mean_snr_db(), 150);
}

TEST(Agreement, OtherShapesAreRefused) {
  Agreement a;
  EXPECT_EQ(a.add(row({1, 2}), row({1, 2, 3})).error().what, "f32[1,3] against f32[1,2]: they cannot be compared");
}

}  // namespace
}  // namespace atl
