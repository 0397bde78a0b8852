#include "atoll/convert.h"
#include "quantization.h"
#include "terminal.h"

namespace atl::cli {
namespace {

struct Arguments {
  std::string source, output, layout = "keep";
  ConvertOptions options;
  QuantizeArguments quantize;
  ReportArguments report;
  bool no_verify = false;
};

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
  QuantizeArguments quantize = a.quantize;
  // The other targets take nothing but integers.
  const bool for_integers = options.target != "litert";
  if (for_integers && quantize.mode.empty() && !quantize.options.data.empty()) quantize.mode = "int8";
  if (!quantize.mode.empty() && quantize.mode != "float32") {
    TRY(QuantizeOptions q, quantize_options(quantize));
    q.progress = options.progress;
    q.litert = options.litert;
    q.threads = options.threads;
    options.quantize = std::make_shared<const QuantizeOptions>(std::move(q));
  }
  options.drop_quantization = quantize.mode == "float32";
  auto report = convert(a.source, a.output, options);
  bar.clear();
  if (!report) return std::move(report.error());
  return show_conversion(*report, options, a.report);
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
  add_shape_option(*c, args->options.shapes,
                   "NAME=4x3x224x224: sizes for axes that the program leaves open ('?' keeps one open); naming an input again "
                   "makes another signature");
  add_target_options(*c, args->options, args->report);
  add_quantize_options(*c, args->quantize, "--quantize");
  c->add_flag("--no-verify", args->no_verify, "do not run the file and compare it with the source");
  c->add_option("--verify-seconds", args->options.verify_seconds, "how long the proof may take")->capture_default_str();
  c->add_option("--seed", args->options.seed, "of the proof's random inputs")->capture_default_str();
  c->add_option("--litert", args->options.litert, "libLiteRt.so or its folder (also ATOLL_LITERT)");
  c->add_option("--print-after", args->options.print_after, "print the graph after this pass, or after all")
      ->group("Debugging");
  c->add_option("--dump-dir", args->options.dump_dir, "write the graph after each pass that changed it")->group("Debugging");
  c->add_flag("--time-passes", args->options.time_passes, "print the time of each pass")->group("Debugging");
  c->add_option("--rewrite-limit", args->options.rewrite_limit, "stop rewriting after N rewrites (to bisect)")
      ->check(CLI::NonNegativeNumber)
      ->group("Debugging");
  c->add_flag("--verify-graph", args->options.verify_graph, "check the graph after every pass")->group("Debugging");
  c->footer(
      "Examples:\n"
      "  atoll convert face.pt2 -o face.tflite\n"
      "  atoll convert net.pt2 -o net.tflite --layout nhwc --json\n"
      "  atoll convert net.pt2 -o net_int8.tflite --quantize int8 --calibrate photos/ --preprocess 'mean=127 std=128'\n"
      "  atoll convert net.pt2 -o net_coral.tflite --target coral --calibrate photos/ --explain\n"
      "  atoll convert net.pt2 -o net.tflite --shape x=1x3x224x224 --shape x=4x3x224x224\n"
      "In Python: torch.export.save(torch.export.export(model.eval(), (example,)), \"face.pt2\")\n");
  c->callback([args, &outcome] { outcome.status = run_convert(*args); });
}

}  // namespace atl::cli
