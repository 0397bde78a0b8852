#include "verify/range_effects.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <set>

#include "ops/fixed_point.h"
#include "verify/evaluate.h"

namespace atl {
namespace {

// What a run costs on two cores, roughly: opening a file, packing its weights, one run and its multiplications.
constexpr double kOpenMs = 4, kPackMsPerMegabyte = 0.8, kRunMs = 0.3, kMultiplicationsPerMs = 5e7;

// What one sample gave in the float model.
struct FloatRun {
  std::vector<NdArray> inputs;
  std::map<Value, std::vector<float>> values;
  std::vector<std::vector<float>> outputs;
};

std::span<const float> floats(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)};
}

// Values as they are after quantization.
std::vector<float> rounded(std::span<const float> values, const QuantParams& q, DType t) {
  const IntegerRange range = integer_range(t);
  const float scale = q.scale[0], inverse = 1 / scale, zero = float(q.zero_point[0]);
  std::vector<float> out(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const float v = std::nearbyint(values[i] * inverse) + zero;
    out[i] = (std::clamp(v, float(range.low), float(range.high)) - zero) * scale;
  }
  return out;
}

class EffectMeter {
 public:
  EffectMeter(const Graph& g, std::shared_ptr<const LiteRtLibrary> library, const RangeEffectOptions& options)
      : g_(g), library_(std::move(library)), options_(options) {}

  Status keep_runs(const std::vector<RangeTrial>& trials, const SampleSource& samples, std::span<const size_t> which);
  Status measure(RangeTrial& trial);
  /// What measuring would cost, in estimated milliseconds.
  Result<double> cost(const RangeTrial& trial) const;

 private:
  Result<Graph> rest_behind(const RangeTrial& trial) const;
  Result<std::vector<double>> noise_of(CompiledModel& model, const RangeTrial& trial, const QuantParams& q) const;

  const Graph& g_;
  std::shared_ptr<const LiteRtLibrary> library_;
  const RangeEffectOptions& options_;
  std::vector<FloatRun> runs_;
  std::vector<double> signal_;  // by output
};

Status EffectMeter::keep_runs(const std::vector<RangeTrial>& trials, const SampleSource& samples,
                              std::span<const size_t> which) {
  std::set<Value> wanted;
  size_t bytes = 0;
  for (const RangeTrial& t : trials)
    for (Value v : t.sources)
      if (wanted.insert(v).second) bytes += size_t(element_count(g_.type(v).shape)) * sizeof(float);
  std::vector<Value> values(wanted.begin(), wanted.end());
  for (const Port& p : g_.outputs()) values.push_back(p.value);
  const size_t affordable = std::max<size_t>(1, options_.kept_bytes / std::max<size_t>(1, bytes));
  const size_t count = std::min({which.size(), options_.samples, affordable});
  TRY(const WrittenFileSource file, written_in_memory(g_));
  TRY(ExposedModel model, ExposedModel::open(library_, g_, file, values, options_.run));
  signal_.assign(g_.outputs().size(), 0.0);
  for (size_t i = 0; i < count; ++i) {
    FloatRun run;
    TRY(run.inputs, samples.get(which[i * which.size() / count]));
    run.outputs.resize(g_.outputs().size());
    TRY_STATUS(model.run(run.inputs, [&](size_t k, std::span<const std::byte> b) -> Status {
      const Value v = model.values()[k];
      const auto x = floats(b);
      if (g_.type(v).dtype != DType::kF32) return {};
      for (size_t o = 0; o < g_.outputs().size(); ++o)
        if (g_.outputs()[o].value == v && run.outputs[o].empty()) {
          run.outputs[o].assign(x.begin(), x.end());
          for (const float f : x) signal_[o] += double(f) * double(f);
        }
      if (wanted.count(v)) run.values[v].assign(x.begin(), x.end());
      return {};
    }));
    runs_.push_back(std::move(run));
  }
  return {};
}

Result<std::vector<double>> EffectMeter::noise_of(CompiledModel& model, const RangeTrial& trial, const QuantParams& q) const {
  std::vector<double> noise(g_.outputs().size(), 0.0);
  TRY(const size_t signature, model.find_signature());
  const size_t given = model.signatures()[signature].inputs.size();
  for (const FloatRun& run : runs_) {
    for (size_t i = 0; i < given; ++i) {
      TRY(const BufferView view, model.input(signature, i));
      if (i < run.inputs.size()) {
        const bool probed = std::ranges::find(trial.sources, g_.inputs()[i].value) != trial.sources.end();
        if (probed) {
          const auto x = rounded(floats(run.inputs[i].bytes), q, trial.data);
          std::memcpy(view.bytes().data(), x.data(), std::min(view.bytes().size(), x.size() * sizeof(float)));
        } else {
          std::memcpy(view.bytes().data(), run.inputs[i].bytes.data(),
                      std::min(view.bytes().size(), run.inputs[i].bytes.size()));
        }
        continue;
      }
      size_t probe = i - run.inputs.size();
      for (Value v : trial.sources) {
        if (g_.is(v, OpCode::kInput) || probe-- > 0) continue;
        const auto x = rounded(run.values.at(v), q, trial.data);
        std::memcpy(view.bytes().data(), x.data(), std::min(view.bytes().size(), x.size() * sizeof(float)));
        break;
      }
    }
    TRY_STATUS(model.run(signature));
    for (size_t o = 0; o < g_.outputs().size(); ++o) {
      if (run.outputs[o].empty()) continue;
      TRY(const BufferView view, model.output(signature, o));
      const auto y = floats(view.bytes());
      for (size_t k = 0; k < run.outputs[o].size() && k < y.size(); ++k) {
        const double e = double(y[k]) - double(run.outputs[o][k]);
        noise[o] += e * e;
      }
    }
  }
  return noise;
}

// The graph with the trial's values as further inputs.
Result<Graph> EffectMeter::rest_behind(const RangeTrial& trial) const {
  Graph rest = g_;
  for (size_t i = 0; i < trial.sources.size(); ++i) {
    const Value v = trial.sources[i];
    if (g_.is(v, OpCode::kInput)) continue;
    const Value probe = rest.add_input(fmt::format("probe {}", i), g_.type(v));
    TRY_STATUS(rest.replace(v, probe));
  }
  rest.remove_dead_nodes();
  return rest;
}

Result<double> EffectMeter::cost(const RangeTrial& trial) const {
  TRY(const Graph rest, rest_behind(trial));
  return estimated_milliseconds(rest, runs_.size() * trial.candidates.size());
}

Status EffectMeter::measure(RangeTrial& trial) {
  TRY(const Graph rest, rest_behind(trial));
  TRY(WrittenFileSource file, written_in_memory(rest));
  RunOptions run;
  run.threads = options_.run.threads;
  TRY(CompiledModel model, CompiledModel::load(library_, std::move(file.bytes), run));
  for (const QuantParams& q : trial.candidates) {
    TRY(const std::vector<double> noise, noise_of(model, trial, q));
    std::vector<double> relative;
    for (size_t o = 0; o < noise.size(); ++o) relative.push_back(signal_[o] > 0 ? noise[o] / signal_[o] : 0);
    trial.effects.push_back(std::accumulate(relative.begin(), relative.end(), 0.0));
    trial.effects_by_output.push_back(std::move(relative));
  }
  return {};
}

}  // namespace

Result<double> estimated_milliseconds(const Graph& g, size_t runs) {
  double work = 0, bytes = 0;
  for (uint32_t id : g.topological_order()) {
    if (!g[id].constant) {
      if (g[id].op->code != OpCode::kInput) work += estimated_work(g, id);
      continue;
    }
    TRY(const size_t size, byte_size(g[id].out[0]));
    bytes += double(size);
  }
  return kOpenMs + bytes / 1e6 * kPackMsPerMegabyte + double(runs) * (kRunMs + work / kMultiplicationsPerMs);
}

Status measure_range_effects(const Graph& g, std::vector<RangeTrial>& trials, const SampleSource& samples,
                             std::span<const size_t> which, std::shared_ptr<const LiteRtLibrary> library,
                             const RangeEffectOptions& options) {
  EffectMeter meter(g, std::move(library), options);
  TRY_STATUS(meter.keep_runs(trials, samples, which));
  std::vector<std::pair<double, size_t>> order;
  for (size_t i = 0; i < trials.size(); ++i) {
    TRY(const double cost, meter.cost(trials[i]));
    order.emplace_back(cost, i);
  }
  std::ranges::sort(order);
  double spent = 0;
  for (size_t k = 0; k < order.size(); ++k) {
    const auto [cost, i] = order[k];
    if (spent + cost > options.milliseconds) continue;
    spent += cost;
    if (options.progress) options.progress(k, order.size());
    TRY_STATUS(meter.measure(trials[i]));
  }
  return {};
}

}  // namespace atl
