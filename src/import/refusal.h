// What the importer says of operators and results that it has no form for.
#pragma once
#include <optional>
#include <string_view>

#include "read/source.h"
#include "support/error.h"

namespace atl {

/// What to do about scales that are computed while the program runs.
inline constexpr std::string_view kDynamicQuantizationHint =
    "dynamic quantization needs no nodes in the program: export the float model and convert it with --quantize dynamic, or "
    "quantize it statically (prepare_pt2e, calibrate, convert_pt2e)";

/// Why no rule takes the operator, and what to do in the user's code.
Error without_form(const std::string& target);

/// Why no rule can take the node, and nothing that follows from it is worth looking at: transforms of functions. nullopt for
/// other nodes.
std::optional<Error> never_computed(const SourceNode& node);

/// A rule gives no value for results that it cannot compute, such as a batch norm's saved statistics: which of `graph` it is.
Error without_value(const SourceGraph& graph, const std::string& name);

}  // namespace atl
