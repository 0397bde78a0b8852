// A model that Google's compiler made for the Edge TPU: the packages inside its custom operators.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "edgetpu/source_model.h"

namespace atl::edgetpu {

/// The custom operator that holds a package.
inline constexpr std::string_view kCompiledOperator = "edgetpu-custom-op";

/// An input or output of an executable.
struct PackageLayer {
  std::string name;
  uint64_t bytes = 0;  ///< with padding
  int y = 0, x = 0, z = 0;
  int zero_point = 0;
  float scale = 0;
  std::string data_type;  ///< "uint8", "int8", "int32", ...
};

/// Bytes that move between host and Edge TPU in one run of an executable.
struct Transfers {
  uint64_t input = 0, output = 0, parameter = 0, scratch_in = 0, scratch_out = 0;
};

struct Executable {
  enum class Kind { kStandAlone, kParameterCaching, kExecutionOnly };
  Kind kind = Kind::kStandAlone;
  std::string chip;  ///< "beagle" is the Coral's
  uint64_t parameter_bytes = 0, instruction_bytes = 0, scratch_bytes = 0, narrow_bytes_per_tile = 0;
  size_t instruction_chunks = 0;
  int64_t estimated_cycles = 0;  ///< 0 in everything that compiler 16 wrote
  uint64_t caching_token = 0;
  Transfers transfers;
  std::vector<PackageLayer> inputs, outputs;
};
/// "STAND_ALONE", "PARAMETER_CACHING", "EXECUTION_ONLY".
std::string_view name(Executable::Kind k);

/// One custom operator of a compiled model.
struct Package {
  size_t op = 0;  ///< its index in the subgraph
  uint64_t bytes = 0;
  int min_runtime_version = 0;
  std::string compiler;  ///< as written: "cl/343520747", or "cl/"
  /// Told from the options' form and what the file says of its writer: "1.0 or 2.0", "2.0", "2.1", "14 or 15", "2.1 to 15",
  /// "16".
  std::string compiler_release;
  std::vector<Executable> executables;
  uint64_t cached_bytes() const;    ///< parameters that stay on the chip
  uint64_t streamed_bytes() const;  ///< parameters that are sent with each inference
  uint64_t instruction_bytes() const;
  uint64_t scratch_bytes() const;
};

/// Opens a package: the custom options of an operator of name kCompiledOperator.
/// E: kTflite for a damaged one, one for several chips or another chip, and for an illegal set of executables.
Result<Package> read_package(std::span<const std::byte> options);

/// All packages of a model, in the order of its operators; none for a model that is not compiled. E: kTflite.
Result<std::vector<Package>> read_packages(const SourceModel& model);

}  // namespace atl::edgetpu
