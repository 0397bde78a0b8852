// Layers with weights in a graph.
#pragma once
#include <optional>

#include "ir/graph.h"

namespace atl {

/// The roles of a node's operands (OpDef::weights); nothing where it is no layer with weights.
std::optional<WeightRoles> weight_roles(const Graph& g, const Node& n);

/// The same of a layer whose sums may be changed through its weights: weight and bias (which may be absent) are constants, no
/// activation is behind the sum, and the channels are the last axis of the result.
std::optional<WeightRoles> changeable_roles(const Graph& g, const Node& n);

/// Multiplications of data with weights in a node; 0 where it is no layer with weights.
double multiplications(const Graph& g, const Node& n);

}  // namespace atl
