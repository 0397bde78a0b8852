#include "quant/weight_roles.h"

#include <algorithm>

namespace atl {

std::optional<WeightRoles> weight_roles(const Graph& g, const Node& n) {
  const OpDef& def = def_of(*n.op);
  if (!def.weights || n.in.size() < 2) return std::nullopt;
  return def.weights(*n.op, g.types(n.in));
}

std::optional<WeightRoles> changeable_roles(const Graph& g, const Node& n) {
  const auto roles = weight_roles(g, n);
  if (!roles || !roles->linear || roles->result_axis + 1 != int64_t(n.out[0].rank()) || !g.constant(n.in[1]))
    return std::nullopt;
  return n.in.size() < 3 || !n.in[2].valid() || g.constant(n.in[2]) ? roles : std::nullopt;
}

double multiplications(const Graph& g, const Node& n) {
  const auto roles = weight_roles(g, n);
  if (!roles) return 0;
  const Shape& weight = g.type(n.in[1]).shape;
  if (size_t(roles->weight_out_axis) >= weight.size()) return 0;
  const double per_result =
      double(element_count(weight)) / double(std::max<int64_t>(1, weight[size_t(roles->weight_out_axis)]));
  return double(element_count(n.out[0].shape)) * per_result;
}

}  // namespace atl
