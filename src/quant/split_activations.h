// A leaky activation behind a layer with weights, without a rounding between the two.
#pragma once
#include "ir/rewrite.h"

namespace atl {

/// prelu(layer(x, w, b), a) with a <= 1 becomes maximum(layer(x, w, b), layer(x, a w, a b)), and leaky_relu likewise, also with
/// a max-pool between: the same function, where the layer's result needs no range and no rounding of its own. It costs the
/// layer's multiplications a second time: from the smallest results on, as long as those computed twice hold no more than
/// `share` of the elements that all layers with weights give. A prelu behind a larger one becomes maximum(y, a y), since
/// LiteRT's kernel for it is slow. Only where the layer's result is used nowhere else. Returns how many were split. E: of
/// evaluating slopes.
Result<size_t> split_activations(Graph& g, double share = 1);

}  // namespace atl
