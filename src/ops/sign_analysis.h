// What is known about the sign of a value from the ops that made it.
#pragma once
#include "ir/graph.h"

namespace atl {

/// True when no element of v can be below zero (NaN aside): the result of an activation such as RELU or LOGISTIC, of an op with
/// a fused one, a constant without negative elements, or ops on such values that keep them so. Looks at a bounded number of
/// nodes, so that false may also mean "not found out".
bool is_non_negative(const Graph& graph, Value v);

}  // namespace atl
