// Histograms: every element is compared with the edges of all bins, or named its bin, and the hits are counted.
#include <algorithm>

#include "import/aten.h"
#include "import/aten_elementwise.h"
#include "import/placement.h"
#include "ops/index.h"

namespace atl {
namespace {

constexpr int64_t kMaxComparisons = int64_t(1) << 22;

Value both(Builder& b, Value x, Value y) { return b.add(Logical(LogicalKind::kAnd), {x, y}); }
Value operand(SourceCall& c, std::string_view name = "self") { return c.to_dtype(c.tensor(name), c.result_type().dtype); }

bool small_enough(SourceCall& c, int64_t n, int64_t bins) {
  if (bins < 1 || n < 1) return c.unsupported(fmt::format("{} elements in {} bins", n, bins)), false;
  if (bins <= kMaxComparisons / n) return true;
  return c.unsupported(fmt::format("{} elements in {} bins", n, bins), "work on a smaller part of the tensor"), false;
}

/// 0 .. n-1 of a shape with that many elements.
Value counting(SourceCall& c, Shape shape, DType t) {
  const int64_t n = element_count(shape);
  return c.to_dtype(index_constant(c, std::move(shape), arithmetic(0, 1, n)), t);
}

/// The ends of a range that may be a single point, which torch widens by `margin` on both sides.
struct Range {
  Value low, high;
};
Range widened(SourceCall& c, Range r, double margin) {
  const Value single = compare(c, CompareKind::kEqual, r.low, r.high);
  return {select(c, single, binary(c, BinaryKind::kAdd, r.low, -margin), r.low),
          select(c, single, binary(c, BinaryKind::kAdd, r.high, margin), r.high)};
}
Range range_of(SourceCall& c, Value x) {
  return {reduce(c, ReduceKind::kMin, x, all_axes(c, x), false), reduce(c, ReduceKind::kMax, x, all_axes(c, x), false)};
}

/// `bins` + 1 edges from the nearer end, as linspace does; the outer ones are exact.
Value even_edges(SourceCall& c, const Range& r, int64_t bins) {
  const Value i = counting(c, {bins + 1}, c.dtype(r.low));
  const Value step = binary(c, BinaryKind::kMul, sub(c, r.high, r.low), 1.0 / double(bins));
  const Value from_low = add(c, r.low, mul(c, step, i));
  const Value from_high = sub(c, r.high, mul(c, step, binary(c, BinaryKind::kSub, double(bins), i)));
  const int64_t middle = (bins + 1) / 2;
  return select(c, compare(c, CompareKind::kLess, i, double(middle)), from_low, from_high);
}

/// Whether each of x [n] lies in each bin: bool [bins, n]. The last bin is closed.
Value hits_of(SourceCall& c, Value x, Value edges) {
  const int64_t n = element_count(c.shape(x)), bins = c.shape(edges)[0] - 1;
  const Value value = reshape(c, x, {1, n}), low = reshape(c, slice(c, edges, 0, 0, bins), {bins, 1});
  const Value high = reshape(c, slice(c, edges, 0, 1, bins), {bins, 1});
  const Value last = compare(c, CompareKind::kEqual, counting(c, {bins, 1}, DType::kI32), double(bins - 1));
  const Value at_end = both(c, last, compare(c, CompareKind::kEqual, value, high));
  const Value below = c.add(Logical(LogicalKind::kOr), {compare(c, CompareKind::kLess, value, high), at_end});
  return both(c, compare(c, CompareKind::kGreaterEqual, value, low), below);
}

Value widths_of(SourceCall& c, Value edges) {
  const int64_t bins = c.shape(edges)[0] - 1;
  return sub(c, slice(c, edges, 0, 1, bins), slice(c, edges, 0, 0, bins));
}

void count_between(SourceCall& c, Value x, Value edges) {
  if (c.failed() || c.rank(edges) != 1) return c.unsupported("edges that are not a vector");
  const int64_t n = element_count(c.shape(x)), bins = c.shape(edges)[0] - 1;
  if (!small_enough(c, n, bins)) return;
  Value each = c.to_dtype(hits_of(c, x, edges), c.dtype(x));
  if (c.has("weight")) each = mul(c, each, reshape(c, c.to_dtype(c.tensor("weight"), c.dtype(x)), {1, n}));
  Value y = reduce(c, ReduceKind::kSum, each, {1}, false);
  if (c.boolean("density")) y = div(c, y, mul(c, widths_of(c, edges), reduce(c, ReduceKind::kSum, y, {0}, false)));
  c.results({y, edges});
}

/// The range argument: two numbers for each axis; those of the data where it is None. nullopt after c.unsupported(...).
std::optional<Range> range_argument(SourceCall& c, Value x, size_t axis, size_t axes) {
  if (!c.has("range")) return widened(c, range_of(c, x), 0.5);
  const auto* numbers = std::get_if<std::vector<double>>(c.arg("range"));
  if (!numbers || numbers->size() != 2 * axes) return c.unsupported("a range that is not two numbers an axis"), std::nullopt;
  return widened(c, {number_like(c, x, (*numbers)[2 * axis]), number_like(c, x, (*numbers)[2 * axis + 1])}, 0.5);
}

void import_histogram_edges(SourceCall& c) {
  const Value x = operand(c), edges = c.to_dtype(c.tensor("bins"), c.result_type().dtype);
  count_between(c, x, edges);
}

void import_histogram(SourceCall& c) {
  const Value x = operand(c);
  const int64_t bins = c.integer("bins", 100);
  if (c.failed() || !small_enough(c, element_count(c.shape(x)), bins)) return;
  if (const auto range = range_argument(c, x, 0, 1)) count_between(c, x, even_edges(c, *range, bins));
}

// x [..., D] counted in a grid of bins: the bin of each axis, joined to one place.
void count_in_grid(SourceCall& c, Value x, const Values& edges) {
  const int64_t axes = int64_t(edges.size()), n = element_count(c.shape(x)) / axes;
  const DType t = c.dtype(x);
  x = reshape(c, x, {n, axes});
  Value place, inside, volume;
  Shape grid;
  for (int64_t a = 0; a < axes; ++a) {
    const int64_t bins = c.shape(edges[size_t(a)])[0] - 1;
    if (!small_enough(c, n, bins)) return;
    const Value hits = hits_of(c, slice(c, x, 1, a, 1), edges[size_t(a)]);
    const Value number = mul(c, c.to_dtype(hits, DType::kI32), counting(c, {bins, 1}, DType::kI32));
    const Value bin = reduce(c, ReduceKind::kSum, number, {0}, false), hit = reduce(c, ReduceKind::kAny, hits, {0}, false);
    place = place.valid() ? add(c, binary(c, BinaryKind::kMul, place, double(bins)), bin) : bin;
    inside = inside.valid() ? both(c, inside, hit) : hit;
    grid.push_back(bins);
    Shape line(size_t(axes), 1);
    line[size_t(a)] = bins;
    const Value widths = reshape(c, widths_of(c, edges[size_t(a)]), line);
    volume = volume.valid() ? mul(c, volume, widths) : widths;
  }
  Value each = c.to_dtype(inside, t);
  if (c.has("weight")) each = mul(c, each, reshape(c, c.to_dtype(c.tensor("weight"), t), {n}));
  Value y = reshape(c, c.add(ScatterNd(Shape{element_count(grid)}), {reshape(c, place, {n, 1}), each}), grid);
  if (c.boolean("density")) y = div(c, y, mul(c, volume, reduce(c, ReduceKind::kSum, y, all_axes(c, y), false)));
  Values results{y};
  results.insert(results.end(), edges.begin(), edges.end());
  c.results(std::move(results));
}

void import_histogram_grid(SourceCall& c) {
  const Value x = operand(c);
  if (c.failed() || c.rank(x) == 0) return c.unsupported("a histogram of a scalar");
  const size_t axes = size_t(c.shape(x).back());
  if (axes < 1 || element_count(c.shape(x)) == 0) return c.unsupported("a histogram of nothing");
  Values edges;
  if (const auto* given = c.arg("bins") ? std::get_if<Values>(c.arg("bins")) : nullptr) {
    for (Value v : *given) edges.push_back(c.to_dtype(v, c.dtype(x)));
  } else {
    const std::vector<int64_t> bins = c.repeated("bins", axes, 1);
    for (size_t a = 0; a < bins.size() && !c.failed(); ++a) {
      const auto range = range_argument(c, slice(c, x, int64_t(c.rank(x)) - 1, int64_t(a), 1), a, axes);
      if (!range || !small_enough(c, 1, bins[a])) return;
      edges.push_back(even_edges(c, *range, bins[a]));
    }
  }
  if (c.failed() || edges.size() != axes) return c.unsupported("a number of bins for each axis is needed");
  int64_t cells = 1;
  for (Value v : edges) {
    if (c.rank(v) != 1) return c.unsupported("edges that are not vectors");
    if (__builtin_mul_overflow(cells, std::max<int64_t>(c.shape(v)[0] - 1, 1), &cells) || !listable(c, cells))
      return c.unsupported("a grid of too many bins");
  }
  count_in_grid(c, x, edges);
}

// Elements outside min..max and NaN count nowhere; max itself belongs to the last bin. Equal ends mean those of the data.
void import_histc(SourceCall& c) {
  const Value given = c.tensor("self");
  const int64_t bins = c.integer("bins", 100);
  const double low = c.number("min", 0), high = c.number("max", 0);
  if (c.failed()) return;
  const DType t = c.dtype(given);
  const int64_t n = element_count(c.shape(given));
  if (low > high || !small_enough(c, n, bins)) return c.unsupported(fmt::format("a range from {} to {}", low, high));
  const Value flat = reshape(c, c.to_dtype(given, DType::kF32), {n, 1});
  Range range{c.scalar(low), c.scalar(high)};
  if (low == high) range = widened(c, range_of(c, flat), 1);
  // torch's own order of operations: an element at the edge of a bin must round to torch's side.
  const Value scaled = binary(c, BinaryKind::kMul, sub(c, flat, range.low), double(bins));
  const Value bin = unary(c, UnaryKind::kFloor, div(c, scaled, sub(c, range.high, range.low)));
  const Value inside = compare(c, CompareKind::kLessEqual, flat, range.high);
  const Value place = select(c, inside, binary(c, BinaryKind::kMinimum, bin, double(bins - 1)), c.scalar(-1));
  const Value hits = compare(c, CompareKind::kEqual, place, counting(c, {1, bins}, DType::kF32));
  c.result(c.to_dtype(reduce(c, ReduceKind::kSum, c.to_dtype(hits, DType::kF32), {0}, false), t));
}

constexpr Import kImports[] = {
    {"aten.histogram.bin_ct", import_histogram},
    {"aten.histogram.bins_tensor", import_histogram_edges},
    {"aten.histogramdd.default", import_histogram_grid},
    {"aten.histogramdd.int_bins", import_histogram_grid},
    {"aten.histogramdd.TensorList_bins", import_histogram_grid},
    {"aten.histc.default", import_histc},
};

}  // namespace

std::span<const Import> aten_histogram() { return kImports; }

}  // namespace atl
