#include "quant/finer_log_softmax.h"

#include <gtest/gtest.h>

#include "spelled_graph.h"

namespace atl {
namespace {

// A layer and the logarithm of softmax over its eleven results.
std::string classifier(double weights_reach) {
  return fmt::format(R"(
%0: f32[3,7] = input "x"
%1: f32[11,7] = const "w" {{{}}}
%2: f32[11] = const "b" {{{}}}
%3: f32[3,11] = fully_connected(%0, %1, %2) {{activation=none}}
%4: f32[3,11] = log_softmax(%3) {{axis=1}}
output "y" = %4
)",
                     numbers(77, weights_reach), numbers(11, weights_reach));
}

// No weights can take the mean off that the operand has.
constexpr std::string_view kBare = R"(
%0: f32[3,11] = input "x"
%1: f32[3,11] = unary(%0) {kind=relu}
%2: f32[3,11] = log_softmax(%1) {axis=1}
output "y" = %2
)";

constexpr double kGain = 0.7;

class FinerLogSoftmax : public SpelledGraph {
 protected:
  size_t refine() {
    auto count = refine_log_softmax(g, calibrated(g, samples));
    EXPECT_TRUE(count) << format(count.error());
    return count ? *count : 0;
  }
};

TEST_F(FinerLogSoftmax, OfALayerNeedsTwoMoreOperators) {
  set(classifier(0.1));
  const double before = integer_error();
  ASSERT_EQ(refine(), 1u);
  EXPECT_LT(float_error(), 1e-5);
  EXPECT_LT(integer_error(), kGain * before);
  EXPECT_EQ(g.count(OpCode::kBinary), 1u);
  EXPECT_EQ(g.count(OpCode::kReduce), 1u);
}

TEST_F(FinerLogSoftmax, OfAnyOperandTakesOffItsMean) {
  set(kBare);
  const double before = integer_error();
  ASSERT_EQ(refine(), 1u);
  EXPECT_LT(float_error(), 1e-5);
  EXPECT_LT(integer_error(), kGain * before);
  EXPECT_EQ(g.count(OpCode::kBinary), 2u);
}

TEST_F(FinerLogSoftmax, OfResultsThatSpanTheKernelsRangeStaysAsItIs) {
  set(classifier(4));
  EXPECT_EQ(refine(), 0u);
  EXPECT_EQ(g.count(OpCode::kReduce), 0u);
}

TEST_F(FinerLogSoftmax, OfALayerThatOthersReadTakesOffItsMean) {
  std::string text = classifier(0.1);
  text += "output \"logits\" = %3\n";
  set(text);
  ASSERT_EQ(refine(), 1u);
  EXPECT_LT(float_error(), 1e-5);
  EXPECT_EQ(g.count(OpCode::kBinary), 2u);
}

}  // namespace
}  // namespace atl
