#include "quantization.h"
#include "terminal.h"

namespace atl::cli {
namespace {

struct Arguments {
  std::string source, output, layout = "keep";
  QuantizeArguments quantize;
  ConvertOptions options;
  ReportArguments report;
  bool no_verify = false;
};

Status run_quantize(const Arguments& a) {
  TRY(QuantizeOptions q, quantize_options(a.quantize));
  ConvertOptions options = a.options;
  options.nhwc = a.layout == "nhwc";
  options.verify = !a.no_verify;
  ProgressBar bar;
  options.progress = [&](std::string_view step, double done, double total) { bar.show(step, done, total); };
  q.progress = options.progress;
  q.litert = options.litert;
  q.threads = options.threads;
  auto report = quantize(a.source, a.output, q, options);
  bar.clear();
  if (!report) return std::move(report.error());
  return show_conversion(*report, options, a.report);
}

}  // namespace

void add_quantize(CLI::App& app, Outcome& outcome) {
  auto args = std::make_shared<Arguments>();
  CLI::App* c =
      app.add_subcommand("quantize", "Make integers of a float model (.pt2 or any .tflite), and show what each layer costs");
  c->add_option("SOURCE", args->source, "a program written by torch.export.save, or a float .tflite file")->required();
  c->add_option("-o,--output", args->output, "the .tflite file to write")->required();
  add_quantize_options(*c, args->quantize, "--mode");
  c->add_option("--layout", args->layout, "of a .pt2: keep, or nhwc (images channels-last)")
      ->check(CLI::IsMember({"keep", "nhwc"}))
      ->capture_default_str();
  add_target_options(*c, args->options, args->report);
  add_shape_option(*c, args->options.shapes, "of a .pt2: NAME=1x3x224x224, sizes for axes that the program leaves open");
  c->add_flag("--no-verify", args->no_verify, "of a .pt2: do not prove the float model first");
  c->add_option("--litert", args->options.litert, "libLiteRt.so or its folder (also ATOLL_LITERT)");
  c->add_option("--threads", args->options.threads, "of LiteRT")->capture_default_str();
  c->add_flag("--layers", args->report.layers, "list the layers, sorted by damage");
  c->footer(
      "Examples:\n"
      "  atoll quantize net.pt2 -o net_int8.tflite --calibrate photos/ --preprocess 'mean=127 std=128'\n"
      "  atoll quantize net.tflite -o net_int8.tflite --calibrate samples.npz --io uint8 --layers\n"
      "  atoll quantize net.pt2 -o net.tflite --mode float16\n"
      "  atoll quantize net.tflite -o net_coral.tflite --target coral --calibrate photos/ --explain\n"
      "Part of the samples is kept from calibration: the SNR is measured on those.\n");
  c->callback([args, &outcome] { outcome.status = run_quantize(*args); });
}

}  // namespace atl::cli
