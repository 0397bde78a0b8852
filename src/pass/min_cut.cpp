#include "pass/min_cut.h"

#include <algorithm>

namespace atl {

MinCut::MinCut(int nodes, int source, int sink) : source_(source), sink_(sink), out_(size_t(nodes)) {}

int MinCut::add_node() {
  out_.emplace_back();
  return int(out_.size()) - 1;
}

void MinCut::add_arc(int from, int to, int64_t capacity, int64_t reverse) {
  out_[size_t(from)].push_back(int(arcs_.size()));
  arcs_.push_back({to, capacity});
  out_[size_t(to)].push_back(int(arcs_.size()));
  arcs_.push_back({from, reverse});
}

bool MinCut::find_levels() {
  level_.assign(out_.size(), -1);
  std::vector<int> queue{source_};
  level_[size_t(source_)] = 0;
  for (size_t i = 0; i < queue.size(); ++i)
    for (int a : out_[size_t(queue[i])]) {
      const Arc& arc = arcs_[size_t(a)];
      if (arc.capacity <= 0 || level_[size_t(arc.to)] >= 0) continue;
      level_[size_t(arc.to)] = level_[size_t(queue[i])] + 1;
      queue.push_back(arc.to);
    }
  return level_[size_t(sink_)] >= 0;
}

// Depth first along the level graph with an explicit stack: chains of ten thousand layers must not exhaust the call stack.
int64_t MinCut::push(int from, int64_t limit) {
  std::vector<int> path;
  int at = from;
  for (;;) {
    if (at == sink_) {
      int64_t flow = limit;
      for (int a : path) flow = std::min(flow, arcs_[size_t(a)].capacity);
      for (int a : path) {
        arcs_[size_t(a)].capacity -= flow;
        arcs_[size_t(a ^ 1)].capacity += flow;
      }
      return flow;
    }
    bool advanced = false;
    for (size_t& i = next_[size_t(at)]; i < out_[size_t(at)].size(); ++i) {
      const int a = out_[size_t(at)][i];
      const Arc& arc = arcs_[size_t(a)];
      if (arc.capacity <= 0 || level_[size_t(arc.to)] != level_[size_t(at)] + 1) continue;
      path.push_back(a);
      at = arc.to;
      advanced = true;
      break;
    }
    if (advanced) continue;
    if (path.empty()) return 0;
    level_[size_t(at)] = -2;
    at = arcs_[size_t(path.back() ^ 1)].to;
    path.pop_back();
    ++next_[size_t(at)];
  }
}

void MinCut::solve() {
  while (find_levels()) {
    next_.assign(out_.size(), 0);
    while (push(source_, kInfinite) > 0) {
    }
  }
}

}  // namespace atl
