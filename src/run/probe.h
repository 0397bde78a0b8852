// Probe: what of the things that Atoll uses is installed here, for `atoll doctor`.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace atl {

struct Finding {
  std::string name;  ///< "LiteRT", "CPU", ...
  enum class Status { kOk, kWarning, kMissing } status = Status::kOk;
  std::string detail;  ///< what was found and where
  std::string mend;    ///< what to do about it; empty when nothing is to be done
};
/// "ok", "warning", "missing".
std::string_view name(Finding::Status status);

/// Looks at LiteRT (where, version, C interface, a first small use), the CPU, the user's Python and its packages. Takes about
/// 0.1 s.
std::vector<Finding> probe();

}  // namespace atl
