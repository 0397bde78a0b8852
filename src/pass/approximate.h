// Rewrites for a target that change values a little. They are made in the graph as imported, before any pass, so that the proof
// of the file has them on both sides and stays as strict as ever; what each costs is measured on the layer alone.
#pragma once
#include "pass/pass.h"

namespace atl {

/// What approximate() made of a layer.
struct Approximation {
  Origin origin;
  std::string before, after;  ///< the ops' names
  double largest_error = 0;   ///< of a value, for operands from -kApproximationRange to kApproximationRange
};
inline constexpr double kApproximationRange = 8;

/// Rewrites the nodes that `adapt` of their op rewrites with Target::allow_approximate and not without; in the order of the
/// graph. E: of the op, with its origin.
Result<std::vector<Approximation>> approximate(Graph& graph, const Target& target);

}  // namespace atl
