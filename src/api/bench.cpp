#include "atoll/bench.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <map>
#include <numeric>

#include "api/loaded_model.h"
#include "support/mapped_file.h"

namespace atl {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kProfiledRuns = 20;
constexpr size_t kSlowest = 10;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// A line of /proc/self/status in bytes; 0 when it is not there.
uint64_t memory_of(std::string_view key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(key)) return std::strtoull(line.c_str() + key.size(), nullptr, 10) * 1024;
  return 0;
}

// Makes the peak start from the present.
void reset_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

Status fill_inputs(LoadedModel& loaded, const std::vector<NdArray>& inputs) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    TRY(BufferView view, loaded.model.input(loaded.signature, i));
    if (!inputs[i].bytes.empty())
      std::memcpy(view.bytes().data(), inputs[i].bytes.data(), std::min(view.bytes().size(), inputs[i].bytes.size()));
  }
  return {};
}

Result<double> timed_run(LoadedModel& loaded) {
  const auto start = Clock::now();
  TRY_STATUS(loaded.model.run(loaded.signature));
  return since(start);
}

Status measure(LoadedModel& loaded, const BenchOptions& options, BenchReport& report) {
  const auto start = Clock::now();
  TRY(report.first_seconds, timed_run(loaded));
  for (int i = 1; i < options.warmup && since(start) < options.max_seconds / 4; ++i)
    TRY_STATUS(loaded.model.run(loaded.signature));
  std::vector<double> seconds;
  for (int i = 0; i < options.runs && (i == 0 || since(start) < options.max_seconds); ++i) {
    if (options.progress) options.progress("measuring", i, options.runs);
    TRY(const double s, timed_run(loaded));
    seconds.push_back(s);
  }
  std::ranges::sort(seconds);
  report.runs = seconds.size();
  report.min_seconds = seconds.front();
  report.max_seconds = seconds.back();
  report.median_seconds = median(seconds);
  report.p90_seconds = seconds[(seconds.size() * 9 + 9) / 10 - 1];
  report.mean_seconds = std::accumulate(seconds.begin(), seconds.end(), 0.0) / double(seconds.size());
  return {};
}

// Sums by op over all runs; ops are told apart by their place in the file.
struct OpSums {
  struct Key {
    bool in_delegate;
    int64_t subgraph, node;
    std::string op;
    auto operator<=>(const Key&) const = default;
  };
  std::map<Key, double> seconds;
};

void report_ops(const OpSums& sums, int runs, BenchReport& report) {
  double total = 0, delegated = 0;
  std::map<std::pair<std::string, bool>, OpReport> types;
  for (const auto& [key, seconds] : sums.seconds) {
    const double each = seconds / runs;
    total += each;
    if (key.in_delegate) delegated += each;
    report.slowest.push_back({key.op, 1, key.node, each, 0, key.in_delegate, key.op == kEdgeTpuKernel});
    OpReport& type = types[{key.op, key.in_delegate}];
    type.count = type.op.empty() ? 1 : type.count + 1;
    type.op = key.op;
    type.in_delegate = key.in_delegate;
    type.on_edgetpu = key.op == kEdgeTpuKernel;
    type.seconds += each;
  }
  for (auto& [key, type] : types) report.op_types.push_back(std::move(type));
  const auto slower = [](const OpReport& a, const OpReport& b) { return a.seconds > b.seconds; };
  std::ranges::stable_sort(report.op_types, slower);
  std::ranges::stable_sort(report.slowest, slower);
  if (report.slowest.size() > kSlowest) report.slowest.resize(kSlowest);
  if (total <= 0) return;
  for (OpReport& op : report.op_types) op.share = op.seconds / total;
  for (OpReport& op : report.slowest) op.share = op.seconds / total;
  report.delegate_share = delegated / total;
}

// In a model of its own, because the profiler costs time.
Status profile(const std::string& file, const std::vector<NdArray>& inputs, const BenchOptions& options, BenchReport& report) {
  TRY(LoadedModel loaded, load_model(file, options.model, /*profile=*/true));
  TRY_STATUS(fill_inputs(loaded, inputs));
  TRY_STATUS(loaded.model.run(loaded.signature));
  if (options.log_placement) {
    TRY(const auto times, loaded.model.op_times());
    report.placement = places_of(loaded.file, loaded.device, times);
  }
  if (!options.profile) return {};
  OpSums sums;
  const auto start = Clock::now();
  int runs = 0;
  const int wanted = std::min(options.runs, kProfiledRuns);
  for (; runs < wanted && (runs == 0 || since(start) < options.max_seconds / 2); ++runs) {
    if (options.progress) options.progress("profiling", runs, wanted);
    TRY_STATUS(loaded.model.run(loaded.signature));
    TRY(const auto times, loaded.model.op_times());
    for (const OpTime& t : times) sums.seconds[{t.in_delegate, t.subgraph, t.node, t.op}] += t.microseconds * 1e-6;
  }
  report.profiled_runs = size_t(runs);
  report_ops(sums, runs, report);
  return {};
}

// Gives the inputs. The model is closed at the end, because a device is opened once at a time.
Result<std::vector<NdArray>> measure_alone(const std::string& file, const BenchOptions& options, BenchReport& report) {
  reset_peak();
  const uint64_t before = memory_of("VmRSS:");
  TRY(LoadedModel loaded, load_model(file, options.model));
  report.load_seconds = loaded.load_seconds;
  report.signature = loaded.info().key;
  report.device = loaded.device.name;
  report.notes = loaded.notes;
  for (const TensorInfo& t : loaded.info().inputs) report.inputs.push_back({t.name, type_text(t.dtype, t.shape), {}});
  TRY(auto inputs, random_arrays(file, loaded.info(), options.seed));
  TRY_STATUS(fill_inputs(loaded, inputs));
  TRY_STATUS(measure(loaded, options, report));
  const uint64_t peak = memory_of("VmHWM:");
  report.peak_rss_bytes = before > 0 && peak > before ? peak - before : 0;
  return inputs;
}

}  // namespace

Result<BenchReport> bench(const std::string& file, const BenchOptions& options) {
  if (options.runs < 1) return error(Code::kUsage, "at least one run is needed");
  BenchReport report;
  report.file = file;
  report.kernels = options.model.kernels;
  {
    TRY(const auto mapped, MappedFile::open(file));
    report.file_bytes = mapped->bytes().size();
  }
  // The library itself is no part of a model's memory.
  TRY(const auto library, LiteRtLibrary::find(options.model.litert));
  TRY(const auto inputs, measure_alone(file, options, report));
  if (options.profile || options.log_placement) TRY_STATUS(profile(file, inputs, options, report));
  return report;
}

}  // namespace atl
