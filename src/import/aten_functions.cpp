// Functions that LiteRT has no operator for, from ones that it has: exact to a few units in the last place of f32, also where
// the textbook form cancels.
#include <cmath>
#include <limits>
#include <numbers>

#include "import/special_functions.h"

namespace atl {

// tanh(x / 2) (e^x + 1): no cancellation around zero.
Value expm1(Builder& b, Value x) {
  const Value half = unary(b, UnaryKind::kTanh, binary(b, BinaryKind::kMul, x, 0.5));
  return mul(b, half, binary(b, BinaryKind::kAdd, unary(b, UnaryKind::kExp, x), 1.0));
}

// log(u) with u = 1 + x, plus what the rounding of u lost: (x - (u - 1)) / u. The bounds keep the correction finite at -1 and
// infinity.
Value log1p(Builder& b, Value x) {
  constexpr double kMax = std::numeric_limits<float>::max();
  const Value u = binary(b, BinaryKind::kAdd, x, 1.0);
  const Value inside = clamp(b, u, 1e-30, kMax);
  const Value lost = sub(b, binary(b, BinaryKind::kMinimum, kMax, x), binary(b, BinaryKind::kSub, inside, 1.0));
  return add(b, unary(b, UnaryKind::kLog, u), div(b, lost, inside));
}

Value polynomial(Builder& b, Value x, Coefficients c) {
  Value y = shift(b, scale(b, x, c[0]), c[1]);
  for (double k : c.subspan(2)) y = shift(b, mul(b, y, x), k);
  return y;
}

// With the nearest integer n: (-1)^n sin(pi (x - n)).
Value sin_pi(Builder& b, Value x) {
  const Value nearest = unary(b, UnaryKind::kRound, x);
  const Value sine = unary(b, UnaryKind::kSin, scale(b, sub(b, x, nearest), std::numbers::pi));
  const Value odd = magnitude(b, binary(b, BinaryKind::kFloorMod, nearest, 2.0));
  return mul(b, sine, minus(b, 1, scale(b, odd, 2)));
}

// t exp(-x^2 + P(t)) with t = 1 / (1 + |x| / 2) for |x|, relative error 1.2e-7 (Numerical Recipes, erfcc).
Value erfcx_of_positive(Builder& b, Value x) {
  constexpr double kTail[] = {0.17087277,  -0.82215223, 1.48851587, -1.13520398, 0.27886807,
                              -0.18628806, 0.09678418,  0.37409196, 1.00002368,  -1.26551223};
  const Value t = over(b, 1, shift(b, scale(b, x, 0.5), 1));
  return mul(b, t, exponential(b, polynomial(b, t, kTail)));
}

// 2 - erfc(-x) below zero.
Value erfc(Builder& b, Value x) {
  const Value tail = mul(b, erfcx_of_positive(b, magnitude(b, x)), exponential(b, negative(b, square(b, x))));
  return where_below(b, x, 0, minus(b, 2, tail), tail);
}

namespace {

Value with_sign_of(Builder& b, Value x, Value y) { return mul(b, y, unary(b, UnaryKind::kSign, x)); }

// The rational minimax approximation that Eigen uses for float, 4 units in the last place; |x| > 4 gives 1.
Value erf(Builder& b, Value x) {
  constexpr double kOver[] = {-2.72614225801306e-10, 2.77068142495902e-08,  -2.10102402082508e-06, -5.69250639462346e-05,
                              -7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02};
  constexpr double kUnder[] = {-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03,
                               -1.42647390514189e-02};
  const Value inside = clamp(b, x, -4, 4), s = square(b, inside);
  return div(b, mul(b, inside, polynomial(b, s, kOver)), polynomial(b, s, kUnder));
}

Value log2(Builder& b, Value x) { return scale(b, logarithm(b, x), std::numbers::log2e); }
Value log10(Builder& b, Value x) { return scale(b, logarithm(b, x), std::numbers::log10e); }
Value exp2(Builder& b, Value x) { return binary(b, BinaryKind::kPow, 2.0, x); }
Value reciprocal(Builder& b, Value x) { return binary(b, BinaryKind::kDiv, 1.0, x); }

// With n quarter turns taken off in three parts, which keeps the precision near the poles: tan(r) or -1 / tan(r).
Value tan(Builder& b, Value x) {
  const Value n = unary(b, UnaryKind::kRound, scale(b, x, 2 / std::numbers::pi));
  Value r = x;
  for (double part : {1.5703125, 4.837512969970703125e-4, 7.549789948768648e-8}) r = sub(b, r, scale(b, n, part));
  const Value sine = unary(b, UnaryKind::kSin, r), cosine = unary(b, UnaryKind::kCos, r);
  const Value odd = compare(b, CompareKind::kNotEqual, binary(b, BinaryKind::kFloorMod, n, 2.0), 0.0);
  return select(b, odd, negative(b, div(b, cosine, sine)), div(b, sine, cosine));
}
// (e^x + e^-x) / 2 with the half inside the exponent, which puts the overflow where the result's is.
Value cosh(Builder& b, Value x) {
  const Value up = exponential(b, shift(b, x, -std::numbers::ln2));
  return add(b, up, exponential(b, binary(b, BinaryKind::kSub, -std::numbers::ln2, x)));
}
Value sinh(Builder& b, Value x) { return mul(b, unary(b, UnaryKind::kTanh, x), cosh(b, x)); }
// Squares beyond this overflow in f32; log(2 x) is exact there.
constexpr double kLargeRoot = 1e18;
Value log_of_twice(Builder& b, Value x) { return shift(b, logarithm(b, x), std::numbers::ln2); }

// log(|x| + sqrt(x^2 + 1)) as log1p.
Value asinh(Builder& b, Value x) {
  const Value size = magnitude(b, x), s = square(b, binary(b, BinaryKind::kMinimum, kLargeRoot, size));
  const Value grown = div(b, s, shift(b, root(b, shift(b, s, 1)), 1));
  const Value y = where_below(b, size, kLargeRoot, log1p(b, add(b, size, grown)), log_of_twice(b, size));
  return with_sign_of(b, x, y);
}
// log1p of t + sqrt(t^2 + 2t) with t = x - 1
Value acosh(Builder& b, Value x) {
  const Value t = shift(b, x, -1);
  const Value y = log1p(b, add(b, t, mul(b, root(b, t), root(b, shift(b, t, 2)))));
  return where_below(b, x, kLargeRoot, y, log_of_twice(b, x));
}
// On |x|, where log1p's operand is positive: nothing cancels.
Value atanh(Builder& b, Value x) {
  const Value size = magnitude(b, x), ratio = div(b, size, binary(b, BinaryKind::kSub, 1.0, size));
  return with_sign_of(b, x, scale(b, log1p(b, scale(b, ratio, 2)), 0.5));
}
Value atan2(Builder& b, Value y, Value x) { return binary(b, BinaryKind::kAtan2, y, x); }
Value atan(Builder& b, Value x) { return atan2(b, x, uniform(b, number_like(b, x, 1), b.shape(x))); }
// sqrt(1 - x^2) without cancellation near 1
Value complement(Builder& b, Value x) { return root(b, mul(b, binary(b, BinaryKind::kSub, 1.0, x), shift(b, x, 1))); }
Value asin(Builder& b, Value x) { return atan2(b, x, complement(b, x)); }
Value acos(Builder& b, Value x) { return atan2(b, complement(b, x), x); }
Value sinc(Builder& b, Value x) {
  const Value turn = scale(b, x, std::numbers::pi);
  const Value ratio = div(b, sin_pi(b, x), turn);
  return select(b, compare(b, CompareKind::kEqual, x, 0.0), number_like(b, x, 1), ratio);
}
Value deg2rad(Builder& b, Value x) { return scale(b, x, std::numbers::pi / 180); }
Value rad2deg(Builder& b, Value x) { return scale(b, x, 180 / std::numbers::pi); }

Value frac(Builder& b, Value x) { return sub(b, x, truncate(b, x)); }

// Integers are their own truncation.
void import_trunc(SourceCall& c) {
  const Value x = c.tensor("self");
  c.result(is_float(c.dtype(x)) ? truncate(c, x) : x);
}

void import_round_decimals(SourceCall& c) {
  const Value x = c.tensor("self");
  const int64_t decimals = c.integer("decimals", 0);
  if (std::abs(decimals) > 30) return c.unsupported(fmt::format("decimals={}", decimals));
  if (!is_float(c.dtype(x))) {
    if (decimals < 0) return c.unsupported("negative decimals of integers", "convert the operand to float");
    return c.result(x);
  }
  const double factor = std::pow(10.0, double(std::abs(decimals)));
  if (decimals == 0) return c.result(unary(c, UnaryKind::kRound, x));
  const auto there = decimals > 0 ? BinaryKind::kMul : BinaryKind::kDiv;
  const auto back = decimals > 0 ? BinaryKind::kDiv : BinaryKind::kMul;
  c.result(binary(c, back, unary(c, UnaryKind::kRound, binary(c, there, x, factor)), factor));
}

void import_logit(SourceCall& c) {
  Value x = function_operand(c);
  if (c.has("eps")) {
    const double eps = c.number("eps");
    x = clamp(c, x, eps, 1 - eps);
  }
  function_result(c, logarithm(c, div(c, x, binary(c, BinaryKind::kSub, 1.0, x))));
}

constexpr Import kImports[] = {
    {"aten.erf.default", import_function<erf>},
    {"aten.special_erf.default", import_function<erf>},
    {"aten.erfc.default", import_function<erfc>},
    {"aten.special_erfc.default", import_function<erfc>},
    {"aten.expm1.default", import_function<expm1>},
    {"aten.special_expm1.default", import_function<expm1>},
    {"aten.log1p.default", import_function<log1p>},
    {"aten.special_log1p.default", import_function<log1p>},
    {"aten.log2.default", import_function<log2>},
    {"aten.log10.default", import_function<log10>},
    {"aten.exp2.default", import_function<exp2>},
    {"aten.special_exp2.default", import_function<exp2>},
    {"aten.reciprocal.default", import_function<reciprocal>},
    {"aten.tan.default", import_function<tan>},
    {"aten.sinh.default", import_function<sinh>},
    {"aten.cosh.default", import_function<cosh>},
    {"aten.asinh.default", import_function<asinh>},
    {"aten.arcsinh.default", import_function<asinh>},
    {"aten.acosh.default", import_function<acosh>},
    {"aten.arccosh.default", import_function<acosh>},
    {"aten.atanh.default", import_function<atanh>},
    {"aten.arctanh.default", import_function<atanh>},
    {"aten.asin.default", import_function<asin>},
    {"aten.arcsin.default", import_function<asin>},
    {"aten.acos.default", import_function<acos>},
    {"aten.arccos.default", import_function<acos>},
    {"aten.atan.default", import_function<atan>},
    {"aten.arctan.default", import_function<atan>},
    {"aten.sinc.default", import_function<sinc>},
    {"aten.special_sinc.default", import_function<sinc>},
    {"aten.deg2rad.default", import_function<deg2rad>},
    {"aten.rad2deg.default", import_function<rad2deg>},
    {"aten.frac.default", import_function<frac>},
    {"aten.trunc.default", import_trunc},
    {"aten.fix.default", import_trunc},
    {"aten.round.decimals", import_round_decimals},
    {"aten.logit.default", import_logit},
    {"aten.special_logit.default", import_logit},
};

}  // namespace

std::span<const Import> aten_functions() { return kImports; }

}  // namespace atl
