#include "quant/equalize_channels.h"

#include <algorithm>
#include <cmath>

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
  Types types;
  for (Value v : n.in) types.push_back(v.valid() ? g.type(v) : Type{DType::kUnknown, {}, {}});
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

/// The layers that read a value through ops which keep scales; false when something else reads it.
bool collect_readers(const Graph& g, Value v, std::vector<uint32_t>& readers) {
  for (const Use& u : g.uses(v)) {
    if (u.node == kGraphOutput || u.operand != 0) return false;
    if (weights_of(g, u.node)) {
      readers.push_back(u.node);
      continue;
    }
    const bool passes =
        keeps_scales(g, u.node) && g[u.node].out.size() == 1 && g[u.node].out[0].shape.back() == g.type(v).shape.back();
    if (!passes || !collect_readers(g, {u.node, 0}, readers)) return false;
  }
  return !readers.empty();
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

std::vector<double> factors_of(const std::vector<double>& reach) {
  const double largest = *std::ranges::max_element(reach);
  std::vector<double> out;
  for (const double r : reach) out.push_back(r > 0 && largest > 0 ? std::min(kMaxFactor, std::sqrt(largest / r)) : 1.0);
  return out;
}

// Data channels of a grouped reader's weight: those of one group only are along its input axis.
bool is_plain_or_depthwise(const Graph& g, uint32_t reader, const Weights& w, int64_t channels) {
  const Shape& s = g.type(w.weight).shape;
  return w.rule.weight_in_axis >= 0 &&
         (s[size_t(w.rule.weight_in_axis)] == channels || s[size_t(w.rule.weight_in_axis)] == 1) && g[reader].in[0].valid();
}

Result<bool> equalize(Graph& g, uint32_t id, const Calibration& calibration) {
  const auto w = weights_of(g, id);
  if (!w || !keeps_scales(g, id) || g[id].out.size() != 1) return false;
  std::vector<uint32_t> readers;
  if (!collect_readers(g, {id, 0}, readers)) return false;
  const int64_t channels = g[id].out[0].shape.back();
  std::vector<double> reach(size_t(channels), 0.0);
  for (const uint32_t r : readers) {
    const auto known = calibration.channel_reach.find(g[r].in[0]);
    const auto rw = weights_of(g, r);
    if (known == calibration.channel_reach.end() || int64_t(known->second.size()) != channels || !rw ||
        !is_plain_or_depthwise(g, r, *rw, channels) || g.type(w->weight).shape[size_t(w->rule.weight_axis)] != channels)
      return false;
    for (size_t c = 0; c < reach.size(); ++c) reach[c] = std::max(reach[c], known->second[c]);
  }
  const std::vector<double> factors = factors_of(reach);
  if (std::ranges::all_of(factors, [](double f) { return f < 1.05; })) return false;
  std::vector<double> inverse;
  for (const double f : factors) inverse.push_back(1 / f);
  Builder b(g, g[id].origin);
  scale_constant(b, id, 1, factors, w->rule.weight_axis);
  if (w->bias.valid()) scale_constant(b, id, uint32_t(w->rule.bias), factors, 0);
  for (const uint32_t r : readers) {
    const auto rw = *weights_of(g, r);
    const bool depthwise = g.type(rw.weight).shape[size_t(rw.rule.weight_in_axis)] == 1 && channels > 1;
    scale_constant(b, r, 1, inverse, depthwise ? rw.rule.weight_axis : rw.rule.weight_in_axis);
  }
  if (b.failed()) return b.take_status().error();
  return true;
}

}  // namespace

Result<size_t> equalize_channels(Graph& g, const Calibration& calibration) {
  size_t changed = 0;
  for (uint32_t id : g.topological_order()) {
    TRY(const bool done, equalize(g, id, calibration));
    changed += done;
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
