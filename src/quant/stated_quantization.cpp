#include "quant/stated_quantization.h"

#include <algorithm>
#include <cmath>

#include "ir/rewrite.h"
#include "ops/elementwise.h"
#include "ops/quantize.h"

namespace atl {
namespace {

/// What a value is: `root`, rounded to each of the types in turn.
struct Rounded {
  Value root;
  std::vector<Type> steps;
};

// The same integers as i8.
Type as_signed(Type t) {
  if (t.dtype != DType::kU8) return t;
  t.dtype = DType::kI8;
  for (int64_t& z : t.quant->zero_point) z -= 128;
  return t;
}

// The constant that a value is computed from constants as; nullptr for any other value.
ConstantPtr constant_expression(const Graph& g, Value v) {
  if (g.constant(v)) return g.constant_ptr(v);
  const Node& n = g[v];
  if (n.in.empty() || n.out.size() != 1) return nullptr;
  std::vector<ConstantPtr> operands;
  for (Value o : n.in) {
    ConstantPtr c = o.valid() ? constant_expression(g, o) : nullptr;
    if (!c) return nullptr;
    operands.push_back(std::move(c));
  }
  const std::string name = operands[0]->name();
  return Constant::lazy(n.op, std::move(operands), n.out[0], name);
}

// True when every element of a channel is a whole number of steps that i8 holds.
template <class Channel>
bool are_steps(const Tensor& values, Channel channel, size_t c, double step) {
  constexpr double kExact = 2e-3;
  const float* value = values.data<float>();
  for (int64_t i = 0; i < values.count(); ++i) {
    if (channel(i) != c) continue;
    const double q = double(value[i]) / step, whole = std::nearbyint(q);
    if (!(std::fabs(q - whole) <= kExact) || whole < -128 || whole > 127) return false;
  }
  return true;
}

class Separation {
 public:
  explicit Separation(Graph g) { stated_.graph = std::move(g); }

  Result<StatedQuantization> run() {
    TRY_STATUS(find_weights());
    TRY_STATUS(move_dequantization());
    find_rounded();
    record();
    TRY_STATUS(take_out());
    stated_.graph.remove_dead_nodes();
    return std::move(stated_);
  }

 private:
  Status find_weights();
  Status move_dequantization();
  void find_rounded();
  void record();
  Status take_out();
  void record_use(const Use& use, const Rounded& r) { stated_.read[{use.node, use.operand}] = r.steps.back(); }
  bool one_scale(const Type& t) const { return t.quant && t.quant->scale.size() == 1 && t.dtype != DType::kI32; }
  bool only_dequantized(Value v) const;
  bool stays(const Rounded& r) const {
    const auto made = stated_.made.find(r.root);
    return made == stated_.made.end() || r.steps[0] != made->second || r.steps.size() > 2;
  }

  StatedQuantization stated_;
  std::vector<std::pair<Value, Rounded>> rounded_;  // in the order of the graph
  std::map<Value, size_t> numbers_;
};

// Something else may look at the integers themselves.
bool Separation::only_dequantized(Value v) const {
  const Graph& g = stated_.graph;
  return std::ranges::all_of(g.uses(v), [&](const Use& u) {
    if (u.node == kGraphOutput || g[u.node].op->code == OpCode::kDequantize) return true;
    return g[u.node].op->code == OpCode::kQuantize && only_dequantized({u.node, 0});
  });
}

Status Separation::find_weights() {
  const Graph& g = stated_.graph;
  for (uint32_t id : g.topological_order()) {
    if (g[id].op->code != OpCode::kDequantize) continue;
    const ConstantPtr c = constant_expression(g, g[id].in[0]);
    if (!c || c->name().empty() || !c->type().quant || bits(c->type().dtype) > 16) continue;
    TRY(const Tensor t, c->materialize());
    const QuantParams& q = *c->type().quant;
    int64_t inner = 1;
    for (size_t a = size_t(q.axis) + 1; q.scale.size() > 1 && a < t.shape().size(); ++a) inner *= t.shape()[a];
    StatedScales s{q.scale, std::vector<int32_t>(q.scale.size(), 0)};
    for (int64_t i = 0; i < t.count(); ++i) {
      const size_t at = size_t(i / inner) % q.scale.size();
      s.largest[at] = std::max(s.largest[at], std::abs(int32_t(element_as_int(t, i) - q.zero_point[at])));
    }
    stated_.weights[c->name()] = std::move(s);
  }
  return {};
}

// dequantize(transpose(q)) -> transpose(dequantize(q)), so that nothing but rounding lies between the two.
Status Separation::move_dequantization() {
  Graph& g = stated_.graph;
  for (bool changed = true; changed;) {
    changed = false;
    for (uint32_t id : g.topological_order()) {
      if (g[id].op->code != OpCode::kDequantize) continue;
      const Value from = g[id].in[0];
      const Node& moved = g[from];
      if (!def_of(*moved.op).moves_elements || moved.constant || !one_scale(g.type(moved.in[0]))) continue;
      Rewrite r(g, id);
      Values in = moved.in;
      const OpPtr op = moved.op;
      const size_t results = moved.out.size();
      in[0] = r.add(Dequantize(), {in[0]});
      TRY(const bool replaced, r.replace(r.add_multi(op, std::move(in), results)[from.index]));
      changed |= replaced;
    }
    g.remove_dead_nodes();
  }
  return {};
}

void Separation::find_rounded() {
  const Graph& g = stated_.graph;
  for (uint32_t id : g.topological_order()) {
    const OpCode code = g[id].op->code;
    if (code != OpCode::kQuantize && code != OpCode::kDequantize) continue;
    const Value from = g[id].in[0], v{id, 0};
    const auto known = numbers_.find(from);
    Rounded r = known == numbers_.end() ? Rounded{from, {}} : rounded_[known->second].second;
    if (code == OpCode::kQuantize) {
      if (!one_scale(g.type(v)) || !only_dequantized(v) || constant_expression(g, r.root)) continue;
      if (known == numbers_.end() && g.type(from).dtype != DType::kF32) continue;
      r.steps.push_back(as_signed(g.type(v)));
    } else if (known == numbers_.end()) {
      continue;
    }
    numbers_[v] = rounded_.size();
    rounded_.emplace_back(v, std::move(r));
  }
}

void Separation::record() {
  const Graph& g = stated_.graph;
  for (const auto& [v, r] : rounded_) stated_.made.try_emplace(r.root, r.steps[0]);
  for (const auto& [v, r] : rounded_) {
    if (stays(r)) continue;
    for (const Use& u : g.uses(v))
      if (u.node == kGraphOutput || !numbers_.contains({u.node, 0}) || stays(rounded_[numbers_.at({u.node, 0})].second))
        record_use(u, r);
  }
}

// Nodes that stay read the value itself: as it is rounded, where it is.
Status Separation::take_out() {
  Graph& g = stated_.graph;
  for (const auto& [v, r] : rounded_) {
    if (stays(r)) continue;
    if (g[v.node].op->code == OpCode::kDequantize) {
      TRY_STATUS(g.replace(v, r.root));
    } else {
      for (size_t i = 0; i < g.outputs().size(); ++i)
        if (g.outputs()[i].value == v) g.set_output(i, r.root);
    }
  }
  return {};
}

}  // namespace

Result<StatedQuantization> take_stated_quantization(Graph g) { return Separation(std::move(g)).run(); }

Result<std::optional<StatedWeight>> stated_weight(const Constant& weight, const StatedScales& scales, int axis) {
  const std::optional<StatedWeight> none;
  if (weight.type().dtype != DType::kF32) return none;
  TRY(const Tensor values, weight.materialize());
  const Shape& shape = values.shape();
  const int64_t n = axis < 0 ? 1 : shape[size_t(axis)];
  if (scales.scales.size() > 1 && int64_t(scales.scales.size()) != n) return none;
  int64_t inner = 1;
  for (size_t k = size_t(axis) + 1; axis >= 0 && k < shape.size(); ++k) inner *= shape[k];
  const auto channel = [&](int64_t i) { return axis < 0 ? size_t(0) : size_t(i / inner % n); };
  const float* value = values.data<float>();
  std::vector<double> largest(size_t(n), 0.0);
  for (int64_t i = 0; i < values.count(); ++i) largest[channel(i)] = std::max(largest[channel(i)], std::fabs(double(value[i])));
  StatedWeight w{Tensor::make(Type{DType::kI8, shape, {}}), {}};
  for (size_t c = 0; c < size_t(n); ++c) {
    const size_t at = scales.scales.size() == 1 ? 0 : c;
    const bool as_stated = are_steps(values, channel, c, double(scales.scales[at]));
    // A factor that was folded in shows in the largest element.
    const double scale = as_stated || scales.largest[at] == 0 ? double(scales.scales[at]) : largest[c] / scales.largest[at];
    if (!as_stated && (scale == 0 || !are_steps(values, channel, c, scale))) return none;
    w.scales.push_back(float(scale));
  }
  int8_t* to = w.integers.mutable_data<int8_t>();
  for (int64_t i = 0; i < values.count(); ++i) to[i] = int8_t(std::nearbyint(double(value[i]) / double(w.scales[channel(i)])));
  return std::optional(std::move(w));
}

}  // namespace atl
