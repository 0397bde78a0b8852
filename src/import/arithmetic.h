// Short names for the core ops that import rules are composed of.
#pragma once
#include "ir/cast_op.h"
#include "ir/source_call.h"
#include "ops/binary.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/unary.h"

namespace atl {

inline Value unary(Builder& b, UnaryKind k, Value x) { return b.add(Unary(k), {x}); }
/// Sums, products and extremes of bools are logic.
inline Value binary(Builder& b, BinaryKind k, Value x, Value y) {
  const bool is_or = k == BinaryKind::kAdd || k == BinaryKind::kMaximum;
  const bool is_and = k == BinaryKind::kMul || k == BinaryKind::kMinimum;
  if ((is_or || is_and) && x.valid() && b.dtype(x) == DType::kBool)
    return b.add(Logical(is_or ? LogicalKind::kOr : LogicalKind::kAnd), {x, y});
  return b.add(Binary(k), {x, y});
}
/// x with a number of x's element type.
inline Value binary(Builder& b, BinaryKind k, Value x, double y) { return binary(b, k, x, b.scalar(y, b.dtype(x))); }
inline Value add(Builder& b, Value x, Value y) { return binary(b, BinaryKind::kAdd, x, y); }
inline Value sub(Builder& b, Value x, Value y) { return binary(b, BinaryKind::kSub, x, y); }
inline Value mul(Builder& b, Value x, Value y) { return binary(b, BinaryKind::kMul, x, y); }
inline Value div(Builder& b, Value x, Value y) { return binary(b, BinaryKind::kDiv, x, y); }
inline Value compare(Builder& b, CompareKind k, Value x, Value y) { return b.add(Compare(k), {x, y}); }
inline Value compare(Builder& b, CompareKind k, Value x, double y) { return compare(b, k, x, b.scalar(y, b.dtype(x))); }
inline Value select(Builder& b, Value condition, Value x, Value y) { return b.add(Select{}, {condition, x, y}); }

/// x under another shape; x itself when it has that shape.
inline Value reshape(Builder& b, Value x, Shape shape) {
  return b.shape(x) == shape ? x : b.add(Reshape(std::move(shape)), {x});
}
/// x with permuted axes; x itself for the identity.
inline Value transpose(Builder& b, Value x, Perm p) { return is_identity(p) ? x : b.add(Transpose(std::move(p)), {x}); }
/// x with its last two axes swapped.
inline Value swap_matrix_axes(Builder& b, Value x) {
  Perm p = identity(b.rank(x));
  if (p.size() < 2) return x;
  std::swap(p[p.size() - 1], p[p.size() - 2]);
  return transpose(b, x, std::move(p));
}
/// `size` elements of an axis from `begin`.
inline Value slice(Builder& b, Value x, int64_t axis, int64_t begin, int64_t size) {
  Shape sizes = b.shape(x);
  std::vector<int64_t> begins(sizes.size(), 0);
  if (size_t(axis) >= sizes.size() || (begin == 0 && size == sizes[size_t(axis)])) return x;
  begins[size_t(axis)] = begin;
  sizes[size_t(axis)] = size;
  return b.add(Slice(std::move(begins), std::move(sizes)), {x});
}
/// The reduction over `axes`; x itself when there are none (a scalar). Sums, products and extremes of bools are logic.
inline Value reduce(Builder& b, ReduceKind k, Value x, std::vector<int64_t> axes, bool keep_dims) {
  if (x.valid() && b.dtype(x) == DType::kBool) {
    if (k == ReduceKind::kSum || k == ReduceKind::kMax) k = ReduceKind::kAny;
    if (k == ReduceKind::kProd || k == ReduceKind::kMin) k = ReduceKind::kAll;
  }
  return axes.empty() ? x : b.add(Reduce(k, std::move(axes), keep_dims), {x});
}
/// All axes of x.
inline std::vector<int64_t> all_axes(const Builder& b, Value x) {
  std::vector<int64_t> axes(b.rank(x));
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

}  // namespace atl
