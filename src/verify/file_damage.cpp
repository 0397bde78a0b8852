#include "verify/file_damage.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <unordered_map>

#include "ops/fixed_point.h"
#include "ops/quantized.h"
#include "verify/written_values.h"

namespace atl {
namespace {

/// Sums over one channel of a layer, of float values f and dequantized ones q.
struct ChannelSums {
  double ff = 0, fq = 0, qq = 0;
};

struct LayerPair {
  Value value;
  int32_t tensor = -1;  ///< of the quantized file
  Type type;
  std::vector<ChannelSums> channels;
  uint64_t count = 0, saturated = 0;
  int32_t lowest = std::numeric_limits<int32_t>::max(), highest = std::numeric_limits<int32_t>::min();
};

std::span<const float> floats(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)};
}

void observe(LayerPair& pair, std::span<const float> real, std::span<const std::byte> bytes) {
  const Tensor t = Tensor::view(pair.type, bytes.data(), nullptr);
  const double scale = scale_of(pair.type);
  const int32_t zero = zero_point_of(pair.type);
  const IntegerRange range = integer_range(pair.type.dtype);
  const double low = scale * (double(range.low - zero) - 0.5), high = scale * (double(range.high - zero) + 0.5);
  const size_t channels = pair.channels.size();
  const bool integers = pair.type.quant.has_value();
  for (size_t i = 0, c = 0; i < real.size(); ++i) {
    const int32_t n = integers ? integer_at(t, int64_t(i)) : 0;
    const double f = double(real[i]), q = integers ? scale * double(n - zero) : double(t.data<float>()[i]);
    ChannelSums& s = pair.channels[c];
    s.ff += f * f;
    s.fq += f * q;
    s.qq += q * q;
    if (integers) {
      pair.lowest = std::min(pair.lowest, n);
      pair.highest = std::max(pair.highest, n);
      pair.saturated += (n == range.low && f < low) || (n == range.high && f > high);
    }
    if (++c == channels) c = 0;
  }
  pair.count += real.size();
}

FileLayer layer_of(const LayerPair& pair) {
  FileLayer out{.value = pair.value, .type = pair.type};
  ValueDamage sums;
  for (const ChannelSums& s : pair.channels) {
    const double gain = s.ff > 0 && s.fq > 0 ? s.fq / s.ff : 1;
    sums.signal += gain * gain * s.ff;
    sums.noise += std::max(0.0, s.qq - 2 * gain * s.fq + gain * gain * s.ff);
  }
  out.snr_db = sums.snr_db();
  if (!pair.type.quant || pair.highest < pair.lowest) return out;
  out.saturated = pair.count ? double(pair.saturated) / double(pair.count) : 0;
  const IntegerRange r = integer_range(pair.type.dtype);
  out.used = (double(pair.highest) - double(pair.lowest)) / (double(r.high) - double(r.low));
  return out;
}

/// Results of operators by name, with the number of their operator.
std::unordered_map<std::string, std::pair<int32_t, size_t>> results_by_name(const FileTensors& file) {
  std::unordered_map<std::string, std::pair<int32_t, size_t>> out;
  for (size_t i = 0; i < file.operators().size(); ++i)
    for (const int32_t t : file.operators()[i].outputs)
      if (t >= 0) out.try_emplace(file.tensors()[size_t(t)].name, t, i);
  return out;
}

/// The layers that both files have.
Result<std::vector<LayerPair>> match_layers(const Graph& g, const WrittenValues& real, const FileTensors& file,
                                            size_t& unmatched) {
  const auto there = results_by_name(file), here = results_by_name(real.file());
  std::vector<LayerPair> out;
  for (Value v : float_values(g)) {
    const int32_t t = real.tensor_of(v);
    if (t < 0) continue;
    const auto& own = real.file().tensors()[size_t(t)];
    const auto at = here.find(own.name), other = there.find(own.name);
    const bool found = at != here.end() && other != there.end() &&
                       file.operators()[other->second.second].builtin == real.file().operators()[at->second.second].builtin;
    if (!found) {
      ++unmatched;
      continue;
    }
    const auto& entry = file.tensors()[size_t(other->second.first)];
    const bool comparable = entry.shape == own.shape && !entry.is_variable &&
                            (entry.dtype == DType::kF32 || (entry.quant && entry.quant->scale.size() == 1));
    if (!comparable) {
      ++unmatched;
      continue;
    }
    LayerPair pair{.value = v, .tensor = other->second.first, .type = Type{entry.dtype, entry.shape, entry.quant}};
    pair.channels.resize(size_t(entry.shape.empty() ? 1 : std::max<int64_t>(1, entry.shape.back())));
    out.push_back(std::move(pair));
  }
  return out;
}

/// The quantized file with the tensors of its layers as further outputs.
struct QuantizedRun {
  CompiledModel model;
  size_t signature = 0;
  std::vector<size_t> inputs, outputs, layers;  ///< by port of the float graph, by layer
};

Result<QuantizedRun> open_quantized(const Graph& g, const FileTensors& file, const std::vector<LayerPair>& layers,
                                    std::shared_ptr<const LiteRtLibrary> library, const WrittenModelOptions& options) {
  std::vector<int32_t> tensors;
  for (const LayerPair& p : layers) tensors.push_back(p.tensor);
  std::vector<std::string> names;
  TRY(std::vector<std::byte> copy, file.expose(tensors, names));
  RunOptions run;
  run.threads = options.threads;
  run.kernel_mode = options.kernel_mode;
  TRY(CompiledModel compiled, CompiledModel::load(std::move(library), std::move(copy), run));
  QuantizedRun out{std::move(compiled), 0, {}, {}, {}};
  TRY(out.signature, out.model.find_signature(FileTensors::kSignature));
  for (size_t i = 0; i < g.inputs().size(); ++i) {
    if (g.is_state_input(i)) continue;
    TRY(const size_t index, out.model.find_input(out.signature, g.inputs()[i].name));
    out.inputs.push_back(index);
  }
  for (size_t i = 0; i < g.outputs().size(); ++i) {
    if (g.is_state_output(i)) continue;
    TRY(const size_t index, out.model.find_output(out.signature, g.outputs()[i].name));
    out.outputs.push_back(index);
  }
  for (const std::string& name : names) {
    TRY(const size_t index, out.model.find_output(out.signature, name));
    out.layers.push_back(index);
  }
  return out;
}

Type type_of(const TensorInfo& info) {
  Type t{dtype_of(info.dtype), info.shape, {}};
  if (info.quant) t.quant = QuantParams{info.quant->scale, info.quant->zero_point, info.quant->axis};
  return t;
}

Status set_inputs(QuantizedRun& run, const std::vector<NdArray>& arrays) {
  const auto& infos = run.model.signatures()[run.signature].inputs;
  for (size_t i = 0; i < run.inputs.size() && i < arrays.size(); ++i) {
    const Type type = type_of(infos[run.inputs[i]]);
    NdArray a = arrays[i];
    if (a.dtype == ElementType::kF32 && type.quant) a = array_of(to_type(tensor_of(a), type));
    TRY(const BufferView view, run.model.input(run.signature, run.inputs[i]));
    if (view.bytes().size() < a.bytes.size() || a.dtype != infos[run.inputs[i]].dtype)
      return error(Code::kInput, fmt::format("the file's input '{}' is {}, the sample is {}", infos[run.inputs[i]].name,
                                             infos[run.inputs[i]].text(), a.text()));
    std::memcpy(view.bytes().data(), a.bytes.data(), a.bytes.size());
  }
  return {};
}

Status observe_output(ValueDamage& d, std::span<const float> real, std::span<const std::byte> bytes) {
  const Tensor t = real_values(Tensor::view(d.type, bytes.data(), nullptr));
  if (t.dtype() != DType::kF32 || size_t(t.count()) != real.size())
    return error(Code::kInput,
                 fmt::format("an output of the file is {}, the float model gives {} values", to_string(d.type), real.size()));
  const double signal = d.signal, noise = d.noise;
  for (size_t i = 0; i < real.size(); ++i) {
    const double f = double(real[i]), e = double(t.data<float>()[i]) - f;
    d.signal += f * f;
    d.noise += e * e;
    d.max_error = std::max(d.max_error, std::fabs(e));
  }
  ValueDamage one;
  one.signal = d.signal - signal;
  one.noise = d.noise - noise;
  d.snr_sum += one.snr_db();
  ++d.samples;
  d.count += real.size();
  return {};
}

}  // namespace

Result<FileDamage> measure_file_damage(const Graph& g, const WrittenFileSource& file, const SampleSource& samples,
                                       std::span<const size_t> which, const std::shared_ptr<const LiteRtLibrary>& library,
                                       const DamageOptions& options) {
  TRY(const WrittenFileSource real_file, written_in_memory(g));
  TRY(const WrittenValues real, WrittenValues::open(g, real_file, {}));
  TRY(const FileTensors quantized, FileTensors::open(file, options.run.signature));
  FileDamage out;
  TRY(std::vector<LayerPair> layers, match_layers(g, real, quantized, out.unmatched));
  TRY(QuantizedRun run, open_quantized(g, quantized, layers, library, options.run));
  std::vector<Value> wanted;
  for (const Port& p : g.outputs()) wanted.push_back(p.value);
  for (const LayerPair& p : layers) wanted.push_back(p.value);
  TRY(ExposedModel model, ExposedModel::open(library, g, real_file, wanted, options.run));
  const auto& infos = run.model.signatures()[run.signature].outputs;
  for (const size_t o : run.outputs) {
    ValueDamage d;
    d.type = type_of(infos[o]);
    out.outputs.push_back(std::move(d));
  }
  for (size_t s = 0; s < which.size(); ++s) {
    if (options.progress) options.progress(s, which.size());
    TRY(const std::vector<NdArray> arrays, samples.get(which[s]));
    std::map<Value, std::vector<float>> values;
    TRY_STATUS(model.run(arrays, [&](size_t i, std::span<const std::byte> bytes) -> Status {
      const auto x = floats(bytes);
      values[model.values()[i]].assign(x.begin(), x.end());
      return {};
    }));
    TRY_STATUS(set_inputs(run, arrays));
    TRY_STATUS(run.model.run(run.signature));
    for (size_t k = 0, o = 0; k < g.outputs().size(); ++k) {
      if (g.is_state_output(k)) continue;
      TRY(const BufferView view, run.model.output(run.signature, run.outputs[o]));
      if (g.type(g.outputs()[k].value).dtype == DType::kF32)
        TRY_STATUS(observe_output(out.outputs[o], values[g.outputs()[k].value], view.bytes()));
      ++o;
    }
    for (size_t i = 0; i < layers.size(); ++i) {
      TRY(const BufferView view, run.model.output(run.signature, run.layers[i]));
      observe(layers[i], values[layers[i].value], view.bytes());
    }
  }
  for (const LayerPair& p : layers) out.layers.push_back(layer_of(p));
  return out;
}

}  // namespace atl
