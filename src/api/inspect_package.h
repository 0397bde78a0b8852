// What is in the packages of a model that is compiled for the Edge TPU.
#pragma once
#include "atoll/inspect.h"
#include "tflite/file_view.h"

namespace atl {

/// Opens every package of a .tflite file. E: kTflite.
Result<std::vector<PackageReport>> inspect_packages(const FileView& file);

}  // namespace atl
