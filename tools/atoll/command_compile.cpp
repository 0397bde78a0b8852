#include <csignal>

#include "atoll/compile.h"
#include "command.h"
#include "listing.h"
#include "placement.h"
#include "terminal.h"

namespace atl::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kShownLayers = 3;

volatile std::sig_atomic_t interrupted = 0;

struct Arguments {
  std::string file;
  CompileOptions options;
  bool no_search_for_failure = false, json = false;
};

Json json_of_prediction(const PlaceReport& r) {
  Json j{{"compiler", r.compiler},
         {"mapped", r.mapped},
         {"total", r.total},
         {"parameter_bytes", r.parameter_bytes},
         {"on_chip_bytes", r.on_chip_bytes},
         {"streamed_bytes", r.streamed_bytes},
         {"latency_ms", latency_json(r)},
         {"warnings", r.warnings}};
  if (r.first_blocker) j["first_blocker"] = *r.first_blocker;
  return j;
}

Json json_of(const CompileReport& r) {
  Json j{{"model", r.model}, {"succeeded", r.succeeded}, {"compiler", r.compiler}, {"version", r.version}};
  if (!r.failure.empty()) {
    j["failure"] = r.failure;
    j["hint"] = r.hint;
  }
  if (r.failing)
    j["failing"] = {{"first", r.failing->first},
                    {"last", r.failing->last - 1},
                    {"operators", r.failing->operators},
                    {"compilations", r.failing->compilations}};
  j["attempts"] = r.attempts;
  j["outputs"] = r.outputs;
  j["subgraphs"] = r.subgraphs;
  if (r.on_chip_bytes) j["on_chip_bytes"] = *r.on_chip_bytes;
  if (r.streamed_bytes) j["streamed_bytes"] = *r.streamed_bytes;
  j["statuses"] = Json::array();
  for (const CompiledStatus& s : r.statuses)
    j["statuses"].push_back({{"op", s.op},
                             {"count", s.count},
                             {"status", s.status},
                             {"operators", s.operators},
                             {"layers", s.layers},
                             {"certain", s.certain}});
  j["prediction"] = json_of_prediction(r.prediction);
  if (r.comparison) {
    j["differences"] = Json::array();
    for (const PlacementDifference& d : r.comparison->differences)
      j["differences"].push_back({{"index", d.index}, {"op", d.op}, {"predicted", d.predicted}, {"compiled", d.compiled}});
    j["package_parameter_bytes"] = r.comparison->parameter_bytes;
  }
  j["seconds"] = r.seconds;
  return j;
}

void print_prediction(const PlaceReport& p) {
  fmt::print("  predicted: {} of {} operators on the Edge TPU, {} of parameters on the chip, {} sent with each inference\n",
             p.mapped, p.total, human_bytes(double(p.on_chip_bytes)), human_bytes(double(p.streamed_bytes)));
  if (p.mapped > 0)
    fmt::print("             {:.2f} ms over USB 3, {:.2f} ms over USB 2, {:.2f} ms over PCIe\n", p.usb3_ms, p.usb2_ms,
               p.pcie_ms);
  if (p.first_blocker) {
    const PlacedOp& o = p.ops[*p.first_blocker];
    fmt::print("             the first operator on the CPU is {} {} ({}): {}\n", o.index, printable(o.op), printable(o.layer),
               printable(o.reason));
  }
  for (const std::string& w : p.warnings) fmt::print("  {}: {}\n", styled("warning", Style::kYellow, stdout), w);
}

void print_statuses(const CompileReport& r) {
  for (const CompiledStatus& s : r.statuses) {
    const bool mapped = s.status == "Mapped to Edge TPU";
    fmt::print("  {:>5} {:<26} {}\n", s.count, printable(s.op),
               mapped ? printable(s.status) : styled(printable(s.status), Style::kYellow, stdout));
    for (size_t i = 0; !mapped && i < s.layers.size(); ++i) {
      if (i == kShownLayers && s.layers.size() > kShownLayers + 1) {
        fmt::print("          and {} more\n", s.layers.size() - kShownLayers);
        break;
      }
      fmt::print("          {}{} (operator {})\n", s.certain ? "" : "probably ", printable(s.layers[i]), s.operators[i]);
    }
  }
}

void print_success(const CompileReport& r) {
  std::string files;
  for (const std::string& f : r.outputs) files += (files.empty() ? "" : ", ") + printable(f);
  fmt::print("{} -> {} (compiler {}{})\n", styled(printable(r.model), Style::kBold, stdout), files, printable(r.version),
             r.attempts > 1 ? fmt::format(", {} attempts", r.attempts) : "");
  if (r.on_chip_bytes)
    fmt::print("  {} of parameters on the chip, {} sent with each inference; {} part{} on the Edge TPU\n",
               human_bytes(*r.on_chip_bytes), human_bytes(r.streamed_bytes.value_or(0)), r.subgraphs,
               r.subgraphs == 1 ? "" : "s");
  print_prediction(r.prediction);
  if (!r.statuses.empty()) fmt::print("\n");
  print_statuses(r);
  if (!r.comparison) return;
  const auto& differences = r.comparison->differences;
  fmt::print("\n  {}\n", differences.empty() ? "every operator lies where it was predicted"
                                             : fmt::format("{} operators lie elsewhere than predicted:", differences.size()));
  for (const PlacementDifference& d : differences)
    fmt::print("  {:>5}  {:<24} predicted {}, compiled for {}\n", d.index, printable(d.op), d.predicted ? "Edge TPU" : "CPU",
               d.compiled ? "Edge TPU" : "CPU");
}

Error failure_of(const CompileReport& r) {
  if (r.compiler.empty()) return error(Code::kCompiler, r.failure, r.hint);
  std::string what = fmt::format("edgetpu_compiler {} failed", r.version);
  if (r.attempts > 1) what += fmt::format(" {} times", r.attempts);
  what += ": " + r.failure;
  if (r.failing) {
    what += fmt::format("\n  the smallest part that fails (found in {} compilations):", r.failing->compilations);
    for (const std::string& op : r.failing->operators) what += "\n    " + op;
  }
  return error(Code::kCompiler, what, r.hint);
}

Status run_compile(Arguments a, Outcome& outcome) {
  std::signal(SIGINT, [](int) { interrupted = 1; });
  std::signal(SIGTERM, [](int) { interrupted = 1; });
  ProgressBar bar;
  a.options.find_failure = !a.no_search_for_failure;
  a.options.cancelled = [] { return interrupted != 0; };
  a.options.progress = [&](std::string_view step, double done, double total) { bar.show(step, done, total); };
  auto report = compile_model(a.file, a.options);
  bar.clear();
  if (!report) return std::move(report.error());
  if (a.json) {
    print_json(json_of(*report));
    if (!report->succeeded) outcome.exit_code = kUserError;
    return {};
  }
  if (report->succeeded) {
    print_success(*report);
    return {};
  }
  fmt::print("{}\n", styled(printable(report->model), Style::kBold, stdout));
  print_prediction(report->prediction);
  return failure_of(*report);
}

}  // namespace

void add_compile(CLI::App& app, Outcome& outcome) {
  auto args = std::make_shared<Arguments>();
  CompileOptions& o = args->options;
  CLI::App* c =
      app.add_subcommand("compile", "Compile a quantized .tflite file for the Edge TPU with Google's edgetpu_compiler");
  c->add_option("FILE", args->file, "a quantized .tflite file")->required();
  c->add_option("-o,--output", o.folder, "folder for FILE_edgetpu.tflite (default: beside FILE)");
  c->add_option("--timeout", o.timeout_seconds, "seconds for one attempt; all its processes are killed then")
      ->check(CLI::Range(1, 86400))
      ->capture_default_str();
  c->add_option("--attempts", o.attempts, "how often to try: the compiler fails now and then")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  c->add_flag("--no-bisect", args->no_search_for_failure, "do not look for the smallest part that fails");
  c->add_option("--min-runtime", o.min_runtime, "the oldest libedgetpu that shall run it (10 to 14)")
      ->check(CLI::Range(10, 14));
  c->add_option("--segments", o.segments, "cut it into a pipeline for so many Edge TPUs")->check(CLI::Range(1, 64));
  c->add_option("--search-delegate", o.search_step,
                "leave off so many operators at the end, again and again, until it compiles")
      ->check(CLI::Range(1, 10000));
  c->add_flag("--multiple-subgraphs", o.multiple_subgraphs,
              "more than one part on the Edge TPU (the compiler's own experiment)");
  c->add_option("--intermediate-tensors", o.intermediate_tensors, "stop at these tensors: names, separated by commas");
  c->add_option("--rules", o.rules, "whose rules the prediction follows: 2.0, 2.1, 15 or 16")->capture_default_str();
  c->add_flag("--json", args->json, "print as JSON");
  c->footer(
      "The compiler is found in ATOLL_EDGETPU_COMPILER or on the PATH. Without it this says what it would do, and exits 1.\n"
      "Examples:\n  atoll compile face_int8.tflite\n  atoll compile face_int8.tflite -o compiled --min-runtime 13\n"
      "  atoll compile big_int8.tflite --search-delegate 10 --json\n");
  c->callback([args, &outcome] { outcome.status = run_compile(*args, outcome); });
}

}  // namespace atl::cli
