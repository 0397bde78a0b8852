#include "api/loaded_model.h"

#include <algorithm>
#include <chrono>

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

// The graph of a signature, in which the uses of an input say what indices it may hold; else one of inputs alone.
Graph graph_of(const std::string& file, const SignatureInfo& signature) {
  const auto mapped = MappedFile::open(file);
  if (mapped && std::ranges::any_of(signature.inputs, is_index)) {
    if (auto model = read_tflite(*mapped)) {
      size_t index = 0;
      for (const Model::Signature& s : model->signatures)
        if (s.key == signature.key) index = s.graph;
      if (model->graphs[index].inputs().size() == signature.inputs.size()) return std::move(model->graphs[index]);
    }
  }
  Graph g;
  for (const TensorInfo& t : signature.inputs) g.add_input(t.name, Type{dtype_of(t.dtype), t.shape, {}});
  return g;
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
  return out;
}

Result<std::vector<NdArray>> random_arrays(const std::string& file, const SignatureInfo& signature, uint64_t seed) {
  const Graph graph = graph_of(file, signature);
  TRY(const Tensors tensors, random_inputs(graph, {}, seed));
  std::vector<NdArray> arrays;
  for (size_t i = 0; i < tensors.size(); ++i) {
    NdArray a = array_of(tensors[i]);
    a.shape = signature.inputs[i].shape;  // open axes stand as 1 there
    arrays.push_back(std::move(a));
  }
  return arrays;
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
