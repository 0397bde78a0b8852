// Quantization of a float graph as the user's options ask, and the report of it.
#pragma once
#include "atoll/quantize.h"
#include "ir/graph.h"

namespace atl {

struct QuantizedModel {
  Graph graph;
  std::shared_ptr<QuantizeReport> report;
  /// By output: which of the given graph's it is, or part of; empty where they are the same.
  std::vector<size_t> output_sources;
};

/// Quantizes the graph, which is the float one as it would be written; axis k of its input i is the source's axis
/// input_permutations[i][k] (empty where nothing was moved). `options.progress` is told of the steps.
/// E: as quantize().
Result<QuantizedModel> quantize_model(const Graph& g, std::span<const Perm> input_permutations, const QuantizeOptions& options);

}  // namespace atl
