// Turns what LiteRT has no form for into what it has; each op says in its own file what is legal and how it becomes so.
// Depends on layout: channels-first convolutions are gone. Leaves Stage::kLegal, or reports every node that has no form.
#include <set>

#include "ops/shape.h"
#include "pass/pass.h"

namespace atl {
namespace {

Result<bool> legalize_node(Rewrite& r) {
  const OpDef& def = def_of(*r.node().op);
  if (def.legalize == nullptr || def.legal(*r.node().op, r.graph().types(r.node().in))) return false;
  return def.legalize(*r.node().op, r);
}

// LiteRT needs every output to be a tensor of its own that an operator makes. The graph of an op may hand an input on at its
// own place, which LiteRT then does not copy.
Status separate_outputs(Graph& graph, bool nested) {
  std::set<Value> seen;
  for (size_t i = 0; i < graph.outputs().size(); ++i) {
    const Value v = graph.outputs()[i].value;
    const OpCode code = graph[v].op->code;
    const bool handed_on = nested && i < graph.inputs().size() && graph.inputs()[i].value == v;
    if (handed_on || (code != OpCode::kInput && code != OpCode::kConst && seen.insert(v).second)) continue;
    Builder b(graph, graph[v].origin);
    const Value copy = b.add(Reshape(graph.type(v).shape), {v});
    if (b.failed()) return b.take_status();
    graph.set_output(i, copy);
  }
  return {};
}

Status report_illegal(const Graph& graph) {
  std::vector<Error> errors;
  for (uint32_t id : graph.topological_order()) {
    const Node& n = graph[id];
    if (n.op->code == OpCode::kConst || n.op->code == OpCode::kInput) continue;
    Status s = def_of(*n.op).legal(*n.op, graph.types(n.in));
    if (s) continue;
    Error e = std::move(s.error()).at(graph.origin(n.origin));
    bool known = false;
    for (Error& other : errors)
      if (other.what == e.what && !known) {
        ++other.count;
        known = true;
      }
    if (!known) errors.push_back(std::move(e));
  }
  if (errors.empty()) return {};
  Error first = std::move(errors.front());
  for (size_t i = 1; i < errors.size(); ++i) first.others.push_back(std::move(errors[i]));
  return first;
}

}  // namespace

Status legalize(Graph& graph, PassContext& context) {
  TRY_STATUS(apply_to_fixpoint(graph, context, false, legalize_node));
  TRY_STATUS(separate_outputs(graph, context.depth > 0));
  return report_illegal(graph);
}

}  // namespace atl
