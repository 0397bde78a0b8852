#include "api/example_runner.h"

#include <algorithm>

#include "api/dataset_samples.h"
#include "api/entry_point.h"
#include "api/loaded_model.h"
#include "pass/pipeline.h"
#include "read/program.h"
#include "read/sniff.h"
#include "tflite/file_view.h"
#include "verify/calibration.h"
#include "verify/written_model.h"

namespace atl {
namespace {

bool uses_resources(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  const auto view = FileView::open(bytes, std::move(owner));
  if (!view) return false;
  const auto* codes = view->model().operator_codes();
  for (size_t i = 0; i < size_of(codes); ++i)
    if (codes->Get(flatbuffers::uoffset_t(i))->builtin_code() == tflite::BuiltinOperator::VAR_HANDLE) return true;
  return false;
}

Result<RunOptions> run_options(const ModelOptions& options) {
  const auto kernels = kernel_mode_from_name(options.kernels);
  if (!kernels)
    return error(Code::kUsage, fmt::format("there are no kernels '{}'", options.kernels), "delegate, builtin or reference");
  RunOptions run;
  run.threads = options.threads;
  run.kernel_mode = *kernels;
  return run;
}

}  // namespace

Result<ExampleRunner> ExampleRunner::open(const std::string& file, const ExampleRunnerOptions& options) {
  ExampleRunner runner;
  TRY(const auto mapped, MappedFile::open(file));
  const auto kind = sniff(mapped);
  TRY_STATUS(kind && is_program(*kind) ? runner.open_program(file, options) : runner.open_file(file, options));
  return runner;
}

Status ExampleRunner::open_program(const std::string& file, const ExampleRunnerOptions& options) {
  TRY(const SourceProgram program, read_program(file));
  TRY(ImportedProgram imported, import_at(program, exported_sizes(program)));
  if (options.source_eval) {
    auto graph = std::make_unique<Graph>(std::move(imported.graph));
    inputs_ = input_infos(*graph);
    for (size_t i = 0; i < graph->outputs().size(); ++i) {
      if (graph->is_state_output(i)) continue;
      const Port& port = graph->outputs()[i];
      const Type& type = graph->type(port.value);
      outputs_.push_back({port.name, port.name, element_type_of(type.dtype), type.shape, {}, {}, 0, 0});
    }
    evaluator_ = std::make_unique<Evaluator>(*graph, Evaluator::Constants::kKeep);
    graph_ = std::move(graph);
    return {};
  }
  TRY(const RunOptions run, run_options(options.model));
  TRY(const auto library, LiteRtLibrary::find(options.model.litert));
  TRY_STATUS(run_pipeline(imported.graph, {}));
  TRY(WrittenFileSource written, written_in_memory(imported.graph));
  if (!imported.graph.states().empty()) memory_ = Memory::kResources;
  load_ = [library, run, bytes = std::move(written.bytes)] { return CompiledModel::load(library, bytes, run); };
  TRY(model_, load_());
  TRY(signature_, model_->find_signature());
  inputs_ = model_->signatures()[signature_].inputs;
  outputs_ = model_->signatures()[signature_].outputs;
  return {};
}

Status ExampleRunner::open_file(const std::string& file, const ExampleRunnerOptions& options) {
  TRY(LoadedModel loaded, load_model(file, options.model));
  TRY(const auto mapped, MappedFile::open(file));
  memory_ = uses_resources(mapped->bytes(), mapped) ? Memory::kResources
            : loaded.has_state                      ? Memory::kVariables
                                                    : Memory::kNone;
  load_ = [file, model = options.model]() -> Result<CompiledModel> {
    TRY(LoadedModel again, load_model(file, model));
    return std::move(again.model);
  };
  signature_ = loaded.signature;
  inputs_ = loaded.info().inputs;
  outputs_ = loaded.info().outputs;
  model_ = std::move(loaded.model);
  return {};
}

Status ExampleRunner::start_afresh() {
  if (!std::exchange(used_, true) || memory_ == Memory::kNone) return {};
  if (memory_ == Memory::kVariables) return model_->reset_variables(signature_);
  model_.reset();
  TRY(model_, load_());
  return {};
}

Result<Tensors> ExampleRunner::run_graph(std::span<const NdArray> inputs) {
  Tensors operands(graph_->inputs().size()), results, out;
  size_t next = 0;
  for (size_t i = 0; i < operands.size(); ++i)
    if (!graph_->is_state_input(i)) operands[i] = tensor_of(inputs[next++]);
  for (const State& s : graph_->states()) {
    TRY(operands[s.input], s.initial->materialize());
  }
  TRY(const bool complete, evaluator_->run(operands, results));
  if (!complete) return error(Code::kInternal, "an evaluation ended early");
  for (size_t i = 0; i < results.size(); ++i)
    if (!graph_->is_state_output(i)) out.push_back(std::move(results[i]));
  return out;
}

Result<Tensors> ExampleRunner::run(std::span<const NdArray> inputs) {
  if (graph_) return run_graph(inputs);
  TRY_STATUS(start_afresh());
  TRY(const auto arrays, model_->run(signature_, inputs));
  Tensors out;
  for (size_t i = 0; i < arrays.size(); ++i) {
    Tensor t = tensor_of(arrays[i]);
    out.push_back(is_quantized(outputs_[i]) ? dequantize(t, outputs_[i], DType::kF64) : std::move(t));
  }
  return out;
}

}  // namespace atl
