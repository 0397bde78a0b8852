#include "atoll/verify.h"
#include "command.h"
#include "listing.h"
#include "quantization.h"
#include "terminal.h"

namespace atl::cli {
namespace {

using Json = nlohmann::ordered_json;
using Verdict = ProofReport::Verdict;

struct Arguments {
  std::string source, file, reference = "eval";
  VerifyOptions options;
  bool layers = false, json = false;
};

void print_as_json(const VerifyReport& r) {
  Json j{
      {"source", r.source}, {"file", r.file}, {"reference", r.reference}, {"layout", r.layout}, {"verdict", name(r.verdict)}};
  if (!r.reason.empty()) j["reason"] = r.reason;
  j["outputs"] = Json::array();
  for (const VerifyCheck& c : r.checks) {
    Json output{{"inputs", c.inputs}};
    output.update(json_of(c.output));
    j["outputs"].push_back(std::move(output));
  }
  if (!r.layers.empty()) {
    j["layers"] = Json::array();
    for (const LayerReport& l : r.layers) {
      Json layer{{"value", l.value}, {"module", l.module}, {"op", l.op}};
      if (l.source_snr_db) layer["source_snr_db"] = *l.source_snr_db;
      if (l.file_snr_db) layer["file_snr_db"] = *l.file_snr_db;
      j["layers"].push_back(std::move(layer));
    }
  }
  if (r.samples) {
    j["samples"] = r.samples;
    j["layers"] = damage_json(r.damage);
  }
  if (r.departure) j["departure"] = to_json(*r.departure);
  if (!r.notes.empty()) j["notes"] = r.notes;
  j["seconds"] = r.seconds;
  print_json(j);
}

void print_layers(const VerifyReport& r) {
  fmt::print("  {:>10} {:>10}  layer\n", "eval", "file");
  const auto shown = [](const std::optional<double>& snr) { return snr ? snr_text(*snr) : "-"; };
  for (const LayerReport& l : r.layers)
    fmt::print("  {:>10} {:>10}  {} {} {}\n", shown(l.source_snr_db), shown(l.file_snr_db), printable(l.value), printable(l.op),
               printable(l.module));
}

void print_report(const VerifyReport& r, const Arguments& a) {
  const Style style = r.verdict == Verdict::kProven    ? Style::kGreen
                      : r.verdict == Verdict::kPartial ? Style::kYellow
                                                       : Style::kRed;
  fmt::print("{} against {} by {}\n", r.file, r.source, r.reference);
  for (const VerifyCheck& c : r.checks)
    fmt::print("  {:<16} {:<24} SNR {:>9}   largest error {:.2g}{}\n", c.inputs, printable(c.output.name),
               snr_text(c.output.snr_db), c.output.max_error,
               c.output.passed ? "" : "  " + styled("departs", Style::kRed, stdout));
  if (r.samples)
    print_damage(r.damage);
  else if (a.layers)
    print_layers(r);
  else if (!r.layers.empty())
    fmt::print("  {} layers compared; --layers lists them\n", r.layers.size());
  for (const std::string& n : r.notes) fmt::print("  note: {}\n", printable(n));
  fmt::print("  {} in {}{}\n", styled(r.verdict == Verdict::kNotRun ? "not proven" : name(r.verdict), style, stdout),
             human_seconds(r.seconds), r.reason.empty() ? "" : ": " + printable(r.reason));
  if (!r.departure) return;
  fmt::print("  first layer that departs: {}\n", printable(r.departure->what));
  const Origin& o = r.departure->origin;
  if (!o.module_path.empty() || !o.source_op.empty())
    fmt::print("    --> {}  {}{}  [{}]\n", printable(o.module_path),
               o.file.empty() ? "" : fmt::format("{}:{}  ", printable(o.file), o.line), printable(o.text),
               printable(o.source_op));
}

Status run_verify(Arguments a, int& exit_code) {
  a.options.reference = a.reference == "torch" ? VerifyOptions::Reference::kTorch : VerifyOptions::Reference::kEval;
  if (a.layers && a.reference != "torch" && a.options.data.empty())
    return error(Code::kUsage, "--layers lists the comparison with torch", "add --reference torch");
  ProgressBar bar;
  a.options.progress = [&](std::string_view step, double done, double total) { bar.show(step, done, total); };
  auto report = verify(a.source, a.file, a.options);
  bar.clear();
  if (!report) return std::move(report.error());
  if (a.json)
    print_as_json(*report);
  else
    print_report(*report, a);
  if (report->verdict == Verdict::kFailed || report->verdict == Verdict::kNotRun) exit_code = kProofError;
  return {};
}

}  // namespace

void add_verify(CLI::App& app, Outcome& outcome) {
  auto args = std::make_shared<Arguments>();
  VerifyOptions& o = args->options;
  CLI::App* c = app.add_subcommand("verify", "Prove that a .tflite file computes what its source program does");
  c->add_option("SOURCE", args->source, "the program (.pt2), with --data also a float .tflite")->required();
  c->add_option("FILE", args->file, "the .tflite file that was made from it")->required();
  c->add_option("--reference", args->reference,
                "eval: Atoll's own exact evaluation; torch: the program in your Python, layer by layer")
      ->check(CLI::IsMember({"eval", "torch"}))
      ->capture_default_str();
  c->add_option("--input", o.inputs, ".npz with an array for each input, instead of the stored example");
  c->add_option("--data", o.data, "samples on which a quantized file is compared with the float model, layer by layer");
  c->add_option("--preprocess", o.preprocess, "what becomes of images of --data, as in `atoll run --help`");
  c->add_option("--max-samples", o.max_samples, "samples of --data to take, spread over it")->capture_default_str();
  c->add_flag("--strict", o.strict, "a sample of --data that cannot be read is an error, not left out");
  c->add_option("--random", o.random_inputs, "sets of random inputs besides it")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  c->add_option("--seed", o.seed, "of the random inputs")->capture_default_str();
  c->add_option("--min-snr", o.min_snr_db, "what every output must reach, in dB");
  c->add_option("--budget", o.budget_seconds, "seconds (20, with torch 600)")->check(CLI::PositiveNumber);
  c->add_option("--threads", o.threads, "of LiteRT (0: at most 4)")->check(CLI::Range(0, 1024))->capture_default_str();
  c->add_option("--signature", o.signature, "which of the file's signatures");
  c->add_option("--python", o.python, "the Python that has torch (also ATOLL_PYTHON, VIRTUAL_ENV)");
  c->add_option("--litert", o.litert, "libLiteRt.so or its folder (also ATOLL_LITERT)");
  c->add_flag("--layers", args->layers, "list every layer (with --reference torch)");
  c->add_flag("--json", args->json, "print as JSON");
  c->footer(
      "Exits 3 when the file departs, and names the first layer that does.\n"
      "Examples:\n"
      "  atoll verify face.pt2 face.tflite\n"
      "  atoll verify face.pt2 face.tflite --reference torch --layers\n"
      "  atoll verify face.pt2 face_int8.tflite --data photos/ --preprocess 'mean=127 std=128' --min-snr 40\n"
      "  atoll verify face.pt2 face.tflite --input photos.npz --min-snr 100\n");
  c->callback([args, &outcome] { outcome.status = run_verify(*args, outcome.exit_code); });
}

}  // namespace atl::cli
