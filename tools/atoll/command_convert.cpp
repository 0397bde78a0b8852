#include <cmath>

#include "atoll/convert.h"
#include "command.h"
#include "terminal.h"

namespace atl::cli {
namespace {

struct Arguments {
  std::string source, output, layout = "keep";
  ConvertOptions options;
  bool no_verify = false, json = false, quiet = false;
};

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

void print_json(const ConvertReport& r) {
  nlohmann::ordered_json j{{"source", r.source},
                           {"output", r.destination},
                           {"source_bytes", r.source_bytes},
                           {"bytes", r.bytes},
                           {"constant_bytes", r.constant_bytes},
                           {"inputs", ports_json(r.inputs)},
                           {"outputs", ports_json(r.outputs)},
                           {"states", ports_json(r.states)},
                           {"op_count", r.op_count}};
  j["ops"] = nlohmann::ordered_json::object();
  for (const auto& [op, count] : r.ops) j["ops"][op] = count;
  j["proof"] = proof_json(r.proof);
  if (!r.warnings.empty()) j["warnings"] = r.warnings;
  j["seconds"] = r.seconds;
  fmt::print("{}\n", j.dump(2));
}

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

void print_report(const ConvertReport& r) {
  fmt::print("{} -> {}\n", r.source, styled(r.destination, Style::kBold, stdout));
  for (const PortReport& p : r.inputs)
    fmt::print("  input   {:<22} {}{}\n", p.name, p.type, p.permutation.empty() ? "" : "  (channels last)");
  for (const PortReport& p : r.outputs)
    fmt::print("  output  {:<22} {}{}\n", p.name, p.type, p.permutation.empty() ? "" : "  (channels last)");
  for (const PortReport& p : r.states) fmt::print("  state   {:<22} {}\n", p.name, p.type);
  std::string ops;
  for (const auto& [op, count] : r.ops) ops += fmt::format("{}{} {}", ops.empty() ? "" : ", ", count, op);
  fmt::print("  {} operators: {}\n", r.op_count, ops);
  fmt::print("  {} ({} of weights) in {}\n", human_bytes(double(r.bytes)), human_bytes(double(r.constant_bytes)),
             human_seconds(r.seconds));
  for (const std::string& w : r.warnings) fmt::print("  {}: {}\n", styled("warning", Style::kYellow, stdout), w);
  print_proof(r.proof);
}

Status run_convert(const Arguments& a) {
  ConvertOptions options = a.options;
  options.nhwc = a.layout == "nhwc";
  options.verify = !a.no_verify;
  ProgressBar bar;
  options.progress = [&](std::string_view step, double done, double total) { bar.show(step, done, total); };
  options.trace = [&](std::string_view text) {
    bar.clear();
    fmt::print(stderr, "{}", text);
  };
  auto report = convert(a.source, a.output, options);
  bar.clear();
  if (!report) return std::move(report.error());
  if (a.json)
    print_json(*report);
  else if (!a.quiet)
    print_report(*report);
  return {};
}

}  // namespace

void add_convert(CLI::App& app, Outcome& outcome) {
  auto args = std::make_shared<Arguments>();
  CLI::App* c =
      app.add_subcommand("convert", "Convert an exported PyTorch program (.pt2) into a .tflite file, and prove it equal");
  c->add_option("SOURCE", args->source, "program written by torch.export.save")->required();
  c->add_option("-o,--output", args->output, "the .tflite file to write")->required();
  c->add_option("--layout", args->layout, "keep: inputs and outputs as in PyTorch; nhwc: images channels-last")
      ->check(CLI::IsMember({"keep", "nhwc"}))
      ->capture_default_str();
  c->add_flag("--no-verify", args->no_verify, "do not run the file and compare it with the source");
  c->add_option("--verify-seconds", args->options.verify_seconds, "how long the proof may take")->capture_default_str();
  c->add_option("--seed", args->options.seed, "of the proof's random inputs")->capture_default_str();
  c->add_option("--litert", args->options.litert, "libLiteRt.so or its folder (also ATOLL_LITERT)");
  c->add_flag("--json", args->json, "print the report as JSON");
  c->add_flag("-q,--quiet", args->quiet, "print nothing but errors");
  c->add_option("--print-after", args->options.print_after, "print the graph after this pass, or after all")
      ->group("Debugging");
  c->add_option("--dump-dir", args->options.dump_dir, "write the graph after each pass that changed it")->group("Debugging");
  c->add_flag("--time-passes", args->options.time_passes, "print the time of each pass")->group("Debugging");
  c->add_option("--rewrite-limit", args->options.rewrite_limit, "stop rewriting after N rewrites (to bisect)")
      ->group("Debugging");
  c->add_flag("--verify-graph", args->options.verify_graph, "check the graph after every pass")->group("Debugging");
  c->footer(
      "Examples:\n"
      "  atoll convert face.pt2 -o face.tflite\n"
      "  atoll convert net.pt2 -o net.tflite --layout nhwc --json\n"
      "In Python: torch.export.save(torch.export.export(model.eval(), (example,)), \"face.pt2\")\n");
  c->callback([args, &outcome] { outcome.status = run_convert(*args); });
}

}  // namespace atl::cli
