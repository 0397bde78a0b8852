// Float operators without an integer kernel, in others that have one.
#pragma once
#include "ir/rewrite.h"

namespace atl {

/// square(x) becomes x * x, neg(x) x * -1, and x / c with a constant c x * (1 / c): the same numbers, but for the sign of a NaN
/// and a rounding of float. For `data` of 8 bits, which have a kernel for RSQRT, x / sqrt(y) becomes x * rsqrt(y), and x / y
/// with a y that cannot be negative x * (rsqrt(y) * rsqrt(y)): a few roundings of float apart. Returns how many were spelled
/// anew. E: of evaluating a constant.
Result<size_t> spell_for_integers(Graph& g, DType data);

}  // namespace atl
