// The names of torch that a pickle of plain tensors may contain. No other name is ever read.
#pragma once
#include <optional>
#include <string_view>

#include "read/source.h"

namespace atl {

/// The element type of "FloatStorage" and the like; kUnknown for "UntypedStorage", nothing for other names.
std::optional<ScalarType> storage_type(std::string_view name);

/// The element type called "float32" and the like.
std::optional<ScalarType> scalar_type_named(std::string_view name);

/// True for the storages, the element types, and the few functions that rebuild tensors and containers.
bool is_known_global(std::string_view module, std::string_view name);

}  // namespace atl
