// Special functions of one or two operands around the gamma function, the error function and entropy.
#include <cmath>
#include <limits>
#include <numbers>

#include "import/special_functions.h"
#include "ops/promotion.h"

namespace atl {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kPi = std::numbers::pi;

Value is_integer(Builder& b, Value x) { return compare(b, CompareKind::kEqual, unary(b, UnaryKind::kFloor, x), x); }
Value is_positive(Builder& b, Value x) { return compare(b, CompareKind::kGreater, x, 0.0); }
Value both(Builder& b, Value x, Value y) { return b.add(Logical(LogicalKind::kAnd), {x, y}); }

// Lanczos' approximation (g = 7) for x >= 1/2.
Value lgamma_of_positive(Builder& b, Value x) {
  constexpr double kSeries[] = {676.5203681218851,  -1259.1392167224028,  771.32342877765313,    -176.61502916214059,
                                12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7};
  Value sum = number_like(b, x, 0.99999999999980993);
  for (size_t i = 0; i < std::size(kSeries); ++i) sum = add(b, over(b, kSeries[i], shift(b, x, double(i))), sum);
  const Value t = shift(b, x, 6.5);
  const Value power = mul(b, shift(b, x, -0.5), logarithm(b, t));
  const Value y = add(b, shift(b, sub(b, power, t), 0.5 * std::log(2 * kPi)), logarithm(b, sum));
  return select(b, compare(b, CompareKind::kEqual, x, kInfinity), x, y);
}

}  // namespace

// Below 1/2 by reflection: log(pi / |sin(pi x)|) - lgamma(1 - x).
Value lgamma(Builder& b, Value x) {
  const Value low = compare(b, CompareKind::kLess, x, 0.5);
  const Value y = lgamma_of_positive(b, select(b, low, minus(b, 1, x), x));
  const Value turn = logarithm(b, magnitude(b, sin_pi(b, x)));
  return select(b, low, sub(b, minus(b, std::log(kPi), turn), y), y);
}

namespace {

// Six steps up, then the asymptotic series; x >= 1/2.
Value digamma_of_positive(Builder& b, Value x) {
  constexpr double kSeries[] = {-1.0 / 252, 1.0 / 120, -1.0 / 12};
  Value steps = over(b, 1, x);
  for (int k = 1; k < 6; ++k) steps = add(b, over(b, 1, shift(b, x, k)), steps);
  const Value w = shift(b, x, 6), inverse = over(b, 1, w), s = square(b, inverse);
  const Value tail = sub(b, mul(b, s, polynomial(b, s, kSeries)), scale(b, inverse, 0.5));
  return sub(b, add(b, logarithm(b, w), tail), steps);
}

// Below 1/2 by reflection: digamma(1 - x) - pi / tan(pi x). -inf at zero, NaN at negative integers.
Value digamma(Builder& b, Value x) {
  const Value low = compare(b, CompareKind::kLess, x, 0.5);
  const Value y = digamma_of_positive(b, select(b, low, minus(b, 1, x), x));
  const Value r = scale(b, sub(b, x, unary(b, UnaryKind::kRound, x)), kPi);
  const Value turn = scale(b, div(b, unary(b, UnaryKind::kCos, r), unary(b, UnaryKind::kSin, r)), kPi);
  const Value reflected = select(b, low, sub(b, y, turn), y);
  const Value pole = both(b, is_integer(b, x), compare(b, CompareKind::kLessEqual, x, 0.0));
  const Value at_pole =
      select(b, compare(b, CompareKind::kEqual, x, 0.0), number_like(b, x, -kInfinity), number_like(b, x, kNan));
  return select(b, both(b, pole, compare(b, CompareKind::kGreater, x, -kInfinity)), at_pole, reflected);
}

// Hurwitz' zeta function of q > 0: ten terms, then Euler's and Maclaurin's formula. `s` may be a scalar.
Value zeta_of_positive(Builder& b, Value s, Value q) {
  constexpr double kBernoulli[] = {1.0 / 12, -1.0 / 720, 1.0 / 30240, -1.0 / 1209600};
  constexpr int kTerms = 10;
  const Value minus_s = negative(b, s);
  const auto power = [&](Value a) { return binary(b, BinaryKind::kPow, a, minus_s); };
  Value sum;
  for (int k = kTerms - 1; k >= 0; --k) {
    const Value term = power(shift(b, q, k));
    sum = sum.valid() ? add(b, sum, term) : term;
  }
  const Value a = shift(b, q, kTerms), last = power(a);
  Value tail = add(b, div(b, mul(b, last, a), shift(b, s, -1)), scale(b, last, 0.5));
  Value factor = div(b, mul(b, last, s), a);
  for (int j = 0; j < int(std::size(kBernoulli)); ++j) {
    tail = add(b, tail, scale(b, factor, kBernoulli[j]));
    const Value next = mul(b, shift(b, s, 2 * j + 1), shift(b, s, 2 * j + 2));
    factor = div(b, mul(b, factor, next), square(b, a));
  }
  return add(b, sum, tail);
}

// Below zero for a whole s: with r = q - floor(q), zeta(s, r) + (-1)^s (zeta(s, 1 - r) - zeta(s, 1 - q)); infinite at integers.
Value zeta(Builder& b, Value s, Value q) {
  const Value r = sub(b, q, unary(b, UnaryKind::kFloor, q)), positive = is_positive(b, q);
  const Value inside = select(b, positive, q, number_like(b, q, 1));
  const Value fraction = select(b, compare(b, CompareKind::kEqual, r, 0.0), number_like(b, q, 0.5), r);
  const Value outside = select(b, positive, number_like(b, q, 0), q);
  const Value odd = magnitude(b, binary(b, BinaryKind::kFloorMod, s, 2.0));
  const Value sign = minus(b, 1, scale(b, odd, 2));
  const Value low = sub(b, zeta_of_positive(b, s, minus(b, 1, fraction)), zeta_of_positive(b, s, minus(b, 1, outside)));
  const Value below = add(b, zeta_of_positive(b, s, fraction), mul(b, sign, low));
  const Value defined = select(b, is_integer(b, s), below, number_like(b, q, kNan));
  const Value negative_q = select(b, is_integer(b, q), number_like(b, q, kInfinity), defined);
  return select(b, positive, zeta_of_positive(b, s, inside), negative_q);
}

void import_zeta(SourceCall& c) {
  const Values in = promoted(c, {"self", "other"}, c.result_type().dtype);
  if (c.failed()) return;
  const Value s = in[0], q = in[1];
  const Value above = select(c, compare(c, CompareKind::kGreater, s, 1.0), s, number_like(c, s, 2));
  const Value y = zeta(c, above, q);
  const Value low = select(c, compare(c, CompareKind::kEqual, s, 1.0), number_like(c, s, kInfinity), number_like(c, s, kNan));
  function_result(c, select(c, compare(c, CompareKind::kGreater, s, 1.0), y, low));
}

// (-1)^(n + 1) n! zeta(n + 1, x)
void import_polygamma(SourceCall& c) {
  const Value x = function_operand(c);
  const int64_t n = c.integer("n");
  if (c.failed()) return;
  if (n < 0 || n > 30) return c.unsupported(fmt::format("the derivative of order {}", n), "orders 0 to 30 convert");
  if (n == 0) return function_result(c, digamma(c, x));
  const double factor = (n % 2 ? 1 : -1) * std::tgamma(double(n + 1));
  function_result(c, scale(c, zeta(c, number_like(c, x, double(n + 1)), x), factor));
}

void import_mvlgamma(SourceCall& c) {
  const Value x = function_operand(c);
  const int64_t p = c.integer("p");
  if (c.failed()) return;
  if (p < 1 || p > 64) return c.unsupported(fmt::format("p={}", p), "p from 1 to 64 converts");
  Value sum;
  for (int64_t j = 0; j < p; ++j) {
    const Value part = lgamma(c, shift(c, x, -0.5 * double(j)));
    sum = sum.valid() ? add(c, sum, part) : part;
  }
  function_result(c, shift(c, sum, 0.25 * double(p * (p - 1)) * std::log(kPi)));
}

// M. Giles' approximation in w = -log(1 - x^2), which the caller has without cancellation.
Value erfinv_with(Builder& b, Value x, Value w) {
  constexpr double kCentral[] = {2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
                                 -0.00125372503, -0.00417768164, 0.246640727,    1.50140941};
  constexpr double kTail[] = {-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
                              -0.0076224613,   0.00943887047,  1.00167406,    2.83297682};
  const Value central = polynomial(b, shift(b, w, -2.5), kCentral);
  const Value tail = polynomial(b, shift(b, root(b, w), -3), kTail);
  const Value y = mul(b, x, where_below(b, w, 5, central, tail));
  return select(b, compare(b, CompareKind::kEqual, magnitude(b, x), 1.0), scale(b, x, kInfinity), y);
}

Value erfinv(Builder& b, Value x) {
  return erfinv_with(b, x, negative(b, logarithm(b, mul(b, minus(b, 1, x), shift(b, x, 1)))));
}
Value ndtri(Builder& b, Value y) {
  const Value w = negative(b, logarithm(b, scale(b, mul(b, y, minus(b, 1, y)), 4)));
  return scale(b, erfinv_with(b, shift(b, scale(b, y, 2), -1), w), std::numbers::sqrt2);
}
Value ndtr(Builder& b, Value x) { return scale(b, erfc(b, scale(b, x, -std::numbers::sqrt2 / 2)), 0.5); }
Value log_ndtr(Builder& b, Value x) {
  const Value low = binary(b, BinaryKind::kMinimum, -1.0, x);
  const Value scaled = erfcx_of_positive(b, scale(b, low, -std::numbers::sqrt2 / 2));
  const Value below = sub(b, logarithm(b, scale(b, scaled, 0.5)), scale(b, square(b, low), 0.5));
  const Value above = log1p(b, scale(b, erfc(b, scale(b, x, std::numbers::sqrt2 / 2)), -0.5));
  return where_below(b, x, -1, below, above);
}
// 2 exp(x^2) - erfcx(-x) below zero.
Value erfcx(Builder& b, Value x) {
  const Value y = erfcx_of_positive(b, magnitude(b, x));
  return where_below(b, x, 0, sub(b, scale(b, exponential(b, square(b, x)), 2), y), y);
}

// -x log(x); 0 at zero, -inf below.
Value entr(Builder& b, Value x) {
  const Value y = negative(b, mul(b, x, logarithm(b, x)));
  const Value zero = compare(b, CompareKind::kEqual, x, 0.0);
  return where_below(b, x, 0, number_like(b, x, -kInfinity), select(b, zero, number_like(b, x, 0), y));
}

void import_xlog1py(SourceCall& c) {
  const Values in = promoted(c, {"self", "other"}, c.result_type().dtype);
  if (c.failed()) return;
  const Value product = mul(c, in[0], log1p(c, in[1]));
  const Value zero = compare(c, CompareKind::kEqual, in[0], 0.0), defined = compare(c, CompareKind::kEqual, in[1], in[1]);
  c.result(select(c, both(c, zero, defined), number_like(c, product, 0), product));
}

// x 2^other
void import_ldexp(SourceCall& c) {
  const Values in = promoted(c, {"self", "other"}, c.result_type().dtype);
  if (!c.failed()) c.result(mul(c, in[0], binary(c, BinaryKind::kPow, 2.0, in[1])));
}

constexpr Import kImports[] = {
    {"aten.lgamma.default", import_function<lgamma>},
    {"aten.special_gammaln.default", import_function<lgamma>},
    {"aten.digamma.default", import_function<digamma>},
    {"aten.special_digamma.default", import_function<digamma>},
    {"aten.special_psi.default", import_function<digamma>},
    {"aten.polygamma.default", import_polygamma},
    {"aten.special_polygamma.default", import_polygamma},
    {"aten.mvlgamma.default", import_mvlgamma},
    {"aten.special_multigammaln.default", import_mvlgamma},
    {"aten.special_zeta.default", import_zeta},
    {"aten.special_zeta.other_scalar", import_zeta},
    {"aten.special_zeta.self_scalar", import_zeta},
    {"aten.erfinv.default", import_function<erfinv>},
    {"aten.special_erfinv.default", import_function<erfinv>},
    {"aten.special_ndtri.default", import_function<ndtri>},
    {"aten.special_ndtr.default", import_function<ndtr>},
    {"aten.special_log_ndtr.default", import_function<log_ndtr>},
    {"aten.special_erfcx.default", import_function<erfcx>},
    {"aten.special_entr.default", import_function<entr>},
    {"aten.special_xlog1py.default", import_xlog1py},
    {"aten.special_xlog1py.other_scalar", import_xlog1py},
    {"aten.special_xlog1py.self_scalar", import_xlog1py},
    {"aten.ldexp.Tensor", import_ldexp},
};

}  // namespace

std::span<const Import> aten_special() { return kImports; }

}  // namespace atl
