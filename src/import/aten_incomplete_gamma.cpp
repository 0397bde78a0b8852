// The incomplete gamma functions: a power series for x up to a, Legendre's continued fraction (by Lentz' method) beyond.
#include <cmath>
#include <limits>
#include <numbers>

#include "import/loop.h"
#include "import/special_functions.h"
#include "ops/promotion.h"

namespace atl {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kPrecision = std::numeric_limits<float>::epsilon() / 2;
constexpr double kMaxTerms = 4000;
constexpr double kTiny = 1e-30;
constexpr double kSettled = 4 * kPrecision;

Value any(Builder& b, Value v) { return reduce(b, ReduceKind::kAny, v, all_axes(b, v), false); }
Value at_least(Builder& b, Value x, double low) { return binary(b, BinaryKind::kMaximum, low, x); }

/// Whether another term counts: one of `change` is larger than `size`, and there were not too many.
Value goes_on(Builder& b, Value k, Value change, Value size) {
  const Value counts = any(b, compare(b, CompareKind::kGreater, magnitude(b, change), size));
  return b.add(Logical(LogicalKind::kAnd), {counts, compare(b, CompareKind::kLess, k, kMaxTerms)});
}

/// x^a e^-x / gamma(a + 1). Beyond 8 in terms of x / a, where the textbook form cancels.
Value first_term(Builder& b, Value a, Value x) {
  constexpr double kStirling[] = {1.0 / 1260, -1.0 / 360, 1.0 / 12};
  constexpr double kSwitch = 8;
  const Value low = binary(b, BinaryKind::kMinimum, kSwitch, a), high = at_least(b, a, kSwitch);
  const Value near = exponential(b, sub(b, sub(b, mul(b, low, logarithm(b, x)), x), lgamma(b, shift(b, low, 1))));
  const Value d = div(b, sub(b, x, high), high), inverse = over(b, 1, high);
  const Value stirling = mul(b, inverse, polynomial(b, square(b, inverse), kStirling));
  const Value exponent = sub(b, mul(b, high, sub(b, log1p(b, d), d)), stirling);
  const Value far = div(b, exponential(b, exponent), root(b, scale(b, high, 2 * std::numbers::pi)));
  return where_below(b, a, kSwitch, near, far);
}

/// 1 + x / (a + 1) + x^2 / ((a + 1) (a + 2)) + ... for x <= a, or both small
Value series(Builder& b, Value a, Value x) {
  const Value one = uniform(b, number_like(b, x, 1), b.shape(x));
  Loop loop;
  loop.variables = {number_like(b, x, 1), one, one};
  loop.names = {"k", "term", "sum"};
  loop.invariant = {a, x};
  loop.more = [](Builder& g, const Values& v, const Values&) { return goes_on(g, v[0], v[1], scale(g, v[2], kPrecision)); };
  loop.step = [](Builder& g, const Values& v, const Values& fixed) {
    const Value term = div(g, mul(g, v[1], fixed[1]), add(g, fixed[0], v[0]));
    return Values{shift(g, v[0], 1), term, add(g, v[2], term)};
  };
  return add_loop(b, loop)[2];
}

/// 1 / (x + 1 - a - 1 (1 - a) / (x + 3 - a - 2 (2 - a) / ...)) for x > a, not small
Value fraction(Builder& b, Value a, Value x) {
  const Value start = shift(b, sub(b, x, a), 1), inverse = over(b, 1, start);
  const Value far = uniform(b, number_like(b, x, 1 / kTiny), b.shape(x));
  Loop loop;
  loop.variables = {number_like(b, x, 1), start, far, inverse, inverse, far};
  loop.names = {"k", "b", "c", "d", "y", "change"};
  loop.invariant = {a};
  loop.more = [](Builder& g, const Values& v, const Values&) {
    return goes_on(g, v[0], shift(g, v[5], -1), number_like(g, v[5], kSettled));
  };
  loop.step = [](Builder& g, const Values& v, const Values& fixed) {
    const auto nonzero = [&](Value t) { return where_below(g, magnitude(g, t), kTiny, number_like(g, t, kTiny), t); };
    const Value numerator = mul(g, v[0], sub(g, fixed[0], v[0])), next = shift(g, v[1], 2);
    const Value d = over(g, 1, nonzero(add(g, mul(g, numerator, v[3]), next)));
    const Value c = nonzero(add(g, next, div(g, numerator, v[2]))), change = mul(g, c, d);
    // What has settled stays: roundings of many more steps would add up.
    const Value moves = compare(g, CompareKind::kGreater, magnitude(g, shift(g, change, -1)), kSettled);
    return Values{shift(g, v[0], 1), next, c, d, select(g, moves, mul(g, v[4], change), v[4]), change};
  };
  return add_loop(b, loop)[4];
}

/// The upper function for x and a up to about one, where the lower one is near one for small a: what the first term of the
/// lower series lacks to one, less its other terms.
Value small_upper(Builder& b, Value a, Value x) {
  constexpr int kCount = 12;
  const Value log_first = sub(b, mul(b, a, logarithm(b, x)), lgamma(b, shift(b, a, 1)));
  Value sum;
  double coefficient = 1;
  Value power = x;
  for (int n = 1; n <= kCount; ++n) {
    coefficient /= -n;
    const Value term = div(b, scale(b, power, coefficient), shift(b, a, n));
    sum = sum.valid() ? add(b, sum, term) : term;
    if (n < kCount) power = mul(b, power, x);
  }
  // x^a / gamma(a) = a exp(log_first)
  return negative(b, add(b, expm1(b, log_first), mul(b, mul(b, a, exponential(b, log_first)), sum)));
}

template <bool kUpper>
void import_incomplete_gamma(SourceCall& c) {
  const Values in = promoted(c, {"self", "other"}, c.result_type().dtype);
  if (c.failed()) return;
  const Shape shape = c.result_type().shape;
  if (element_count(shape) == 0) return c.result(add(c, in[0], in[1]));
  const auto whole = [&](Value v) { return c.shape(v) == shape ? v : c.add(BroadcastTo(shape), {v}); };
  const Value a = whole(in[0]), x = whole(in[1]);
  const auto all = [&](CompareKind kind, Value v, double to) { return compare(c, kind, v, to); };
  const auto both = [&](Value p, Value q) { return c.add(Logical(LogicalKind::kAnd), {p, q}); };
  const auto number = [&](double v) { return number_like(c, x, v); };
  // Where the functions are computed; elsewhere one and one stand for the operands.
  const Value inside = both(both(all(CompareKind::kGreater, a, 0), all(CompareKind::kLess, a, kInfinity)),
                            both(all(CompareKind::kGreater, x, 0), all(CompareKind::kLess, x, kInfinity)));
  const Value safe_a = select(c, inside, a, number(1)), safe_x = select(c, inside, x, number(1));
  constexpr double kSmall = 1.1;
  const Value beyond = compare(c, CompareKind::kGreater, safe_x, binary(c, BinaryKind::kMaximum, safe_a, kSmall));
  const Value near_x = select(c, beyond, number(1), safe_x), near_a = select(c, beyond, number(1), safe_a);
  const Value far_x = select(c, beyond, safe_x, number(3)), far_a = select(c, beyond, safe_a, number(1));
  const Value term = first_term(c, safe_a, safe_x);
  const Value lower = mul(c, term, series(c, near_a, near_x));
  const Value upper = mul(c, mul(c, term, safe_a), fraction(c, far_a, far_x));
  Value y = select(c, beyond, minus(c, 1, upper), lower);
  if (kUpper) {
    const auto bounded = [&](Value v) { return binary(c, BinaryKind::kMinimum, v, kSmall); };
    const Value small = all(CompareKind::kLess, binary(c, BinaryKind::kMaximum, safe_a, safe_x), kSmall);
    y = select(c, beyond, upper, select(c, small, small_upper(c, bounded(safe_a), bounded(safe_x)), minus(c, 1, lower)));
  }
  // The edges, for the lower function: 0 at x = 0 and a = inf, 1 at a = 0 and x = inf, NaN where two of these meet or below.
  const auto edge = [&](double lower_value) { return number(kUpper ? 1 - lower_value : lower_value); };
  const Value to_zero =
      c.add(Logical(LogicalKind::kOr), {all(CompareKind::kEqual, x, 0), all(CompareKind::kEqual, a, kInfinity)});
  const Value to_one =
      c.add(Logical(LogicalKind::kOr), {all(CompareKind::kEqual, a, 0), all(CompareKind::kEqual, x, kInfinity)});
  const Value in_domain = both(all(CompareKind::kGreaterEqual, a, 0), all(CompareKind::kGreaterEqual, x, 0));
  const Value undefined = number(std::numeric_limits<double>::quiet_NaN());
  const Value at_edge = select(c, to_zero, select(c, to_one, undefined, edge(0)), select(c, to_one, edge(1), undefined));
  function_result(c, select(c, inside, y, select(c, in_domain, at_edge, undefined)));
}

constexpr Import kImports[] = {
    {"aten.igamma.default", import_incomplete_gamma<false>},
    {"aten.igammac.default", import_incomplete_gamma<true>},
    {"aten.special_gammainc.default", import_incomplete_gamma<false>},
    {"aten.special_gammaincc.default", import_incomplete_gamma<true>},
};

}  // namespace

std::span<const Import> aten_incomplete_gamma() { return kImports; }

}  // namespace atl
