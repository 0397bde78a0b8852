// Where a file is to run: what --device asks for, what is there, and what is tried in which order.
#pragma once
#include "atoll/run.h"
#include "run/compiled_model.h"
#include "support/mapped_file.h"

namespace atl {

/// One device to try.
struct DeviceAttempt {
  enum class Kind { kCpu, kGpu, kEdgeTpu };
  Kind kind = Kind::kCpu;
  std::string name = "CPU";              ///< for people: "CPU", "GPU", "Edge TPU 0 (USB 2-1)"
  std::optional<EdgeTpuTarget> edgetpu;  ///< of kEdgeTpu
};

struct DevicePlan {
  std::vector<DeviceAttempt> attempts;  ///< at least one; when one fails the next is tried
  std::vector<std::string> notes;       ///< why a device that would come first is not tried
};

/// Plans for ModelOptions::device. A file that is compiled for the Edge TPU runs nowhere else.
/// E: kUsage (no such device, unknown Edge TPU options), kDevice (the device is absent, or may not be used), kDeviceLibrary,
/// kUnsupportedForm (a compiled file for the CPU or the GPU, a file that is not compiled for the Edge TPU), kTflite (a damaged
/// package).
Result<DevicePlan> plan_devices(const std::shared_ptr<const MappedFile>& file, const ModelOptions& options);

/// Where each operator of subgraph 0 ran, by the times of a profiled run.
std::vector<OpPlace> places_of(const std::shared_ptr<const MappedFile>& file, const DeviceAttempt& device,
                               const std::vector<OpTime>& times);

}  // namespace atl
