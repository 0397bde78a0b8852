// Compiling a quantized model for the Edge TPU with Google's edgetpu_compiler, and what its log says about the user's layers.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "atoll/convert.h"
#include "atoll/place.h"

namespace atl {

struct CompileOptions {
  std::string folder;         ///< for what is written; empty: where the model lies
  std::string rules = "16";   ///< whose rules the prediction follows, see PlaceOptions::compiler
  int timeout_seconds = 180;  ///< for one attempt
  int attempts = 3;           ///< the compiler is known to fail now and then
  bool find_failure = true;   ///< cut the model down to the smallest part that still fails
  int min_runtime = 0;        ///< 10 to 14; 0: as the compiler likes
  int segments = 0;           ///< for so many Edge TPUs; 0: one model
  int search_step = 0;        ///< leave off so many operators at the end until it compiles; 0: no search
  bool multiple_subgraphs = false;
  std::string intermediate_tensors;  ///< names of tensors to stop at, separated by commas
  Progress progress;
  std::function<bool()> cancelled;  ///< asked a few times a second
};

/// A line of the compiler's log, with the layers that it speaks of.
struct CompiledStatus {
  std::string op;
  size_t count = 0;
  std::string status;             ///< "Mapped to Edge TPU"
  std::vector<size_t> operators;  ///< their indices in the source
  std::vector<std::string> layers;
  /// False where the log counts several statuses for operators of the kind that stayed on the CPU and only the prediction says
  /// which is whose.
  bool certain = true;
};

/// A part of the model at which the compiler fails.
struct FailingPart {
  size_t first = 0, last = 0;          ///< operators `first` to `last` - 1
  std::vector<std::string> operators;  ///< "CONV_2D [1,64,64,32] x [16,3,3,32] -> [1,64,64,16]  head.conv"
  size_t compilations = 0;             ///< that finding it took
};

struct CompileReport {
  std::string model;
  PlaceReport prediction;
  std::string compiler;  ///< the program; empty where it is not installed
  std::string version;   ///< "16.0.384591198"
  bool succeeded = false;
  std::string failure;  ///< in the compiler's words, or how it ended
  std::string hint;     ///< about the failure
  std::optional<FailingPart> failing;
  int attempts = 0;
  std::vector<std::string> outputs;                     ///< files that were written
  std::vector<CompiledStatus> statuses;                 ///< of a single model
  std::optional<double> on_chip_bytes, streamed_bytes;  ///< as the compiler prints them
  size_t subgraphs = 0;
  std::optional<PlacementComparison> comparison;  ///< prediction and fact, of a single model
  double seconds = 0;
};

/// Compiles. That the compiler is missing or fails is no error: CompileReport::succeeded says so, and the report holds what is
/// predicted. Files appear whole or not at all.
/// E: place_model's, for models that the compiler does not take; kUsage; kCompiler when it was cancelled; kWrite.
Result<CompileReport> compile_model(const std::string& file, const CompileOptions& options = {});

}  // namespace atl
