// One graph as a subgraph of a .tflite file.
#pragma once
#include <schema_tables.h>

#include <map>
#include <tuple>

#include "ir/graph.h"
#include "ir/tflite_op.h"
#include "ops/opaque.h"
#include "tflite/buffer_table.h"
#include "tflite/open_constants.h"
#include "tflite/open_sizes.h"
#include "tflite/size_family.h"
#include "tflite/tensor_names.h"

namespace atl {

/// What the subgraphs of a file have in common.
struct FileParts {
  flatbuffers::FlatBufferBuilder fbb;
  BufferTable buffers;
  std::vector<flatbuffers::Offset<tflite::OperatorCode>> codes;
  std::map<std::tuple<int, std::string, int>, uint32_t> code_ids;  ///< builtin code, custom code, version
  size_t operators = 0, tensors = 0;
  /// What becomes further subgraphs, the first with number `first_nested`: graphs of ops, and for each graph with states one
  /// that sets them.
  struct Nested {
    std::vector<GraphPtr> members;  ///< the graph in every member of the family that names it
    const Graph* states_of = nullptr;
    size_t largest = 0;  ///< OpenSizes::largest
  };
  std::vector<Nested> nested;
  size_t first_nested = 0;

  uint32_t operator_code(const TfliteOp& op);
  /// The number that a graph of an op has as a subgraph, given as it is in every member of the family; the same graph is
  /// written once.
  int32_t subgraph_number(const std::vector<GraphPtr>& members, size_t largest);
  /// The number of the subgraph that gives the states of a graph their first values.
  int32_t initializer_number(const Graph& graph);
};

class SubgraphBuilder {
 public:
  /// Writes `family.first()`; axes that differ in its other members are open.
  SubgraphBuilder(SizeFamily family, const OpenSizes& open, FileParts& file);
  SubgraphBuilder(const SubgraphBuilder&) = delete;
  SubgraphBuilder& operator=(const SubgraphBuilder&) = delete;
  /// Writes tensors and operators. E: what emit and the evaluation of small constants say, at the node's origin; kInternal for
  /// a graph that has no written form (a variable that is a constant or an input, or is used twice); kSymbolic for an operator
  /// that LiteRT cannot run at open sizes.
  Result<flatbuffers::Offset<tflite::SubGraph>> build();
  /// Writes, instead, the subgraph that gives the graph's states their first values.
  Result<flatbuffers::Offset<tflite::SubGraph>> build_initializer();
  /// Tensor numbers of the graph's inputs and outputs but for its states, in order; after build().
  const std::vector<int32_t>& inputs() const { return inputs_; }
  const std::vector<int32_t>& outputs() const { return outputs_; }

 private:
  struct TensorEntry {
    Type type;
    std::string name;
    uint32_t buffer = 0;
    bool variable = false;
    const Opaque* source = nullptr;  // a tensor of a file kept as it is
    Shape shown = {};                // in place of 1 for open axes
    bool hides_open = false;         // does not say which axes are open
  };

  flatbuffers::Offset<tflite::SubGraph> finish(const std::string& name,
                                               const std::vector<flatbuffers::Offset<tflite::Tensor>>& tensors);
  Result<std::vector<flatbuffers::Offset<tflite::Tensor>>> write_tensors();
  int32_t add_handle(const State& state);
  void read_states();
  Status assign_states();
  Status add_operator(uint32_t id);
  Result<std::vector<TfliteOp>> emit_members(uint32_t id) const;
  void link_graphs(std::vector<TfliteOp>& ops);
  void write_operator(const TfliteOp& op, const std::vector<int32_t>& operands, const std::vector<int32_t>& results);
  Result<std::vector<int32_t>> add_operands(uint32_t id, const std::vector<TfliteOp>& ops);
  Result<int32_t> constant_operand(const std::vector<TfliteOp>& ops, size_t position);
  Result<int32_t> graph_operand(uint32_t id, size_t input, bool variable);
  /// The tensor of a constant whose value in every member is given.
  Result<int32_t> member_constants(Value v, std::vector<ConstantPtr> values);
  void offer_sizes(Value v);
  Result<std::vector<int32_t>> add_results(uint32_t id, const TfliteOp& op, const std::vector<int32_t>& operands);
  Result<int32_t> operand_tensor(Value v);
  /// A tensor with the same content that does not say which of its axes are open.
  Result<int32_t> without_open_axes(int32_t tensor);
  Result<int32_t> variable_tensor(Value v, uint32_t user);
  Result<int32_t> constant_tensor(const ConstantPtr& c, const std::string& wish);
  Result<int32_t> source_tensor(Value v);
  int32_t add_tensor(Type type, const std::string& wish);
  int32_t add_value_tensor(Value v, const std::string& wish);
  std::string wish_for(Value v) const;
  int32_t& slot(Value v) { return tensor_of_[first_slot_[v.node] + v.index]; }
  Result<flatbuffers::Offset<tflite::Tensor>> write_tensor(const TensorEntry& t);
  Result<flatbuffers::Offset<tflite::Tensor>> write_source_tensor(const TensorEntry& t);

  const SizeFamily family_;
  const OpenSizes open_;
  const Graph& graph_;
  FileParts& file_;
  ShapeOperators shapes_;
  OpenConstants open_constants_;
  std::map<Value, std::vector<ConstantPtr>> differing_;  // constants that differ between members
  TensorNames names_;
  std::vector<TensorEntry> tensors_;
  std::vector<int32_t> tensor_of_;      // by result slot; -1 while there is none
  std::vector<uint32_t> first_slot_;    // by node
  std::vector<std::string> port_name_;  // by result slot; the name given to an output beforehand
  // By buffer and name; under no name the first of each type, which constants without a name take.
  std::multimap<std::pair<uint32_t, std::string>, int32_t> constants_;
  std::vector<int32_t> inputs_, outputs_;
  std::vector<int32_t> handles_;  // by state
  std::vector<flatbuffers::Offset<tflite::Operator>> operators_;
};

}  // namespace atl
