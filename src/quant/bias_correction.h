// Bias correction: what rounding the weights adds to a layer's mean result is taken off its bias (Nagel et al., "Data-free
// quantization through weight equalization and bias correction", with measured means).
#pragma once
#include "quant/quantize_graph.h"

namespace atl {

/// Adds `bias_shift` to the repair of every node with rounded weights whose data's channel means are known: sum over the
/// weight of (weight - rounded weight) * mean of its channel. Returns how many biases moved.
/// E: of evaluating weights.
Result<size_t> correct_biases(const Graph& g, const QuantPlan& plan, const Calibration& calibration,
                              QuantizeGraphOptions& options);

/// Nodes with rounded weights and a bias, by how many others lie before them on the longest way from the inputs.
std::vector<std::vector<uint32_t>> weighted_layers(const Graph& g, const QuantPlan& plan);

}  // namespace atl
