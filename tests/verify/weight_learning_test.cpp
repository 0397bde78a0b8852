#include "verify/weight_learning.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "ir/text.h"
#include "sample_nets.h"
#include "verify/evaluate.h"

namespace atl {
namespace {

// Two readers of one value, one of an input, and a layer whose data is the output of another.
constexpr std::string_view kNet = R"(
%0: f32[1,9,8,3] = input "x"
%1: f32[6,3,3,3] = const "w" {random 1}
%2: f32[1,7,6,6] = conv2d(%0, %1, _) {stride=[1,1], dilation=[1,1], padding=[0,0,0,0], groups=1, activation=relu, layout=channels_last}
%3: f32[1,2,3,6] = const "dw" {random 2}
%4: f32[1,6,4,6] = conv2d(%2, %3, _) {stride=[1,1], dilation=[1,1], padding=[0,0,0,0], groups=6, activation=none, layout=channels_last}
%5: f32[5,6] = const "m" {random 3}
%6: f32[1,7,6,5] = fully_connected(%2, %5, _) {activation=none}
output "y" = %4
output "z" = %6
)";

class MadeUp : public SampleSource {
 public:
  size_t size() const override { return 5; }
  Result<std::vector<NdArray>> get(size_t index) const override {
    return std::vector<NdArray>{array_of(noise({1, 9, 8, 3}, uint32_t(index + 1)))};
  }
};

class WeightLearning : public testing::Test {
 protected:
  void SetUp() override {
    auto found = LiteRtLibrary::find();
    if (!found) GTEST_SKIP() << found.error().what;
    library = *found;
    auto parsed = parse_graph(kNet);
    ASSERT_TRUE(parsed) << format(parsed.error());
    g = *std::move(parsed);
    auto calibration = calibrate(g, samples, which, library);
    ASSERT_TRUE(calibration) << format(calibration.error());
    auto made = plan_quantization(g, *calibration, {});
    ASSERT_TRUE(made) << format(made.error());
    plan = *std::move(made);
  }
  std::map<uint32_t, WeightRepair> learned(size_t kept_bytes) {
    WeightLearningOptions o;
    o.kept_bytes = kept_bytes;
    auto r = learn_weights(g, plan, {}, samples, which, library, o);
    EXPECT_TRUE(r) << (r ? "" : format(r.error()));
    return r ? *std::move(r) : std::map<uint32_t, WeightRepair>{};
  }
  std::shared_ptr<const LiteRtLibrary> library;
  Graph g;
  MadeUp samples;
  std::vector<size_t> which{0, 2, 3, 4};
  QuantPlan plan;
};

// The oracle: the ops' own eval gives each layer's data.
TEST_F(WeightLearning, IsRoundingByTheDataThatTheLayersMeet) {
  const auto made = learned(256U << 20);
  ASSERT_EQ(made.size(), 3U);
  for (const auto& [id, repair] : made) {
    auto moments = DataMoments::of(g, id);
    ASSERT_TRUE(moments);
    for (const size_t i : which) {
      const Tensor x = noise({1, 9, 8, 3}, uint32_t(i + 1));
      Tensor data = x;
      EvaluateOptions o;
      o.observer = [&, node = id](const EvaluatedNode& n) {
        if (n.id == node) data = n.operands[0];
        return true;
      };
      ASSERT_TRUE(evaluate(g, std::vector<Tensor>{x}, o));
      moments->observe(data.values<float>());
    }
    const Tensor weight = *g.constant(g[id].in[1])->materialize();
    const auto wanted = round_weight(weight, repair.scales, plan.nodes[id].rule.weight_axis, *moments);
    ASSERT_TRUE(wanted);
    ASSERT_TRUE(repair.integers);
    // Sums of floats in another order may turn a tie.
    size_t others = 0, moved = 0;
    for (int64_t k = 0; k < weight.count(); ++k) others += wanted->data<int8_t>()[k] != repair.integers->data<int8_t>()[k];
    EXPECT_LE(others, size_t(weight.count()) / 50);
    const auto nearest = round_weight(weight, repair.scales, plan.nodes[id].rule.weight_axis, *DataMoments::of(g, id));
    for (int64_t k = 0; k < weight.count(); ++k) moved += nearest->data<int8_t>()[k] != repair.integers->data<int8_t>()[k];
    EXPECT_GT(moved, 0U);
  }
}

TEST_F(WeightLearning, LayersThatDoNotFitTogetherTakeFurtherRuns) {
  const auto together = learned(256U << 20), apart = learned(1);
  ASSERT_EQ(together.size(), apart.size());
  for (const auto& [id, repair] : together) {
    const Tensor &a = *repair.integers, &b = *apart.at(id).integers;
    EXPECT_TRUE(std::equal(a.data<int8_t>(), a.data<int8_t>() + a.count(), b.data<int8_t>()));
    EXPECT_EQ(repair.scales, apart.at(id).scales);
  }
}

TEST_F(WeightLearning, QuantizedGraphHoldsTheIntegers) {
  QuantizeGraphOptions o;
  o.repairs = learned(256U << 20);
  const auto q = quantize_graph(g, plan, o);
  ASSERT_TRUE(q) << format(q.error());
  size_t found = 0;
  for (const auto& [id, repair] : o.repairs)
    for (uint32_t n : q->graph.topological_order()) {
      const Node& node = q->graph[n];
      if (node.constant || node.in.size() < 2 || !q->graph.constant(node.in[1])) continue;
      const Tensor t = *q->graph.constant(node.in[1])->materialize();
      if (t.shape() == repair.integers->shape() && t.dtype() == DType::kI8)
        found += std::equal(t.data<int8_t>(), t.data<int8_t>() + t.count(), repair.integers->data<int8_t>());
    }
  EXPECT_EQ(found, 3U);
}

}  // namespace
}  // namespace atl
