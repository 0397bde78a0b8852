// Quantization of a model: smaller weights, or integers throughout, calibrated on the user's own data and judged on data that
// calibration did not see.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "atoll/convert.h"

namespace atl {

enum class QuantizeMode {
  kFloat16,     ///< weights in half precision
  kDynamic,     ///< weights i8; activations float, quantized by LiteRT's kernels while they run
  kWeightOnly,  ///< weights i8 or i4, made float again when the file is loaded
  kInt8,        ///< integers throughout
  kInt16x8,     ///< activations i16, weights i8
};
/// "float16", "dynamic", "weight-only", "int8", "int16x8".
std::string_view name(QuantizeMode mode);
Result<QuantizeMode> quantize_mode_from_name(std::string_view s);

struct QuantizeOptions {
  QuantizeMode mode = QuantizeMode::kInt8;
  int weight_bits = 8;  ///< kWeightOnly: 8 or 4
  /// Samples: a folder of images or arrays, .npy, .npz, .csv, raw (data/dataset.h). Needed for integers, but for a program that
  /// is quantized already.
  std::string data;
  std::string preprocess;       ///< of images; see run/preprocess.h
  size_t max_samples = 128;     ///< of the dataset, spread over it
  bool strict = false;          ///< a sample that cannot be read is an error, not a warning
  std::string inputs, outputs;  ///< "float32", "int8", "uint8", "int16"; empty: the model's own integers
  /// Layers that stay float or get 16 bits: glob patterns of module paths or tensor names ("head.*").
  std::vector<std::string> keep_float, keep_int16;
  /// Layers, by name as above, at which the model is cut in two: these and all behind them become a float file of its own for
  /// the CPU, named as the other with "_tail" (`atoll run --pipeline NET NET_tail` runs both). For tails that the Edge TPU does
  /// not take.
  std::vector<std::string> cut;
  /// An output that joins branches which one scale of 8 bits cannot carry (boxes and scores) becomes one output for each
  /// branch, instead of being joined in 16 bits, which the Edge TPU does not have.
  bool split_outputs = false;
  /// Finds the fewest layers to give 16 bits so that every output reaches this SNR.
  std::optional<double> min_snr_db;
  std::string ranges = "auto";  ///< "auto", "minmax", "wide", "percentile", "mse", "entropy", "average"
  bool best_effort = false;     ///< slower repairs: weights rounded against the float output, layer by layer
  bool per_channel = true;      ///< one scale for each result channel of a weight
  bool per_channel_dense =
      true;  ///< the same for fully connected layers, which runtimes before TensorFlow 2.14 compute wrongly
  uint64_t seed = 0;
  int threads = 2;
  std::string litert;
  Progress progress;
};

/// An output against the float model, or against a program that states its quantization, over the judging samples.
struct QuantizedOutput {
  std::string name, type;
  double snr_db = 0;
  double max_error = 0;
  std::optional<double> max_steps = {};  ///< max_error in steps of the output; of programs that state their quantization
};

/// One layer against the float model.
struct QuantizedLayer {
  std::string module, op, tensor;
  std::string file;  ///< of the user's source, with `line`
  int line = 0;
  std::string type;      ///< "i8", "i16", "f32"
  double snr_db = 0;     ///< of its result, with the errors of all layers before it
  double saturated = 0;  ///< share of values at the ends of the integers that the float value lies beyond
  double used = 0;       ///< share of the integers' range that the values reach
  std::string range_method;
};

/// A float tensor that is left, and why.
struct FloatException {
  std::string module, op, reason;
  std::string file;
  int line = 0;
};

struct QuantizeReport {
  std::string mode;
  size_t calibration_samples = 0, judging_samples = 0;
  bool judged_on_calibration = false;  ///< too few samples to keep some apart
  std::vector<QuantizedOutput> outputs;
  std::vector<QuantizedLayer> layers;  ///< in the order of the graph
  std::vector<FloatException> exceptions;
  std::vector<std::string> repairs;    ///< what was done beyond rounding, one sentence each
  std::vector<std::string> warnings;   ///< of the data: skipped samples, constant ones
  size_t stated_tensors = 0;           ///< with scales that the program states itself; 0 for a float program
  size_t derived_tensors = 0;          ///< of such a program: with scales that follow from those, or from calibration
  std::vector<std::string> interface;  ///< one line for each input and output: what its integers mean
  /// Of an input that takes the pixels of pictures, which the model normalizes itself: (pixel - mean) / std; else empty.
  std::vector<double> pixel_mean, pixel_std;
  double seconds = 0;
};

/// Quantizes `source`, a .pt2 program or any float .tflite file, and writes `destination`, whole or not at all. A .pt2 is
/// converted with `convert` first (and proven, as its options say).
/// E: as convert(); kInput for data that does not fit (both sides stated), without samples, with NaN or infinite activations
/// (naming the layer), and for a model that is quantized already; kRuntimeFailure.
Result<ConvertReport> quantize(const std::string& source, const std::string& destination, const QuantizeOptions& options,
                               const ConvertOptions& convert_options = {});

}  // namespace atl
