#include "quant/weight_roles.h"

namespace atl {

std::optional<WeightRoles> weight_roles(const Graph& g, const Node& n) {
  const OpDef& def = def_of(*n.op);
  if (!def.weights || n.in.size() < 2) return std::nullopt;
  return def.weights(*n.op, g.types(n.in));
}

}  // namespace atl
