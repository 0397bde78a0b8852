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
      types.push_back(absent_type());
      continue;
    }
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
  if (!def.graphs) return {};
  for (const GraphPtr& inner : def.graphs(*n.op))
    if (Status s = verify(*inner); !s)
      return std::move(s.error()).in(fmt::format("verifying '{}' of {}", inner->name, def.name));
  return {};
}

// What the walk over the graph relies on: every value that is named exists.
Status verify_references(const Graph& g) {
  const auto exists = [&](Value v) { return v.node < g.size() && v.index < g[v].out.size(); };
  for (uint32_t id = 0; id < g.size(); ++id) {
    if (g[id].dead) continue;
    for (uint32_t i = 0; i < g[id].in.size(); ++i)
      if (const Value v = g[id].in[i]; v.valid() && !exists(v))
        return broken(g, id, fmt::format("operand {} does not exist", i));
  }
  for (const Port& p : g.outputs())
    if (!exists(p.value)) return error(Code::kInternal, fmt::format("output '{}' is not computed", p.name));
  return {};
}

// Every use that a live node lists is one.
Status verify_uses(const Graph& g, uint32_t id) {
  for (uint32_t i = 0; i < g[id].out.size(); ++i)
    for (const Use& u : g.uses({id, i})) {
      const Value v{id, i};
      const bool is_use = u.node == kGraphOutput
                              ? u.operand < g.outputs().size() && g.outputs()[u.operand].value == v
                              : u.node < g.size() && u.operand < g[u.node].in.size() && g[u.node].in[u.operand] == v;
      if (!is_use) return broken(g, id, "lists a use that is not one");
    }
  return {};
}

}  // namespace

Status verify(const Graph& g) {
  TRY_STATUS(verify_references(g));
  std::vector<bool> before(g.size(), false);
  for (uint32_t id : g.topological_order()) {
    TRY_STATUS(verify_node(g, id, before));
    TRY_STATUS(verify_uses(g, id));
    before[id] = true;
  }
  for (uint32_t i = 0; i < g.outputs().size(); ++i) {
    const auto& uses = g.uses(g.outputs()[i].value);
    if (std::find(uses.begin(), uses.end(), Use{kGraphOutput, i}) == uses.end())
      return error(Code::kInternal, fmt::format("the value of output '{}' does not know this use", g.outputs()[i].name));
  }
  return {};
}

}  // namespace atl
