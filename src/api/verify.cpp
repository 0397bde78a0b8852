#include "atoll/verify.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "api/inspection.h"
#include "api/metadata.h"
#include "api/rebuilt_source.h"
#include "api/verify_on_data.h"
#include "import/specialize.h"
#include "read/program.h"
#include "run/tensor_file.h"
#include "support/sha256.h"
#include "tflite/reader.h"
#include "verify/proof.h"
#include "verify/reference.h"

namespace atl {
namespace {

using Verdict = ProofReport::Verdict;

// What a report shows for "no difference at all".
constexpr double kEqualSnr = 999;
constexpr double kEvalBudget = 20, kTorchBudget = 600;

double shown_snr(const Comparison& c) {
  const double snr = c.differing == 0 ? kEqualSnr : c.snr_db();
  return std::isnan(snr) ? -kEqualSnr : std::clamp(snr, -kEqualSnr, kEqualSnr);
}

OutputProof proof_of(const OutputCheck& check) {
  return {check.name, shown_snr(check.comparison), check.comparison.max_error, check.comparison.passed};
}

Tolerance tolerance_of(const VerifyOptions& options) {
  Tolerance t;
  if (options.min_snr_db) {
    t.min_snr_db = *options.min_snr_db;
    t.max_relative_error = 0;  // what a person asks for is not softened
  }
  return t;
}

// The source, and what the file was written from.
struct Pair {
  SourceProgram program;
  RebuiltSource source;
};

const Graph& graph_of(const Model& model, const std::string& signature) {
  for (const Model::Signature& s : model.signatures)
    if (s.key == (signature.empty() ? "serving_default" : signature)) return model.graphs[s.graph];
  return model.graphs[model.signatures.empty() ? 0 : model.signatures[0].graph];
}

// Puts the arrays of a file in the place of the stored example.
Status read_given_inputs(const std::string& path, const Graph& g, std::vector<std::optional<Tensor>>& samples) {
  TRY(auto arrays, read_tensor_file(path));
  const size_t count = visible_ports(g, g.inputs()).size();
  if (arrays.size() == 1 && count == 1) arrays[0].name = g.inputs()[0].name;
  samples.resize(g.inputs().size());
  for (size_t i = 0; i < count; ++i) {
    const Port& port = g.inputs()[i];
    const Type& type = g.type(port.value);
    const auto at = std::ranges::find(arrays, port.name, &NamedArray::name);
    if (at == arrays.end())
      return error(Code::kInput, fmt::format("'{}' has no array '{}'", path, port.name),
                   fmt::format("the inputs: {}", interface_text(g)));
    const Tensor t = tensor_of(at->array);
    if (t.dtype() != type.dtype || t.shape() != type.shape)
      return error(Code::kInput,
                   fmt::format("input '{}' is {}, '{}' has {}", port.name, to_string(type), path, to_string(t.type())));
    samples[i] = t;
  }
  return {};
}

Error departure_error(const Departure& d) {
  Error e = error(Code::kProofFailed, fmt::format("{} ({}{}{}): SNR {:.1f} dB", d.op.empty() ? "a layer" : d.op, name(d.cause),
                                                  d.pass.empty() ? "" : " ", d.pass, shown_snr(d.comparison)));
  if (d.accumulated) e.what += "; many small errors add up, this is the largest";
  if (!d.tensor.empty()) e.trail.push_back(fmt::format("tensor '{}', operator {} of the file", d.tensor, d.operator_index));
  e.origin = d.origin;
  return e;
}

// The sizes that the arrays of a file have, where the model's are open.
Result<SizeValues> given_sizes(const std::string& path, const SourceProgram& program, const EntryPoint& entry) {
  TRY(auto arrays, read_tensor_file(path));
  const auto& inputs = entry.graph.inputs();
  if (arrays.size() == 1 && inputs.size() == 1) arrays[0].name = inputs[0].name;
  InputShapes shapes;
  for (const NamedArray& a : arrays)
    if (std::ranges::find(inputs, a.name, &Port::name) != inputs.end()) shapes.push_back({a.name, a.array.shape});
  TRY(SizeValues sizes, solve_sizes(program, shapes));
  for (const DynamicSize& s : entry.plan.open)
    if (!sizes.contains(s.symbol))
      return error(Code::kInput, fmt::format("'{}' does not tell the size of axis {} of input '{}'", path, s.axis, s.input),
                   fmt::format("the inputs: {}", interface_text(entry.graph)));
  return sizes;
}

std::string sizes_text(const SizeValues& sizes) {
  std::string out;
  for (const auto& [name, value] : sizes) out += fmt::format("{}{} = {}", out.empty() ? "" : ", ", name, value);
  return out;
}

Verdict verdict_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kProven:
      return Verdict::kProven;
    case Outcome::kPartial:
      return Verdict::kPartial;
    case Outcome::kFailed:
      return Verdict::kFailed;
    default:
      return Verdict::kNotRun;
  }
}

// One proof: of an entry point with fixed sizes, or of an open one at some sizes (`written` is null then).
Status verify_one(const Pair& pair, const ImportedProgram& imported, const Graph* written, const std::string& at,
                  const VerifyOptions& options, const std::shared_ptr<const LiteRtLibrary>& library, VerifyReport& report) {
  ProofSubject subject;
  subject.source = &imported.graph;
  subject.samples = imported.samples;
  subject.file.path = report.file;
  subject.layouts = pair.source.entry.layouts;
  subject.written = written;
  subject.passes = written ? &pair.source.passes : nullptr;
  ProofOptions o;
  o.random_inputs = options.random_inputs;
  o.budget_seconds = options.budget_seconds.value_or(kEvalBudget);
  o.threads = options.threads;
  o.seed = options.seed;
  o.tolerance = tolerance_of(options);
  o.signature = options.signature;
  if (options.progress)
    o.progress = [&](size_t input, size_t inputs, double share) {
      options.progress(fmt::format("proof {}/{}", input + 1, inputs), share, 1);
    };
  TRY(const Proof proof, prove(subject, library, o));
  const bool first = report.checks.empty() && report.reason.empty();
  const Verdict verdict = verdict_of(proof.outcome);
  if (first || report.verdict == Verdict::kProven || verdict == Verdict::kFailed) {
    report.verdict = verdict;
    report.reason = proof.reason;
  }
  report.reference = "eval";
  for (const InputCheck& input : proof.inputs) {
    const std::string label = !input.sample            ? fmt::format("random {}", input.seed)
                              : options.inputs.empty() ? "stored example"
                                                       : "given";
    for (const OutputCheck& o : input.outputs) report.checks.push_back({label + at, proof_of(o)});
  }
  if (proof.departure) report.departure = departure_error(*proof.departure);
  report.notes.insert(report.notes.end(), proof.notes.begin(), proof.notes.end());
  if (!proof.search_problem.empty()) report.notes.push_back("the departing layer was not found: " + proof.search_problem);
  return {};
}

Status verify_by_eval(const Pair& pair, const VerifyOptions& options, const std::shared_ptr<const LiteRtLibrary>& library,
                      VerifyReport& report) {
  const EntryPoint& e = pair.source.entry;
  if (e.plan.open.empty()) return verify_one(pair, e.imported, &e.graph, "", options, library, report);
  std::vector<SizeValues> checks = e.checks;
  if (!options.inputs.empty()) {
    TRY(const SizeValues given, given_sizes(options.inputs, pair.program, e));
    checks = {given};
  }
  for (const SizeValues& sizes : checks) {
    auto imported = import_at(pair.program, sizes);
    if (!imported) {
      report.notes.push_back(fmt::format("not compared at {}: {}", sizes_text(sizes), imported.error().what));
      continue;
    }
    if (!options.inputs.empty()) TRY_STATUS(read_given_inputs(options.inputs, imported->graph, imported->samples));
    TRY_STATUS(verify_one(pair, *imported, nullptr, fmt::format(" at {}", sizes_text(sizes)), options, library, report));
  }
  return {};
}

void report_layers(const ReferenceReport& torch, VerifyReport& report) {
  for (const LayerCheck& l : torch.layers) {
    LayerReport layer{l.value, l.origin.module_path, l.origin.source_op, {}, {}};
    if (l.source) layer.source_snr_db = shown_snr(*l.source);
    if (l.file) layer.file_snr_db = shown_snr(*l.file);
    report.layers.push_back(std::move(layer));
  }
  const auto departs = torch.source_departs ? torch.source_departs : torch.file_departs;
  if (!departs || *departs >= torch.layers.size()) return;
  const LayerCheck& layer = torch.layers[*departs];
  const auto& comparison = torch.source_departs ? layer.source : layer.file;
  Error e = error(Code::kProofFailed, fmt::format("'{}': {}, SNR {:.1f} dB", layer.value,
                                                  torch.source_departs ? "Atoll reads the operator in another way than torch"
                                                                       : "the file departs from torch",
                                                  comparison ? shown_snr(*comparison) : 0));
  e.origin = layer.origin;
  report.departure = std::move(e);
}

Status verify_by_torch(const Pair& pair, const VerifyOptions& options, std::shared_ptr<const LiteRtLibrary> library,
                       VerifyReport& report) {
  const EntryPoint& e = pair.source.entry;
  if (!e.graph.states().empty())
    return error(Code::kReference, "a program that keeps state between runs is not compared with torch",
                 "leave out --reference torch: Atoll's own evaluation follows the state");
  if (!e.plan.open.empty())
    return error(Code::kReference, "torch is compared with files of fixed sizes only, this one has open axes",
                 "--reference eval, or convert with --shape");
  WrittenFileSource file;
  file.path = report.file;
  SourceProgram fixed;
  if (has_open_sizes(pair.program)) {
    TRY(fixed, specialize(pair.program, e.plan.sizes));
  }
  const SourceProgram& program = has_open_sizes(pair.program) ? fixed : pair.program;
  const ReferenceSubject subject{program, e.imported.graph, e.imported.samples, e.graph, file, e.layouts};
  ReferenceOptions o;
  o.python = options.python;
  o.timeout_seconds = options.budget_seconds.value_or(kTorchBudget);
  o.seed = options.seed;
  o.threads = options.threads;
  o.signature = options.signature;
  o.tolerance = tolerance_of(options);
  if (options.progress) o.progress = [&](std::string_view step, double share) { options.progress(step, share, 1); };
  TRY(const ReferenceReport torch, compare_with_torch(subject, std::move(library), o));
  report.reference = "torch " + torch.torch_version;
  report.verdict = torch.passed ? Verdict::kProven : Verdict::kFailed;
  const std::string label = !torch.sample            ? fmt::format("random {}", options.seed)
                            : options.inputs.empty() ? "stored example"
                                                     : "given";
  for (const OutputCheck& c : torch.outputs) {
    report.checks.push_back({label, proof_of(c)});
    if (!c.comparison.passed && report.reason.empty())
      report.reason = fmt::format("output '{}': {}", c.name, c.comparison.reason);
  }
  report_layers(torch, report);
  report.notes.insert(report.notes.end(), torch.notes.begin(), torch.notes.end());
  return {};
}

// A file that names another source is compared all the same; its difference has a reason then.
void note_other_source(const Model& model, const std::string& digest, VerifyReport& report) {
  for (const auto& [key, text] : model.metadata) {
    if (key != kMetadataName) continue;
    const auto entry = parse_atoll_entry(text);
    if (entry && entry->source_sha256 != digest)
      report.notes.push_back("the file says that it was made from another source, or another state of this one");
  }
}

// Integers are never as close as a float file; a bound that fits them needs data.
void note_integers(const Graph& in_file, VerifyReport& report) {
  const auto integers = [&](const Port& p) { return in_file.type(p.value).quant.has_value(); };
  if (std::ranges::any_of(in_file.outputs(), integers) || std::ranges::any_of(in_file.inputs(), integers))
    report.notes.push_back(
        "the file has integers, which are not as close as a float file: --data FOLDER tells what each layer costs, and holds "
        "the outputs to --min-snr");
}

}  // namespace

Result<VerifyReport> verify(const std::string& source, const std::string& file, const VerifyOptions& options) {
  if (!options.data.empty()) return verify_on_data(source, file, options);
  const auto start = std::chrono::steady_clock::now();
  VerifyReport report;
  report.source = source;
  report.file = file;
  TRY(const auto source_file, MappedFile::open(source));
  TRY(const auto written_file, MappedFile::open(file));
  Pair pair;
  TRY(pair.program, read_program(source_file));
  TRY(const Model model, read_tflite(written_file));
  TRY(pair.source, rebuild_source(pair.program, graph_of(model, options.signature), source, file));
  report.layout = pair.source.layout;
  if (!options.inputs.empty() && pair.source.entry.plan.open.empty())
    TRY_STATUS(read_given_inputs(options.inputs, pair.source.entry.imported.graph, pair.source.entry.imported.samples));
  TRY(auto library, LiteRtLibrary::find(options.litert));
  TRY(const std::string digest, sha256(source_file->bytes()));
  note_other_source(model, digest, report);
  note_integers(graph_of(model, options.signature), report);
  if (options.reference == VerifyOptions::Reference::kTorch) {
    TRY_STATUS(verify_by_torch(pair, options, std::move(library), report));
  } else {
    TRY_STATUS(verify_by_eval(pair, options, library, report));
  }
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace atl
