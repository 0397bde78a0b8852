#include "device/edgetpu_device.h"
#include "device/edgetpu_library.h"
#include "run/probe.h"

namespace atl {
namespace {

using Level = Finding::Status;

// Compilers write packages for runtime 14 at most.
constexpr int kNewestRuntime = 14;

Finding finding_of(const EdgeTpuDevice& d, const std::string& name) {
  std::string detail = d.text();
  if (!d.firmware) detail += ", without its firmware yet (the first use loads it)";
  if (!d.problem.empty()) detail += ": " + d.problem;
  return {name, d.problem.empty() ? Level::kOk : d.usable ? Level::kWarning : Level::kMissing, std::move(detail), d.mend};
}

Finding probe_library(size_t usable) {
  const auto library = EdgeTpuLibrary::find();
  if (!library) return {"libedgetpu", Level::kMissing, library.error().what, library.error().hint};
  const EdgeTpuLibrary& l = **library;
  const std::string found = fmt::format("{} in {}", l.version(), l.file());
  if (const int runtime = l.runtime_version(); runtime < kNewestRuntime)
    return {"libedgetpu", Level::kWarning,
            fmt::format("{}: runtime {} does not run models that are compiled for runtime {}", found, runtime, kNewestRuntime),
            "sudo apt update && sudo apt install libedgetpu1-std"};
  if (const size_t seen = l.devices().size(); seen < usable)
    return {"libedgetpu", Level::kWarning, fmt::format("{}: it sees {} of {} Edge TPUs", found, seen, usable),
            "plug them out and in again; in a container, give it the devices and /dev/bus/usb"};
  return {"libedgetpu", Level::kOk, found, ""};
}

}  // namespace

std::vector<Finding> probe_edgetpus(const SystemTree& tree) {
  const auto devices = find_edgetpus(tree);
  if (devices.empty()) return {{"Edge TPU", Level::kMissing, "none is attached", ""}};
  std::vector<Finding> findings;
  size_t usable = 0;
  for (const EdgeTpuDevice& d : devices) {
    // A card without its driver has no number: libedgetpu does not see it.
    findings.push_back(finding_of(d, d.path.empty() ? "Edge TPU" : fmt::format("Edge TPU {}", usable)));
    usable += !d.path.empty() && d.usable;
  }
  findings.push_back(probe_library(usable));
  return findings;
}

}  // namespace atl
