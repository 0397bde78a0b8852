// What a CompiledModel holds; included by the files that implement it.
#pragma once
#include "device/device_thread.h"
#include "run/compiled_model.h"
#include "run/edgetpu_accelerator.h"
#include "run/litert_log.h"

namespace atl {

/// LiteRT's buffers of one signature, made when first needed and again after a resize.
struct SignatureBuffers {
  std::vector<litert::TensorBuffer> inputs, outputs;
  std::vector<bool> borrowed;  // outputs whose buffer belongs to an input or an earlier output
  std::vector<std::vector<int64_t>> input_shapes, output_shapes;  // as they are now
  bool inputs_ready = false, outputs_ready = false;
};

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
  std::unique_ptr<DeviceThread> device_thread;  ///< for what an Edge TPU may never answer; nullptr without one
  size_t attached = 0;                          ///< Edge TPUs, when the model was loaded
  std::shared_ptr<EdgeTpuRequest> request;      ///< of the delegate, with run_options.edgetpu
  bool lost = false;                            ///< the device does not answer: nothing may be used or freed any more

  State(std::shared_ptr<const LiteRtLibrary> l, ModelImage i, const RunOptions& o)
      : library(std::move(l)), image(std::move(i)), run_options(o) {}
  const std::string& what() const { return image.what(); }
  const litert::Api& api() const { return library->api(); }

  /// Frees all of LiteRT's; false when the device does not answer, and then nothing of this object may be freed.
  bool close();
  /// Keeps what a lost device may still work on, for ever.
  static void keep(std::unique_ptr<State> state);

  /// Makes a call that may reach a device: on the device's thread where there is one. `lost` afterwards means that it has not
  /// come back.
  litert::StatusCode call(std::function<litert::StatusCode()> function, LogCapture& capture);
  /// What the failure of such a call was: E as run().
  Error call_failed(std::string_view doing, litert::StatusCode status, const LogCapture& capture, std::string hint = {}) const;

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
    if (library->is_quiet() || compiled == nullptr || api().error_messages(compiled, &text) != litert::kOk || text == nullptr)
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
    if (hint.empty() && reason.find("unresolved custom op") != reason.npos)
      hint = "LiteRT has no such operator; of PoseNet's decoder, run --task pose does the work itself";
    return error(Code::kRuntimeFailure, fmt::format("LiteRT cannot {} {}: {}", doing, what(), reason), std::move(hint));
  }

  litert::StatusCode create_environment();
  litert::StatusCode create_options();
  bool has_gpu() const;
  Status make_inputs(size_t signature);
  Status make_outputs(size_t signature);
  litert::TensorBuffer shared_buffer(size_t signature, size_t output) const;
  void name_outputs();
  Result<std::vector<std::vector<int64_t>>> output_shapes_now(size_t signature);
  Result<litert::TensorBuffer> make_buffer(const TensorInfo& info, std::span<const int64_t> shape, litert::Requirements need);
  Result<BufferView> view(litert::TensorBuffer buffer, const TensorInfo& info, std::span<const int64_t> shape, int mode);
};

}  // namespace atl
