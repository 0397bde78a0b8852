#include <algorithm>

#include "atoll/eval.h"
#include "command.h"
#include "listing.h"
#include "run/preprocess.h"
#include "terminal.h"

namespace atl::cli {
namespace {

using Json = nlohmann::ordered_json;

// Larger confusion matrices are shown by their most frequent errors.
constexpr size_t kMatrixClasses = 20, kShownConfusions = 10;
constexpr size_t kShownSkipped = 5;

struct Arguments {
  std::vector<std::string> files;
  std::string source = "litert";
  EvalOptions options;
  bool confusion = false, json = false;
};

double share(size_t part, size_t whole) { return whole ? double(part) / double(whole) : 0; }
std::string percent(size_t part, size_t whole) { return fmt::format("{:.2f} %", 100 * share(part, whole)); }

Json json_of(const ClassificationReport& c) {
  Json j{{"examples", c.examples}, {"classes", c.classes}, {"top1", share(c.top1, c.examples)}, {"top1_correct", c.top1}};
  if (c.top5) {
    j["top5"] = share(*c.top5, c.examples);
    j["top5_correct"] = *c.top5;
  }
  j["undecided"] = c.undecided;
  j["same_as_first"] = share(c.same_as_first, c.examples);
  j["confusion"] = Json::array();
  for (const auto& [pair, count] : c.confusion)
    j["confusion"].push_back({{"label", pair.first}, {"found", pair.second}, {"count", count}});
  return j;
}

void print_as_json(const EvalReport& r) {
  Json j{{"data", r.data}, {"examples", r.examples}, {"classes", r.classes}, {"skipped", r.skipped}, {"notes", r.notes}};
  j["models"] = Json::array();
  for (const EvalModel& m : r.models) {
    Json model{{"file", m.file},
               {"computed_by", m.computed_by},
               {"inputs", m.inputs},
               {"bytes", m.bytes},
               {"median_seconds", m.median_seconds}};
    if (m.classification) model["classification"] = json_of(*m.classification);
    model["outputs"] = Json::array();
    for (const OutputAgreement& o : m.outputs)
      model["outputs"].push_back({{"name", o.name},
                                  {"snr_db", o.snr_db},
                                  {"cosine", o.cosine},
                                  {"max_error", o.max_error},
                                  {"misplaced", o.misplaced}});
    j["models"].push_back(std::move(model));
  }
  print_json(j);
}

std::string class_name(const EvalReport& r, int64_t index) {
  if (index < 0) return "(none)";
  return size_t(index) < r.classes.size() ? printable(r.classes[size_t(index)]) : std::to_string(index);
}

void print_matrix(const EvalReport& r, const ClassificationReport& c) {
  std::string head;
  for (size_t k = 0; k < c.classes; ++k) head += fmt::format(" {:>6.6}", class_name(r, int64_t(k)));
  fmt::print("    {:<16}{}{}\n", "label \\ found", head, c.undecided ? " (none)" : "");
  for (int64_t label = 0; label < int64_t(c.classes); ++label) {
    std::string row;
    for (int64_t found = 0; found <= int64_t(c.classes); ++found) {
      const bool none = found == int64_t(c.classes);
      if (none && c.undecided == 0) break;
      const auto at = c.confusion.find({label, none ? -1 : found});
      row += at == c.confusion.end() ? fmt::format(" {:>6}", "-") : fmt::format(" {:>6}", at->second);
    }
    fmt::print("    {:<16.16}{}\n", class_name(r, label), row);
  }
}

void print_errors(const EvalReport& r, const ClassificationReport& c) {
  std::vector<std::pair<std::pair<int64_t, int64_t>, size_t>> errors;
  for (const auto& entry : c.confusion)
    if (entry.first.first != entry.first.second) errors.push_back(entry);
  std::ranges::stable_sort(errors, std::greater{}, [](const auto& e) { return e.second; });
  for (size_t i = 0; i < std::min(errors.size(), kShownConfusions); ++i)
    fmt::print("    {:>6} of {} taken for {}\n", errors[i].second, class_name(r, errors[i].first.first),
               class_name(r, errors[i].first.second));
  if (errors.size() > kShownConfusions) fmt::print("    and {} other pairs\n", errors.size() - kShownConfusions);
}

void print_scores(const EvalModel& m, bool first, size_t width) {
  std::string line = fmt::format("  {:<{}}", printable(m.file), width);
  if (const auto& c = m.classification) {
    line += fmt::format("  {:>9}", percent(c->top1, c->examples));
    if (c->top5) line += fmt::format("  {:>9}", percent(*c->top5, c->examples));
    line += fmt::format("  {:>9}", first ? "" : percent(c->same_as_first, c->examples));
  }
  fmt::print("{}  {:>9}  {:>9}  {}\n", line, human_seconds(m.median_seconds), human_bytes(double(m.bytes)), m.computed_by);
}

void print_report(const EvalReport& r, const Arguments& a) {
  fmt::print("{}: {} examples{}\n", styled(r.data, Style::kBold, stdout), r.examples,
             r.classes.empty() ? "" : fmt::format(", {} classes", r.classes.size()));
  size_t width = 8;
  for (const EvalModel& m : r.models) width = std::max(width, m.file.size());
  std::string head = fmt::format("  {:<{}}", "", width);
  if (const auto& c = r.models[0].classification) {
    head += fmt::format("  {:>9}", "top-1");
    if (c->top5) head += fmt::format("  {:>9}", "top-5");
    head += fmt::format("  {:>9}", "as first");
  }
  fmt::print("{}  {:>9}  {:>9}\n", head, "a run", "bytes");
  for (const EvalModel& m : r.models) print_scores(m, &m == &r.models[0], width);
  for (const EvalModel& m : r.models)
    for (const OutputAgreement& o : m.outputs)
      fmt::print("  {:<{}}  {:<16} SNR {:>9}   cosine {:.6f}   largest error {:.2g}{}\n", printable(m.file), width,
                 printable(o.name), snr_text(o.snr_db), o.cosine, o.max_error,
                 o.misplaced ? fmt::format("   NaN or infinite on one side in {} examples", o.misplaced) : "");
  for (const EvalModel& m : r.models) {
    if (!a.confusion || !m.classification) continue;
    fmt::print("  {}\n", printable(m.file));
    if (m.classification->classes <= kMatrixClasses)
      print_matrix(r, *m.classification);
    else
      print_errors(r, *m.classification);
  }
  for (const std::string& note : r.notes) fmt::print("  note: {}\n", printable(note));
  if (r.skipped.empty()) return;
  fmt::print("  {}: {} of {} examples were left out\n", styled("warning", Style::kYellow, stdout), r.skipped.size(),
             r.skipped.size() + r.examples);
  for (size_t i = 0; i < std::min(r.skipped.size(), kShownSkipped); ++i) fmt::print("    {}\n", printable(r.skipped[i]));
  if (r.skipped.size() > kShownSkipped) fmt::print("    and {} others; --json lists all\n", r.skipped.size() - kShownSkipped);
}

Status run_eval(Arguments a) {
  a.options.source_eval = a.source == "eval";
  ProgressBar bar;
  a.options.progress = [&](std::string_view step, double done, double total) { bar.show(step, done, total); };
  const auto report = evaluate_models(a.files, a.options);
  bar.clear();
  if (!report) return report.error();
  if (a.json)
    print_as_json(*report);
  else
    print_report(*report, a);
  return {};
}

}  // namespace

void add_eval(CLI::App& app, Outcome& outcome) {
  auto args = std::make_shared<Arguments>();
  EvalOptions& o = args->options;
  CLI::App* c = app.add_subcommand("eval", "Judge models side by side on a dataset: accuracy, and SNR against the first one");
  c->add_option("MODEL", args->files, "float or quantized .tflite files and .pt2 programs, in any mix")->required();
  c->add_option("-d,--data", o.data, "a folder of images (one subfolder a class) or arrays, .npz, .npy, .csv, raw values")
      ->required();
  c->add_option("--preprocess", o.preprocess, "what becomes of images, in words; see below");
  c->add_option("--labels", o.class_names, "names of the models' classes, one a line; subfolders are found by name in it");
  c->add_option("--label-name", o.label_name, "array or column that holds the labels (default: labels, label or y)");
  c->add_option("--output", o.output, "the output that holds the scores, where several may");
  c->add_option("--max-samples", o.max_examples, "take so many examples, spread over the data (0: all)");
  c->add_flag("--strict", o.strict, "an example that cannot be read is an error, not left out");
  c->add_option("--source", args->source, "how a .pt2 is computed: litert (as its float file) or eval (exactly, slowly)")
      ->check(CLI::IsMember({"litert", "eval"}))
      ->capture_default_str();
  c->add_flag("--confusion", args->confusion, "show the confusion matrix, or the most frequent errors of many classes");
  c->add_option("--threads", o.model.threads, "of the CPU (0: at most 4)")->check(CLI::Range(0, 1024))->capture_default_str();
  c->add_option("--kernels", o.model.kernels, "delegate (XNNPACK), builtin or reference")
      ->check(CLI::IsMember({"delegate", "builtin", "reference"}))
      ->capture_default_str();
  c->add_option("--litert", o.model.litert, "libLiteRt.so or its folder (also ATOLL_LITERT)");
  c->add_flag("--json", args->json, "print as JSON");
  c->footer(fmt::format(
      "Preprocessing of images:\n{}\n\nExamples:\n"
      "  atoll eval net.pt2 net_int8.tflite --data validation/ --preprocess 'resize=256 crop=224 mean=0.485,0.456,0.406 "
      "std=0.229,0.224,0.225'\n"
      "  atoll eval net.tflite net_int8.tflite --data photos/ --labels imagenet_classes.txt --confusion\n"
      "  atoll eval detector.tflite detector_int8.tflite --data inputs.npz      (no labels: SNR and cosine)\n"
      "Every model quantizes its inputs by its own parameters. SNR and cosine are means over the examples.\n",
      kPreprocessHelp));
  c->callback([args, &outcome] { outcome.status = run_eval(*args); });
}

}  // namespace atl::cli
