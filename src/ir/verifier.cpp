#include "ir/verifier.h"

#include <algorithm>

namespace atl {
namespace {

Error broken(const Graph& g, uint32_t id, std::string what) {
  return error(Code::kInternal, fmt::format("%{} {}: {}", id, def_of(*g[id].op).name, what)).at(g.origin(g[id].origin));
}

Status verify_node(const Graph& g, uint32_t id, const std::vector<bool>& before) {
  const Node& n = g[id];
  if (n.dead) return broken(g, id, "is dead but used");
  Types types;
  for (uint32_t i = 0; i < n.in.size(); ++i) {
    const Value v = n.in[i];
    if (!v.valid()) {
      types.push_back(Type{DType::kUnknown, {}, {}});
      continue;
    }
    if (v.node >= g.size() || v.index >= g[v].out.size()) return broken(g, id, fmt::format("operand {} does not exist", i));
    if (!before[v.node]) return broken(g, id, fmt::format("operand {} is computed later", i));
    const auto& uses = g.uses(v);
    if (std::find(uses.begin(), uses.end(), Use{id, i}) == uses.end())
      return broken(g, id, fmt::format("operand {} does not know this use", i));
    types.push_back(g.type(v));
  }
  if (n.op->code == OpCode::kInput) return {};
  if (n.op->code == OpCode::kConst) {
    if (!n.constant) return broken(g, id, "has no value");
    if (n.constant->type() != n.out[0]) return broken(g, id, "its value has another type");
    return {};
  }
  const OpDef& def = def_of(*n.op);
  auto out = def.infer(*n.op, types);
  if (!out) return std::move(out.error()).in("verifying " + std::string(def.name)).at(g.origin(n.origin));
  if (*out != n.out) return broken(g, id, "its type is not what infer says");
  return {};
}

}  // namespace

Status verify(const Graph& g) {
  std::vector<bool> before(g.size(), false);
  for (uint32_t id : g.topological_order()) {
    TRY_STATUS(verify_node(g, id, before));
    before[id] = true;
  }
  for (const Port& p : g.outputs())
    if (!p.value.valid() || p.value.node >= g.size() || !before[p.value.node])
      return error(Code::kInternal, fmt::format("output '{}' is not computed", p.name));
  return {};
}

}  // namespace atl
