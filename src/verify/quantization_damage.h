// What quantization does to each value of a model: the float graph beside the integer one, in LiteRT, on the same samples.
#pragma once
#include <limits>

#include "quant/quantize_graph.h"
#include "verify/calibration.h"

namespace atl {

/// One value, over all samples.
struct ValueDamage {
  Value value;        ///< of the float graph
  Type type;          ///< of the integer graph's value
  double signal = 0;  ///< sum of squares of the float values
  double noise = 0;   ///< sum of squares of the differences
  double max_error = 0;
  double snr_sum = 0;  ///< of the SNR of each sample, in dB
  size_t samples = 0;
  uint64_t count = 0, saturated = 0;  ///< values; those at an end of the integers that the float value lies beyond
  int32_t lowest = std::numeric_limits<int32_t>::max(), highest = std::numeric_limits<int32_t>::min();  ///< integers reached
  /// Over all samples together.
  double snr_db() const;
  /// Mean of the samples' own SNR.
  double mean_snr_db() const { return samples ? snr_sum / double(samples) : 0; }
  double saturated_share() const { return count ? double(saturated) / double(count) : 0; }
  /// Share of the integers' range that was reached.
  double used_share() const;
};

struct DamageReport {
  std::vector<ValueDamage> outputs;  ///< by graph output, as the file gives them
  std::vector<ValueDamage> values;   ///< in the order of the graph; empty when not asked for
};

struct DamageOptions {
  bool layers = true;  ///< else the outputs alone
  WrittenModelOptions run;
  std::function<void(size_t done, size_t total)> progress;
};

/// Runs both. Outputs of the integer graph may be float (dequantized) or integers. E: of the samples; LiteRT's.
Result<DamageReport> measure_damage(const Graph& g, const QuantizedGraph& quantized, const SampleSource& samples,
                                    std::span<const size_t> which, const std::shared_ptr<const LiteRtLibrary>& library,
                                    const DamageOptions& options = {});

}  // namespace atl
