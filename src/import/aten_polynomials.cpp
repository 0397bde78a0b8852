// Orthogonal polynomials of an order that is data, by their recurrences: a loop up to the largest order of the tensor.
#include <limits>

#include "import/loop.h"
#include "import/special_functions.h"
#include "ops/promotion.h"

namespace atl {
namespace {

enum class Family { kHermiteH, kHermiteHe, kLaguerre, kLegendre };

/// torch gives NaN for Hermite polynomials of a higher order, for floats.
constexpr double kMaxHermiteOrder = 128;

Value first_order(Builder& b, Family f, Value x) {
  return f == Family::kHermiteH ? add(b, x, x) : f == Family::kLaguerre ? minus(b, 1, x) : x;
}

/// The polynomial of order k + 1 from those of order k and k - 1.
Value next_order(Builder& b, Family f, Value x, Value k, Value q, Value p) {
  const Value twice = add(b, k, k);
  switch (f) {
    case Family::kHermiteH:
      return sub(b, mul(b, add(b, x, x), q), mul(b, twice, p));
    case Family::kHermiteHe:
      return sub(b, mul(b, x, q), mul(b, k, p));
    case Family::kLaguerre:
      return div(b, sub(b, mul(b, add(b, twice, minus(b, 1, x)), q), mul(b, k, p)), shift(b, k, 1));
    case Family::kLegendre:
      return div(b, sub(b, mul(b, mul(b, shift(b, twice, 1), x), q), mul(b, k, p)), shift(b, k, 1));
  }
  return {};
}

template <Family F>
void import_polynomial(SourceCall& c) {
  const Values in = promoted(c, {"x", "n"}, c.result_type().dtype);
  if (c.failed()) return;
  const Shape shape = c.result_type().shape;
  if (element_count(shape) == 0) return c.result(add(c, in[0], in[1]));
  const auto whole = [&](Value v) { return c.shape(v) == shape ? v : c.add(BroadcastTo(shape), {v}); };
  const Value x = whole(in[0]), n = whole(truncate(c, in[1]));
  const bool hermite = F == Family::kHermiteH || F == Family::kHermiteHe;
  Value last = reduce(c, ReduceKind::kMax, n, all_axes(c, n), false);
  if (hermite) last = binary(c, BinaryKind::kMinimum, kMaxHermiteOrder, last);
  const auto flag = [&](Value v, double k) { return compare(c, CompareKind::kLess, v, k); };
  const Value one = uniform(c, number_like(c, x, 1), shape), start = first_order(c, F, x);
  Loop loop;
  loop.variables = {number_like(c, x, 1), one, start, select(c, flag(n, 1), one, start)};
  loop.names = {"k", "p", "q", "y"};
  loop.invariant = {x, n, last};
  loop.more = [](Builder& b, const Values& v, const Values& fixed) { return compare(b, CompareKind::kLess, v[0], fixed[2]); };
  loop.step = [](Builder& b, const Values& v, const Values& fixed) {
    const Value next = next_order(b, F, fixed[0], v[0], v[2], v[1]);
    const Value wanted = compare(b, CompareKind::kLess, v[0], fixed[1]);
    return Values{shift(b, v[0], 1), v[2], next, select(b, wanted, next, v[3])};
  };
  Value y = add_loop(c, loop)[3];
  if (hermite)
    y = select(c, compare(c, CompareKind::kGreater, n, kMaxHermiteOrder),
               number_like(c, x, std::numeric_limits<double>::quiet_NaN()), y);
  c.result(select(c, flag(n, 0), number_like(c, x, 0), y));
}

constexpr Import kImports[] = {
    {"aten.special_hermite_polynomial_h.default", import_polynomial<Family::kHermiteH>},
    {"aten.special_hermite_polynomial_h.n_scalar", import_polynomial<Family::kHermiteH>},
    {"aten.special_hermite_polynomial_h.x_scalar", import_polynomial<Family::kHermiteH>},
    {"aten.special_hermite_polynomial_he.default", import_polynomial<Family::kHermiteHe>},
    {"aten.special_hermite_polynomial_he.n_scalar", import_polynomial<Family::kHermiteHe>},
    {"aten.special_hermite_polynomial_he.x_scalar", import_polynomial<Family::kHermiteHe>},
    {"aten.special_laguerre_polynomial_l.default", import_polynomial<Family::kLaguerre>},
    {"aten.special_laguerre_polynomial_l.n_scalar", import_polynomial<Family::kLaguerre>},
    {"aten.special_laguerre_polynomial_l.x_scalar", import_polynomial<Family::kLaguerre>},
    {"aten.special_legendre_polynomial_p.default", import_polynomial<Family::kLegendre>},
    {"aten.special_legendre_polynomial_p.n_scalar", import_polynomial<Family::kLegendre>},
    {"aten.special_legendre_polynomial_p.x_scalar", import_polynomial<Family::kLegendre>},
};

}  // namespace

std::span<const Import> aten_polynomials() { return kImports; }

}  // namespace atl
