#include "atoll/run.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "api/input_files.h"
#include "api/loaded_model.h"
#include "api/pipeline.h"
#include "api/task_run.h"
#include "run/tensor_file.h"
#include "support/mapped_file.h"
#include "verify/comparison.h"
#include "verify/written_model.h"

namespace atl {
namespace {

// What a report shows for "no difference at all".
constexpr double kEqualSnr = 999;
constexpr size_t kFirstValues = 8;
constexpr size_t kMaxLabelBytes = size_t{1} << 24;

// The runs of one call: the outputs of all items, and how long each took.
struct Runs {
  std::vector<NamedArray> outputs;
  std::vector<double> seconds;
};

// The items of a call through one model.
Status run_through(LoadedModel& loaded, size_t items, const ItemSource& source, const ItemSink& sink) {
  for (size_t i = 0; i < items; ++i) {
    if (i > 0 && loaded.has_state) TRY_STATUS(loaded.model.reset_variables(loaded.signature));
    const std::vector<NdArray> inputs = source(i);
    const auto start = std::chrono::steady_clock::now();
    TRY(auto outputs, loaded.model.run(loaded.signature, inputs));
    TRY_STATUS(sink(std::move(outputs), std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()));
  }
  return {};
}

/// What is run: one file, or several behind each other.
struct Runnable {
  SignatureInfo info;
  std::function<Status(size_t, const ItemSource&, const ItemSink&)> run;
};

Result<size_t> count_items(const SignatureInfo& info, const std::vector<NdArray>& inputs) {
  size_t items = 1;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto n = size_t(inputs[i].shape[0]);
    if (n == 0) return error(Code::kInput, fmt::format("--each: input '{}' has no items", info.inputs[i].name));
    if (n != 1 && items != 1 && n != items)
      return error(Code::kInput,
                   fmt::format("--each: input '{}' has {} items, another one has {}", info.inputs[i].name, n, items),
                   "every input needs as many items as the others, or one for all");
    items = std::max(items, n);
  }
  return items;
}

// Appends an item's outputs to the stacks.
Status stack(std::vector<NdArray> item, const SignatureInfo& info, bool along_batch, Runs& runs) {
  if (runs.outputs.empty()) {
    for (size_t i = 0; i < item.size(); ++i) {
      NamedArray stacked{info.outputs[i].name, std::move(item[i])};
      auto& shape = stacked.array.shape;
      if (along_batch && !shape.empty() && shape[0] == 1) shape.erase(shape.begin());
      shape.insert(shape.begin(), 1);
      runs.outputs.push_back(std::move(stacked));
    }
    return {};
  }
  for (size_t i = 0; i < item.size(); ++i) {
    NdArray& stacked = runs.outputs[i].array;
    if (item[i].bytes.size() * size_t(stacked.shape[0]) != stacked.bytes.size())
      return error(Code::kInput, fmt::format("--each: output '{}' has another size for another item", info.outputs[i].name));
    stacked.bytes.insert(stacked.bytes.end(), item[i].bytes.begin(), item[i].bytes.end());
    ++stacked.shape[0];
  }
  return {};
}

Result<Runs> run_items(const Runnable& runnable, const InputArrays& inputs, const Progress& progress) {
  TRY(const size_t items, count_items(runnable.info, inputs.arrays));
  Runs runs;
  const auto item = [&](size_t i) {
    std::vector<NdArray> arrays;
    for (const NdArray& a : inputs.arrays) arrays.push_back(a.item(a.shape[0] == 1 ? 0 : i));
    return arrays;
  };
  const auto take = [&](std::vector<NdArray> outputs, double seconds) {
    runs.seconds.push_back(seconds);
    if (progress) progress("running", double(runs.seconds.size()), double(items));
    return stack(std::move(outputs), runnable.info, inputs.along_batch, runs);
  };
  TRY_STATUS(runnable.run(items, item, take));
  return runs;
}

Result<Runs> run_once(const Runnable& runnable, const InputArrays& inputs) {
  Runs runs;
  const auto take = [&](std::vector<NdArray> outputs, double seconds) -> Status {
    runs.seconds.push_back(seconds);
    for (size_t i = 0; i < outputs.size(); ++i) runs.outputs.push_back({runnable.info.outputs[i].name, std::move(outputs[i])});
    return {};
  };
  TRY_STATUS(runnable.run(
      1, [&](size_t) { return inputs.arrays; }, take));
  return runs;
}

std::string names_of(const std::vector<NamedArray>& arrays) {
  std::string names;
  for (const NamedArray& a : arrays) names += fmt::format("{}'{}'", names.empty() ? "" : ", ", a.name);
  return names.empty() ? "none" : names;
}

const NamedArray* find(const std::vector<NamedArray>& arrays, std::string_view name) {
  const auto at = std::ranges::find(arrays, name, &NamedArray::name);
  return at == arrays.end() ? nullptr : &*at;
}

size_t correct_of(const Tensor& scores, const Tensor& labels) {
  const int64_t items = labels.count(), classes = scores.count() / items;
  size_t correct = 0;
  for (int64_t i = 0; i < items; ++i) {
    int64_t best = 0;
    for (int64_t k = 1; k < classes; ++k)
      if (element_as_double(scores, i * classes + k) > element_as_double(scores, i * classes + best)) best = k;
    correct += best == element_as_int(labels, i);
  }
  return correct;
}

// Labels say which score should be highest: one output of scores, as many rows as labels.
std::optional<Accuracy> accuracy_of(const RunReport& report, const std::vector<NamedArray>& recorded) {
  const NamedArray* labels = find(recorded, "labels");
  if (!labels || report.outputs.size() != 1) return std::nullopt;
  const Tensor scores = tensor_of(report.outputs[0].array), truth = tensor_of(labels->array);
  if (!is_integer(truth.dtype()) || truth.count() == 0 || scores.count() % truth.count() != 0 ||
      scores.count() / truth.count() < 2)
    return std::nullopt;
  Accuracy a{size_t(truth.count()), correct_of(scores, truth), {}};
  const NamedArray* answers = find(recorded, report.outputs[0].name);
  if (answers && answers->array.shape == report.outputs[0].array.shape)
    a.recorded_correct = correct_of(tensor_of(answers->array), truth);
  return a;
}

Status compare_with(const RunModelOptions& options, RunReport& report) {
  TRY(auto recorded, read_tensor_file(options.expect));
  if (recorded.size() == 1 && recorded[0].name.empty() && report.outputs.size() == 1) recorded[0].name = report.outputs[0].name;
  for (const NamedArray& output : report.outputs) {
    const NamedArray* expected = find(recorded, output.name);
    if (!expected) continue;
    const NdArray &want = expected->array, &got = output.array;
    if (want.shape != got.shape)
      return error(Code::kInput,
                   fmt::format("output '{}' is {}, '{}' has {}", output.name, type_text(got.dtype, got.shape), options.expect,
                               type_text(want.dtype, want.shape)),
                   "--each runs once for every index of the first axis; --layout keep at the conversion keeps the axes' order");
    const Comparison c = compare(tensor_of(want), tensor_of(got), Tolerance{});
    const double snr = c.differing == 0 ? kEqualSnr : c.snr_db();
    OutputProof o{output.name, std::isnan(snr) ? -kEqualSnr : std::clamp(snr, -kEqualSnr, kEqualSnr), c.max_error, true};
    o.passed = c.misplaced == 0 && o.snr_db >= options.min_snr_db.value_or(-kEqualSnr);
    report.comparisons.push_back(std::move(o));
  }
  report.accuracy = accuracy_of(report, recorded);
  if (report.comparisons.empty() && !report.accuracy)
    return error(Code::kInput, fmt::format("'{}' has no array that is named as an output", options.expect),
                 fmt::format("its arrays: {}; the outputs: {}", names_of(recorded), names_of(report.outputs)));
  return {};
}

// Reads the inputs, runs, and fills the report with what the outputs are; `file` is the one that makes them.
Status run_and_report(const RunModelOptions& options, const Runnable& runnable, const std::shared_ptr<const MappedFile>& file,
                      RunReport& report) {
  TRY(const InputArrays inputs, read_inputs(report.file, runnable.info, options));
  const auto start = std::chrono::steady_clock::now();
  auto runs = options.each ? run_items(runnable, inputs, options.progress) : run_once(runnable, inputs);
  if (!runs) return std::move(runs.error());
  report.total_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  report.signature = runnable.info.key;
  report.items = runs->seconds.size();
  std::ranges::sort(runs->seconds);
  report.median_seconds = median(runs->seconds);
  report.outputs = std::move(runs->outputs);
  if (options.task) {
    TRY(report.task, read_task(options, runnable.info, file, inputs, report.outputs));
  }
  if (!options.expect.empty()) TRY_STATUS(compare_with(options, report));
  if (!options.output.empty()) TRY_STATUS(write_tensor_file(options.output, report.outputs));
  return {};
}

Result<RunReport> run_pipeline(const std::string& file, const RunModelOptions& options) {
  std::vector<std::string> files{file};
  files.insert(files.end(), options.behind.begin(), options.behind.end());
  TRY(Pipeline pipeline, Pipeline::open(files, options.model, /*profile=*/options.log_placement));
  RunReport report;
  report.file = file;
  const Runnable runnable{pipeline.info(), [&](size_t items, const ItemSource& source, const ItemSink& sink) {
                            return pipeline.run(items, source, sink);
                          }};
  TRY_STATUS(run_and_report(options, runnable, pipeline.stages().back().model.file, report));
  for (Pipeline::Stage& stage : pipeline.stages()) {
    LoadedModel& model = stage.model;
    report.load_seconds += model.load_seconds;
    report.device += (report.device.empty() ? "" : ", ") + model.device.name;
    for (const std::string& note : model.notes) report.notes.push_back(fmt::format("{}: {}", stage.path, note));
    std::ranges::sort(stage.seconds);
    report.segments.push_back({stage.path, model.device.name, median(stage.seconds)});
    if (!options.log_placement) continue;
    TRY(const auto times, model.model.op_times());
    for (OpPlace& place : places_of(model.file, model.device, times)) report.placement.push_back(std::move(place));
  }
  return report;
}

}  // namespace

Result<RunReport> run_model(const std::string& file, const RunModelOptions& options) {
  if (options.min_snr_db && options.expect.empty()) return error(Code::kUsage, "--min-snr needs --expect");
  if (options.task && options.each) return error(Code::kUsage, "a task reads one run, --each runs many", "leave out --each");
  if (!options.behind.empty()) return run_pipeline(file, options);
  TRY(const auto mapped, MappedFile::open(file));
  std::optional<std::vector<std::byte>> changed;
  if (options.task) {
    TRY(changed, without_decoder(mapped, *options.task));
  }
  const bool has_own_decoder = changed.has_value();
  TRY(LoadedModel loaded, load_model(file, options.model, /*profile=*/options.log_placement, std::move(changed)));
  RunReport report;
  report.file = file;
  report.load_seconds = loaded.load_seconds;
  report.device = loaded.device.name;
  report.notes = loaded.notes;
  const Runnable runnable{loaded.info(), [&](size_t items, const ItemSource& source, const ItemSink& sink) {
                            return run_through(loaded, items, source, sink);
                          }};
  TRY_STATUS(run_and_report(options, runnable, loaded.file, report));
  if (options.log_placement) {
    TRY(const auto times, loaded.model.op_times());
    report.placement = places_of(loaded.file, loaded.device, times);
    if (has_own_decoder) report.placement.back().place = "CPU (Atoll)";
  }
  return report;
}

ArraySummary summarize(const NdArray& array) {
  const Tensor t = tensor_of(array);
  ArraySummary s{type_text(array.dtype, array.shape), size_t(t.count()), 0, 0, 0, 0, {}};
  if (!visit(t.dtype(), [](auto) {})) return s;
  double sum = 0;
  for (int64_t i = 0; i < t.count(); ++i) {
    const double v = element_as_double(t, i);
    if (s.first.size() < kFirstValues) s.first.push_back(v);
    if (!std::isfinite(v)) continue;
    s.min = s.finite ? std::min(s.min, v) : v;
    s.max = s.finite ? std::max(s.max, v) : v;
    sum += v;
    ++s.finite;
  }
  if (s.finite) s.mean = sum / double(s.finite);
  return s;
}

std::vector<Score> top_scores(const NdArray& array, size_t count) {
  const Tensor t = tensor_of(array);
  std::vector<Score> all;
  if (!visit(t.dtype(), [](auto) {})) return all;
  for (int64_t i = 0; i < t.count(); ++i) all.push_back({size_t(i), element_as_double(t, i)});
  count = std::min(count, all.size());
  const auto higher = [](const Score& a, const Score& b) {
    return a.value > b.value || (a.value == b.value && a.index < b.index);
  };
  std::partial_sort(all.begin(), all.begin() + ptrdiff_t(count), all.end(), higher);
  all.resize(count);
  return all;
}

Result<std::vector<std::string>> read_labels(const std::string& path) {
  TRY(const auto file, MappedFile::open(path));
  const auto bytes = file->bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.size() > kMaxLabelBytes || text.find('\0') != text.npos)
    return error(Code::kFileFormat, fmt::format("'{}' is no list of labels", path), "give a text file with one label a line");
  std::vector<std::string> labels;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    labels.emplace_back(line);
    at = end + 1;
  }
  return labels;
}

}  // namespace atl
