// A leaky activation behind a layer with weights, without a rounding between the two.
#pragma once
#include "ir/rewrite.h"

namespace atl {

/// prelu(layer(x, w, b), a) with a <= 1 becomes the larger of layer(x, w, b) and layer(x, a w, a b), and leaky_relu likewise,
/// also with a max-pool between: the same function, where the layer's result needs no range and no rounding of its own. It
/// costs the layer's multiplications a second time: from the cheapest layers on, as long as these are no more than `share` of
/// those of all layers with weights. A prelu behind another layer becomes maximum(y, a y), since LiteRT's kernel for it is
/// slow; behind one that costs less than the product a y the layer is computed twice whatever the share. Only where the layer's
/// result is used nowhere else, and neither node is `fixed` (by node id). Returns how many were split. E: of evaluating slopes.
Result<size_t> split_activations(Graph& g, double share = 1, const std::vector<bool>& fixed = {});

}  // namespace atl
