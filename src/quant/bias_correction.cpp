#include "quant/bias_correction.h"

#include <algorithm>
#include <cmath>

namespace atl {
namespace {

/// Which result and data channel an element of a weight belongs to.
class WeightChannels {
 public:
  WeightChannels(const Shape& weight, const QuantRule& rule, int64_t data_channels) {
    strides_ = contiguous_strides(weight);
    out_ = weight[size_t(rule.weight_axis)];
    in_ = rule.weight_in_axis < 0 ? 1 : weight[size_t(rule.weight_in_axis)];
    out_stride_ = strides_[size_t(rule.weight_axis)];
    in_stride_ = rule.weight_in_axis < 0 ? 1 : strides_[size_t(rule.weight_in_axis)];
    groups_ = std::max<int64_t>(1, data_channels / std::max<int64_t>(1, in_));
  }
  int64_t result(int64_t i) const { return i / out_stride_ % out_; }
  int64_t data(int64_t i) const {
    const int64_t group = result(i) / std::max<int64_t>(1, out_ / groups_);
    return group * in_ + i / in_stride_ % in_;
  }
  int64_t results() const { return out_; }
  /// So many neighbours have the same result channel and data channels that count up.
  int64_t run() const { return in_stride_ == 1 && out_stride_ % in_ == 0 ? in_ : 1; }

 private:
  std::vector<int64_t> strides_;
  int64_t out_ = 1, in_ = 1, out_stride_ = 1, in_stride_ = 1, groups_ = 1;
};

// The nearest weight integer, ties to even; adding and taking off 3 * 2^51 rounds without a call.
double nearest(double v) {
  constexpr double kOnes = 0x1.8p52;
  return std::clamp(v + kOnes - kOnes, -128.0, 127.0);
}

}  // namespace

Result<size_t> correct_biases(const Graph& g, const QuantPlan& plan, const Calibration& calibration,
                              QuantizeGraphOptions& options) {
  size_t moved = 0;
  for (uint32_t id : g.topological_order()) {
    const NodePlan& p = plan.nodes[id];
    if (!is_integer(p.data) || p.rule.kind != Quant::kWeighted || p.rule.weight < 0 || p.rule.weight_axis < 0) continue;
    const auto means = calibration.channel_means.find(g[id].in[0]);
    const Constant* weight = g.constant(g[id].in[size_t(p.rule.weight)]);
    if (means == calibration.channel_means.end() || !weight) continue;
    WeightRepair& repair = options.repairs[id];
    if (repair.scales.empty()) {
      TRY(repair.scales, scales_of_node(g, plan, id, options));
    }
    TRY(const Tensor w, weight->materialize());
    const WeightChannels channels(w.shape(), p.rule, int64_t(means->second.size()));
    std::vector<double> shift(size_t(channels.results()), 0.0);
    const float* x = w.data<float>();
    const int8_t* rounded = repair.integers ? repair.integers->data<int8_t>() : nullptr;
    for (int64_t i = 0; i < w.count(); i += channels.run()) {
      const int64_t out = channels.result(i);
      const double* mean = means->second.data() + channels.data(i);
      const double scale = double(repair.scales[repair.scales.size() == 1 ? 0 : size_t(out)]);
      double sum = 0;
      for (int64_t k = 0; k < channels.run(); ++k) {
        const double q = rounded ? double(rounded[i + k]) : nearest(double(x[i + k]) / scale);
        sum += (double(x[i + k]) - scale * q) * mean[k];
      }
      shift[size_t(out)] += sum;
    }
    repair.bias_shift.assign(shift.begin(), shift.end());
    ++moved;
  }
  return moved;
}

namespace {

bool has_rounded_weights(const QuantPlan& plan, uint32_t id) {
  const NodePlan& p = plan.nodes[id];
  return is_integer(p.data) && p.rule.kind == Quant::kWeighted && p.rule.weight >= 0 && p.rule.bias >= 0;
}

}  // namespace

std::vector<std::vector<uint32_t>> weighted_layers(const Graph& g, const QuantPlan& plan) {
  std::vector<std::vector<uint32_t>> out;
  std::vector<size_t> depth(g.size(), 0);
  for (uint32_t id : g.topological_order()) {
    size_t d = 0;
    for (Value v : g[id].in)
      if (v.valid()) d = std::max(d, depth[v.node]);
    if (has_rounded_weights(plan, id)) {
      if (out.size() <= d) out.resize(d + 1);
      out[d++].push_back(id);
    }
    depth[id] = d;
  }
  return out;
}

}  // namespace atl
