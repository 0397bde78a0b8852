// Probe: what of the things that Atoll uses is installed here, for `atoll doctor`.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace atl {

class SystemTree;

struct Finding {
  std::string name;  ///< "LiteRT", "CPU", ...
  enum class Status { kOk, kWarning, kMissing } status = Status::kOk;
  std::string detail;  ///< what was found and where
  std::string mend;    ///< what to do about it; empty when nothing is to be done
};
/// "ok", "warning", "missing".
std::string_view name(Finding::Status status);

/// Looks for Edge TPUs and for what it takes to use them: driver, udev rule, group, port, libedgetpu and its version. Opens no
/// device. Without one attached there is a single finding that says so.
std::vector<Finding> probe_edgetpus(const SystemTree& tree);

/// Looks at LiteRT (where, version, C interface, a first small use), the CPU, the devices, the user's Python and its packages.
/// Takes about 0.1 s.
std::vector<Finding> probe();

}  // namespace atl
