// Rewrites what a target cannot take into forms that it takes, where the target is more than LiteRT on a CPU; each op says in
// its own file what becomes of it (`adapt`). Exact, unless Target::allow_approximate. Example for the Edge TPU:
//   leaky_relu(x, a)         -> prelu(x, [a, a, ...])
//   conv2d(x, w) in 4 groups -> concat(conv2d(split(x)[0], w[0]), ...)
// Depends on legalize: axes and paddings are final. What each layer became is kept in the context.
#include "pass/pass.h"

namespace atl {
namespace {

std::string text_of(const Graph& g, uint32_t id) {
  const OpDef& def = def_of(*g[id].op);
  const std::string fields = def.print(*g[id].op);
  return fields.empty() ? std::string(def.name) : fmt::format("{} {{{}}}", def.name, fields);
}

}  // namespace

Status adapt(Graph& graph, PassContext& context) {
  if (context.target.kind == TargetKind::kLiteRt) return {};
  for (uint32_t id : graph.topological_order()) {
    const Node& n = graph[id];
    if (n.dead || n.constant || n.op->code == OpCode::kInput || !def_of(*n.op).adapt) continue;
    const std::string before = text_of(graph, id);
    const OriginId origin = n.origin;
    const uint32_t first = graph.size();
    Rewrite r(graph, id);
    auto done = def_of(*n.op).adapt(*graph[id].op, r, context.target);
    if (!done) return std::move(done.error()).at(graph.origin(origin));
    if (!*done) continue;
    std::string after;
    for (uint32_t made = first; made < graph.size(); ++made)
      if (!graph[made].constant) after += (after.empty() ? "" : ", ") + std::string(def_of(*graph[made].op).name);
    context.adaptations.push_back({graph.origin(origin), before, std::move(after)});
    graph.release(id);
  }
  graph.remove_dead_nodes();
  return {};
}

}  // namespace atl
