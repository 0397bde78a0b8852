// Models side by side on a dataset: accuracy where it is labelled, and how near each model's answers are to the first one's.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "atoll/run.h"

namespace atl {

struct EvalOptions {
  /// Examples: a folder of images (one subfolder a class, or flat) or arrays, .npy, .npz, .csv, raw values (data/dataset.h).
  std::string data;
  std::string preprocess;    ///< of images; see run/preprocess.h
  std::string label_name;    ///< array or column of the labels; empty: "labels", "label" or "y"
  std::string class_names;   ///< text file, one class of the models a line; subfolders are found by name in it
  std::string output;        ///< the output that holds the scores; empty: the only one that may
  size_t max_examples = 0;   ///< spread over the data; 0: all
  bool strict = false;       ///< an example that cannot be read is an error; else it is left out and listed
  bool source_eval = false;  ///< .pt2 by the ops' own eval, in place of their float file in LiteRT
  size_t workers = 1;        ///< threads that read examples ahead
  ModelOptions model;
  Progress progress;
};

/// How often the labelled class had the highest score.
struct ClassificationReport {
  size_t examples = 0, classes = 0;
  size_t top1 = 0;
  std::optional<size_t> top5;  ///< with more than five classes
  size_t undecided = 0;        ///< examples without one finite score, counted as wrong
  /// How often class .second was found where .first is right; pairs that did not occur are absent.
  std::map<std::pair<int64_t, int64_t>, size_t> confusion;
  size_t same_as_first = 0;  ///< examples for which the first model finds the same class
};

/// One output beside the first model's.
struct OutputAgreement {
  std::string name;
  double snr_db = 0;     ///< mean over the examples, each counted from -150 to 150 dB; 999 when all are equal
  double cosine = 0;     ///< mean over the examples
  double max_error = 0;  ///< largest absolute difference
  size_t misplaced = 0;  ///< examples with a NaN or infinity on one side only
};

struct EvalModel {
  std::string file;
  std::string computed_by;          ///< "LiteRT" or "eval"
  std::vector<std::string> inputs;  ///< types: "i8[1,3,224,224]"
  uint64_t bytes = 0;               ///< of the file
  double median_seconds = 0;        ///< of a run
  std::optional<ClassificationReport> classification;
  std::vector<OutputAgreement> outputs;  ///< empty for the first model
};

struct EvalReport {
  std::string data;
  size_t examples = 0;
  std::vector<std::string> classes;  ///< names, where they are known
  std::vector<std::string> skipped;  ///< why examples were left out, one sentence each
  std::vector<std::string> notes;
  std::vector<EvalModel> models;  ///< in the order given
};

/// Runs all models on all examples, each quantizing its inputs by its own parameters. A model whose images are channels-last
/// takes arrays that are channels-first, and the other way round.
/// E: of reading the models and the data; kInput where the data does not fit a model (both sides stated), where nothing can be
/// said (no labels and one model), for another number of classes than of scores, a label beyond them, and when no example can
/// be read; kUsage without models; kRuntimeMissing.
Result<EvalReport> evaluate_models(const std::vector<std::string>& files, const EvalOptions& options);

}  // namespace atl
