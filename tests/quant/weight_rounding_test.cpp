#include "quant/weight_rounding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "pass/graph_eval.h"
#include "quant/quantize_graph.h"

namespace atl {
namespace {

// Convolutions of all kinds, whose sizes differ in every axis, and a fully connected layer over the last axis.
constexpr std::string_view kGrouped = R"(
%0: f32[1,9,11,6] = input "x"
%1: f32[10,2,3,3] = const "w" {random 1}
%2: f32[1,6,5,10] = conv2d(%0, %1, _) {stride=[2,2], dilation=[1,1], padding=[1,2,0,1], groups=2, activation=none, layout=channels_last}
output "y" = %2
)";
constexpr std::string_view kDepthwise = R"(
%0: f32[1,7,8,5] = input "x"
%1: f32[1,3,2,10] = const "w" {random 2}
%2: f32[1,5,4,10] = conv2d(%0, %1, _) {stride=[1,2], dilation=[1,1], padding=[0,0,0,0], groups=5, activation=none, layout=channels_last}
output "y" = %2
)";
constexpr std::string_view kConnected = R"(
%0: f32[3,7,9] = input "x"
%1: f32[4,9] = const "w" {random 3}
%2: f32[3,7,4] = fully_connected(%0, %1, _) {activation=none}
output "y" = %2
)";

struct Layer {
  Graph g;
  uint32_t id = 0;
  int axis = 0;
  Tensor weight;
  std::vector<float> scales;
};

Layer layer_of(std::string_view text, int axis) {
  Layer l{graph_of(text), 0, axis, {}, {}};
  l.id = l.g.outputs()[0].value.node;
  const Constant& c = *l.g.constant(l.g[l.id].in[1]);
  l.weight = *c.materialize();
  // Coarse steps, so that rounding shows.
  l.scales = *weight_scales(c, axis);
  for (float& s : l.scales) s *= 16;
  return l;
}

// Data whose neighbours are alike, as activations are: channels of one position, and positions side by side.
Tensor alike_data(const Type& type, uint64_t seed) {
  const Tensor noise = random_tensor(type, seed);
  Tensor x = Tensor::make(type);
  const int64_t channels = type.shape.back();
  for (int64_t i = 0; i < x.count(); ++i)
    x.mutable_data<float>()[i] = float(element_as_double(noise, i / channels / 4 * 4 * channels) +
                                       0.3 * element_as_double(noise, i) + 0.1 * double(i % 3));
  return x;
}

Tensor real_weight(const Layer& l, const Tensor& integers) {
  const Shape& shape = l.weight.shape();
  Tensor w = Tensor::make(l.weight.type());
  int64_t inner = 1;
  for (size_t a = size_t(l.axis) + 1; a < shape.size(); ++a) inner *= shape[a];
  for (int64_t i = 0; i < w.count(); ++i)
    w.mutable_data<float>()[i] = l.scales[size_t(i / inner % shape[size_t(l.axis)])] * float(integers.data<int8_t>()[i]);
  return w;
}

// Variance over the positions of the error of each result channel, summed: what no bias can take off.
double error_of(const Layer& l, const Tensor& integers, const Tensor& x) {
  Graph other = l.g;
  Builder b(other);
  EXPECT_TRUE(other.set_operand(l.id, 1, b.constant(Constant::of(real_weight(l, integers)))));
  const Tensor want = evaluate_graph(l.g, {x})[0], got = evaluate_graph(other, {x})[0];
  const int64_t channels = want.shape().back(), n = want.count() / channels;
  double all = 0;
  for (int64_t c = 0; c < channels; ++c) {
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; ++i) {
      const double e = element_as_double(got, i * channels + c) - element_as_double(want, i * channels + c);
      sum += e;
      squares += e * e;
    }
    all += squares - sum * sum / double(n);
  }
  return all;
}

Tensor nearest_integers(const Layer& l) {
  Tensor q = Tensor::make(Type{DType::kI8, l.weight.shape(), {}});
  const Shape& shape = l.weight.shape();
  int64_t inner = 1;
  for (size_t a = size_t(l.axis) + 1; a < shape.size(); ++a) inner *= shape[a];
  for (int64_t i = 0; i < q.count(); ++i)
    q.mutable_data<int8_t>()[i] =
        int8_t(std::nearbyint(l.weight.data<float>()[i] / l.scales[size_t(i / inner % shape[size_t(l.axis)])]));
  return q;
}

class WeightRounding : public testing::TestWithParam<std::pair<std::string_view, int>> {};

// The oracle is the layer itself, computed with the float weight and with the integers on data that was not observed.
TEST_P(WeightRounding, GivesLessErrorThanNearestOnOtherData) {
  const Layer l = layer_of(GetParam().first, GetParam().second);
  auto moments = DataMoments::of(l.g, l.id);
  ASSERT_TRUE(moments);
  const Type type = l.g.type(l.g.inputs()[0].value);
  for (uint64_t s = 0; s < 8; ++s) moments->observe(alike_data(type, 50 + s).values<float>());
  const auto made = round_weight(l.weight, l.scales, l.axis, *moments);
  ASSERT_TRUE(made) << format(made.error());
  double nearest = 0, learned = 0;
  for (uint64_t s = 0; s < 4; ++s) {
    const Tensor x = alike_data(type, 200 + s);
    nearest += error_of(l, nearest_integers(l), x);
    learned += error_of(l, *made, x);
  }
  EXPECT_LT(learned, 0.8 * nearest);
  // Each integer stays near its weight.
  const Tensor plain = nearest_integers(l);
  for (int64_t i = 0; i < plain.count(); ++i)
    EXPECT_LE(std::abs(int(plain.data<int8_t>()[i]) - int(made->data<int8_t>()[i])), 2);
  const auto again = round_weight(l.weight, l.scales, l.axis, *moments);
  ASSERT_TRUE(again);
  EXPECT_TRUE(std::equal(again->data<int8_t>(), again->data<int8_t>() + again->count(), made->data<int8_t>()));
}

INSTANTIATE_TEST_SUITE_P(Layers, WeightRounding,
                         testing::Values(std::pair(kGrouped, 0), std::pair(kDepthwise, 3), std::pair(kConnected, 0)));

// What a vector of the data is follows from the results: with weights that pick one element, the layer gives the elements, and
// their covariance over all results of a group is the moments'.
TEST_P(WeightRounding, MomentsAreThoseOfWhatTheWeightMeets) {
  const Layer l = layer_of(GetParam().first, GetParam().second);
  auto moments = DataMoments::of(l.g, l.id);
  ASSERT_TRUE(moments);
  const Tensor x = alike_data(l.g.type(l.g.inputs()[0].value), 7);
  moments->observe(x.values<float>());
  const int64_t length = moments->length(), share = moments->results() / moments->groups();
  std::vector<Tensor> elements;
  for (int64_t e = 0; e < length; ++e) {
    Tensor w = Tensor::make(l.weight.type());
    std::fill_n(w.mutable_data<float>(), w.count(), 0.0F);
    for (int64_t r = 0; r < moments->results(); ++r)
      w.mutable_data<float>()[l.axis == 0 ? r * length + e : e * moments->results() + r] = 1;
    Graph picking = l.g;
    Builder b(picking);
    ASSERT_TRUE(picking.set_operand(l.id, 1, b.constant(Constant::of(w))));
    elements.push_back(evaluate_graph(picking, {x})[0]);
  }
  const int64_t channels = elements[0].shape().back(), n = elements[0].count() / channels;
  ASSERT_EQ(moments->rows(), n);
  for (int64_t group = 0; group < moments->groups(); ++group) {
    const Eigen::MatrixXd c = moments->covariance(group, 0);
    ASSERT_EQ(c.rows(), length);
    const auto mean_of = [&](auto&& value) {
      double sum = 0;
      for (int64_t i = 0; i < n; ++i) sum += value(i * channels + group * share);
      return sum / double(n);
    };
    for (int64_t i = 0; i < length; ++i)
      for (int64_t k = 0; k < length; ++k) {
        const auto a = [&](int64_t at) { return element_as_double(elements[size_t(i)], at); };
        const auto b = [&](int64_t at) { return element_as_double(elements[size_t(k)], at); };
        EXPECT_NEAR(c(i, k), mean_of([&](int64_t at) { return a(at) * b(at); }) - mean_of(a) * mean_of(b), 1e-5);
      }
  }
}

TEST(DataMoments, LongVectorsFallIntoEvenBlocks) {
  const Graph g = graph_of(R"(
%0: f32[1,3,1601] = input "x"
%1: f32[2,1601] = const "w" {random 1}
%2: f32[1,3,2] = fully_connected(%0, %1, _) {activation=none}
output "y" = %2
)");
  auto moments = DataMoments::of(g, g.outputs()[0].value.node);
  ASSERT_TRUE(moments);
  EXPECT_EQ(moments->blocks(), 3);
  EXPECT_EQ(moments->block_length(0), 534);
  EXPECT_EQ(moments->block_begin(2) + moments->block_length(2), 1601);
  const Tensor x = random_tensor(g.type(g.inputs()[0].value), 1);
  moments->observe(x.values<float>());
  const Tensor w = *g.constant(g[g.outputs()[0].value.node].in[1])->materialize();
  const std::vector<float> scales{0.01F, 0.02F};
  EXPECT_TRUE(round_weight(w, scales, 0, *moments));
  const auto refused = round_weight(w.reshaped({1601, 2}), std::vector<float>{1, 1, 1}, 0, *moments);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what, "a weight does not fit what was observed of its data");
}

TEST(DataMoments, ConstantDataLeavesRoundingToNearest) {
  const Layer l = layer_of(kConnected, 0);
  auto moments = DataMoments::of(l.g, l.id);
  ASSERT_TRUE(moments);
  const std::vector<float> constant(size_t(element_count(l.g.type(l.g.inputs()[0].value).shape)), 0.0F);
  moments->observe(constant);
  const auto made = round_weight(l.weight, l.scales, 0, *moments);
  ASSERT_TRUE(made);
  const Tensor plain = nearest_integers(l);
  EXPECT_TRUE(std::equal(plain.data<int8_t>(), plain.data<int8_t>() + plain.count(), made->data<int8_t>()));
}

TEST(DataMoments, AreOfConvolutionsOnly) {
  const Graph g = graph_of(R"(
%0: f32[1,3,4,5] = input "x"
%1: f32[6,2,2,5] = const "w" {random 1}
%2: f32[1,4,5,6] = transpose_conv2d(%0, %1, _) {stride=[1,1], padding=[0,0,0,0], output_padding=[0,0], activation=none, layout=channels_last}
output "y" = %2
)");
  EXPECT_FALSE(DataMoments::of(g, g.outputs()[0].value.node));
}

}  // namespace
}  // namespace atl
