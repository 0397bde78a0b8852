// Multiplications and additions of constants go into the weights and biases of the ops around them.
//   conv(x, w, b) * s + t      ->  conv(x, w * s, b * s + t)         batch norm, layer scale
//   fc(x * s + t, w, b)        ->  fc(x, w * s, b + w t)             gamma and beta of a layer norm
//   reshape(fc(x, w, b)) * 2   ->  reshape(fc(x, 2 w, 2 b))          the scale of an attention's queries
// Depends on canonicalize (equal ranks) and fold-constants. What is linear in its weights is stated by each op (`weights`).
#include "ops/binary.h"
#include "ops/conv.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "pass/pass.h"

namespace atl {
namespace {

constexpr int kMaxMovements = 8;

// A node with weights that may be changed: constant, used nowhere else.
struct Weighted {
  Value node;
  WeightRoles roles;
  Value data, weight, bias;
};

std::optional<Weighted> weighted(Builder& b, Value v) {
  const Graph& g = b.graph();
  const Node& n = g[v];
  const OpDef& def = def_of(*n.op);
  if (!def.weights || n.in.size() < 2) return std::nullopt;
  Weighted w{v, def.weights(*n.op, g.types(n.in)), n.in[0], n.in[1], n.in.size() > 2 ? n.in[2] : Value{}};
  if (!g.constant(w.weight) || g.uses(w.weight).size() != 1 || g.type(w.weight).dtype != DType::kF32) return std::nullopt;
  if (w.bias.valid() && !g.constant(w.bias)) return std::nullopt;
  return w;
}

// The constant as a vector [size] (or [1]) when it varies along `axis` of `shape` only; else no value.
Value channel_vector(Builder& b, Value constant, const Shape& shape, int64_t axis) {
  if (!b.graph().constant(constant) || b.dtype(constant) != DType::kF32) return {};
  const Shape& s = b.shape(constant);
  if (s.size() > shape.size()) return {};
  int64_t size = 1;
  for (size_t i = 0; i < s.size(); ++i) {
    const size_t k = i + shape.size() - s.size();
    if (s[i] == 1) continue;
    if (int64_t(k) != axis || s[i] != shape[k]) return {};
    size = s[i];
  }
  return b.add(Reshape({size}), {constant});
}

// A vector along one axis of a shape of that rank: [C] -> [1, C, 1, 1].
Value along(Builder& b, Value vector, size_t rank, int64_t axis) {
  Shape s(rank, 1);
  s[size_t(axis)] = b.shape(vector)[0];
  return b.add(Reshape(s), {vector});
}

Value full_bias(Builder& b, const Weighted& w, Value vector) {
  const int64_t channels = b.shape(w.weight)[size_t(w.roles.weight_out_axis)];
  return b.shape(vector)[0] == channels ? vector : b.add(BroadcastTo({channels}), {vector});
}

Value rebuild(Builder& b, const Weighted& w, Value data, Value weight, Value bias) {
  const Node& n = b.graph()[w.node];
  const OpPtr op = n.op;
  b.set_origin(n.origin);
  Values in = n.in;
  in[0] = data;
  in[1] = weight;
  if (in.size() > 2)
    in[2] = bias;
  else if (bias.valid())
    in.push_back(bias);
  return b.add(op, in);
}

struct ScaleOrShift {
  BinaryKind kind;
  Value x, constant;
  bool constant_first;
};

std::optional<ScaleOrShift> scale_or_shift(const Graph& g, Value v) {
  const auto* op = g.as<Binary>(v);
  if (!op || op->activation != Activation::kNone) return std::nullopt;
  if (op->kind != BinaryKind::kMul && op->kind != BinaryKind::kAdd && op->kind != BinaryKind::kSub &&
      op->kind != BinaryKind::kDiv)
    return std::nullopt;
  const Values& in = g[v].in;
  const bool first = g.constant(in[0]) != nullptr;
  if (first == (g.constant(in[1]) != nullptr)) return std::nullopt;
  ScaleOrShift s{op->kind, in[first ? 1 : 0], in[first ? 0 : 1], first};
  if (s.kind == BinaryKind::kDiv && first) return std::nullopt;
  if (g.type(s.x).shape != g.type(v).shape || g.type(v).dtype != DType::kF32) return std::nullopt;
  return s;
}

// y = op(x, w, b) followed by y * s, y + t, y - t, t - y, y / s.
Result<bool> fold_behind(Rewrite& r, const ScaleOrShift& s) {
  if (!r.single_use(s.x)) return false;
  const auto w = weighted(r, s.x);
  if (!w || !w->roles.linear) return false;
  const Value vector = channel_vector(r, s.constant, r.shape(s.x), w->roles.result_axis);
  if (!vector.valid()) return false;
  const size_t rank = r.rank(w->weight);
  const auto scale = [&](Binary op, Value factor) {
    const Value weight = r.add(op, {w->weight, along(r, factor, rank, w->roles.weight_out_axis)});
    const Value bias = w->bias.valid() ? r.add(op, {w->bias, factor}) : Value{};
    return std::pair{weight, bias};
  };
  Value weight = w->weight, bias = w->bias;
  switch (s.kind) {
    case BinaryKind::kMul:
    case BinaryKind::kDiv:
      std::tie(weight, bias) = scale(Binary(s.kind), vector);
      break;
    case BinaryKind::kSub:
      if (s.constant_first)
        std::tie(weight, bias) =
            scale(Binary(BinaryKind::kMul), r.constant(Tensor::of<float>(DType::kF32, {1}, std::array{-1.f})));
      [[fallthrough]];
    default: {
      const bool minus = s.kind == BinaryKind::kSub && !s.constant_first;
      const Value shift = full_bias(r, *w, vector);
      const Value zero = r.constant(Tensor::of<float>(DType::kF32, {1}, std::array{0.f}));
      if (bias.valid())
        bias = r.add(Binary(minus ? BinaryKind::kSub : BinaryKind::kAdd), {bias, shift});
      else
        bias = minus ? r.add(Binary(BinaryKind::kSub), {zero, shift}) : shift;
    }
  }
  return r.replace(rebuild(r, *w, w->data, weight, bias));
}

// reshape(op(x, w, b)) * s with one number s: through movements that nothing else reads.
Result<bool> fold_through_movements(Rewrite& r, const ScaleOrShift& s) {
  if (s.kind != BinaryKind::kMul && s.kind != BinaryKind::kDiv) return false;
  const auto factor = r.uniform_value(s.constant);
  if (!factor) return false;
  std::vector<uint32_t> path;
  Value v = s.x;
  for (int i = 0; i < kMaxMovements; ++i) {
    if (!r.single_use(v)) return false;
    const Node& n = r.graph()[v];
    if (def_of(*n.op).weights) break;
    if (!def_of(*n.op).moves_elements || n.out.size() != 1) return false;
    path.push_back(v.node);
    v = n.in[0];
  }
  if (path.empty()) return false;
  const auto w = weighted(r, v);
  if (!w || !w->roles.linear) return false;
  const double by = s.kind == BinaryKind::kMul ? *factor : 1 / *factor;
  const Value scalar = r.constant(Tensor::of<float>(DType::kF32, {1}, std::array{float(by)}));
  const Value weight = r.add(Binary(BinaryKind::kMul), {w->weight, along(r, scalar, r.rank(w->weight), 0)});
  const Value bias = w->bias.valid() ? r.add(Binary(BinaryKind::kMul), {w->bias, scalar}) : Value{};
  Value result = rebuild(r, *w, w->data, weight, bias);
  for (size_t i = path.size(); i-- > 0;) {
    const Node& n = r.graph()[path[i]];
    const OpPtr op = n.op;
    Values in = n.in;
    in[0] = result;
    r.set_origin(n.origin);
    result = r.add(op, in);
  }
  return r.replace(result);
}

// The consumer side: every use of `v` is the data of an op whose weights can take a change along their input axis.
bool only_feeds_weights(Builder& b, Value v, bool shift) {
  for (const Use& u : b.graph().uses(v)) {
    if (u.node == kGraphOutput || u.operand != 0) return false;
    const auto w = weighted(b, Value{u.node, 0});
    if (!w || w->roles.weight_in_axis < 0 || (shift && w->roles.pads)) return false;
  }
  return true;
}

// w t summed over everything but the output channels: what a shift t of the data adds to the result.
Value response(Builder& b, const Weighted& w, Value vector) {
  const size_t rank = b.rank(w.weight);
  const Value product = b.add(Binary(BinaryKind::kMul), {w.weight, along(b, vector, rank, w.roles.weight_in_axis)});
  std::vector<int64_t> axes;
  for (int64_t a = 0; a < int64_t(rank); ++a)
    if (a != w.roles.weight_out_axis) axes.push_back(a);
  return b.add(Reduce(ReduceKind::kSum, axes, false), {product});
}

// op(x * s) and op(x + t), looked at from the op.
Result<bool> fold_before(Rewrite& r) {
  const auto w = weighted(r, r.out());
  if (!w || w->roles.weight_in_axis < 0) return false;
  const auto s = scale_or_shift(r.graph(), w->data);
  if (!s || (s->constant_first && s->kind == BinaryKind::kSub)) return false;
  const bool shift = s->kind == BinaryKind::kAdd || s->kind == BinaryKind::kSub;
  if (!only_feeds_weights(r, w->data, shift)) return false;
  Value vector = channel_vector(r, s->constant, r.shape(s->x), w->roles.data_axis);
  if (!vector.valid()) return false;
  if (!shift) {
    const Value factor = along(r, vector, r.rank(w->weight), w->roles.weight_in_axis);
    return r.replace(rebuild(r, *w, s->x, r.add(Binary(s->kind), {w->weight, factor}), w->bias));
  }
  const Value extra = response(r, *w, vector);
  const bool minus = s->kind == BinaryKind::kSub;
  const Value base = w->bias.valid() ? w->bias : r.constant(Tensor::of<float>(DType::kF32, {1}, std::array{0.f}));
  const Value bias = r.add(Binary(minus ? BinaryKind::kSub : BinaryKind::kAdd), {base, extra});
  return r.replace(rebuild(r, *w, s->x, w->weight, bias));
}

// The sum over a large weight is evaluated at once: everything built here on constants must become a constant in the next pass.
Result<bool> fold_scale(Rewrite& r) {
  TRY(const bool before, fold_before(r));
  if (before) return true;
  const auto s = scale_or_shift(r.graph(), r.out());
  if (!s) return false;
  TRY(const bool behind, fold_behind(r, *s));
  if (behind) return true;
  return fold_through_movements(r, *s);
}

}  // namespace

Status fold_scales(Graph& graph, PassContext& context) {
  // New weights are constants only after folding; another round may then find what stood behind them.
  for (;;) {
    const int64_t before = context.rewrites;
    TRY_STATUS(apply_to_fixpoint(graph, context, true, fold_scale));
    if (context.rewrites == before) return {};
    TRY_STATUS(fold_constants(graph, context));
  }
}

}  // namespace atl
