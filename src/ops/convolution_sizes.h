// Layers of weights as convolutions, for what only needs to know which data a weight meets.
#pragma once
#include "ops/window.h"

namespace atl {

/// The sizes of a convolution over channels-last data, which a fully connected layer is too: over single elements, one for each
/// vector. The slice of the weight for one result runs over the kernel and then over the channels of one group. Nothing for
/// other ops (transposed convolutions), other layouts and open sizes. `in`: the types of the operands.
std::optional<ConvSizes> convolution_sizes(const OpBase& op, TypesIn in);

}  // namespace atl
