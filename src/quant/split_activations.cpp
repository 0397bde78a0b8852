#include "quant/split_activations.h"

#include <algorithm>

#include "ops/activation.h"
#include "ops/binary.h"
#include "ops/shape.h"
#include "ops/spatial.h"

namespace atl {
namespace {

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
Value scaled_constant(Rewrite& r, Value v, const Tensor& slopes, int64_t axis) {
  Shape shape(r.rank(v), 1);
  shape[size_t(axis)] = slopes.count();
  const ConstantPtr factor = Constant::of(slopes.reshaped(shape));
  return r.constant(Constant::lazy(make_op(Binary(BinaryKind::kMul)), {r.graph().constant_ptr(v), factor}, r.type(v),
                                   r.graph().constant(v)->name()));
}

/// A leaky activation of a layer with weights, perhaps with a max-pool between the two.
struct Candidate {
  uint32_t activation;
  Value layer;
  Tensor slopes;
  WeightRoles roles;
};

std::optional<WeightRoles> roles_of(const Graph& g, const Node& n) {
  const OpDef& def = def_of(*n.op);
  if (!def.weights || n.in.size() < 2) return std::nullopt;
  return def.weights(*n.op, g.types(n.in));
}

Result<std::optional<Candidate>> candidate(Graph& g, uint32_t id) {
  Rewrite r(g, id);
  Value layer = r.in_count() ? r.in(0) : Value{};
  if (!layer.valid() || r.out_type().dtype != DType::kF32 || r.out_type().shape.empty()) return std::optional<Candidate>();
  TRY(auto slopes, slopes_of(r));
  if (!slopes || !r.single_use(layer)) return std::optional<Candidate>();
  const auto any_slope = [&](auto is) { return std::ranges::any_of(slopes->values<float>(), is); };
  if (const auto* pool = g.as<Pool2d>(layer)) {
    // The largest of a window is the smallest of its negatives.
    if (pool->kind != PoolKind::kMax || pool->activation != Activation::kNone || any_slope([](float a) { return a < 0; }))
      return std::optional<Candidate>();
    layer = g[layer].in[0];
    if (!r.single_use(layer)) return std::optional<Candidate>();
  }
  const Node& n = g[layer];
  const auto roles = roles_of(g, n);
  const bool constant =
      roles && roles->linear && g.constant(n.in[1]) && (n.in.size() < 3 || !n.in[2].valid() || g.constant(n.in[2]));
  if (!constant || roles->result_axis + 1 != int64_t(r.rank(layer))) return std::optional<Candidate>();
  if (any_slope([](float a) { return !(a <= 1); })) return std::optional<Candidate>();
  return std::optional(Candidate{id, layer, *std::move(slopes), *roles});
}

Result<bool> split(Graph& g, const Candidate& c) {
  Rewrite r(g, c.activation);
  const Value behind = r.in(0);
  const Node n = g[c.layer];
  Values in = n.in;
  in[1] = scaled_constant(r, in[1], c.slopes, c.roles.weight_out_axis);
  if (in.size() > 2 && in[2].valid()) in[2] = scaled_constant(r, in[2], c.slopes, 0);
  const Value larger = r.add(Binary(BinaryKind::kMaximum), {c.layer, r.add(n.op, std::move(in))});
  return r.replace(behind == c.layer ? larger : r.add(*g.as<Pool2d>(behind), {larger}));
}

Result<bool> spell_prelu(Graph& g, const Candidate& c) {
  Rewrite r(g, c.activation);
  if (!g.is(r.out(), OpCode::kPrelu)) return false;
  const Value x = r.in(0), scaled = r.add(Binary(BinaryKind::kMul), {x, r.in(1)});
  return r.replace(r.add(Binary(BinaryKind::kMaximum), {x, scaled}));
}

int64_t elements(const Graph& g, Value v) { return std::max<int64_t>(element_count(g.type(v).shape), 0); }

}  // namespace

Result<size_t> split_activations(Graph& g, double share) {
  std::vector<Candidate> candidates;
  double all = 0, twice = 0;
  for (uint32_t id : g.topological_order()) {
    const Node& n = g[id];
    if (n.constant || n.op->code == OpCode::kInput) continue;
    if (roles_of(g, n)) all += double(elements(g, {id, 0}));
    TRY(auto found, candidate(g, id));
    if (found) candidates.push_back(*std::move(found));
  }
  std::ranges::stable_sort(candidates, {}, [&](const Candidate& c) { return elements(g, c.layer); });
  size_t count = 0;
  for (const Candidate& c : candidates) {
    twice += double(elements(g, c.layer));
    if (twice <= share * all) {
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
