// Element types as .tflite files number them.
#pragma once
#include <schema_tables.h>

#include "ir/type.h"

namespace atl {

/// E: kUnsupportedType for kUnknown.
Result<tflite::TensorType> to_tensor_type(DType t);
/// kUnknown for types that Atoll has not (int2, uint4, float8, complex128, variant).
DType from_tensor_type(tflite::TensorType t);

}  // namespace atl
