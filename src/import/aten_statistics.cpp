// Statistics of sorted values, histograms, numerical integration and derivatives, reductions of segments.
#include <algorithm>
#include <cmath>
#include <limits>

#include "import/aten_elementwise.h"
#include "import/placement.h"
#include "import/vector_norm.h"
#include "ops/elementwise.h"
#include "ops/index.h"

namespace atl {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr int64_t kMaxPairs = int64_t(1) << 22;  // elements that are compared with each other

Value operand(SourceCall& c, std::string_view name = "self") { return c.to_dtype(c.tensor(name), c.result_type().dtype); }
Value negative(Builder& b, Value x) { return unary(b, UnaryKind::kNeg, x); }
Value scale(Builder& b, Value x, double by) { return by == 1 ? x : binary(b, BinaryKind::kMul, x, by); }
Value is_nan(Builder& b, Value x) { return compare(b, CompareKind::kNotEqual, x, x); }
Value both(Builder& b, Value x, Value y) { return b.add(Logical(LogicalKind::kAnd), {x, y}); }

bool small_enough(SourceCall& c, int64_t a, int64_t b) {
  if (a <= 0 || b <= kMaxPairs / a) return true;
  c.unsupported(fmt::format("{} times {} comparisons", a, b), "work on a smaller part of the tensor");
  return false;
}

/// 0 .. n-1 along `axis` of `rank` axes.
Value counting(SourceCall& c, int64_t n, size_t rank, size_t axis, DType t) {
  Shape shape(rank, 1);
  shape[axis] = n;
  return c.to_dtype(index_constant(c, shape, arithmetic(0, 1, n)), t);
}

/// The rows of an operand along one axis: [rows, n], and what puts a result [rows] back.
struct Rows {
  Value x;
  Shape outer;  ///< the other axes
  int64_t n = 1, axis = 0;
  bool whole = false;  ///< all axes were flattened
};

std::optional<Rows> rows_of(SourceCall& c, Value x) {
  if (c.failed()) return std::nullopt;
  Rows r;
  r.whole = !c.has("dim");
  const Shape s = c.shape(x);
  if (r.whole || s.empty()) {
    r.n = element_count(s);
    r.x = reshape(c, x, {1, r.n});
  } else {
    r.axis = c.axis("dim", s.size());
    if (c.failed()) return std::nullopt;
    r.n = s[size_t(r.axis)];
    r.outer = s;
    r.outer.erase(r.outer.begin() + r.axis);
    const int64_t rows = element_count(r.outer);
    r.x = reshape(c, move_axis(c, x, r.axis, int64_t(s.size()) - 1), {rows, r.n});
  }
  if (r.n < 1) return c.unsupported("an axis without elements"), std::nullopt;
  return r;
}

/// y [rows] in the shape that torch recorded for result i: only axes of one element may differ.
Value placed(SourceCall& c, Value y, size_t i = 0) { return reshape(c, y, c.result_type(i).shape); }

/// Rising order, NaN last, and where the elements were.
std::pair<Value, Value> sorted(SourceCall& c, const Rows& r) {
  const Values top = c.add_multi(TopK(r.n), {negative(c, r.x)}, 2);
  return {negative(c, top[0]), top[1]};
}

/// sorted [rows, n] at the whole positions [rows, k].
Value at_positions(SourceCall& c, Value sorted, Value positions) {
  return c.add(Gather(1, 1), {sorted, c.to_dtype(positions, DType::kI32)});
}

void quantile(SourceCall& c, bool skip_nan) {
  const Value x = operand(c);
  const auto rows = rows_of(c, x);
  const std::string how = c.string("interpolation", "linear");
  if (!rows) return;
  const Value q = c.to_dtype(c.tensor_as("q", c.dtype(x)), c.dtype(x));
  if (c.failed()) return;
  const int64_t count = c.shape(rows->x)[0], points = element_count(c.shape(q));
  const Value order = sorted(c, *rows).first, missing = is_nan(c, rows->x);
  Value last = number_like(c, x, double(rows->n - 1));
  if (skip_nan) {
    const Value valid = c.to_dtype(unary(c, UnaryKind::kLogicalNot, missing), c.dtype(x));
    const Value n = reduce(c, ReduceKind::kSum, valid, {1}, true);
    last = binary(c, BinaryKind::kMaximum, binary(c, BinaryKind::kSub, n, 1.0), 0.0);
  }
  Value rank = mul(c, reshape(c, q, {1, points}), last);
  if (!skip_nan && count != 1) rank = c.add(BroadcastTo(Shape{count, points}), {rank});
  const Value low = unary(c, UnaryKind::kFloor, rank), high = unary(c, UnaryKind::kCeil, rank);
  Value y;
  if (how == "lower") {
    y = at_positions(c, order, low);
  } else if (how == "higher") {
    y = at_positions(c, order, high);
  } else if (how == "nearest") {
    y = at_positions(c, order, unary(c, UnaryKind::kRound, rank));
  } else if (how == "linear" || how == "midpoint") {
    const Value a = at_positions(c, order, low), step = sub(c, at_positions(c, order, high), a);
    y = add(c, a, how == "midpoint" ? scale(c, step, 0.5) : mul(c, step, sub(c, rank, low)));
  } else {
    return c.unsupported("interpolation='" + how + "'");
  }
  if (!skip_nan) y = select(c, reduce(c, ReduceKind::kAny, missing, {1}, true), number_like(c, x, kNan), y);
  c.result(placed(c, c.rank(q) == 0 || count == 1 ? y : transpose(c, y, {1, 0})));
}

void import_quantile(SourceCall& c) { quantile(c, false); }
void import_nanquantile(SourceCall& c) { quantile(c, true); }

// The lower median of the numbers of each row; NaN where there is none.
void import_nanmedian(SourceCall& c) {
  const Value x = c.tensor("self");
  const auto rows = rows_of(c, x);
  if (!rows) return;
  if (!is_float(c.dtype(x))) return c.unsupported(fmt::format("the median of {} without NaN", name(c.dtype(x))), "use median");
  const auto [order, indices] = sorted(c, *rows);
  const Value valid = c.to_dtype(compare(c, CompareKind::kEqual, rows->x, rows->x), c.dtype(x));
  const Value n = reduce(c, ReduceKind::kSum, valid, {1}, true);
  const Value half = scale(c, binary(c, BinaryKind::kSub, n, 1.0), 0.5);
  const Value middle = binary(c, BinaryKind::kMaximum, unary(c, UnaryKind::kFloor, half), 0.0);
  const Value y = placed(c, at_positions(c, order, middle));
  if (rows->whole) return c.result(y);
  c.results({y, placed(c, c.to_dtype(at_positions(c, indices, middle), DType::kI64), 1)});
}

// The smallest of the most frequent values, and where it stands last.
void import_mode(SourceCall& c) {
  const Value x = c.tensor("self");
  if (!c.has("dim")) c.set_arg("dim", int64_t(-1));
  const auto rows = rows_of(c, x);
  if (!rows) return;
  const int64_t count = c.shape(rows->x)[0], n = rows->n;
  if (!small_enough(c, count * n, n)) return;
  const DType t = c.dtype(x) == DType::kBool ? DType::kI32 : c.dtype(x);
  const Value v = c.to_dtype(rows->x, t);
  const Value same = compare(c, CompareKind::kEqual, reshape(c, v, {count, n, 1}), reshape(c, v, {count, 1, n}));
  const Value frequency = reduce(c, ReduceKind::kSum, c.to_dtype(same, DType::kI32), {2}, false);
  const Value often = compare(c, CompareKind::kEqual, frequency, reduce(c, ReduceKind::kMax, frequency, {1}, true));
  const Value largest = reduce(c, ReduceKind::kMax, v, {1}, true);
  const Value mode = reduce(c, ReduceKind::kMin, select(c, often, v, largest), {1}, true);
  const Value here = compare(c, CompareKind::kEqual, v, mode);
  const Value position = select(c, here, counting(c, n, 2, 1, DType::kI32), c.scalar(-1, DType::kI32));
  const Value index = c.to_dtype(reduce(c, ReduceKind::kMax, position, {1}, true), DType::kI64);
  c.results({placed(c, c.to_dtype(mode, c.dtype(x))), placed(c, index, 1)});
}

// Counts between `bins` + 1 rising edges, the last bin closed; optionally weighted, optionally as a density.
void count_between(SourceCall& c, Value x, Value edges) {
  const int64_t n = element_count(c.shape(x)), bins = c.shape(edges)[0] - 1;
  if (bins < 1 || n < 1) return c.unsupported(fmt::format("{} elements in {} bins", n, bins));
  if (!small_enough(c, n, bins)) return;
  const Value value = reshape(c, x, {1, n}), low = reshape(c, slice(c, edges, 0, 0, bins), {bins, 1});
  const Value high = reshape(c, slice(c, edges, 0, 1, bins), {bins, 1});
  const Value last = compare(c, CompareKind::kEqual, counting(c, bins, 2, 0, DType::kI32), double(bins - 1));
  const Value at_end = both(c, last, compare(c, CompareKind::kEqual, value, high));
  const Value below = c.add(Logical(LogicalKind::kOr), {compare(c, CompareKind::kLess, value, high), at_end});
  const Value hit = both(c, compare(c, CompareKind::kGreaterEqual, value, low), below);
  Value each = c.to_dtype(hit, c.dtype(x));
  if (c.has("weight")) each = mul(c, each, reshape(c, c.to_dtype(c.tensor("weight"), c.dtype(x)), {1, n}));
  Value y = reduce(c, ReduceKind::kSum, each, {1}, false);
  if (c.boolean("density")) {
    const Value widths = sub(c, slice(c, edges, 0, 1, bins), slice(c, edges, 0, 0, bins));
    y = div(c, y, mul(c, widths, reduce(c, ReduceKind::kSum, y, {0}, false)));
  }
  c.results({y, edges});
}

void import_histogram_edges(SourceCall& c) {
  const Value x = operand(c), edges = c.to_dtype(c.tensor("bins"), c.result_type().dtype);
  if (!c.failed() && c.rank(edges) == 1) count_between(c, x, edges);
}

void import_histogram(SourceCall& c) {
  const Value x = operand(c);
  const int64_t bins = c.integer("bins", 100);
  if (c.failed() || bins < 1 || bins > kMaxPairs) return c.unsupported(fmt::format("{} bins", bins));
  Value first, last;
  if (const auto* range = c.arg("range") ? std::get_if<std::vector<double>>(c.arg("range")) : nullptr;
      range && range->size() == 2) {
    first = number_like(c, x, (*range)[0]);
    last = number_like(c, x, (*range)[1]);
  } else if (c.has("range")) {
    return c.unsupported("a range that is not two numbers");
  } else {
    first = reduce(c, ReduceKind::kMin, x, all_axes(c, x), false);
    last = reduce(c, ReduceKind::kMax, x, all_axes(c, x), false);
  }
  const Value single = compare(c, CompareKind::kEqual, first, last);
  const Value low = select(c, single, binary(c, BinaryKind::kSub, first, 0.5), first);
  const Value high = select(c, single, binary(c, BinaryKind::kAdd, last, 0.5), last);
  // From the nearer end, as linspace does; the outer edges are exact.
  const Value step = scale(c, sub(c, high, low), 1.0 / double(bins)), i = counting(c, bins + 1, 1, 0, c.dtype(x));
  const Value from_low = add(c, low, mul(c, step, i));
  const Value from_high = sub(c, high, mul(c, step, binary(c, BinaryKind::kSub, double(bins), i)));
  count_between(c, x, select(c, compare(c, CompareKind::kLess, i, double((bins + 1) / 2)), from_low, from_high));
}

// ---- Integration by trapezoids. The abscissae are a vector, a tensor like y, or equally spaced by dx.

void trapezoid(SourceCall& c, bool running) {
  const Value y = c.to_dtype(c.tensor("y"), c.result_type().dtype);
  const int64_t rank = int64_t(c.rank(y)), axis = c.axis("dim", size_t(rank), -1);
  if (c.failed()) return;
  if (rank == 0 || c.shape(y)[size_t(axis)] < 2) return c.unsupported("the integral over fewer than two points");
  const auto ends = [&](Value v, int64_t a, auto f) {
    const int64_t n = c.shape(v)[size_t(a)] - 1;
    return f(slice(c, v, a, 1, n), slice(c, v, a, 0, n));
  };
  Value area = ends(y, axis, [&](Value b, Value a) { return add(c, b, a); });
  double factor = 0.5;
  if (c.has("x")) {
    Value x = c.to_dtype(c.tensor("x"), c.dtype(y));
    if (c.rank(x) == 1 && c.shape(x)[0] == c.shape(y)[size_t(axis)]) {
      Shape line(size_t(rank), 1);
      line[size_t(axis)] = c.shape(x)[0];
      x = reshape(c, x, line);
    }
    const int64_t x_axis = axis - rank + int64_t(c.rank(x));
    if (x_axis < 0) return c.unsupported("abscissae without the axis");
    if (c.shape(x)[size_t(x_axis)] < 2) return c.unsupported("the integral over fewer than two points");
    area = mul(c, area, ends(x, x_axis, [&](Value b, Value a) { return sub(c, b, a); }));
  } else {
    factor *= c.number("dx", 1);
  }
  const int64_t sum_axis = axis - rank + int64_t(c.rank(area));
  if (running) {
    Cumsum op;
    op.axis = sum_axis;
    return c.result(scale(c, c.add(op, {area}), factor));
  }
  c.result(scale(c, reduce(c, ReduceKind::kSum, area, {sum_axis}, false), factor));
}
void import_trapezoid(SourceCall& c) { trapezoid(c, false); }
void import_cumulative_trapezoid(SourceCall& c) { trapezoid(c, true); }

// ---- Derivatives: central differences inside, one-sided ones of order 1 or 2 at the ends.

/// The derivative of f along an axis at points that are `spacing` apart, or at the coordinates x [n].
Value derivative(SourceCall& c, Value f, int64_t axis, double spacing, Value x, int64_t order) {
  const int64_t n = c.shape(f)[size_t(axis)];
  const auto at = [&](Value v, int64_t a, int64_t begin, int64_t count) { return slice(c, v, a, begin, count); };
  Shape line(c.rank(f), 1);
  line[size_t(axis)] = n;
  if (!x.valid()) {
    std::vector<float> points;
    for (int64_t i = 0; i < n; ++i) points.push_back(float(double(i) * spacing));
    x = c.to_dtype(c.constant(Tensor::of<float>(DType::kF32, line, points)), c.dtype(f));
  } else {
    x = reshape(c, c.to_dtype(x, c.dtype(f)), line);
  }
  const Value steps = sub(c, at(x, axis, 1, n - 1), at(x, axis, 0, n - 1));
  const Value slopes = div(c, sub(c, at(f, axis, 1, n - 1), at(f, axis, 0, n - 1)), steps);
  Values parts;
  const auto edge = [&](int64_t near, int64_t next) {
    const Value s0 = at(slopes, axis, near, 1);
    if (order == 1) return s0;
    // The parabola through three points: s0 + h0 (s0 - s1) / (h0 + h1).
    const Value h0 = at(steps, axis, near, 1), h1 = at(steps, axis, next, 1);
    return add(c, s0, mul(c, div(c, h0, add(c, h0, h1)), sub(c, s0, at(slopes, axis, next, 1))));
  };
  parts.push_back(edge(0, 1));
  if (n > 2) {
    const Value h0 = at(steps, axis, 0, n - 2), h1 = at(steps, axis, 1, n - 2);
    const Value s0 = at(slopes, axis, 0, n - 2), s1 = at(slopes, axis, 1, n - 2);
    parts.push_back(div(c, add(c, mul(c, h1, s0), mul(c, h0, s1)), add(c, h0, h1)));
  }
  parts.push_back(edge(n - 2, n - 3));
  return c.add(Concat(axis), parts);
}

void import_gradient(SourceCall& c) {
  const Value f = operand(c);
  if (c.failed()) return;
  const int64_t order = c.integer("edge_order", 1);
  std::vector<int64_t> axes = c.axes("dim", c.rank(f), true);
  if (c.has("dim") && !c.integers("dim").empty()) {
    axes = c.integers("dim");
    for (int64_t& a : axes) a = a < 0 ? a + int64_t(c.rank(f)) : a;
  }
  std::vector<double> numbers;
  Values coordinates;
  if (const SourceArg* s = c.arg("spacing")) {
    if (const auto* v = std::get_if<Values>(s)) coordinates = *v;
    if (const auto* v = std::get_if<std::vector<double>>(s)) numbers = *v;
    if (const auto* v = std::get_if<std::vector<int64_t>>(s)) numbers.assign(v->begin(), v->end());
    if (const auto* v = std::get_if<double>(s)) numbers.assign(axes.size(), *v);
    if (const auto* v = std::get_if<int64_t>(s)) numbers.assign(axes.size(), double(*v));
  }
  if (numbers.empty()) numbers.assign(axes.size(), 1);
  if (c.failed() || order < 1 || order > 2 || (coordinates.empty() && numbers.size() != axes.size()) ||
      (!coordinates.empty() && coordinates.size() != axes.size()))
    return c.unsupported("a spacing that does not fit the axes");
  Values results;
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] < 0 || axes[i] >= int64_t(c.rank(f)) || c.shape(f)[size_t(axes[i])] <= order)
      return c.unsupported("an axis with too few elements");
    const Value x = coordinates.empty() ? Value{} : coordinates[i];
    results.push_back(derivative(c, f, axes[i], coordinates.empty() ? numbers[i] : 1, x, order));
  }
  c.results(std::move(results));
}

// ---- Distances of all pairs of rows.

void import_pdist(SourceCall& c) {
  const Value x = operand(c);
  if (c.failed()) return;
  if (c.rank(x) != 2) return c.unsupported("an operand that is not a matrix");
  const int64_t n = c.shape(x)[0];
  if (!small_enough(c, n, n)) return;
  std::vector<int64_t> first, second;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = i + 1; j < n; ++j) {
      first.push_back(i);
      second.push_back(j);
    }
  if (first.empty()) return c.result(c.constant(Tensor::make(Type{c.dtype(x), {0}, {}})));
  const Value d = sub(c, pick(c, x, 0, first), pick(c, x, 0, second));
  c.result(vector_norm(c, d, c.number("p", 2), {1}, false));
}

// ---- Segments of axis 0, given by their lengths or by their borders.

void import_segment_reduce(SourceCall& c) {
  const Value data = operand(c, "data");
  const std::string kind = c.string("reduce", "");
  const bool by_length = c.has("lengths");
  if (c.failed()) return;
  if (c.integer("axis", 0) != 0 || c.has("indices") || (!by_length && !c.has("offsets")) || c.rank(data) == 0)
    return c.unsupported("segments of another axis than the first");
  Value borders = c.to_dtype(c.tensor(by_length ? "lengths" : "offsets"), DType::kI32);
  if (c.rank(borders) != 1) return c.unsupported("segments that differ along other axes");
  const int64_t n = c.shape(data)[0], segments = c.shape(borders)[0] - (by_length ? 0 : 1);
  if (!small_enough(c, element_count(c.shape(data)), segments)) return;
  Value begin = slice(c, borders, 0, 0, segments), end = begin;
  if (by_length) {
    Cumsum running;
    end = c.add(running, {borders});
    begin = sub(c, end, borders);
  } else {
    end = slice(c, borders, 0, 1, segments);
  }
  const Value rows = counting(c, n, 2, 1, DType::kI32);
  const auto column = [&](Value v) { return reshape(c, v, {segments, 1}); };
  Value member =
      both(c, compare(c, CompareKind::kGreaterEqual, rows, column(begin)), compare(c, CompareKind::kLess, rows, column(end)));
  Shape wide{1}, mask{segments, n}, per_segment{segments};
  for (int64_t d : c.shape(data)) wide.push_back(d);
  mask.resize(wide.size(), 1);
  per_segment.resize(wide.size() - 1, 1);
  const double initial = c.number("initial", kind == "prod" ? 1 : kind == "max" ? -kInfinity : kind == "min" ? kInfinity : 0);
  const double neutral = kind == "mean" ? 0 : kind == "sum" ? 0 : kind == "prod" ? 1 : initial;
  const ReduceKind reduction = kind == "max"    ? ReduceKind::kMax
                               : kind == "min"  ? ReduceKind::kMin
                               : kind == "prod" ? ReduceKind::kProd
                                                : ReduceKind::kSum;
  if (kind != "max" && kind != "min" && kind != "prod" && kind != "sum" && kind != "mean")
    return c.unsupported("reduce='" + kind + "'");
  const Value masked = select(c, reshape(c, member, mask), reshape(c, data, wide), number_like(c, data, neutral));
  Value y = reduce(c, reduction, masked, {1}, false);
  if (c.has("initial")) {
    if (kind == "sum" || kind == "mean") y = binary(c, BinaryKind::kAdd, y, initial);
    if (kind == "prod") y = scale(c, y, initial);
    if (kind == "max") y = binary(c, BinaryKind::kMaximum, y, initial);
    if (kind == "min") y = binary(c, BinaryKind::kMinimum, y, initial);
  }
  if (kind == "mean") {
    const Value count = reshape(c, c.to_dtype(sub(c, end, begin), c.dtype(data)), per_segment);
    const Value empty = compare(c, CompareKind::kEqual, count, 0.0);
    const Value mean = div(c, y, binary(c, BinaryKind::kMaximum, count, 1.0));
    y = select(c, empty, number_like(c, data, c.has("initial") ? initial : kNan), mean);
  }
  c.result(y);
}

constexpr Import kImports[] = {
    {"aten.quantile.default", import_quantile},
    {"aten.quantile.scalar", import_quantile},
    {"aten.nanquantile.default", import_nanquantile},
    {"aten.nanquantile.scalar", import_nanquantile},
    {"aten.nanmedian.default", import_nanmedian},
    {"aten.nanmedian.dim", import_nanmedian},
    {"aten.mode.default", import_mode},
    {"aten.histogram.bin_ct", import_histogram},
    {"aten.histogram.bins_tensor", import_histogram_edges},
    {"aten.trapezoid.x", import_trapezoid},
    {"aten.trapezoid.dx", import_trapezoid},
    {"aten.trapz.x", import_trapezoid},
    {"aten.trapz.dx", import_trapezoid},
    {"aten.cumulative_trapezoid.x", import_cumulative_trapezoid},
    {"aten.cumulative_trapezoid.dx", import_cumulative_trapezoid},
    {"aten.gradient.scalarint", import_gradient},
    {"aten.gradient.scalararray", import_gradient},
    {"aten.gradient.array", import_gradient},
    {"aten.gradient.scalarrayint", import_gradient},
    {"aten.gradient.scalarrayarray", import_gradient},
    {"aten.gradient.tensorarrayint", import_gradient},
    {"aten.gradient.tensorarray", import_gradient},
    {"aten.pdist.default", import_pdist},
    {"aten._pdist_forward.default", import_pdist},
    {"aten.segment_reduce.default", import_segment_reduce},
};

}  // namespace

std::span<const Import> aten_statistics() { return kImports; }

}  // namespace atl
