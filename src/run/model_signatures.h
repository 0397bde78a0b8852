// The signatures of a model that LiteRT has read, as plain data.
#pragma once
#include <vector>

#include "run/compiled_model.h"

namespace atl {

/// LiteRT's number of an element type. kUnknown for one that Atoll does not know.
ElementType element_type_of(int litert_type);

/// Keys, names, types, shapes and quantization of all signatures. E: kRuntimeFailure.
Result<std::vector<SignatureInfo>> read_signatures(const litert::Api& api, litert::Model model);

}  // namespace atl
