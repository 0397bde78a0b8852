// Float operators without an integer kernel, in others that have one.
#pragma once
#include "ir/rewrite.h"

namespace atl {

/// square(x) becomes x * x, and neg(x) becomes x * -1: the same numbers, but for the sign of a NaN. Returns how many were
/// spelled anew.
Result<size_t> spell_for_integers(Graph& g);

}  // namespace atl
