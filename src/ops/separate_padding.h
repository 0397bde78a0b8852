// Windows whose form does not depend on the size of what they run over.
#pragma once
#include <vector>

#include "ir/graph.h"

namespace atl {

/// Padding before and after each spatial axis in turn of a convolution or pooling with a stride above 1; empty for other nodes,
/// and for an average that does not count its padding, whose divisors follow from the size.
std::vector<int64_t> strided_padding(const Graph& graph, uint32_t node);

/// Gives the padding of such a node to a Pad of `padding` before it, which may reach further than the last window does.
/// LiteRT's SAME is right for some sizes and wrong for others; a Pad is right for all. False where that would change the number
/// of windows. E: infer's.
Result<bool> separate_padding(Graph& graph, uint32_t node, const std::vector<int64_t>& padding);

}  // namespace atl
