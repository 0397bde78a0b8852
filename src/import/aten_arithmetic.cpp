// Arithmetic of two operands that is not one core op: rounding division, powers, remainders, sums of products.
#include <cmath>
#include <limits>
#include <numbers>

#include "import/aten_elementwise.h"
#include "import/loop.h"
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
  if (is_integer(c.dtype(in[0]))) {
    // FLOOR_MOD has the divisor's sign.
    const Value rest = binary(c, BinaryKind::kFloorMod, in[0], in[1]);
    const auto below = [&](Value v) { return c.to_dtype(compare(c, CompareKind::kLess, v, 0.0), DType::kI32); };
    const Value apart = compare(c, CompareKind::kNotEqual, below(in[0]), below(in[1]));
    const Value wrong = c.add(Logical(LogicalKind::kAnd), {apart, compare(c, CompareKind::kNotEqual, rest, 0.0)});
    return c.result(select(c, wrong, sub(c, rest, in[1]), rest));
  }
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

// x to a known power by squaring.
Value repeated_square(Builder& b, Value x, int64_t e) {
  Value y;
  for (Value square = x; e > 0; e >>= 1) {
    if (e & 1) y = y.valid() ? mul(b, y, square) : square;
    if (e > 1) square = mul(b, square, square);
  }
  return y;
}

// i64, for which LiteRT has no POW: the bits of the exponent say which squares to multiply. Exponents beyond 63 overflow unless
// the base is 0, 1 or -1: 62 or 63 stands for them.
Value wide_power(Builder& b, Value x, Value e) {
  constexpr int kBits = 6;
  const Value one = number_like(b, x, 1);
  const Value far = binary(b, BinaryKind::kAdd, binary(b, BinaryKind::kFloorMod, e, 2.0), 62);
  Value rest = b.add(Cast(DType::kI32), {select(b, compare(b, CompareKind::kGreater, e, 63.0), far, e)}), y, square = x;
  for (int i = 0; i < kBits; ++i) {
    const Value bit = binary(b, BinaryKind::kFloorMod, rest, 2.0);
    const Value factor = select(b, compare(b, CompareKind::kEqual, bit, 1.0), square, one);
    y = y.valid() ? mul(b, y, factor) : factor;
    if (i + 1 < kBits) {
      square = mul(b, square, square);
      rest = binary(b, BinaryKind::kFloorDiv, rest, 2.0);
    }
  }
  return y;
}

// LiteRT's POW refuses negative exponents of integers; torch gives 1 for 1, a sign for -1 and 0 for all others.
Value integer_power(SourceCall& c, Value x, Value e) {
  const bool wide = c.dtype(x) == DType::kI64;
  if (const auto known = c.uniform_value(e); known && *known >= 0)
    return wide && *known > 0 && *known < 64 ? repeated_square(c, x, int64_t(*known)) : binary(c, BinaryKind::kPow, x, e);
  const Value zero = number_like(c, x, 0), one = number_like(c, x, 1);
  const auto equal = [&](Value v, double to) { return compare(c, CompareKind::kEqual, v, to); };
  const Value bounded = binary(c, BinaryKind::kMaximum, 0.0, e);
  const Value y = wide ? wide_power(c, x, bounded) : binary(c, BinaryKind::kPow, x, bounded);
  const Value sign = select(c, equal(binary(c, BinaryKind::kFloorMod, e, 2.0), 0), one, number_like(c, x, -1));
  const Value below = select(c, equal(x, 1), one, select(c, equal(x, -1), sign, zero));
  return select(c, compare(c, CompareKind::kLess, e, 0.0), below, y);
}

void import_pow(SourceCall& c) {
  const Values in = operands(c, "self", "exponent");
  if (c.failed()) return;
  if (c.dtype(in[0]) == DType::kBool) return c.unsupported("a power of bools", "convert the base to an integer type");
  if (const auto e = c.uniform_value(in[1]); e && c.shape(in[0]) == broadcast(c.shape(in[0]), c.shape(in[1]))) {
    if (is_integer(c.dtype(in[0])) && *e < 0) return c.unsupported("a negative power of integers", "convert the base to float");
    if (const Value y = power(c, in[0], *e); y.valid() || c.failed()) return c.result(y);
  }
  c.result(is_integer(c.dtype(in[0])) ? integer_power(c, in[0], in[1]) : binary(c, BinaryKind::kPow, in[0], in[1]));
}

/// Euclid's algorithm on whole tensors: pairs whose second number is zero wait for the others.
Value greatest_divisor(Builder& b, Value x, Value y) {
  Loop loop;
  loop.variables = {unary(b, UnaryKind::kAbs, x), unary(b, UnaryKind::kAbs, y)};
  loop.names = {"x", "y"};
  loop.more = [](Builder& g, const Values& v, const Values&) {
    return reduce(g, ReduceKind::kAny, compare(g, CompareKind::kNotEqual, v[1], 0), all_axes(g, v[1]), false);
  };
  loop.step = [](Builder& g, const Values& v, const Values&) {
    const Value done = compare(g, CompareKind::kEqual, v[1], 0);
    const Value rest = binary(g, BinaryKind::kFloorMod, v[0], select(g, done, number_like(g, v[1], 1), v[1]));
    return Values{select(g, done, v[0], v[1]), select(g, done, v[1], rest)};
  };
  return add_loop(b, loop)[0];
}

template <bool kMultiple>
void import_gcd(SourceCall& c) {
  Values in = operands(c);
  if (c.failed()) return;
  const DType t = c.dtype(in[0]);
  for (Value& v : in) {
    if (t != DType::kI64) v = c.to_dtype(v, DType::kI32);
    if (c.shape(v) != c.result_type().shape) v = c.add(BroadcastTo(c.result_type().shape), {v});
  }
  if (element_count(c.result_type().shape) == 0) return c.result(c.to_dtype(in[0], t));
  Value y = greatest_divisor(c, in[0], in[1]);
  if (kMultiple) {
    // Both zero: the multiple is zero, and so is the product.
    const Value part = div(c, in[0], binary(c, BinaryKind::kMaximum, y, 1));
    y = unary(c, UnaryKind::kAbs, mul(c, part, in[1]));
  }
  c.result(c.to_dtype(y, t));
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

// log(exp(x) + exp(y)) in terms of the larger operand: max + log(1 + exp(-d)), where log(1 + exp(-d)) = -log(sigmoid(d)). Equal
// operands, also infinite ones, have no difference. `unit` is the logarithm of the base.
void logarithm_of_sum(SourceCall& c, double unit) {
  const Values in = operands(c);
  if (c.failed()) return;
  const Value same = compare(c, CompareKind::kEqual, in[0], in[1]);
  const Value gap = select(c, same, number_like(c, in[0], 0), sub(c, in[0], in[1]));
  const Value d = binary(c, BinaryKind::kMul, unary(c, UnaryKind::kAbs, gap), unit);
  const Value rest = binary(c, BinaryKind::kMul, unary(c, UnaryKind::kLog, unary(c, UnaryKind::kLogistic, d)), 1 / unit);
  c.result(sub(c, binary(c, BinaryKind::kMaximum, in[0], in[1]), rest));
}
void import_logaddexp(SourceCall& c) { logarithm_of_sum(c, 1); }
void import_logaddexp2(SourceCall& c) { logarithm_of_sum(c, std::numbers::ln2); }

// |x| as m 2^e with m in [1/2, 1): a logarithm that rounds over a power of two is put right. Zero, infinity and NaN are taken
// for one; `finite` says where.
struct Parts {
  Value m, e, finite;
};
Parts parts_of(SourceCall& c, Value x) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const Value size = unary(c, UnaryKind::kAbs, x), zero = number_like(c, x, 0), one = number_like(c, x, 1);
  const Value finite = c.add(Logical(LogicalKind::kAnd),
                             {compare(c, CompareKind::kGreater, size, 0.0), compare(c, CompareKind::kLess, size, kInfinity)});
  const Value inside = select(c, finite, size, one);
  const Value log = binary(c, BinaryKind::kMul, unary(c, UnaryKind::kLog, inside), std::numbers::log2e);
  const Value e = binary(c, BinaryKind::kAdd, unary(c, UnaryKind::kFloor, log), 1.0);
  const Value m = div(c, inside, binary(c, BinaryKind::kPow, 2.0, e));
  const Value high = compare(c, CompareKind::kGreaterEqual, m, 1.0), low = compare(c, CompareKind::kLess, m, 0.5);
  const Value factor = select(c, high, number_like(c, x, 0.5), select(c, low, number_like(c, x, 2), one));
  return {mul(c, m, factor), add(c, e, sub(c, select(c, high, one, zero), select(c, low, one, zero))), finite};
}

bool is_f32(SourceCall& c, Value x) {
  if (c.failed() || c.dtype(x) == DType::kF32) return !c.failed();
  return c.unsupported(fmt::format("an operand of {}", name(c.dtype(x))), "convert it to float32"), false;
}

void import_frexp(SourceCall& c) {
  const Value x = c.tensor("self");
  if (!is_f32(c, x)) return;
  const Parts p = parts_of(c, x);
  const Value m = mul(c, p.m, unary(c, UnaryKind::kSign, x));
  c.results({select(c, p.finite, m, x), c.to_dtype(select(c, p.finite, p.e, number_like(c, x, 0)), DType::kI32)});
}

// One unit in the last place of x toward other; half of that from a power of two toward zero.
void import_nextafter(SourceCall& c) {
  const Values in = operands(c);
  if (c.failed() || !is_f32(c, in[0])) return;
  const Value x = in[0], y = in[1], zero = number_like(c, x, 0), one = number_like(c, x, 1);
  const Parts p = parts_of(c, x);
  const Value up = compare(c, CompareKind::kGreater, y, x), above = compare(c, CompareKind::kGreater, x, 0.0);
  const Value inward = compare(c, CompareKind::kNotEqual, c.to_dtype(up, DType::kI32), c.to_dtype(above, DType::kI32));
  const Value edge = c.add(Logical(LogicalKind::kAnd), {inward, compare(c, CompareKind::kEqual, p.m, 0.5)});
  Value exponent = sub(c, binary(c, BinaryKind::kSub, p.e, 24.0), select(c, edge, one, zero));
  exponent = binary(c, BinaryKind::kMaximum, exponent, -149.0);
  const Value unit = select(c, p.finite, binary(c, BinaryKind::kPow, 2.0, exponent), number_like(c, x, 0x1p-149));
  const Value step = select(c, up, unit, unary(c, UnaryKind::kNeg, unit));
  const Value same = compare(c, CompareKind::kEqual, x, y);
  const Value largest = mul(c, unary(c, UnaryKind::kSign, x), number_like(c, x, std::numeric_limits<float>::max()));
  const Value infinite = compare(c, CompareKind::kEqual, unary(c, UnaryKind::kAbs, x), std::numeric_limits<double>::infinity());
  const Value moved = select(c, infinite, largest, add(c, x, step));
  const Value defined = compare(c, CompareKind::kEqual, y, y);
  c.result(select(c, same, y, select(c, defined, moved, y)));
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
    {"aten.gcd.default", import_gcd<false>},
    {"aten.lcm.default", import_gcd<true>},
    {"aten.lerp.Scalar", import_lerp},
    {"aten.lerp.Tensor", import_lerp},
    {"aten.addcmul.default", import_addc<BinaryKind::kMul>},
    {"aten.addcdiv.default", import_addc<BinaryKind::kDiv>},
    {"aten.hypot.default", import_hypot},
    {"aten.logaddexp.default", import_logaddexp},
    {"aten.logaddexp2.default", import_logaddexp2},
    {"aten.frexp.Tensor", import_frexp},
    {"aten.nextafter.default", import_nextafter},
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
