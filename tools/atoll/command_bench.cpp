#include "atoll/bench.h"
#include "command.h"
#include "listing.h"
#include "model_options.h"
#include "terminal.h"

namespace atl::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Arguments {
  std::string file;
  BenchOptions options;
  bool json = false;
};

Json json_of_ops(const std::vector<OpReport>& ops) {
  auto list = Json::array();
  for (const OpReport& op : ops) {
    Json j{{"op", op.op}};
    if (op.node >= 0)
      j["node"] = op.node;
    else
      j["count"] = op.count;
    j["seconds"] = op.seconds;
    j["share"] = op.share;
    j["in_delegate"] = op.in_delegate;
    j["on_edgetpu"] = op.on_edgetpu;
    list.push_back(std::move(j));
  }
  return list;
}

void print_as_json(const BenchReport& r, const Arguments& a) {
  Json j{{"file", r.file},
         {"signature", r.signature},
         {"device", r.device},
         {"notes", r.notes},
         {"kernels", r.kernels},
         {"bytes", r.file_bytes},
         {"inputs", json_of(r.inputs)},
         {"load_seconds", r.load_seconds},
         {"first_seconds", r.first_seconds},
         {"runs", r.runs},
         {"min_seconds", r.min_seconds},
         {"median_seconds", r.median_seconds},
         {"p90_seconds", r.p90_seconds},
         {"max_seconds", r.max_seconds},
         {"mean_seconds", r.mean_seconds},
         {"peak_rss_bytes", r.peak_rss_bytes}};
  if (a.options.profile) {
    j["profile"] = {{"runs", r.profiled_runs},
                    {"delegate_share", r.delegate_share},
                    {"op_types", json_of_ops(r.op_types)},
                    {"slowest", json_of_ops(r.slowest)}};
  }
  if (a.options.log_placement) j["placement"] = json_of(r.placement);
  print_json(j);
}

// Ops of small models take less than a microsecond.
std::string op_time(double seconds) {
  return seconds < 1e-3 ? fmt::format("{:.1f} us", seconds * 1e6) : human_seconds(seconds);
}

void print_profile(const BenchReport& r) {
  if (r.op_types.empty()) {
    fmt::print("\n  LiteRT reported no times of ops\n");
    return;
  }
  fmt::print("\n  {:.1f} % of the ops' time in XNNPACK (mean of {} profiled runs)\n", r.delegate_share * 100, r.profiled_runs);
  fmt::print("  {:>10} {:>7} {:>6}  op\n", "time", "share", "count");
  for (const OpReport& op : r.op_types)
    fmt::print("  {:>10} {:>5.1f} % {:>6}  {}{}\n", op_time(op.seconds), op.share * 100, op.count, printable(op.op),
               op.on_edgetpu    ? "  (Edge TPU)"
               : op.in_delegate ? ""
                                : "  (LiteRT's own kernel)");
  fmt::print("\n  the slowest ops\n");
  for (const OpReport& op : r.slowest)
    fmt::print("  {:>10} {:>5.1f} % {:>6}  {}\n", op_time(op.seconds), op.share * 100, fmt::format("#{}", op.node),
               printable(op.op));
}

void print_report(const BenchReport& r, const Arguments& a) {
  fmt::print("{}: {}\n", styled(r.file, Style::kBold, stdout), human_bytes(double(r.file_bytes)));
  print_ports("input", r.inputs);
  fmt::print("  latency  median {}, min {}, p90 {}, max {} ({} runs, {}, {})\n",
             styled(human_seconds(r.median_seconds), Style::kBold, stdout), human_seconds(r.min_seconds),
             human_seconds(r.p90_seconds), human_seconds(r.max_seconds), r.runs, r.device,
             a.options.model.threads > 0
                 ? fmt::format("{} thread{}", a.options.model.threads, a.options.model.threads == 1 ? "" : "s")
                 : "default threads");
  fmt::print("  loading  {}, first run {}\n", human_seconds(r.load_seconds), human_seconds(r.first_seconds));
  if (r.peak_rss_bytes > 0) fmt::print("  memory   {} more at peak (resident)\n", human_bytes(double(r.peak_rss_bytes)));
  if (a.options.profile) print_profile(r);
  if (a.options.log_placement) print_placement(r.placement);
}

Status run_bench(Arguments a) {
  ProgressBar bar;
  a.options.progress = [&](std::string_view step, double done, double total) { bar.show(step, done, total); };
  auto report = bench(a.file, a.options);
  bar.clear();
  if (!report) return std::move(report.error());
  if (a.json) {
    print_as_json(*report, a);
  } else {
    print_notes(report->notes);
    print_report(*report, a);
  }
  return {};
}

}  // namespace

void add_bench(CLI::App& app, Outcome& outcome) {
  auto args = std::make_shared<Arguments>();
  BenchOptions& o = args->options;
  CLI::App* c = app.add_subcommand("bench", "Measure a .tflite file: latency, time of each op, memory");
  c->add_option("FILE", args->file, "the .tflite file")->required();
  c->add_option("--runs", o.runs, "measured runs")->check(CLI::Range(1, 1000000))->capture_default_str();
  c->add_option("--warmup", o.warmup, "runs before them")->check(CLI::Range(1, 1000000))->capture_default_str();
  c->add_option("--seconds", o.max_seconds, "begin no further run after this time")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  c->add_flag("--profile", o.profile, "show the time of every kind of op, and the slowest ops");
  c->add_flag("--log-placement", o.log_placement, "print where every operator ran");
  c->add_option("--seed", o.seed, "of the random inputs")->capture_default_str();
  add_model_options(*c, o.model);
  c->add_flag("--json", args->json, "print as JSON");
  c->footer(
      "Examples:\n  atoll bench face.tflite\n  atoll bench face.tflite --profile --threads 2\n  atoll bench face.tflite --runs "
      "200 --json\n  atoll bench net.tflite --shape x=4x3x224x224\n");
  c->callback([args, &outcome] { outcome.status = run_bench(*args); });
}

}  // namespace atl::cli
