// A leaky activation behind a layer with weights, without a rounding between the two.
#pragma once
#include "ir/rewrite.h"

namespace atl {

/// prelu(layer(x, w, b), a) with a <= 1 becomes maximum(layer(x, w, b), layer(x, a w, a b)), and leaky_relu likewise: the same
/// function, where the layer's result needs no range and no rounding of its own. It costs the layer's multiplications a second
/// time. Only where the layer's result is used nowhere else. Returns how many were split. E: of evaluating slopes.
Result<size_t> split_activations(Graph& g);

}  // namespace atl
