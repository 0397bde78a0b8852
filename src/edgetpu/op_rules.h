// What the Edge TPU compilers take, operator by operator: the one place that knows.
#pragma once
#include <string>
#include <string_view>

#include "edgetpu/source_model.h"

namespace atl::edgetpu {

/// Google's edgetpu_compiler: 2.0.x, 2.1.302470888, 15.0.340273435, 16.0.384591198.
enum class Compiler { k2_0, k2_1, k15, k16 };
/// "2.0", "2.1", "15", "16".
std::string_view name(Compiler c);
/// The inverse of name(). E: kUsage.
Result<Compiler> compiler_from_name(std::string_view s);

/// The compiler's own words for an operator, as its log prints them.
enum class OpStatus { kMapped, kNotSupported, kVersion, kDataType, kLimitation, kSubgraphs, kRank, kNotConstant, kManyRows };
std::string_view text(OpStatus s);

/// Whether an operator by itself may run on the Edge TPU.
struct Verdict {
  OpStatus status = OpStatus::kMapped;
  std::string reason;  ///< in plain words, with the values in it; empty when mapped
  std::string change;  ///< what would help
};

/// Judges one operator. Sources: Coral's table of supported operators, and what 162 compiled models hold (see docs/edgetpu.md).
Verdict judge(const SourceModel& model, const SourceOp& op, Compiler compiler);

}  // namespace atl::edgetpu
