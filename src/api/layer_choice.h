// Which layers a person means by patterns of names.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace atl {

/// True when `text` matches a glob pattern: '*' stands for any characters, '?' for one.
bool matches_glob(std::string_view pattern, std::string_view text);

/// By node: f32 for layers that a pattern of `keep_float` names, i16 for those of `keep_int16`, else kUnknown. A pattern is
/// matched against the module path and the node's name in the source. E: kUsage for a pattern that names no layer.
Result<std::vector<DType>> choose_layers(const Graph& g, std::span<const std::string> keep_float,
                                         std::span<const std::string> keep_int16);

}  // namespace atl
