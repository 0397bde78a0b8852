// Finds activations that a decomposed program spells out and that LiteRT has one operator for.
//   x * relu6(x + 3) / 6                         ->  hard_swish(x)
//   x * (1 + tanh(k (x + 0.044715 x^3))) / 2     ->  gelu(x), approximate, however the polynomial is spelled
//   where(any(s != -inf), softmax(s), 0)         ->  softmax(s)      when s cannot be -inf in a whole row
// Depends on canonicalize; must run before scales are folded away.
#include <array>
#include <cmath>

#include "ops/activation.h"
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

// Coefficients of 1, x, x^2 and x^3.
using Cubic = std::array<double, 4>;

std::optional<Cubic> product(const Cubic& a, const Cubic& b) {
  Cubic out{};
  for (size_t i = 0; i < a.size(); ++i)
    for (size_t j = 0; j < b.size(); ++j) {
      if (a[i] * b[j] == 0) continue;
      if (i + j >= out.size()) return std::nullopt;
      out[i + j] += a[i] * b[j];
    }
  return out;
}

std::optional<Cubic> cubic_of(Rewrite& r, Value v, Value x, int depth);

std::optional<Cubic> cubic_of_binary(Rewrite& r, const Binary& op, Value v, Value x, int depth) {
  const Values in = r.graph()[v].in;
  if (op.activation != Activation::kNone) return std::nullopt;
  const auto a = cubic_of(r, in[0], x, depth + 1);
  if (!a) return std::nullopt;
  if (op.kind == BinaryKind::kPow) {
    const auto exponent = r.uniform_value(in[1]);
    const auto square = exponent && (*exponent == 2 || *exponent == 3) ? product(*a, *a) : std::nullopt;
    return square && *exponent == 3 ? product(*square, *a) : square;
  }
  auto b = cubic_of(r, in[1], x, depth + 1);
  if (!b) return std::nullopt;
  if (op.kind == BinaryKind::kMul) return product(*a, *b);
  const double sign = op.kind == BinaryKind::kSub ? -1 : 1;
  if (op.kind != BinaryKind::kAdd && op.kind != BinaryKind::kSub) return std::nullopt;
  for (size_t i = 0; i < b->size(); ++i) (*b)[i] = (*a)[i] + sign * (*b)[i];
  return b;
}

// v as a polynomial of x; nothing when it is none, or of a higher degree.
std::optional<Cubic> cubic_of(Rewrite& r, Value v, Value x, int depth) {
  constexpr int kMaxDepth = 8;
  if (v == x) return Cubic{0, 1, 0, 0};
  if (depth > kMaxDepth) return std::nullopt;
  if (r.graph().constant(v)) {
    const auto c = r.uniform_value(v);
    return c ? std::optional(Cubic{*c, 0, 0, 0}) : std::nullopt;
  }
  if (const auto* op = r.graph().as<Binary>(v)) return cubic_of_binary(r, *op, v, x, depth);
  const auto* op = r.graph().as<Unary>(v);
  if (!op || op->kind != UnaryKind::kSquare) return std::nullopt;
  const auto a = cubic_of(r, r.graph()[v].in[0], x, depth + 1);
  return a ? product(*a, *a) : std::nullopt;
}

// Takes a product apart into what is computed and a number.
void collect_factors(Rewrite& r, Value v, Values& factors, double& number) {
  constexpr size_t kMaxFactors = 4;
  Value a, b;
  if (factors.size() < kMaxFactors && match(r.graph(), v, binary(BinaryKind::kMul, any(&a), any(&b)))) {
    collect_factors(r, a, factors, number);
    collect_factors(r, b, factors, number);
  } else if (const auto c = r.graph().constant(v) ? r.uniform_value(v) : std::nullopt) {
    number *= *c;
  } else {
    factors.push_back(v);
  }
}

Result<bool> recognize_gelu(Rewrite& r) {
  constexpr double kInner = 0.7978845608028654, kCubic = 0.044715;  // sqrt(2 / pi); Hendrycks and Gimpel, 2016
  if (!match(r.graph(), r.out(), binary(BinaryKind::kMul, any(), any()))) return false;
  Values factors;
  double number = 1;
  collect_factors(r, r.out(), factors, number);
  if (factors.size() != 2 || !close(number, 0.5)) return false;
  for (const auto& [x, gate] : {std::pair(factors[0], factors[1]), std::pair(factors[1], factors[0])}) {
    Value tanh, one;
    if (!match(r.graph(), gate, binary(BinaryKind::kAdd, any(&tanh), constant(&one))) || !close(r.uniform_value(one), 1))
      continue;
    const auto* op = r.graph().as<Unary>(tanh);
    if (!op || op->kind != UnaryKind::kTanh || r.type(x) != r.out_type()) continue;
    const auto inner = cubic_of(r, r.graph()[tanh].in[0], x, 0);
    if (inner && (*inner)[0] == 0 && close((*inner)[1], kInner) && (*inner)[2] == 0 && close((*inner)[3], kInner * kCubic))
      return r.replace(r.add(Gelu(true), {x}));
  }
  return false;
}

// True when a mask has NaN or +inf nowhere and -inf in no whole row.
bool leaves_rows_open(const Tensor& mask) {
  const int64_t length = mask.shape().empty() ? 1 : mask.shape().back();
  for (int64_t row = 0; row < mask.count(); row += length) {
    bool open = false;
    for (int64_t i = row; i < row + length; ++i) {
      const double v = element_as_double(mask, i);
      if (std::isnan(v) || v == INFINITY) return false;
      open |= std::isfinite(v);
    }
    if (!open) return false;
  }
  return true;
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

// True for finite numbers to which a constant mask is added that leaves something of every row of the softmax.
bool is_masked_in_part(Rewrite& r, Value scores, const Softmax& softmax) {
  Value finite, mask;
  if (!match(r.graph(), scores, binary(BinaryKind::kAdd, any(&finite), constant(&mask)))) return false;
  const Shape &all = r.type(scores).shape, &part = r.type(mask).shape;
  if (softmax.axis != int64_t(all.size()) - 1 || part.empty() || part.back() != all.back()) return false;
  const auto value = has_finite_rows(r, finite) ? r.constant_value(mask) : std::nullopt;
  return value && leaves_rows_open(*value);
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
    if (unmasked_condition(r, r.in(0), scores) != taken) continue;
    if (!has_finite_rows(r, scores) && !is_masked_in_part(r, scores, *g.as<Softmax>(v))) continue;
    return r.replace(v);
  }
  return false;
}

Result<bool> recognize(Rewrite& r) {
  TRY(const bool swish, recognize_hard_swish(r));
  if (swish) return true;
  TRY(const bool gelu, recognize_gelu(r));
  if (gelu) return true;
  return recognize_safe_softmax(r);
}

}  // namespace

Status recognize_activations(Graph& graph, PassContext& context) { return apply_to_fixpoint(graph, context, true, recognize); }

}  // namespace atl
