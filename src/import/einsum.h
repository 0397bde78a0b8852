// Einstein summation.
#pragma once
#include "import/product.h"

namespace atl {

/// torch.einsum(equation, operands) as permutations, reductions and matrix products, one operand after the other. Subscripts
/// are letters; "..." broadcasts; a letter that repeats in one operand takes the diagonal. Fails with kArgument for an equation
/// that does not fit.
Value einsum(Builder& b, std::string_view equation, const Values& operands);

}  // namespace atl
