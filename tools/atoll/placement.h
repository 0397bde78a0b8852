// The placement of a converted model in a few lines.
#pragma once
#include "atoll/place.h"
#include "command.h"

namespace atl::cli {

/// {"usb3": .., "usb2": .., "pcie": .., "relative_error": .., "pcie_relative_error": ..}, of the part on the Edge TPU.
nlohmann::ordered_json latency_json(const PlaceReport& report);
/// Share of operators and multiplications on the Edge TPU, memory, time, the first blocker.
void print_placement_summary(const PlaceReport& report);
nlohmann::ordered_json placement_summary_json(const PlaceReport& report);

}  // namespace atl::cli
