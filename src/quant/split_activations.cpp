#include "quant/split_activations.h"

#include <algorithm>

#include "ops/activation.h"
#include "ops/binary.h"
#include "ops/shape.h"
#include "ops/spatial.h"
#include "quant/weight_roles.h"

namespace atl {
namespace {

// A product of integers takes as long as this many multiplications of a layer: XNNPACK on x86-64 needs 0.2 ns for one element.
constexpr double kMultiplicationsOfProduct = 64;

// The slopes by channel of the last axis (one entry: of all), or nothing when the node has none of the kind.
Result<std::optional<Tensor>> slopes_of(Rewrite& r) {
  if (const auto* leaky = r.graph().as<LeakyRelu>(r.out()))
    return std::optional(Tensor::scalar_f32(float(leaky->alpha)).reshaped({1}));
  if (!r.graph().is(r.out(), OpCode::kPrelu) || !r.is_constant(1)) return std::optional<Tensor>();
  TRY(const Tensor t, r.graph().constant(r.in(1))->materialize());
  const int64_t channels = r.in_type(0).shape.back();
  if (t.count() != 1 && (t.count() != channels || t.shape().back() != channels)) return std::optional<Tensor>();
  return std::optional(t.reshaped({t.count()}));
}

/// A constant times the slopes along one of its axes, as a recipe.
ConstantPtr scaled_constant(Rewrite& r, Value v, const Tensor& slopes, int64_t axis) {
  Shape shape(r.rank(v), 1);
  shape[size_t(axis)] = slopes.count();
  const ConstantPtr factor = Constant::of(slopes.reshaped(shape));
  return Constant::lazy(make_op(Binary(BinaryKind::kMul)), {r.graph().constant_ptr(v), factor}, r.type(v),
                        r.graph().constant(v)->name());
}

/// A constant and behind it, along that axis, the same times the slopes.
Value with_scaled_constant(Rewrite& r, Value v, const Tensor& slopes, int64_t axis) {
  Type both = r.type(v);
  both.shape[size_t(axis)] *= 2;
  return r.constant(Constant::lazy(make_op(Concat(axis)), {r.graph().constant_ptr(v), scaled_constant(r, v, slopes, axis)},
                                   both, r.graph().constant(v)->name()));
}

/// A leaky activation of a layer with weights, perhaps with a max-pool between the two.
struct Candidate {
  uint32_t activation;
  Value layer;
  Tensor slopes;
  WeightRoles roles;
};

bool is_plain_max_pool(const Graph& g, Value v) {
  const auto* pool = g.as<Pool2d>(v);
  return pool && pool->kind == PoolKind::kMax && pool->activation == Activation::kNone;
}

Result<std::optional<Candidate>> candidate(Graph& g, uint32_t id) {
  Rewrite r(g, id);
  Value layer = r.in_count() ? r.in(0) : Value{};
  if (!layer.valid() || r.out_type().dtype != DType::kF32 || r.out_type().shape.empty()) return std::optional<Candidate>();
  TRY(auto slopes, slopes_of(r));
  if (!slopes || !r.single_use(layer)) return std::optional<Candidate>();
  const auto any_slope = [&](auto is) { return std::ranges::any_of(slopes->values<float>(), is); };
  if (g.is(layer, OpCode::kPool2d)) {
    // The largest of a window is the smallest of its negatives.
    if (!is_plain_max_pool(g, layer) || any_slope([](float a) { return a < 0; })) return std::optional<Candidate>();
    layer = g[layer].in[0];
    if (!r.single_use(layer)) return std::optional<Candidate>();
  }
  const auto roles = changeable_roles(g, g[layer]);
  if (!roles || any_slope([](float a) { return !(a <= 1); })) return std::optional<Candidate>();
  return std::optional(Candidate{id, layer, *std::move(slopes), *roles});
}

// A convolution that is not grouped gives both at once, each pixel's channels beside the scaled ones; the larger is that of a
// window of two pixels. Kernels whose blocks have more channels than the layer compute that in the same time.
Value both_at_once(Rewrite& r, const Candidate& c, const Conv2d& conv, const Pool2d* pool) {
  Values in = r.graph()[c.layer].in;
  in[1] = with_scaled_constant(r, in[1], c.slopes, c.roles.weight_out_axis);
  if (in.size() > 2 && in[2].valid()) in[2] = with_scaled_constant(r, in[2], c.slopes, 0);
  Value both = r.add(conv, std::move(in));
  if (pool) both = r.add(*pool, {both});
  if (!both.valid()) return both;
  Shape pairs = r.shape(both);
  pairs[2] *= 2;
  pairs[3] /= 2;
  Pool2d larger;
  larger.window = larger.stride = {1, 2};
  larger.layout = DataLayout::kChannelsLast;
  return r.add(larger, {r.add(Reshape(std::move(pairs)), {both})});
}

Value each_by_itself(Rewrite& r, const Candidate& c) {
  const Node n = r.graph()[c.layer];
  Values in = n.in;
  in[1] = r.constant(scaled_constant(r, in[1], c.slopes, c.roles.weight_out_axis));
  if (in.size() > 2 && in[2].valid()) in[2] = r.constant(scaled_constant(r, in[2], c.slopes, 0));
  return r.add(Binary(BinaryKind::kMaximum), {c.layer, r.add(n.op, std::move(in))});
}

// The max-pool that alone uses the activation. In front of it, fewer elements are compared.
std::optional<uint32_t> pool_behind(const Graph& g, uint32_t activation) {
  const auto& uses = g.uses({activation, 0});
  if (uses.size() != 1 || uses[0].node == kGraphOutput) return std::nullopt;
  return is_plain_max_pool(g, {uses[0].node, 0}) ? std::optional(uses[0].node) : std::nullopt;
}

Result<bool> split(Graph& g, const Candidate& c) {
  const Value before = g[c.activation].in[0];
  const Pool2d* pool = before == c.layer ? nullptr : g.as<Pool2d>(before);
  const auto* conv = g.as<Conv2d>(c.layer);
  const bool whole = conv && conv->groups == 1 && conv->layout == DataLayout::kChannelsLast;
  const auto behind = whole && !pool ? pool_behind(g, c.activation) : std::nullopt;
  Rewrite r(g, behind.value_or(c.activation));
  if (behind) pool = g.as<Pool2d>({*behind, 0});
  if (whole) return r.replace(both_at_once(r, c, *conv, pool));
  const Value larger = each_by_itself(r, c);
  return r.replace(pool ? r.add(*pool, {larger}) : larger);
}

Result<bool> spell_prelu(Graph& g, const Candidate& c) {
  Rewrite r(g, c.activation);
  if (!g.is(r.out(), OpCode::kPrelu)) return false;
  const Value x = r.in(0), scaled = r.add(Binary(BinaryKind::kMul), {x, r.in(1)});
  return r.replace(r.add(Binary(BinaryKind::kMaximum), {x, scaled}));
}

}  // namespace

Result<size_t> split_activations(Graph& g, double share, const std::vector<bool>& fixed) {
  const auto is_fixed = [&](uint32_t id) { return id < fixed.size() && fixed[id]; };
  std::vector<std::pair<double, Candidate>> candidates;
  double all = 0, twice = 0;
  for (uint32_t id : g.topological_order()) {
    const Node& n = g[id];
    if (n.constant || n.op->code == OpCode::kInput) continue;
    all += multiplications(g, n);
    TRY(auto found, candidate(g, id));
    if (!found || is_fixed(id) || is_fixed(found->layer.node)) continue;
    const double work = multiplications(g, g[found->layer]);
    candidates.emplace_back(work, *std::move(found));
  }
  std::ranges::stable_sort(candidates, {}, [](const auto& c) { return c.first; });
  size_t count = 0;
  for (const auto& [work, c] : candidates) {
    const bool cheaper = g.is({c.activation, 0}, OpCode::kPrelu) &&
                         work <= kMultiplicationsOfProduct * double(element_count(g.type(c.layer).shape));
    if (!cheaper) twice += work;
    if (cheaper || twice <= share * all) {
      TRY(const bool done, split(g, c));
      count += done;
    } else {
      TRY_STATUS(spell_prelu(g, c));
    }
  }
  g.remove_dead_nodes();
  return count;
}

}  // namespace atl
