#include "quant/finer_log_softmax.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "calibrated_graph.h"
#include "quant/quantize_graph.h"

namespace atl {
namespace {

std::string numbers(size_t count, double reach) {
  std::mt19937_64 random(count);
  std::string out;
  for (size_t i = 0; i < count; ++i)
    out += fmt::format("{}{:.4f}", i ? ", " : "", reach * (double(random() >> 11) * 0x1p-52 - 1));
  return out;
}

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

class FinerLogSoftmax : public testing::Test {
 protected:
  void set(std::string_view text) {
    g = graph_of(text);
    for (uint64_t i = 0; i < 20; ++i) (i < 10 ? samples : unseen).push_back(random_inputs(g, 100 * i + 1));
    for (const Tensors& in : unseen) expected.push_back(evaluate_graph(g, in)[0]);
  }
  size_t refine() {
    auto count = refine_log_softmax(g, calibrated(g, samples));
    EXPECT_TRUE(count) << format(count.error());
    return count ? *count : 0;
  }
  double float_error() const { return error_of(g); }
  // Root of the mean square error of the integer graph, in its own arithmetic, on inputs that did not calibrate.
  double integer_error() const {
    auto plan = plan_quantization(g, calibrated(g, samples), {});
    EXPECT_TRUE(plan) << format(plan.error());
    auto q = quantize_graph(g, *plan);
    EXPECT_TRUE(q) << format(q.error());
    return error_of(q->graph);
  }
  double error_of(const Graph& graph) const {
    double sum = 0, count = 0;
    for (size_t s = 0; s < unseen.size(); ++s) {
      const Tensor got = evaluate_graph(graph, unseen[s])[0];
      for (int64_t i = 0; i < got.count(); ++i, ++count) {
        const double e = element_as_double(got, i) - element_as_double(expected[s], i);
        sum += e * e;
      }
    }
    return std::sqrt(sum / count);
  }
  Graph g;
  std::vector<Tensors> samples, unseen;
  Tensors expected;
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
