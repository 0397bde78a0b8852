// Runs of a .tflite file on files of data, and the comparison with recorded answers.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "atoll/convert.h"
#include "atoll/task.h"
#include "run/nd_array.h"

namespace atl {

/// Which file to run, and how LiteRT computes.
struct ModelOptions {
  std::string signature;             ///< its key; empty: the only one, or "serving_default"
  int threads = 0;                   ///< 0: as many as the process may use, at most 4
  std::string kernels = "delegate";  ///< "delegate" (XNNPACK), "builtin" or "reference"
  std::string litert;                ///< path of libLiteRt.so or its folder; empty: searched
  /// "cpu"; "gpu"; "edgetpu" (any), "edgetpu:1" (that one); "auto": an Edge TPU, else a GPU, else the CPU. Empty: an Edge TPU
  /// for a file that is compiled for it, else the CPU.
  std::string device;
  std::vector<std::string> edgetpu_options;  ///< "NAME=VALUE" for libedgetpu, such as "Performance=Max"
  std::string edgetpu_library;               ///< path of libedgetpu or its folder; empty: ATOLL_EDGETPU, or the system's
  /// "x=4x3x224x224" each: sizes for open axes of inputs, '?' for one that keeps the size that the file states.
  std::vector<std::string> shapes;
  double device_seconds = 20;  ///< an Edge TPU that does not answer for so long is given up
};

/// Where an operator of the file ran.
struct OpPlace {
  size_t index = 0;    ///< in subgraph 0
  std::string op;      ///< "CONV_2D"
  std::string place;   ///< "Edge TPU 0 (USB 2-1)", "GPU", "CPU (XNNPACK)", "CPU (LiteRT's kernel)"
  std::string output;  ///< the name of its first result
};

struct RunModelOptions {
  ModelOptions model;
  /// "[NAME=]FILE" each: .npy, .npz, an image, or raw values. A .npz gives the array NAME, or without NAME all arrays that are
  /// named as inputs are. Leading axes of one element may be left out or added.
  std::vector<std::string> inputs;
  std::optional<uint64_t> random;  ///< seed for the inputs that are not given; without it they are refused
  std::string preprocess;          ///< of images; see run/preprocess.h
  /// Every input has one further axis in front; the model runs once for each index of it, with its variables set back to zero,
  /// and the outputs are stacked along such an axis. Where that axis takes the place of a batch axis of one, so it does in
  /// outputs.
  bool each = false;
  std::string expect;                ///< .npz or .npy of recorded outputs, and "labels" for the accuracy
  std::optional<double> min_snr_db;  ///< of every output in `expect`
  std::string output;                ///< file for the outputs; see write_tensor_file()
  bool log_placement = false;        ///< find out where every operator runs
  std::optional<TaskOptions> task;   ///< what the outputs mean
  /// Files behind the first one: a pipeline, whose segments are connected by the names of their inputs and outputs (as
  /// split_model() writes them). With `each`, all segments work at the same time. ModelOptions::device may name one for each
  /// file, separated by commas.
  std::vector<std::string> behind;
  Progress progress;
};

/// How many scores were highest at the labelled class.
struct Accuracy {
  size_t items = 0, correct = 0;
  std::optional<size_t> recorded_correct;  ///< of the recorded answers
};

/// One file of a pipeline.
struct SegmentRun {
  std::string file, device;
  double median_seconds = 0;
};

struct RunReport {
  std::string file, signature;
  size_t items = 1;  ///< runs
  std::vector<NamedArray> outputs;
  std::vector<OutputProof> comparisons;  ///< with `expect`; `passed` by min_snr_db
  std::optional<Accuracy> accuracy;
  std::string device;              ///< where it ran: "CPU", "GPU", "Edge TPU 0 (USB 2-1)"
  std::vector<std::string> notes;  ///< why it did not run on a device that comes first
  std::vector<OpPlace> placement;  ///< with log_placement
  std::optional<TaskReport> task;  ///< with RunModelOptions::task
  double load_seconds = 0, median_seconds = 0;
  double total_seconds = 0;          ///< from the first item's start to the last one's end
  std::vector<SegmentRun> segments;  ///< of a pipeline
};

/// Runs a model. Outputs that miss min_snr_db are no error: OutputProof::passed says so.
/// E: of loading (kFileMissing, kTflite, kRuntimeMissing, kDevice, kDeviceLibrary, ...); kInput for inputs that are missing or
/// do not fit (with the list of inputs that the model wants), for recorded outputs of other shapes and for files that are no
/// pipeline; of reading and writing the files.
Result<RunReport> run_model(const std::string& file, const RunModelOptions& options);

/// An array in a few numbers.
struct ArraySummary {
  std::string type;  ///< "f32[1,10]"
  size_t elements = 0, finite = 0;
  double min = 0, max = 0, mean = 0;  ///< of the finite elements
  std::vector<double> first;          ///< at most eight
};
ArraySummary summarize(const NdArray& array);

/// A class and its score.
struct Score {
  size_t index = 0;
  double value = 0;
};
/// The `count` highest elements, highest first, the lower index first among equals.
std::vector<Score> top_scores(const NdArray& array, size_t count);

/// The lines of a text file. E: kFileMissing, kFileFormat.
Result<std::vector<std::string>> read_labels(const std::string& path);

}  // namespace atl
