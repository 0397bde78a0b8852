// Finds activations that a decomposed program spells out and that LiteRT has one operator for.
//   x * relu6(x + 3) / 6                         ->  hard_swish(x)
//   where(any(s != -inf), softmax(s), 0)         ->  softmax(s)      when s cannot be -inf in a whole row
// Depends on canonicalize; must run before scales are folded away.
#include <cmath>

#include "ops/binary.h"
#include "ops/reduce.h"
#include "ops/unary.h"
#include "pass/match.h"
#include "pass/pass.h"

namespace atl {
namespace {

bool close(std::optional<double> v, double to) { return v && std::fabs(*v - to) <= 1e-6 * std::fabs(to); }

// relu6(x + 3): returns x.
Value shifted_relu6(Rewrite& r, Value v) {
  const auto* relu6 = r.graph().as<Unary>(v);
  if (!relu6 || relu6->kind != UnaryKind::kRelu6) return {};
  Value x, three;
  if (!match(r.graph(), r.graph()[v].in[0], binary(BinaryKind::kAdd, any(&x), constant(&three)))) return {};
  return close(r.uniform_value(three), 3) ? x : Value{};
}

Result<bool> recognize_hard_swish(Rewrite& r) {
  const Graph& g = r.graph();
  Value product, factor, a, b;
  // (x * relu6(x + 3)) / 6, or times 1/6
  if (match(g, r.out(), ordered(BinaryKind::kDiv, any(&product), constant(&factor)))) {
    if (!close(r.uniform_value(factor), 6)) return false;
  } else if (match(g, r.out(), binary(BinaryKind::kMul, any(&product), constant(&factor)))) {
    if (!close(r.uniform_value(factor), 1.0 / 6)) return false;
  } else {
    // x * (relu6(x + 3) / 6)
    if (!match(g, r.out(), binary(BinaryKind::kMul, any(&a), any(&b)))) return false;
    for (int side = 0; side < 2; ++side, std::swap(a, b)) {
      Value gate;
      const bool divided =
          match(g, b, ordered(BinaryKind::kDiv, any(&gate), constant(&factor))) && close(r.uniform_value(factor), 6);
      const bool scaled = !divided && match(g, b, binary(BinaryKind::kMul, any(&gate), constant(&factor))) &&
                          close(r.uniform_value(factor), 1.0 / 6);
      if ((divided || scaled) && shifted_relu6(r, gate) == a) return r.replace(r.add(Unary(UnaryKind::kHardSwish), {a}));
    }
    return false;
  }
  if (!match(g, product, binary(BinaryKind::kMul, any(&a), any(&b)))) return false;
  for (int side = 0; side < 2; ++side, std::swap(a, b))
    if (shifted_relu6(r, b) == a) return r.replace(r.add(Unary(UnaryKind::kHardSwish), {a}));
  return false;
}

// True when an all -inf row cannot come out of v: no -inf constant is added on the way from products of finite numbers.
bool has_finite_rows(Rewrite& r, Value v, int depth = 0) {
  const Graph& g = r.graph();
  const OpCode code = g[v].op->code;
  if (code == OpCode::kBatchMatmul || code == OpCode::kFullyConnected) return true;
  if (depth > 8 || g[v].in.empty()) return false;
  if (const auto* op = g.as<Binary>(v); op && (op->kind == BinaryKind::kMul || op->kind == BinaryKind::kAdd)) {
    for (Value in : g[v].in) {
      if (!g.constant(in)) {
        if (!has_finite_rows(r, in, depth + 1)) return false;
        continue;
      }
      const auto value = r.constant_value(in);
      if (!value) return false;
      for (int64_t i = 0; i < value->count(); ++i)
        if (!std::isfinite(element_as_double(*value, i))) return false;
    }
    return true;
  }
  return def_of(*g[v].op).moves_elements && has_finite_rows(r, g[v].in[0], depth + 1);
}

// What `condition` is where no score is -inf, when it is computed from comparisons of `scores` with -inf; nullopt otherwise.
std::optional<bool> unmasked_condition(Rewrite& r, Value condition, Value scores) {
  constexpr int kMaxSteps = 4;
  const Graph& g = r.graph();
  bool inverted = false;
  for (int i = 0; i < kMaxSteps; ++i) {
    if (const auto* c = g.as<Compare>(condition)) {
      const bool known = c->kind == CompareKind::kEqual || c->kind == CompareKind::kNotEqual;
      const auto infinity = r.uniform_value(g[condition].in[1]);
      if (!known || g[condition].in[0] != scores || !infinity || *infinity != -INFINITY) return std::nullopt;
      return (c->kind == CompareKind::kNotEqual) != inverted;
    }
    if (const auto* u = g.as<Unary>(condition); u && u->kind == UnaryKind::kLogicalNot)
      inverted = !inverted;
    else if (const auto* reduce = g.as<Reduce>(condition);
             !(reduce && (reduce->kind == ReduceKind::kAny || reduce->kind == ReduceKind::kAll)) &&
             !def_of(*g[condition].op).moves_elements)
      return std::nullopt;
    condition = g[condition].in[0];
  }
  return std::nullopt;
}

// torch's decomposed attention guards rows that are masked as a whole; without a mask the guard never acts.
Result<bool> recognize_safe_softmax(Rewrite& r) {
  const Graph& g = r.graph();
  if (!g.is(r.out(), OpCode::kSelect)) return false;
  for (const bool taken : {true, false}) {
    const Value v = r.in(taken ? 1 : 2), other = r.in(taken ? 2 : 1);
    if (!g.is(v, OpCode::kSoftmax) || !close(r.uniform_value(other), 0) || r.type(v) != r.out_type()) continue;
    const Value scores = g[v].in[0];
    if (unmasked_condition(r, r.in(0), scores) != taken || !has_finite_rows(r, scores)) continue;
    return r.replace(v);
  }
  return false;
}

Result<bool> recognize(Rewrite& r) {
  TRY(const bool swish, recognize_hard_swish(r));
  if (swish) return true;
  return recognize_safe_softmax(r);
}

}  // namespace

Status recognize_activations(Graph& graph, PassContext& context) { return apply_to_fixpoint(graph, context, true, recognize); }

}  // namespace atl
