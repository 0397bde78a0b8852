// The graph: nodes in an arena with stable ids, types on every value, use lists. It is built with a Builder and changed with a
// Rewrite (ir/rewrite.h), which refuses a replacement of another type.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ir/op.h"

namespace atl {

/// A node's result. Default constructed: no value.
struct Value {
  uint32_t node = ~0u;
  uint32_t index = 0;
  bool valid() const { return node != ~0u; }
  auto operator<=>(const Value&) const = default;
};
using Values = std::vector<Value>;
using OriginId = uint32_t;

struct Node {
  OpPtr op;
  Values in;
  Types out;
  OriginId origin = 0;
  ConstantPtr constant;  ///< the value of a Const node
  bool dead = false;
};

/// One use of a value: operand `operand` of node `node`, or graph output `operand` when node is kGraphOutput.
struct Use {
  uint32_t node;
  uint32_t operand;
  bool operator==(const Use&) const = default;
};
inline constexpr uint32_t kGraphOutput = ~0u;

/// A named input or output of a graph.
struct Port {
  std::string name;
  Value value;
};

/// What a model keeps from one run to the next (a buffer that the source changes): at the start of a run input `input` holds
/// it, at the end output `output` is its new value, of the same type. Before the first run it is `initial`.
struct State {
  std::string name;
  uint32_t input = 0, output = 0;
  ConstantPtr initial;
};

class Graph {
 public:
  std::string name = "main";
  /// Adds a node after infer has accepted it. E: infer's, with `origin` and a trail; kInternal for an invalid operand.
  Result<Values> add(OpPtr op, Values in, OriginId origin = 0);
  Value add_constant(ConstantPtr c, OriginId origin = 0);
  Value add_input(std::string name, Type type);
  void add_output(std::string name, Value v);

  const std::vector<Port>& inputs() const { return inputs_; }
  const std::vector<Port>& outputs() const { return outputs_; }
  /// States by their ports; a port belongs to at most one.
  const std::vector<State>& states() const { return states_; }
  void set_states(std::vector<State> states) { states_ = std::move(states); }
  bool is_state_input(size_t i) const;
  bool is_state_output(size_t i) const;
  void rename_input(size_t i, std::string name) { inputs_[i].name = std::move(name); }
  void rename_output(size_t i, std::string name) { outputs_[i].name = std::move(name); }
  /// Number of ids in the arena, dead ones included.
  uint32_t size() const { return uint32_t(nodes_.size()); }
  const Node& operator[](uint32_t id) const { return nodes_[id]; }
  const Node& operator[](Value v) const { return nodes_[v.node]; }
  const Type& type(Value v) const { return nodes_[v.node].out[v.index]; }
  /// Their types; absent_type() for a value that is not valid.
  Types types(const Values& values) const;
  bool is(Value v, OpCode c) const { return v.valid() && nodes_[v.node].op->code == c; }
  /// The op struct of a node when it is an O, else nullptr: as<Conv2d>(v).
  template <class O>
  const O* as(Value v) const {
    if (!v.valid()) return nullptr;
    const OpBase* op = nodes_[v.node].op.get();
    return op->code == O{}.code ? static_cast<const O*>(op) : nullptr;
  }
  /// The constant behind a value, or nullptr.
  const Constant* constant(Value v) const { return v.valid() ? nodes_[v.node].constant.get() : nullptr; }
  const ConstantPtr& constant_ptr(Value v) const { return nodes_[v.node].constant; }
  /// In no particular order, but the same on every run.
  const std::vector<Use>& uses(Value v) const { return uses_[v.node][v.index]; }

  /// Live nodes (constants and inputs included), operands before their users; deterministic, linear.
  std::vector<uint32_t> topological_order() const;
  /// Marks nodes that no output depends on as dead (inputs stay). Returns how many died.
  size_t remove_dead_nodes();
  /// Marks a node without uses as dead and releases its operands.
  void release(uint32_t id);
  /// Live nodes of an op.
  size_t count(OpCode c) const;

  OriginId add_origin(Origin o);
  const Origin& origin(OriginId id) const { return origins_[id]; }
  const Origin& origin_of(Value v) const { return origins_[nodes_[v.node].origin]; }

  /// Every use of `from` becomes a use of `to`, but for uses by nodes with ids of `exempt` and above (those that the
  /// replacement itself is made of). E: kInternal when their types differ.
  Status replace(Value from, Value to, uint32_t exempt = ~0u);
  /// Makes operand `operand` of `node` another value of any type; for passes that re-infer afterwards (layout). The node's
  /// results are inferred anew. E: infer's; kInternal when the result types change.
  Status set_operand(uint32_t node, uint32_t operand, Value v);
  /// Changes the type of an input (layout of the interface). Only while nothing uses it.
  Status set_input_type(size_t i, Type type);
  /// Points output i at another value of any type.
  void set_output(size_t i, Value v);

 private:
  void add_use(Value v, Use use);
  void remove_use(Value v, Use use);
  uint32_t& place_of(Use use) {
    return use.node == kGraphOutput ? output_places_[use.operand] : places_[use.node][use.operand];
  }

  std::vector<Node> nodes_;
  std::vector<std::vector<std::vector<Use>>> uses_;
  // Where each operand and each output stands in the use list of its value, so that a use is removed without a search.
  std::vector<std::vector<uint32_t>> places_;
  std::vector<uint32_t> output_places_;
  std::vector<Port> inputs_, outputs_;
  std::vector<State> states_;
  std::vector<Origin> origins_{Origin{}};
  std::map<std::string, OriginId> origin_ids_;
};

/// A model: one graph an entry point, and named bytes kept with it. graphs[0] is the main one.
struct Model {
  std::vector<Graph> graphs;
  struct Signature {
    std::string key;
    size_t graph = 0;
  };
  std::vector<Signature> signatures;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::string description;
};

}  // namespace atl
