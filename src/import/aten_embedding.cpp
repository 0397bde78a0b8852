// Bags of embeddings: rows of a table summed, averaged or maximized over groups of consecutive indices.
#include <algorithm>
#include <limits>

#include "import/arithmetic.h"
#include "import/aten.h"
#include "import/dense_scatter.h"
#include "import/placement.h"
#include "import/vector_norm.h"
#include "ops/index.h"

namespace atl {
namespace {

enum class BagMode { kSum, kMean, kMax };

struct Bags {
  Value rows;     ///< [indices, width]
  Value counts;   ///< bool [indices]: not the padding index; invalid when all count
  Value offsets;  ///< i32 or i64 [bags]
  int64_t indices = 0, width = 0, bags = 0;
  BagMode mode = BagMode::kSum;
};

std::optional<Bags> read_bags(SourceCall& c) {
  Bags b;
  const Value weight = c.tensor("weight"), indices = c.tensor("indices");
  b.offsets = c.tensor("offsets");
  const int64_t mode = c.integer("mode", 0), padding = c.integer("padding_idx", -1);
  if (c.failed()) return std::nullopt;
  if (mode < 0 || mode > 2 || c.rank(weight) != 2 || c.rank(b.offsets) != 1)
    return c.unsupported("bags of another form"), std::nullopt;
  b.mode = BagMode(mode);
  b.indices = element_count(c.shape(indices));
  b.width = c.shape(weight)[1];
  b.bags = c.shape(b.offsets)[0] - (c.boolean("include_last_offset") ? 1 : 0);
  if (b.bags < 1) return c.unsupported("no bags"), std::nullopt;
  b.offsets = slice(c, b.offsets, 0, 0, b.bags);
  const Value at = reshape(c, indices, {b.indices});
  if (padding >= 0) b.counts = compare(c, CompareKind::kNotEqual, at, double(padding));
  b.rows = c.add(Gather(0), {weight, at});
  if (c.has("per_sample_weights")) b.rows = mul(c, b.rows, reshape(c, c.tensor("per_sample_weights"), {b.indices, 1}));
  return b;
}

Value column(SourceCall& c, Value v) { return reshape(c, v, {element_count(c.shape(v)), 1}); }

/// The rows with another number where the index is the padding.
Value without_padding(SourceCall& c, const Bags& b, double otherwise) {
  return b.counts.valid() ? select(c, column(c, b.counts), b.rows, c.scalar(otherwise, c.dtype(b.rows))) : b.rows;
}

Value zeros(SourceCall& c, DType t, Shape shape) { return c.add(BroadcastTo(std::move(shape)), {c.scalar(0, t)}); }

/// sums / how many rows each bag has [bags, 1]; an empty bag stays zero.
Value averaged(SourceCall& c, Value sums, Value sizes) { return div(c, sums, binary(c, BinaryKind::kMaximum, sizes, 1)); }

/// How many of 1 .. n each bag has, as floats [bags].
Value ones(SourceCall& c, const Bags& b) {
  const DType t = c.dtype(b.rows);
  return b.counts.valid() ? c.to_dtype(b.counts, t) : c.add(BroadcastTo(Shape{b.indices}), {c.scalar(1, t)});
}

/// Bags of equal length: axis 1 of [bags, length, width].
Value equal_bags(SourceCall& c, const Bags& b) {
  const int64_t length = b.indices / b.bags;
  const auto apart = [&](Value v) { return reshape(c, v, {b.bags, length, c.rank(v) == 2 ? b.width : 1}); };
  if (b.mode != BagMode::kMax) {
    const bool plain = b.mode == BagMode::kMean && !b.counts.valid();
    const Value y = reduce(c, plain ? ReduceKind::kMean : ReduceKind::kSum, apart(without_padding(c, b, 0)), {1}, false);
    return b.mode == BagMode::kMean && !plain ? averaged(c, y, reduce(c, ReduceKind::kSum, apart(ones(c, b)), {1}, false)) : y;
  }
  const Value y =
      reduce(c, ReduceKind::kMax, apart(without_padding(c, b, -std::numeric_limits<double>::infinity())), {1}, false);
  if (!b.counts.valid()) return y;
  return select(c, reduce(c, ReduceKind::kAny, apart(b.counts), {1}, false), y, c.scalar(0, c.dtype(y)));
}

/// The bag of each index, i32 [indices]: how many bags begin up to it, less one.
Value bag_of(SourceCall& c, const Bags& b) {
  const Value number = index_constant(c, {b.indices, 1}, arithmetic(0, 1, b.indices));
  const Value begin = reshape(c, c.to_dtype(b.offsets, DType::kI32), {1, b.bags});
  const Value begun = c.to_dtype(compare(c, CompareKind::kLessEqual, begin, number), DType::kI32);
  return binary(c, BinaryKind::kAdd, reduce(c, ReduceKind::kSum, begun, {1}, false), -1);
}

Value uneven_bags(SourceCall& c, const Bags& b) {
  if (!listable(c, b.indices)) return {};
  const DType t = c.dtype(b.rows);
  const Value bag = bag_of(c, b);
  if (b.mode == BagMode::kMax) {
    // A number that is no bag for the padding.
    const Value at = b.counts.valid() ? select(c, b.counts, bag, c.scalar(double(b.bags), DType::kI32)) : bag;
    return combine_rows(c, ScatterKind::kMax, zeros(c, t, {b.bags, b.width}), at, b.rows, false);
  }
  const Value sums = c.add(ScatterNd(Shape{b.bags, b.width}), {column(c, bag), without_padding(c, b, 0)});
  if (b.mode == BagMode::kSum) return sums;
  return averaged(c, sums, column(c, c.add(ScatterNd(Shape{b.bags}), {column(c, bag), ones(c, b)})));
}

void import_embedding_bag(SourceCall& c) {
  const auto b = read_bags(c);
  if (!b) return;
  const auto known = known_integers(c, b->offsets);
  const int64_t length = b->indices / b->bags;
  const bool equal = known && length > 0 && length * b->bags == b->indices && *known == arithmetic(0, length, b->bags);
  if (known && !std::is_sorted(known->begin(), known->end())) return c.unsupported("offsets that do not rise");
  Value y;
  if (b->indices == 0)
    y = zeros(c, c.dtype(b->rows), {b->bags, b->width});
  else
    y = equal ? equal_bags(c, *b) : uneven_bags(c, *b);
  if (y.valid()) c.results({y, {}, {}, {}});
}

// The rows that are looked up, no longer than max_norm.
void import_embedding_renorm(SourceCall& c) {
  const Value weight = c.tensor("self"), indices = c.tensor("indices");
  const double max_norm = c.number("max_norm");
  if (c.failed() || c.rank(weight) != 2) return c.unsupported("a table that is not a matrix");
  const int64_t rows = c.shape(weight)[0], count = element_count(c.shape(indices));
  if (count == 0 || rows == 0) return c.result(weight);
  const Value norm = vector_norm(c, weight, c.number("norm_type", 2), {1}, true);
  const Value at = column(c, c.to_dtype(reshape(c, indices, {count}), DType::kI32));
  const Value one = c.add(BroadcastTo(Shape{count}), {c.scalar(1, DType::kI32)});
  const Value used = compare(c, CompareKind::kGreater, column(c, c.add(ScatterNd(Shape{rows}), {at, one})), 0);
  const Value longer = c.add(Logical(LogicalKind::kAnd), {used, compare(c, CompareKind::kGreater, norm, max_norm)});
  const Value factor = div(c, c.scalar(max_norm, c.dtype(weight)), binary(c, BinaryKind::kAdd, norm, 1e-7));
  c.result(select(c, longer, mul(c, weight, factor), weight));
}

constexpr Import kImports[] = {
    {"aten.embedding_renorm.default", import_embedding_renorm},         {"aten.embedding_bag.default", import_embedding_bag},
    {"aten.embedding_bag.padding_idx", import_embedding_bag},           {"aten._embedding_bag.default", import_embedding_bag},
    {"aten._embedding_bag_forward_only.default", import_embedding_bag},
};

}  // namespace

std::span<const Import> aten_embedding() { return kImports; }

}  // namespace atl
