// What the derived tests do not say about spatial ops: LiteRT's paddings, what is legalized into what, channel orders, matrix
// products.
#include "ops/spatial.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/binary.h"
#include "ops/channel_order.h"
#include "ops/gemm.h"
#include "ops/matmul.h"
#include "ops/resize_axis.h"
#include "ops/sign_analysis.h"
#include "ops/unary.h"
#include "ops/window.h"
#include "verify/evaluate.h"

namespace atl {
namespace {

Tensor wave(Shape shape, double seed) {
  Tensor t = Tensor::make(Type{DType::kF32, std::move(shape), {}});
  for (int64_t i = 0; i < t.count(); ++i) t.mutable_data<float>()[i] = float(std::sin(0.7 * double(i) + seed));
  return t;
}

// --- Matrix products

TEST(Gemm, EqualsTheSumOfProductsInDouble) {
  const int64_t sizes[][3] = {{1, 1, 1}, {5, 3, 7}, {1, 70, 33}, {70, 1, 33}, {97, 481, 193}, {200, 31, 400}, {4, 6, 0}};
  for (const auto& [m, n, k] : sizes)
    for (bool trans_a : {false, true})
      for (bool trans_b : {false, true}) {
        SCOPED_TRACE(fmt::format("{} x {} x {} {} {}", m, n, k, trans_a, trans_b));
        const Tensor a = wave({m * k}, 1), b = wave({k * n}, 2);
        std::vector<float> c(size_t(m * n), -1);
        gemm(trans_a, trans_b, m, n, k, a.data<float>(), b.data<float>(), c.data());
        for (int64_t i = 0; i < m; ++i)
          for (int64_t j = 0; j < n; ++j) {
            double sum = 0;
            for (int64_t p = 0; p < k; ++p)
              sum += double(a.data<float>()[trans_a ? p * m + i : i * k + p]) *
                     double(b.data<float>()[trans_b ? j * k + p : p * n + j]);
            ASSERT_FLOAT_EQ(c[size_t(i * n + j)], float(sum)) << i << ' ' << j;
          }
      }
}

TEST(Gemm, GivesTheSameBitsForOneAndTwoThreads) {
  const int64_t m = 150, n = 700, k = 300;
  const Tensor a = wave({k, m}, 1), b = wave({k, n}, 2);
  const auto rows = [](const Tensor& t) -> ReadRow {
    return [&t](int64_t p, int64_t begin, int64_t count, double* out) {
      for (int64_t i = 0; i < count; ++i) out[i] = double(t.data<float>()[p * t.shape()[1] + begin + i]);
    };
  };
  const auto run = [&](Threads threads) {
    std::vector<double> c(size_t(m * n));
    gemm_rows(
        m, n, k, rows(a), rows(b),
        [&](int64_t i, int64_t begin, int64_t count, const double* v) { std::copy_n(v, count, c.begin() + i * n + begin); },
        threads);
    return c;
  };
  EXPECT_EQ(run(Threads::kOne), run(Threads::kTwo));
}

// --- Padding schemes

WindowAxis axis(int64_t in, int64_t window, int64_t stride, int64_t before, int64_t after, int64_t dilation = 1) {
  return {in, window, stride, dilation, before, after};
}
PaddingScheme scheme(WindowAxis a) { return padding_scheme(std::span<const WindowAxis>(&a, 1)); }

TEST(WindowAxis, IsSameWhereLiteRtsSamePadsAlike) {
  EXPECT_EQ(scheme(axis(9, 3, 1, 1, 1)), PaddingScheme::kSame);
  EXPECT_EQ(scheme(axis(9, 3, 2, 1, 1)), PaddingScheme::kSame);
  EXPECT_EQ(scheme(axis(8, 3, 2, 1, 1)), PaddingScheme::kExplicit) << "SAME pads 0 before and 1 after";
  EXPECT_EQ(scheme(axis(8, 3, 2, 0, 1)), PaddingScheme::kSame);
  EXPECT_EQ(scheme(axis(224, 7, 2, 3, 3)), PaddingScheme::kExplicit);
  EXPECT_EQ(scheme(axis(9, 3, 1, 2, 2, 2)), PaddingScheme::kSame);
  EXPECT_EQ(scheme(axis(9, 4, 1, 1, 2)), PaddingScheme::kSame);
  EXPECT_EQ(scheme(axis(9, 4, 1, 2, 1)), PaddingScheme::kExplicit);
}

TEST(WindowAxis, IgnoresPaddingThatNoWindowReaches) {
  EXPECT_EQ(scheme(axis(8, 2, 2, 0, 1)), PaddingScheme::kValid);
  EXPECT_EQ(axis(8, 2, 2, 0, 1).reached_after(), 0);
  EXPECT_EQ(axis(8, 3, 2, 1, 1).reached_after(), 0);
  EXPECT_EQ(axis(7, 3, 2, 1, 1).reached_after(), 1);
}

TEST(WindowAxis, NeedsOneSchemeForAllAxes) {
  const WindowAxis both[] = {axis(9, 3, 1, 1, 1), axis(9, 3, 1, 0, 0)};
  EXPECT_EQ(padding_scheme(both), PaddingScheme::kExplicit);
  const WindowAxis one[] = {axis(9, 3, 1, 1, 1), axis(9, 1, 1, 0, 0)};
  EXPECT_EQ(padding_scheme(one), PaddingScheme::kSame);
}

TEST(SpreadAxis, IsSameWhereTheGradientOfASameConvolutionIs) {
  const auto scheme_of = [](SpreadAxis a) { return padding_scheme(std::span<const SpreadAxis>(&a, 1)); };
  EXPECT_EQ(scheme_of({5, 4, 2, 1, 1, 0}), PaddingScheme::kSame);
  EXPECT_EQ(scheme_of({5, 3, 2, 1, 1, 1}), PaddingScheme::kExplicit);
  EXPECT_EQ(scheme_of({5, 2, 2, 0, 0, 0}), PaddingScheme::kValid);
  EXPECT_EQ(scheme_of({5, 2, 3, 0, 0, 2}), PaddingScheme::kValid);
}

// --- Legalization. One op on an input (after `before`), and what it becomes.

struct Single {
  Graph graph;
  Tensor x;

  explicit Single(const Shape& shape) : x(wave(shape, 0.4)) { graph.add_input("x", x.type()); }
  Value input() const { return graph.inputs()[0].value; }

  template <class O>
  void legalize(const O& op, Values in) {
    Builder b(graph);
    graph.add_output("y", b.add(op, std::move(in)));
    ASSERT_FALSE(b.failed()) << format(b.status().error());
    const auto expected = evaluate(graph, {&x, 1});
    ASSERT_TRUE(expected);
    const Value y = graph.outputs()[0].value;
    Rewrite r(graph, y.node);
    const auto did = def_of(op.code).legalize(op, r);
    ASSERT_TRUE(did) << format(did.error());
    EXPECT_TRUE(*did);
    graph.remove_dead_nodes();
    for (uint32_t id : graph.topological_order()) {
      Types types;
      for (Value v : graph[id].in) types.push_back(graph.type(v));
      const Status legal = def_of(*graph[id].op).legal(*graph[id].op, types);
      EXPECT_TRUE(legal) << format(legal.error());
    }
    const auto got = evaluate(graph, {&x, 1});
    ASSERT_TRUE(got);
    for (int64_t i = 0; i < expected->outputs[0].count(); ++i)
      ASSERT_NEAR(element_as_double(got->outputs[0], i), element_as_double(expected->outputs[0], i), 2e-6) << i;
  }
  std::string ops() const {
    std::string out;
    for (uint32_t id : graph.topological_order())
      if (!graph[id].in.empty()) out += (out.empty() ? "" : " ") + std::string(def_of(*graph[id].op).name);
    return out;
  }
  const Pad* pad() const {
    for (uint32_t id : graph.topological_order())
      if (const Pad* p = graph.as<Pad>(Value{id, 0})) return p;
    return nullptr;
  }
};

TEST(LegalizeConv2d, PadsOnlyWhatTheKernelReaches) {
  Single s({1, 8, 11, 3});
  Conv2d op;
  op.layout = DataLayout::kChannelsLast;
  op.stride = {2, 2};
  op.padding = {1, 1, 1, 1};
  s.legalize(op, {s.input(), s.graph.add_constant(Constant::of(wave({4, 3, 3, 3}, 1)))});
  EXPECT_EQ(s.ops(), "pad conv2d");
  EXPECT_EQ(s.pad()->before, (std::vector<int64_t>{0, 1, 1, 0}));
  EXPECT_EQ(s.pad()->after, (std::vector<int64_t>{0, 0, 1, 0}));
}

TEST(LegalizeTransposeConv2d, SlicesTheUnpaddedResult) {
  Single s({1, 5, 4, 3});
  TransposeConv2d op;
  op.layout = DataLayout::kChannelsLast;
  op.stride = {2, 2};
  op.padding = {1, 1, 1, 1};
  op.output_padding = {1, 1};
  s.legalize(op, {s.input(), s.graph.add_constant(Constant::of(wave({2, 3, 3, 3}, 1)))});
  EXPECT_EQ(s.ops(), "transpose_conv2d slice");
}

Pool2d pool(PoolKind kind, std::array<int64_t, 4> padding) {
  Pool2d op;
  op.kind = kind;
  op.layout = DataLayout::kChannelsLast;
  op.window = {3, 3};
  op.stride = {2, 2};
  op.padding = padding;
  return op;
}

TEST(LegalizePool2d, PadsAMaximumWithTheLowestNumber) {
  Single s({1, 8, 10, 3});
  s.legalize(pool(PoolKind::kMax, {1, 1, 1, 1}), {s.input()});
  EXPECT_EQ(s.ops(), "pad pool2d");
  EXPECT_LT(s.pad()->value, -3e38);
}

TEST(LegalizePool2d, PadsAMaximumOfANonNegativeValueWithZeros) {
  Single s({1, 8, 10, 3});
  const Value relu = (*s.graph.add(make_op(Unary(UnaryKind::kRelu)), {s.input()}))[0];
  s.legalize(pool(PoolKind::kMax, {1, 1, 1, 1}), {relu});
  EXPECT_EQ(s.ops(), "unary pad pool2d");
  EXPECT_EQ(s.pad()->value, 0);
}

TEST(LegalizePool2d, CorrectsAnAverageThatDoesNotCountItsPadding) {
  Single s({1, 8, 10, 3});
  Pool2d op = pool(PoolKind::kAverage, {1, 1, 1, 1});
  op.activation = Activation::kRelu;
  s.legalize(op, {s.input()});
  EXPECT_EQ(s.ops(), "pad pool2d binary");
}

TEST(LegalizePool2d, PadsAnAverageThatCountsItsPadding) {
  Single s({1, 7, 9, 3});
  Pool2d op = pool(PoolKind::kAverage, {1, 1, 1, 1});
  op.count_include_pad = true;
  s.legalize(op, {s.input()});
  EXPECT_EQ(s.ops(), "pad pool2d");
}

TEST(LegalizeDepthToSpace, WritesOutTorchsOrder) {
  Single s({2, 3, 4, 12});
  DepthToSpace op;
  op.order = BlockOrder::kChannelFirst;
  s.legalize(op, {s.input()});
  EXPECT_EQ(s.ops(), "reshape transpose reshape");
}

// --- Channel orders

struct ShuffleNet {
  Graph graph;
  Tensor x = wave({1, 3, 4, 5}, 0.4);
  Value conv, y;
};

// conv -> elementwise -> pixel shuffle, which becomes LiteRT's order.
ShuffleNet shuffle_net(bool constant_weight, bool second_use) {
  ShuffleNet n;
  Builder b(n.graph);
  const Value in = n.graph.add_input("x", n.x.type());
  Value weight = b.constant(wave({12, 3, 3, 3}, 1));
  if (!constant_weight) weight = b.add(Unary(UnaryKind::kAbs), {weight});
  n.conv = b.add(Conv2d{}, {in, weight, b.constant(wave({12}, 2))});
  Value v = b.add(Unary(UnaryKind::kTanh), {n.conv});
  v = b.add(Binary(BinaryKind::kMul), {v, b.constant(wave({1, 12, 1, 1}, 3))});
  DepthToSpace op;
  op.order = BlockOrder::kChannelFirst;
  op.layout = DataLayout::kChannelsFirst;
  n.y = b.add(op, {v});
  EXPECT_FALSE(b.failed());
  n.graph.add_output("y", n.y);
  if (second_use) n.graph.add_output("z", n.conv);
  return n;
}

Result<bool> canonicalize(ShuffleNet& n) {
  Rewrite r(n.graph, n.y.node);
  return def_of(OpCode::kDepthToSpace).canonicalize(*n.graph[n.y].op, r);
}

TEST(DepthToSpace, MovesTheChannelOrderIntoTheWeights) {
  ShuffleNet n = shuffle_net(true, false);
  const auto before = evaluate(n.graph, {&n.x, 1});
  ASSERT_TRUE(before);
  const auto did = canonicalize(n);
  ASSERT_TRUE(did) << format(did.error());
  EXPECT_TRUE(*did);
  const Value y = n.graph.outputs()[0].value;
  ASSERT_NE(n.graph.as<DepthToSpace>(y), nullptr);
  EXPECT_EQ(n.graph.as<DepthToSpace>(y)->order, BlockOrder::kChannelLast);
  const auto after = evaluate(n.graph, {&n.x, 1});
  ASSERT_TRUE(after);
  for (int64_t i = 0; i < before->outputs[0].count(); ++i)
    ASSERT_EQ(element_as_double(after->outputs[0], i), element_as_double(before->outputs[0], i));
}

TEST(DepthToSpace, LeavesAConvolutionWithOtherUsesOrChangingWeights) {
  for (auto [constant, second] : {std::pair{true, true}, std::pair{false, false}}) {
    ShuffleNet n = shuffle_net(constant, second);
    const auto did = canonicalize(n);
    ASSERT_TRUE(did);
    EXPECT_FALSE(*did);
  }
}

TEST(DepthToSpace, IsFoundInReshapeTransposeReshape) {
  Graph g;
  Builder b(g);
  const Tensor x = wave({1, 3, 4, 5}, 0.4);
  const Value in = g.add_input("x", x.type());
  const Value conv = b.add(Conv2d{}, {in, b.constant(wave({12, 3, 3, 3}, 1)), b.constant(wave({12}, 2))});
  const Value split = b.add(Reshape({1, 3, 2, 2, 2, 3}), {conv});
  const Value y = b.add(Reshape({1, 3, 4, 6}), {b.add(Transpose({0, 1, 4, 2, 5, 3}), {split})});
  ASSERT_FALSE(b.failed());
  g.add_output("y", y);
  const auto before = evaluate(g, {&x, 1});
  Rewrite r(g, y.node);
  const auto did = recognize_block_move(r);
  ASSERT_TRUE(did) << format(did.error());
  EXPECT_TRUE(*did);
  EXPECT_NE(g.as<DepthToSpace>(g.outputs()[0].value), nullptr);
  const auto after = evaluate(g, {&x, 1});
  ASSERT_TRUE(before && after);
  for (int64_t i = 0; i < before->outputs[0].count(); ++i)
    ASSERT_EQ(element_as_double(after->outputs[0], i), element_as_double(before->outputs[0], i));
}

// --- Signs

TEST(SignAnalysis, FollowsOpsThatKeepTheSign) {
  Graph g;
  Builder b(g);
  const Value x = g.add_input("x", Type{DType::kF32, {1, 4, 6, 3}, {}});
  EXPECT_FALSE(is_non_negative(g, x));
  const Value relu = b.add(Unary(UnaryKind::kRelu), {x});
  EXPECT_TRUE(is_non_negative(g, relu));
  EXPECT_TRUE(is_non_negative(g, b.add(Concat(1), {relu, b.add(Unary(UnaryKind::kExp), {x})})));
  EXPECT_FALSE(is_non_negative(g, b.add(Concat(1), {relu, x})));
  EXPECT_TRUE(is_non_negative(g, b.add(Binary(BinaryKind::kAdd), {relu, b.scalar(2)})));
  EXPECT_FALSE(is_non_negative(g, b.add(Binary(BinaryKind::kAdd), {relu, b.scalar(-2)})));
  EXPECT_FALSE(is_non_negative(g, b.add(Binary(BinaryKind::kSub), {relu, relu})));
  EXPECT_TRUE(is_non_negative(g, b.add(Binary(BinaryKind::kAdd, Activation::kRelu6), {x, x})));
  EXPECT_TRUE(is_non_negative(g, b.add(Binary(BinaryKind::kMul), {x, x})));
  EXPECT_TRUE(is_non_negative(g, b.add(BatchMatmul(false, true), {relu, relu})));
  EXPECT_FALSE(is_non_negative(g, b.add(BatchMatmul(false, true), {relu, x})));
  Conv2d conv;
  conv.layout = DataLayout::kChannelsLast;
  const Value w = b.constant(wave({2, 1, 1, 3}, 1));
  EXPECT_FALSE(is_non_negative(g, b.add(conv, {relu, w})));
  conv.activation = Activation::kRelu;
  EXPECT_TRUE(is_non_negative(g, b.add(conv, {x, w})));
  ASSERT_FALSE(b.failed());
}

// --- Resizing

TEST(ResizeAxis, PicksTheElementsThatLiteRtPicks) {
  EXPECT_EQ(nearest_indices(5, 8, false, false), (std::vector<int64_t>{0, 0, 1, 1, 2, 3, 3, 4}));
  EXPECT_EQ(nearest_indices(5, 8, false, true), (std::vector<int64_t>{0, 0, 1, 2, 2, 3, 4, 4}));
  EXPECT_EQ(nearest_indices(5, 8, true, false), (std::vector<int64_t>{0, 1, 1, 2, 2, 3, 3, 4}));
  const auto points = linear_points(3, 6, false, true);
  EXPECT_EQ(points[0].low, 0);
  EXPECT_EQ(points[0].weight, 0);
  EXPECT_EQ(points[3].low, 1);
  EXPECT_EQ(points[3].high, 2);
  EXPECT_FLOAT_EQ(float(points[3].weight), 0.25f);
}

}  // namespace
}  // namespace atl
