// A model as C source for microcontrollers, with TensorFlow Lite Micro.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "support/result.h"

namespace atl {

struct ExportCOptions {
  std::string name;  ///< of the array, and the begin of all other names; empty: after the output file
};

/// An operator of the model, and how often it is used.
struct ExportedOperator {
  std::string op;        ///< "CONV_2D"
  std::string function;  ///< "AddConv2D"
  size_t count = 0;
};

struct ExportCReport {
  std::string model, name;
  std::vector<std::string> files;  ///< that were written
  uint64_t model_bytes = 0;
  std::vector<ExportedOperator> operators;
  /// Bytes of the tensor arena; see micro/arena.h.
  int64_t arena_bytes = 0, activation_bytes = 0, planning_bytes = 0, tensor_bytes = 0, operator_bytes = 0,
          interpreter_bytes = 0;
};

/// Writes `destination` (.cc, .cpp or .c with a header of the same name beside it, or .h with everything): the file as an
/// aligned array, the operators that a resolver needs, and the size of the arena. E: kFileMissing, kTflite; kUnsupportedOp,
/// kUnsupportedType or kUnsupportedForm with everything that TensorFlow Lite Micro does not run; kSymbolic; kUsage for a name
/// that is none; kWrite.
Result<ExportCReport> export_c(const std::string& model, const std::string& destination, const ExportCOptions& options = {});

}  // namespace atl
