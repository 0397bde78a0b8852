// What the words of QuantizeOptions stand for, and inputs where there is no data.
#pragma once
#include "atoll/quantize.h"
#include "quant/quantize_graph.h"
#include "quant/range_choice.h"
#include "run/nd_array.h"
#include "verify/calibration.h"

namespace atl {

/// The element type of inputs or outputs ("which", for the message). E: kUsage.
Result<InterfaceType> interface_type(const std::string& text, std::string_view which);
/// "auto" is the least mean square error, from which the choice starts. E: kUsage.
Result<RangeMethod> range_method(const std::string& text);

/// Made up inputs of a graph, for what needs no ranges. The graph must outlive it.
class RandomSamples : public SampleSource {
 public:
  RandomSamples(const Graph& g, uint64_t seed) : g_(g), seed_(seed) {}
  size_t size() const override { return kRandomSamples; }
  Result<std::vector<NdArray>> get(size_t index) const override;

 private:
  static constexpr size_t kRandomSamples = 4;
  const Graph& g_;
  const uint64_t seed_;
};

}  // namespace atl
