// A model cut into segments for a pipeline of devices: more than one Edge TPU, or more parameters than one holds.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "support/result.h"

namespace atl {

struct SplitOptions {
  size_t segments = 2;
  std::string folder;           ///< for the files; empty: where the model lies
  std::string compiler = "16";  ///< whose rules the prediction follows, see PlaceOptions::compiler
  /// Cut behind the operators that make these tensors (names in the file, or in its signature) instead of where it balances.
  std::vector<std::string> at;
  bool verify = true;  ///< run the segments and the whole in LiteRT on seeded random inputs, and compare bit by bit
  uint64_t seed = 1;
  std::string litert;  ///< path of libLiteRt.so or its folder; empty: searched
};

/// One segment.
struct SplitSegment {
  std::string file;
  size_t first = 0, last = 0;  ///< operators `first` to `last` - 1 of the model
  size_t mapped = 0;           ///< of them on the Edge TPU
  uint64_t parameter_bytes = 0, on_chip_bytes = 0, streamed_bytes = 0;
  double usb3_ms = 0;  ///< predicted, of the part on the Edge TPU
  std::vector<std::string> inputs, outputs;
};

struct SplitReport {
  std::string model;
  double usb3_ms = 0;     ///< predicted for the whole model on one Edge TPU, of the part that runs there
  bool quantized = true;  ///< false: nothing runs on the Edge TPU, the segments are for CPUs
  std::vector<SplitSegment> segments;
  size_t proven = 0;       ///< sets of inputs on which the segments gave the same bits as the whole
  std::string not_proven;  ///< why not; empty when proven
};

/// Cuts a .tflite file into segments, each a valid file with a signature; writes NAME_segment_I_of_N.tflite for each, all or
/// none. `atoll run --pipeline` runs them. How it balances: edgetpu/pipeline_balance.h. E: kFileMissing, kTflite,
/// kUnsupportedForm (several subgraphs, compiled already), kSymbolic, kUsage (too many segments, names of no tensor),
/// kProofFailed when the chained segments give other bits than the whole (nothing is written then), kWrite.
Result<SplitReport> split_model(const std::string& file, const SplitOptions& options = {});

}  // namespace atl
