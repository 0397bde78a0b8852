#include <deque>

#include "pass/pass.h"

namespace atl {

namespace {
// A rule set that rewrites a node more often than this, on average, is taken to run in circles.
constexpr size_t kRewritesPerNode = 64;
}  // namespace

Status apply_to_fixpoint(Graph& graph, PassContext& context, bool limited, Result<bool> (*rule)(Rewrite&)) {
  std::deque<uint32_t> work;
  for (uint32_t id : graph.topological_order()) work.push_back(id);
  std::vector<bool> queued(graph.size(), true);
  const size_t bound = kRewritesPerNode * (work.size() + 16);
  size_t rewrites = 0;
  const auto enqueue = [&](uint32_t id) {
    if (id == kGraphOutput) return;
    if (queued.size() <= id) queued.resize(graph.size(), false);
    if (queued[id]) return;
    queued[id] = true;
    work.push_back(id);
  };
  while (!work.empty()) {
    const uint32_t id = work.front();
    work.pop_front();
    queued[id] = false;
    const Node& node = graph[id];
    if (node.dead || node.op->code == OpCode::kConst || node.op->code == OpCode::kInput) continue;
    bool used = false;
    for (uint32_t i = 0; i < node.out.size(); ++i) used |= !graph.uses({id, i}).empty();
    if (!used) continue;
    if (limited && !context.may_rewrite()) break;
    const uint32_t before = graph.size();
    Rewrite r(graph, id);
    TRY(const bool changed, rule(r));
    if (!changed) continue;
    ++context.rewrites;
    if (++rewrites > bound)
      return error(Code::kInternal, fmt::format("rewriting does not end at {}", def_of(*graph[id].op).name));
    queued.resize(graph.size(), false);
    for (uint32_t added = before; added < graph.size(); ++added) enqueue(added);
    // What uses the new nodes, and what the old node used, may match now.
    for (uint32_t added = before; added < graph.size(); ++added)
      for (uint32_t i = 0; i < graph[added].out.size(); ++i)
        for (const Use& u : graph.uses({added, i})) enqueue(u.node);
    for (Value v : graph[id].in)
      if (v.valid()) {
        enqueue(v.node);
        for (const Use& u : graph.uses(v)) enqueue(u.node);
      }
    bool still_used = false;
    for (uint32_t i = 0; i < graph[id].out.size(); ++i) still_used |= !graph.uses({id, i}).empty();
    if (still_used)
      enqueue(id);
    else
      graph.release(id);
  }
  graph.remove_dead_nodes();
  return {};
}

}  // namespace atl
