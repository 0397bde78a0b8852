#include "quant/quantize_graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "calibrated_graph.h"
#include "ir/evaluator.h"
#include "ops/binary.h"
#include "ops/quantized.h"
#include "ops/spatial.h"
#include "pass/graph_eval.h"
#include "quant/bias_correction.h"
#include "quant/equalize_channels.h"
#include "quant/integer_spellings.h"
#include "quant/split_activations.h"

namespace atl {
namespace {

#define LAST "layout=channels_last}\n"
constexpr std::string_view kNet = R"(
%0: f32[1,6,7,3] = input "x"
%1: f32[5,2,3,3] = const "w" {random 1}
%2: f32[5] = const "b" {random 2}
%3: f32[1,5,5,5] = conv2d(%0, %1, %2) {stride=[1,1], dilation=[1,1], padding=[0,0,0,0], groups=1, activation=relu, layout=channels_last}
%4: f32[4,5] = const "m" {random 3}
%5: f32[4] = const "c" {random 4}
%6: f32[1,5,5,4] = fully_connected(%3, %4, %5) {activation=none}
%7: f32[1,5,5,4] = softmax(%6) {axis=3, beta=1}
output "y" = %6
output "z" = %7
)";

class QuantizeGraph : public testing::Test {
 protected:
  void SetUp() override {
    g = graph_of(kNet);
    for (uint64_t s = 0; s < 4; ++s) samples.push_back(random_inputs(g, 100 + s));
    calibration = calibrated(g, samples);
  }
  QuantPlan plan_of(const PlanOptions& options = {}) {
    auto p = plan_quantization(g, calibration, options);
    EXPECT_TRUE(p) << format(p.error());
    return *std::move(p);
  }
  QuantizedGraph quantized(const QuantPlan& plan, const QuantizeGraphOptions& options = {}) {
    auto q = quantize_graph(g, plan, options);
    EXPECT_TRUE(q) << format(q.error());
    return *std::move(q);
  }
  Graph g;
  std::vector<Tensors> samples;
  Calibration calibration;
};

TEST_F(QuantizeGraph, IntegersThroughout) {
  QuantizeGraphOptions options;
  options.inputs = options.outputs = InterfaceType::kInt8;
  const QuantizedGraph q = quantized(plan_of(), options);
  ASSERT_TRUE(verify(q.graph)) << print(q.graph);
  for (uint32_t id : q.graph.topological_order())
    for (const Type& t : q.graph[id].out) EXPECT_TRUE(q.graph[id].constant || t.dtype == DType::kI8) << print(q.graph);
  EXPECT_EQ(q.graph.type(q.graph.outputs()[1].value).quant->scale[0], 1.0f / 256);  // what the softmax kernel prescribes
  EXPECT_EQ(q.graph.count(OpCode::kQuantize) + q.graph.count(OpCode::kDequantize), 0u);
}

TEST_F(QuantizeGraph, WeightsHaveAScaleForEachResultChannelAndBiasesFit) {
  const QuantPlan plan = plan_of();
  const QuantizedGraph q = quantized(plan);
  int weights = 0, biases = 0;
  for (uint32_t id = 0; id < q.graph.size(); ++id) {
    const Node& n = q.graph[id];
    if (n.dead || !n.constant || !n.out[0].quant) continue;
    const Type& t = n.out[0];
    if (t.dtype == DType::kI8) {
      ++weights;
      EXPECT_EQ(t.quant->scale.size(), size_t(t.shape[size_t(t.quant->axis)]));
      const Tensor values = *n.constant->materialize();
      for (const int8_t v : values.values<int8_t>()) EXPECT_GT(v, -128);
    } else {
      ++biases;
      EXPECT_EQ(t.dtype, DType::kI32);
      EXPECT_EQ(t.quant->scale.size(), size_t(t.shape[0]));
    }
  }
  EXPECT_EQ(weights, 2);
  EXPECT_EQ(biases, 2);
}

TEST_F(QuantizeGraph, FloatInterfaceQuantizesItself) {
  const QuantizedGraph q = quantized(plan_of());
  EXPECT_EQ(q.graph.type(q.graph.inputs()[0].value).dtype, DType::kF32);
  EXPECT_EQ(q.graph.type(q.graph.outputs()[0].value).dtype, DType::kF32);
  EXPECT_EQ(q.graph.count(OpCode::kQuantize), 1u);
  EXPECT_EQ(q.graph.count(OpCode::kDequantize), 2u);
}

TEST_F(QuantizeGraph, BytesOfACameraAreTheIntegersMovedBy128) {
  QuantizeGraphOptions options;
  options.inputs = InterfaceType::kUint8;
  const QuantizedGraph q = quantized(plan_of(), options);
  const Type& u8 = q.graph.type(q.graph.inputs()[0].value);
  ASSERT_EQ(u8.dtype, DType::kU8);
  const Type i8 = plan_of().produced(g, g.inputs()[0].value);
  EXPECT_EQ(u8.quant->scale, i8.quant->scale);
  EXPECT_EQ(u8.quant->zero_point[0], i8.quant->zero_point[0] + 128);
}

TEST_F(QuantizeGraph, LayersCanStayFloat) {
  PlanOptions options;
  options.node_data.assign(g.size(), DType::kUnknown);
  for (uint32_t id = 0; id < g.size(); ++id)
    if (g[id].op->code == OpCode::kFullyConnected) options.node_data[id] = DType::kF32;
  const QuantPlan plan = plan_of(options);
  const QuantizedGraph q = quantized(plan);
  ASSERT_TRUE(verify(q.graph));
  EXPECT_EQ(q.graph.count(OpCode::kFullyConnected), 1u);
  int reasons = 0;
  for (const NodePlan& p : plan.nodes) reasons += p.data == DType::kF32 && !p.reason.empty();
  EXPECT_EQ(reasons, 1);
}

TEST_F(QuantizeGraph, ValuesWithoutARangeAreNamed) {
  calibration.values.clear();
  const auto p = plan_quantization(g, calibration, {});
  ASSERT_FALSE(p);
  EXPECT_EQ(p.error().code, Code::kInput);
  EXPECT_EQ(p.error().what, "a layer has no calibrated range");
}

TEST_F(QuantizeGraph, NanActivationsAreNamed) {
  calibration.values[g.outputs()[0].value].observe(std::vector<float>{std::numeric_limits<float>::quiet_NaN()});
  const auto p = plan_quantization(g, calibration, {});
  ASSERT_FALSE(p);
  EXPECT_EQ(p.error().what, "a layer gives 1 NaN or infinite values on the calibration data");
}

TEST(ConstantRange, MasksByAdditionAreNamed) {
  for (const float v : {std::numeric_limits<float>::lowest(), -std::numeric_limits<float>::infinity()}) {
    Tensor t = Tensor::make(Type{DType::kF32, {2, 3}, {}});
    std::fill_n(t.mutable_data<float>(), t.count(), 0.5F);
    t.mutable_data<float>()[4] = v;
    const auto r = constant_range(*Constant::of(t, "mask"));
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error().code, Code::kInput);
    EXPECT_EQ(r.error().what, fmt::format("a constant 'mask' holds {:.3g}, which integers do not reach", v));
    EXPECT_NE(r.error().hint.find("--keep-float"), std::string::npos);
  }
}

TEST(ScaleGroups, ShareOneScaleAndConstantsOnlyWidenIt) {
  const Graph g = graph_of(R"(
%0: f32[2,3] = input "a"
%1: f32[2,3] = input "b"
%2: f32[2,3] = const "k" {9, 0, 0, 0, 0, 0}
%3: f32[2,9] = concat(%0, %1, %2) {axis=1}
%4: f32[2,3] = binary(%1, %2) {kind=mul, activation=none}
output "y" = %3
output "z" = %4
)");
  const Calibration c = calibrated(g, {random_inputs(g, 7)});
  const auto plan = plan_quantization(g, c, {.method = RangeMethod::kMinMax});
  ASSERT_TRUE(plan) << format(plan.error());
  const Value a = g.inputs()[0].value, b = g.inputs()[1].value, y = g.outputs()[0].value, z = g.outputs()[1].value;
  EXPECT_EQ(plan->parameters(a, DType::kI8), plan->parameters(y, DType::kI8));
  EXPECT_EQ(plan->parameters(b, DType::kI8), plan->parameters(y, DType::kI8));
  EXPECT_NE(plan->parameters(z, DType::kI8), plan->parameters(y, DType::kI8));
  EXPECT_NEAR(double(plan->parameters(y, DType::kI8).scale[0]) * 255, 9 + 2, 0.3);
  const auto q = quantize_graph(g, *plan);
  ASSERT_TRUE(q) << format(q.error());
  EXPECT_TRUE(verify(q->graph));
}

TEST(ScaleGroups, WhatASelectionDropsNeedsNoRange) {
  const Graph g = graph_of(R"(
%0: f32[2,3] = input "a"
%1: f32[2,3] = const "k" {0, 0, 0, 0, 0, 0}
%2: f32[2,3] = binary(%0, %1) {kind=maximum, activation=none}
output "y" = %2
)");
  const Calibration c = calibrated(g, {random_inputs(g, 7)});
  const auto plan = plan_quantization(g, c, {.method = RangeMethod::kMinMax});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->parameters(g.inputs()[0].value, DType::kI8).zero_point[0], -128);
}

TEST(IntegerSpellings, LeaveNoSquareNorNegationInFloat) {
  Graph g = graph_of(R"(
%0: f32[2,3,5] = input "x"
%1: f32[2,3,5] = unary(%0) {kind=square}
%2: f32[2,3,5] = unary(%1) {kind=neg}
%3: f32[2,3,5] = unary(%0) {kind=tanh}
output "y" = %2
output "z" = %3
)");
  const Tensors inputs = random_inputs(g, 7);
  Tensors real, spelled, got;
  ASSERT_TRUE(Evaluator(g).run(inputs, real));
  const auto count = spell_for_integers(g, DType::kI16);
  ASSERT_TRUE(count);
  EXPECT_EQ(*count, 2u);
  ASSERT_TRUE(Evaluator(g).run(inputs, spelled));
  for (size_t i = 0; i < real.size(); ++i) EXPECT_TRUE(std::ranges::equal(real[i].values<float>(), spelled[i].values<float>()));
  const auto plan = plan_quantization(g, calibrated(g, {inputs}), {});
  ASSERT_TRUE(plan) << format(plan.error());
  for (const NodePlan& p : plan->nodes) EXPECT_NE(p.data, DType::kF32);
  QuantizeGraphOptions options;
  options.inputs = options.outputs = InterfaceType::kFloat32;
  const auto q = quantize_graph(g, *plan, options);
  ASSERT_TRUE(q) << format(q.error());
  ASSERT_TRUE(Evaluator(q->graph).run(inputs, got));
  EXPECT_GT(snr_db(real[0], got[0]), 35);
}

TEST(IntegerSpellings, LeaveNoDivisionByWhatIsNotNegative) {
  Graph g = graph_of(R"(
%0: f32[2,3,5] = input "x"
%1: f32[2,3,5] = unary(%0) {kind=logistic}
%2: f32[2,3,1] = reduce(%1) {kind=sum, axes=[2], keep_dims=true}
%3: f32[2,3,5] = binary(%0, %2) {kind=div, activation=none}
%4: f32[2,3,1] = unary(%2) {kind=sqrt}
%5: f32[2,3,5] = binary(%0, %4) {kind=div, activation=relu}
%6: f32[2,3,1] = reduce(%0) {kind=sum, axes=[2], keep_dims=true}
%7: f32[2,3,5] = binary(%0, %6) {kind=div, activation=none}
output "a" = %3
output "b" = %5
output "c" = %7
)");
  const Tensors inputs = random_inputs(g, 7);
  const Tensors real = evaluate_graph(g, inputs);
  const auto wide = spell_for_integers(g, DType::kI16);
  ASSERT_TRUE(wide);
  EXPECT_EQ(*wide, 0u);
  const auto count = spell_for_integers(g, DType::kI8);
  ASSERT_TRUE(count);
  EXPECT_EQ(*count, 2u);
  const Tensors spelled = evaluate_graph(g, inputs);
  for (size_t i = 0; i < real.size(); ++i) EXPECT_GT(snr_db(real[i], spelled[i]), 120) << i;
  const auto plan = plan_quantization(g, calibrated(g, {inputs}), {});
  ASSERT_TRUE(plan) << format(plan.error());
  size_t floats = 0;
  for (const NodePlan& p : plan->nodes) floats += p.data == DType::kF32;
  EXPECT_EQ(floats, 1u);  // the sum of x may be negative
  QuantizeGraphOptions options;
  options.inputs = options.outputs = InterfaceType::kFloat32;
  const auto q = quantize_graph(g, *plan, options);
  ASSERT_TRUE(q) << format(q.error());
  const Tensors got = evaluate_graph(q->graph, inputs);
  for (size_t i = 0; i < 2; ++i) EXPECT_GT(snr_db(real[i], got[i]), 30) << i;
}

TEST(IntegerSpellings, LeaveNoDivisionByAConstantButByZero) {
  for (const DType data : {DType::kI8, DType::kI16}) {
    Graph g = graph_of(R"(
%0: f32[2,3,5] = input "x"
%1: f32[3,1] = const "by" {4.9, -0.7, 3}
%2: f32[2,3,5] = binary(%0, %1) {kind=div, activation=relu}
%3: f32[5] = const "zero" {1, 2, 0, 3, 4}
%4: f32[2,3,5] = binary(%0, %3) {kind=div, activation=none}
output "a" = %2
output "b" = %4
)");
    const Tensors inputs = random_inputs(g, 7);
    const Tensor real = evaluate_graph(g, inputs)[0];
    const auto count = spell_for_integers(g, data);
    ASSERT_TRUE(count) << format(count.error());
    EXPECT_EQ(*count, 1u);
    EXPECT_GT(snr_db(real, evaluate_graph(g, inputs)[0]), 120);
  }
}

TEST(BiasCorrection, TakesTheMeanOfRoundingOffTheBias) {
  const Graph g = graph_of(kNet);
  const Tensors sample = random_inputs(g, 5);
  Calibration c = calibrated(g, {sample});
  c.channel_means[g.inputs()[0].value] = {0.5, -1.25, 2};
  const auto plan = plan_quantization(g, c, {});
  ASSERT_TRUE(plan);
  QuantizeGraphOptions options;
  const auto moved = correct_biases(g, *plan, c, options);
  ASSERT_TRUE(moved);
  EXPECT_EQ(*moved, 1u);
  const auto conv = options.repairs.begin();
  const Node& n = g[conv->first];
  const Tensor w = *g.constant(n.in[1])->materialize();
  const auto scales = *weight_scales(*g.constant(n.in[1]), 0);
  for (int64_t o = 0; o < 5; ++o) {
    double shift = 0;
    for (int64_t i = 0; i < 18; ++i) {
      const double v = element_as_double(w, o * 18 + i), s = double(scales[size_t(o)]);
      shift += (v - s * std::nearbyint(v / s)) * c.channel_means[g.inputs()[0].value][size_t(i % 3)];
    }
    EXPECT_NEAR(double(conv->second.bias_shift[size_t(o)]), shift, 1e-6);
  }
}

TEST(ZeroChannels, OfWeightsAndOfDataGiveUsableScales) {
  const Graph g = graph_of(R"(
%0: f32[1,5] = input "x"
%1: f32[3,5] = const "w" {1, 2, -3, 4, 5, 0, 0, 0, 0, 0, 0.5, -0.25, 0.125, 0, 1}
%2: f32[1,3] = fully_connected(%0, %1, _) {activation=none}
output "y" = %2
)");
  const auto scales = weight_scales(*g.constant(g[g.outputs()[0].value].in[1]), 0);
  ASSERT_TRUE(scales) << format(scales.error());
  EXPECT_EQ((*scales)[1], 1.0f / 127);  // the smallest of the others, not 0
  Calibration c;
  c.values[g.inputs()[0].value].observe(std::vector<float>(5, 0.0f));
  c.values[g.outputs()[0].value].observe(std::vector<float>(3, 0.0f));
  const auto plan = plan_quantization(g, c, {});
  ASSERT_TRUE(plan) << format(plan.error());
  const auto q = quantize_graph(g, *plan);
  ASSERT_TRUE(q) << format(q.error());
  EXPECT_TRUE(verify(q->graph));
  for (uint32_t id = 0; id < q->graph.size(); ++id) {
    for (const Type& t : q->graph[id].out) {
      if (!t.quant) continue;
      for (const float scale : t.quant->scale) EXPECT_TRUE(std::isfinite(scale) && scale > 0) << print(q->graph);
    }
  }
}

// Data of zeros beside weights of zeros: both take the scale of others, and what they give stays zero.
TEST_F(QuantizeGraph, ChannelsThatAreAlwaysZeroStayZero) {
  std::string text(kNet);
  const auto put = [&](std::string_view what, std::string_view with) { text.replace(text.find(what), what.size(), with); };
  put("{random 3}", "{0.5, -1, 2, 0.25, 1, 0, 0, 0, 0, 0, 1, 1, -0.125, 3, 0.5, -2, 1, 0.75, 1, 0.25}");
  put("{random 4}", "{0.5, 0, -0.25, 0.125}");
  g = graph_of(text);
  samples.clear();
  for (uint64_t seed = 0; seed < 4; ++seed) {
    samples.push_back(random_inputs(g, 100 + seed));
    Tensor& x = samples.back()[0];
    for (int64_t i = 1; i < x.count(); i += 3) x.mutable_data<float>()[i] = 0;
  }
  calibration = calibrated(g, samples);
  QuantizeGraphOptions options;
  options.outputs = InterfaceType::kFloat32;
  const QuantizedGraph q = quantized(plan_of(), options);
  for (uint32_t id = 0; id < q.graph.size(); ++id)
    for (const Type& t : q.graph[id].out)
      for (const float scale : t.quant ? t.quant->scale : std::vector<float>{1}) EXPECT_TRUE(std::isfinite(scale) && scale > 0);
  for (const Tensors& x : samples) {
    const Tensors want = evaluate_graph(g, x), got = evaluate_graph(q.graph, x);
    EXPECT_GT(snr_db(want[0], got[0]), 35);
    for (int64_t i = 1; i < got[0].count(); i += 4) EXPECT_EQ(element_as_double(got[0], i), 0);
  }
}

constexpr std::string_view kChain = R"(
%0: f32[1,6,7,3] = input "x"
%1: f32[5,2,3,3] = const "w" {random 1}
%2: f32[5] = const "b" {random 2}
%3: f32[1,5,5,5] = conv2d(%0, %1, %2) {stride=[1,1], dilation=[1,1], padding=[0,0,0,0], groups=1, activation=none, layout=channels_last}
%4: f32[5] = const "a" {0.25, -0.5, 1, 0, 0.75}
%5: f32[1,5,5,5] = prelu(%3, %4)
%6: f32[1,3,3,5] = const "dw" {random 5}
%7: f32[5] = const "db" {random 6}
%8: f32[1,3,3,5] = conv2d(%5, %6, %7) {stride=[1,1], dilation=[1,1], padding=[0,0,0,0], groups=5, activation=relu, layout=channels_last}
%9: f32[4,5] = const "m" {random 3}
%10: f32[1,3,3,4] = fully_connected(%8, %9, _) {activation=none}
output "y" = %10
)";

TEST(SplitActivations, KeepsTheFunction) {
  Graph g = graph_of(kChain);
  const Tensors in = random_inputs(g, 9);
  const Tensors before = evaluate_graph(g, in);
  const auto count = split_activations(g);
  ASSERT_TRUE(count) << format(count.error());
  EXPECT_EQ(*count, 1u);
  EXPECT_EQ(g.count(OpCode::kPrelu), 0u);
  // The convolution gives both results, of which a window of two takes the larger.
  EXPECT_EQ(g.count(OpCode::kConv2d), 2u);
  EXPECT_EQ(g.count(OpCode::kPool2d), 1u);
  EXPECT_EQ(g.count(OpCode::kBinary), 0u);
  EXPECT_GT(snr_db(before[0], evaluate_graph(g, in)[0]), 120);
}

// What a graph of one convolution (inner channels), a PReLU, and a max-pool becomes.
constexpr std::string_view kPooled = R"(
%0: f32[1,6,9,{0}] = input "x"
%1: f32[5,2,3,{0}] = const "w" {{random 1}}
%2: f32[5] = const "b" {{random 2}}
%3: f32[1,5,7,5] = conv2d(%0, %1, %2) {{stride=[1,1], dilation=[1,1], padding=[0,0,0,0], groups=1, activation=none, layout=channels_last}}
%4: f32[5] = const "a" {{0.25, -0.5, 1, 0, 0.75}}
%5: f32[1,5,7,5] = prelu(%3, %4)
%6: f32[1,3,4,5] = pool2d(%5) {{kind=max, window=[2,3], stride=[2,2], padding=[0,1,1,1], count_include_pad=false, activation=none, layout=channels_last}}
%7: f32[1,3,4,5] = unary(%6) {{kind=abs}}
output "y" = %7
)";

TEST(SplitActivations, PoolsBothBeforeTheLarger) {
  Graph g = graph_of(fmt::format(kPooled, 3));
  const Tensors in = random_inputs(g, 9);
  const Tensors before = evaluate_graph(g, in);
  const auto count = split_activations(g);
  ASSERT_TRUE(count) << format(count.error());
  EXPECT_EQ(*count, 1u);
  EXPECT_GT(snr_db(before[0], evaluate_graph(g, in)[0]), 120);
  std::vector<Shape> pooled;
  for (uint32_t id : g.topological_order())
    if (g.as<Pool2d>({id, 0})) pooled.push_back(g.type({id, 0}).shape);
  EXPECT_EQ(pooled, (std::vector<Shape>{{1, 3, 4, 10}, {1, 3, 4, 5}}));
}

TEST(SplitActivations, SpellsThePreluOfALayerThatCostsMoreThanAProduct) {
  // 2 * 3 * 10 multiplications for one element, 2 * 3 * 11: the second is not computed twice when nothing may be.
  for (const int channels : {10, 11}) {
    Graph g = graph_of(fmt::format(kPooled, channels));
    const Tensors in = random_inputs(g, 9);
    const Tensors before = evaluate_graph(g, in);
    const auto count = split_activations(g, 0);
    ASSERT_TRUE(count) << format(count.error());
    EXPECT_EQ(*count, channels == 10 ? 1u : 0u);
    EXPECT_EQ(g.count(OpCode::kPrelu), 0u);
    EXPECT_EQ(g.count(OpCode::kBinary), channels == 10 ? 0u : 2u);
    EXPECT_GT(snr_db(before[0], evaluate_graph(g, in)[0]), 120);
  }
}

TEST(SplitActivations, LeavesFixedNodesAlone) {
  for (const uint32_t fixed : {3u, 5u, 8u}) {
    Graph g = graph_of(kChain);
    std::vector<bool> nodes(fixed + 1, false);
    nodes[fixed] = true;
    const auto count = split_activations(g, 1, nodes);
    ASSERT_TRUE(count) << format(count.error());
    EXPECT_EQ(*count, fixed == 8 ? 1u : 0u);
    EXPECT_EQ(g.count(OpCode::kPrelu), fixed == 8 ? 0u : 1u);
  }
}

TEST(SplitActivations, LeavesSlopesAboveOneAlone) {
  std::string text(kChain);
  text.replace(text.find("0.25, -0.5"), 4, "1.25");
  Graph g = graph_of(text);
  const auto count = split_activations(g);
  ASSERT_TRUE(count);
  EXPECT_EQ(*count, 0u);
}

TEST(SplitActivations, PassAMaxPoolWhereNoSlopeIsNegative) {
  for (const bool negative : {false, true}) {
    Graph g = graph_of(fmt::format(R"(
%0: f32[1,6,7,3] = input "x"
%1: f32[5,2,3,3] = const "w" {{random 1}}
%2: f32[5] = const "b" {{random 2}}
%3: f32[1,5,5,5] = conv2d(%0, %1, %2) {{stride=[1,1], dilation=[1,1], padding=[0,0,0,0], groups=1, activation=none, layout=channels_last}}
%4: f32[1,4,2,5] = pool2d(%3) {{kind=max, window=[2,3], stride=[1,2], padding=[0,0,0,0], count_include_pad=false, activation=none, layout=channels_last}}
%5: f32[5] = const "a" {{0.25, {}, 1, 0, 0.75}}
%6: f32[1,4,2,5] = prelu(%4, %5)
output "y" = %6
)",
                                   negative ? "-0.5" : "0.5"));
    const Tensors in = random_inputs(g, 9);
    const Tensors before = evaluate_graph(g, in);
    const auto count = split_activations(g);
    ASSERT_TRUE(count) << format(count.error());
    EXPECT_EQ(*count, negative ? 0u : 1u);
    EXPECT_GT(snr_db(before[0], evaluate_graph(g, in)[0]), 120);
  }
}

TEST(SplitActivations, OfCheapLayersAloneUnderAShare) {
  // 2250 multiplications, 405 and 180.
  std::string text(kChain);
  text.replace(text.find("prelu(%3, %4)"), 13, "leaky_relu(%3) {alpha=0.25}");
  text.replace(text.find("output"), std::string::npos,
               "%11: f32[1,3,3,4] = leaky_relu(%10) {alpha=0.125}\noutput \"y\" = %11\n");
  for (const double share : {0.06, 0.07, 0.85, 1.0}) {
    Graph g = graph_of(text);
    const Tensors in = random_inputs(g, 9);
    const Tensors before = evaluate_graph(g, in);
    const auto count = split_activations(g, share);
    ASSERT_TRUE(count) << format(count.error());
    EXPECT_EQ(*count, share < 0.065 ? 0u : share < 0.9 ? 1u : 2u);
    EXPECT_EQ(g.count(OpCode::kFullyConnected), share < 0.065 ? 1u : 2u);
    EXPECT_EQ(g.count(OpCode::kPool2d), share < 0.9 ? 0u : 1u);
    EXPECT_GT(snr_db(before[0], evaluate_graph(g, in)[0]), 120);
  }
}

TEST(EqualizeChannels, KeepsTheFunctionAndEvensTheChannels) {
  Graph g = graph_of(kChain);
  const Tensors in = random_inputs(g, 11);
  const Tensors before = evaluate_graph(g, in);
  Calibration c;
  const auto knows = [&](Value v, const std::vector<double>& reach) {
    c.channel_reach[v] = c.channel_peaks[v] = reach;
    for (const double r : reach) c.channel_squares[v].push_back(r * r / 9);
  };
  for (uint32_t id : g.topological_order()) {
    if (g[id].op->code == OpCode::kPrelu) knows({id, 0}, {1, 16, 4, 0, 2});
    if (g[id].op->code == OpCode::kConv2d && g[id].in[0] != g.inputs()[0].value) knows({id, 0}, {8, 8, 2, 1, 8});
  }
  const auto count = equalize_channels(g, c);
  ASSERT_TRUE(count) << format(count.error());
  EXPECT_EQ(*count, 3u);
  EXPECT_TRUE(has_depthwise_layers(g));
  EXPECT_FALSE(has_depthwise_layers(graph_of(kNet)));
  ASSERT_TRUE(verify(g));
  EXPECT_GT(snr_db(before[0], evaluate_graph(g, in)[0]), 120);
  // A depthwise layer's weights lose nothing: the channel that reaches 1 where another reaches 16 comes to reach 16.
  const Graph original = graph_of(kChain);
  const auto value_of_prelu = [](const Graph& of, const Tensors& inputs) {
    Evaluator e(of);
    Tensors outputs;
    Tensor found;
    EXPECT_TRUE(e.run(inputs, outputs, [&](const Evaluator::Step& s) {
      if (of[s.id].op->code == OpCode::kPrelu) found = s.results[0];
      return true;
    }));
    return found;
  };
  const Tensor was = value_of_prelu(original, in), is = value_of_prelu(g, in);
  for (int64_t i = 0; i < was.count(); i += 5) EXPECT_NEAR(element_as_double(is, i), 16 * element_as_double(was, i), 1e-3);
}

// Branches that a sum joins can only be scaled alike, and what is given as an output not at all.
TEST(EqualizeChannels, ScalesWhatASumTiesTogether) {
  constexpr std::string_view kSum = R"(
%0: f32[1,6,7,3] = input "x"
%1: f32[5,2,3,3] = const "w" {random 1}
%2: f32[5] = const "b" {random 2}
%3: f32[1,5,5,5] = conv2d(%0, %1, %2) {stride=[1,1], dilation=[1,1], padding=[0,0,0,0], groups=1, activation=none, layout=channels_last}
%4: f32[5,2,3,3] = const "v" {random 3}
%5: f32[1,5,5,5] = conv2d(%0, %4, _) {stride=[1,1], dilation=[1,1], padding=[0,0,0,0], groups=1, activation=relu, layout=channels_last}
%6: f32[1,5,5,5] = binary(%3, %5) {kind=sub, activation=relu}
%7: f32[1,3,3,5] = const "dw" {random 5}
%8: f32[1,3,3,5] = conv2d(%6, %7, _) {stride=[1,1], dilation=[1,1], padding=[0,0,0,0], groups=5, activation=relu, layout=channels_last}
%9: f32[4,5] = const "m" {random 4}
%10: f32[1,3,3,4] = fully_connected(%8, %9, _) {activation=none}
output "y" = %10
)";
  const auto equalized = [](const std::string& text) {
    Graph g = graph_of(text);
    Calibration c;
    for (uint32_t id : g.topological_order())
      if (!g[id].constant && g.type({id, 0}).shape.back() == 5 && g[id].op->code == OpCode::kBinary) {
        c.channel_reach[{id, 0}] = c.channel_peaks[{id, 0}] = {1, 16, 4, 2, 2};
        c.channel_squares[{id, 0}] = {0.1, 20, 2, 0.5, 0.5};
      }
    const Tensors in = random_inputs(g, 11);
    const Tensors before = evaluate_graph(g, in);
    const auto count = equalize_channels(g, c);
    EXPECT_TRUE(count) << (count ? "" : format(count.error()));
    EXPECT_TRUE(verify(g));
    const Tensors after = evaluate_graph(g, in);
    for (size_t i = 0; i < before.size(); ++i) EXPECT_GT(snr_db(before[i], after[i]), 120);
    return count ? *count : 0;
  };
  const std::string text(kSum);
  EXPECT_EQ(equalized(text), 3U);
  EXPECT_EQ(equalized(text + "output \"z\" = %5\n"), 0U);
  EXPECT_EQ(equalized(text + "output \"z\" = %6\n"), 0U);
}

}  // namespace
}  // namespace atl
