// CompiledModel: a .tflite file opened in LiteRT, its signatures, and runs of them.
#pragma once
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "device/edgetpu_delegate.h"
#include "device/system_tree.h"
#include "run/litert_library.h"
#include "run/model_image.h"
#include "run/nd_array.h"
#include "support/result.h"

namespace atl {

/// How LiteRT computes on the CPU: through XNNPACK, with its own optimized kernels, or with its plain reference kernels.
enum class KernelMode { kDelegate, kBuiltin, kReference };
/// "delegate", "builtin", "reference".
std::string_view name(KernelMode mode);
std::optional<KernelMode> kernel_mode_from_name(std::string_view s);

/// Bits of RunOptions::accelerators, as LiteRT counts them.
inline constexpr int kAcceleratorCpu = 1, kAcceleratorGpu = 2, kAcceleratorNpu = 4;

struct RunOptions {
  int threads = 0;  ///< of the CPU; 0 takes as many as the process may use, at most 4
  KernelMode kernel_mode = KernelMode::kDelegate;
  int accelerators = kAcceleratorCpu;
  bool profile = false;  ///< record a time for each op; costs a little speed
  /// Runs the compiled operators of the file there, the others on the CPU.
  std::optional<EdgeTpuTarget> edgetpu;
  std::chrono::milliseconds device_limit = std::chrono::seconds(20);  ///< for one answer of the Edge TPU
  SystemTree tree = SystemTree();                                     ///< where a removed device is missed
  /// Receives LiteRT's own log, line by line ("INFO: ..."), during load and run. Without it the log is dropped.
  std::function<void(std::string_view)> log;
};

/// Affine quantization of a tensor: real = scale * (integer - zero_point), one entry or one for each index of `axis`.
struct TensorQuantization {
  std::vector<float> scale;
  std::vector<int64_t> zero_point;
  int axis = 0;
};

/// An input or output of a signature.
/// What a model does itself with the pixels (0 to 255) of a picture that is given as it is: (pixel - mean) / std. One entry for
/// all channels, or one for each.
struct PixelNormalization {
  std::vector<double> mean, std;
};

struct TensorInfo {
  std::string name;         ///< as the signature calls it
  std::string tensor_name;  ///< as the graph calls it
  ElementType dtype = ElementType::kUnknown;
  std::vector<int64_t> shape;  ///< as the file states it; open axes stand as what the file gives as an example, often 1
  std::vector<bool> open;      ///< by axis: may be resized (-1 in the file's shape signature)
  bool has_open_axes() const { return std::ranges::find(open, true) != open.end(); }
  std::optional<TensorQuantization> quant;
  int litert_type = 0;  ///< LiteRT's number of the element type
  uint32_t tensor = 0;  ///< index in the graph; one tensor may be several outputs, or an input and an output
  std::optional<PixelNormalization> normalization;  ///< of an input that takes pixels
  std::string text() const { return tensor_text(dtype, shape); }
};

struct SignatureInfo {
  std::string key;
  std::vector<TensorInfo> inputs, outputs;
};

/// libedgetpu's name of the kernel that runs a compiled operator, in OpTime::op.
inline constexpr std::string_view kEdgeTpuKernel = "EdgeTpuDelegateForCustomOp";

/// The time one op took in one run.
struct OpTime {
  std::string op;    ///< LiteRT's name of the kernel: "CONV_2D", or XNNPACK's "Convolution (NHWC, F32) IGEMM"
  int64_t node = 0;  ///< index of the node in its subgraph; for XNNPACK's ops their index inside the delegate
  int64_t subgraph = 0;
  double microseconds = 0;
  bool in_delegate =
      false;  ///< computed by XNNPACK or another delegate; the delegate's own node, which sums these up, is left out
};

/// A buffer of LiteRT's, locked while the view lives. run() refuses to start before all views are gone.
class BufferView {
 public:
  BufferView(BufferView&& other) noexcept;
  BufferView& operator=(BufferView&& other) noexcept;
  ~BufferView();
  std::span<std::byte> bytes() const { return bytes_; }
  /// The values as T, which must be the C++ type of the tensor.
  template <class T>
  std::span<T> values() const {
    return {reinterpret_cast<T*>(bytes_.data()), bytes_.size() / sizeof(T)};
  }

 private:
  friend class CompiledModel;
  BufferView() = default;
  void release();
  std::span<std::byte> bytes_;
  litert::TensorBuffer buffer_ = nullptr;
  const litert::Api* api_ = nullptr;
  std::shared_ptr<int> open_views_;
};

/// A model ready to run. State that the file keeps in variables lives as long as the object. One thread at a time.
class CompiledModel {
 public:
  /// Opens a file. E: kFileMissing, kTflite (not a .tflite file, or damaged), kRuntimeFailure (LiteRT refuses it; its own words
  /// are in `what`), kDevice (the Edge TPU is in use, was removed, or does not answer).
  static Result<CompiledModel> load(std::shared_ptr<const LiteRtLibrary> library, const std::filesystem::path& file,
                                    const RunOptions& options = {});
  /// The same for a file in memory.
  static Result<CompiledModel> load(std::shared_ptr<const LiteRtLibrary> library, std::vector<std::byte> bytes,
                                    const RunOptions& options = {});
  CompiledModel(CompiledModel&&) noexcept;
  CompiledModel& operator=(CompiledModel&&) noexcept;
  ~CompiledModel();

  /// All signatures; a file without any has one, named "<placeholder signature>" by LiteRT. Inputs and outputs in the graph's
  /// order.
  const std::vector<SignatureInfo>& signatures() const;
  /// The index of a signature; the only one, or "serving_default", for an empty key. E: kInput, with the keys there are.
  Result<size_t> find_signature(std::string_view key = {}) const;
  /// The index of an input or output by name. E: kInput, with the names there are.
  Result<size_t> find_input(size_t signature, std::string_view name) const;
  Result<size_t> find_output(size_t signature, std::string_view name) const;

  /// Gives an input with open axes another size; outputs follow. E: kInput where LiteRT refuses, for example for a fixed axis.
  Status resize_input(size_t signature, size_t input, std::span<const int64_t> shape);
  /// The shape of an input or output as it is after resize_input(). E: kRuntimeFailure.
  const std::vector<int64_t>& input_shape(size_t signature, size_t input) const;
  Result<std::vector<int64_t>> output_shape(size_t signature, size_t output);

  /// An input's buffer, to be written. E: kRuntimeFailure.
  Result<BufferView> input(size_t signature, size_t input);
  /// An output's buffer, valid after run(). E: kRuntimeFailure.
  Result<BufferView> output(size_t signature, size_t output);

  /// Runs a signature on what its input buffers hold. E: kDevice when the Edge TPU was removed or has not answered in time (the
  /// model is of no use then); kRuntimeFailure with LiteRT's words; an output whose shape follows
  /// from the data (WHERE, NON_MAX_SUPPRESSION_V5 cut to its count) cannot be fetched through LiteRT's compiled models and is
  /// refused so.
  Status run(size_t signature);

  /// Sets the variable tensors of a signature (the states of its LSTM ops) back to zero. Between runs they keep their values,
  /// as do the variables of VAR_HANDLE, which this leaves alone. E: kRuntimeFailure, kInput for a signature without an input
  /// that has axes (LiteRT has no call for this; the tensors are zeroed when an input is resized).
  Status reset_variables(size_t signature);

  /// Copies the arrays in, runs, copies the outputs out, in the signature's order. An input with open axes is resized to what
  /// is given. E: kInput for a wrong count, type or shape (both sides stated), kRuntimeFailure.
  Result<std::vector<NdArray>> run(size_t signature, std::span<const NdArray> inputs);
  /// The same with inputs by name, in any order. A single unnamed array fits a single input.
  Result<std::vector<NamedArray>> run_named(size_t signature, std::span<const NamedArray> inputs);

  /// The times of the ops of the last run(), in the order they ran; needs RunOptions::profile. E: kInput without it.
  Result<std::vector<OpTime>> op_times();

 private:
  struct State;
  explicit CompiledModel(std::unique_ptr<State> state);
  static Result<CompiledModel> compile(std::shared_ptr<const LiteRtLibrary> library, ModelImage image,
                                       const RunOptions& options);
  std::unique_ptr<State> state_;
};

}  // namespace atl
