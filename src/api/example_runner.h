// A model of any kind that answers example after example: a .tflite file, or a .pt2 program through its float file or by eval.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "atoll/run.h"
#include "ir/evaluator.h"
#include "run/compiled_model.h"

namespace atl {

struct ExampleRunnerOptions {
  bool source_eval = false;  ///< a .pt2 by the ops' own eval; else by the float file that it converts to, in LiteRT
  ModelOptions model;
};

class ExampleRunner {
 public:
  /// E: of reading and importing a .pt2 and of the passes; load_model()'s.
  static Result<ExampleRunner> open(const std::string& file, const ExampleRunnerOptions& options);

  const std::vector<TensorInfo>& inputs() const { return inputs_; }
  const std::vector<TensorInfo>& outputs() const { return outputs_; }
  /// "LiteRT" or "eval".
  std::string_view computed_by() const { return graph_ ? "eval" : "LiteRT"; }
  /// Answers one example; what the model keeps from run to run is as it is at first. Inputs are of the shapes and types that
  /// inputs() states; quantized outputs come back as the real values they stand for, in f64. E: kInput, kRuntimeFailure,
  /// eval's.
  Result<Tensors> run(std::span<const NdArray> inputs);

 private:
  enum class Memory { kNone, kVariables, kResources };  // what a run changes: nothing, tensors, VAR_HANDLE's resources

  Status open_program(const std::string& file, const ExampleRunnerOptions& options);
  Status open_file(const std::string& file, const ExampleRunnerOptions& options);
  Status start_afresh();
  Result<Tensors> run_graph(std::span<const NdArray> inputs);

  std::vector<TensorInfo> inputs_, outputs_;
  std::function<Result<CompiledModel>()> load_;
  std::optional<CompiledModel> model_;
  size_t signature_ = 0;
  Memory memory_ = Memory::kNone;
  bool used_ = false;
  std::unique_ptr<const Graph> graph_;  // of a program that is computed by eval
  std::unique_ptr<Evaluator> evaluator_;
};

}  // namespace atl
