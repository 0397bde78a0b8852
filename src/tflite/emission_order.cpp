#include "tflite/emission_order.h"

#include <algorithm>
#include <functional>
#include <queue>

#include "ir/basic_ops.h"
#include "ops/opaque.h"

namespace atl {

bool is_source(const Graph& g, uint32_t id) {
  const OpBase& op = *g[id].op;
  if (op.code == OpCode::kInput || op.code == OpCode::kConst) return true;
  return op.code == OpCode::kOpaque && static_cast<const Opaque&>(op).builtin == Opaque::kFileTensor;
}

namespace {

std::vector<bool> needed_nodes(const Graph& g) {
  std::vector<bool> needed(g.size(), false);
  std::vector<uint32_t> open;
  const auto need = [&](uint32_t id) {
    if (needed[id]) return;
    needed[id] = true;
    open.push_back(id);
  };
  for (const Port& p : g.outputs()) need(p.value.node);
  for (uint32_t id = 0; id < g.size(); ++id)
    if (!g[id].dead && g[id].out.empty()) need(id);
  while (!open.empty()) {
    const uint32_t id = open.back();
    open.pop_back();
    for (Value v : g[id].in)
      if (v.valid()) need(v.node);
  }
  return needed;
}

}  // namespace

std::vector<uint32_t> emission_order(const Graph& g) {
  using Key = std::pair<OriginId, uint32_t>;
  const std::vector<bool> needed = needed_nodes(g);
  std::vector<uint32_t> waiting(g.size(), 0);
  std::vector<OriginId> place(g.size(), 0);
  std::vector<std::vector<uint32_t>> users(g.size());
  std::priority_queue<Key, std::vector<Key>, std::greater<>> ready;
  const auto make_ready = [&](uint32_t id) { ready.push({place[id], id}); };
  for (uint32_t id = 0; id < g.size(); ++id) {
    if (!needed[id] || is_source(g, id)) continue;
    place[id] = g[id].origin;
    for (Value v : g[id].in) {
      if (!v.valid() || is_source(g, v.node)) continue;
      ++waiting[id];
      users[v.node].push_back(id);
    }
    if (waiting[id] == 0) make_ready(id);
  }
  std::vector<uint32_t> order;
  while (!ready.empty()) {
    const uint32_t id = ready.top().second;
    ready.pop();
    order.push_back(id);
    for (uint32_t user : users[id]) {
      // A node without an origin of its own stands where the last of its operands does.
      if (g[user].origin == 0) place[user] = std::max(place[user], place[id]);
      if (--waiting[user] == 0) make_ready(user);
    }
  }
  return order;
}

}  // namespace atl
