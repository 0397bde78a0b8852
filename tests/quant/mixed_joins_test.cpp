#include "quant/mixed_joins.h"

#include <gtest/gtest.h>

#include "ir/evaluator.h"
#include "ops/elementwise.h"
#include "pass/graph_eval.h"
#include "quant/quantize_graph.h"

namespace atl {
namespace {

// Boxes in pixels and scores, joined and then turned, as detectors give them.
constexpr std::string_view kDetector = R"(
%0: f32[1,6,4] = input "corners"
%1: f32[1,6,3] = input "logits"
%2: f32[1,6,3] = unary(%1) {kind=logistic}
%3: f32[4] = const "offset" {1, 2, 1, 2}
%4: f32[1,6,4] = binary(%0, %3) {kind=add, activation=none}
%5: f32[1,6,7] = concat(%4, %2) {axis=2}
%6: f32[1,7,6] = transpose(%5) {perm=[0,2,1]}
output "y" = %6
)";

class MixedJoins : public testing::Test {
 protected:
  void calibrate_with(float reach) {
    Tensors in;
    for (const Port& p : g.inputs()) in.push_back(random_tensor(g.type(p.value), 5 + in.size()));
    float largest = 0;
    for (const float v : in[0].values<float>()) largest = std::max(largest, std::fabs(v));
    in[0] = Tensor::of<float>(DType::kF32, in[0].shape(), scaled(in[0], reach / largest));
    samples = in;
    for (size_t i = 0; i < in.size(); ++i) calibration.values[g.inputs()[i].value].observe(in[i].values<float>());
    Evaluator evaluator(g);
    auto done = evaluator.run(in, outputs, [&](const Evaluator::Step& s) {
      calibration.values[{s.id, 0}].observe(s.results[0].values<float>());
      return true;
    });
    ASSERT_TRUE(done) << format(done.error());
    calibration.samples = 1;
  }
  static std::vector<float> scaled(const Tensor& t, float by) {
    std::vector<float> out;
    for (const float v : t.values<float>()) out.push_back(v * by);
    return out;
  }
  QuantPlan plan(const PlanOptions& options = {}) {
    auto p = plan_quantization(g, calibration, options);
    EXPECT_TRUE(p) << format(p.error());
    return *std::move(p);
  }
  /// Largest error of the scores, in the integer graph's own arithmetic.
  double score_error(const QuantPlan& p) {
    auto q = quantize_graph(g, p);
    EXPECT_TRUE(q) << format(q.error());
    const Tensor got = evaluate_graph(q->graph, samples)[0];
    double worst = 0;
    for (int64_t i = 4 * 6; i < got.count(); ++i)
      worst = std::max(worst, std::fabs(element_as_double(got, i) - element_as_double(outputs[0], i)));
    return worst;
  }
  Graph g = graph_of(kDetector);
  Calibration calibration;
  Tensors samples, outputs;
};

TEST_F(MixedJoins, UnlikeBranchesAreFoundWithTheWayToTheOutput) {
  calibrate_with(90);
  const auto joins = mixed_joins(g, plan(), calibration);
  ASSERT_EQ(joins.size(), 1u);
  EXPECT_EQ(g[joins[0].node].op->code, OpCode::kConcat);
  ASSERT_EQ(joins[0].tail.size(), 2u);
  EXPECT_EQ(g[joins[0].tail[1]].op->code, OpCode::kTranspose);
  EXPECT_EQ(joins[0].narrow, 1u);
  EXPECT_NEAR(joins[0].widest_reach, 90, 2);
}

TEST_F(MixedJoins, AlikeBranchesAreNone) {
  calibrate_with(0.5f);
  EXPECT_TRUE(mixed_joins(g, plan(), calibration).empty());
}

TEST_F(MixedJoins, AJoinThatIsComputedWithIsNone) {
  std::string text(kDetector);
  text.replace(text.find("output"), std::string::npos, "%7: f32[1,7,6] = unary(%6) {kind=tanh}\noutput \"y\" = %7\n");
  g = graph_of(text);
  calibrate_with(90);
  EXPECT_TRUE(mixed_joins(g, plan(), calibration).empty());
}

TEST_F(MixedJoins, SixteenBitsKeepTheSmallerBranch) {
  calibrate_with(90);
  PlanOptions options;
  options.node_data.assign(g.size(), DType::kUnknown);
  const auto joins = mixed_joins(g, plan(), calibration);
  ASSERT_EQ(joins.size(), 1u);
  for (const uint32_t id : joins[0].tail) options.node_data[id] = DType::kI16;
  const QuantPlan wide = plan(options);
  EXPECT_GT(score_error(plan()), 0.1);
  EXPECT_LT(score_error(wide), 0.02);
  // As far as the boxes' 8 bits reach, and no further.
  const Value y = g.outputs()[0].value, boxes = g[joins[0].node].in[0];
  const QuantParams& narrow = wide.parameters(boxes, DType::kI8);
  ASSERT_EQ(narrow.scale.size(), 1u);
  const double zero = double(narrow.zero_point[0]), reach = double(narrow.scale[0]) * std::max(128 + zero, 127 - zero);
  EXPECT_NEAR(double(wide.parameters(y, DType::kI16).scale[0]) * 32767, reach, 1e-3);
}

TEST_F(MixedJoins, BranchesBecomeOutputsThroughTransposes) {
  g = graph_of(kDetector);
  calibrate_with(90);
  const auto sources = split_joined_outputs(g, mixed_joins(g, plan(), calibration));
  ASSERT_TRUE(sources) << format(sources.error());
  EXPECT_EQ(*sources, (std::vector<size_t>{0, 0}));
  ASSERT_TRUE(verify(g)) << print(g);
  EXPECT_EQ(g.outputs()[0].name, "y_0");
  EXPECT_EQ(g.outputs()[1].name, "y_1");
  EXPECT_EQ(g.type(g.outputs()[1].value).shape, (Shape{1, 3, 6}));
  EXPECT_EQ(g.count(OpCode::kConcat), 0u);
  const Tensors parts = evaluate_graph(g, samples);
  int64_t at = 0;
  for (const Tensor& part : parts)
    for (int64_t i = 0; i < part.count(); ++i) EXPECT_EQ(element_as_double(part, i), element_as_double(outputs[0], at++));
  EXPECT_EQ(at, outputs[0].count());
}

TEST_F(MixedJoins, OutputsAroundASplitOneKeepTheirNamesAndOrder) {
  g = graph_of(std::string(kDetector).replace(std::string(kDetector).find("output"), std::string::npos,
                                              "output \"before\" = %4\noutput \"y\" = %6\noutput \"behind\" = %2\n"));
  calibrate_with(90);
  const auto sources = split_joined_outputs(g, mixed_joins(g, plan(), calibration));
  ASSERT_TRUE(sources) << format(sources.error());
  EXPECT_EQ(*sources, (std::vector<size_t>{0, 1, 1, 2}));
  std::string names;
  for (const Port& p : g.outputs()) names += p.name + " ";
  EXPECT_EQ(names, "before y_0 y_1 behind ");
}

TEST_F(MixedJoins, OfOutputsThatServeForMoreAreNotSplit) {
  g = graph_of(std::string(kDetector) + "output \"again\" = %6\n");
  calibrate_with(90);
  const auto sources = split_joined_outputs(g, mixed_joins(g, plan(), calibration));
  ASSERT_TRUE(sources) << format(sources.error());
  EXPECT_TRUE(sources->empty());
  EXPECT_EQ(g.outputs()[0].name, "y");
}

}  // namespace
}  // namespace atl
