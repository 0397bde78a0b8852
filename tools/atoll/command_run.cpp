#include <cmath>

#include "atoll/run.h"
#include "command.h"
#include "listing.h"
#include "model_options.h"
#include "run/preprocess.h"
#include "task_report.h"
#include "terminal.h"

namespace atl::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Arguments {
  std::string file, labels_file;
  std::vector<std::string> pipeline;
  RunModelOptions options;
  TaskOptions task;
  size_t top = 0;
  bool json = false;
};

std::string label_of(const std::vector<std::string>& labels, size_t index) {
  return index < labels.size() ? printable(labels[index]) : "";
}

Json json_of_output(const NamedArray& output, const Arguments& a, const std::vector<std::string>& labels) {
  const ArraySummary s = summarize(output.array);
  Json j{{"name", output.name}, {"type", s.type},         {"min", s.min},       {"max", s.max},
         {"mean", s.mean},      {"elements", s.elements}, {"finite", s.finite}, {"first", s.first}};
  if (a.top == 0) return j;
  j["top"] = Json::array();
  for (const Score& score : top_scores(output.array, a.top)) {
    Json entry{{"index", score.index}, {"score", score.value}};
    if (score.index < labels.size()) entry["label"] = labels[score.index];
    j["top"].push_back(std::move(entry));
  }
  return j;
}

void print_as_json(const RunReport& r, const Arguments& a, const std::vector<std::string>& labels) {
  Json j{{"file", r.file},
         {"signature", r.signature},
         {"device", r.device},
         {"notes", r.notes},
         {"runs", r.items},
         {"load_seconds", r.load_seconds},
         {"median_seconds", r.median_seconds}};
  j["outputs"] = Json::array();
  for (const NamedArray& o : r.outputs) j["outputs"].push_back(json_of_output(o, a, labels));
  if (!a.options.expect.empty()) {
    j["comparisons"] = Json::array();
    for (const OutputProof& o : r.comparisons) j["comparisons"].push_back(json_of(o));
  }
  if (r.accuracy) {
    j["accuracy"] = {{"items", r.accuracy->items}, {"correct", r.accuracy->correct}};
    if (r.accuracy->recorded_correct) j["accuracy"]["recorded_correct"] = *r.accuracy->recorded_correct;
  }
  if (r.task) j["task"] = json_of(*r.task);
  if (!r.segments.empty()) {
    j["total_seconds"] = r.total_seconds;
    j["segments"] = Json::array();
    for (const SegmentRun& s : r.segments)
      j["segments"].push_back({{"file", s.file}, {"device", s.device}, {"median_seconds", s.median_seconds}});
  }
  if (a.options.log_placement) j["placement"] = json_of(r.placement);
  if (!a.options.output.empty()) j["written"] = a.options.output;
  print_json(j);
}

void print_output(const NamedArray& output, const Arguments& a, const std::vector<std::string>& labels) {
  const ArraySummary s = summarize(output.array);
  fmt::print("  {:<16} {:<18} min {:<11} max {:<11} mean {}\n", printable(output.name), s.type, number_text(s.min),
             number_text(s.max), number_text(s.mean));
  if (s.finite < s.elements)
    fmt::print("    {}: {} of {} elements are NaN or infinite\n", styled("warning", Style::kYellow, stdout),
               s.elements - s.finite, s.elements);
  if (a.top > 0) {
    for (const Score& score : top_scores(output.array, a.top)) {
      const std::string label = label_of(labels, score.index), value = number_text(score.value);
      fmt::print("    {:>6}  {}\n", score.index, label.empty() ? value : fmt::format("{:<12} {}", value, label));
    }
    return;
  }
  std::string first;
  for (double v : s.first) first += number_text(v) + "  ";
  if (s.elements > s.first.size()) first += "...";
  fmt::print("    {}\n", first);
}

void print_accuracy(const Accuracy& a) {
  const auto percent = [&](size_t n) {
    return fmt::format("{} of {} right ({:.2f} %)", n, a.items, 100.0 * double(n) / double(a.items));
  };
  if (a.recorded_correct) fmt::print("  accuracy of the recorded answers  {}\n", percent(*a.recorded_correct));
  fmt::print("  accuracy of this file             {}\n", percent(a.correct));
}

void print_segments(const RunReport& r) {
  for (const SegmentRun& s : r.segments)
    fmt::print("  {:<32} median {:<9} on {}\n", printable(s.file), human_seconds(s.median_seconds), s.device);
  if (r.items > 1)
    fmt::print("  {} items in {}: {:.4g} a second\n", r.items, human_seconds(r.total_seconds),
               double(r.items) / r.total_seconds);
}

void print_report(const RunReport& r, const Arguments& a, const std::vector<std::string>& labels) {
  const std::string place = r.device == "CPU" || !r.segments.empty() ? "" : " on " + r.device;
  if (a.options.each)
    fmt::print("{}: {} runs, median {}{}\n", styled(r.file, Style::kBold, stdout), r.items, human_seconds(r.median_seconds),
               place);
  else
    fmt::print("{}: ran in {}{}\n", styled(r.file, Style::kBold, stdout), human_seconds(r.median_seconds), place);
  print_segments(r);
  if (r.task)
    print_task(*r.task);
  else
    for (const NamedArray& o : r.outputs) print_output(o, a, labels);
  for (const OutputProof& o : r.comparisons)
    fmt::print("  {:<16} against the recorded answers: SNR {}, largest error {:.2g}{}\n", printable(o.name), snr_text(o.snr_db),
               o.max_error, o.passed ? "" : "  " + styled("departs", Style::kRed, stdout));
  if (r.accuracy) print_accuracy(*r.accuracy);
  if (a.options.log_placement) print_placement(r.placement);
  if (!a.options.output.empty()) fmt::print("  written to {}\n", a.options.output);
}

Status run_run(Arguments a, int& exit_code) {
  if (a.file.empty() == a.pipeline.empty())
    return error(Code::kUsage, a.file.empty() ? "FILE is required" : "--pipeline names all files; FILE is one too many",
                 "atoll run model.tflite, or atoll run --pipeline a.tflite b.tflite");
  if (!a.pipeline.empty()) {
    a.file = a.pipeline[0];
    a.options.behind.assign(a.pipeline.begin() + 1, a.pipeline.end());
  }
  if (a.top > 0 && a.options.each)
    return error(Code::kUsage, "--top shows the scores of one run, --each runs many",
                 "leave out --each, or write them with --output");
  const bool has_task = !a.task.kind.empty();
  if (!a.labels_file.empty() && a.top == 0 && !has_task)
    return error(Code::kUsage, "--labels names the classes of --top and of --task", "add --top 5");
  if (!a.task.draw.empty() && !has_task) return error(Code::kUsage, "--draw draws what --task finds", "add --task detect");
  std::vector<std::string> labels;
  if (!a.labels_file.empty()) {
    TRY(labels, read_labels(a.labels_file));
  }
  if (has_task) {
    a.task.labels = labels;
    if (a.top > 0) a.task.top = a.top;
    a.options.task = a.task;
  }
  ProgressBar bar;
  a.options.progress = [&](std::string_view step, double done, double total) { bar.show(step, done, total); };
  auto report = run_model(a.file, a.options);
  bar.clear();
  if (!report) return std::move(report.error());
  if (a.json) {
    print_as_json(*report, a, labels);
  } else {
    print_notes(report->notes);
    print_report(*report, a, labels);
  }
  for (const OutputProof& o : report->comparisons)
    if (!o.passed && a.options.min_snr_db) exit_code = kProofError;
  return {};
}

}  // namespace

void add_run(CLI::App& app, Outcome& outcome) {
  auto args = std::make_shared<Arguments>();
  RunModelOptions& o = args->options;
  CLI::App* c = app.add_subcommand("run", "Run a .tflite file on data: arrays, images, raw values");
  c->add_option("FILE", args->file, "the .tflite file");
  c->add_option("--pipeline", args->pipeline, "files that run behind each other, as atoll split writes them")
      ->expected(1, 1024)
      ->type_name("FILE...");
  c->add_option("-i,--input", o.inputs, "[NAME=]FILE: .npy, .npz, JPEG, PNG, BMP, or raw values; may be repeated")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  c->add_option("--random", o.random, "fill inputs that are not given with random values of this seed");
  c->add_option("--preprocess", o.preprocess, "what becomes of images, in words; see below");
  c->add_flag("--each", o.each, "inputs have one more axis in front: run once for each index of it");
  c->add_option("-o,--output", o.output, "write the outputs: .npz, or .npy for a single one");
  c->add_option("--expect", o.expect, ".npz of recorded outputs to compare with; 'labels' in it give the accuracy");
  c->add_option("--min-snr", o.min_snr_db, "exit 3 when an output is further from --expect than this many dB");
  c->add_option("--top", args->top, "show the K highest scores of each output")->check(CLI::PositiveNumber);
  c->add_option("--labels", args->labels_file, "names of the classes for --top and --task, one a line");
  TaskOptions& t = args->task;
  c->add_option("--task", t.kind, "say what the outputs mean: classify, detect, segment or pose")
      ->check(CLI::IsMember({"classify", "detect", "segment", "pose"}));
  c->add_option("--draw", t.draw, "with --task: write the picture with what was found, as PNG");
  c->add_option("--min-score", t.min_score, "of objects (default 0.5), poses (0.25) and key points (0.2)");
  c->add_option("--max-overlap", t.max_overlap, "drop a box that overlaps a better one of its class more than this")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  c->add_option("--boxes", t.boxes, "how a detector without post-processing states boxes")
      ->check(CLI::IsMember({"xyxy", "yxyx", "cxcywh"}))
      ->capture_default_str();
  c->add_option("--background", t.background,
                "the detector's class that is no object, -1 for none (default: the first,\nwhere scores sum up to 1)");
  c->add_flag("--log-placement", o.log_placement, "print where every operator ran");
  add_model_options(*c, o.model);
  c->add_flag("--json", args->json, "print as JSON");
  c->footer(fmt::format(
      "Preprocessing of images:\n{}\n\nExamples:\n"
      "  atoll run face.tflite --input photo.jpg --preprocess 'size=320x240 mean=127 std=128' --output out.npz\n"
      "  atoll run net.tflite --random 1 --shape x=4x3x224x224\n"
      "  atoll run net.tflite --input x=cat.png --top 5 --labels classes.txt\n"
      "  atoll run ssd.tflite --input street.jpg --task detect --labels coco.txt --draw found.png\n"
      "  atoll run net_edgetpu.tflite --device edgetpu:1 --edgetpu-option Performance=High --random 1 --log-placement\n"
      "  atoll run --pipeline net_segment_0_of_2.tflite net_segment_1_of_2.tflite --each -i x=photos.npy -o out.npz\n"
      "  atoll run --pipeline a_edgetpu.tflite b_edgetpu.tflite --device edgetpu:0,edgetpu:1 --random 1\n"
      "  atoll run digits.tflite --each --input x=test.npz --expect test.npz\n",
      kPreprocessHelp));
  c->callback([args, &outcome] { outcome.status = run_run(*args, outcome.exit_code); });
}

}  // namespace atl::cli
