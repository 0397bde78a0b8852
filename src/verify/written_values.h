// WrittenValues: the values that LiteRT computes inside a written file, node by node of the graph that was written.
#pragma once
#include <functional>
#include <map>

#include "verify/file_tensors.h"

namespace atl {

/// The correspondence between the graph that was written and the file's operators: operator i is the i-th node of
/// emission_order().
class WrittenValues {
 public:
  /// A node with the values that LiteRT has for its operands and results. A value that cannot be had (a variable) is computed
  /// by the node's eval from LiteRT's operands and is not `observed`.
  struct NodeValues {
    uint32_t id = 0;
    size_t operator_index = 0;
    std::span<const Tensor> operands;
    std::span<const Tensor> expected;  ///< eval on these operands; empty unless asked for
    std::span<const Tensor> results;
    const std::vector<bool>& observed;  ///< by result
  };

  /// E: FileTensors::open's; kInput when the file's operators are not those that writing `written` gives.
  static Result<WrittenValues> open(const Graph& written, const WrittenFileSource& file, const std::string& signature);

  struct Options {
    WrittenModelOptions run;
    bool expected = true;             ///< compute NodeValues::expected
    size_t chunk_bytes = 256u << 20;  ///< of values fetched in one run
    std::function<bool()> cancelled;  ///< looked at before every node
  };
  /// Runs the file on inputs of the written graph's types and calls `visit` for each node, operands before their users; `visit`
  /// returns false to end. E: LiteRT's; eval's.
  Status run(const std::shared_ptr<const LiteRtLibrary>& library, std::span<const Tensor> inputs, const Options& options,
             const std::function<bool(const NodeValues&)>& visit) const;

  const FileTensors& file() const { return file_; }
  /// The tensor of a value in the file; -1 when it has none of its own.
  int32_t tensor_of(Value v) const;
  /// Whether operator `index` of the file is what writing the graph gives: its code, its options and the bytes of the constants
  /// that it reads. E: emit's and those of evaluating constants.
  Result<bool> operator_agrees(size_t index) const;

 private:
  WrittenValues(const Graph& g, FileTensors f) : graph_(g), file_(std::move(f)) {}
  Status match_operators();
  std::map<Value, int32_t> exposed_of(size_t begin, size_t end) const;

  const Graph& graph_;
  FileTensors file_;
  std::vector<uint32_t> order_;
  std::map<Value, int32_t> tensors_;
};

}  // namespace atl
