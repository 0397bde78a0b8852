// PyTorch's type promotion, for importing operators of several operands.
#pragma once
#include <initializer_list>

#include "ir/source_call.h"

namespace atl {

/// torch.promote_types: the smallest element type that holds both; kUnknown stands for no operand.
DType promote_types(DType a, DType b);
/// torch.result_type over the named arguments: tensors with axes decide before tensors without, these before numbers, as long
/// as the kind (bool, integer, float) does not grow. Missing arguments do not count.
DType promoted_dtype(SourceCall& c, std::initializer_list<std::string_view> args);
/// The named arguments as values of element type `to` (kUnknown: promoted_dtype). E: kArgument for a missing one.
Values promoted(SourceCall& c, std::initializer_list<std::string_view> args, DType to = DType::kUnknown);

}  // namespace atl
