#include "verify/quantization_damage.h"

#include <algorithm>
#include <cmath>

#include "ops/fixed_point.h"
#include "ops/quantized.h"

namespace atl {
namespace {

constexpr double kEqualDb = 999;

double decibels(double signal, double noise) {
  if (noise == 0) return kEqualDb;
  if (signal == 0) return -kEqualDb;
  return 10 * std::log10(signal / noise);
}

std::span<const float> floats(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)};
}

// Elements that a mask keeps out of a softmax: how low they are says nothing.
bool is_masked(float v) { return v <= -kBeyondScales; }

template <class T>
void compare_integers(std::span<const float> real, const T* got, ValueDamage& d) {
  const double scale = scale_of(d.type);
  const int32_t zero = zero_point_of(d.type);
  const IntegerRange range = integer_range(d.type.dtype);
  // Beyond half a step outside, a value is clipped and not rounded.
  const double low = scale * (double(range.low - zero) - 0.5), high = scale * (double(range.high - zero) + 0.5);
  for (size_t i = 0; i < real.size(); ++i) {
    if (is_masked(real[i])) continue;
    const auto q = static_cast<int32_t>(got[i]);
    const double x = double(real[i]), e = scale * double(q - zero) - x;
    d.signal += x * x;
    d.noise += e * e;
    d.max_error = std::max(d.max_error, std::fabs(e));
    d.lowest = std::min(d.lowest, q);
    d.highest = std::max(d.highest, q);
    d.saturated += (q == range.low && x < low) || (q == range.high && x > high);
  }
  d.count += real.size();
}

Status compare_value(std::span<const float> real, std::span<const std::byte> got, ValueDamage& d) {
  if (got.size() * 8 < real.size() * size_t(bits(d.type.dtype)))
    return error(Code::kInternal, "a value of the integer graph is smaller than the float one");
  switch (d.type.dtype) {
    case DType::kI8:
      compare_integers(real, reinterpret_cast<const int8_t*>(got.data()), d);
      return {};
    case DType::kU8:
      compare_integers(real, reinterpret_cast<const uint8_t*>(got.data()), d);
      return {};
    case DType::kI16:
      compare_integers(real, reinterpret_cast<const int16_t*>(got.data()), d);
      return {};
    case DType::kF32: {
      const auto values = floats(got);
      for (size_t i = 0; i < real.size(); ++i) {
        if (is_masked(real[i])) continue;
        const double x = double(real[i]), e = double(values[i]) - x;
        d.signal += x * x;
        d.noise += e * e;
        d.max_error = std::max(d.max_error, std::fabs(e));
      }
      d.count += real.size();
      return {};
    }
    default:
      return error(Code::kInternal, fmt::format("a float value became {}", name(d.type.dtype)));
  }
}

// A float array as an input of the integer graph takes it.
NdArray as_input(const NdArray& array, const Type& type) {
  if (!type.quant || array.dtype != ElementType::kF32) return array;
  return array_of(to_type(tensor_of(array), type));
}

/// The two models, and which of their values belong together.
class Comparer {
 public:
  static Result<Comparer> open(const Graph& g, const QuantizedGraph& q, const std::shared_ptr<const LiteRtLibrary>& library,
                               const DamageOptions& options) {
    std::vector<Value> real, integer;
    for (size_t i = 0; i < g.outputs().size(); ++i) {
      real.push_back(g.outputs()[i].value);
      integer.push_back(q.graph.outputs()[i].value);
    }
    if (options.layers)
      for (Value v : float_values(g))
        if (const auto it = q.values.find(v); it != q.values.end() && !q.graph[it->second].dead) {
          real.push_back(v);
          integer.push_back(it->second);
        }
    TRY(const WrittenFileSource real_file, written_in_memory(g));
    TRY(const WrittenFileSource integer_file, written_in_memory(q.graph));
    TRY(ExposedModel a, ExposedModel::open(library, g, real_file, real, options.run));
    TRY(ExposedModel b, ExposedModel::open(library, q.graph, integer_file, integer, options.run));
    return Comparer(g, q, std::move(a), std::move(b), real, integer);
  }

  Status run(const std::vector<NdArray>& arrays) {
    std::vector<std::vector<std::byte>> kept(real_model_.values().size());
    TRY_STATUS(real_model_.run(arrays, [&](size_t i, std::span<const std::byte> bytes) -> Status {
      kept[i].assign(bytes.begin(), bytes.end());
      return {};
    }));
    std::vector<NdArray> inputs;
    for (size_t i = 0; i < arrays.size(); ++i) inputs.push_back(as_input(arrays[i], q_.graph.type(q_.graph.inputs()[i].value)));
    return integer_model_.run(inputs, [&](size_t i, std::span<const std::byte> bytes) -> Status {
      const auto [first, last] = by_integer_.equal_range(integer_model_.values()[i]);
      for (auto it = first; it != last; ++it) {
        ValueDamage& d = damage_[it->second];
        const auto real = real_index_.find(d.value);
        if (real == real_index_.end()) continue;
        const double signal = d.signal, noise = d.noise;
        TRY_STATUS(compare_value(floats(kept[real->second]), bytes, d));
        d.snr_sum += decibels(d.signal - signal, d.noise - noise);
        ++d.samples;
      }
      return {};
    });
  }

  DamageReport report() && {
    DamageReport r;
    for (size_t i = 0; i < damage_.size(); ++i)
      (i < g_.outputs().size() ? r.outputs : r.values).push_back(std::move(damage_[i]));
    std::erase_if(r.values, [](const ValueDamage& d) { return d.count == 0; });
    return r;
  }

 private:
  Comparer(const Graph& g, const QuantizedGraph& q, ExposedModel a, ExposedModel b, const std::vector<Value>& real,
           const std::vector<Value>& integer)
      : g_(g), q_(q), real_model_(std::move(a)), integer_model_(std::move(b)) {
    for (size_t i = 0; i < real_model_.values().size(); ++i) real_index_[real_model_.values()[i]] = i;
    for (size_t i = 0; i < real.size(); ++i) {
      ValueDamage d;
      d.value = real[i];
      d.type = q.graph.type(integer[i]);
      if (g.type(real[i]).dtype == DType::kF32) by_integer_.emplace(integer[i], damage_.size());
      damage_.push_back(std::move(d));
    }
  }

  const Graph& g_;
  const QuantizedGraph& q_;
  ExposedModel real_model_, integer_model_;
  std::vector<ValueDamage> damage_;
  std::map<Value, size_t> real_index_;       // in the float model's values
  std::multimap<Value, size_t> by_integer_;  // in damage_
};

}  // namespace

double ValueDamage::snr_db() const { return decibels(signal, noise); }

double ValueDamage::used_share() const {
  if (count == 0 || !type.quant || highest < lowest) return 1;
  const IntegerRange r = integer_range(type.dtype);
  return (double(highest) - double(lowest)) / (double(r.high) - double(r.low));
}

Result<DamageReport> measure_damage(const Graph& g, const QuantizedGraph& quantized, const SampleSource& samples,
                                    std::span<const size_t> which, const std::shared_ptr<const LiteRtLibrary>& library,
                                    const DamageOptions& options) {
  TRY(Comparer comparer, Comparer::open(g, quantized, library, options));
  for (size_t i = 0; i < which.size(); ++i) {
    if (options.progress) options.progress(i, which.size());
    TRY(const std::vector<NdArray> arrays, samples.get(which[i]));
    TRY_STATUS(comparer.run(arrays));
  }
  return std::move(comparer).report();
}

}  // namespace atl
