// The verifier: is a graph consistent?
#pragma once
#include "ir/graph.h"

namespace atl {

/// Checks every live node: operands exist and come before their users, types are what infer says, use lists agree with
/// operands, constants fit their types, outputs are computed. E: kInternal naming the node and what is wrong.
Status verify(const Graph& graph);

}  // namespace atl
