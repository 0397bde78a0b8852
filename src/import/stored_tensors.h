// Tensors of a source program as types, constants and samples. A complex tensor is two real ones: its parts.
#pragma once
#include <optional>

#include "ir/constant.h"
#include "read/source.h"

namespace atl {

bool is_complex(ScalarType t);
/// The element type of a source's tensor, of its parts where it is complex; kUnknown for types that Atoll has not (float8).
DType part_dtype_of(ScalarType t);
/// The type of a value, of its parts where it is complex; hints where its shape is symbolic.
Type type_of(const TensorMeta& meta);

/// A stored tensor as a view of its file; a complex one as real and imaginary part. E: kUnsupportedType.
Result<std::vector<ConstantPtr>> constants_of(const SourceTensor& t);
/// The example that was stored with an input, dense; nullopt when there is none, or it has no element type in the core.
std::optional<Tensor> sample_of(const SourceInput& input);

}  // namespace atl
