// ExposedModel: a written file in LiteRT that gives the values between its operators too, run after run.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "ir/graph.h"
#include "verify/written_model.h"

namespace atl {

class ExposedModel {
 public:
  /// A copy of `file`, which was written from `written`, with the values in `wanted` as further outputs. Values without a
  /// tensor of their own (constants, variables) are left out. E: as WrittenValues::open(); LiteRT's.
  static Result<ExposedModel> open(std::shared_ptr<const LiteRtLibrary> library, const Graph& written,
                                   const WrittenFileSource& file, std::span<const Value> wanted,
                                   const WrittenModelOptions& options = {});

  /// The inputs of the file's signature.
  const std::vector<TensorInfo>& inputs() const;
  /// The values that a run gives, inputs of the graph among them.
  const std::vector<Value>& values() const { return values_; }

  /// Runs the file on one array for each of inputs(), in their order, and shows the bytes of each of values(), valid during the
  /// call. E: kInput for arrays that do not fit; LiteRT's; the visitor's.
  Status run(std::span<const NdArray> arrays, const std::function<Status(size_t index, std::span<const std::byte>)>& visit);

 private:
  explicit ExposedModel(CompiledModel model) : model_(std::move(model)) {}
  CompiledModel model_;
  size_t signature_ = 0;
  std::vector<Value> values_;
  std::vector<size_t> outputs_;  // by value: its output, or ~input where it is an input
};

}  // namespace atl
