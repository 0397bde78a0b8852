// Ops that pick or place elements by index, and order them.
#pragma once
#include "ir/op.h"

namespace atl {

/// Operands x, indices (i32 or i64, inside the axis): slices of x along `axis`. The first batch_dims axes of both go together.
/// Result shape: x.shape[:axis] + indices.shape[batch_dims:] + x.shape[axis+1:].
struct Gather : OpOf<OpCode::kGather> {
  int64_t axis = 0, batch_dims = 0;
  Gather() = default;
  explicit Gather(int64_t a, int64_t b = 0) : axis(a), batch_dims(b) {}
  static auto fields(auto& o) { return std::tuple{field("axis", o.axis), field("batch_dims", o.batch_dims)}; }
};
/// Operands x, indices [..., k]: the slices x[i_0, ..., i_{k-1}].
struct GatherNd : OpOf<OpCode::kGatherNd> {
  static auto fields(auto&) { return std::tuple{}; }
};
/// Operands indices i32 [..., k], updates: a tensor of `shape` of zeros to which the updates are added at the indices.
struct ScatterNd : OpOf<OpCode::kScatterNd> {
  Shape shape;
  ScatterNd() = default;
  explicit ScatterNd(Shape s) : shape(std::move(s)) {}
  static auto fields(auto& o) { return std::tuple{field("shape", o.shape)}; }
};
/// Operands x, update (no larger than x along any axis), start (i32 or i64, a number for each axis): x with the box at `start`
/// replaced by the update. A start that would put the box over an edge is moved inside.
struct DynamicUpdateSlice : OpOf<OpCode::kDynamicUpdateSlice> {
  static auto fields(auto&) { return std::tuple{}; }
};
/// Operands indices (i32 or i64), on value, off value (scalars of one element type): a new axis of `depth` elements.
struct OneHot : OpOf<OpCode::kOneHot> {
  int64_t axis = -1, depth = 1;
  static auto fields(auto& o) { return std::tuple{field("axis", o.axis), field("depth", o.depth)}; }
};
/// The k largest elements along the last axis in falling order, and their indices (i32); ties by lower index.
struct TopK : OpOf<OpCode::kTopK> {
  int64_t k = 1;
  TopK() = default;
  explicit TopK(int64_t n) : k(n) {}
  static auto fields(auto& o) { return std::tuple{field("k", o.k)}; }
};

}  // namespace atl
