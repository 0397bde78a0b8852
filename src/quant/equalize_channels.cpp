#include "quant/equalize_channels.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "ops/binary.h"

namespace atl {
namespace {

struct Weights {
  QuantRule rule;
  Value weight, bias;
};

std::optional<Weights> weights_of(const Graph& g, uint32_t id) {
  const Node& n = g[id];
  if (n.constant || n.op->code == OpCode::kInput || n.in.size() < 2) return std::nullopt;
  const Types types = g.types(n.in);
  const QuantRule rule = def_of(*n.op).quantization(*n.op, types);
  if (rule.kind != Quant::kWeighted || rule.weight != 1 || rule.weight_axis < 0) return std::nullopt;
  Weights w{rule, n.in[1], rule.bias >= 0 && size_t(rule.bias) < n.in.size() ? n.in[size_t(rule.bias)] : Value{}};
  if (!g.constant(w.weight) || g.uses(w.weight).size() != 1) return std::nullopt;
  if (w.bias.valid() && (!g.constant(w.bias) || g.uses(w.bias).size() != 1)) return std::nullopt;
  return w;
}

bool keeps_scales(const Graph& g, uint32_t id) {
  const OpDef& def = def_of(*g[id].op);
  return def.homogeneous && def.homogeneous(*g[id].op);
}

// Values whose channels can only be scaled together: those that ops which keep scales, and sums, tie to each other.
struct TiedValues {
  std::set<Value> values;
  std::vector<uint32_t> writers, readers;  // layers with weights
};

/// The operands that a node without weights scales with, one for one with its result's channels; none where it is no such node.
std::vector<size_t> scaled_operands(const Graph& g, uint32_t id) {
  const Node& n = g[id];
  if (n.constant || n.op->code == OpCode::kInput || n.out.size() != 1 || def_of(*n.op).weights) return {};
  const Value out{id, 0};
  if (const auto* sum = g.as<Binary>(out)) {
    const bool adds = (sum->kind == BinaryKind::kAdd || sum->kind == BinaryKind::kSub) &&
                      (sum->activation == Activation::kNone || sum->activation == Activation::kRelu);
    for (Value v : n.in)
      if (g.constant(v) || g.type(v).shape != n.out[0].shape) return {};
    return adds ? std::vector<size_t>{0, 1} : std::vector<size_t>{};
  }
  const bool alike = keeps_scales(g, id) && g.type(n.in[0]).shape.back() == n.out[0].shape.back();
  return alike ? std::vector<size_t>{0} : std::vector<size_t>{};
}

/// Adds v and all that is tied to it; false when something else makes or reads one of them.
bool tie(const Graph& g, Value v, TiedValues& tied) {
  if (!tied.values.insert(v).second) return true;
  if (g[v].constant || g[v].out.size() != 1) return false;
  if (weights_of(g, v.node)) {
    if (!keeps_scales(g, v.node)) return false;
    tied.writers.push_back(v.node);
  } else {
    const std::vector<size_t> from = scaled_operands(g, v.node);
    if (from.empty()) return false;
    for (const size_t i : from)
      if (!tie(g, g[v].in[i], tied)) return false;
  }
  for (const Use& u : g.uses(v)) {
    if (u.node == kGraphOutput) return false;
    if (u.operand == 0 && weights_of(g, u.node)) {
      tied.readers.push_back(u.node);
      continue;
    }
    const std::vector<size_t> from = scaled_operands(g, u.node);
    if (std::ranges::find(from, size_t(u.operand)) == from.end() || !tie(g, {u.node, 0}, tied)) return false;
  }
  return true;
}

/// A constant times a vector along one of its axes, as a recipe; the vector may have a divisor of the axis' length (each entry
/// then stands for that many neighbours).
void scale_constant(Builder& b, uint32_t node, uint32_t operand, std::span<const double> factors, int64_t axis) {
  const Value v = b.graph()[node].in[operand];
  Shape shape(b.rank(v), 1);
  shape[size_t(axis)] = b.shape(v)[size_t(axis)];
  const int64_t repeat = shape[size_t(axis)] / int64_t(factors.size());
  Tensor t = Tensor::make(Type{DType::kF32, shape, {}});
  for (int64_t i = 0; i < t.count(); ++i) t.mutable_data<float>()[i] = float(factors[size_t(i / repeat)]);
  const ConstantPtr scaled = Constant::lazy(make_op(Binary(BinaryKind::kMul)), {b.graph().constant_ptr(v), Constant::of(t)},
                                            b.type(v), b.graph().constant(v)->name());
  if (auto s = b.graph().set_operand(node, operand, b.constant(scaled)); !s) b.fail(std::move(s.error()));
}

// What is known of the channels of a tensor, over all layers that read it.
struct Channels {
  std::vector<double> peaks, squares, reach;
};

std::vector<double> factors_of(const Channels& of, double power) {
  const double largest = *std::ranges::max_element(of.peaks);
  std::vector<double> out;
  for (const double r : of.peaks)
    out.push_back(r > 0 && largest > 0 ? std::min(kMaxFactor, std::pow(largest / r, power)) : 1.0);
  return out;
}

// Data channels of a grouped reader's weight: those of one group only are along its input axis.
bool is_plain_or_depthwise(const Graph& g, uint32_t reader, const Weights& w, int64_t channels) {
  const Shape& s = g.type(w.weight).shape;
  return w.rule.weight_in_axis >= 0 &&
         (s[size_t(w.rule.weight_in_axis)] == channels || s[size_t(w.rule.weight_in_axis)] == 1) && g[reader].in[0].valid();
}

bool is_depthwise(const Graph& g, const Weights& w, int64_t channels) {
  return channels > 1 && g.type(w.weight).shape[size_t(w.rule.weight_in_axis)] == 1;
}

// A reader's weight as (result, position, data channel); depthwise: the result is the data channel.
struct WeightView {
  WeightView(const Graph& g, const Weights& w, Tensor t, int64_t channels)
      : values(std::move(t)), depthwise(is_depthwise(g, w, channels)), strides(contiguous_strides(values.shape())) {
    shape = values.shape();
    axis = size_t(depthwise ? w.rule.weight_axis : w.rule.weight_in_axis);
    result_axis = size_t(w.rule.weight_axis);
  }
  size_t channel(int64_t i) const { return size_t(i / strides[axis] % shape[axis]); }
  size_t result(int64_t i) const { return size_t(i / strides[result_axis] % shape[result_axis]); }
  size_t results() const { return size_t(shape[result_axis]); }
  Tensor values;
  bool depthwise;
  std::vector<int64_t> strides;
  Shape shape;
  size_t axis = 0, result_axis = 0;
};

// Noise in a layer's results by rounding its data and its weight, relative to their power: both are of one scale's step, a
// share of the largest magnitude.
double predicted_noise(const WeightView& w, const Channels& of, std::span<const double> factors) {
  constexpr double kDataSteps = 255, kWeightSteps = 127;
  double reach = 0;
  for (size_t c = 0; c < factors.size(); ++c) reach = std::max(reach, factors[c] * of.reach[c]);
  const double data_noise = reach / kDataSteps * reach / kDataSteps / 12;
  const float* x = w.values.data<float>();
  std::vector<double> largest(w.results(), 0.0);
  double noise = 0, power = 0;
  for (int64_t i = 0; i < w.values.count(); ++i) {
    const size_t c = w.channel(i), r = w.result(i);
    const double v = double(x[i]), scaled = v / factors[c];
    largest[r] = std::max(largest[r], std::fabs(scaled));
    noise += scaled * scaled * data_noise;
    power += v * v * of.squares[c];
  }
  const double per_result = double(w.values.count()) / double(w.results());
  double squares = 0;
  for (size_t c = 0; c < factors.size(); ++c) squares += factors[c] * factors[c] * of.squares[c] / double(factors.size());
  for (size_t r = 0; r < largest.size(); ++r) {
    const double step = largest[r] / kWeightSteps;
    const double mean_square = w.depthwise ? factors[r] * factors[r] * of.squares[r] : squares;
    noise += per_result * mean_square * step * step / 12;
  }
  return power > 0 ? noise / power : 0;
}

// The factors of the power with the least noise; none where evening out gains little.
Result<std::vector<double>> best_factors(const Graph& g, std::span<const uint32_t> readers, const Channels& of) {
  constexpr double kWorthwhile = 0.98;
  std::vector<WeightView> weights;
  for (const uint32_t r : readers) {
    const Weights w = *weights_of(g, r);
    TRY(Tensor t, g.constant(w.weight)->materialize());
    weights.emplace_back(g, w, std::move(t), int64_t(of.peaks.size()));
  }
  std::vector<double> best;
  double least = 0;
  for (const double power : {0.0, 0.25, 0.5, 0.75, 1.0}) {
    const std::vector<double> factors = factors_of(of, power);
    double noise = 0;
    for (const WeightView& w : weights) noise += predicted_noise(w, of, factors);
    if (power > 0 && !(noise < kWorthwhile * least)) continue;
    least = noise;
    best = factors;
  }
  if (std::ranges::all_of(best, [](double f) { return f < 1.05; })) best.clear();
  return best;
}

// What calibration knows of the tensor that the readers read, on this side of the ops which keep scales.
std::optional<Channels> channels_of(const Graph& g, std::span<const uint32_t> readers, const Calibration& calibration,
                                    int64_t channels) {
  Channels all;
  for (const auto& [from, into] :
       {std::pair(&calibration.channel_peaks, &all.peaks), std::pair(&calibration.channel_squares, &all.squares),
        std::pair(&calibration.channel_reach, &all.reach)}) {
    into->assign(size_t(channels), 0.0);
    for (const uint32_t r : readers) {
      const auto known = from->find(g[r].in[0]);
      if (known == from->end() || int64_t(known->second.size()) != channels) return std::nullopt;
      for (size_t c = 0; c < into->size(); ++c) (*into)[c] = std::max((*into)[c], known->second[c]);
    }
  }
  return all;
}

// Returns how many values were scaled.
Result<size_t> equalize(Graph& g, const TiedValues& tied, const Calibration& calibration) {
  const int64_t channels = g.type(*tied.values.begin()).shape.back();
  for (const uint32_t id : tied.writers) {
    const auto w = *weights_of(g, id);
    if (g.type(w.weight).shape[size_t(w.rule.weight_axis)] != channels) return size_t(0);
  }
  for (const uint32_t r : tied.readers)
    if (!is_plain_or_depthwise(g, r, *weights_of(g, r), channels)) return size_t(0);
  const auto of = channels_of(g, tied.readers, calibration, channels);
  if (!of) return size_t(0);
  TRY(const std::vector<double> factors, best_factors(g, tied.readers, *of));
  if (factors.empty()) return size_t(0);
  std::vector<double> inverse;
  for (const double f : factors) inverse.push_back(1 / f);
  Builder b(g, g[tied.writers[0]].origin);
  for (const uint32_t id : tied.writers) {
    const auto w = *weights_of(g, id);
    scale_constant(b, id, 1, factors, w.rule.weight_axis);
    if (w.bias.valid()) scale_constant(b, id, uint32_t(w.rule.bias), factors, 0);
  }
  for (const uint32_t r : tied.readers) {
    const auto rw = *weights_of(g, r);
    scale_constant(b, r, 1, inverse, is_depthwise(g, rw, channels) ? rw.rule.weight_axis : rw.rule.weight_in_axis);
  }
  if (b.failed()) return b.take_status().error();
  return tied.values.size();
}

}  // namespace

Result<size_t> equalize_channels(Graph& g, const Calibration& calibration) {
  size_t changed = 0;
  std::set<uint32_t> done;
  for (uint32_t id : g.topological_order()) {
    TiedValues tied;
    if (g[id].constant || done.count(id) || !weights_of(g, id) || !tie(g, {id, 0}, tied) || tied.readers.empty()) continue;
    done.insert(tied.writers.begin(), tied.writers.end());
    TRY(const size_t count, equalize(g, tied, calibration));
    changed += count;
  }
  g.remove_dead_nodes();
  return changed;
}

bool has_depthwise_layers(const Graph& g) {
  return std::ranges::any_of(g.topological_order(), [&](uint32_t id) {
    const auto w = weights_of(g, id);
    if (!w || w->rule.weight_in_axis < 0) return false;
    return g.type(w->weight).shape[size_t(w->rule.weight_in_axis)] == 1 && g.type(g[id].in[0]).shape.back() > 1;
  });
}

}  // namespace atl
