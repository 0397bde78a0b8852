// Equalization of channels: scales move between layers until the channels of a tensor fill its one range alike.
#pragma once
#include "ir/rewrite.h"
#include "quant/plan.h"

namespace atl {

/// Where layers with weights feed only others through ops that keep scales (relu, pooling, padding, ...), the result channels
/// of the first are multiplied by factors and the data channels of the others divided by them, so that channels with small
/// values get more of the integers: factor = sqrt(largest channel / channel), at most kMaxFactor. The float function stays the
/// same. (After Nagel et al., "Data-free quantization through weight equalization and bias correction", by measured activations
/// in place of weights, which have a scale for each channel anyway.) Returns how many tensors changed. E: of evaluating
/// weights.
Result<size_t> equalize_channels(Graph& g, const Calibration& calibration);

inline constexpr double kMaxFactor = 8;

/// True where some layer's weight has one data channel for each result channel: the layers that equalized data helps.
bool has_depthwise_layers(const Graph& g);

}  // namespace atl
