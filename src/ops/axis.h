// What ops along axes share: how axis fields and results react to a permutation, and the loop around one axis.
#pragma once
#include <algorithm>
#include <vector>

#include "ir/type.h"

namespace atl {

/// The physical position of logical axis `axis` in a value whose physical axis k is logical axis perm[k].
inline int64_t physical_axis(const Perm& perm, int64_t axis) {
  return std::find(perm.begin(), perm.end(), int(axis)) - perm.begin();
}

/// physical_axis of several axes, sorted.
inline std::vector<int64_t> physical_axes(const Perm& perm, const std::vector<int64_t>& axes) {
  std::vector<int64_t> out;
  for (int64_t a : axes) out.push_back(physical_axis(perm, a));
  std::sort(out.begin(), out.end());
  return out;
}

/// The permutation that stays when the logical axes `removed` (sorted) disappear from a value laid out by `perm`.
inline Perm without_axes(const Perm& perm, const std::vector<int64_t>& removed) {
  Perm out;
  for (int p : perm) {
    if (std::binary_search(removed.begin(), removed.end(), int64_t(p))) continue;
    out.push_back(p - int(std::lower_bound(removed.begin(), removed.end(), int64_t(p)) - removed.begin()));
  }
  return out;
}

/// The inverse of without_axes: a layout of `rank` axes from which `perm` stays. The removed axes keep their positions.
inline Perm with_axes(const Perm& perm, const std::vector<int64_t>& removed, size_t rank) {
  std::vector<int> kept;
  for (int a = 0; a < int(rank); ++a)
    if (!std::binary_search(removed.begin(), removed.end(), int64_t(a))) kept.push_back(a);
  Perm out;
  size_t next = 0;
  for (int a = 0; a < int(rank); ++a)
    out.push_back(std::binary_search(removed.begin(), removed.end(), int64_t(a)) ? a : kept[size_t(perm[next++])]);
  return out;
}

/// Sorted axes without repetition, all inside the rank: what axis fields hold.
inline bool valid_axes(const std::vector<int64_t>& axes, size_t rank) {
  for (size_t i = 0; i < axes.size(); ++i)
    if (axes[i] < 0 || axes[i] >= int64_t(rank) || (i && axes[i] <= axes[i - 1])) return false;
  return true;
}

/// A dense tensor seen as [outer, size, inner] around one axis: element i of line (o, k) is at (o * size + i) * inner + k.
struct AxisLines {
  int64_t outer = 1, size = 1, inner = 1;
  AxisLines(const Shape& shape, int64_t axis) {
    for (int64_t a = 0; a < int64_t(shape.size()); ++a) (a < axis ? outer : a == axis ? size : inner) *= shape[size_t(a)];
  }
  /// Calls f(index of the line's first element) for every line; its elements are `inner` apart.
  template <class F>
  void each(F f) const {
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t k = 0; k < inner; ++k) f(o * size * inner + k);
  }
};

}  // namespace atl
