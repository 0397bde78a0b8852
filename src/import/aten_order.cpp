// ATen operators that order elements. LiteRT's TOPK_V2 gives the largest elements of the last axis, ties by lower index.
#include "import/index_rules.h"
#include "import/placement.h"
#include "ops/binary.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/shape.h"
#include "ops/unary.h"

namespace atl {
namespace {

struct Ordered {
  Value values, indices;  // indices are i64, as torch's
};

// x with the order of its elements turned around.
Value negated(SourceCall& c, Value x) {
  const DType t = c.dtype(x);
  if (t == DType::kBool) return c.add(Unary(UnaryKind::kLogicalNot), {x});
  if (is_float(t)) return c.add(Unary(UnaryKind::kNeg), {x});
  return c.add(Binary(BinaryKind::kSub), {c.scalar(-1, t), x});  // -1 - x has no overflow
}

// The first k elements along an axis in falling or rising order.
Ordered ordered(SourceCall& c, Value x, int64_t axis, int64_t k, bool falling) {
  const DType t = c.dtype(x);
  const bool scalar = c.rank(x) == 0;
  if (scalar) x = reshape_value(c, x, {1});
  const int64_t last = int64_t(c.rank(x)) - 1;
  if (t == DType::kU8 && !falling) x = c.to_dtype(x, DType::kI32);
  x = move_axis(c, x, axis, last);
  if (!falling) x = negated(c, x);
  const Values found = c.add_multi(TopK(k), {x}, 2);
  Value values = falling ? found[0] : negated(c, found[0]);
  values = move_axis(c, c.to_dtype(values, t), last, axis);
  Value indices = move_axis(c, c.to_dtype(found[1], DType::kI64), last, axis);
  if (scalar) {
    values = reshape_value(c, values, {});
    indices = reshape_value(c, indices, {});
  }
  return {values, indices};
}

Ordered sorted(SourceCall& c) {
  const Value x = c.tensor("self");
  const int64_t axis = c.axis("dim", c.rank(x), -1);
  if (c.failed()) return {};
  return ordered(c, x, axis, c.rank(x) == 0 ? 1 : c.shape(x)[size_t(axis)], c.boolean("descending"));
}

// The element of rank k (from 1, rising) along an axis, which stays with size 1 when keep.
Ordered ranked(SourceCall& c, Value x, int64_t axis, int64_t k, bool keep) {
  const bool scalar = c.rank(x) == 0;
  if (scalar) x = reshape_value(c, x, {1});
  const Ordered all = ordered(c, x, axis, k, false);
  const auto take = [&](Value v) {
    if (c.failed() || scalar) return scalar ? reshape_value(c, v, {}) : v;
    Slice s(std::vector<int64_t>(c.rank(v), 0), c.shape(v));
    s.begin[size_t(axis)] = k - 1;
    s.size[size_t(axis)] = 1;
    if (!keep) s.shrink = {axis};
    return c.add(std::move(s), {v});
  };
  return {take(all.values), take(all.indices)};
}

}  // namespace

void import_topk(SourceCall& c) {
  const Value x = c.tensor("self");
  const int64_t axis = c.axis("dim", c.rank(x), -1), k = c.integer("k");
  if (c.failed()) return;
  const Ordered o = ordered(c, x, axis, k, c.boolean("largest", true));
  c.results({o.values, o.indices});
}

void import_sort(SourceCall& c) {
  const Ordered o = sorted(c);
  c.results({o.values, o.indices});
}
void import_argsort(SourceCall& c) { c.result(sorted(c).indices); }

void import_msort(SourceCall& c) {
  const Value x = c.tensor("self");
  if (c.rank(x) == 0) return c.result(x);
  c.result(ordered(c, x, 0, c.shape(x)[0], false).values);
}

void import_kthvalue(SourceCall& c) {
  const Value x = c.tensor("self");
  const int64_t axis = c.axis("dim", c.rank(x), -1), k = c.integer("k");
  const int64_t n = c.rank(x) == 0 ? 1 : c.shape(x)[size_t(axis)];
  if (c.failed() || k < 1 || k > n) return c.unsupported(fmt::format("element {} of {}", k, n));
  const Ordered o = ranked(c, x, axis, k, c.boolean("keepdim"));
  c.results({o.values, o.indices});
}

}  // namespace atl
