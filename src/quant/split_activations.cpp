#include "quant/split_activations.h"

#include <algorithm>

#include "ops/activation.h"
#include "ops/binary.h"
#include "ops/shape.h"

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

Result<bool> split(Rewrite& r) {
  const Value layer = r.in_count() ? r.in(0) : Value{};
  if (!layer.valid() || r.out_type().dtype != DType::kF32 || r.out_type().shape.empty()) return false;
  TRY(const auto slopes, slopes_of(r));
  if (!slopes || !r.single_use(layer)) return false;
  const Node n = r.graph()[layer];
  const OpDef& def = def_of(*n.op);
  if (!def.weights || n.in.size() < 2) return false;
  Types types;
  for (Value v : n.in) types.push_back(v.valid() ? r.type(v) : Type{DType::kUnknown, {}, {}});
  const auto roles = def.weights(*n.op, types);
  const bool constant = r.graph().constant(n.in[1]) && (n.in.size() < 3 || !n.in[2].valid() || r.graph().constant(n.in[2]));
  if (!roles || !constant || roles->result_axis + 1 != int64_t(r.rank(layer))) return false;
  if (std::ranges::any_of(slopes->values<float>(), [](float a) { return !(a <= 1); })) return false;
  Values in = n.in;
  in[1] = scaled_constant(r, in[1], *slopes, roles->weight_out_axis);
  if (in.size() > 2 && in[2].valid()) in[2] = scaled_constant(r, in[2], *slopes, 0);
  const Value leaky = r.add(n.op, std::move(in));
  return r.replace(r.add(Binary(BinaryKind::kMaximum), {layer, leaky}));
}

}  // namespace

Result<size_t> split_activations(Graph& g) {
  size_t count = 0;
  for (uint32_t id : g.topological_order()) {
    if (g[id].dead || g[id].constant || g[id].op->code == OpCode::kInput) continue;
    Rewrite r(g, id);
    TRY(const bool done, split(r));
    count += done;
  }
  g.remove_dead_nodes();
  return count;
}

}  // namespace atl
