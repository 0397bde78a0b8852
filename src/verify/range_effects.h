// What quantizing one group of values at a time does to a model's outputs: the rest stays float and runs in LiteRT from the
// quantized values on. Effects of different groups add up, since their rounding errors have nothing to do with each other.
#pragma once
#include <functional>
#include <memory>

#include "quant/plan.h"
#include "verify/calibration.h"

namespace atl {

/// Values that share one scale, and parameters that may be tried for them.
struct RangeTrial {
  std::vector<Value> sources;  ///< where the values come from: not results of nodes that only hand the scale on
  std::vector<QuantParams> candidates;
  DType data = DType::kI8;
  /// Filled in: by candidate, the outputs' noise relative to their signal, summed over the outputs. Empty where the budget
  /// did not reach.
  std::vector<double> effects;
  /// The same by candidate and output, not summed; 0 for outputs that are not float.
  std::vector<std::vector<double>> effects_by_output;
};

struct RangeEffectOptions {
  size_t samples = 6;  ///< at most
  /// For all trials together, estimated from the operations and weights that they need and not measured: the same input gives
  /// the same choices on every machine. A trial that does not fit is left out.
  double milliseconds = 1500;
  size_t kept_bytes = 256u << 20;  ///< of float values kept for the trials; fewer samples are taken where more would be needed
  WrittenModelOptions run;
  std::function<void(size_t done, size_t total)> progress;
};

/// What opening a graph's file in LiteRT and some runs of it cost, in milliseconds, roughly: estimated from its operations and
/// weights. E: sizes that do not fit.
Result<double> estimated_milliseconds(const Graph& g, size_t runs);

/// Measures the trials, those nearest to the outputs first. E: of the samples; LiteRT's.
Status measure_range_effects(const Graph& g, std::vector<RangeTrial>& trials, const SampleSource& samples,
                             std::span<const size_t> which, std::shared_ptr<const LiteRtLibrary> library,
                             const RangeEffectOptions& options = {});

}  // namespace atl
