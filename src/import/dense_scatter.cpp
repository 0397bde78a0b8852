#include "import/dense_scatter.h"

#include <limits>

#include "import/placement.h"
#include "ops/elementwise.h"
#include "ops/index.h"

namespace atl {
namespace {

constexpr int64_t kMaxComparisons = int64_t(1) << 22;

bool small_enough(SourceCall& c, int64_t n, int64_t k, int64_t rest) {
  if (n == 0 || k == 0 || rest == 0 || (n <= kMaxComparisons / k && n * k <= kMaxComparisons / rest)) return true;
  c.unsupported(fmt::format("writing {} rows at indices that depend on data into {}", k, n),
                "use constant indices, a sum, or smaller tensors");
  return false;
}

// hits [n, k]: whether position j is place i.
Value hits_of(SourceCall& c, int64_t n, Value positions) {
  const int64_t k = element_count(c.shape(positions));
  const Value places = index_constant(c, {n, 1}, arithmetic(0, 1, n));
  return compare(c, CompareKind::kEqual, places, reshape(c, c.to_dtype(positions, DType::kI32), {1, k}));
}

// The number of the last hit along the last axis, -1 where there is none.
Value last_hit(SourceCall& c, Value hits) {
  const int64_t axis = int64_t(c.rank(hits)) - 1, k = c.shape(hits)[size_t(axis)];
  Shape line(c.rank(hits), 1);
  line.back() = k;
  const Value number = index_constant(c, line, arithmetic(0, 1, k));
  return reduce(c, ReduceKind::kMax, select(c, hits, number, c.scalar(-1, DType::kI32)), {axis}, false);
}

Shape with_ones(Shape s, size_t rank) {
  s.resize(rank, 1);
  return s;
}

// The largest or smallest number of an element type.
Value limit_of(SourceCall& c, DType t, bool largest) {
  if (is_float(t)) return c.scalar((largest ? 1 : -1) * std::numeric_limits<double>::infinity(), t);
  Value v;
  visit(t, [&]<class T>(T) {
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      const T bound = largest ? std::numeric_limits<T>::max() : std::numeric_limits<T>::min();
      v = c.constant(Tensor::of<T>(t, {}, std::span<const T>(&bound, 1)));
    }
  });
  if (!v.valid()) c.unsupported(fmt::format("the extremes of {}", name(t)));
  return v;
}

}  // namespace

Value overwrite_rows(SourceCall& c, Value x, Value positions, Value src) {
  if (c.failed()) return {};
  const int64_t n = c.shape(x)[0], k = element_count(c.shape(positions));
  if (!small_enough(c, n, k, 1)) return {};
  if (n == 0 || k == 0) return x;
  const Value last = last_hit(c, hits_of(c, n, positions));
  const Value taken = c.add(Gather(0), {src, binary(c, BinaryKind::kMaximum, last, 0.0)});
  const Value hit = compare(c, CompareKind::kGreaterEqual, last, 0.0);
  return select(c, reshape(c, hit, with_ones({n}, c.rank(x))), taken, x);
}

Value count_rows(SourceCall& c, int64_t n, Value positions, DType t) {
  if (!small_enough(c, n, element_count(c.shape(positions)), 1)) return {};
  return c.to_dtype(reduce(c, ReduceKind::kSum, c.to_dtype(hits_of(c, n, positions), DType::kI32), {1}, false), t);
}

Value combine_rows(SourceCall& c, ScatterKind kind, Value x, Value positions, Value src, bool include_self) {
  if (c.failed()) return {};
  const Shape s = c.shape(x);
  const int64_t n = s[0], k = element_count(c.shape(positions));
  const int64_t rest = n == 0 ? 0 : element_count(s) / n;
  if (!small_enough(c, n, k, rest)) return {};
  if (n == 0 || k == 0 || rest == 0) return x;
  const DType t = c.dtype(x);
  const bool any = t == DType::kBool && (kind == ScatterKind::kSum || kind == ScatterKind::kMax);
  const bool all = t == DType::kBool && !any;
  const Value hits = hits_of(c, n, positions);
  Shape wide{1};
  for (size_t a = 0; a < s.size(); ++a) wide.push_back(a == 0 ? k : s[a]);
  const Value each = reshape(c, src, wide), where = reshape(c, hits, with_ones({n, k}, wide.size()));
  const Value neutral = any || all                   ? c.scalar(all, DType::kBool)
                        : kind == ScatterKind::kSum  ? c.scalar(0, t)
                        : kind == ScatterKind::kProd ? c.scalar(1, t)
                                                     : limit_of(c, t, kind == ScatterKind::kMin);
  if (c.failed()) return {};
  const ReduceKind reduction = any                          ? ReduceKind::kAny
                               : all                        ? ReduceKind::kAll
                               : kind == ScatterKind::kSum  ? ReduceKind::kSum
                               : kind == ScatterKind::kProd ? ReduceKind::kProd
                               : kind == ScatterKind::kMax  ? ReduceKind::kMax
                                                            : ReduceKind::kMin;
  const Value reduced = reduce(c, reduction, select(c, where, each, neutral), {1}, false);
  if (!include_self) {
    const Value hit = reduce(c, ReduceKind::kAny, hits, {1}, false);
    return select(c, reshape(c, hit, with_ones({n}, s.size())), reduced, x);
  }
  if (any || all) return c.add(Logical(any ? LogicalKind::kOr : LogicalKind::kAnd), {x, reduced});
  const BinaryKind join = kind == ScatterKind::kSum    ? BinaryKind::kAdd
                          : kind == ScatterKind::kProd ? BinaryKind::kMul
                          : kind == ScatterKind::kMax  ? BinaryKind::kMaximum
                                                       : BinaryKind::kMinimum;
  return binary(c, join, x, reduced);
}

Value fill_planes(SourceCall& c, int64_t n, Value positions, Value src, bool add) {
  if (c.failed()) return {};
  const int64_t planes = c.shape(src)[0], k = c.shape(src)[1];
  if (!small_enough(c, n, k, planes)) return {};
  const Value places = index_constant(c, {1, n, 1}, arithmetic(0, 1, n));
  const Value hits = compare(c, CompareKind::kEqual, places, reshape(c, c.to_dtype(positions, DType::kI32), {planes, 1, k}));
  const Value zero = c.scalar(0, c.dtype(src));
  if (add) return reduce(c, ReduceKind::kSum, select(c, hits, reshape(c, src, {planes, 1, k}), zero), {2}, false);
  const Value last = last_hit(c, hits);
  const Value taken = c.add(Gather(1, 1), {src, binary(c, BinaryKind::kMaximum, last, 0.0)});
  return select(c, compare(c, CompareKind::kGreaterEqual, last, 0.0), taken, zero);
}

}  // namespace atl
