// Functions of square matrices: powers, exponentials, inverses.
#include <cmath>
#include <limits>
#include <numbers>

#include "import/aten.h"
#include "import/loop.h"
#include "import/placement.h"
#include "import/product.h"
#include "import/special_functions.h"
#include "ops/elementwise.h"
#include "ops/index.h"

namespace atl {
namespace {

Value operand(SourceCall& c, std::string_view name = "self") { return c.to_dtype(c.tensor(name), c.result_type().dtype); }

/// Whether x is [..., n, n] with elements, in floats; else false after c.unsupported(...).
bool is_square(SourceCall& c, Value x) {
  if (c.failed()) return false;
  const Shape& s = c.shape(x);
  if (is_float(c.dtype(x)) && s.size() >= 2 && s.back() == s[s.size() - 2] && element_count(s) > 0) return true;
  c.unsupported(fmt::format("a matrix function of {}", to_string(s)));
  return false;
}

/// The identity matrix [n, n].
Value identity_matrix(SourceCall& c, int64_t n, DType t) {
  Tensor eye = Tensor::make(Type{DType::kF32, {n, n}, {}});
  for (int64_t i = 0; i < n * n; ++i) eye.mutable_data<float>()[i] = i % (n + 1) == 0 ? 1 : 0;
  return c.constant(cast(eye, t));
}

/// x [..., n, n] as [B, n, n].
Value as_batch(SourceCall& c, Value x) {
  const int64_t n = c.shape(x).back();
  return reshape(c, x, {element_count(c.shape(x)) / (n * n), n, n});
}

// Gauss and Jordan with row pivots on [A | rest], a column a step. The rows of a step are chosen by products with 0 and 1, so
// that a batch takes other pivots in each matrix.
Values elimination_step(Builder& b, Value step, Value m, int64_t n) {
  const Shape s = b.shape(m);
  const int64_t batch = s[0], width = s[2];
  const DType t = b.dtype(m);
  std::vector<int32_t> numbers(static_cast<size_t>(n));
  std::iota(numbers.begin(), numbers.end(), 0);
  const Value row = b.constant(Tensor::of<int32_t>(DType::kI32, {1, n}, numbers));
  const Value here = b.add(Cast(t), {compare(b, CompareKind::kEqual, row, step)});  // [1, n]
  const auto rows = [&](Value v) { return reshape(b, v, {b.shape(v)[0], n, 1}); };
  const auto pick = [&](Value chosen) { return reduce(b, ReduceKind::kSum, mul(b, m, rows(chosen)), {1}, true); };
  const auto column = [&](Value of) { return b.add(Gather(2), {of, step}); };  // [B, rows, 1]
  const Value size = reshape(b, magnitude(b, column(m)), {batch, n});
  const Value candidate = select(b, compare(b, CompareKind::kGreaterEqual, row, step), size, b.scalar(-1, t));
  ArgReduce largest;
  largest.axis = 1;
  largest.to = DType::kI32;
  const Value found = reshape(b, b.add(largest, {candidate}), {batch, 1});
  const Value pivot = b.add(Cast(t), {compare(b, CompareKind::kEqual, row, found)});  // [B, n]
  const Value pivot_row = pick(pivot), own_row = pick(here);
  // The pivot's row changes places with the step's, is scaled to begin with one, and taken off all others.
  const Value exchanged = add(b, m, mul(b, rows(sub(b, pivot, here)), sub(b, own_row, pivot_row)));
  const Value scaled = div(b, pivot_row, column(pivot_row));
  const Value factors = select(b, compare(b, CompareKind::kGreater, rows(here), 0), b.scalar(0, t), column(exchanged));
  const Value cleared = sub(b, exchanged, mul(b, factors, scaled));
  const Value next = select(b, compare(b, CompareKind::kGreater, rows(here), 0), scaled, cleared);
  const bool swaps = width > n;
  // With nothing behind the matrix it is the determinant that is wanted.
  const Value moved = compare(b, CompareKind::kNotEqual, found, reshape(b, step, {1, 1}));
  const Value sign = select(b, moved, b.scalar(-1, t), b.scalar(1, t));
  const Value factor = mul(b, reshape(b, column(pivot_row), {batch, 1}), sign);
  return swaps ? Values{next} : Values{next, factor};
}

/// [A | rest] [B, n, w] after the elimination.
Value eliminated(SourceCall& c, Value m, int64_t n) {
  Loop loop;
  loop.variables = {c.vector_i32({0}), m};
  loop.names = {"step", "matrix"};
  loop.more = [n](Builder& b, const Values& v, const Values&) { return compare(b, CompareKind::kLess, v[0], double(n)); };
  loop.step = [n](Builder& b, const Values& v, const Values&) {
    return Values{binary(b, BinaryKind::kAdd, v[0], 1), elimination_step(b, v[0], v[1], n)[0]};
  };
  return add_loop(c, loop)[1];
}

/// A^-1 y for A [..., n, n] and y [B, n, k] with B the product of A's leading axes.
Value solved(SourceCall& c, Value a, Value y) {
  const int64_t n = c.shape(a).back(), columns = c.shape(y)[2];
  const Value m = eliminated(c, c.add(Concat(2), {as_batch(c, a), y}), n);
  return slice(c, m, 2, n, columns);
}

Value inverse_of(SourceCall& c, Value a) {
  const int64_t n = c.shape(a).back(), batch = element_count(c.shape(a)) / (n * n);
  const Value eye = c.add(BroadcastTo(Shape{batch, n, n}), {identity_matrix(c, n, c.dtype(a))});
  return reshape(c, solved(c, a, eye), c.shape(a));
}

void import_inverse(SourceCall& c) {
  const Value a = operand(c, c.has("A") ? "A" : "self");
  if (is_square(c, a)) c.result(inverse_of(c, a));
}

// The second result says which matrices are singular: none is looked for.
void import_inverse_ex(SourceCall& c) {
  const Value a = operand(c, "A");
  if (is_square(c, a)) c.results({inverse_of(c, a), {}});
}

// A x = B, or x A = B, for a matrix or (with one axis less than A) a vector on the right.
void import_solve(SourceCall& c) {
  Value a = operand(c, "A"), y = operand(c, "B");
  if (!is_square(c, a)) return;
  const Shape as = c.shape(a), ys = c.shape(y);
  const bool left = c.boolean("left", true);
  const Shape lead(as.begin(), as.end() - 1);
  const bool vector = ys.size() == 1 || (ys.size() + 1 == as.size() && ys == lead);
  if (vector)
    y = reshape(c, y, [&] {
      Shape s = ys;
      s.push_back(1);
      return s;
    }());
  if (c.failed() || c.rank(y) < 2) return c.unsupported("a right side that is neither a matrix nor a vector");
  if (!left && !vector) {
    a = swap_matrix_axes(c, a);
    y = swap_matrix_axes(c, y);
  }
  const auto batch = broadcast(Shape(as.begin(), as.end() - 2), Shape(c.shape(y).begin(), c.shape(y).end() - 2));
  if (!batch) return c.unsupported("systems that do not broadcast");
  const auto whole = [&](Value v) {
    Shape s = *batch;
    s.insert(s.end(), c.shape(v).end() - 2, c.shape(v).end());
    return c.shape(v) == s ? v : c.add(BroadcastTo(s), {v});
  };
  a = whole(a);
  y = whole(y);
  const Shape s = c.shape(y);
  const Value rows = reshape(c, y, {element_count(*batch), s[s.size() - 2], s.back()});
  Value x = reshape(c, solved(c, a, rows), s);
  if (!left && !vector) x = swap_matrix_axes(c, x);
  if (vector) x = reshape(c, x, Shape(s.begin(), s.end() - 1));
  c.results(c.result_count() > 1 ? Values{x, {}, {}, {}} : Values{x});
}

// The product of the pivots, with a sign for each exchange of rows.
void import_det(SourceCall& c) {
  const Value a = operand(c, c.has("A") ? "A" : "self");
  if (!is_square(c, a)) return;
  const int64_t n = c.shape(a).back(), batch = element_count(c.shape(a)) / (n * n);
  Loop loop;
  loop.variables = {c.vector_i32({0}), as_batch(c, a), c.add(BroadcastTo(Shape{batch, 1}), {c.scalar(1, c.dtype(a))})};
  loop.names = {"step", "matrix", "product"};
  // A column without a pivot makes the determinant zero; what the division by it left does not count.
  loop.more = [n](Builder& b, const Values& v, const Values&) { return compare(b, CompareKind::kLess, v[0], double(n)); };
  loop.step = [n](Builder& b, const Values& v, const Values&) {
    const Values made = elimination_step(b, v[0], v[1], n);
    const Value product = mul(b, v[2], made[1]), zero = b.scalar(0, b.dtype(product));
    const Value gone = compare(b, CompareKind::kEqual, v[2], 0);
    return Values{binary(b, BinaryKind::kAdd, v[0], 1), made[0], select(b, gone, zero, product)};
  };
  const Shape s = c.shape(a);
  c.results(Values(1, reshape(c, add_loop(c, loop)[2], Shape(s.begin(), s.end() - 2))));
}

void import_matrix_power(SourceCall& c) {
  Value x = operand(c);
  int64_t n = c.integer("n");
  if (c.failed()) return;
  constexpr int64_t kMaxPower = 1024;
  if (std::abs(n) > kMaxPower)
    return c.unsupported(fmt::format("a matrix to the power {}", n), fmt::format("powers up to {} convert", kMaxPower));
  if (element_count(c.shape(x)) == 0) return c.result(x);
  if (!is_square(c, x)) return;
  if (n < 0) {
    x = inverse_of(c, x);
    n = -n;
  }
  if (n == 0) {
    const Value one = identity_matrix(c, c.shape(x).back(), c.dtype(x));
    return c.result(c.rank(x) == 2 ? one : c.add(BroadcastTo(c.shape(x)), {one}));
  }
  Value power = x, y;
  for (int64_t rest = n; rest; rest >>= 1) {
    if (rest & 1) y = y.valid() ? matmul(c, y, power) : power;
    if (rest > 1) power = matmul(c, power, power);
  }
  c.result(y);
}

// Scaling and squaring: the Taylor series of A / 2^s, whose row sums are at most 3, squared s times; s is each matrix's own.
void import_matrix_exp(SourceCall& c) {
  const Value x = operand(c);
  if (!c.failed() && element_count(c.shape(x)) == 0) return c.result(x);
  if (!is_square(c, x)) return;
  if (!known_value(c, x))
    return c.unsupported("the exponential of a matrix that depends on data, which single precision makes inexact",
                         "exponentials of constant matrices convert");
  constexpr int kTerms = 18;
  constexpr double kMaxRowSum = 3, kMaxSquarings = 100;
  const int64_t n = c.shape(x).back();
  const Value a = as_batch(c, x), sums = reduce(c, ReduceKind::kSum, magnitude(c, a), {2}, true);
  const Value norm =
      binary(c, BinaryKind::kMinimum, reduce(c, ReduceKind::kMax, sums, {1}, true), double(std::numeric_limits<float>::max()));
  const Value log = logarithm(c, binary(c, BinaryKind::kMaximum, scale(c, norm, 1 / kMaxRowSum), 1));
  const Value squarings =
      binary(c, BinaryKind::kMinimum, unary(c, UnaryKind::kCeil, scale(c, log, std::numbers::log2e)), kMaxSquarings);
  const Value small = mul(c, a, binary(c, BinaryKind::kPow, 2.0, negative(c, squarings)));
  const Value eye = reshape(c, identity_matrix(c, n, c.dtype(x)), {1, n, n});
  Value y = add(c, eye, scale(c, small, 1.0 / kTerms));
  for (int k = kTerms - 1; k > 0; --k) y = add(c, eye, scale(c, matmul(c, small, y), 1.0 / k));
  Loop loop;
  loop.variables = {squarings, y};
  loop.names = {"left", "power"};
  loop.more = [](Builder& b, const Values& v, const Values&) {
    return reduce(b, ReduceKind::kAny, compare(b, CompareKind::kGreater, v[0], 0), {0, 1, 2}, false);
  };
  loop.step = [](Builder& b, const Values& v, const Values&) {
    const Value more = compare(b, CompareKind::kGreater, v[0], 0);
    return Values{binary(b, BinaryKind::kAdd, v[0], -1), select(b, more, matmul(b, v[1], v[1]), v[1])};
  };
  c.result(reshape(c, add_loop(c, loop)[1], c.shape(x)));
}

constexpr Import kImports[] = {
    {"aten.matrix_power.default", import_matrix_power},
    {"aten.linalg_matrix_power.default", import_matrix_power},
    {"aten.matrix_exp.default", import_matrix_exp},
    {"aten.linalg_matrix_exp.default", import_matrix_exp},
    {"aten.inverse.default", import_inverse},
    {"aten.linalg_inv.default", import_inverse},
    {"aten.linalg_inv_ex.default", import_inverse_ex},
    {"aten.linalg_solve.default", import_solve},
    {"aten.linalg_solve_ex.default", import_solve},
    {"aten._linalg_solve_ex.default", import_solve},
    {"aten.det.default", import_det},
    {"aten.linalg_det.default", import_det},
    {"aten._linalg_det.default", import_det},
};

}  // namespace

std::span<const Import> aten_matrix_functions() { return kImports; }

}  // namespace atl
