// How a conversion's report is shown.
#include "atoll/place.h"
#include "placement.h"
#include "quantization.h"
#include "terminal.h"

namespace atl::cli {
namespace {

nlohmann::ordered_json ports_json(const std::vector<PortReport>& ports) {
  auto list = nlohmann::ordered_json::array();
  for (const PortReport& p : ports) {
    nlohmann::ordered_json j{{"name", p.name}, {"type", p.type}};
    if (!p.permutation.empty()) j["axes"] = p.permutation;
    list.push_back(std::move(j));
  }
  return list;
}

nlohmann::ordered_json proof_json(const ProofReport& proof) {
  nlohmann::ordered_json j{{"verdict", name(proof.verdict)}};
  if (!proof.reason.empty()) j["reason"] = proof.reason;
  j["inputs"] = proof.inputs_compared;
  j["seconds"] = proof.seconds;
  j["outputs"] = nlohmann::ordered_json::array();
  for (const OutputProof& o : proof.outputs)
    j["outputs"].push_back({{"name", o.name}, {"snr_db", o.snr_db}, {"max_error", o.max_error}, {"passed", o.passed}});
  return j;
}

}  // namespace

nlohmann::ordered_json conversion_json(const ConvertReport& r) {
  nlohmann::ordered_json j{{"source", r.source},
                           {"output", r.destination},
                           {"source_bytes", r.source_bytes},
                           {"bytes", r.bytes},
                           {"constant_bytes", r.constant_bytes},
                           {"inputs", ports_json(r.inputs)},
                           {"outputs", ports_json(r.outputs)},
                           {"states", ports_json(r.states)},
                           {"op_count", r.op_count}};
  j["signatures"] = nlohmann::ordered_json::array();
  for (const ConvertedSignature& s : r.signatures)
    j["signatures"].push_back(
        {{"key", s.key}, {"inputs", ports_json(s.inputs)}, {"outputs", ports_json(s.outputs)}, {"open_sizes", s.open_sizes}});
  j["ops"] = nlohmann::ordered_json::object();
  for (const auto& [op, count] : r.ops) j["ops"][op] = count;
  j["proof"] = proof_json(r.proof);
  if (!r.tail.empty()) {
    j["tail"] = {{"file", r.tail}, {"bytes", r.tail_bytes}, {"ops", nlohmann::ordered_json::object()}};
    for (const auto& [op, count] : r.tail_ops) j["tail"]["ops"][op] = count;
  }
  if (!r.adaptations.empty()) {
    j["adaptations"] = nlohmann::ordered_json::array();
    for (const AdaptedLayer& a : r.adaptations) {
      nlohmann::ordered_json o{{"module", a.module}, {"before", a.before}, {"after", a.after}};
      if (!a.file.empty()) o["file"] = a.file, o["line"] = a.line;
      if (a.largest_error) o["largest_error"] = *a.largest_error;
      j["adaptations"].push_back(std::move(o));
    }
  }
  if (r.quantization) j["quantization"] = quantization_json(*r.quantization);
  if (!r.warnings.empty()) j["warnings"] = r.warnings;
  j["seconds"] = r.seconds;
  return j;
}

namespace {

void print_proof(const ProofReport& proof) {
  using Verdict = ProofReport::Verdict;
  if (proof.verdict == Verdict::kNotRun) {
    fmt::print("  {}: {}\n", styled("not proven", Style::kYellow, stdout), proof.reason);
    return;
  }
  const auto style = proof.verdict == Verdict::kFailed    ? Style::kRed
                     : proof.verdict == Verdict::kPartial ? Style::kYellow
                                                          : Style::kGreen;
  fmt::print("  {} on {} set{} of inputs in {}{}\n", styled(name(proof.verdict), style, stdout), proof.inputs_compared,
             proof.inputs_compared == 1 ? "" : "s", human_seconds(proof.seconds),
             proof.reason.empty() ? "" : ": " + proof.reason);
  for (const OutputProof& o : proof.outputs) {
    const std::string snr = o.snr_db >= 999 ? "equal" : fmt::format("{:.1f} dB", o.snr_db);
    fmt::print("    {:<24} SNR {:>9}   largest error {:.2g}\n", o.name, snr, o.max_error);
  }
}

std::string counts(const std::map<std::string, size_t>& ops) {
  std::string out;
  for (const auto& [op, count] : ops) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count, op);
  return out;
}

}  // namespace

void print_conversion(const ConvertReport& r, bool layers) {
  fmt::print("{} -> {}\n", r.source, styled(r.destination, Style::kBold, stdout));
  for (const ConvertedSignature& s : r.signatures) {
    if (r.signatures.size() > 1) fmt::print("  signature {}\n", s.key);
    for (const PortReport& p : s.inputs)
      fmt::print("  input   {:<22} {}{}\n", p.name, p.type, p.permutation.empty() ? "" : "  (channels last)");
    for (const PortReport& p : s.outputs)
      fmt::print("  output  {:<22} {}{}\n", p.name, p.type, p.permutation.empty() ? "" : "  (channels last)");
    for (const std::string& open : s.open_sizes) fmt::print("  open    {}\n", open);
  }
  for (const PortReport& p : r.states) fmt::print("  state   {:<22} {}\n", p.name, p.type);
  fmt::print("  {} operators: {}\n", r.op_count, counts(r.ops));
  fmt::print("  {} ({} of weights) in {}\n", human_bytes(double(r.bytes)), human_bytes(double(r.constant_bytes)),
             human_seconds(r.seconds));
  if (!r.tail.empty())
    fmt::print("  behind the cut: {} ({}), float: {}\n", styled(r.tail, Style::kBold, stdout),
               human_bytes(double(r.tail_bytes)), counts(r.tail_ops));
  for (const std::string& w : r.warnings) fmt::print("  {}: {}\n", styled("warning", Style::kYellow, stdout), w);
  print_proof(r.proof);
  if (r.quantization) print_quantization(*r.quantization, layers);
}

void print_adaptations(const std::vector<AdaptedLayer>& layers) {
  fmt::print("  {} layers rewritten for the target\n", layers.size());
  for (const AdaptedLayer& a : layers)
    fmt::print("    {:<32} {} -> {}{}{}\n", a.module.empty() ? "(top)" : a.module, a.before.substr(0, a.before.find(' ')),
               a.after, a.file.empty() ? "" : fmt::format("  {}:{}", a.file, a.line),
               a.largest_error ? fmt::format("  approximate: off by {:.1e} at most", *a.largest_error) : "");
}

void add_shape_option(CLI::App& c, std::vector<std::string>& shapes, const std::string& description) {
  c.add_option("--shape", shapes, description)
      ->type_name("SHAPE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void add_target_options(CLI::App& c, ConvertOptions& options, ReportArguments& report) {
  c.add_option("--target", options.target,
               "litert; coral: integers, channels-last and operators for the Edge TPU; tflm: TensorFlow Lite Micro")
      ->check(CLI::IsMember({"litert", "coral", "tflm"}))
      ->capture_default_str();
  c.add_flag("--allow-approximate", options.allow_approximate, "allow rewrites for the target that change values a little");
  c.add_flag("--explain", report.explain, "list what was rewritten for the target, layer by layer");
  c.add_flag("--json", report.json, "print the report as JSON");
  c.add_flag("-q,--quiet", report.quiet, "print nothing but errors");
}

Status show_conversion(const ConvertReport& report, const ConvertOptions& options, const ReportArguments& how) {
  if (how.quiet && !how.json) return {};
  nlohmann::ordered_json j;
  if (how.json) {
    j = conversion_json(report);
  } else {
    print_conversion(report, how.layers);
    if (how.explain) print_adaptations(report.adaptations);
  }
  if (options.target == "coral") {
    TRY(const PlaceReport placed, place_model(report.destination));
    if (how.json)
      j["placement"] = placement_summary_json(placed);
    else
      print_placement_summary(placed);
  }
  if (how.json) fmt::print("{}\n", j.dump(2));
  return {};
}

}  // namespace atl::cli
