#include "quant/softmax_pairs.h"

#include <gtest/gtest.h>

#include "spelled_graph.h"

namespace atl {
namespace {

// Two layers that give 3 and 2 pairs of logits for each of five rows, joined as detectors do.
std::string detector() {
  return fmt::format(R"(
%0: f32[5,7] = input "x"
%1: f32[6,7] = const "w1" {{{}}}
%2: f32[6] = const "b1" {{{}}}
%3: f32[5,6] = fully_connected(%0, %1, %2) {{activation=none}}
%4: f32[15,2] = reshape(%3) {{shape=[15,2]}}
%5: f32[4,7] = const "w2" {{{}}}
%6: f32[4] = const "b2" {{{}}}
%7: f32[5,4] = fully_connected(%0, %5, %6) {{activation=none}}
%8: f32[10,2] = reshape(%7) {{shape=[10,2]}}
%9: f32[25,2] = concat(%4, %8) {{axis=0}}
%10: f32[25,2] = softmax(%9) {{axis=1, beta=1}}
output "y" = %10
)",
                     numbers(42, 3), numbers(6, 3), numbers(28, 3), numbers(4, 3));
}

class SoftmaxPairs : public SpelledGraph {
 protected:
  size_t centre() {
    auto count = centre_softmax_pairs(g);
    EXPECT_TRUE(count) << format(count.error());
    return count ? *count : 0;
  }
  size_t offset() {
    auto count = offset_softmax_pairs(g, plan());
    EXPECT_TRUE(count) << format(count.error());
    return count ? *count : 0;
  }
  // Of the layer that makes the first part of the softmax' operand.
  Tensor constant_of_layer(size_t operand) const {
    const Value softmax = g.outputs()[0].value, join = g[softmax].in[0], layer = g[g[join].in[0]].in[0];
    return *g.constant(g[layer].in[operand])->materialize();
  }
};

TEST_F(SoftmaxPairs, DifferInSignAloneAndThenRoundAtDifferentPlaces) {
  set(detector());
  ASSERT_EQ(centre(), 2u);
  EXPECT_LT(float_error(), 1e-5);
  const Tensor w = constant_of_layer(1);
  for (int64_t pair = 0; pair < 3; ++pair)
    for (int64_t i = 0; i < 7; ++i) EXPECT_EQ(w.data<float>()[14 * pair + i], -w.data<float>()[14 * pair + 7 + i]);
  const double centred = integer_error();
  const Value logits = g[g.outputs()[0].value].in[0];
  const float step = plan().parameters(logits, DType::kI8).scale[0];
  ASSERT_EQ(offset(), 2u);
  EXPECT_LT(float_error(), 1e-5);
  const Tensor b = constant_of_layer(2);
  for (int64_t pair = 0; pair < 3; ++pair)
    EXPECT_NEAR(b.data<float>()[2 * pair] + b.data<float>()[2 * pair + 1], step / 2, 1e-6);
  EXPECT_LT(integer_error(), 0.9 * centred);
}

TEST_F(SoftmaxPairs, ThatOthersReadStayAsTheyAre) {
  set(detector() + "output \"logits\" = %9\n");
  EXPECT_EQ(centre(), 0u);
}

TEST_F(SoftmaxPairs, AreNotTheThreeClassesOfAnother) {
  set(fmt::format(R"(
%0: f32[5,7] = input "x"
%1: f32[6,7] = const "w" {{{}}}
%2: f32[6] = const "b" {{{}}}
%3: f32[5,6] = fully_connected(%0, %1, %2) {{activation=none}}
%4: f32[10,3] = reshape(%3) {{shape=[10,3]}}
%5: f32[10,3] = softmax(%4) {{axis=1, beta=1}}
output "y" = %5
)",
                  numbers(42, 3), numbers(6, 3)));
  EXPECT_EQ(centre(), 0u);
}

}  // namespace
}  // namespace atl
