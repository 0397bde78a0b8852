// One subgraph of a .tflite file as a Graph.
#pragma once
#include "ir/graph.h"
#include "ir/tflite_op.h"
#include "tflite/file_view.h"

namespace atl {

class SubgraphReader {
 public:
  /// Gives another subgraph of the file; see TfliteNode::subgraph.
  using Others = std::function<Result<GraphPtr>(int64_t)>;
  /// `signature` names the ports; null when the subgraph has none.
  SubgraphReader(const FileView& file, const tflite::SubGraph& subgraph, const tflite::SignatureDef* signature, Others others)
      : file_(file), subgraph_(subgraph), signature_(signature), others_(std::move(others)) {}
  /// E: kTflite for an index that is out of range, a tensor that is written twice or read before it is written.
  Result<Graph> read();

 private:
  /// An operator whose parts have been looked up.
  struct Operator {
    const tflite::Operator* table = nullptr;
    tflite::OperatorT options;
    std::string custom_code;
    TfliteNode node;
    std::vector<int32_t> in, out;
    Types intermediates;
    OriginId origin = 0;
  };

  Status read_tensors();
  Status read_inputs();
  Status read_operator(size_t index);
  Result<Operator> look_up(size_t index);
  Result<const tflite::OperatorCode*> code_of(const tflite::Operator& op) const;
  Status look_up_code(Operator& op);
  Status look_up_operands(Operator& op, size_t index);
  Result<bool> add_decoded(const Operator& op, const OpDef& def);
  Status add_opaque(Operator& op);
  Status bind_results(const Operator& op, const Values& results, const std::vector<int>& updated);
  Status read_outputs();
  Status find_last_reads();
  Result<Value> value_of(int32_t tensor);
  Result<Value> add_source(int32_t tensor);
  Result<Value> add_file_tensor(int32_t tensor);
  Result<ConstantPtr> constant_of(const FileTensor& t, Type type, std::span<const std::byte> bytes);
  Status check_tensor(int32_t index, std::string_view what) const;
  std::vector<std::string> port_names(const flatbuffers::Vector<int32_t>* tensors,
                                      const flatbuffers::Vector<flatbuffers::Offset<tflite::TensorMap>>* maps) const;

  const FileView& file_;
  const tflite::SubGraph& subgraph_;
  const tflite::SignatureDef* signature_;
  const Others others_;
  Graph graph_;
  std::vector<FileTensor> tensors_;
  std::vector<Value> values_;       // by tensor: its present value
  std::vector<bool> changing_;      // by tensor: an operator that updates variables reads it
  std::vector<size_t> last_reads_;  // by tensor: the last operator that reads it, or the number of operators for an output
};

}  // namespace atl
