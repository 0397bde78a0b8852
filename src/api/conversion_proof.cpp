#include "api/conversion_proof.h"

#include <algorithm>
#include <cmath>

#include "verify/proof.h"

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

/// One proof: of an entry point with fixed sizes, or of an open one at some sizes.
struct ConversionProof {
  const ImportedProgram& imported;
  const Graph* written;  ///< null for one that was written with open axes: a failure then names no layer
  const std::string& file;
  const InterfaceLayouts& layouts;
  const PipelineOptions& passes;
  const std::string& signature;
  double seconds;  ///< that the proof may take
};

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
  s.written = subject.written;
  s.passes = subject.written ? &subject.passes : nullptr;
  ProofOptions o;
  o.budget_seconds = subject.seconds;
  o.signature = subject.signature;
  o.seed = options.seed;
  o.threads = options.threads;
  o.progress = [&](size_t input, size_t inputs, double share) {
    if (options.progress) options.progress(fmt::format("proof {}/{}", input + 1, inputs), share, 1);
  };
  TRY(const Proof proof, prove(s, *library, o));
  if (proof.outcome == Outcome::kFailed) return failure(proof);
  return report_of(proof);
}

void add_proof(ProofReport& whole, const ProofReport& part) {
  using Verdict = ProofReport::Verdict;
  // From best to worst: what was not run at all is worse than what was run in part.
  const auto rank = [](Verdict v) {
    return v == Verdict::kProven ? 0 : v == Verdict::kPartial ? 1 : v == Verdict::kNotRun ? 2 : 3;
  };
  if (rank(part.verdict) > rank(whole.verdict)) {
    whole.verdict = part.verdict == Verdict::kNotRun && whole.inputs_compared > 0 ? Verdict::kPartial : part.verdict;
    whole.reason = part.reason;
  }
  whole.inputs_compared += part.inputs_compared;
  whole.seconds += part.seconds;
  for (const OutputProof& o : part.outputs) {
    const auto same =
        std::find_if(whole.outputs.begin(), whole.outputs.end(), [&](const OutputProof& w) { return w.name == o.name; });
    if (same == whole.outputs.end()) {
      whole.outputs.push_back(o);
      continue;
    }
    same->snr_db = std::min(same->snr_db, o.snr_db);
    same->max_error = std::max(same->max_error, o.max_error);
    same->passed = same->passed && o.passed;
  }
}

// The sizes of a check in words: "s77 = 5".
std::string text_of(const SizeValues& sizes) {
  std::string out;
  for (const auto& [name, value] : sizes) out += fmt::format("{}{} = {}", out.empty() ? "" : ", ", name, value);
  return out;
}

// Proves every entry point, one with open sizes at several.
class FileProof {
 public:
  FileProof(const SourceProgram& program, const std::string& file, const PipelineOptions& passes, const ConvertOptions& options,
            ConvertReport& report)
      : program_(program), file_(file), passes_(passes), options_(options), report_(report) {}

  Status run(const std::deque<EntryPoint>& entries) {
    size_t parts = 0;
    for (const EntryPoint& e : entries) parts += std::max<size_t>(1, e.checks.size());
    seconds_ = options_.verify_seconds / double(parts);
    for (const EntryPoint& e : entries) {
      if (e.plan.open.empty()) {
        TRY_STATUS(add(e, e.imported, &e.graph));
        continue;
      }
      for (const SizeValues& sizes : e.checks) TRY_STATUS(check_at(e, sizes));
    }
    return {};
  }

 private:
  Status check_at(const EntryPoint& e, const SizeValues& sizes) {
    auto imported = import_at(program_, sizes);
    if (!imported) {
      // torch says which sizes are allowed; where a window does not fit a small size, it is not asked.
      report_.warnings.push_back(fmt::format("not compared at {}: {}", text_of(sizes), imported.error().what));
      return {};
    }
    auto status = add(e, *imported, nullptr);
    if (!status) {
      status.error().trail.push_back(fmt::format("at the sizes {}", text_of(sizes)));
      status.error().hint = "fix the open sizes: " + shape_option(program_, e.plan);
    }
    return status;
  }

  Status add(const EntryPoint& e, const ImportedProgram& imported, const Graph* written) {
    TRY(const ProofReport part,
        prove_conversion({imported, written, file_, e.layouts, passes_, e.plan.key, seconds_}, options_));
    if (first_)
      report_.proof = part;
    else
      add_proof(report_.proof, part);
    first_ = false;
    return {};
  }

  const SourceProgram& program_;
  const std::string& file_;
  const PipelineOptions& passes_;
  const ConvertOptions& options_;
  ConvertReport& report_;
  double seconds_ = 0;
  bool first_ = true;
};

}  // namespace

Status prove_file(const SourceProgram& program, const std::deque<EntryPoint>& entries, const std::string& file,
                  const PipelineOptions& passes, const ConvertOptions& options, ConvertReport& report) {
  return FileProof(program, file, passes, options, report).run(entries);
}

}  // namespace atl
