// Statistics of sorted values, numerical integration and derivatives, reductions of segments.
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
  // -1 - x turns the order of integers around without overflow.
  const auto turned = [&](Value v) {
    return is_float(c.dtype(v)) ? negative(c, v) : binary(c, BinaryKind::kSub, number_like(c, v, -1), v);
  };
  const DType t = c.dtype(r.x);
  const Value x = is_float(t) || bits(t) >= 32 ? r.x : c.to_dtype(r.x, DType::kI32);
  const Values top = c.add_multi(TopK(r.n), {turned(x)}, 2);
  return {c.to_dtype(turned(top[0]), t), top[1]};
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
  const auto [order, indices] = sorted(c, *rows);
  const Value valid = c.to_dtype(compare(c, CompareKind::kEqual, rows->x, rows->x), DType::kF32);
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

// ---- Segments of one axis, given by their lengths or by their borders, which may differ along the axes before it.

struct Segments {
  Value data;        ///< [lead, n, rest]
  Value begin, end;  ///< i32 [lead, segments]
  int64_t lead = 1, n = 0, rest = 1, count = 0;
};

std::optional<Segments> read_segments(SourceCall& c) {
  Segments s;
  const Value data = operand(c, "data");
  const bool by_length = c.has("lengths");
  if (c.failed()) return std::nullopt;
  if (c.has("indices") || (!by_length && !c.has("offsets")) || c.rank(data) == 0)
    return c.unsupported("segments without lengths or offsets"), std::nullopt;
  const int64_t axis = c.axis("axis", c.rank(data), 0);
  const Value borders = c.to_dtype(c.tensor(by_length ? "lengths" : "offsets"), DType::kI32);
  if (c.failed()) return std::nullopt;
  const Shape shape = c.shape(data), b = c.shape(borders);
  if (int64_t(b.size()) != axis + 1) return c.unsupported("segments of another rank than the axis"), std::nullopt;
  s.lead = element_count({shape.begin(), shape.begin() + axis});
  s.n = shape[size_t(axis)];
  s.rest = element_count({shape.begin() + axis + 1, shape.end()});
  s.count = b.back() - (by_length ? 0 : 1);
  if (element_count({b.begin(), b.end() - 1}) != s.lead)
    return c.unsupported("segments for other axes than the data's"), std::nullopt;
  if (!small_enough(c, element_count(shape), s.count)) return std::nullopt;
  s.data = reshape(c, data, {s.lead, s.n, s.rest});
  const Value rows = reshape(c, borders, {s.lead, b.back()});
  if (by_length) {
    Cumsum running;
    running.axis = 1;
    s.end = c.add(running, {rows});
    s.begin = sub(c, s.end, rows);
  } else {
    s.begin = slice(c, rows, 1, 0, s.count);
    s.end = slice(c, rows, 1, 1, s.count);
  }
  return s;
}

void import_segment_reduce(SourceCall& c) {
  const std::string kind = c.string("reduce", "");
  if (kind != "max" && kind != "min" && kind != "prod" && kind != "sum" && kind != "mean")
    return c.unsupported("reduce='" + kind + "'");
  const auto s = read_segments(c);
  if (!s) return;
  const Value rows = counting(c, s->n, 3, 2, DType::kI32);
  const auto column = [&](Value v) { return reshape(c, v, {s->lead, s->count, 1}); };
  const Value member = both(c, compare(c, CompareKind::kGreaterEqual, rows, column(s->begin)),
                            compare(c, CompareKind::kLess, rows, column(s->end)));
  const double initial = c.number("initial", kind == "prod" ? 1 : kind == "max" ? -kInfinity : kind == "min" ? kInfinity : 0);
  const double neutral = kind == "mean" || kind == "sum" ? 0 : kind == "prod" ? 1 : initial;
  const ReduceKind reduction = kind == "max"    ? ReduceKind::kMax
                               : kind == "min"  ? ReduceKind::kMin
                               : kind == "prod" ? ReduceKind::kProd
                                                : ReduceKind::kSum;
  const Value masked = select(c, reshape(c, member, {s->lead, s->count, s->n, 1}),
                              reshape(c, s->data, {s->lead, 1, s->n, s->rest}), number_like(c, s->data, neutral));
  Value y = reduce(c, reduction, masked, {2}, false);
  if (c.has("initial")) {
    if (kind == "sum" || kind == "mean") y = binary(c, BinaryKind::kAdd, y, initial);
    if (kind == "prod") y = scale(c, y, initial);
    if (kind == "max") y = binary(c, BinaryKind::kMaximum, y, initial);
    if (kind == "min") y = binary(c, BinaryKind::kMinimum, y, initial);
  }
  if (kind == "mean") {
    const Value count = column(c.to_dtype(sub(c, s->end, s->begin), c.dtype(s->data)));
    const Value empty = compare(c, CompareKind::kEqual, count, 0.0);
    const Value mean = div(c, y, binary(c, BinaryKind::kMaximum, count, 1.0));
    y = select(c, empty, number_like(c, s->data, c.has("initial") ? initial : kNan), mean);
  }
  c.result(placed(c, y));
}

constexpr Import kImports[] = {
    {"aten.quantile.default", import_quantile},
    {"aten.quantile.scalar", import_quantile},
    {"aten.nanquantile.default", import_nanquantile},
    {"aten.nanquantile.scalar", import_nanquantile},
    {"aten.nanmedian.default", import_nanmedian},
    {"aten.nanmedian.dim", import_nanmedian},
    {"aten.mode.default", import_mode},
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
