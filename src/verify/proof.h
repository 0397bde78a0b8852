// The proof that a written file computes what its source does: the imported graph by the ops' own eval against the file in
// LiteRT, on the inputs stored with the source and on seeded random ones. Nothing is printed; the outcome is data.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "verify/departure.h"

namespace atl {

enum class Outcome {
  kProven,    ///< all inputs were run and all outputs agree
  kFailed,    ///< an output departs, or LiteRT does not run the file
  kPartial,   ///< the outputs agree as far as the budget went, which is at least one input
  kUnproven,  ///< nothing was compared; `reason` says why
};
/// "proven", "failed", "partial", "unproven".
std::string_view name(Outcome outcome);

struct ProofOptions {
  int random_inputs = 1;       ///< besides the stored one
  double budget_seconds = 10;  ///< for evaluating inputs; a layer that has begun is finished
  double search_seconds = 60;  ///< for finding the layer that departs, after a failure
  int threads = 0;             ///< of LiteRT; 0 takes its default
  uint64_t seed = 1;
  Tolerance tolerance;
  std::string signature;  ///< the file's; empty: the only one, or "serving_default"
  /// Called while the source is evaluated: which of how many inputs, and the share of the whole work that is done (0 to 1).
  std::function<void(size_t input, size_t inputs, double share)> progress;
};

/// What is to be proven. Pointers must outlive the call.
struct ProofSubject {
  const Graph* source = nullptr;               ///< as imported, before the passes
  std::vector<std::optional<Tensor>> samples;  ///< an entry for each input; no stored input is run unless all are there
  WrittenFileSource file;
  InterfaceLayouts layouts;
  const Graph* written = nullptr;           ///< after the passes; without it a failure names no layer
  const PipelineOptions* passes = nullptr;  ///< those that made `written`; without it a failure names no pass
};

/// One output on one input.
struct OutputCheck {
  std::string name;
  Type type;
  Comparison comparison;
  /// Root mean square difference between LiteRT's two sets of kernels, where the error was large enough to ask for it.
  std::optional<double> rounding_rms;
};

/// One input.
struct InputCheck {
  bool sample = false;  ///< stored with the source; else random
  uint64_t seed = 0;    ///< of a random one
  std::vector<OutputCheck> outputs;
  double source_seconds = 0, file_seconds = 0;
  bool passed() const;
};

/// How an output's change between the first two inputs agrees. An output that hardly depends on the input would hide an error
/// in the part that does: the change may depart only as far as rounding explains, which is measured by running the file on
/// LiteRT's other kernels.
struct ChangeCheck {
  std::string name;
  Comparison comparison;
  double rounding_rms = 0;  ///< difference of LiteRT's two sets of kernels; 0 when it was not needed
  bool passed = true;
};

struct Proof {
  Outcome outcome = Outcome::kUnproven;
  std::string reason;  ///< of every outcome but kProven, one sentence
  std::vector<InputCheck> inputs;
  std::vector<ChangeCheck> changes;
  std::optional<Departure> departure;
  std::string search_problem;  ///< why no departing layer is named after a failure
  size_t planned_inputs = 0;
  std::vector<std::string> notes;  ///< inputs that were left out, and why
  double evaluated_share = 0;      ///< of the input at which the budget ended
  Tolerance tolerance;
  uint64_t seed = 0;
  std::string runtime;  ///< "LiteRT 2.3.0"
  double seconds = 0;

  /// The smallest SNR of any floating point output, in dB; infinite when all are equal, nullopt without one.
  std::optional<double> worst_snr_db() const;
  /// The largest absolute error of any output.
  double max_error() const;
};

/// Proves. A source with states is run twice in a row, from their first values on. A null library gives kUnproven. A failed
/// proof is not an error. Beyond the tolerance, f32 outputs below 80 dB must not depart further than rounding explains: ten
/// times what LiteRT's own two sets of kernels differ by. That and ChangeCheck are left out when the tolerance asks for less
/// than 60 dB. E: kFileMissing, kTflite for a file that cannot be read; kInternal.
Result<Proof> prove(const ProofSubject& subject, std::shared_ptr<const LiteRtLibrary> library,
                    const ProofOptions& options = {});

}  // namespace atl
