#include "atoll/eval.h"

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "api/example_runner.h"
#include "api/loaded_model.h"
#include "api/side_by_side.h"
#include "data/data_loader.h"
#include "ops/window.h"
#include "verify/agreement.h"
#include "verify/classification.h"

namespace atl {
namespace {

constexpr int64_t kTop = 5;
// So many examples are looked at to see whether there are labels.
constexpr size_t kFirstLook = 16;

// A subset of a dataset, spread over it.
class Spread : public Dataset {
 public:
  Spread(std::shared_ptr<const Dataset> dataset, size_t count) : dataset_(std::move(dataset)), count_(count) {}
  size_t size() const override { return count_; }
  Result<Example> get(size_t index) const override { return dataset_->get(index * dataset_->size() / count_); }

 private:
  std::shared_ptr<const Dataset> dataset_;
  size_t count_;
};

// The elements of one example of an output, without the axes of one element.
std::vector<int64_t> inner_shape(const TensorInfo& output) {
  std::vector<int64_t> shape = output.shape;
  std::erase(shape, 1);
  return shape;
}

// The same values with the axes of `shape`: as they are, channels moved, or axes of one element added or left out.
Result<Tensor> aligned(const Tensor& t, const TensorInfo& output, const std::string& file, const Shape& shape) {
  if (t.shape() == shape) return t;
  if (t.shape().size() == shape.size() && shape.size() >= 3)
    for (const Perm& p : {channels_last_perm(shape.size()), inverse(channels_last_perm(shape.size()))})
      if (permuted(t.shape(), p) == shape) return transpose(t, p);
  Shape a = t.shape(), b = shape;
  std::erase(a, 1);
  std::erase(b, 1);
  if (a == b) return t.reshaped(shape);
  return error(Code::kInput,
               fmt::format("output '{}' of '{}' is {}, the first model gives {}", output.name, file, shape_text(t.shape()),
                           shape_text(shape)),
               "models that are compared have the same outputs in the same order");
}

/// One model, and what is counted of it.
struct Subject {
  std::string file;
  ExampleRunner runner;
  std::optional<size_t> scores;  // the output that holds them
  Classification classification;
  size_t same_as_first = 0;
  std::vector<Agreement> agreement;  // by output
  std::vector<double> seconds;

  size_t classes() const { return size_t(inner_shape(runner.outputs()[*scores])[0]); }
};

/// The work of evaluate_models, step by step.
class ModelEvaluation {
 public:
  ModelEvaluation(const std::vector<std::string>& files, const EvalOptions& options) : files_(files), options_(options) {}

  Result<EvalReport> run() {
    if (files_.empty()) return error(Code::kUsage, "no model is named");
    if (options_.data.empty())
      return error(Code::kUsage, "no data is named", "--data FOLDER, or a .npz, .npy, .csv or raw file");
    report_.data = options_.data;
    TRY_STATUS(open_models());
    TRY_STATUS(open_data());
    TRY(DataLoader loader,
        DataLoader::make(dataset_, {.batch_size = 1, .workers = options_.workers, .strict = options_.strict}));
    TRY_STATUS(run_examples(loader));
    for (const SkippedExample& s : loader.skipped()) report_.skipped.push_back(s.error.what);
    TRY_STATUS(check_counts(loader));
    for (Subject& s : subjects_) report_.models.push_back(report_of(s));
    return std::move(report_);
  }

 private:
  Status open_models();
  Status open_data();
  std::vector<size_t> possible_scores(const Subject& s) const;
  Status find_scores(Subject& s) const;
  Status find_all_scores();
  Status check_purpose() const;
  Status name_classes();
  Status run_examples(DataLoader& loader);
  Status run_example(const Batch& batch);
  Status count_label(int64_t label, const std::string& example, std::span<const Tensors> answers);
  Status check_counts(const DataLoader& loader);
  EvalModel report_of(Subject& s) const;
  bool labelled() const { return labels_ > 0; }

  const std::vector<std::string>& files_;
  const EvalOptions& options_;
  EvalReport report_;
  std::vector<Subject> subjects_;
  std::shared_ptr<const SideBySide> examples_;
  std::shared_ptr<const Dataset> dataset_;  // examples_, or some of them
  std::vector<int64_t> class_of_folder_;    // empty: labels are the models' classes
  size_t labels_ = 0;
  bool ignore_labels_ = false;  // no output has one score a class
  std::map<int64_t, size_t> label_counts_;
};

Status ModelEvaluation::open_models() {
  for (size_t i = 0; i < files_.size(); ++i) {
    if (options_.progress) options_.progress("opening", double(i), double(files_.size()));
    auto runner = ExampleRunner::open(files_[i], {options_.source_eval, options_.model});
    if (!runner) return std::move(runner.error());
    subjects_.push_back({files_[i], std::move(*runner), {}, {}, 0, {}, {}});
    subjects_.back().agreement.resize(subjects_.back().runner.outputs().size());
    const size_t first = subjects_[0].runner.outputs().size(), own = subjects_.back().runner.outputs().size();
    if (own != first)
      return error(Code::kInput, fmt::format("'{}' has {} outputs, '{}' has {}", files_[i], own, files_[0], first),
                   "models that are compared have the same outputs in the same order");
  }
  return {};
}

Status ModelEvaluation::open_data() {
  std::vector<std::vector<TensorInfo>> inputs;
  for (const Subject& s : subjects_) inputs.push_back(s.runner.inputs());
  TRY(examples_,
      SideBySide::open(options_.data, {.preprocess = options_.preprocess, .inputs = {}, .label = options_.label_name}, inputs,
                       files_));
  dataset_ = examples_;
  if (options_.max_examples > 0 && options_.max_examples < examples_->size())
    dataset_ = std::make_shared<Spread>(examples_, options_.max_examples);
  TRY_STATUS(check_purpose());
  return name_classes();
}

// A run of hours that can say nothing is refused before it starts.
Status ModelEvaluation::check_purpose() const {
  if (subjects_.size() > 1) return {};
  for (size_t i = 0; i < std::min(kFirstLook, dataset_->size()); ++i)
    if (const auto example = dataset_->get(i)) {
      if (example->label) return {};
      return error(
          Code::kInput, fmt::format("'{}' has no labels, and there is no second model to compare with", options_.data),
          "labels: one subfolder a class, or an array 'labels' in the .npz (--label-name NAME); or name another model");
    }
  return {};
}

Status ModelEvaluation::name_classes() {
  report_.classes = examples_->classes();
  if (options_.class_names.empty()) return {};
  TRY(auto names, read_labels(options_.class_names));
  while (!names.empty() && names.back().empty()) names.pop_back();
  for (const std::string& folder : examples_->classes()) {
    const auto at = std::ranges::find(names, folder);
    if (at == names.end())
      return error(Code::kInput, fmt::format("'{}' names no class '{}', as a folder of '{}' is called", options_.class_names,
                                             folder, options_.data));
    class_of_folder_.push_back(at - names.begin());
  }
  report_.classes = std::move(names);
  return {};
}

std::vector<size_t> ModelEvaluation::possible_scores(const Subject& s) const {
  const auto& outputs = s.runner.outputs();
  std::vector<size_t> possible;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!options_.output.empty() && outputs[i].name != options_.output) continue;
    const auto shape = inner_shape(outputs[i]);
    if (shape.size() == 1 && shape[0] > 1) possible.push_back(i);
  }
  // Files whose outputs have other names have them in the same order.
  if (possible.empty() && !options_.output.empty() && subjects_[0].scores) possible = {*subjects_[0].scores};
  return possible;
}

Status ModelEvaluation::find_scores(Subject& s) const {
  const auto& outputs = s.runner.outputs();
  const std::vector<size_t> possible = possible_scores(s);
  std::string list;
  for (const TensorInfo& t : outputs) list += fmt::format("{}{} {}", list.empty() ? "" : ", ", t.name, t.text());
  if (possible.size() == 1) {
    s.scores = possible[0];
  } else {
    return error(Code::kInput,
                 possible.empty() ? fmt::format("the data has labels, but '{}' has no output{} of one score a class", s.file,
                                                options_.output.empty() ? "" : fmt::format(" '{}'", options_.output))
                                  : fmt::format("the data has labels, and several outputs of '{}' may hold the scores", s.file),
                 fmt::format("{}its outputs: {}", possible.empty() ? "" : "name one with --output; ", list));
  }
  const size_t scores = s.classes(), named = report_.classes.size();
  if (named == 0 || named == scores) return {};
  const bool from_file = !options_.class_names.empty();
  return error(
      Code::kInput,
      fmt::format("output '{}' of '{}' has {} scores, {} {} classes", outputs[*s.scores].name, s.file, scores,
                  from_file ? fmt::format("'{}' names", options_.class_names) : fmt::format("'{}' has", options_.data), named),
      from_file ? "" : "a folder with some of the classes: --labels FILE names all of them, one a line, as the folders");
}

// Pictures for a detector may lie in subfolders too.
Status ModelEvaluation::find_all_scores() {
  const bool asked_for = !options_.output.empty() || !options_.class_names.empty();
  const auto none = std::ranges::find_if(subjects_, [&](const Subject& s) { return possible_scores(s).empty(); });
  if (none != subjects_.end() && subjects_.size() > 1 && !asked_for) {
    ignore_labels_ = true;
    report_.notes.push_back(fmt::format("the labels are not used: '{}' has no output of one score a class", none->file));
    return {};
  }
  for (Subject& s : subjects_) TRY_STATUS(find_scores(s));
  return {};
}

Status ModelEvaluation::run_examples(DataLoader& loader) {
  for (size_t done = 0;; ++done) {
    if (options_.progress) options_.progress("evaluating", double(done), double(dataset_->size()));
    TRY(const auto batch, loader.next());
    if (!batch) return {};
    TRY_STATUS(run_example(*batch));
    ++report_.examples;
  }
}

Status ModelEvaluation::run_example(const Batch& batch) {
  std::vector<Tensors> answers;
  for (size_t i = 0; i < subjects_.size(); ++i) {
    Subject& s = subjects_[i];
    std::vector<NdArray> inputs;
    for (size_t k = 0; k < s.runner.inputs().size(); ++k) {
      const NdArray& a = batch.arrays[examples_->first_array(i) + k].array;
      // The loader has put an axis of one example in front.
      inputs.push_back({a.dtype, {a.shape.begin() + 1, a.shape.end()}, a.bytes});
    }
    const auto start = std::chrono::steady_clock::now();
    TRY(Tensors outputs, s.runner.run(inputs));
    s.seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    for (size_t k = 0; k < outputs.size() && i > 0; ++k) {
      TRY(const Tensor got, aligned(outputs[k], s.runner.outputs()[k], s.file, answers[0][k].shape()));
      TRY_STATUS(s.agreement[k].add(answers[0][k], got));
    }
    answers.push_back(std::move(outputs));
  }
  if (batch.labels.empty() || ignore_labels_) return {};
  return count_label(batch.labels[0], batch.names[0], answers);
}

Status ModelEvaluation::count_label(int64_t label, const std::string& example, std::span<const Tensors> answers) {
  if (!labelled()) {
    TRY_STATUS(find_all_scores());
    if (ignore_labels_) return {};
  }
  if (!class_of_folder_.empty()) label = class_of_folder_[size_t(label)];
  ++labels_;
  ++label_counts_[label];
  const auto first = highest(answers[0][*subjects_[0].scores]);
  for (size_t i = 0; i < subjects_.size(); ++i) {
    Subject& s = subjects_[i];
    if (label < 0 || size_t(label) >= s.classes())
      return error(Code::kInput,
                   fmt::format("{} has label {}, output '{}' of '{}' has {} scores", example, label,
                               s.runner.outputs()[*s.scores].name, s.file, s.classes()),
                   "labels count the classes from 0");
    s.classification.add(answers[i][*s.scores], label);
    s.same_as_first += highest(answers[i][*s.scores]) == first;
  }
  return {};
}

Status ModelEvaluation::check_counts(const DataLoader& loader) {
  if (report_.examples == 0) {
    Error e = error(Code::kInput, fmt::format("none of the {} examples of '{}' can be read", dataset_->size(), options_.data));
    if (!loader.skipped().empty()) e.others.push_back(loader.skipped()[0].error);
    return e;
  }
  if (!labelled() && !ignore_labels_) report_.notes.push_back("no labels: the models are compared with the first one alone");
  if (labelled() && labels_ < report_.examples)
    report_.notes.push_back(
        fmt::format("{} of {} examples have no label and count for no accuracy", report_.examples - labels_, report_.examples));
  if (label_counts_.size() == 1 && labels_ > 1)
    report_.notes.push_back(fmt::format("all labelled examples are of class {}: the accuracy says nothing of the others",
                                        label_counts_.begin()->first));
  return {};
}

EvalModel ModelEvaluation::report_of(Subject& s) const {
  EvalModel m;
  m.file = s.file;
  m.computed_by = s.runner.computed_by();
  for (const TensorInfo& t : s.runner.inputs()) m.inputs.push_back(type_text(t.dtype, t.shape));
  std::error_code e;
  m.bytes = std::filesystem::file_size(s.file, e);
  std::ranges::sort(s.seconds);
  m.median_seconds = median(s.seconds);
  if (labelled()) {
    const Classification& c = s.classification;
    m.classification = ClassificationReport{c.examples, s.classes(), c.top1, {}, c.undecided, c.confusion, s.same_as_first};
    if (int64_t(s.classes()) > kTop) m.classification->top5 = c.top5;
  }
  if (&s == &subjects_[0]) return m;
  for (size_t i = 0; i < s.agreement.size(); ++i) {
    const Agreement& a = s.agreement[i];
    m.outputs.push_back({s.runner.outputs()[i].name, a.mean_snr_db(), a.mean_cosine(), a.max_error(), a.misplaced()});
  }
  return m;
}

}  // namespace

Result<EvalReport> evaluate_models(const std::vector<std::string>& files, const EvalOptions& options) {
  return ModelEvaluation(files, options).run();
}

}  // namespace atl
