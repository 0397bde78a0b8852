#include "run/compiled_model.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <thread>

#include "run/litert_log.h"
#include "run/model_signatures.h"

namespace atl {
namespace {

using litert::kOk;

constexpr int kDefaultThreads = 4;
constexpr int kLogInfo = 1, kLogWarning = 2, kLogSilent = 4;
template <class T>
std::string list_of(const std::vector<T>& items, std::string T::*member) {
  std::string s;
  for (const T& i : items) s += fmt::format("{}'{}'", s.empty() ? "" : ", ", i.*member);
  return s.empty() ? "none" : s;
}

litert::RankedTensorType ranked_type(int element_type, std::span<const int64_t> shape) {
  litert::RankedTensorType type{};
  type.element_type = element_type;
  type.layout.rank = static_cast<unsigned>(shape.size()) & 0x7f;
  for (size_t i = 0; i < shape.size(); ++i) type.layout.dimensions[i] = static_cast<int32_t>(shape[i]);
  return type;
}

// LiteRT frees the text with the function given beside it.
litert::StatusCode add_text_options(const litert::Api& api, litert::Options options, const char* kind,
                                    const std::string& text) {
  litert::OpaqueOptions opaque = nullptr;
  char* copy = strdup(text.c_str());
  if (copy == nullptr) return 2;
  litert::StatusCode status = api.create_opaque_options(kind, copy, &std::free, &opaque);
  return status != kOk ? status : api.add_opaque_options(options, opaque);
}

}  // namespace

std::string_view name(KernelMode mode) {
  constexpr std::string_view kNames[] = {"delegate", "builtin", "reference"};
  return kNames[static_cast<int>(mode)];
}

std::optional<KernelMode> kernel_mode_from_name(std::string_view s) {
  for (KernelMode mode : {KernelMode::kDelegate, KernelMode::kBuiltin, KernelMode::kReference}) {
    if (name(mode) == s) return mode;
  }
  return std::nullopt;
}

// ---------------------------------------------------------------- views

BufferView::BufferView(BufferView&& other) noexcept { *this = std::move(other); }

BufferView& BufferView::operator=(BufferView&& other) noexcept {
  if (this == &other) return *this;
  release();
  bytes_ = std::exchange(other.bytes_, {});
  buffer_ = std::exchange(other.buffer_, nullptr);
  api_ = other.api_;
  open_views_ = std::move(other.open_views_);
  return *this;
}

BufferView::~BufferView() { release(); }

void BufferView::release() {
  if (buffer_ == nullptr) return;
  api_->unlock_buffer(std::exchange(buffer_, nullptr));
  --*open_views_;
}

// ---------------------------------------------------------------- the model

namespace {

constexpr size_t kEmptyBytes = 64;  // of the buffer of a tensor without elements

/// LiteRT's buffers of one signature, made when first needed and again after a resize.
struct SignatureBuffers {
  std::vector<litert::TensorBuffer> inputs, outputs;
  std::vector<bool> borrowed;  // outputs whose buffer belongs to an input or an earlier output
  std::vector<std::vector<int64_t>> input_shapes, output_shapes;  // as they are now
  bool inputs_ready = false, outputs_ready = false;
};

}  // namespace

struct CompiledModel::State {
  std::shared_ptr<const LiteRtLibrary> library;
  ModelImage image;
  RunOptions run_options;
  litert::Environment environment = nullptr;
  litert::Model model = nullptr;
  litert::Options options = nullptr;
  litert::Compiled compiled = nullptr;
  litert::Profiler profiler = nullptr;
  std::vector<SignatureInfo> signatures;
  std::vector<SignatureBuffers> buffers;
  std::shared_ptr<int> open_views = std::make_shared<int>(0);

  State(std::shared_ptr<const LiteRtLibrary> l, ModelImage i, const RunOptions& o)
      : library(std::move(l)), image(std::move(i)), run_options(o) {}
  const std::string& what() const { return image.what(); }
  const litert::Api& api() const { return library->api(); }

  ~State() {
    LogCapture dropped;
    for (SignatureBuffers& b : buffers) {
      destroy_outputs(b);
      destroy(b.inputs);
    }
    if (compiled != nullptr) api().destroy_compiled_model(compiled);
    if (options != nullptr) api().destroy_options(options);
    if (model != nullptr) api().destroy_model(model);
    if (environment != nullptr) api().destroy_environment(environment);
  }

  void destroy(std::vector<litert::TensorBuffer>& list) {
    for (litert::TensorBuffer b : list) {
      if (b != nullptr) api().destroy_buffer(b);
    }
    list.clear();
  }

  // An output that shares its tensor with another one, or with an input, shares its buffer too.
  void destroy_outputs(SignatureBuffers& b) {
    for (size_t i = 0; i < b.outputs.size(); ++i) {
      if (b.borrowed[i]) b.outputs[i] = nullptr;
    }
    destroy(b.outputs);
    b.borrowed.clear();
  }

  void report(const LogCapture& capture) const {
    if (!run_options.log) return;
    for (const std::string& line : capture.lines()) run_options.log(line);
  }

  // The text that LiteRT keeps where its stderr could not be captured.
  std::string kept_messages() const {
    char* text = nullptr;
    if (library->is_quiet() || compiled == nullptr || api().error_messages(compiled, &text) != kOk || text == nullptr)
      return {};
    std::string copy = text;
    std::free(text);
    while (!copy.empty() && copy.back() == '\n') copy.pop_back();
    return copy;
  }

  Error failed(std::string_view doing, litert::StatusCode status, const LogCapture& capture, std::string hint = {}) const {
    std::string reason = capture.problems();
    if (reason.empty()) reason = kept_messages();
    if (reason.empty()) reason = litert_status_text(status);
    return error(Code::kRuntimeFailure, fmt::format("LiteRT cannot {} {}: {}", doing, what(), reason), std::move(hint));
  }

  litert::StatusCode create_environment();
  litert::StatusCode create_options();
  Status make_inputs(size_t signature);
  Status make_outputs(size_t signature);
  litert::TensorBuffer shared_buffer(size_t signature, size_t output) const;
  void name_outputs();
  Result<std::vector<std::vector<int64_t>>> output_shapes_now(size_t signature);
  Result<litert::TensorBuffer> make_buffer(const TensorInfo& info, std::span<const int64_t> shape, litert::Requirements need);
  Result<BufferView> view(litert::TensorBuffer buffer, const TensorInfo& info, std::span<const int64_t> shape, int mode);
};

litert::StatusCode CompiledModel::State::create_environment() {
  int severity = !library->is_quiet() ? kLogSilent : run_options.log ? kLogInfo : kLogWarning;
  std::string folder = library->file().parent_path().string();
  std::vector<litert::EnvironmentOption> list = {
      {litert::kOptionLogSeverity, {litert::kAnyInt, {.integer = severity}}},
      {litert::kOptionAccelerators, {litert::kAnyInt, {.integer = run_options.accelerators}}}};
  if ((run_options.accelerators & kAcceleratorGpu) != 0) library->open_gpu_accelerator();
  if (run_options.accelerators != kAcceleratorCpu) {
    list.push_back({litert::kOptionRuntimeFolder, {litert::kAnyString, {.string = folder.c_str()}}});
  }
  return api().create_environment(static_cast<int>(list.size()), list.data(), &environment);
}

litert::StatusCode CompiledModel::State::create_options() {
  int threads = run_options.threads;
  if (threads <= 0) threads = std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kDefaultThreads);
  litert::StatusCode status = api().create_options(&options);
  if (status == kOk) status = api().set_accelerators(options, run_options.accelerators);
  if (status == kOk) {
    status = add_text_options(api(), options, "xnnpack",
                              fmt::format("num_threads = {}\nkernel_mode = \"{}\"\n", threads, name(run_options.kernel_mode)));
  }
  if (status == kOk) {
    // Mode 2 keeps errors for LiteRtCompiledModelGetErrorMessages; by default they go to stderr, which is better where it is
    // captured.
    status = add_text_options(
        api(), options, "runtime_options_string",
        fmt::format("enable_profiling = {}\nerror_reporter_mode = {}\n", run_options.profile, library->is_quiet() ? 0 : 2));
  }
  return status;
}

Result<CompiledModel> CompiledModel::compile(std::shared_ptr<const LiteRtLibrary> library, ModelImage image,
                                             const RunOptions& options) {
  auto state = std::make_unique<State>(std::move(library), std::move(image), options);
  State& s = *state;
  LogCapture capture;
  auto fail = [&](std::string_view doing, litert::StatusCode status) {
    s.report(capture);
    return s.failed(doing, status, capture);
  };
  if (auto status = s.create_environment(); status != kOk) return fail("start for", status);
  s.image.hide_variables();
  auto status = s.api().create_model_from_buffer(s.environment, s.image.bytes().data(), s.image.bytes().size(), &s.model);
  s.image.show_variables();
  if (status != kOk) return fail("read", status);
  if (status = s.create_options(); status != kOk) return fail("take the options for", status);
  if (status = s.api().create_compiled_model(s.environment, s.model, s.options, &s.compiled); status != kOk) {
    return fail("prepare", status);
  }
  TRY(s.signatures, read_signatures(s.api(), s.model));
  s.name_outputs();
  s.buffers.resize(s.signatures.size());
  for (size_t i = 0; i < s.buffers.size(); ++i) {
    for (const TensorInfo& info : s.signatures[i].inputs) s.buffers[i].input_shapes.push_back(info.shape);
  }
  if (options.profile) {
    if (status = s.api().get_profiler(s.compiled, &s.profiler); status != kOk) return fail("profile", status);
  }
  s.report(capture);
  return CompiledModel(std::move(state));
}

Result<CompiledModel> CompiledModel::load(std::shared_ptr<const LiteRtLibrary> library, const std::filesystem::path& file,
                                          const RunOptions& options) {
  TRY(ModelImage image, ModelImage::open(file));
  return compile(std::move(library), std::move(image), options);
}

Result<CompiledModel> CompiledModel::load(std::shared_ptr<const LiteRtLibrary> library, std::vector<std::byte> bytes,
                                          const RunOptions& options) {
  TRY(ModelImage image, ModelImage::from_bytes(std::move(bytes)));
  return compile(std::move(library), std::move(image), options);
}

CompiledModel::CompiledModel(std::unique_ptr<State> state) : state_(std::move(state)) {}
CompiledModel::CompiledModel(CompiledModel&&) noexcept = default;
CompiledModel& CompiledModel::operator=(CompiledModel&&) noexcept = default;
CompiledModel::~CompiledModel() = default;

const std::vector<SignatureInfo>& CompiledModel::signatures() const { return state_->signatures; }

Result<size_t> CompiledModel::find_signature(std::string_view key) const {
  const auto& list = state_->signatures;
  if (key.empty() && list.size() == 1) return size_t{0};
  std::string_view wanted = key.empty() ? "serving_default" : key;
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i].key == wanted) return i;
  }
  std::string what = key.empty() ? fmt::format("{} has {} signatures: choose one", state_->what(), list.size())
                                 : fmt::format("{} has no signature '{}'", state_->what(), key);
  return error(Code::kInput, what, fmt::format("its signatures: {}", list_of(list, &SignatureInfo::key)));
}

namespace {

Result<size_t> find_tensor(const std::vector<TensorInfo>& list, std::string_view name, std::string_view kind,
                           const std::string& signature) {
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i].name == name) return i;
  }
  return error(Code::kInput, fmt::format("signature '{}' has no {} '{}'", signature, kind, name),
               fmt::format("its {}s: {}", kind, list_of(list, &TensorInfo::name)));
}

}  // namespace

Result<size_t> CompiledModel::find_input(size_t signature, std::string_view name) const {
  const SignatureInfo& s = state_->signatures[signature];
  return find_tensor(s.inputs, name, "input", s.key);
}

Result<size_t> CompiledModel::find_output(size_t signature, std::string_view name) const {
  const SignatureInfo& s = state_->signatures[signature];
  return find_tensor(s.outputs, name, "output", s.key);
}

// ---------------------------------------------------------------- buffers

Result<litert::TensorBuffer> CompiledModel::State::make_buffer(const TensorInfo& info, std::span<const int64_t> shape,
                                                               litert::Requirements need) {
  if (!dense_bytes(info.dtype, shape)) {
    return error(Code::kRuntimeFailure, fmt::format("tensor '{}' of {} is {}, which cannot be run here", info.name, what(),
                                                    tensor_text(info.dtype, shape)));
  }
  LogCapture capture;
  litert::RankedTensorType type = ranked_type(info.litert_type, shape);
  litert::TensorBuffer buffer = nullptr;
  auto status = api().create_buffer(environment, &type, need, &buffer);
  if (status != kOk && std::ranges::find(shape, 0) != shape.end()) {
    // LiteRT makes few buffers of zero bytes. An output without elements may have one of a scalar.
    const litert::RankedTensorType scalar = ranked_type(info.litert_type, {});
    status = api().create_host_buffer(environment, litert::kHostMemory, &scalar, kEmptyBytes, &buffer);
  }
  if (status != kOk) {
    return failed(fmt::format("make a buffer for '{}' ({}) of", info.name, tensor_text(info.dtype, shape)), status, capture);
  }
  return buffer;
}

Status CompiledModel::State::make_inputs(size_t signature) {
  SignatureBuffers& b = buffers[signature];
  if (b.inputs_ready) return {};
  const auto& infos = signatures[signature].inputs;
  destroy_outputs(b);
  b.outputs_ready = false;
  destroy(b.inputs);
  for (size_t i = 0; i < infos.size(); ++i) {
    litert::Requirements need = nullptr;
    LogCapture capture;
    if (auto status = api().input_requirements(compiled, signature, i, &need); status != kOk) {
      return failed(fmt::format("place input '{}' of", infos[i].name), status, capture);
    }
    TRY(auto buffer, make_buffer(infos[i], b.input_shapes[i], need));
    b.inputs.push_back(buffer);
  }
  b.inputs_ready = true;
  return {};
}

Result<std::vector<std::vector<int64_t>>> CompiledModel::State::output_shapes_now(size_t signature) {
  size_t count = signatures[signature].outputs.size();
  std::vector<litert::Layout> layouts(count);
  LogCapture capture;
  auto status = count == 0 ? kOk : api().output_layouts(compiled, signature, count, layouts.data(), /*update_allocation=*/true);
  if (status != kOk) return failed("prepare the outputs of", status, capture);
  std::vector<std::vector<int64_t>> shapes(count);
  for (size_t i = 0; i < count; ++i) {
    size_t rank = std::min<size_t>(layouts[i].rank, litert::kMaxRank);
    shapes[i].assign(layouts[i].dimensions, layouts[i].dimensions + rank);
  }
  return shapes;
}

// LiteRT gives a tensor one address, so a second buffer for it would never be written.
litert::TensorBuffer CompiledModel::State::shared_buffer(size_t signature, size_t output) const {
  const SignatureInfo& info = signatures[signature];
  const SignatureBuffers& b = buffers[signature];
  for (size_t i = 0; i < info.inputs.size(); ++i) {
    if (info.inputs[i].tensor == info.outputs[output].tensor) return b.inputs[i];
  }
  for (size_t i = 0; i < output; ++i) {
    if (info.outputs[i].tensor == info.outputs[output].tensor) return b.outputs[i];
  }
  return nullptr;
}

// LiteRT calls outputs that share a tensor by one name; the file has a name for each.
void CompiledModel::State::name_outputs() {
  for (size_t i = 0; i < signatures.size(); ++i) {
    auto names = image.signature_outputs(i);
    for (TensorInfo& output : signatures[i].outputs) {
      auto own = std::ranges::find(names, output.tensor, &std::pair<std::string, uint32_t>::second);
      if (own == names.end()) continue;
      if (!own->first.empty()) output.name = own->first;
      names.erase(own);
    }
  }
}

Status CompiledModel::State::make_outputs(size_t signature) {
  SignatureBuffers& b = buffers[signature];
  if (b.outputs_ready) return {};
  TRY_STATUS(make_inputs(signature));
  destroy_outputs(b);
  TRY(b.output_shapes, output_shapes_now(signature));
  const auto& infos = signatures[signature].outputs;
  for (size_t i = 0; i < infos.size(); ++i) {
    litert::TensorBuffer shared = shared_buffer(signature, i);
    b.borrowed.push_back(shared != nullptr);
    b.outputs.push_back(shared);
    if (shared != nullptr) continue;
    litert::Requirements need = nullptr;
    LogCapture capture;
    if (auto status = api().output_requirements(compiled, signature, i, &need); status != kOk) {
      return failed(fmt::format("place output '{}' of", infos[i].name), status, capture);
    }
    TRY(auto buffer, make_buffer(infos[i], b.output_shapes[i], need));
    b.outputs.back() = buffer;
  }
  b.outputs_ready = true;
  return {};
}

Status CompiledModel::resize_input(size_t signature, size_t input, std::span<const int64_t> shape) {
  State& s = *state_;
  const TensorInfo& info = s.signatures[signature].inputs[input];
  SignatureBuffers& b = s.buffers[signature];
  if (std::ranges::equal(b.input_shapes[input], shape)) return {};
  bool possible = dense_bytes(info.dtype, shape).has_value() && shape.size() == info.shape.size() &&
                  std::ranges::all_of(shape, [](int64_t d) { return d > 0 && d <= INT32_MAX; });
  LogCapture capture;
  std::vector<int> dims(shape.begin(), shape.end());
  if (!possible || s.api().resize_input(s.compiled, signature, input, dims.data(), dims.size()) != kOk) {
    return error(Code::kInput, fmt::format("input '{}' is {}, {} is given", info.name,
                                           tensor_text(info.dtype, b.input_shapes[input]), tensor_text(info.dtype, shape)));
  }
  b.input_shapes[input].assign(shape.begin(), shape.end());
  b.inputs_ready = b.outputs_ready = false;
  return {};
}

Status CompiledModel::reset_variables(size_t signature) {
  State& s = *state_;
  const auto& shapes = s.buffers[signature].input_shapes;
  auto input = std::ranges::find_if(shapes, [](const auto& shape) { return !shape.empty() && shape[0] > 0; });
  if (input == shapes.end()) {
    return error(
        Code::kInput,
        fmt::format("signature '{}' has no input that could be resized to reset its variables", s.signatures[signature].key),
        "load the model again");
  }
  auto index = static_cast<size_t>(input - shapes.begin());
  std::vector<int> dims(input->begin(), input->end()), others = dims;
  ++others[0];
  LogCapture capture;
  auto status = s.api().resize_input_to_any(s.compiled, signature, index, others.data(), others.size());
  if (status == kOk) status = s.api().resize_input_to_any(s.compiled, signature, index, dims.data(), dims.size());
  if (status != kOk) return s.failed("reset the variables of", status, capture);
  return {};
}

const std::vector<int64_t>& CompiledModel::input_shape(size_t signature, size_t input) const {
  return state_->buffers[signature].input_shapes[input];
}

Result<std::vector<int64_t>> CompiledModel::output_shape(size_t signature, size_t output) {
  TRY_STATUS(state_->make_outputs(signature));
  return state_->buffers[signature].output_shapes[output];
}

Result<BufferView> CompiledModel::State::view(litert::TensorBuffer buffer, const TensorInfo& info,
                                              std::span<const int64_t> shape, int mode) {
  LogCapture capture;
  void* data = nullptr;
  size_t size = 0;
  auto status = api().buffer_size(buffer, &size);
  if (status == kOk) status = api().lock_buffer(buffer, &data, mode);
  if (status != kOk) return failed(fmt::format("give access to '{}' of", info.name), status, capture);
  BufferView v;
  v.buffer_ = buffer;
  v.api_ = &api();
  v.open_views_ = open_views;
  ++*open_views;
  size_t wanted = dense_bytes(info.dtype, shape).value_or(0);
  if (size < wanted) {
    return error(Code::kRuntimeFailure, fmt::format("LiteRT's buffer for '{}' holds {} bytes, {} need {}", info.name, size,
                                                    tensor_text(info.dtype, shape), wanted));
  }
  v.bytes_ = {static_cast<std::byte*>(data), wanted};
  return v;
}

Result<BufferView> CompiledModel::input(size_t signature, size_t input) {
  TRY_STATUS(state_->make_inputs(signature));
  const SignatureBuffers& b = state_->buffers[signature];
  return state_->view(b.inputs[input], state_->signatures[signature].inputs[input], b.input_shapes[input],
                      litert::kLockReadWrite);
}

Result<BufferView> CompiledModel::output(size_t signature, size_t output) {
  TRY_STATUS(state_->make_outputs(signature));
  const SignatureBuffers& b = state_->buffers[signature];
  return state_->view(b.outputs[output], state_->signatures[signature].outputs[output], b.output_shapes[output],
                      litert::kLockRead);
}

// ---------------------------------------------------------------- runs

Status CompiledModel::run(size_t signature) {
  State& s = *state_;
  if (*s.open_views != 0) {
    return error(Code::kInternal, fmt::format("{} views of buffers are still open at run()", *s.open_views));
  }
  TRY_STATUS(s.make_outputs(signature));
  SignatureBuffers& b = s.buffers[signature];
  LogCapture capture;
  if (s.profiler != nullptr) s.api().start_profiler(s.profiler);
  auto status = s.api().run(s.compiled, signature, b.inputs.size(), b.inputs.data(), b.outputs.size(), b.outputs.data());
  if (s.profiler != nullptr) s.api().stop_profiler(s.profiler);
  s.report(capture);
  if (status != kOk) {
    // LiteRT cannot lend a buffer to an output that it sizes while running.
    bool sized_by_data = capture.problems().find("Failed to set custom allocation for output") != std::string::npos;
    return s.failed("run", status, capture,
                    sized_by_data ? "an output's shape follows from the data: let the model give outputs of fixed shapes" : "");
  }
  return {};
}

Result<std::vector<NdArray>> CompiledModel::run(size_t signature, std::span<const NdArray> inputs) {
  const SignatureInfo& info = state_->signatures[signature];
  if (inputs.size() != info.inputs.size()) {
    return error(Code::kInput,
                 fmt::format("signature '{}' takes {} inputs, {} are given", info.key, info.inputs.size(), inputs.size()),
                 fmt::format("its inputs: {}", list_of(info.inputs, &TensorInfo::name)));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const TensorInfo& wanted = info.inputs[i];
    const NdArray& given = inputs[i];
    if (given.dtype != wanted.dtype) {
      return error(Code::kInput, fmt::format("input '{}' is {}, {} is given", wanted.name, wanted.text(), given.text()));
    }
    if (dense_bytes(given.dtype, given.shape) != given.bytes.size()) {
      return error(Code::kInput,
                   fmt::format("input '{}' is given as {} with {} bytes", wanted.name, given.text(), given.bytes.size()));
    }
    TRY_STATUS(resize_input(signature, i, given.shape));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    TRY(BufferView view, input(signature, i));
    if (!inputs[i].bytes.empty()) std::memcpy(view.bytes().data(), inputs[i].bytes.data(), inputs[i].bytes.size());
  }
  TRY_STATUS(run(signature));
  std::vector<NdArray> outputs;
  for (size_t i = 0; i < info.outputs.size(); ++i) {
    TRY(BufferView view, output(signature, i));
    outputs.push_back(
        {info.outputs[i].dtype, state_->buffers[signature].output_shapes[i], {view.bytes().begin(), view.bytes().end()}});
  }
  return outputs;
}

Result<std::vector<NamedArray>> CompiledModel::run_named(size_t signature, std::span<const NamedArray> inputs) {
  const SignatureInfo& info = state_->signatures[signature];
  std::vector<NdArray> ordered(info.inputs.size());
  std::vector<bool> given(info.inputs.size());
  for (const NamedArray& a : inputs) {
    size_t i = 0;
    if (!(a.name.empty() && info.inputs.size() == 1)) {
      TRY(i, find_input(signature, a.name));
    }
    if (given[i]) return error(Code::kInput, fmt::format("input '{}' is given twice", info.inputs[i].name));
    given[i] = true;
    ordered[i] = a.array;
  }
  for (size_t i = 0; i < given.size(); ++i) {
    if (!given[i]) {
      return error(Code::kInput, fmt::format("input '{}' ({}) is not given", info.inputs[i].name, info.inputs[i].text()));
    }
  }
  TRY(auto outputs, run(signature, ordered));
  std::vector<NamedArray> named;
  for (size_t i = 0; i < outputs.size(); ++i) named.push_back({info.outputs[i].name, std::move(outputs[i])});
  return named;
}

Result<std::vector<OpTime>> CompiledModel::op_times() {
  State& s = *state_;
  if (s.profiler == nullptr) return error(Code::kInput, "the model was loaded without RunOptions::profile");
  LogCapture capture;
  int count = 0;
  auto status = s.api().profiler_event_count(s.profiler, &count);
  std::vector<litert::ProfilerEvent> events(static_cast<size_t>(std::max(count, 0)));
  if (status == kOk && count > 0) status = s.api().profiler_events(s.profiler, count, events.data());
  if (status != kOk) return s.failed("profile", status, capture);
  std::vector<OpTime> times;
  for (const litert::ProfilerEvent& e : events) {
    if (e.type != litert::kEventOp && e.type != litert::kEventDelegateOp && e.type != litert::kEventDelegateProfiledOp)
      continue;
    times.push_back({e.tag != nullptr ? e.tag : "", static_cast<int64_t>(e.metadata1), static_cast<int64_t>(e.metadata2),
                     static_cast<double>(e.elapsed_us), e.type != litert::kEventOp});
  }
  return times;
}

}  // namespace atl
