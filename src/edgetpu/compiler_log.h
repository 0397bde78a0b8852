// What edgetpu_compiler prints, read back.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace atl::edgetpu {

/// How many operators of a kind got a status.
struct StatusLine {
  std::string op;  ///< "CONV_2D"
  size_t count = 0;
  std::string status;  ///< "Mapped to Edge TPU"
};

/// What the compiler says of one model that it wrote.
struct CompiledLog {
  std::string input, output;  ///< as it names the files
  /// In bytes, as exact as the compiler prints them (two decimals of KiB or MiB).
  std::optional<double> on_chip_used, on_chip_left, streamed;
  size_t subgraphs = 0, operators = 0;
  std::vector<StatusLine> lines;
};

struct CompilerLog {
  std::string version;  ///< "16.0.384591198"
  /// kInternal: an error of its own, which may not come again. kActivations: "large activation tensors". kModel: it does not
  /// take the model (float, dynamic, damaged). kOther: it failed without a word that is known.
  enum class Failure { kNone, kInternal, kActivations, kModel, kOther } failure = Failure::kOther;
  std::string words;  ///< of the failure, as printed
  std::vector<CompiledLog> models;
};

/// Reads stdout and stderr of compilers 1.0 to 16. `failure` is kNone when it says that a model was compiled.
CompilerLog parse_compiler_log(std::string_view text);

}  // namespace atl::edgetpu
