// Arithmetic of two operands that is not one core op: rounding division, powers, remainders, sums of products.
#include <cmath>
#include <limits>

#include "import/aten_elementwise.h"
#include "ops/promotion.h"

namespace atl {

Value truncate(Builder& b, Value x) {
  const Value down = unary(b, UnaryKind::kFloor, unary(b, UnaryKind::kRelu, x));
  return add(b, down, unary(b, UnaryKind::kCeil, binary(b, BinaryKind::kMinimum, 0.0, x)));
}

namespace {

// Both operands in torch's result type.
Values operands(SourceCall& c, std::string_view a = "self", std::string_view b = "other") {
  return promoted(c, {a, b}, c.result_type().dtype);
}

void import_rsub(SourceCall& c) {
  Values in = operands(c);
  if (const double alpha = c.number("alpha", 1); alpha != 1) in[0] = binary(c, BinaryKind::kMul, in[0], alpha);
  c.result(sub(c, in[1], in[0]));
}

// torch computes floor(a / b) of floats from the exact remainder, so that 1 // 0.1 is 9.
Value floor_divide(Builder& b, Value x, Value y) {
  if (is_integer(b.dtype(x))) return binary(b, BinaryKind::kFloorDiv, x, y);
  const Value rest = binary(b, BinaryKind::kFloorMod, x, y);
  return unary(b, UnaryKind::kRound, div(b, sub(b, x, rest), y));
}

Value truncating_divide(Builder& b, Value x, Value y) {
  return is_integer(b.dtype(x)) ? div(b, x, y) : truncate(b, div(b, x, y));
}

void import_div_mode(SourceCall& c) {
  const Values in = operands(c);
  const std::string mode = c.string("rounding_mode", "");
  if (c.failed()) return;
  if (mode.empty()) return c.result(div(c, in[0], in[1]));
  if (mode == "floor") return c.result(floor_divide(c, in[0], in[1]));
  if (mode == "trunc") return c.result(truncating_divide(c, in[0], in[1]));
  c.unsupported("rounding_mode='" + mode + "'", "use None, 'floor' or 'trunc'");
}

void import_floor_divide(SourceCall& c) {
  const Values in = operands(c);
  if (!c.failed()) c.result(floor_divide(c, in[0], in[1]));
}

// The remainder with the dividend's sign.
void import_fmod(SourceCall& c) {
  const Values in = operands(c);
  if (c.failed()) return;
  if (is_integer(c.dtype(in[0]))) return c.result(sub(c, in[0], mul(c, div(c, in[0], in[1]), in[1])));
  const auto abs = [&](Value v) { return unary(c, UnaryKind::kAbs, v); };
  const Value rest = binary(c, BinaryKind::kFloorMod, abs(in[0]), abs(in[1]));
  c.result(mul(c, rest, unary(c, UnaryKind::kSign, in[0])));
}

// x to a power that needs no POW: few multiplications, a root or a reciprocal. Invalid when there is none.
Value power(Builder& b, Value x, double e) {
  const bool f = is_float(b.dtype(x));
  const auto square = [&](Value v) { return f ? unary(b, UnaryKind::kSquare, v) : mul(b, v, v); };
  if (e == 0) return uniform(b, number_like(b, x, 1), b.shape(x));
  if (e == 1) return x;
  if (e == 2) return square(x);
  if (e == 3) return mul(b, square(x), x);
  if (e == 4) return square(square(x));
  if (!f) return {};
  if (e == 0.5) return unary(b, UnaryKind::kSqrt, x);
  if (e == -0.5) return unary(b, UnaryKind::kRsqrt, x);
  if (e == -1) return binary(b, BinaryKind::kDiv, 1.0, x);
  if (e == -2) return binary(b, BinaryKind::kDiv, 1.0, square(x));
  if (e == 1.5) return mul(b, x, unary(b, UnaryKind::kSqrt, x));
  return {};
}

void import_pow(SourceCall& c) {
  const Values in = operands(c, "self", "exponent");
  if (c.failed()) return;
  if (c.dtype(in[0]) == DType::kBool) return c.unsupported("a power of bools", "convert the base to an integer type");
  if (const auto e = c.uniform_value(in[1]); e && c.shape(in[0]) == broadcast(c.shape(in[0]), c.shape(in[1]))) {
    if (is_integer(c.dtype(in[0])) && *e < 0) return c.unsupported("a negative power of integers", "convert the base to float");
    if (const Value y = power(c, in[0], *e); y.valid() || c.failed()) return c.result(y);
  }
  c.result(binary(c, BinaryKind::kPow, in[0], in[1]));
}

void import_lerp(SourceCall& c) {
  const Values in = promoted(c, {"self", "end", "weight"}, c.result_type().dtype);
  if (c.failed()) return;
  const Value step = sub(c, in[1], in[0]);
  // torch starts from the nearer end.
  if (const auto w = c.uniform_value(in[2]); w && *w >= 0.5)
    return c.result(sub(c, in[1], binary(c, BinaryKind::kMul, step, 1 - *w)));
  c.result(add(c, in[0], mul(c, step, in[2])));
}

// self + value * tensor1 (*|/) tensor2
template <BinaryKind K>
void import_addc(SourceCall& c) {
  const Values in = promoted(c, {"self", "tensor1", "tensor2"}, c.result_type().dtype);
  Value product = binary(c, K, in[1], in[2]);
  if (const double value = c.number("value", 1); value != 1) product = binary(c, BinaryKind::kMul, product, value);
  c.result(add(c, in[0], product));
}

// Squares of operands beyond 1e19 overflow in f32.
void import_hypot(SourceCall& c) {
  const Values in = operands(c);
  const auto square = [&](Value v) { return unary(c, UnaryKind::kSquare, v); };
  c.result(unary(c, UnaryKind::kSqrt, add(c, square(in[0]), square(in[1]))));
}

// log(exp(x) + exp(y)) in terms of the larger operand: max + log(1 + exp(-d)), where log(1 + exp(-d)) = -log(sigmoid(d)).
void import_logaddexp(SourceCall& c) {
  const Values in = operands(c);
  const Value d = unary(c, UnaryKind::kAbs, sub(c, in[0], in[1]));
  const Value rest = unary(c, UnaryKind::kLog, unary(c, UnaryKind::kLogistic, d));
  c.result(sub(c, binary(c, BinaryKind::kMaximum, in[0], in[1]), rest));
}

// Maximum and minimum that prefer the operand that is a number over NaN.
template <BinaryKind K>
void import_fmax(SourceCall& c) {
  const Values in = operands(c);
  if (c.failed()) return;
  const Value best = binary(c, K, in[0], in[1]);
  if (!is_float(c.dtype(in[0]))) return c.result(best);
  const auto is_nan = [&](Value v) { return compare(c, CompareKind::kNotEqual, v, v); };
  c.result(select(c, is_nan(in[0]), in[1], select(c, is_nan(in[1]), in[0], best)));
}

void import_xlogy(SourceCall& c) {
  const Values in = operands(c);
  const Value product = mul(c, in[0], unary(c, UnaryKind::kLog, in[1]));
  const Value zero = compare(c, CompareKind::kEqual, in[0], 0.0);
  const Value defined = compare(c, CompareKind::kEqual, in[1], in[1]);
  c.result(select(c, c.add(Logical(LogicalKind::kAnd), {zero, defined}), number_like(c, product, 0), product));
}

constexpr Import kImports[] = {
    {"aten.rsub.Tensor", import_rsub},
    {"aten.rsub.Scalar", import_rsub},
    {"aten.div.Tensor_mode", import_div_mode},
    {"aten.div.Scalar_mode", import_div_mode},
    {"aten.divide.Tensor_mode", import_div_mode},
    {"aten.divide.Scalar_mode", import_div_mode},
    {"aten.floor_divide.default", import_floor_divide},
    {"aten.floor_divide.Scalar", import_floor_divide},
    {"aten.fmod.Tensor", import_fmod},
    {"aten.fmod.Scalar", import_fmod},
    {"aten.pow.Tensor_Scalar", import_pow},
    {"aten.pow.Tensor_Tensor", import_pow},
    {"aten.pow.Scalar", import_pow},
    {"aten.float_power.Tensor_Scalar", import_pow},
    {"aten.float_power.Tensor_Tensor", import_pow},
    {"aten.float_power.Scalar", import_pow},
    {"aten.lerp.Scalar", import_lerp},
    {"aten.lerp.Tensor", import_lerp},
    {"aten.addcmul.default", import_addc<BinaryKind::kMul>},
    {"aten.addcdiv.default", import_addc<BinaryKind::kDiv>},
    {"aten.hypot.default", import_hypot},
    {"aten.logaddexp.default", import_logaddexp},
    {"aten.fmax.default", import_fmax<BinaryKind::kMaximum>},
    {"aten.fmin.default", import_fmax<BinaryKind::kMinimum>},
    {"aten.xlogy.Tensor", import_xlogy},
    {"aten.xlogy.Scalar_Other", import_xlogy},
    {"aten.xlogy.Scalar_Self", import_xlogy},
    {"aten.special_xlogy.default", import_xlogy},
};

}  // namespace

std::span<const Import> aten_arithmetic() { return kImports; }

}  // namespace atl
