// The choice of a layout for every node, as an optimization problem: each node can run in several layouts (its op says which),
// and where a value is made in one layout and wanted in another its bytes have to be transposed. Transposes of the source
// vanish: they only relabel the axes between a maker and its users.
#pragma once
#include <map>

#include "ir/graph.h"
#include "pass/pass.h"

namespace atl {

class LayoutProblem {
 public:
  /// Collects nodes, edges and possible layouts. The graph must outlive the problem.
  LayoutProblem(const Graph& graph, InterfaceLayout interface_layout);

  /// Chooses a layout for every node: minimum cuts between the present choice and each consistent alternative, taken as long as
  /// they lower the bytes moved.
  void solve();

  /// A node of the problem: a graph node that is neither a constant nor a Transpose, or an output port.
  struct Item {
    uint32_t node = 0;     ///< graph node; unused for ports
    int output_port = -1;  ///< number of the output port, or -1
    std::vector<LayoutChoice> choices;
    std::vector<int64_t> choice_cost;  ///< bytes that a choice costs by itself
    size_t chosen = 0;
  };
  /// A data edge: operand `operand` of item `user` reads value `source` of item `maker` with its axes permuted by `perm`.
  struct Edge {
    int maker = -1;
    int user = -1;
    uint32_t operand = 0;
    Value source;
    Perm perm;
  };
  const std::vector<Item>& items() const { return items_; }
  const LayoutChoice& choice_of(uint32_t node) const;
  const LayoutChoice& choice_of_output(size_t port) const;
  /// The value behind a chain of Transposes, and their composition.
  std::pair<Value, Perm> trace(Value v) const;
  /// Cost of the present choices: bytes transposed, and a little for each operator.
  int64_t cost() const;

 private:
  using Family = std::map<int, size_t>;  // item -> choice

  void add_items(InterfaceLayout interface_layout);
  void add_edges();
  void propagate();
  int find_or_add(int item, std::optional<LayoutChoice> choice);
  Perm wanted(const Edge& e, size_t choice) const;  // layout of the source that a user's choice wants
  Perm made(const Edge& e, size_t choice) const;    // layout in which a maker's choice makes the edge's value
  int choice_for_operand(int item, uint32_t operand, const Perm& layout);
  int choice_for_result(const Edge& e, const Perm& layout);
  Family family_of(int item, size_t choice) const;
  bool improve(const Family& family);
  int64_t move_cost(const Type& type, const Perm& from, const Perm& to) const;
  int64_t local_cost(const std::vector<int>& items) const;
  int64_t maker_cost(int item) const;

  const Graph& graph_;
  std::vector<Item> items_;
  std::vector<Edge> edges_;
  std::vector<std::vector<int>> edges_out_, edges_in_;  // by item
  std::vector<int> item_of_node_, item_of_output_;
};

/// Channels-last of a rank: {0, 2, 3, 1} for rank 4. Identity below rank 3.
Perm channels_last(size_t rank);
/// True when a permutation of a shape moves only axes of size one, so that a reshape does it.
bool moves_only_ones(const Shape& from, const Perm& perm);

}  // namespace atl
