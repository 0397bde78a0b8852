// Ops that LiteRT runs along the last axis only (SOFTMAX, LOG_SOFTMAX): their legality, and the moves that make them legal.
#pragma once
#include "ir/rewrite.h"
#include "ops/shape.h"
#include "ops/xnnpack.h"

namespace atl {

/// E: kUnsupportedForm when `axis` is not the last one or the rank is too high.
inline Status legal_last_axis(std::string_view what, int64_t axis, const Type& x) {
  if (axis != int64_t(x.rank()) - 1 && axis != -1)
    return error(Code::kUnsupportedForm,
                 fmt::format("{} along axis {} of {}; LiteRT runs it along the last axis", what, axis, to_string(x)));
  if (x.rank() > kXnnpackMaxRank)
    return error(Code::kUnsupportedForm, fmt::format("{} on {} axes; LiteRT takes {}", what, x.rank(), kXnnpackMaxRank));
  return {};
}

/// Rewrites an op with a field `axis` into one along the last axis: by reshaping when only axes of size 1 follow, else between
/// two transposes; a rank that is too high is reshaped to two axes.
template <class O>
Result<bool> legalize_last_axis(const O& o, Rewrite& r) {
  const Shape shape = r.in_type(0).shape;
  const int64_t rank = int64_t(shape.size());
  const int64_t axis = o.axis < 0 ? o.axis + rank : o.axis;
  if (!is_static(shape)) return false;
  O op = o;
  if (axis == rank - 1) {
    if (shape.size() <= kXnnpackMaxRank) return false;
    op.axis = 1;
    const int64_t last = shape.back(), lines = element_count({shape.begin(), shape.end() - 1});
    const Value flat = r.add(op, {r.add(Reshape({lines, last}), {r.in(0)})});
    return r.replace(r.add(Reshape(shape), {flat}));
  }
  if (element_count({shape.begin() + axis + 1, shape.end()}) == 1) {
    op.axis = axis;
    const Value y = r.add(op, {r.add(Reshape({shape.begin(), shape.begin() + axis + 1}), {r.in(0)})});
    return r.replace(r.add(Reshape(shape), {y}));
  }
  Perm p = identity(size_t(rank));
  std::swap(p[size_t(axis)], p.back());
  op.axis = rank - 1;
  const Value y = r.add(op, {r.add(Transpose(p), {r.in(0)})});
  return r.replace(r.add(Transpose(p), {y}));
}

}  // namespace atl
