// Nodes of equal op on equal operands become one (common subexpressions); equal constants too.
#include <unordered_map>

#include "pass/pass.h"

namespace atl {
namespace {

size_t node_hash(const Graph& g, uint32_t id) {
  const Node& n = g[id];
  if (n.constant) return n.constant->identity_hash();
  size_t h = size_t(n.op->code) * 0x9e3779b97f4a7c15ULL ^ def_of(*n.op).hash(*n.op);
  for (Value v : n.in) h = h * 1099511628211ULL + v.node * 31 + v.index;
  return h;
}

bool equal_nodes(const Graph& g, uint32_t a, uint32_t b) {
  const Node &x = g[a], &y = g[b];
  if (x.constant || y.constant) return x.constant && y.constant && x.constant->same_bytes(*y.constant);
  return x.op->code == y.op->code && x.in == y.in && x.out == y.out && def_of(*x.op).equal(*x.op, *y.op);
}

}  // namespace

Status merge_equal_nodes(Graph& graph, PassContext& context) {
  std::unordered_map<size_t, std::vector<uint32_t>> seen;
  for (uint32_t id : graph.topological_order()) {
    const Node& n = graph[id];
    // An opaque operator may be random or keep state; a node without operands has nothing to compare.
    if (n.op->code == OpCode::kInput || n.op->code == OpCode::kOpaque) continue;
    if (!context.may_rewrite()) break;
    auto& bucket = seen[node_hash(graph, id)];
    bool merged = false;
    for (uint32_t other : bucket) {
      if (!equal_nodes(graph, id, other)) continue;
      for (uint32_t i = 0; i < n.out.size(); ++i) TRY_STATUS(graph.replace({id, i}, {other, i}));
      ++context.rewrites;
      merged = true;
      break;
    }
    if (!merged) bucket.push_back(id);
  }
  graph.remove_dead_nodes();
  return {};
}

}  // namespace atl
