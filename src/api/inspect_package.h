// What is in the packages of a model that is compiled for the Edge TPU.
#pragma once
#include <memory>
#include <span>

#include "atoll/inspect.h"

namespace atl {

/// Opens every package of a .tflite file. E: kTflite.
Result<std::vector<PackageReport>> inspect_packages(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner);

}  // namespace atl
