// Equalization of channels: scales move between layers until the channels of a tensor fill its one range alike.
#pragma once
#include "ir/rewrite.h"
#include "quant/plan.h"

namespace atl {

/// Where layers with weights feed only others through ops that keep scales (relu, pooling, padding, sums, ...), the result
/// channels of the first are multiplied by factors and the data channels of the others divided by them, so that channels with
/// small values get more of the integers: factor = (largest channel / channel) ^ p, at most kMaxFactor. What the data gains the
/// weights lose, save those with one data channel for each result: p is the one of 0, 1/4, ... 1 with the least noise of both
/// roundings in the readers' results. The float function stays the same. (After Nagel et al., "Data-free quantization through
/// weight equalization and bias correction", by measured activations in place of weights, which have a scale for each channel
/// anyway; a channel counts by its mean over the samples of each one's largest magnitude, since the largest of all is a single
/// value of chance.) Returns how many tensors changed. E: of evaluating weights.
Result<size_t> equalize_channels(Graph& g, const Calibration& calibration);

inline constexpr double kMaxFactor = 64;

/// True where some layer's weight has one data channel for each result channel: the layers that equalized data helps.
bool has_depthwise_layers(const Graph& g);

}  // namespace atl
