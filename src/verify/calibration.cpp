#include "verify/calibration.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <utility>

#include "ir/evaluator.h"
#include "ops/variable_operands.h"
#include "tflite/writer.h"

namespace atl {
namespace {

std::span<const float> floats(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)};
}

bool is_data(const Type& t) { return t.dtype == DType::kF32 && !t.quant; }

/// What calibration keeps of the channels of values that are data of nodes with weights.
class ChannelSums {
 public:
  explicit ChannelSums(const Graph& g) {
    for (uint32_t id : g.topological_order()) {
      const Node& n = g[id];
      if (n.constant || n.in.empty() || !n.in[0].valid() || g.constant(n.in[0]) || n.op->code == OpCode::kInput) continue;
      const Types types = g.types(n.in);
      const QuantRule rule = def_of(*n.op).quantization(*n.op, types);
      if (rule.kind == Quant::kWeighted && rule.weight > 0 && is_data(types[0]) && !types[0].shape.empty())
        sums_.try_emplace(n.in[0], size_t(std::max<int64_t>(types[0].shape.back(), 0)));
    }
  }
  /// All values of one sample.
  void observe(Value v, std::span<const float> values) {
    const auto it = sums_.find(v);
    if (it == sums_.end() || it->second.values.empty()) return;
    Sums& sums = it->second;
    const size_t channels = sums.values.size();
    std::vector<float> rows(channels, 0.0f), squares(channels, 0.0f), reach(channels, 0.0f);
    const auto carry = [&] {
      for (size_t c = 0; c < channels; ++c) sums.values[c] += double(std::exchange(rows[c], 0.0f));
      for (size_t c = 0; c < channels; ++c) sums.squares[c] += double(std::exchange(squares[c], 0.0f));
    };
    // Some rows are added in f32, which vectorizes, before they go into the long sums.
    constexpr size_t kRows = 64;
    size_t row = 0;
    for (size_t i = 0; i + channels <= values.size(); i += channels) {
      const float* x = values.data() + i;
      for (size_t c = 0; c < channels; ++c) {
        rows[c] += x[c];
        squares[c] += x[c] * x[c];
        reach[c] = std::max(reach[c], std::fabs(x[c]));
      }
      if (++row % kRows == 0) carry();
    }
    carry();
    for (size_t c = 0; c < channels; ++c) {
      sums.peaks[c] += double(reach[c]);
      sums.reach[c] = std::max(sums.reach[c], double(reach[c]));
    }
    sums.rows += double(row);
    sums.samples += 1;
  }
  void store(Calibration& out) const {
    const auto divided = [](std::vector<double> v, double by) {
      for (double& x : v) x /= by;
      return v;
    };
    for (const auto& [v, sums] : sums_) {
      if (sums.rows == 0) continue;
      out.channel_means[v] = divided(sums.values, sums.rows);
      out.channel_squares[v] = divided(sums.squares, sums.rows);
      out.channel_peaks[v] = divided(sums.peaks, sums.samples);
      out.channel_reach[v] = sums.reach;
    }
  }

 private:
  struct Sums {
    explicit Sums(size_t channels) : values(channels), squares(channels), peaks(channels), reach(channels) {}
    std::vector<double> values, squares, peaks, reach;  // peaks: of the samples' largest magnitudes
    double rows = 0, samples = 0;
  };
  std::map<Value, Sums> sums_;
};

/// The nodes with inner values, which are computed anew from what a run gives for their operands.
class InnerValues {
 public:
  static Result<InnerValues> of(const Graph& g) {
    InnerValues out(g);
    for (uint32_t id : g.topological_order())
      if (def_of(*g[id].op).integer_form && g[id].out[0].dtype == DType::kF32) out.nodes_.push_back(id);
    if (out.nodes_.empty()) return out;
    out.plain_ = std::make_shared<Graph>(g);
    TRY(out.guards_, bypass_variables(*out.plain_));
    for (const uint32_t id : out.nodes_)
      for (const Value v : out.plain()[id].in)
        if (v.valid() && !out.plain().constant(v)) {
          out.wanted_.insert(v);
          if (out.plain().is(v, OpCode::kUnpack)) out.wanted_.insert(out.plain()[v].in[0]);
        }
    return out;
  }
  /// A value of the present run.
  void observe(Value v, std::span<const float> values) {
    if (!wanted_.contains(v)) return;
    Tensor t = Tensor::make(plain().type(v));
    std::memcpy(t.mutable_bytes(), values.data(), std::min(t.byte_count(), values.size_bytes()));
    seen_.insert_or_assign(v, std::move(t));
  }
  /// The end of a run.
  Status finish(Calibration& out) {
    for (const uint32_t id : nodes_) {
      Tensors operands;
      for (const Value v : plain()[id].in) {
        TRY(Tensor t, operand(v));
        operands.push_back(std::move(t));
      }
      const OpBase& op = *plain()[id].op;
      TRY(const Tensors inner, def_of(op).integer_form->inner_values(op, operands));
      std::vector<double>& reach = out.inner_reach[id];
      reach.resize(inner.size());
      for (size_t k = 0; k < inner.size(); ++k)
        for (int64_t i = 0; i < inner[k].count(); ++i) reach[k] = std::max(reach[k], std::fabs(element_as_double(inner[k], i)));
    }
    seen_.clear();
    return {};
  }
  /// What stays in variables, of which a run gives nothing, takes on what its readers see or what fills it.
  void store(Calibration& out) const {
    const auto copy = [&](Value to, Value from) {
      const auto known = out.values.find(from);
      if (known != out.values.end()) out.values.insert_or_assign(to, known->second);
    };
    for (const auto& [state, guard] : guards_) copy(state, guard);
    for (const Value v : wanted_)
      if (g_.is(v, OpCode::kUnpack) && !out.values.contains(v)) copy(v, g_[v].in[0]);
  }

 private:
  explicit InnerValues(const Graph& g) : g_(g) {}
  const Graph& plain() const { return *plain_; }
  // A variable of the file is taken to be zeros.
  Result<Tensor> operand(Value v) {
    if (!v.valid()) return absent_operand();
    if (const Constant* c = plain().constant(v)) return c->materialize();
    const auto seen = seen_.find(v);
    if (seen != seen_.end()) return seen->second;
    if (plain().is(v, OpCode::kUnpack) && seen_.contains(plain()[v].in[0])) {
      TRY(const Tensors parts, evaluate_node(plain(), v.node, std::span(&seen_.at(plain()[v].in[0]), 1)));
      return parts[v.index];
    }
    Tensor zeros = Tensor::make(plain().type(v));
    std::memset(zeros.mutable_bytes(), 0, zeros.byte_count());
    return zeros;
  }

  const Graph& g_;
  std::shared_ptr<Graph> plain_;
  std::map<Value, Value> guards_;
  std::vector<uint32_t> nodes_;
  std::set<Value> wanted_;
  std::map<Value, Tensor> seen_;
};

// Calls f with the position and the arrays of every sample.
template <class F>
Status for_each_sample(const SampleSource& samples, std::span<const size_t> which, const CalibrateOptions& options, F&& f) {
  for (size_t i = 0; i < which.size(); ++i) {
    if (options.progress) options.progress(i, which.size());
    TRY(const auto arrays, samples.get(which[i]));
    TRY_STATUS(f(i, arrays));
  }
  return {};
}

Status evaluate_samples(const Graph& g, const SampleSource& samples, std::span<const size_t> which,
                        const CalibrateOptions& options, std::array<Calibration, 2>& out) {
  Evaluator evaluator(g, Evaluator::Constants::kKeep);
  std::array<ChannelSums, 2> channels{ChannelSums(g), ChannelSums(g)};
  TRY(InnerValues inner, InnerValues::of(g));
  TRY_STATUS(for_each_sample(samples, which, options, [&](size_t i, const std::vector<NdArray>& arrays) -> Status {
    const size_t half = half_of_sample(i, which.size());
    Tensors inputs, results;
    for (const NdArray& a : arrays) inputs.push_back(tensor_of(a));
    const auto observe = [&](Value v, const Tensor& t) {
      if (!is_data(t.type())) return;
      out[half].values[v].observe(t.values<float>());
      channels[half].observe(v, t.values<float>());
      inner.observe(v, t.values<float>());
    };
    for (size_t k = 0; k < g.inputs().size() && k < inputs.size(); ++k) observe(g.inputs()[k].value, inputs[k]);
    TRY(const bool complete, evaluator.run(inputs, results, [&](const Evaluator::Step& step) {
      for (uint32_t k = 0; k < step.results.size(); ++k) observe({step.id, k}, step.results[k]);
      return true;
    }));
    if (!complete) return error(Code::kInternal, "an evaluation ended early");
    return inner.finish(out[half]);
  }));
  for (size_t half = 0; half < out.size(); ++half) {
    channels[half].store(out[half]);
    inner.store(out[half]);
  }
  return {};
}

Status run_samples(const Graph& g, const SampleSource& samples, std::span<const size_t> which,
                   std::shared_ptr<const LiteRtLibrary> library, const CalibrateOptions& options,
                   std::array<Calibration, 2>& out) {
  TRY(const WrittenFileSource file, written_in_memory(g));
  const std::vector<Value> wanted = float_values(g);
  WrittenModelOptions run_options;
  run_options.threads = options.threads;
  TRY(ExposedModel model, ExposedModel::open(std::move(library), g, file, wanted, run_options));
  std::array<ChannelSums, 2> channels{ChannelSums(g), ChannelSums(g)};
  TRY(InnerValues inner, InnerValues::of(g));
  TRY_STATUS(for_each_sample(samples, which, options, [&](size_t i, const std::vector<NdArray>& arrays) -> Status {
    const size_t half = half_of_sample(i, which.size());
    TRY_STATUS(model.run(arrays, [&](size_t index, std::span<const std::byte> bytes) -> Status {
      out[half].values[model.values()[index]].observe(floats(bytes));
      channels[half].observe(model.values()[index], floats(bytes));
      inner.observe(model.values()[index], floats(bytes));
      return {};
    }));
    return inner.finish(out[half]);
  }));
  for (size_t half = 0; half < out.size(); ++half) {
    channels[half].store(out[half]);
    inner.store(out[half]);
  }
  return {};
}

}  // namespace

std::vector<Value> float_values(const Graph& g) {
  std::vector<Value> out;
  for (uint32_t id : g.topological_order()) {
    if (g[id].constant) continue;
    for (uint32_t k = 0; k < g[id].out.size(); ++k)
      if (is_data(g[id].out[k])) out.push_back({id, k});
  }
  return out;
}

Result<WrittenFileSource> written_in_memory(const Graph& g) {
  Model model;
  model.graphs.push_back(g);
  model.signatures.push_back({"serving_default", 0});
  WrittenFileSource file;
  TRY(file.bytes, serialize_tflite(model));
  return file;
}

Result<std::array<Calibration, 2>> calibrate_halves(const Graph& g, const SampleSource& samples, std::span<const size_t> which,
                                                    std::shared_ptr<const LiteRtLibrary> library,
                                                    const CalibrateOptions& options) {
  if (which.empty()) return error(Code::kInput, "there are no samples to calibrate with");
  std::array<Calibration, 2> out;
  TRY_STATUS(library ? run_samples(g, samples, which, std::move(library), options, out)
                     : evaluate_samples(g, samples, which, options, out));
  for (size_t i = 0; i < which.size(); ++i) ++out[half_of_sample(i, which.size())].samples;
  return out;
}

Result<Calibration> calibrate(const Graph& g, const SampleSource& samples, std::span<const size_t> which,
                              std::shared_ptr<const LiteRtLibrary> library, const CalibrateOptions& options) {
  TRY(auto halves, calibrate_halves(g, samples, which, std::move(library), options));
  halves[0].merge(halves[1]);
  return std::move(halves[0]);
}

}  // namespace atl
