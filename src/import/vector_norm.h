// Norms of vectors as import rules build them.
#pragma once
#include "import/arithmetic.h"

namespace atl {

/// The p-norm of a float x over `axes` (any p, infinities and 0 included); the axes stay with size 1 when `keep`. Without axes
/// (a scalar) the magnitude.
Value vector_norm(SourceCall& c, Value x, double p, const std::vector<int64_t>& axes, bool keep);

}  // namespace atl
