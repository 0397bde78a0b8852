#include "verify/mean_errors.h"

#include <algorithm>
#include <limits>

#include "ops/fixed_point.h"
#include "ops/quantized.h"

namespace atl {
namespace {

// Means over all axes but the last, of values read through `at`.
template <class At>
std::vector<double> channel_means(size_t count, size_t channels, At&& at) {
  std::vector<double> sums(channels, 0.0);
  for (size_t i = 0, c = 0; i < count; ++i) {
    sums[c] += at(i);
    if (++c == channels) c = 0;
  }
  for (double& s : sums) s /= double(std::max<size_t>(1, count / channels));
  return sums;
}

// The real values at the ends of a quantized type's integers.
Range range_of(const Type& type) {
  if (!type.quant) return {-std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
  const IntegerRange r = integer_range(type.dtype);
  const double scale = scale_of(type);
  return {scale * double(r.low - zero_point_of(type)), scale * double(r.high - zero_point_of(type))};
}

struct IntegerMeans {
  std::vector<double> means, active;
};

IntegerMeans integer_means(std::span<const std::byte> bytes, const Type& type) {
  const Tensor t = Tensor::view(type, bytes.data(), nullptr);
  const auto count = size_t(t.count());
  const auto channels = size_t(type.shape.back());
  const double scale = scale_of(type);
  const int32_t zero = zero_point_of(type), lowest = integer_range(type.dtype).low;
  const auto at = [&](size_t i) { return integer_at(t, int64_t(i)); };
  return {channel_means(count, channels, [&](size_t i) { return scale * double(at(i) - zero); }),
          channel_means(count, channels, [&](size_t i) { return at(i) > lowest ? 1.0 : 0.0; })};
}

}  // namespace

Result<MeanErrors> MeanErrors::open(const Graph& g, const QuantPlan& plan, std::vector<Value> values,
                                    const SampleSource& samples, std::span<const size_t> which,
                                    std::shared_ptr<const LiteRtLibrary> library, const WrittenModelOptions& options) {
  MeanErrors m(std::move(library), options);
  TRY(const WrittenFileSource file, written_in_memory(g));
  TRY(ExposedModel model, ExposedModel::open(m.library_, g, file, values, options));
  for (const size_t i : which) {
    TRY(std::vector<NdArray> arrays, samples.get(i));
    std::map<Value, std::vector<double>>& means = m.float_means_.emplace_back();
    TRY_STATUS(model.run(arrays, [&](size_t k, std::span<const std::byte> bytes) -> Status {
      const Value v = model.values()[k];
      const auto* x = reinterpret_cast<const float*>(bytes.data());
      const Range range = range_of(plan.produced(g, v));
      means[v] = channel_means(size_t(element_count(g.type(v).shape)), size_t(g.type(v).shape.back()),
                               [&](size_t e) { return std::clamp(double(x[e]), range.low, range.high); });
      return {};
    }));
    m.inputs_.push_back(std::move(arrays));
  }
  return m;
}

Result<std::map<Value, std::vector<ChannelError>>> MeanErrors::measure(const QuantizedGraph& quantized,
                                                                       std::span<const Value> values) const {
  std::vector<Value> wanted;
  std::map<Value, Value> real_of;
  for (Value v : values) {
    const auto it = quantized.values.find(v);
    if (it == quantized.values.end() || quantized.graph[it->second].dead || !quantized.graph.type(it->second).quant) continue;
    wanted.push_back(it->second);
    real_of[it->second] = v;
  }
  TRY(const WrittenFileSource file, written_in_memory(quantized.graph));
  TRY(ExposedModel model, ExposedModel::open(library_, quantized.graph, file, wanted, options_));
  struct Sums {
    std::vector<double> error, square, active;
  };
  std::map<Value, Sums> sums;
  for (size_t s = 0; s < inputs_.size(); ++s) {
    std::vector<NdArray> arrays;
    for (size_t i = 0; i < inputs_[s].size(); ++i) {
      const Type& type = quantized.graph.type(quantized.graph.inputs()[i].value);
      arrays.push_back(type.quant ? array_of(to_type(tensor_of(inputs_[s][i]), type)) : inputs_[s][i]);
    }
    TRY_STATUS(model.run(arrays, [&](size_t k, std::span<const std::byte> bytes) -> Status {
      const Value q = model.values()[k], v = real_of.at(q);
      const IntegerMeans got = integer_means(bytes, quantized.graph.type(q));
      const auto real = float_means_[s].find(v);
      if (real == float_means_[s].end()) return {};
      Sums& sum = sums[v];
      sum.error.resize(got.means.size());
      sum.square.resize(got.means.size());
      sum.active.resize(got.means.size());
      for (size_t c = 0; c < got.means.size(); ++c) {
        const double e = real->second[c] - got.means[c];
        sum.error[c] += e;
        sum.square[c] += e * e;
        sum.active[c] += got.active[c];
      }
      return {};
    }));
  }
  std::map<Value, std::vector<ChannelError>> out;
  const auto n = double(inputs_.size());
  for (const auto& [v, sum] : sums)
    for (size_t c = 0; c < sum.error.size(); ++c) {
      const double mean = sum.error[c] / n, spread = std::max(0.0, sum.square[c] / n - mean * mean);
      out[v].push_back({mean, spread / std::max(1.0, n - 1), sum.active[c] / n});
    }
  return out;
}

}  // namespace atl
