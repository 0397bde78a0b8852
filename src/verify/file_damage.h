// A quantized file beside the float model it was made from, layer by layer, on samples: for files that exist already.
#pragma once
#include "verify/quantization_damage.h"

namespace atl {

/// A layer of both, found by the name of its tensor and its operator.
struct FileLayer {
  Value value;  ///< of the float graph
  Type type;    ///< in the file
  double snr_db = 0;
  double saturated = 0;  ///< share of values clipped at an end of the integers
  double used = 1;       ///< share of the integers' range that was reached
};

struct FileDamage {
  std::vector<ValueDamage> outputs;  ///< by output of the float graph
  std::vector<FileLayer> layers;     ///< in the order of the graph
  size_t unmatched = 0;              ///< float layers without one in the file (joined with others, or named otherwise)
};

/// Runs both in LiteRT. A layer's values are compared up to a factor for each channel, which equalization may have put there;
/// outputs are compared as they are. E: kInput when the file takes or gives other tensors; of the samples; LiteRT's.
Result<FileDamage> measure_file_damage(const Graph& g, const WrittenFileSource& file, const SampleSource& samples,
                                       std::span<const size_t> which, const std::shared_ptr<const LiteRtLibrary>& library,
                                       const DamageOptions& options = {});

}  // namespace atl
