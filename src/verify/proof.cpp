#include "verify/proof.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "verify/evaluate.h"
#include "verify/random_inputs.h"

namespace atl {
namespace {

using Clock = std::chrono::steady_clock;

// A change between two inputs that agrees this well needs no second look; nor does an error this far below the output itself.
constexpr double kMinChangeSnr = 20;
constexpr double kNegligible = 1e-6;
// Better outputs are never questioned: LiteRT's rounding leaves 87 dB in the worst of the 27 reference networks.
constexpr double kUnquestionedSnr = 80;
// How far beyond the difference of two sets of kernels an error may lie and still be called rounding.
constexpr double kRoundingFactor = 10;
// Rounding of one float32 addition, where both sets of kernels give the same bits.
constexpr double kFloatRounding = 1e-7;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// By output: whether it was computed from floating point values (an integer then may differ where rounding decides a tie).
std::vector<bool> outputs_from_floats(const Graph& g) {
  std::vector<bool> from(g.size(), false);
  for (uint32_t id : g.topological_order()) {
    const Node& n = g[id];
    if (n.constant) continue;
    for (const Type& t : n.out) from[id] = from[id] || is_float(t.dtype);
    for (Value v : n.in)
      if (v.valid()) from[id] = from[id] || from[v.node];
  }
  std::vector<bool> out;
  for (const Port& p : g.outputs()) out.push_back(from[p.value.node]);
  return out;
}

struct PlannedInput {
  bool sample = false;
  uint64_t seed = 0;
};

class Prover {
 public:
  Prover(const ProofSubject& subject, std::shared_ptr<const LiteRtLibrary> library, const ProofOptions& options)
      : subject_(subject), library_(std::move(library)), options_(options), start_(Clock::now()) {}
  Result<Proof> run();

 private:
  // The values of one input that was compared.
  struct Run {
    Tensors inputs, source, file;
  };
  enum class Next { kGoOn, kStop };

  void plan();
  Result<bool> load();
  Result<Next> run_input(size_t index);
  Result<Next> skip(const PlannedInput& planned, Error why);
  Next out_of_budget(const Tensors& inputs);
  Result<Tensors> inputs_of(const PlannedInput& planned) const;
  bool compare_outputs(const Run& run, InputCheck& check);
  Status check_changes();
  Result<std::vector<double>> rounding_of(const Run& run);
  void question_errors(const Run& run, InputCheck& check);
  // A caller who allows more than rounding (a quantized file) is not asked where errors come from.
  bool only_rounding_is_allowed() const { return options_.tolerance.min_snr_db >= Tolerance{}.min_snr_db; }
  void conclude();
  void search(const Run& run);
  bool has_states() const { return !subject_.source->states().empty(); }
  // The outputs that a caller sees; states are the last ones.
  size_t visible_outputs() const { return subject_.source->outputs().size() - subject_.source->states().size(); }
  void put_states(Tensors& inputs) const;
  Clock::time_point budget_end() const {
    return start_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options_.budget_seconds));
  }
  Next stop(Outcome outcome, std::string reason) {
    proof_.outcome = outcome;
    proof_.reason = std::move(reason);
    stopped_ = true;
    return Next::kStop;
  }

  const ProofSubject& subject_;
  std::shared_ptr<const LiteRtLibrary> library_;
  const ProofOptions& options_;
  Clock::time_point start_;
  Proof proof_;
  bool stopped_ = false;
  std::optional<WrittenModel> model_, other_kernels_;
  std::vector<PlannedInput> planned_;
  std::vector<bool> from_floats_;
  std::vector<Run> runs_;  // at most the first two
  Tensors states_;         // before the next run, by the source
};

// Runs follow one another from the states' first values on: a run's states are what the one before left.
void Prover::put_states(Tensors& inputs) const {
  for (size_t i = 0; i < states_.size(); ++i) inputs[subject_.source->states()[i].input] = states_[i];
}

void Prover::plan() {
  const auto& ports = subject_.source->inputs();
  bool complete = subject_.samples.size() == ports.size();
  for (size_t i = 0; complete && i < ports.size(); ++i) {
    if (!subject_.samples[i]) {
      complete = false;
      continue;
    }
    const Type &type = subject_.source->type(ports[i].value), &given = subject_.samples[i]->type();
    if (type.shape == given.shape && type.dtype == given.dtype) continue;
    proof_.notes.push_back(
        fmt::format("the stored input '{}' is {}, not {}", ports[i].name, to_string(given), to_string(type)));
    complete = false;
  }
  if (complete) planned_.push_back({true, 0});
  // A graph without inputs gives the same outputs on every run.
  for (int i = 0; i < options_.random_inputs && !(ports.size() == subject_.source->states().size() && complete); ++i)
    planned_.push_back({false, options_.seed + uint64_t(i)});
  // What one run leaves is seen by the next; those runs are kept, so that they can be repeated.
  if (has_states()) {
    for (uint64_t k = 0; planned_.size() < 2; ++k) planned_.push_back({false, options_.seed + 1000 + k});
    planned_.resize(2);
  }
  proof_.planned_inputs = planned_.size();
}

// Opens the file; false when LiteRT does not run it, which is a failed proof.
Result<bool> Prover::load() {
  WrittenModelOptions run;
  run.threads = options_.threads;
  run.signature = options_.signature;
  auto model = WrittenModel::load(library_, subject_.file, *subject_.source, subject_.layouts, run);
  if (model) {
    model_.emplace(*std::move(model));
    return true;
  }
  const Code code = model.error().code;
  if (code != Code::kRuntimeFailure && code != Code::kInput && code != Code::kUnsupportedType) return std::move(model.error());
  stop(Outcome::kFailed, model.error().what);
  return false;
}

Result<Tensors> Prover::inputs_of(const PlannedInput& planned) const {
  if (!planned.sample) return random_inputs(*subject_.source, subject_.samples, planned.seed);
  Tensors out;
  for (const auto& t : subject_.samples) out.push_back(*t);
  return out;
}

bool Prover::compare_outputs(const Run& run, InputCheck& check) {
  for (size_t i = 0; i < run.source.size(); ++i)
    check.outputs.push_back({subject_.source->outputs()[i].name, run.source[i].type(),
                             compare(run.source[i], run.file[i], options_.tolerance, from_floats_[i])});
  question_errors(run, check);
  for (const OutputCheck& o : check.outputs)
    if (!o.comparison.passed) {
      proof_.reason = fmt::format("output '{}': {}", o.name, o.comparison.reason);
      return false;
    }
  return true;
}

// An input on which the source cannot be evaluated.
Result<Prover::Next> Prover::skip(const PlannedInput& planned, Error why) {
  if (why.is_bug()) return why;
  if (has_states()) return stop(Outcome::kUnproven, "an input cannot be evaluated: " + why.what);
  if (planned.sample) return stop(Outcome::kUnproven, "the stored input cannot be evaluated: " + why.what);
  proof_.notes.push_back(fmt::format("random input {} was left out: {}", planned.seed, why.what));
  return Next::kGoOn;
}

// The budget ended while the source was evaluated. Where no input was compared, the file is at least run, unless it may not
// end.
Prover::Next Prover::out_of_budget(const Tensors& inputs) {
  const auto runs_graphs = [&](uint32_t id) { return def_of(*(*subject_.source)[id].op).graphs != nullptr; };
  if (proof_.inputs.empty() && std::ranges::none_of(subject_.source->topological_order(), runs_graphs))
    if (const auto file = model_->run(inputs); !file) return stop(Outcome::kFailed, file.error().what);
  return stop(Outcome::kPartial, {});
}

Result<Prover::Next> Prover::run_input(size_t index) {
  const PlannedInput& planned = planned_[index];
  InputCheck check;
  check.sample = planned.sample;
  check.seed = planned.seed;
  Run run;
  TRY(run.inputs, inputs_of(planned));
  put_states(run.inputs);
  EvaluateOptions evaluation;
  evaluation.deadline = budget_end();
  if (options_.progress)
    evaluation.observer = [&](const EvaluatedNode& n) {
      options_.progress(index, planned_.size(), (double(index) + n.share) / double(planned_.size()));
      return true;
    };
  // The source goes first: a loop that does not end on these inputs would hold LiteRT for ever.
  const auto source_start = Clock::now();
  auto source = evaluate(*subject_.source, run.inputs, evaluation);
  check.source_seconds = seconds_since(source_start);
  if (!source) return skip(planned, std::move(source.error()));
  if (!source->complete) {
    proof_.evaluated_share = source->share;
    return out_of_budget(run.inputs);
  }
  const auto file_start = Clock::now();
  auto file = model_->run(run.inputs);
  if (!file && !planned.sample && !proof_.inputs.empty()) {
    // A division by zero of integers, an index outside: an error of this input, as torch raises one.
    proof_.notes.push_back(fmt::format("random input {} was left out: {}", planned.seed, file.error().what));
    return Next::kGoOn;
  }
  if (!file) return stop(Outcome::kFailed, file.error().what);
  run.file = *std::move(file);
  check.file_seconds = seconds_since(file_start);
  run.source = std::move(source->outputs);
  for (size_t i = 0; i < states_.size(); ++i) states_[i] = run.source[subject_.source->states()[i].output];
  run.source.resize(visible_outputs());
  const bool passed = compare_outputs(run, check);
  proof_.inputs.push_back(std::move(check));
  if (!passed) {
    const std::string reason = proof_.reason;
    stop(Outcome::kFailed, reason);
    search(run);
    return Next::kStop;
  }
  if (runs_.size() < 2) runs_.push_back(std::move(run));
  return Next::kGoOn;
}

// The root mean square difference of each output between LiteRT's two sets of kernels.
Result<std::vector<double>> Prover::rounding_of(const Run& run) {
  if (!other_kernels_ || has_states()) {
    WrittenModelOptions options;
    options.threads = options_.threads;
    options.signature = options_.signature;
    options.kernel_mode = KernelMode::kBuiltin;
    TRY(WrittenModel other, WrittenModel::load(library_, subject_.file, *subject_.source, subject_.layouts, options));
    other_kernels_.emplace(std::move(other));
    if (has_states() && !runs_.empty() && &run != &runs_[0]) {
      TRY([[maybe_unused]] const Tensors before, other_kernels_->run(runs_[0].inputs));
    }
  }
  TRY(const Tensors outputs, other_kernels_->run(run.inputs));
  std::vector<double> rms;
  for (size_t i = 0; i < outputs.size(); ++i) rms.push_back(compare(run.file[i], outputs[i], options_.tolerance).rms_error());
  return rms;
}

bool explained(const Comparison& error, const Comparison& whole, double rounding_rms) {
  const double reference_rms = whole.finite > 0 ? std::sqrt(whole.signal / double(whole.finite)) : 0;
  return error.rms_error() <= kRoundingFactor * rounding_rms + kFloatRounding * reference_rms;
}

// Errors that pass but are larger than usual must be what rounding leaves in this network.
void Prover::question_errors(const Run& run, InputCheck& check) {
  const auto questionable = [&](const OutputCheck& o) {
    const Comparison& c = o.comparison;
    return c.passed && (o.type.dtype == DType::kF32 || o.type.dtype == DType::kF64) && c.snr_db() < kUnquestionedSnr &&
           c.max_error > options_.tolerance.max_relative_error * c.max_reference && c.max_reference > 0;
  };
  if (!only_rounding_is_allowed() || std::none_of(check.outputs.begin(), check.outputs.end(), questionable)) return;
  const auto rounding = rounding_of(run);
  if (!rounding) {
    proof_.notes.push_back("LiteRT's other kernels do not run the file: " + rounding.error().what);
    return;
  }
  for (size_t i = 0; i < check.outputs.size(); ++i) {
    OutputCheck& o = check.outputs[i];
    if (!questionable(o)) continue;
    o.rounding_rms = (*rounding)[i];
    if (explained(o.comparison, o.comparison, *o.rounding_rms)) continue;
    o.comparison.passed = false;
    o.comparison.reason = fmt::format("SNR {:.1f} dB, and the error is more than rounding explains", o.comparison.snr_db());
  }
}

Status Prover::check_changes() {
  if (stopped_ || runs_.size() < 2) return {};
  std::optional<std::vector<double>> rounding;
  for (size_t i = 0; i < visible_outputs(); ++i) {
    const Tensor &a = runs_[0].source[i], &b = runs_[1].source[i];
    if (!is_float(a.dtype())) continue;
    ChangeCheck check;
    check.name = subject_.source->outputs()[i].name;
    check.comparison = compare_change(a, b, runs_[0].file[i], runs_[1].file[i]);
    const Comparison &c = check.comparison, &whole = proof_.inputs.front().outputs[i].comparison;
    if (only_rounding_is_allowed() && c.snr_db() < kMinChangeSnr && c.max_error > kNegligible * whole.max_reference) {
      if (!rounding) {
        auto first = rounding_of(runs_[0]), second = rounding_of(runs_[1]);
        if (!first || !second) {
          proof_.notes.push_back("LiteRT's other kernels do not run the file: " + (first ? second : first).error().what);
          return {};
        }
        rounding = *std::move(first);
        for (size_t k = 0; k < rounding->size(); ++k) (*rounding)[k] = std::max((*rounding)[k], (*second)[k]);
      }
      check.rounding_rms = (*rounding)[i];
      check.passed = explained(c, whole, check.rounding_rms);
    }
    if (!check.passed && !stopped_)
      stop(Outcome::kFailed,
           fmt::format("output '{}': the part that depends on the input departs (SNR of the change {:.1f} dB)", check.name,
                       c.snr_db()));
    proof_.changes.push_back(std::move(check));
  }
  if (stopped_) search(runs_[1]);
  return {};
}

void Prover::search(const Run& run) {
  if (has_states()) {
    proof_.search_problem = "layers of a program with states are not compared";
    return;
  }
  if (!subject_.written) {
    proof_.search_problem = "the written graph is not at hand";
    return;
  }
  DepartureSearch s{.source = *subject_.source,
                    .written = *subject_.written,
                    .file = subject_.file,
                    .layouts = subject_.layouts,
                    .inputs = run.inputs,
                    .source_outputs = run.source,
                    .passes = subject_.passes,
                    .tolerance = options_.tolerance};
  s.run.threads = options_.threads;
  s.run.signature = options_.signature;
  s.deadline =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options_.search_seconds));
  auto found = find_departure(s, library_);
  if (!found) {
    proof_.search_problem = found.error().what;
    return;
  }
  proof_.departure = *std::move(found);
  if (!proof_.departure) proof_.search_problem = fmt::format("no layer was found within {:.0f} s", options_.search_seconds);
}

void Prover::conclude() {
  const size_t done = proof_.inputs.size();
  if (stopped_ && proof_.outcome != Outcome::kPartial) return;
  if (done == 0) {
    proof_.outcome = Outcome::kUnproven;
    if (stopped_)
      proof_.reason = fmt::format("the budget of {:.3g} s ended at {:.0f} % of the first input", options_.budget_seconds,
                                  100 * proof_.evaluated_share);
    else
      proof_.reason = planned_.empty() ? "there is no input to run" : "no input could be evaluated";
    return;
  }
  for (size_t i = 0; i < proof_.inputs[0].outputs.size(); ++i) {
    const OutputCheck& first = proof_.inputs[0].outputs[i];
    const bool seen = std::any_of(proof_.inputs.begin(), proof_.inputs.end(),
                                  [&](const InputCheck& c) { return c.outputs[i].comparison.finite > 0; });
    if (seen || first.comparison.elements == 0) continue;
    proof_.outcome = Outcome::kUnproven;
    proof_.reason = fmt::format("output '{}' is NaN or infinite throughout on every input", first.name);
    return;
  }
  if (stopped_) {
    proof_.reason =
        fmt::format("the budget of {:.3g} s ended after {} of {} inputs", options_.budget_seconds, done, proof_.planned_inputs);
    return;
  }
  proof_.outcome = Outcome::kProven;
}

Result<Proof> Prover::run() {
  proof_.tolerance = options_.tolerance;
  proof_.seed = options_.seed;
  plan();
  if (!library_) {
    stop(Outcome::kUnproven, "LiteRT is not at hand");
    return std::move(proof_);
  }
  for (const Port& port : subject_.source->inputs()) {
    const Type& type = subject_.source->type(port.value);
    if (element_count(type.shape) != 0) continue;
    stop(Outcome::kUnproven,
         fmt::format("input '{}' ({}) has no elements, which LiteRT's runtime does not take", port.name, to_string(type)));
    return std::move(proof_);
  }
  proof_.runtime =
      fmt::format("LiteRT {}", library_->version().empty() ? kLiteRtVersion : std::string_view(library_->version()));
  from_floats_ = outputs_from_floats(*subject_.source);
  for (const State& state : subject_.source->states()) {
    TRY(Tensor t, state.initial->materialize());
    states_.push_back(std::move(t));
  }
  TRY(const bool loaded, load());
  for (size_t i = 0; loaded && i < planned_.size(); ++i) {
    // Another input is only begun when it will be finished.
    if (!proof_.inputs.empty()) {
      const InputCheck& last = proof_.inputs.back();
      if (seconds_since(start_) + last.source_seconds + last.file_seconds > options_.budget_seconds) {
        stop(Outcome::kPartial, {});
        break;
      }
    }
    TRY(const Next next, run_input(i));
    if (next == Next::kStop) break;
  }
  TRY_STATUS(check_changes());
  conclude();
  proof_.seconds = seconds_since(start_);
  return std::move(proof_);
}

}  // namespace

std::string_view name(Outcome outcome) {
  constexpr std::string_view kNames[] = {"proven", "failed", "partial", "unproven"};
  return kNames[size_t(outcome)];
}

bool InputCheck::passed() const {
  return std::all_of(outputs.begin(), outputs.end(), [](const OutputCheck& o) { return o.comparison.passed; });
}

std::optional<double> Proof::worst_snr_db() const {
  std::optional<double> worst;
  for (const InputCheck& i : inputs)
    for (const OutputCheck& o : i.outputs)
      if (is_float(o.type.dtype) && o.comparison.finite > 0)
        worst = std::min(worst.value_or(std::numeric_limits<double>::infinity()), o.comparison.snr_db());
  return worst;
}

double Proof::max_error() const {
  double m = 0;
  for (const InputCheck& i : inputs)
    for (const OutputCheck& o : i.outputs) m = std::max(m, o.comparison.max_error);
  return m;
}

Result<Proof> prove(const ProofSubject& subject, std::shared_ptr<const LiteRtLibrary> library, const ProofOptions& options) {
  if (!subject.source) return error(Code::kInternal, "a proof without a source graph");
  return Prover(subject, std::move(library), options).run();
}

}  // namespace atl
