#include "ops/conv.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/spatial.h"
#include "ops/unary.h"
#include "pass/graph_eval.h"

namespace atl {
namespace {

/// Live nodes of an op that match.
template <class O, class F>
size_t count_where(const Graph& g, F&& matches) {
  size_t n = 0;
  for (uint32_t id : g.topological_order())
    if (const O* o = g.as<O>({id, 0})) n += matches(*o, g, id);
  return n;
}

template <OpCode C>
size_t all_of(const Graph& g) {
  return g.count(C);
}
template <UnaryKind K>
size_t unary_of(const Graph& g) {
  return count_where<Unary>(g, [](const Unary& o, auto&&...) { return o.kind == K; });
}
size_t steps(const Graph& g) {
  return count_where<Slice>(
      g, [](const Slice& o, auto&&...) { return std::ranges::any_of(o.stride, [](int64_t s) { return s != 1; }); });
}
size_t groups(const Graph& g) {
  return count_where<Conv2d>(g, [](const Conv2d& o, const Graph& in, uint32_t id) {
    return o.groups > 1 && o.groups != in.type(in[id].in[0]).shape[3];
  });
}
size_t large_means(const Graph& g) {
  return count_where<Reduce>(g, [](const Reduce&, const Graph& in, uint32_t id) {
    const Shape& s = in.type(in[id].in[0]).shape;
    return s[1] * s[2] > 8192;
  });
}
size_t large_steps(const Graph& g) {
  return count_where<Resize>(
      g, [](const Resize& o, const Graph& in, uint32_t id) { return o.size[0] > 2 * in.type(in[id].in[0]).shape[1]; });
}
size_t active_pools(const Graph& g) {
  return count_where<Pool2d>(g, [](const Pool2d& o, auto&&...) { return o.activation != Activation::kNone; });
}
size_t active_spreads(const Graph& g) {
  return count_where<TransposeConv2d>(g, [](const TransposeConv2d& o, auto&&...) { return o.activation != Activation::kNone; });
}

size_t uneven_dilations(const Graph& g) {
  return count_where<Conv2d>(g, [](const Conv2d& o, auto&&...) { return o.dilation[0] != o.dilation[1]; });
}
size_t mirrors(const Graph& g) {
  return count_where<Pad>(g, [](const Pad& o, auto&&...) { return o.mode != PadMode::kConstant; });
}
size_t values_around(const Graph& g) {
  return count_where<Pad>(g, [](const Pad& o, auto&&...) { return o.value != 0; });
}
size_t pads_of_five_axes(const Graph& g) {
  return count_where<Pad>(g, [](const Pad& o, auto&&...) { return o.before.size() > 4; });
}

struct Case {
  const char* name;
  const char* text;
  size_t (*refused)(const Graph&);  ///< nodes that the Edge TPU cannot take
  double least_db = 110;            ///< SNR of the rewritten graph against the one before
  bool approximate = false;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class Adapt : public testing::TestWithParam<Case> {};

TEST_P(Adapt, ComputesTheSameInOtherOps) {
  const Graph before = graph_of(GetParam().text);
  ASSERT_EQ(GetParam().refused(before), 1u);
  Graph g = before;
  PassContext context;
  context.target = {.kind = TargetKind::kCoral, .allow_approximate = GetParam().approximate};
  const Status done = adapt(g, context);
  ASSERT_TRUE(done) << format(done.error());
  ASSERT_TRUE(verify(g));
  EXPECT_EQ(GetParam().refused(g), 0u) << print(g);
  ASSERT_EQ(context.adaptations.size(), 1u);
  EXPECT_FALSE(context.adaptations[0].after.empty());
  Tensors inputs;
  for (const Port& p : g.inputs()) inputs.push_back(random_tensor(g.type(p.value), 3));
  EXPECT_GT(snr_db(evaluate_graph(before, inputs)[0], evaluate_graph(g, inputs)[0]), GetParam().least_db) << print(g);
}

TEST_P(Adapt, LeavesOtherTargetsAlone) {
  Graph g = graph_of(GetParam().text);
  PassContext context;
  ASSERT_TRUE(adapt(g, context));
  EXPECT_EQ(GetParam().refused(g), 1u);
  EXPECT_TRUE(context.adaptations.empty());
}

TEST_P(Adapt, IsExactUnlessAskedOtherwise) {
  if (!GetParam().approximate) return;
  Graph g = graph_of(GetParam().text);
  PassContext context;
  context.target = {.kind = TargetKind::kCoral};
  ASSERT_TRUE(adapt(g, context));
  EXPECT_EQ(GetParam().refused(g), 1u);
}

INSTANTIATE_TEST_SUITE_P(Coral, Adapt,
                         testing::Values(Case{"LeakyRelu", R"(
%0: f32[1,3,4,5] = input "x"
%1: f32[1,3,4,5] = leaky_relu(%0) {alpha=0.2}
output "y" = %1
)",
                                              all_of<OpCode::kLeakyRelu>},
                                         Case{"TanhGelu", R"(
%0: f32[1,3,4,5] = input "x"
%1: f32[1,3,4,5] = gelu(%0) {approximate=true}
output "y" = %1
)",
                                              all_of<OpCode::kGelu>},
                                         Case{"ExactGelu", R"(
%0: f32[1,3,4,5] = input "x"
%1: f32[1,3,4,5] = gelu(%0) {approximate=false}
output "y" = %1
)",
                                              all_of<OpCode::kGelu>, 55, true},
                                         Case{"HardSwish", R"(
%0: f32[1,3,4,5] = input "x"
%1: f32[1,3,4,5] = unary(%0) {kind=hard_swish}
output "y" = %1
)",
                                              unary_of<UnaryKind::kHardSwish>},
                                         Case{"Abs", R"(
%0: f32[1,3,4,5] = input "x"
%1: f32[1,3,4,5] = unary(%0) {kind=abs}
output "y" = %1
)",
                                              unary_of<UnaryKind::kAbs>},
                                         Case{"Relu0To1", R"(
%0: f32[1,3,4,5] = input "x"
%1: f32[1,3,4,5] = unary(%0) {kind=relu_0_to_1}
output "y" = %1
)",
                                              unary_of<UnaryKind::kRelu0To1>},
                                         Case{"Elu", R"(
%0: f32[1,3,4,5] = input "x"
%1: f32[1,3,4,5] = unary(%0) {kind=elu}
output "y" = %1
)",
                                              unary_of<UnaryKind::kElu>},
                                         Case{"ManyRows", R"(
%0: f32[1,3,5] = input "x"
%1: f32[4,5] = const "w" {random 1}
%2: f32[4] = const "b" {random 2}
%3: f32[1,3,4] = fully_connected(%0, %1, %2) {activation=relu}
output "y" = %3
)",
                                              all_of<OpCode::kFullyConnected>},
                                         Case{"StridedSlice", R"(
%0: f32[1,7,9,5] = input "x"
%1: f32[1,3,3,5] = slice(%0) {begin=[0,1,0,0], size=[1,3,3,5], stride=[1,2,3,1], shrink=[]}
output "y" = %1
)",
                                              steps},
                                         Case{"StridedChannels", R"(
%0: f32[1,7,4,6] = input "x"
%1: f32[1,3,4,3] = slice(%0) {begin=[0,1,0,1], size=[1,3,4,3], stride=[1,2,1,2], shrink=[]}
output "y" = %1
)",
                                              steps},
                                         Case{"LargeMean", R"(
%0: f32[1,96,100,3] = input "x"
%1: f32[1,3] = reduce(%0) {kind=mean, axes=[1,2], keep_dims=false}
output "y" = %1
)",
                                              large_means},
                                         Case{"LargeResize", R"(
%0: f32[1,3,5,2] = input "x"
%1: f32[1,12,40,2] = resize(%0) {kind=nearest, size=[12,40], align_corners=false, half_pixel_centers=false, layout=channels_last}
output "y" = %1
)",
                                              large_steps},
                                         Case{"TripledImage", R"(
%0: f32[1,3,5,2] = input "x"
%1: f32[1,9,10,2] = resize(%0) {kind=nearest, size=[9,10], align_corners=false, half_pixel_centers=false, layout=channels_last}
output "y" = %1
)",
                                              all_of<OpCode::kResize>},
                                         Case{"DoubledLargeImage", R"(
%0: f32[1,3,130,2] = input "x"
%1: f32[1,6,260,2] = resize(%0) {kind=nearest, size=[6,260], align_corners=false, half_pixel_centers=true, layout=channels_last}
output "y" = %1
)",
                                              all_of<OpCode::kResize>},
                                         Case{"PoolWithActivation", R"(
%0: f32[1,6,7,3] = input "x"
%1: f32[1,5,5,3] = pool2d(%0) {kind=average, window=[2,3], stride=[1,1], padding=[0,0,0,0], count_include_pad=false, activation=relu6, layout=channels_last}
output "y" = %1
)",
                                              active_pools},
                                         Case{"TransposedConvolutionWithActivation", R"(
%0: f32[1,3,4,5] = input "x"
%1: f32[6,2,3,5] = const "w" {random 1}
%2: f32[6] = const "b" {random 2}
%3: f32[1,6,9,6] = transpose_conv2d(%0, %1, %2) {stride=[2,2], padding=[0,0,0,0], output_padding=[0,0], activation=relu, layout=channels_last}
output "y" = %3
)",
                                              active_spreads},
                                         Case{"DepthToSpace", R"(
%0: f32[1,3,4,12] = input "x"
%1: f32[1,6,8,3] = depth_to_space(%0) {block=2, order=dcr, layout=channels_last}
output "y" = %1
)",
                                              all_of<OpCode::kDepthToSpace>},
                                         Case{"GroupedConvolution", R"(
%0: f32[1,5,6,6] = input "x"
%1: f32[9,2,3,2] = const "w" {random 1}
%2: f32[9] = const "b" {random 2}
%3: f32[1,4,4,9] = conv2d(%0, %1, %2) {stride=[1,1], dilation=[1,1], padding=[0,0,0,0], groups=3, activation=relu, layout=channels_last}
output "y" = %3
)",
                                              groups},
                                         Case{"ManyGroups", R"(
%0: f32[1,5,6,12] = input "x"
%1: f32[180,2,3,2] = const "w" {random 1}
%2: f32[180] = const "b" {random 2}
%3: f32[1,4,4,180] = conv2d(%0, %1, %2) {stride=[1,1], dilation=[1,1], padding=[0,0,0,0], groups=6, activation=relu, layout=channels_last}
output "y" = %3
)",
                                              groups},
                                         Case{"UnequalGroups", R"(
%0: f32[1,5,6,10] = input "x"
%1: f32[100,2,3,2] = const "w" {random 1}
%2: f32[1,4,4,100] = conv2d(%0, %1) {stride=[1,1], dilation=[1,1], padding=[0,0,0,0], groups=5, activation=none, layout=channels_last}
output "y" = %2
)",
                                              groups},
                                         Case{"Reverse", R"(
%0: f32[1,5,3] = input "x"
%1: f32[1,5,3] = reverse(%0) {axes=[1]}
output "y" = %1
)",
                                              all_of<OpCode::kReverse>},
                                         Case{"PickedRows", R"(
%0: f32[1,4,6,3] = input "x"
%1: i32[5] = const "k" {3, 4, 5, 0, 0}
%2: f32[1,4,5,3] = gather(%0, %1) {axis=2, batch_dims=0}
output "y" = %2
)",
                                              all_of<OpCode::kGather>},
                                         Case{"PickedChannels", R"(
%0: f32[1,4,6,5] = input "x"
%1: i32[3] = const "k" {3, 0, 4}
%2: f32[1,4,6,3] = gather(%0, %1) {axis=3, batch_dims=0}
output "y" = %2
)",
                                              all_of<OpCode::kGather>},
                                         Case{"MirroredEdges", R"(
%0: f32[1,4,6,3] = input "x"
%1: f32[1,7,9,3] = pad(%0) {before=[0,1,3,0], after=[0,2,0,0], mode=reflect, value=0}
output "y" = %1
)",
                                              mirrors},
                                         Case{"OnesAround", R"(
%0: f32[1,4,6,3] = input "x"
%1: f32[1,7,9,3] = pad(%0) {before=[0,1,3,0], after=[0,2,0,0], mode=constant, value=1.5}
output "y" = %1
)",
                                              values_around},
                                         Case{"MaximumOverTheEdge", R"(
%0: f32[1,4,6,3] = input "x"
%1: f32[1,5,8,3] = pad(%0) {before=[0,1,0,0], after=[0,0,2,0], mode=constant, value=-inf}
%2: f32[1,4,3,3] = pool2d(%1) {kind=max, window=[2,4], stride=[1,2], padding=[0,0,0,0], count_include_pad=false, activation=none, layout=channels_last}
output "y" = %2
)",
                                              values_around},
                                         Case{"ZerosBetweenRows", R"(
%0: f32[1,4,1,3,5] = input "x"
%1: f32[1,4,3,3,5] = pad(%0) {before=[0,0,0,0,0], after=[0,0,2,0,0], mode=constant, value=0}
output "y" = %1
)",
                                              pads_of_five_axes},
                                         Case{"UnevenDilation", R"(
%0: f32[1,9,8,3] = input "x"
%1: f32[5,3,2,3] = const "w" {random 1}
%2: f32[5] = const "b" {random 2}
%3: f32[1,5,5,5] = conv2d(%0, %1, %2) {stride=[1,1], dilation=[2,3], padding=[0,0,0,0], groups=1, activation=none, layout=channels_last}
output "y" = %3
)",
                                              uneven_dilations},
                                         Case{"ChannelShuffle", R"(
%0: f32[1,3,4,10] = input "x"
%1: f32[1,3,4,2,5] = reshape(%0) {shape=[1,3,4,2,5]}
%2: f32[1,3,4,5,2] = transpose(%1) {perm=[0,1,2,4,3]}
%3: f32[1,3,4,10] = reshape(%2) {shape=[1,3,4,10]}
output "y" = %3
)",
                                              all_of<OpCode::kTranspose>}),
                         [](const auto& p) { return std::string(p.param.name); });

}  // namespace
}  // namespace atl
