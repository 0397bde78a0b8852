#include "api/conversion_proof.h"

#include <algorithm>
#include <cmath>

namespace atl {
namespace {

// What a report shows for "no difference at all".
constexpr double kEqualSnr = 999;

ProofReport report_of(const Proof& proof) {
  ProofReport r;
  switch (proof.outcome) {
    case Outcome::kProven:
      r.verdict = ProofReport::Verdict::kProven;
      break;
    case Outcome::kPartial:
      r.verdict = ProofReport::Verdict::kPartial;
      break;
    case Outcome::kFailed:
      r.verdict = ProofReport::Verdict::kFailed;
      break;
    case Outcome::kUnproven:
      r.verdict = ProofReport::Verdict::kNotRun;
      break;
  }
  r.reason = proof.reason;
  r.seconds = proof.seconds;
  r.inputs_compared = int(proof.inputs.size());
  for (const InputCheck& input : proof.inputs)
    for (size_t i = 0; i < input.outputs.size(); ++i) {
      const OutputCheck& check = input.outputs[i];
      if (i >= r.outputs.size()) r.outputs.push_back({check.name, kEqualSnr, 0, true});
      OutputProof& o = r.outputs[i];
      const double snr = check.comparison.differing == 0 ? kEqualSnr : check.comparison.snr_db();
      o.snr_db = std::min(o.snr_db, std::isnan(snr) ? -kEqualSnr : std::clamp(snr, -kEqualSnr, kEqualSnr));
      o.max_error = std::max(o.max_error, check.comparison.max_error);
      o.passed = o.passed && check.comparison.passed;
    }
  return r;
}

Error failure(const Proof& proof) {
  Error e = error(Code::kProofFailed, "the written file does not compute what the source does: " + proof.reason,
                  "--no-verify writes it all the same; please report the model");
  for (const InputCheck& input : proof.inputs)
    for (const OutputCheck& o : input.outputs)
      if (!o.comparison.passed)
        e.trail.push_back(fmt::format("output '{}': SNR {:.1f} dB, largest error {:.3g}", o.name, o.comparison.snr_db(),
                                      o.comparison.max_error));
  if (proof.departure) {
    const Departure& d = *proof.departure;
    e.origin = d.origin;
    e.trail.push_back(fmt::format("first layer that departs ({}{}{}): {}  SNR {:.1f} dB", name(d.cause),
                                  d.pass.empty() ? "" : " ", d.pass, d.op, d.comparison.snr_db()));
  } else if (!proof.search_problem.empty()) {
    e.trail.push_back("the departing layer was not found: " + proof.search_problem);
  }
  return e;
}

}  // namespace

Result<ProofReport> prove_conversion(const ConversionProof& subject, const ConvertOptions& options) {
  auto library = LiteRtLibrary::find(options.litert);
  if (!library) {
    ProofReport r;
    r.reason = library.error().what + (library.error().hint.empty() ? "" : " (" + library.error().hint + ")");
    return r;
  }
  ProofSubject s;
  s.source = &subject.imported.graph;
  s.samples = subject.imported.samples;
  s.file.path = subject.file;
  s.layouts = subject.layouts;
  s.written = &subject.written;
  s.passes = &subject.passes;
  ProofOptions o;
  o.budget_seconds = options.verify_seconds;
  o.seed = options.seed;
  o.threads = options.threads;
  o.progress = [&](size_t input, size_t inputs, double share) {
    if (options.progress) options.progress(fmt::format("proof {}/{}", input + 1, inputs), share, 1);
  };
  TRY(const Proof proof, prove(s, *library, o));
  if (proof.outcome == Outcome::kFailed) return failure(proof);
  return report_of(proof);
}

}  // namespace atl
