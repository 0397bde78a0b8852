#include "quant/mask_floors.h"

#include <gtest/gtest.h>

#include <cmath>

#include "calibrated_graph.h"
#include "quant/quantize_graph.h"

namespace atl {
namespace {

/// Quantizes, and holds the softmax in integers to that in float.
void expect_same_attention(std::string_view text, double bound) {
  const Graph g = graph_of(text);
  const Tensors inputs = random_inputs(g, 11);
  const Calibration c = calibrated(g, {inputs});
  const auto plan = plan_quantization(g, c, {});
  ASSERT_TRUE(plan) << format(plan.error());
  QuantizeGraphOptions options;
  options.inputs = options.outputs = InterfaceType::kFloat32;
  const auto q = quantize_graph(g, *plan, options);
  ASSERT_TRUE(q) << format(q.error());
  ASSERT_TRUE(verify(q->graph)) << print(q->graph);
  for (uint32_t id : q->graph.topological_order())
    for (const Type& t : q->graph[id].out)
      if (t.quant) {
        EXPECT_LT(t.quant->scale[0], 1) << print(q->graph);
      }
  const Tensor real = evaluate_graph(g, inputs)[0], got = evaluate_graph(q->graph, inputs)[0];
  for (int64_t i = 0; i < real.count(); ++i) {
    const double r = element_as_double(real, i), v = element_as_double(got, i);
    EXPECT_NEAR(v, r, bound) << i;
    if (r == 0) {
      EXPECT_EQ(v, 0) << i;
    }
  }
}

// A step of the scores is up to a tenth here, which moves a softmax by so much.
constexpr double kBound = 0.04;

TEST(MaskFloors, OfAConstantMaskByAddition) {
  expect_same_attention(R"(
%0: f32[2,3,4] = input "scores"
%1: f32[3,4] = const "mask" {0, -inf, -inf, -inf, 0, 0, -3.4e38, -inf, 0, 0, 0, -3e38}
%2: f32[2,3,4] = binary(%0, %1) {kind=add, activation=none}
%3: f32[2,3,4] = softmax(%2) {axis=2, beta=1}
output "y" = %3
)",
                        kBound);
}

TEST(MaskFloors, OfAMaskThatSelects) {
  expect_same_attention(R"(
%0: f32[2,3,4] = input "scores"
%1: bool[2,3,4] = const "open" {1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1}
%2: f32[1,1,1] = const "closed" {-inf}
%3: f32[2,3,4] = select(%1, %0, %2)
%4: f32[2,3,4] = softmax(%3) {axis=2, beta=1}
output "y" = %4
)",
                        kBound);
}

// Masks of -1e9 and the like become such of -inf before anything is calibrated; what leads elsewhere stays.
TEST(MaskFloors, OfMasksThatAreMerelyLow) {
  constexpr std::string_view kText = R"(
%0: f32[2,3,4] = input "scores"
%1: f32[3,4] = const "mask" {0, -10000, -1e9, -65504, 0.5, 0, -1e9, -inf, 0, -3, 0, -1e9}
%2: f32[2,3,4] = binary(%0, %1) {kind=add, activation=none}
%3: bool[2,1,4] = const "padding" {0, 0, 0, 1, 0, 1, 0, 0}
%4: f32[1,1,1] = const "low" {-1e9}
%5: f32[2,3,4] = select(%3, %4, %2)
%6: f32[2,3,4] = softmax(%5) {axis=2, beta=1}
output "y" = %6
)";
  Graph g = graph_of(kText);
  const Tensors inputs = random_inputs(g, 11);
  const Tensor before = evaluate_graph(g, inputs)[0];
  const auto changed = deepen_masks(g);
  ASSERT_TRUE(changed) << format(changed.error());
  EXPECT_EQ(*changed, 2u);
  const Tensor after = evaluate_graph(g, inputs)[0];
  for (int64_t i = 0; i < before.count(); ++i) EXPECT_EQ(element_as_double(before, i), element_as_double(after, i)) << i;
  expect_same_attention(print(g), kBound);
  Graph other = graph_of(R"(
%0: f32[2,3,4] = input "scores"
%1: f32[3,4] = const "mask" {0, -10000, -1e9, -65504, 0.5, 0, -1e9, -2, 0, -3, 0, -1e9}
%2: f32[2,3,4] = binary(%0, %1) {kind=add, activation=none}
%3: f32[2,3,4] = softmax(%2) {axis=2, beta=1}
%4: f32[2,3,4] = binary(%2, %2) {kind=mul, activation=none}
output "y" = %3
output "z" = %4
)");
  const auto none = deepen_masks(other);
  ASSERT_TRUE(none) << format(none.error());
  EXPECT_EQ(*none, 0u);
}

TEST(MaskFloors, OfTwoMasksAddedAndBroadcast) {
  expect_same_attention(R"(
%0: f32[2,3,4] = input "scores"
%1: f32[3,4] = const "causal" {0, -inf, -inf, -inf, 0, 0, -inf, -inf, 0, 0, 0, -inf}
%2: f32[2,1,4] = input "bias"
%3: bool[2,1,4] = const "padding" {0, 0, 1, 1, 0, 1, 0, 0}
%4: f32[1,1,1] = const "lowest" {-3.4028235e38}
%5: f32[2,1,4] = select(%3, %4, %2)
%6: f32[2,3,4] = binary(%5, %1) {kind=add, activation=none}
%7: f32[2,3,4] = binary(%0, %6) {kind=add, activation=none}
%8: f32[2,3,4] = softmax(%7) {axis=2, beta=1}
output "y" = %8
)",
                        kBound);
}

TEST(MaskFloors, AreLowEnoughForAWholeRowOfMaskedElements) {
  const Graph g = graph_of(R"(
%0: f32[2,3,4] = input "scores"
%1: f32[3,4] = const "mask" {0, -inf, -inf, -inf, 0, 0, -inf, -inf, 0, 0, 0, -inf}
%2: f32[2,3,4] = binary(%0, %1) {kind=add, activation=none}
%3: f32[2,3,4] = softmax(%2) {axis=2, beta=2}
output "y" = %3
)");
  const Calibration c = calibrated(g, {random_inputs(g, 11)});
  const auto floors = mask_floors(g, c);
  ASSERT_TRUE(floors) << format(floors.error());
  const Value scores = g.inputs()[0].value, sum = g[g.outputs()[0].value].in[0], mask = g[sum].in[1];
  ASSERT_EQ(floors->size(), 2u);
  const double floor = floors->at(sum), lowest = c.values.at(sum).extremes().low;
  EXPECT_NEAR(3 * std::exp(2 * (floor - lowest)), 0.75 * 0.5 / 256, 1e-6);
  EXPECT_DOUBLE_EQ(floors->at(mask), floor - c.values.at(scores).extremes().high);
}

TEST(MaskFloors, AreRefusedWhereInfinityIsUsedForMore) {
  for (const std::string_view use :
       {"output \"z\" = %2\n", "%4: f32[2,3,4] = binary(%2, %0) {kind=mul, activation=none}\noutput \"z\" = %4\n"}) {
    const Graph g = graph_of(std::string(R"(
%0: f32[2,3,4] = input "scores"
%1: f32[3,4] = const "mask" {0, -inf, -inf, -inf, 0, 0, -inf, -inf, 0, 0, 0, -inf}
%2: f32[2,3,4] = binary(%0, %1) {kind=add, activation=none}
%3: f32[2,3,4] = softmax(%2) {axis=2, beta=1}
output "y" = %3
)") + std::string(use));
    const Calibration c = calibrated(g, {random_inputs(g, 11)});
    const auto plan = plan_quantization(g, c, {});
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().code, Code::kInput);
    EXPECT_NE(plan.error().hint.find("--keep-float"), std::string::npos);
  }
}

}  // namespace
}  // namespace atl
