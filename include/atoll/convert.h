// Conversion of a model file into a .tflite file.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/result.h"

namespace atl {

/// What a conversion is doing, for a progress bar: `done` of `total` in this step.
using Progress = std::function<void(std::string_view step, double done, double total)>;

struct QuantizeOptions;  // atoll/quantize.h
struct QuantizeReport;

struct ConvertOptions {
  /// Inputs and outputs of four or five axes become channels-last where that saves transposes (--layout nhwc).
  bool nhwc = false;
  /// "x=4x3x224x224" each: sizes for axes that the program leaves open, '?' for one that stays open; several inputs apart by
  /// commas. A text that names an input again begins a further signature of the file. Without any, all open axes stay open.
  std::vector<std::string> shapes;
  /// Run the written file in LiteRT and compare it with the source before it is put in place.
  bool verify = true;
  /// Seconds that the proof may take; what was not reached is stated in the report.
  double verify_seconds = 20;
  uint64_t seed = 0;   ///< of the random inputs of the proof
  std::string litert;  ///< path of libLiteRt.so or its folder; empty: searched
  int threads = 2;
  int64_t rewrite_limit = -1;  ///< stop rewriting after so many rewrites (to find a wrong one); -1: no limit
  bool verify_graph = false;   ///< run the graph verifier after every pass
  std::string print_after;     ///< name of a pass, or "all": its graph goes to `trace`
  std::string dump_dir;        ///< folder for numbered dumps of the graph after each pass that changed it
  bool time_passes = false;    ///< a line a pass goes to `trace`
  std::function<void(std::string_view)> trace;
  Progress progress;
  /// null: the file stays float, but for a program that is quantized already (PT2E, QAT), which gets its own integers.
  std::shared_ptr<const QuantizeOptions> quantize;
  bool drop_quantization = false;  ///< of such a program: a float file that does not round
  /// What the file is for: "litert", "coral" (the Edge TPU through compiler 16: integers, channels-last, TensorFlow 2.5's
  /// operators; `quantize` must be int8, or the program be quantized already) or "tflm" (TensorFlow Lite Micro: the same; what
  /// it does not run is refused).
  std::string target = "litert";
  bool allow_approximate = false;  ///< rewrites for the target that change values a little
};

/// One input or output of a model.
struct PortReport {
  std::string name;
  std::string type;              ///< "f32[1,3,224,224]"
  std::vector<int> permutation;  ///< of the source's axes; empty when they are unchanged
};

/// How an output compared with the source.
struct OutputProof {
  std::string name;
  double snr_db = 0;     ///< signal to noise over all inputs; 999 when equal
  double max_error = 0;  ///< largest absolute difference
  bool passed = false;
};

struct ProofReport {
  enum class Verdict { kProven, kPartial, kFailed, kNotRun };
  Verdict verdict = Verdict::kNotRun;
  std::string reason;       ///< why it was not run, or where the budget ended
  int inputs_compared = 0;  ///< sets of inputs, the stored sample and random ones
  std::vector<OutputProof> outputs;
  /// When it failed: the first layer that departs, as an error with its origin.
  std::optional<Error> departure;
  double seconds = 0;
};
std::string_view name(ProofReport::Verdict v);

/// What became of a layer that the target cannot take as it is.
struct AdaptedLayer {
  std::string module, before, after;  ///< the op with its fields; the names of the ops in its place
  std::string file;                   ///< of the user's source, with `line`
  int line = 0;
  std::optional<double> largest_error;  ///< of one that is not exact: of a value, for operands from -8 to 8
};

/// An entry point of the written file.
struct ConvertedSignature {
  std::string key;
  std::vector<PortReport> inputs, outputs;
  std::vector<std::string> open_sizes;  ///< "axis 0 of 'x': any" each
};

struct ConvertReport {
  std::string source, destination;
  std::vector<ConvertedSignature> signatures;  ///< the first is "serving_default"
  uint64_t source_bytes = 0, bytes = 0, constant_bytes = 0;
  std::vector<PortReport> inputs, outputs;  ///< of the first signature
  std::vector<PortReport> states;           ///< buffers that the source changes: variables of the file, kept from run to run
  std::map<std::string, size_t> ops;        ///< operators of the file by LiteRT's name
  size_t op_count = 0;
  ProofReport proof;  ///< of the float model
  std::shared_ptr<const QuantizeReport> quantization;
  std::string tail;  ///< with QuantizeOptions::cut: the file of the tail
  std::map<std::string, size_t> tail_ops;
  uint64_t tail_bytes = 0;
  std::vector<AdaptedLayer> adaptations;  ///< for the target, in the order of the graph
  std::vector<std::string> warnings;
  double seconds = 0;
};

/// Converts `source` (.pt2) and writes `destination` (.tflite), whole or not at all.
/// E: of reading, importing, the passes and writing; kUsage and kInput for shapes that do not fit the program; kSymbolic for a
/// program that cannot keep its open axes, or whose shapes depend on data; kProofFailed when the written file does not compute
/// what the source does (no file is left then), with the departing layer as origin.
Result<ConvertReport> convert(const std::string& source, const std::string& destination, const ConvertOptions& options = {});

}  // namespace atl
