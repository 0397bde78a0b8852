// States of a model over runs that follow one another.
#pragma once
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "verify/calibration.h"
#include "verify/written_model.h"

namespace atl {

/// What the states hold before each of the samples `which` (rising), by its number and in the order of their inputs, when all
/// samples from the first on run one after another, from the states' first values on. In `g` the states' ports are plain ones.
/// Samples that cannot be read are passed over. E: LiteRT's; the ops' own eval's when `library` is null.
Result<std::map<size_t, std::vector<NdArray>>> states_before(const Graph& g, std::span<const State> states,
                                                             const SampleSource& samples, std::span<const size_t> which,
                                                             const std::shared_ptr<const LiteRtLibrary>& library,
                                                             const WrittenModelOptions& options = {});

/// For each output that is no state, the SNR in dB of what `integers` gives against `g`, its float graph, both with states,
/// over all samples up to number `last`, which run one after another. E: LiteRT's.
Result<std::vector<double>> sequence_snr(const Graph& g, const Graph& integers, const SampleSource& samples, size_t last,
                                         const std::shared_ptr<const LiteRtLibrary>& library,
                                         const WrittenModelOptions& options = {});

}  // namespace atl
