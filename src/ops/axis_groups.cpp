#include "ops/axis_groups.h"

#include "ops/movement.h"

namespace atl {

std::vector<AxisGroup> axis_groups(const Shape& a, const Shape& b) {
  std::vector<AxisGroup> groups;
  size_t i = 0, j = 0;
  const auto skip_ones = [](const Shape& s, size_t& k) {
    while (k < s.size() && s[k] == 1) ++k;
  };
  for (;;) {
    skip_ones(a, i);
    skip_ones(b, j);
    if (i == a.size() || j == b.size()) return groups;
    AxisGroup g;
    int64_t in = a[i], out = b[j];
    g.a.push_back(int(i++));
    g.b.push_back(int(j++));
    while (in != out) {
      const bool grow_in = in < out;
      size_t& k = grow_in ? i : j;
      const Shape& s = grow_in ? a : b;
      skip_ones(s, k);
      if (k == s.size()) return groups;  // the counts differ; the caller has refused that
      (grow_in ? in : out) *= s[k];
      (grow_in ? g.a : g.b).push_back(int(k++));
    }
    groups.push_back(std::move(g));
  }
}

std::optional<Perm> follow_reshape(const Shape& a, const Shape& b, const Perm& p) {
  if (!is_permutation(p, a.size())) return std::nullopt;
  if (element_count(a) == 0) return identity(b.size());
  const std::vector<AxisGroup> groups = axis_groups(a, b);
  std::vector<int> group_of(a.size(), -1);
  for (size_t g = 0; g < groups.size(); ++g)
    for (int axis : groups[g].a) group_of[size_t(axis)] = int(g);
  std::vector<int> order;
  for (size_t k = 0; k < p.size();) {
    const int g = group_of[size_t(p[k])];
    if (g < 0) {
      ++k;
      continue;
    }
    for (int axis : groups[size_t(g)].a) {
      while (k < p.size() && group_of[size_t(p[k])] < 0) ++k;
      if (k == p.size() || p[k] != axis) return std::nullopt;
      ++k;
    }
    order.insert(order.end(), groups[size_t(g)].b.begin(), groups[size_t(g)].b.end());
  }
  return place_free_axes(order, b.size());
}

}  // namespace atl
