// How long a .tflite file takes, where the time goes, and what memory it needs.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "atoll/run.h"

namespace atl {

struct BenchOptions {
  ModelOptions model;
  int runs = 50, warmup = 5;
  double max_seconds = 30;     ///< no further run is begun after this time, but for the first
  uint64_t seed = 1;           ///< of the inputs
  bool profile = false;        ///< measure every op, in runs of their own
  bool log_placement = false;  ///< find out where every operator runs
  Progress progress;
};

/// The time of one kind of op, or of one op, in one run (mean).
struct OpReport {
  std::string op;  ///< LiteRT's name, or XNNPACK's
  size_t count = 1;
  int64_t node = -1;  ///< of one op: its index in the file, inside the delegate that of the delegate's op
  double seconds = 0, share = 0;
  bool in_delegate = false;  ///< of XNNPACK's
  bool on_edgetpu = false;
};

struct BenchReport {
  std::string file, signature, kernels;
  uint64_t file_bytes = 0;
  std::vector<PortReport> inputs;
  double load_seconds = 0, first_seconds = 0;  ///< of the first run, which is not among the others
  size_t runs = 0;
  double min_seconds = 0, median_seconds = 0, p90_seconds = 0, max_seconds = 0, mean_seconds = 0;
  uint64_t peak_rss_bytes = 0;  ///< by which the process grew at most, LiteRT's own code not included; 0 when unknown
  size_t profiled_runs = 0;
  std::vector<OpReport> op_types;  ///< slowest first
  std::vector<OpReport> slowest;   ///< at most ten ops
  double delegate_share = 0;       ///< of the time of all ops
  std::string device;              ///< where it ran, see RunReport
  std::vector<std::string> notes;
  std::vector<OpPlace> placement;  ///< with log_placement
};

/// Runs a model again and again on seeded random inputs. E: of loading and running; kUsage for options without meaning.
Result<BenchReport> bench(const std::string& file, const BenchOptions& options = {});

}  // namespace atl
