// The parts of aten_spatial(), one a file.
#pragma once
#include "ir/source_call.h"

namespace atl {

std::span<const Import> aten_convolution();
std::span<const Import> aten_pool();
std::span<const Import> aten_unpool();
std::span<const Import> aten_upsample();
std::span<const Import> aten_grid_sample();

}  // namespace atl
