// Minimum s-t cut (Dinic's algorithm) on a directed graph with integer capacities.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace atl {

class MinCut {
 public:
  static constexpr int64_t kInfinite = int64_t(1) << 60;
  /// Nodes 0..nodes-1; `source` and `sink` are two of them.
  MinCut(int nodes, int source, int sink);
  int add_node();
  /// An arc of the given capacity, and one back of `reverse`.
  void add_arc(int from, int to, int64_t capacity, int64_t reverse = 0);
  /// Computes a minimum cut; side(v) is then true for nodes on the source's side (the smallest such set: deterministic).
  void solve();
  bool side(int v) const { return level_[size_t(v)] >= 0; }

 private:
  bool find_levels();
  int64_t push(int from, int64_t limit);

  struct Arc {
    int to;
    int64_t capacity;
  };
  int source_, sink_;
  std::vector<Arc> arcs_;  // arc i and arc i^1 are each other's reverse
  std::vector<std::vector<int>> out_;
  std::vector<int> level_;
  std::vector<size_t> next_;
};

}  // namespace atl
