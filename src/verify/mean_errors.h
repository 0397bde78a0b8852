// What the channels of a layer's result are off by on average, the integer model beside the float one in LiteRT.
#pragma once
#include <memory>

#include "quant/quantize_graph.h"
#include "verify/calibration.h"

namespace atl {

/// One channel of a value over all samples, in the value's units.
struct ChannelError {
  double mean = 0;      ///< of float - integer
  double variance = 0;  ///< of that mean, from how the samples differ
  double active = 1;    ///< share of values that no activation has cut off (integers that are not the lowest)
};

class MeanErrors {
 public:
  /// Runs the float model once. `values` are results of nodes of g whose last axis is the channels. Float values beyond the
  /// range that the plan gives them count as its ends: what is clipped on purpose is no error of a bias. E: of the samples;
  /// LiteRT's.
  static Result<MeanErrors> open(const Graph& g, const QuantPlan& plan, std::vector<Value> values, const SampleSource& samples,
                                 std::span<const size_t> which, std::shared_ptr<const LiteRtLibrary> library,
                                 const WrittenModelOptions& options = {});
  /// Runs an integer model and gives the errors of `values` (some of those above), by channel. E: LiteRT's.
  Result<std::map<Value, std::vector<ChannelError>>> measure(const QuantizedGraph& quantized,
                                                             std::span<const Value> values) const;

 private:
  MeanErrors(std::shared_ptr<const LiteRtLibrary> library, WrittenModelOptions options)
      : library_(std::move(library)), options_(std::move(options)) {}
  std::shared_ptr<const LiteRtLibrary> library_;
  WrittenModelOptions options_;
  std::vector<std::vector<NdArray>> inputs_;                       // by sample
  std::vector<std::map<Value, std::vector<double>>> float_means_;  // by sample, channel
};

}  // namespace atl
