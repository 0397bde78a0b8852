// Builder adds nodes to a graph and remembers the first error, so that a lowering reads as straight code. Rewrite is a Builder
// at one node, with the right to replace that node's results by values of the same type.
#pragma once
#include <initializer_list>

#include "ir/graph.h"

namespace atl {

class Builder {
 public:
  explicit Builder(Graph& graph, OriginId origin = 0) : graph_(graph), origin_(origin) {}

  /// Adds an op with one result. After an error (see status()) everything returns an invalid Value and has no effect.
  template <class O>
  requires std::is_base_of_v<OpBase, O> Value add(O op, Values in) { return add(make_op(std::move(op)), std::move(in)); }
  Value add(OpPtr op, Values in);
  /// Adds an op with any number of results; on error a vector of `results` invalid values.
  template <class O>
  requires std::is_base_of_v<OpBase, O> Values add_multi(O op, Values in, size_t results) {
    return add_multi(make_op(std::move(op)), std::move(in), results);
  }
  Values add_multi(OpPtr op, Values in, size_t results);
  Value constant(const Tensor& t, std::string name = {});
  Value constant(ConstantPtr c);
  /// A rank-0 constant of the element type, converted from v.
  Value scalar(double v, DType dtype = DType::kF32);
  Value vector_i32(const std::vector<int64_t>& v);

  Graph& graph() const { return graph_; }
  /// The type of a value; an unknown scalar for an invalid one.
  const Type& type(Value v) const;
  const Shape& shape(Value v) const { return type(v).shape; }
  size_t rank(Value v) const { return type(v).shape.size(); }
  DType dtype(Value v) const { return type(v).dtype; }
  /// The materialized value of a small constant operand, or nullopt when v is not constant.
  std::optional<Tensor> constant_value(Value v);
  /// The single number that a constant holds (all elements equal), or nullopt. Constants of over 1,048,576 elements are not
  /// looked at.
  std::optional<double> uniform_value(Value v);

  OriginId origin() const { return origin_; }
  void set_origin(OriginId origin) { origin_ = origin; }
  void fail(Error e);
  bool failed() const { return !status_; }
  const Status& status() const { return status_; }
  Status take_status() { return std::move(status_); }

 protected:
  Graph& graph_;
  OriginId origin_;
  Status status_;
};

class Rewrite : public Builder {
 public:
  Rewrite(Graph& graph, uint32_t node) : Builder(graph, graph[node].origin), node_(node), first_new_(graph.size()) {}

  uint32_t id() const { return node_; }
  const Node& node() const { return graph_[node_]; }
  Value in(size_t i) const { return graph_[node_].in[i]; }
  size_t in_count() const { return graph_[node_].in.size(); }
  const Type& in_type(size_t i) const { return type(in(i)); }
  Value out(uint32_t i = 0) const { return {node_, i}; }
  const Type& out_type(uint32_t i = 0) const { return graph_[node_].out[i]; }
  bool is_constant(size_t i) const { return graph_.constant(in(i)) != nullptr; }
  /// True when this node's only result is used once.
  bool single_use(Value v) const { return graph_.uses(v).size() == 1; }

  /// Replaces all results (one value each) and returns true; false with the status set when building failed.
  Result<bool> replace(Values with);
  Result<bool> replace(Value with) { return replace(Values{with}); }

 private:
  uint32_t node_;
  uint32_t first_new_;
};

}  // namespace atl
