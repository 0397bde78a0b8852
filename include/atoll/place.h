// What of a quantized model runs on the Edge TPU, what does not and why, and what it will cost there.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "support/result.h"

namespace atl {

struct PlaceOptions {
  /// Whose rules: "2.0", "2.1", "15" or "16"; empty: of the compiler that made `against`, else 16.
  std::string compiler;
  std::string against;  ///< a model that Google's compiler made of the same file, to compare with; empty: none
};

/// One operator.
struct PlacedOp {
  size_t index = 0;  ///< in the subgraph
  std::string op;    ///< "CONV_2D"
  bool edgetpu = false;
  std::string status;  ///< in the compiler's words
  std::string reason;  ///< in plain words; empty when it runs on the Edge TPU
  std::string change;  ///< what would help
  std::string layer;   ///< the module that it comes from, as its result is named
  std::vector<std::string> outputs;
  uint64_t macs = 0, parameter_bytes = 0;
  bool dead = false;  ///< no output depends on it
};

/// A difference between prediction and fact.
struct PlacementDifference {
  size_t index = 0;
  std::string op;
  bool predicted = false, compiled = false;  ///< on the Edge TPU
};

/// What a compiled model says, and where the prediction differs.
struct PlacementComparison {
  std::string file;
  std::vector<PlacementDifference> differences;
  uint64_t parameter_bytes = 0;  ///< of the package
};

struct PlaceReport {
  std::string model, compiler;
  std::vector<PlacedOp> ops;
  size_t mapped = 0, total = 0;  ///< operators, dead ones apart
  uint64_t macs = 0, mapped_macs = 0;
  uint64_t weight_bytes = 0, mapped_weight_bytes = 0;  ///< of constants in the source
  std::optional<size_t> first_blocker;                 ///< the first operator that keeps others off the Edge TPU
  uint64_t parameter_bytes = 0, on_chip_bytes = 0, streamed_bytes = 0;
  uint64_t activation_bytes_per_tile = 0, instruction_bytes = 0, input_bytes = 0, output_bytes = 0;
  double usb3_ms = 0, usb2_ms = 0, pcie_ms = 0;  ///< of the part on the Edge TPU
  double latency_error = 0, pcie_error = 0;      ///< relative; of the first two, of the last
  std::vector<std::string> warnings;
  std::optional<PlacementComparison> comparison;
  /// Share of operators on the Edge TPU, 0 to 1.
  double share() const { return total == 0 ? 0 : double(mapped) / double(total); }
};

/// Places a quantized .tflite file. E: kFileMissing, kTflite; for what the compiler refuses as a whole kUnsupportedType (float
/// or dynamically quantized models), kSymbolic (open dimensions) and kUnsupportedForm (several subgraphs, compiled already);
/// kUsage for an unknown compiler; kTflite for a damaged package in `against`.
Result<PlaceReport> place_model(const std::string& file, const PlaceOptions& options = {});

}  // namespace atl
