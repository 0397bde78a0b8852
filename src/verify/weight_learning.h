// Weights of all layers rounded by what the layers' data looks like in LiteRT, sample by sample.
#pragma once
#include "quant/quantize_graph.h"
#include "quant/weight_rounding.h"
#include "verify/calibration.h"

namespace atl {

struct WeightLearningOptions {
  /// Of moments kept at once; layers that need more take further runs over the samples.
  size_t kept_bytes = 256u << 20;
  WrittenModelOptions run;
  std::function<void(size_t done, size_t total)> progress;  ///< in layers
};

/// By node with integer weights: its integers (round_weight()) and their scales. Layers that are no convolutions are left out.
/// E: of the samples; LiteRT's; of evaluating weights.
Result<std::map<uint32_t, WeightRepair>> learn_weights(const Graph& g, const QuantPlan& plan,
                                                       const QuantizeGraphOptions& options, const SampleSource& samples,
                                                       std::span<const size_t> which,
                                                       const std::shared_ptr<const LiteRtLibrary>& library,
                                                       const WeightLearningOptions& learning = {});

}  // namespace atl
