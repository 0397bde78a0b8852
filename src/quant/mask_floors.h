// Masks by addition: scores that -inf, or the lowest float, keeps out of a softmax.
#pragma once
#include <map>

#include "quant/plan.h"

namespace atl {

/// The level that stands for the -inf of each value (constants among them) that holds some, in place of what no scale reaches:
/// so low that a softmax behind it gives the masked elements less than half a step of 1/256 together. Only values whose every
/// use leads to the operand of a softmax, through ops that hand elements on and through additions, have one; the range of such
/// a value is from its floor to the largest of its other elements. E: of evaluating a constant.
Result<std::map<Value, double>> mask_floors(const Graph& g, const Calibration& calibration);

/// Constants that keep scores out of a softmax by numbers that are merely low (-1e4, -1e9, the lowest of f16) hold what is as
/// good as -inf there, which mask_floors knows: exp leaves nothing of either. Only constants all of whose uses lead to the
/// operand of a softmax in that way. Returns how many were changed. E: of evaluating a constant.
Result<size_t> deepen_masks(Graph& g);

/// What a float constant holds. E: of evaluating it.
Result<Statistics> constant_statistics(const Constant& c);

}  // namespace atl
