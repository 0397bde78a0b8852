// The logarithm of softmax in finer steps than LiteRT's integer kernel has.
#pragma once
#include "quant/plan.h"

namespace atl {

/// LiteRT's integer LOG_SOFTMAX has steps of 1/16, whatever its results. They are its operand x less one number c for each
/// line, and c is the mean over the line of x - y, in which the roundings of y even out: log_softmax(x) becomes
/// x + mean(y - x), with a scale of its own. Where x comes straight from a layer with constant weights, the mean over the
/// classes is first taken out of these, which no softmax sees; mean(x) is then 0 and x + mean(y) is left. Done where the noise
/// expected by the calibrated range of y is at most half of the kernel's. The float function stays the same but for rounding.
/// Returns how many were changed; the new values are not calibrated. E: of building the nodes.
Result<size_t> refine_log_softmax(Graph& g, const Calibration& calibration);

}  // namespace atl
