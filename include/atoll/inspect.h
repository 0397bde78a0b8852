// What is in a file: models of LiteRT and PyTorch, arrays, images, and what else a person may hand over by mistake.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "atoll/convert.h"

namespace atl {

struct InspectOptions {
  bool operators = false;  ///< list every operator
  bool tensors = false;    ///< list every tensor
  bool graph = false;      ///< the text form of the graph (a .pt2 is imported for it)
};

/// A way to call a model. Files without signatures have one with an empty key for every subgraph 0.
struct SignatureReport {
  std::string key;
  size_t subgraph = 0;
  std::vector<PortReport> inputs, outputs;
};

/// How often an operator occurs.
struct OperatorCount {
  std::string name;
  int version = 0;  ///< LiteRT's version of the operator; 0 for operators of a source program
  size_t count = 0;
  bool custom = false;    ///< not one of LiteRT's own
  bool supported = true;  ///< source programs: whether Atoll imports it
};

/// One operator of a model.
struct OperatorReport {
  size_t subgraph = 0, index = 0;
  std::string name;
  int version = 0;
  std::string origin;               ///< where it comes from: a tensor's name, or module and source line
  std::vector<std::string> inputs;  ///< names
  std::vector<PortReport> outputs;
};

/// One tensor of a model.
struct TensorReport {
  size_t subgraph = 0;
  std::string name, type;
  std::string role;    ///< "input", "output", "constant", "variable", "parameter", "buffer", or empty
  uint64_t bytes = 0;  ///< of its constant value
};

/// What Atoll wrote into a .tflite file about itself.
struct AtollEntry {
  std::string version, source_sha256, proof;
  int proof_inputs = 0;
  std::optional<int> proof_min_snr_db;
  std::vector<double> pixel_mean, pixel_std;  ///< of an input that takes pixels: what the model normalizes them by; else empty
};

/// An executable of a package for the Edge TPU.
struct ExecutableReport {
  std::string kind;  ///< "STAND_ALONE", "PARAMETER_CACHING", "EXECUTION_ONLY"
  uint64_t parameter_bytes = 0, instruction_bytes = 0, scratch_bytes = 0, narrow_bytes_per_tile = 0;
  uint64_t input_bytes = 0, output_bytes = 0;  ///< that move in one run
  std::string caching_token;                   ///< hexadecimal; models with one token share the chip's memory
  struct Layer {
    std::string name, data_type;
    int y = 0, x = 0, z = 0;
    double scale = 0;
    int zero_point = 0;
  };
  std::vector<Layer> inputs, outputs;
};

/// What an operator of a compiled model holds for the Edge TPU.
struct PackageReport {
  size_t op = 0;  ///< its index in subgraph 0
  std::string compiler, compiler_release, chip;
  int min_runtime_version = 0;
  uint64_t bytes = 0, cached_bytes = 0, streamed_bytes = 0, scratch_bytes = 0, instruction_bytes = 0;
  std::vector<ExecutableReport> executables;
};

/// A .tflite file.
struct TfliteReport {
  uint32_t schema_version = 0;
  std::string description;
  struct Subgraph {
    std::string name;
    size_t operators = 0, tensors = 0;
  };
  std::vector<Subgraph> subgraphs;
  uint64_t constant_bytes = 0;                             ///< of all buffers that tensors use, each counted once
  std::vector<std::pair<std::string, uint64_t>> metadata;  ///< names and bytes of the entries
  std::optional<AtollEntry> atoll;
  std::vector<PackageReport> packages;  ///< of a model that is compiled for the Edge TPU
};

/// An exported PyTorch program.
struct ProgramReport {
  std::string torch_version, model_name;
  size_t parameters = 0, parameter_tensors = 0;  ///< elements and tensors of parameters, tied ones counted once
  uint64_t stored_bytes = 0;                     ///< of parameters, buffers and constants, tied ones counted once
  size_t buffers = 0, constants = 0;             ///< tensors
  bool has_sample = false;                       ///< example inputs are stored with it
  std::string sample_problem;
  std::vector<std::string> states;     ///< buffers that the program changes, which keep their values from run to run
  std::vector<std::string> mutations;  ///< what else it changes in place, which cannot be converted
};

/// An array of a .npy or .npz file, or the pixels of an image.
struct ArrayReport {
  std::string name, type;
  uint64_t bytes = 0;
};

struct InspectReport {
  std::string path;
  std::string kind;     ///< "tflite", "pt2", "npy", "npz", "image", "other"
  std::string summary;  ///< in words, such as "a LiteRT model"
  std::string hint;     ///< for a file that is no model: what to do with it
  uint64_t bytes = 0;
  std::optional<TfliteReport> tflite;
  std::optional<ProgramReport> program;
  std::vector<ArrayReport> arrays;
  std::vector<SignatureReport> signatures;
  std::vector<OperatorCount> operator_counts;  ///< by name and version
  size_t operator_count = 0;
  std::vector<OperatorReport> operators;
  std::vector<TensorReport> tensors;
  std::string graph;
};

/// Looks into a file of any kind, told by its contents. A file that is no model is no error: its kind and a hint are given.
/// E: kFileMissing, kFileFormat (a directory, an empty file); of a damaged model, archive, array or image; with
/// InspectOptions::graph those of reading and importing.
Result<InspectReport> inspect(const std::string& path, const InspectOptions& options = {});

}  // namespace atl
