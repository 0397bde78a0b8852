// Calibration: a float graph runs on samples, and what quantization needs to know of its values is kept.
#pragma once
#include <array>
#include <functional>
#include <memory>
#include <optional>

#include "quant/plan.h"
#include "verify/exposed_model.h"

namespace atl {

/// Samples by number: the arrays of one, one for each input of a graph in its order. E: of reading it.
class SampleSource {
 public:
  virtual ~SampleSource() = default;
  virtual size_t size() const = 0;
  virtual Result<std::vector<NdArray>> get(size_t index) const = 0;
};

struct CalibrateOptions {
  int threads = 0;  ///< of LiteRT
  std::function<void(size_t done, size_t total)> progress;
};

/// The float values of a graph whose statistics quantization may ask for.
std::vector<Value> float_values(const Graph& g);

/// The graph as a file in memory, as WrittenFileSource. E: write_tflite's.
Result<WrittenFileSource> written_in_memory(const Graph& g);

/// Which half sample k of n belongs to, 0 or 1. Neighbours tend to be alike (frames of a film, views of one scene) and folders
/// are sorted: four runs of neighbours belong to the halves in turns.
inline size_t half_of_sample(size_t k, size_t n) { return k * 4 / n % 2; }

/// Runs the samples `which` through LiteRT, or through the ops' own eval when `library` is null, and keeps apart what the
/// samples of each half gave. E: of the samples; LiteRT's; kInput without samples.
Result<std::array<Calibration, 2>> calibrate_halves(const Graph& g, const SampleSource& samples, std::span<const size_t> which,
                                                    std::shared_ptr<const LiteRtLibrary> library,
                                                    const CalibrateOptions& options = {});

/// The same, both together.
Result<Calibration> calibrate(const Graph& g, const SampleSource& samples, std::span<const size_t> which,
                              std::shared_ptr<const LiteRtLibrary> library, const CalibrateOptions& options = {});

}  // namespace atl
