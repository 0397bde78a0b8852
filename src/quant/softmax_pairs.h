// The logits of a softmax over two classes.
#pragma once
#include "quant/plan.h"

namespace atl {

/// A softmax sees what its operands differ by, and two logits that layers with constant weights give (through reshapes and
/// concats of pairs) may be moved together without an effect. Takes the mean of each pair out of the layers' weights, so that
/// two logits differ in sign alone. Rounding would then make the same error twice: offset_softmax_pairs() must follow.
/// Returns how many layers changed. E: of evaluating weights.
Result<size_t> centre_softmax_pairs(Graph& g);

/// Moves the logits of centred pairs by a quarter of the step that they have in `plan`: when one rounds up in passing a half
/// step, the other does so half a step later, and their difference has steps half as large. Returns how many layers changed.
/// E: of evaluating biases.
Result<size_t> offset_softmax_pairs(Graph& g, const QuantPlan& plan);

}  // namespace atl
