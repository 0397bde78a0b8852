// The proof of a .tflite file that exists already, against the program it was made from.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "atoll/convert.h"
#include "atoll/quantize.h"

namespace atl {

struct VerifyOptions {
  /// kEval: the imported graph by the ops' own eval. kTorch: the program itself by torch in the user's own Python, layer by
  /// layer.
  enum class Reference { kEval, kTorch } reference = Reference::kEval;
  /// .npz with an array for each input, by name, in place of the program's stored example.
  std::string inputs;
  /// Samples to compare on (data/dataset.h), layer by layer, for quantized files: the source then runs as the float model in
  /// LiteRT. With `preprocess` for images.
  std::string data, preprocess;
  size_t max_samples = 128;
  bool strict = false;  ///< a sample of `data` that cannot be read is an error, not a note
  int random_inputs =
      1;  ///< kEval: besides the example. kTorch compares the example alone, or random inputs where there is none
  uint64_t seed = 1;
  std::optional<double> min_snr_db;
  std::optional<double> budget_seconds;  ///< kEval: for evaluating, else 20; kTorch: for the Python process, else 600
  int threads = 0;
  std::string signature, litert, python;
  Progress progress;
};

/// One output on one set of inputs.
struct VerifyCheck {
  std::string inputs;  ///< "stored example", "given", "random 1"
  OutputProof output;
};

/// One layer of the program against torch.
struct LayerReport {
  std::string value;   ///< its name in the exported program
  std::string module;  ///< dotted path
  std::string op;
  std::optional<double> source_snr_db, file_snr_db;  ///< Atoll's eval, and the file; nothing where it was merged into another
};

struct VerifyReport {
  std::string source, file;
  std::string reference;  ///< "eval", or "torch 2.13.0"
  std::string layout;     ///< of the file: "keep" or "nhwc"
  ProofReport::Verdict verdict = ProofReport::Verdict::kNotRun;
  std::string reason;
  std::vector<VerifyCheck> checks;
  std::vector<LayerReport> layers;     ///< with kTorch
  std::vector<QuantizedLayer> damage;  ///< with `data`: what quantization costs each layer, in the order of the graph
  size_t samples = 0;                  ///< with `data`
  std::optional<Error> departure;      ///< the first layer that departs, with its origin
  std::vector<std::string> notes;
  double seconds = 0;
};

/// Compares. `source` is a .pt2, with `data` also a float .tflite. A file that departs is no error: VerifyReport::verdict says
/// so. E: of reading and importing the source and of reading the file; kInput when the file was not made from the source (other
/// inputs or outputs) and for inputs that do not fit; kRuntimeMissing; kReference.
Result<VerifyReport> verify(const std::string& source, const std::string& file, const VerifyOptions& options = {});

}  // namespace atl
