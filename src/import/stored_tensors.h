// Tensors of a source program as types, constants and samples.
#pragma once
#include "ir/constant.h"
#include "read/source.h"

namespace atl {

/// The type of a value; hints where its shape is symbolic.
Type type_of(const TensorMeta& meta);
/// A stored tensor as a view of its file. E: kUnsupportedType for element types that Atoll has not.
Result<ConstantPtr> constant_of(const SourceTensor& t);
/// The example that was stored with an input, dense.
std::optional<Tensor> sample_of(const SourceInput& input);

}  // namespace atl
