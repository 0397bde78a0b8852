// The rules for quantize and dequantize nodes and for torch's fake quantization.
#pragma once
#include "ir/source_call.h"

namespace atl {

std::span<const Import> aten_quantization();

}  // namespace atl
