// What the importer says of operators and results that it has no form for.
#pragma once
#include <optional>

#include "read/source.h"
#include "support/error.h"

namespace atl {

/// Why no rule takes the operator, and what to do in the user's code.
Error without_form(const std::string& target);

/// Why no rule can take the node, and nothing that follows from it is worth looking at: transforms of functions. nullopt for
/// other nodes.
std::optional<Error> never_computed(const SourceNode& node);

/// A rule gives no value for results that it cannot compute, such as a batch norm's saved statistics: which of `graph` it is.
Error without_value(const SourceGraph& graph, const std::string& name);

}  // namespace atl
