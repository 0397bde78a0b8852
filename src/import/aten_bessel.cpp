// Bessel functions, Airy's function and Chebyshev polynomials. The Bessel functions are the rational and asymptotic
// approximations of Hart et al. and of Abramowitz and Stegun (9.8), about 1e-7.
#include <cmath>
#include <limits>
#include <numbers>

#include "import/special_functions.h"
#include "ops/promotion.h"

namespace atl {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kTwoOverPi = 2 / std::numbers::pi;

Value larger(Builder& b, double low, Value x) { return binary(b, BinaryKind::kMaximum, low, x); }
Value smaller(Builder& b, double high, Value x) { return binary(b, BinaryKind::kMinimum, high, x); }

// ---- Modified, first kind: exp(-|x|) I(x).

Value scaled_i0(Builder& b, Value x) {
  constexpr double kNear[] = {0.0045813, 0.0360768, 0.2659732, 1.2067492, 3.0899424, 3.5156229, 1};
  constexpr double kFar[] = {0.00392377,  -0.01647633, 0.02635537, -0.02057706, 0.00916281,
                             -0.00157565, 0.00225319,  0.01328592, 0.39894228};
  const Value a = magnitude(b, x), low = smaller(b, 3.75, a), high = larger(b, 3.75, a);
  const Value near = mul(b, polynomial(b, square(b, scale(b, low, 1 / 3.75)), kNear), exponential(b, negative(b, low)));
  const Value far = div(b, polynomial(b, over(b, 3.75, high), kFar), root(b, high));
  return where_below(b, a, 3.75, near, far);
}

Value scaled_i1(Builder& b, Value x) {
  constexpr double kNear[] = {0.00032411, 0.00301532, 0.02658733, 0.15084934, 0.51498869, 0.87890594, 0.5};
  constexpr double kFar[] = {-0.00420059, 0.01787654,  -0.02895312, 0.02282967, -0.01031555,
                             0.00163801,  -0.00362018, -0.03988024, 0.39894228};
  const Value a = magnitude(b, x), low = smaller(b, 3.75, a), high = larger(b, 3.75, a);
  const Value series = mul(b, low, polynomial(b, square(b, scale(b, low, 1 / 3.75)), kNear));
  const Value near = mul(b, series, exponential(b, negative(b, low)));
  const Value far = div(b, polynomial(b, over(b, 3.75, high), kFar), root(b, high));
  return mul(b, where_below(b, a, 3.75, near, far), unary(b, UnaryKind::kSign, x));
}

// The exponential in two halves does not overflow before the product does.
Value unscaled(Builder& b, Value y, Value x) {
  const Value half = exponential(b, scale(b, magnitude(b, x), 0.5));
  return mul(b, mul(b, y, half), half);
}
Value i0(Builder& b, Value x) { return unscaled(b, scaled_i0(b, x), x); }
Value i1(Builder& b, Value x) { return unscaled(b, scaled_i1(b, x), x); }

// ---- Modified, second kind. Infinite at zero, NaN below.

Value on_positive(Builder& b, Value x, Value y, double at_zero) {
  const Value edge = select(b, compare(b, CompareKind::kEqual, x, 0.0), number_like(b, x, at_zero), number_like(b, x, kNan));
  return select(b, compare(b, CompareKind::kGreater, x, 0.0), y, edge);
}

// exp(x) K(x) for orders 0 and 1.
Value scaled_k0(Builder& b, Value x) {
  constexpr double kNear[] = {0.74e-5, 0.10750e-3, 0.262698e-2, 0.3488590e-1, 0.23069756, 0.42278420, -0.57721566};
  constexpr double kFar[] = {0.53208e-3, -0.251540e-2, 0.587872e-2, -0.1062446e-1, 0.2189568e-1, -0.7832358e-1, 1.25331414};
  const Value low = smaller(b, 2, x), high = larger(b, 2, x);
  const Value series = polynomial(b, scale(b, square(b, low), 0.25), kNear);
  const Value near = sub(b, series, mul(b, logarithm(b, scale(b, low, 0.5)), i0(b, low)));
  const Value far = div(b, polynomial(b, over(b, 2, high), kFar), root(b, high));
  return on_positive(b, x, where_below(b, x, 2, mul(b, near, exponential(b, low)), far), kInfinity);
}
Value scaled_k1(Builder& b, Value x) {
  constexpr double kNear[] = {-0.4686e-4, -0.110404e-2, -0.1919402e-1, -0.18156897, -0.67278579, 0.15443144, 1};
  constexpr double kFar[] = {-0.68245e-3, 0.325614e-2, -0.780353e-2, 0.1504268e-1, -0.3655620e-1, 0.23498619, 1.25331414};
  const Value low = smaller(b, 2, x), high = larger(b, 2, x);
  const Value series = div(b, polynomial(b, scale(b, square(b, low), 0.25), kNear), low);
  const Value near = add(b, series, mul(b, logarithm(b, scale(b, low, 0.5)), i1(b, low)));
  const Value far = div(b, polynomial(b, over(b, 2, high), kFar), root(b, high));
  return on_positive(b, x, where_below(b, x, 2, mul(b, near, exponential(b, low)), far), kInfinity);
}
Value k0(Builder& b, Value x) { return mul(b, scaled_k0(b, x), exponential(b, negative(b, x))); }
Value k1(Builder& b, Value x) { return mul(b, scaled_k1(b, x), exponential(b, negative(b, x))); }

// ---- First and second kind.

/// The asymptotic form beyond 8: sqrt(2 / (pi a)) (f(a - phase) P - (8 / a) g(a - phase) Q) with f, g = cos, sin, or sin, -cos
/// for the second kind.
Value beyond_eight(Builder& b, Value a, double phase, Coefficients p, Coefficients q, bool second_kind) {
  const Value z = over(b, 8, a), y = square(b, z), angle = shift(b, a, -phase);
  const Value sine = unary(b, UnaryKind::kSin, angle), cosine = unary(b, UnaryKind::kCos, angle);
  const Value even = mul(b, second_kind ? sine : cosine, polynomial(b, y, p));
  const Value odd = mul(b, mul(b, z, second_kind ? cosine : sine), polynomial(b, y, q));
  return mul(b, root(b, over(b, kTwoOverPi, a)), second_kind ? add(b, even, odd) : sub(b, even, odd));
}

constexpr double kPhase0 = std::numbers::pi / 4, kPhase1 = 3 * std::numbers::pi / 4;
constexpr double kP0[] = {0.2093887211e-6, -0.2073370639e-5, 0.2734510407e-4, -0.1098628627e-2, 1};
constexpr double kQ0[] = {-0.934945152e-7, 0.7621095161e-6, -0.6911147651e-5, 0.1430488765e-3, -0.1562499995e-1};
constexpr double kP1[] = {-0.240337019e-6, 0.2457520174e-5, -0.3516396496e-4, 0.183105e-2, 1};
constexpr double kQ1[] = {0.105787412e-6, -0.88228987e-6, 0.8449199096e-5, -0.2002690873e-3, 0.04687499995};

Value near_j0(Builder& b, Value x) {
  constexpr double kOver[] = {-184.9052456, 77392.33017, -11214424.18, 651619640.7, -13362590354.0, 57568490574.0};
  constexpr double kUnder[] = {1, 267.8532712, 59272.64853, 9494680.718, 1029532985.0, 57568490411.0};
  const Value y = square(b, x);
  return div(b, polynomial(b, y, kOver), polynomial(b, y, kUnder));
}
Value near_j1(Builder& b, Value x) {
  constexpr double kOver[] = {-30.16036606, 15704.48260, -2972611.439, 242396853.1, -7895059235.0, 72362614232.0};
  constexpr double kUnder[] = {1, 376.9991397, 99447.43394, 18583304.74, 2300535178.0, 144725228442.0};
  const Value y = square(b, x);
  return mul(b, x, div(b, polynomial(b, y, kOver), polynomial(b, y, kUnder)));
}

Value j0(Builder& b, Value x) {
  const Value a = magnitude(b, x);
  const Value far = beyond_eight(b, larger(b, 8, a), kPhase0, kP0, kQ0, false);
  return where_below(b, a, 8, near_j0(b, smaller(b, 8, a)), far);
}
Value j1(Builder& b, Value x) {
  const Value a = magnitude(b, x);
  const Value far = beyond_eight(b, larger(b, 8, a), kPhase1, kP1, kQ1, false);
  return mul(b, where_below(b, a, 8, near_j1(b, smaller(b, 8, a)), far), unary(b, UnaryKind::kSign, x));
}

Value y0(Builder& b, Value x) {
  constexpr double kOver[] = {228.4622733, -86327.92757, 10879881.29, -512359803.6, 7062834065.0, -2957821389.0};
  constexpr double kUnder[] = {1, 226.1030244, 47447.26470, 7189466.438, 745249964.8, 40076544269.0};
  const Value low = smaller(b, 8, x), y = square(b, low);
  const Value rational = div(b, polynomial(b, y, kOver), polynomial(b, y, kUnder));
  const Value near = add(b, rational, scale(b, mul(b, near_j0(b, low), logarithm(b, low)), kTwoOverPi));
  const Value far = beyond_eight(b, larger(b, 8, x), kPhase0, kP0, kQ0, true);
  return on_positive(b, x, where_below(b, x, 8, near, far), -kInfinity);
}
Value y1(Builder& b, Value x) {
  constexpr double kOver[] = {0.8511937935e4,   -0.4237922726e7, 0.7349264551e9,
                              -0.5153438139e11, 0.1275274390e13, -0.4900604943e13};
  constexpr double kUnder[] = {
      1, 0.3549632885e3, 0.1020426050e6, 0.2245904002e8, 0.3733650367e10, 0.4244419664e12, 0.2499580570e14};
  const Value low = smaller(b, 8, x), y = square(b, low);
  const Value rational = mul(b, low, div(b, polynomial(b, y, kOver), polynomial(b, y, kUnder)));
  const Value log = sub(b, mul(b, near_j1(b, low), logarithm(b, low)), over(b, 1, low));
  const Value near = add(b, rational, scale(b, log, kTwoOverPi));
  const Value far = beyond_eight(b, larger(b, 8, x), kPhase1, kP1, kQ1, true);
  return on_positive(b, x, where_below(b, x, 8, near, far), -kInfinity);
}

// sin(x) / x
Value spherical_j0(Builder& b, Value x) {
  const Value ratio = div(b, unary(b, UnaryKind::kSin, x), x);
  const Value zero = compare(b, CompareKind::kEqual, magnitude(b, x), kInfinity);
  const Value finite = select(b, zero, number_like(b, x, 0), ratio);
  return select(b, compare(b, CompareKind::kEqual, x, 0.0), number_like(b, x, 1), finite);
}

// ---- Airy's function. Polynomials fitted to it (2.5e-6): itself in the middle; beyond, in 1 / zeta with zeta = 2/3 |x|^1.5,
// the factor of its decay, or the amplitudes of its waves. NaN at both infinities, as torch has it.

constexpr double kAiryLow = -2.5, kAiryHigh = 2;

/// zeta and the factor 1 / (sqrt(pi) a^(1/4)) for a > 0
std::pair<Value, Value> airy_phase(Builder& b, Value a) {
  const Value square_root = root(b, a);
  return {scale(b, mul(b, a, square_root), 2.0 / 3), over(b, std::numbers::inv_sqrtpi, root(b, square_root))};
}

Value airy_middle(Builder& b, Value x) {
  constexpr double kMiddle[] = {-0.00015051917, 0.0036849204, -0.00726706152, -0.0132112532, 0.0613363353,
                                -0.0523798108,  -0.129238132, 0.36782366,     -0.208534314,  -0.498374388,
                                0.91185376,     -0.264968087, -0.554375482,   0.418724552};
  const Value inside = clamp(b, x, kAiryLow, kAiryHigh);
  return polynomial(b, scale(b, shift(b, inside, -0.5 * (kAiryLow + kAiryHigh)), 2 / (kAiryHigh - kAiryLow)), kMiddle);
}

Value airy_decay(Builder& b, Value x) {
  constexpr double kDecay[] = {0.0233767749,  -0.067021359, 0.0882958376,  -0.0750551487, 0.0518420319,
                               -0.0374843271, 0.0371098695, -0.0694440075, 0.999999999};
  constexpr double kZeroBeyond = 200;  // keeps zeta finite
  const auto [zeta, factor] = airy_phase(b, clamp(b, x, kAiryHigh, kZeroBeyond));
  return mul(b, mul(b, scale(b, factor, 0.5), exponential(b, negative(b, zeta))), polynomial(b, over(b, 1, zeta), kDecay));
}

Value airy_waves(Builder& b, Value x) {
  constexpr double kCosine[] = {-0.0198029862,  0.089506847,   -0.126703812,   0.0780953721,
                                -0.00177631871, -0.0370565772, -1.29356767e-6, 1};
  constexpr double kSine[] = {0.132109578,   -0.213991325,  0.117595117,  0.00544185719,
                              -0.0388003508, 4.57672557e-5, 0.0694435327, 0};
  const auto [zeta, factor] = airy_phase(b, larger(b, -kAiryLow, negative(b, x)));
  const Value z = over(b, 1, zeta), angle = shift(b, zeta, -std::numbers::pi / 4);
  const Value even = mul(b, unary(b, UnaryKind::kCos, angle), polynomial(b, z, kCosine));
  const Value odd = mul(b, unary(b, UnaryKind::kSin, angle), polynomial(b, z, kSine));
  return mul(b, factor, add(b, even, odd));
}

Value airy(Builder& b, Value x) {
  const Value right = select(b, compare(b, CompareKind::kGreater, x, kAiryHigh), airy_decay(b, x), airy_middle(b, x));
  const Value y = where_below(b, x, kAiryLow, airy_waves(b, x), right);
  return where_below(b, magnitude(b, x), kInfinity, y, number_like(b, x, kNan));
}

// ---- Chebyshev polynomials of order trunc(n), in closed form: trigonometric inside [-1, 1], hyperbolic outside.

enum class Chebyshev { kT, kU, kV, kW };

/// (e^x + sign e^-x) / 2
Value hyperbolic(Builder& b, Value x, double sign) {
  return scale(b, add(b, exponential(b, x), scale(b, exponential(b, negative(b, x)), sign)), 0.5);
}

template <Chebyshev K, bool kShifted>
void import_chebyshev(SourceCall& c) {
  const Values in = promoted(c, {"x", "n"}, c.result_type().dtype);
  if (c.failed()) return;
  const Value x = kShifted ? shift(c, scale(c, in[0], 2), -1) : in[0], n = truncate(c, in[1]);
  const Value a = magnitude(c, x), up = compare(c, CompareKind::kLess, x, 0.0);
  // On |x|: P(-x) = (-1)^n P(x) for T and U; V and W change places.
  const Value inside = smaller(c, 1, a), outside = larger(c, 1, a);
  const auto sine = [&](Value v) { return unary(c, UnaryKind::kSin, v); };
  const auto cosine = [&](Value v) { return unary(c, UnaryKind::kCos, v); };
  const Value one_less = minus(c, 1, inside);
  const Value angle = binary(c, BinaryKind::kAtan2, root(c, mul(c, one_less, shift(c, inside, 1))), inside);
  const Value t = shift(c, outside, -1);
  const Value growth = log1p(c, add(c, t, mul(c, root(c, t), root(c, shift(c, t, 2)))));  // acosh
  const Value m = shift(c, n, K == Chebyshev::kT ? 0 : K == Chebyshev::kU ? 1 : 0.5);
  const Value turned = mul(c, m, angle), grown = mul(c, m, growth);
  const double half = K == Chebyshev::kU ? 1 : 0.5;
  const Value even_in = div(c, cosine(turned), cosine(scale(c, angle, half)));
  const Value even_out = div(c, hyperbolic(c, grown, 1), hyperbolic(c, scale(c, growth, half), 1));
  // At the end of the interval the quotient of sines is that of the angles.
  const Value end = compare(c, CompareKind::kEqual, a, 1.0), limit = scale(c, m, 1 / half);
  const Value odd_in = select(c, end, limit, div(c, sine(turned), sine(scale(c, angle, half))));
  const Value odd_out = div(c, hyperbolic(c, grown, -1), hyperbolic(c, scale(c, growth, half), -1));
  const auto at_size = [&](Value in_value, Value out_value) {
    return select(c, compare(c, CompareKind::kGreater, a, 1.0), out_value, in_value);
  };
  Value y, mirrored;
  if (K == Chebyshev::kT) {
    y = mirrored = at_size(cosine(turned), hyperbolic(c, grown, 1));
  } else if (K == Chebyshev::kU) {
    y = mirrored = at_size(odd_in, odd_out);
  } else {
    const Value even = at_size(even_in, even_out), odd = at_size(odd_in, odd_out);
    y = K == Chebyshev::kV ? even : odd;
    mirrored = K == Chebyshev::kV ? odd : even;
  }
  const Value is_odd = compare(c, CompareKind::kNotEqual, binary(c, BinaryKind::kFloorMod, n, 2.0), 0.0);
  const Value signed_y = select(c, up, select(c, is_odd, negative(c, mirrored), mirrored), y);
  c.result(where_below(c, n, 0, number_like(c, x, 0), signed_y));
}

/// A function whose operand the schema calls x.
template <Value (*F)(Builder&, Value)>
void import_function_of_x(SourceCall& c) {
  const Value x = function_operand(c, "x");
  if (!c.failed()) function_result(c, F(c, x));
}

constexpr Import kImports[] = {
    {"aten.i0.default", import_function<i0>},
    {"aten.special_i0.default", import_function<i0>},
    {"aten.special_modified_bessel_i0.default", import_function<i0>},
    {"aten.special_i0e.default", import_function<scaled_i0>},
    {"aten.special_i1.default", import_function<i1>},
    {"aten.special_modified_bessel_i1.default", import_function<i1>},
    {"aten.special_i1e.default", import_function<scaled_i1>},
    {"aten.special_modified_bessel_k0.default", import_function<k0>},
    {"aten.special_modified_bessel_k1.default", import_function<k1>},
    {"aten.special_scaled_modified_bessel_k0.default", import_function_of_x<scaled_k0>},
    {"aten.special_scaled_modified_bessel_k1.default", import_function_of_x<scaled_k1>},
    {"aten.special_bessel_j0.default", import_function<j0>},
    {"aten.special_bessel_j1.default", import_function<j1>},
    {"aten.special_bessel_y0.default", import_function<y0>},
    {"aten.special_bessel_y1.default", import_function<y1>},
    {"aten.special_airy_ai.default", import_function_of_x<airy>},
    {"aten.special_spherical_bessel_j0.default", import_function_of_x<spherical_j0>},
    {"aten.special_chebyshev_polynomial_t.default", import_chebyshev<Chebyshev::kT, false>},
    {"aten.special_chebyshev_polynomial_t.n_scalar", import_chebyshev<Chebyshev::kT, false>},
    {"aten.special_chebyshev_polynomial_t.x_scalar", import_chebyshev<Chebyshev::kT, false>},
    {"aten.special_chebyshev_polynomial_u.default", import_chebyshev<Chebyshev::kU, false>},
    {"aten.special_chebyshev_polynomial_u.n_scalar", import_chebyshev<Chebyshev::kU, false>},
    {"aten.special_chebyshev_polynomial_u.x_scalar", import_chebyshev<Chebyshev::kU, false>},
    {"aten.special_chebyshev_polynomial_v.default", import_chebyshev<Chebyshev::kV, false>},
    {"aten.special_chebyshev_polynomial_v.n_scalar", import_chebyshev<Chebyshev::kV, false>},
    {"aten.special_chebyshev_polynomial_v.x_scalar", import_chebyshev<Chebyshev::kV, false>},
    {"aten.special_chebyshev_polynomial_w.default", import_chebyshev<Chebyshev::kW, false>},
    {"aten.special_chebyshev_polynomial_w.n_scalar", import_chebyshev<Chebyshev::kW, false>},
    {"aten.special_chebyshev_polynomial_w.x_scalar", import_chebyshev<Chebyshev::kW, false>},
    {"aten.special_shifted_chebyshev_polynomial_t.default", import_chebyshev<Chebyshev::kT, true>},
    {"aten.special_shifted_chebyshev_polynomial_t.n_scalar", import_chebyshev<Chebyshev::kT, true>},
    {"aten.special_shifted_chebyshev_polynomial_t.x_scalar", import_chebyshev<Chebyshev::kT, true>},
    {"aten.special_shifted_chebyshev_polynomial_u.default", import_chebyshev<Chebyshev::kU, true>},
    {"aten.special_shifted_chebyshev_polynomial_u.n_scalar", import_chebyshev<Chebyshev::kU, true>},
    {"aten.special_shifted_chebyshev_polynomial_u.x_scalar", import_chebyshev<Chebyshev::kU, true>},
    {"aten.special_shifted_chebyshev_polynomial_v.default", import_chebyshev<Chebyshev::kV, true>},
    {"aten.special_shifted_chebyshev_polynomial_v.n_scalar", import_chebyshev<Chebyshev::kV, true>},
    {"aten.special_shifted_chebyshev_polynomial_v.x_scalar", import_chebyshev<Chebyshev::kV, true>},
    {"aten.special_shifted_chebyshev_polynomial_w.default", import_chebyshev<Chebyshev::kW, true>},
    {"aten.special_shifted_chebyshev_polynomial_w.n_scalar", import_chebyshev<Chebyshev::kW, true>},
    {"aten.special_shifted_chebyshev_polynomial_w.x_scalar", import_chebyshev<Chebyshev::kW, true>},
};

}  // namespace

std::span<const Import> aten_bessel() { return kImports; }

}  // namespace atl
