// Activation functions that are not one core op, and clamps.
#include <cmath>
#include <limits>

#include "import/aten_elementwise.h"
#include "ops/promotion.h"

namespace atl {

Value clamp(Builder& b, Value x, std::optional<double> low, std::optional<double> high) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const bool f = is_float(b.dtype(x));
  if (low == -kInfinity) low.reset();
  if (high == kInfinity) high.reset();
  if (f && low == 0.0) {
    if (high == 6.0) return unary(b, UnaryKind::kRelu6, x);
    x = unary(b, UnaryKind::kRelu, x);
    low.reset();
  }
  if (f && low == -1.0 && high == 1.0) return unary(b, UnaryKind::kReluN1To1, x);
  // The bound stands first: LiteRT gives the second operand where either is NaN.
  if (low) x = binary(b, BinaryKind::kMaximum, *low, x);
  if (high) x = binary(b, BinaryKind::kMinimum, *high, x);
  return x;
}

// max(x, 0) - log(sigmoid(|x|)), which neither overflows nor cancels.
Value softplus(Builder& b, Value x) {
  const Value tail = unary(b, UnaryKind::kLog, unary(b, UnaryKind::kLogistic, unary(b, UnaryKind::kAbs, x)));
  return sub(b, unary(b, UnaryKind::kRelu, x), tail);
}

namespace {

Value scale(Builder& b, Value x, double by) { return by == 1 ? x : binary(b, BinaryKind::kMul, x, by); }

// A bound as a number when the element type holds it exactly, else as a tensor (large integers).
void import_clamp(SourceCall& c) {
  const DType t = c.result_type().dtype;
  Value x = c.to_dtype(c.tensor("self"), t);
  if (!c.has("min") && !c.has("max")) return c.result(x);
  const auto is_number = [&](std::string_view arg) { return !c.has(arg) || !std::holds_alternative<Value>(*c.arg(arg)); };
  if (is_float(c.dtype(x)) && is_number("min") && is_number("max")) {
    const auto bound = [&](std::string_view arg) { return c.has(arg) ? std::optional<double>(c.number(arg)) : std::nullopt; };
    return c.result(clamp(c, x, bound("min"), bound("max")));
  }
  const auto bound = [&](std::string_view arg) { return c.to_dtype(c.tensor_as(arg, c.dtype(x)), c.dtype(x)); };
  if (c.has("min")) x = binary(c, BinaryKind::kMaximum, bound("min"), x);
  if (c.has("max")) x = binary(c, BinaryKind::kMinimum, bound("max"), x);
  c.result(x);
}

void import_hardtanh(SourceCall& c) { c.result(clamp(c, c.tensor("self"), c.number("min_val", -1), c.number("max_val", 1))); }

Value silu(Builder& b, Value x) { return mul(b, x, unary(b, UnaryKind::kLogistic, x)); }

Value hard_sigmoid(Builder& b, Value x) {
  return scale(b, unary(b, UnaryKind::kRelu6, binary(b, BinaryKind::kAdd, x, 3.0)), 1.0 / 6);
}

// x * tanh(log(1 + e^x)) = x * n / (n + 2) with n = e^x (e^x + 2). Beyond 20 the fraction is 1 in f32.
Value mish(Builder& b, Value x) {
  const Value e = unary(b, UnaryKind::kExp, binary(b, BinaryKind::kMinimum, 20.0, x));
  const Value n = mul(b, e, binary(b, BinaryKind::kAdd, e, 2.0));
  return mul(b, x, div(b, n, binary(b, BinaryKind::kAdd, n, 2.0)));
}

void import_softplus(SourceCall& c) {
  const Value x = function_operand(c);
  const double beta = c.number("beta", 1), threshold = c.number("threshold", 20);
  if (c.failed()) return;
  Value y = scale(c, softplus(c, scale(c, x, beta)), 1 / beta);
  // Above 15 the difference between x and softplus(x) is below f32's precision: torch's threshold then changes nothing.
  if (threshold < 15) y = select(c, compare(c, CompareKind::kGreater, scale(c, x, beta), threshold), x, y);
  function_result(c, y);
}

// min(x, 0) + log(sigmoid(|x|))
Value log_sigmoid(Builder& b, Value x) {
  const Value tail = unary(b, UnaryKind::kLog, unary(b, UnaryKind::kLogistic, unary(b, UnaryKind::kAbs, x)));
  return add(b, binary(b, BinaryKind::kMinimum, 0.0, x), tail);
}

// The second result is a buffer for the backward pass, empty on a CPU.
void import_log_sigmoid_forward(SourceCall& c) {
  const Value y = log_sigmoid(c, function_operand(c));
  c.results({c.to_dtype(y, c.result_type().dtype), Value{}});
}

// outer * (x above 0, alpha * (exp(inner * x) - 1) below). LiteRT's ELU has all factors 1; the slope below zero comes from
// LEAKY_RELU behind it, whose operand has the same sign.
Value elu(Builder& b, Value x, double alpha, double outer, double inner) {
  Value y = unary(b, UnaryKind::kElu, scale(b, x, inner));
  const double slope = alpha * inner;
  if (slope != 1) y = b.add(LeakyRelu(slope), {y});
  return scale(b, y, outer / inner);
}

void import_elu(SourceCall& c) {
  const Value x = function_operand(c);
  const double inner = c.number("input_scale", 1);
  if (inner <= 0) return c.unsupported("input_scale is not positive");
  function_result(c, elu(c, x, c.number("alpha", 1), c.number("scale", 1), inner));
}

Value selu(Builder& b, Value x) { return elu(b, x, 1.6732632423543772848, 1.0507009873554804934, 1); }

void import_celu(SourceCall& c) {
  const Value x = function_operand(c);
  const double alpha = c.number("alpha", 1);
  if (alpha > 0) return function_result(c, elu(c, x, alpha, 1, 1 / alpha));
  if (alpha == 0) return c.fail(error(Code::kArgument, "celu with alpha=0 divides by zero"));
  // A negative alpha: max(x, 0) + min(0, alpha * (exp(x / alpha) - 1)).
  const Value below = binary(c, BinaryKind::kMul, expm1(c, scale(c, x, 1 / alpha)), alpha);
  function_result(c, add(c, unary(c, UnaryKind::kRelu, x), binary(c, BinaryKind::kMinimum, 0.0, below)));
}

// Randomized in training, the mean slope in inference.
void import_rrelu(SourceCall& c) {
  if (c.boolean("training")) return c.unsupported("rrelu in training mode is random", "call model.eval() before torch.export");
  const double slope = (c.number("lower", 1.0 / 8) + c.number("upper", 1.0 / 3)) / 2;
  const Value x = c.tensor("self"), y = c.add(LeakyRelu(slope), {x});
  if (c.result_count() > 1) return c.results({y, Value{}});
  c.result(y);
}

void import_threshold(SourceCall& c) {
  const Value x = c.tensor("self");
  const double threshold = c.number("threshold"), value = c.number("value");
  if (c.failed()) return;
  if (threshold == 0 && value == 0) return c.result(unary(c, UnaryKind::kRelu, x));
  c.result(select(c, compare(c, CompareKind::kLessEqual, x, threshold), number_like(c, x, value), x));
}

// x moved toward zero by lambd: x less its part inside [-lambd, lambd].
void import_softshrink(SourceCall& c) {
  const Value x = c.tensor("self");
  const double lambd = c.number("lambd", 0.5);
  if (!c.failed()) c.result(sub(c, x, clamp(c, x, -lambd, lambd)));
}

// NaN stays: it is not inside [-lambd, lambd].
void import_hardshrink(SourceCall& c) {
  const Value x = c.tensor("self");
  const double lambd = c.number("lambd", 0.5);
  if (c.failed()) return;
  const Value inside = compare(c, CompareKind::kLessEqual, unary(c, UnaryKind::kAbs, x), lambd);
  c.result(select(c, inside, number_like(c, x, 0), x));
}

void import_glu(SourceCall& c) {
  const Value x = c.tensor("self");
  const size_t rank = c.rank(x);
  const int64_t axis = c.axis("dim", rank, -1);
  if (c.failed()) return;
  if (rank == 0 || c.shape(x)[size_t(axis)] % 2 != 0)
    return c.fail(error(Code::kArgument, fmt::format("glu halves axis {} of {}", axis, to_string(c.shape(x)))));
  const int64_t half = c.shape(x)[size_t(axis)] / 2;
  const Values parts = c.add_multi(Split(axis, {half, half}), {x}, 2);
  c.result(mul(c, parts[0], unary(c, UnaryKind::kLogistic, parts[1])));
}

constexpr Import kImports[] = {
    {"aten.clamp.default", import_clamp},
    {"aten.clamp.Tensor", import_clamp},
    {"aten.clamp_min.default", import_clamp},
    {"aten.clamp_min.Tensor", import_clamp},
    {"aten.clamp_max.default", import_clamp},
    {"aten.clamp_max.Tensor", import_clamp},
    {"aten.clip.default", import_clamp},
    {"aten.clip.Tensor", import_clamp},
    {"aten.hardtanh.default", import_hardtanh},
    {"aten.silu.default", import_function<silu>},
    {"aten.hardsigmoid.default", import_function<hard_sigmoid>},
    {"aten.mish.default", import_function<mish>},
    {"aten.softplus.default", import_softplus},
    {"aten.log_sigmoid.default", import_function<log_sigmoid>},
    {"aten.log_sigmoid_forward.default", import_log_sigmoid_forward},
    {"aten.elu.default", import_elu},
    {"aten.selu.default", import_function<selu>},
    {"aten.celu.default", import_celu},
    {"aten.rrelu.default", import_rrelu},
    {"aten.rrelu_with_noise.default", import_rrelu},
    {"aten.rrelu_with_noise_functional.default", import_rrelu},
    {"aten.threshold.default", import_threshold},
    {"aten.softshrink.default", import_softshrink},
    {"aten.hardshrink.default", import_hardshrink},
    {"aten.glu.default", import_glu},
};

}  // namespace

std::span<const Import> aten_activations() { return kImports; }

}  // namespace atl
