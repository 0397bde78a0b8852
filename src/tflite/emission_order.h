// The order in which a graph's nodes become operators.
#pragma once
#include <vector>

#include "ir/graph.h"

namespace atl {

/// Ids of the nodes that become operators (no inputs, constants or tensors of a file), operands before their users: as close to
/// the order of the source as that allows (by origin, then by id), which keeps few tensors alive. Nodes that no output depends
/// on are left out, but for those without results: they act on something outside (a variable).
std::vector<uint32_t> emission_order(const Graph& g);

/// True for a node that has a tensor but no operator.
bool is_source(const Graph& g, uint32_t id);

}  // namespace atl
