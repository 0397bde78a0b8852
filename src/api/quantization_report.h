// Parts of the report of a quantization.
#pragma once
#include "atoll/quantize.h"
#include "quant/plan.h"

namespace atl {

/// The nodes that stay float, with the plan's reasons.
std::vector<FloatException> float_exceptions(const Graph& g, const QuantPlan& plan);
/// One line for each input and output of an integer graph: what its integers mean.
std::vector<std::string> interface_lines(const Graph& quantized);

}  // namespace atl
