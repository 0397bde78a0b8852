#include "api/loaded_model.h"

#include <algorithm>
#include <chrono>

#include "api/normalized_input.h"
#include "import/dynamic_sizes.h"
#include "read/sniff.h"
#include "tflite/file_view.h"
#include "tflite/reader.h"
#include "verify/random_inputs.h"
#include "verify/written_model.h"

namespace atl {
namespace {

// What is wrong is known already; a person who gave the source program needs another hint.
Error explained(Error e, const std::shared_ptr<const MappedFile>& file) {
  if (e.code != Code::kTflite) return e;
  if (const auto kind = sniff(file); kind && is_program(*kind)) {
    e.what = fmt::format("'{}' is {}, not a .tflite file", file->path(), kind_name(*kind));
    e.hint = fmt::format("convert it first: atoll convert {} -o model.tflite", file->path());
  }
  return e;
}

// True when a tensor of the file is a variable.
bool has_variables(const std::shared_ptr<const MappedFile>& file) {
  const auto view = FileView::open(file->bytes(), file);
  if (!view) return false;
  for (size_t i = 0; i < size_of(view->model().subgraphs()); ++i) {
    const auto* tensors = view->model().subgraphs()->Get(flatbuffers::uoffset_t(i))->tensors();
    for (size_t k = 0; k < size_of(tensors); ++k)
      if (tensors->Get(flatbuffers::uoffset_t(k))->is_variable()) return true;
  }
  return false;
}

bool is_index(const TensorInfo& t) { return t.dtype == ElementType::kI32 || t.dtype == ElementType::kI64; }

Status give_shapes(std::span<const std::string> texts, LoadedModel& loaded) {
  TRY(const auto sets, parse_input_shapes(texts));
  if (sets.size() > 1) return error(Code::kUsage, "--shape names an input twice", "a run has one shape for each input");
  for (const InputShapes& set : sets)
    for (const InputShape& s : set) {
      TRY(const size_t input, loaded.model.find_input(loaded.signature, s.input));
      TensorInfo& info = loaded.resized.inputs[input];
      Shape shape = s.shape;
      if (shape.size() == info.shape.size())
        for (size_t a = 0; a < shape.size(); ++a)
          if (shape[a] == kDynamic) shape[a] = info.shape[a];
      TRY_STATUS(loaded.model.resize_input(loaded.signature, input, shape));
      info.shape = std::move(shape);
    }
  return {};
}

// The graph of a signature as the file has it.
std::optional<Graph> graph_of(const std::string& file, const SignatureInfo& signature) {
  const auto mapped = MappedFile::open(file);
  if (mapped && std::ranges::any_of(signature.inputs, is_index)) {
    if (auto model = read_tflite(*mapped)) {
      size_t index = 0;
      for (const Model::Signature& s : model->signatures)
        if (s.key == signature.key) index = s.graph;
      if (model->graphs[index].inputs().size() == signature.inputs.size()) return std::move(model->graphs[index]);
    }
  }
  return std::nullopt;
}

}  // namespace

Result<LoadedModel> load_model(const std::string& file, const ModelOptions& options, bool profile,
                               std::optional<std::vector<std::byte>> changed) {
  const auto kernels = kernel_mode_from_name(options.kernels);
  if (!kernels)
    return error(Code::kUsage, fmt::format("there are no kernels '{}'", options.kernels), "delegate, builtin or reference");
  TRY(const auto mapped, MappedFile::open(file));
  TRY(auto library, LiteRtLibrary::find(options.litert));
  TRY(DevicePlan plan, plan_devices(mapped, options));
  RunOptions run;
  run.threads = options.threads;
  run.kernel_mode = *kernels;
  run.profile = profile;
  run.tree = SystemTree::here();
  run.device_limit = std::chrono::milliseconds(int64_t(options.device_seconds * 1000));
  const auto start = std::chrono::steady_clock::now();
  std::optional<CompiledModel> model;
  size_t at = 0;
  for (;; ++at) {
    const DeviceAttempt& device = plan.attempts[at];
    run.edgetpu = device.edgetpu;
    run.accelerators = device.kind == DeviceAttempt::Kind::kGpu ? kAcceleratorCpu | kAcceleratorGpu : kAcceleratorCpu;
    auto attempt = changed ? CompiledModel::load(library, *changed, run) : CompiledModel::load(library, file, run);
    if (attempt) {
      model = *std::move(attempt);
      break;
    }
    if (at + 1 == plan.attempts.size() || attempt.error().code == Code::kTflite)
      return explained(std::move(attempt.error()), mapped);
    plan.notes.push_back(
        fmt::format("not on {}: {}", device.kind == DeviceAttempt::Kind::kGpu ? "the GPU" : device.name, attempt.error().what));
  }
  LoadedModel out{*std::move(model)};
  out.device = plan.attempts[at];
  out.notes = std::move(plan.notes);
  if (!out.notes.empty())
    out.notes.push_back(fmt::format(
        "running on {}", out.device.kind == DeviceAttempt::Kind::kEdgeTpu ? out.device.name : "the " + out.device.name));
  out.file = mapped;
  out.load_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  out.has_state = has_variables(mapped);
  TRY(out.signature, out.model.find_signature(options.signature));
  out.resized = out.model.signatures()[out.signature];
  if (out.resized.inputs.size() == 1) out.resized.inputs[0].normalization = stated_normalization(mapped->bytes());
  TRY_STATUS(give_shapes(options.shapes, out));
  return out;
}

Result<std::vector<NdArray>> random_arrays(const std::string& file, const SignatureInfo& signature, uint64_t seed) {
  // The sizes may be others than the file's graph has; from it come the indices that an input may hold.
  const std::optional<Graph> in_file = graph_of(file, signature);
  Graph inputs;
  std::vector<std::optional<Tensor>> samples;
  for (size_t i = 0; i < signature.inputs.size(); ++i) {
    const TensorInfo& t = signature.inputs[i];
    inputs.add_input(t.name, Type{dtype_of(t.dtype), t.shape, {}});
    const auto range = in_file && is_index(t) ? index_range(*in_file, i) : std::nullopt;
    samples.push_back(range
                          ? std::optional(Tensor::of<int64_t>(DType::kI64, {2}, std::vector<int64_t>{range->low, range->high}))
                          : std::nullopt);
  }
  TRY(const Tensors tensors, random_inputs(inputs, samples, seed));
  std::vector<NdArray> arrays;
  for (const Tensor& t : tensors) arrays.push_back(array_of(t));
  return arrays;
}

std::string type_text(const TensorInfo& info) {
  std::vector<int64_t> shape = info.shape;
  for (size_t a = 0; a < shape.size() && a < info.open.size(); ++a)
    if (info.open[a]) shape[a] = kDynamic;
  return type_text(info.dtype, shape);
}

std::string type_text(ElementType dtype, std::span<const int64_t> shape) {
  std::string out = std::string(name(dtype)) + '[';
  for (size_t i = 0; i < shape.size(); ++i) out += (i ? "," : "") + (shape[i] < 0 ? "?" : std::to_string(shape[i]));
  return out + ']';
}

double median(std::span<const double> sorted) {
  if (sorted.empty()) return 0;
  const size_t middle = sorted.size() / 2;
  return sorted.size() % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

}  // namespace atl
