// How a CompiledModel is opened and closed, and its calls that may reach a device.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

#include "device/edgetpu_device.h"
#include "run/compiled_model_state.h"
#include "run/edgetpu_accelerator.h"
#include "run/model_signatures.h"

namespace atl {
namespace {

using litert::kOk;

constexpr int kDefaultThreads = 4;
constexpr int kLogInfo = 1, kLogWarning = 2, kLogSilent = 4;
constexpr litert::StatusCode kTimeout = 7;

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
  const auto status = api().create_environment(static_cast<int>(list.size()), list.data(), &environment);
  return status == kOk && request ? register_edgetpu_accelerator(api(), environment) : status;
}

// LiteRT goes on without accelerators that it does not find.
bool CompiledModel::State::has_gpu() const {
  constexpr size_t kCpuAlone = 1;
  size_t count = 0;
  return api().accelerator_count(environment, &count) == kOk && count > kCpuAlone;
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

litert::StatusCode CompiledModel::State::call(std::function<litert::StatusCode()> function, LogCapture& capture) {
  if (!device_thread) return function();
  struct Answer {
    litert::StatusCode status = kOk;
    std::string log;
  };
  auto answer = std::make_shared<Answer>();
  const auto work = [answer, function = std::move(function)] {
    const LogCapture own;
    answer->status = function();
    answer->log = own.text();
  };
  if (lost || !device_thread->call(work, run_options.device_limit)) {
    lost = true;
    return kTimeout;
  }
  capture.append(answer->log);
  return answer->status;
}

Error CompiledModel::State::call_failed(std::string_view doing, litert::StatusCode status, const LogCapture& capture,
                                        std::string hint) const {
  if (!request) return failed(doing, status, capture, std::move(hint));
  const std::string& device = request->target.name;
  if (find_edgetpus(run_options.tree).size() < attached)
    return error(Code::kDevice, fmt::format("{} was removed when it was to {} {}", device, doing, what()),
                 "plug it in again, directly or into a hub with its own power");
  if (lost)
    return error(Code::kDevice,
                 fmt::format("{} has not answered within {:.3g} s, when it was to {} {}", device,
                             std::chrono::duration<double>(run_options.device_limit).count(), doing, what()),
                 "plug it out and in again; --device-timeout gives a slow model more time");
  if (request->refused)
    return error(Code::kDevice, fmt::format("libedgetpu does not open {}: it is in use, or it is not permitted", device),
                 "end the program that uses it, or name another one: --device edgetpu:1; atoll doctor says what there is");
  Error e = failed(doing, status, capture, std::move(hint));
  e.what += fmt::format(" ({})", device);
  if (e.what.find("Package requires runtime version") != e.what.npos)
    e.hint = "update libedgetpu, or compile the model with an older runtime: atoll compile --min-runtime";
  return e;
}

bool CompiledModel::State::close() {
  LogCapture dropped;
  if (lost) return false;
  for (SignatureBuffers& b : buffers) {
    destroy_outputs(b);
    destroy(b.inputs);
  }
  const auto free_all = [this] {
    if (compiled != nullptr) api().destroy_compiled_model(compiled);
    if (options != nullptr) api().destroy_options(options);
    if (model != nullptr) api().destroy_model(model);
    if (environment != nullptr) api().destroy_environment(environment);
    return kOk;
  };
  call(free_all, dropped);
  return !lost;
}

CompiledModel::CompiledModel(std::unique_ptr<State> state) : state_(std::move(state)) {}
CompiledModel::CompiledModel(CompiledModel&&) noexcept = default;

CompiledModel& CompiledModel::operator=(CompiledModel&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

CompiledModel::~CompiledModel() {
  if (state_ && !state_->close()) State::keep(std::move(state_));
}

void CompiledModel::State::keep(std::unique_ptr<State> state) {
  static auto& kept = *new std::vector<std::unique_ptr<State>>();
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  kept.push_back(std::move(state));
}

Result<CompiledModel> CompiledModel::compile(std::shared_ptr<const LiteRtLibrary> library, ModelImage image,
                                             const RunOptions& options) {
  // Closed by CompiledModel, which keeps everything where the device still works on it.
  CompiledModel made(std::make_unique<State>(std::move(library), std::move(image), options));
  State& s = *made.state_;
  if (options.edgetpu) {
    s.request = std::make_shared<EdgeTpuRequest>(EdgeTpuRequest{*options.edgetpu});
    s.device_thread = std::make_unique<DeviceThread>();
    s.attached = find_edgetpus(options.tree).size();
  }
  LogCapture capture;
  auto fail = [&](std::string_view doing, litert::StatusCode status) {
    s.report(capture);
    return s.call_failed(doing, status, capture);
  };
  if (auto status = s.create_environment(); status != kOk) return fail("start for", status);
  if ((options.accelerators & kAcceleratorGpu) != 0 && !s.has_gpu())
    return error(Code::kDevice,
                 fmt::format("LiteRT has no accelerator for GPUs in '{}'", s.library->file().parent_path().string()),
                 "pip install ai-edge-litert==2.3.0 brings it along; set ATOLL_LITERT to its folder");
  s.image.hide_variables();
  auto status = s.api().create_model_from_buffer(s.environment, s.image.bytes().data(), s.image.bytes().size(), &s.model);
  s.image.show_variables();
  if (status != kOk) return fail("read", status);
  if (status = s.create_options(); status != kOk) return fail("take the options for", status);
  status = s.call(
      [&s] {
        const EdgeTpuScope scope(s.api(), s.request.get());
        return s.api().create_compiled_model(s.environment, s.model, s.options, &s.compiled);
      },
      capture);
  if (status != kOk) return fail("prepare", status);
  TRY(s.signatures, read_signatures(s.api(), s.model));
  s.name_outputs();
  for (size_t i = 0; i < s.signatures.size(); ++i)
    for (auto* const side : {&s.signatures[i].inputs, &s.signatures[i].outputs})
      for (TensorInfo& info : *side) {
        auto axes = s.image.open_axes(i, info.tensor);
        info.open = std::move(axes.open);
        if (info.has_open_axes()) info.shape = std::move(axes.shape);
      }
  s.buffers.resize(s.signatures.size());
  for (size_t i = 0; i < s.buffers.size(); ++i) {
    for (const TensorInfo& info : s.signatures[i].inputs) s.buffers[i].input_shapes.push_back(info.shape);
  }
  if (options.profile) {
    if (status = s.api().get_profiler(s.compiled, &s.profiler); status != kOk) return fail("profile", status);
  }
  s.report(capture);
  return made;
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

}  // namespace atl
