// SourceGraph from the JSON of torch's export schema, version 8.
#pragma once
#include <memory>

#include "read/json.h"
#include "read/source.h"

namespace atl {

/// Reads a Graph of the schema, and graphs inside it. Checks that every value that a node or output uses was made before, and
/// none is made twice, and that every tensor has a TensorMeta. Errors: kJson where the document is not the schema's, kGraph for
/// a value without a maker or with two, or a tensor without a type.
Result<SourceGraph> read_graph(const JsonNode& node);

/// Reads an Argument (the union of every kind of value).
Result<SourceValue> read_argument(const JsonNode& node);

/// Reads a TensorMeta.
Result<TensorMeta> read_tensor_meta(const JsonNode& node);

/// The name of a tensor: {"name": "x"}.
Result<std::string> read_name(const JsonNode& node);

}  // namespace atl
