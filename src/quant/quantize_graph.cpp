#include "quant/quantize_graph.h"

#include <algorithm>
#include <cmath>

#include "ir/rewrite.h"
#include "ops/opaque.h"
#include "ops/quantize.h"
#include "ops/quantized.h"
#include "ops/variable_operands.h"
#include "quant/changed_constant.h"

namespace atl {
namespace {

bool is_data(const Type& t) { return t.dtype == DType::kF32 && !t.quant; }

// The parameters with which a node reads one of its data operands.
QuantParams read_parameters(const Graph& g, const QuantPlan& plan, uint32_t id, size_t operand) {
  const NodePlan& p = plan.nodes[id];
  const Value v = g[id].in[operand];
  if (p.rule.kind != Quant::kSameScale) {
    const auto stated = plan.read.find({id, uint32_t(operand)});
    return stated != plan.read.end() ? *stated->second.quant : plan.parameters(v, p.data);
  }
  for (uint32_t i = 0; i < g[id].out.size(); ++i)
    if (is_data(g[id].out[i])) return plan.parameters({id, i}, p.data);
  // A comparison has no result with parameters, and a constant operand none of its own.
  for (Value other : g[id].in)
    if (other.valid() && is_data(g.type(other)) && !g.constant(other)) return plan.parameters(other, p.data);
  return plan.parameters(v, p.data);
}

class Quantizer {
 public:
  Quantizer(const Graph& g, const QuantPlan& plan, const QuantizeGraphOptions& options)
      : g_(g), plan_(plan), options_(options), b_(made_.graph) {}

  Result<QuantizedGraph> run();

 private:
  Status add_inputs();
  Status add_outputs();
  Status add_states();
  Status add_node(uint32_t id);
  Result<Value> operand(uint32_t id, size_t i);
  Result<Value> weight_operand(uint32_t id, size_t i);
  Result<Value> bias_operand(uint32_t id, size_t i);
  Result<Value> formed_operand(uint32_t id, size_t i, const Type& type);
  Result<std::vector<float>> scales_for(uint32_t id);
  Value as_type(Value v, const Type& type);
  Value as_float(Value v);
  Value copied_constant(Value v);
  QuantParams data_parameters(uint32_t id, size_t operand) const { return read_parameters(g_, plan_, id, operand); }
  Result<ConstantPtr> within_floor(Value v) const;
  Value rounded(uint32_t id, size_t i, Value v);
  int64_t result_channels(uint32_t id) const;

  const Graph& g_;
  const QuantPlan& plan_;
  const QuantizeGraphOptions& options_;
  QuantizedGraph made_;
  Builder b_;
  std::map<std::pair<Value, std::string>, Value> converted_;  // of the new graph: value and type text
  std::map<Value, Value> constants_;
  std::map<uint32_t, std::vector<float>> scales_;
};

// The new value under another quantized type.
Value Quantizer::as_type(Value v, const Type& type) {
  if (b_.type(v) == type) return v;
  const auto key = std::make_pair(
      v, to_string(Type{type.dtype, {}, {}}) + fmt::format("{}:{}", type.quant->scale[0], type.quant->zero_point[0]));
  const auto known = converted_.find(key);
  if (known != converted_.end()) return known->second;
  return converted_[key] = requantized(b_, v, type);
}

Value Quantizer::as_float(Value v) {
  if (!b_.type(v).quant) return v;
  const auto key = std::make_pair(v, std::string("f32"));
  const auto known = converted_.find(key);
  if (known != converted_.end()) return known->second;
  return converted_[key] = b_.add(Dequantize(), {v});
}

Value Quantizer::copied_constant(Value v) {
  const auto [it, added] = constants_.try_emplace(v);
  if (added) it->second = b_.constant(g_.constant_ptr(v));
  return it->second;
}

int64_t Quantizer::result_channels(uint32_t id) const {
  const QuantRule& rule = plan_.nodes[id].rule;
  const Shape& w = g_.type(g_[id].in[size_t(rule.weight)]).shape;
  return rule.weight_axis < 0 ? g_[id].out[0].shape.back() : w[size_t(rule.weight_axis)];
}

Result<std::vector<float>> Quantizer::scales_for(uint32_t id) {
  if (const auto known = scales_.find(id); known != scales_.end()) return known->second;
  TRY(std::vector<float> scales, scales_of_node(g_, plan_, id, options_));
  return scales_[id] = std::move(scales);
}

Result<Value> Quantizer::weight_operand(uint32_t id, size_t i) {
  const Value v = g_[id].in[i];
  const QuantRule& rule = plan_.nodes[id].rule;
  TRY(const std::vector<float> scales, scales_for(id));
  const int axis = scales.size() > 1 ? rule.weight_axis : 0;
  const Type type{DType::kI8, g_.type(v).shape, QuantParams{scales, std::vector<int64_t>(scales.size(), 0), axis}};
  const auto repair = options_.repairs.find(id);
  if (repair != options_.repairs.end() && repair->second.integers) {
    const Tensor& t = *repair->second.integers;
    return b_.constant(Constant::of(Tensor::view(type, t.bytes(), t.owner()), g_.constant(v)->name()));
  }
  return b_.constant(Constant::lazy(make_op(quantize_to(type)), {g_.constant_ptr(v)}, type, g_.constant(v)->name()));
}

namespace {

// Bias integers: real / (data scale * weight scale), which a float division would not hold for 32 bits.
Tensor bias_integers(std::span<const double> real, double data_scale, const std::vector<float>& scales, DType dtype) {
  const auto n = int64_t(real.size());
  QuantParams q;
  for (int64_t c = 0; c < n; ++c) {
    const double s = data_scale * double(scales[scales.size() == 1 ? 0 : size_t(c)]);
    if (c == 0 || scales.size() > 1) {
      q.scale.push_back(float(s));
      q.zero_point.push_back(0);
    }
  }
  Tensor t = Tensor::make(Type{dtype, {n}, q});
  const double limit = dtype == DType::kI32 ? 2147483647.0 : 0x1p62;
  for (int64_t c = 0; c < n; ++c) {
    const double s = data_scale * double(scales[scales.size() == 1 ? 0 : size_t(c)]);
    const double v = std::clamp(std::nearbyint(real[size_t(c)] / s), -limit, limit);
    if (dtype == DType::kI32)
      t.mutable_data<int32_t>()[c] = int32_t(v);
    else
      t.mutable_data<int64_t>()[c] = int64_t(v);
  }
  return t;
}

}  // namespace

Result<Value> Quantizer::bias_operand(uint32_t id, size_t i) {
  const Node& n = g_[id];
  const NodePlan& p = plan_.nodes[id];
  std::vector<double> real(size_t(result_channels(id)), 0.0);
  std::string bias_name;
  if (i < n.in.size() && n.in[i].valid()) {
    const Constant* c = g_.constant(n.in[i]);
    if (!c) return error(Code::kUnsupportedForm, "a bias that is computed cannot be quantized").at(g_.origin(n.origin));
    TRY(const Tensor t, c->materialize());
    real.resize(size_t(t.count()));
    for (int64_t k = 0; k < t.count(); ++k) real[size_t(k)] = element_as_double(t, k);
    bias_name = c->name();
  }
  const auto repair = options_.repairs.find(id);
  if (repair != options_.repairs.end())
    for (size_t k = 0; k < repair->second.bias_shift.size() && k < real.size(); ++k)
      real[k] += double(repair->second.bias_shift[k]);
  TRY(const std::vector<float> scales, scales_for(id));
  const DType dtype = p.data == DType::kI16 ? p.rule.wide_bias : DType::kI32;
  return b_.constant(Constant::of(bias_integers(real, double(data_parameters(id, 0).scale[0]), scales, dtype), bias_name));
}

// A mask's constant with its floor for -inf, which QUANTIZE would take for some other integer.
Result<ConstantPtr> Quantizer::within_floor(Value v) const {
  const auto floor = plan_.mask_floors.find(v);
  if (floor == plan_.mask_floors.end()) return g_.constant_ptr(v);
  return changed(*g_.constant(v), [&](float x) { return std::max(x, float(floor->second)); });
}

// The new value as operand i of a node (an output) gets it, where the plan says that it is rounded on the way.
Value Quantizer::rounded(uint32_t id, size_t i, Value v) {
  const auto stated = plan_.read.find({id, uint32_t(i)});
  return stated == plan_.read.end() ? v : as_type(v, stated->second);
}

// An operand of a node that states the types of its operands itself.
Result<Value> Quantizer::formed_operand(uint32_t id, size_t i, const Type& type) {
  const Value v = g_[id].in[i];
  if (is_variable_of_file(g_, v)) return b_.add(make_variable(type), {});
  const Constant* c = g_.constant(v);
  if (!c) return as_type(rounded(id, i, made_.values.at(v)), type);
  if (type.dtype != DType::kI32)
    return b_.constant(Constant::lazy(make_op(quantize_to(type)), {g_.constant_ptr(v)}, type, c->name()));
  TRY(const Tensor t, c->materialize());
  std::vector<double> real;
  for (int64_t k = 0; k < t.count(); ++k) real.push_back(element_as_double(t, k));
  return b_.constant(Constant::of(bias_integers(real, 1, type.quant->scale, DType::kI32), c->name()));
}

Result<Value> Quantizer::operand(uint32_t id, size_t i) {
  const Value v = g_[id].in[i];
  if (!v.valid()) return Value{};
  if (const auto form = plan_.forms.find(id); form != plan_.forms.end()) return formed_operand(id, i, form->second.in[i]);
  const NodePlan& p = plan_.nodes[id];
  const Type& type = g_.type(v);
  if (!is_data(type)) return g_.constant(v) ? copied_constant(v) : made_.values.at(v);
  if (!is_integer(p.data)) return g_.constant(v) ? copied_constant(v) : as_float(rounded(id, i, made_.values.at(v)));
  if (int(i) == p.rule.weight) return weight_operand(id, i);
  if (int(i) == p.rule.bias) return bias_operand(id, i);
  const Type wanted{p.data, type.shape, data_parameters(id, i)};
  if (const Constant* c = g_.constant(v)) {
    TRY(const ConstantPtr reached, within_floor(v));
    return b_.constant(Constant::lazy(make_op(quantize_to(wanted)), {reached}, wanted, c->name()));
  }
  return as_type(rounded(id, i, made_.values.at(v)), wanted);
}

Status Quantizer::add_node(uint32_t id) {
  const Node& n = g_[id];
  const NodePlan& p = plan_.nodes[id];
  b_.set_origin(made_.graph.add_origin(g_.origin(n.origin)));
  Values in;
  for (size_t i = 0; i < n.in.size(); ++i) {
    TRY(const Value v, operand(id, i));
    in.push_back(v);
  }
  OpPtr op = n.op;
  if (is_integer(p.data)) {
    if (p.rule.bias >= 0 && size_t(p.rule.bias) >= n.in.size()) {
      TRY(const Value bias, bias_operand(id, size_t(p.rule.bias)));
      in.resize(size_t(p.rule.bias));
      in.push_back(bias);
    } else if (p.rule.bias >= 0 && !in[size_t(p.rule.bias)].valid()) {
      TRY(in[size_t(p.rule.bias)], bias_operand(id, size_t(p.rule.bias)));
    }
    Types out;
    for (uint32_t i = 0; i < n.out.size(); ++i) out.push_back(plan_.produced(g_, {id, i}));
    const Types types = b_.graph().types(in);
    if (!takes_integers(*op, types, out)) {
      Quantized q;
      q.op = {op};
      q.out = out;
      op = make_op(std::move(q));
    }
    if (auto s = def_of(*op).legal(*op, types); !s) return std::move(s.error()).at(g_.origin(n.origin));
  }
  const Values results = b_.add_multi(std::move(op), std::move(in), n.out.size());
  if (b_.failed()) return b_.take_status();
  for (uint32_t i = 0; i < n.out.size(); ++i) made_.values[{id, i}] = results[i];
  return {};
}

Status Quantizer::add_inputs() {
  for (size_t i = 0; i < g_.inputs().size(); ++i) {
    const Port& port = g_.inputs()[i];
    const Type type = plan_.produced(g_, port.value);
    b_.set_origin(made_.graph.add_origin(g_.origin_of(port.value)));
    if (!type.quant || (options_.inputs == InterfaceType::kFloat32 && !g_.is_state_input(i))) {
      const Value v = made_.graph.add_input(port.name, g_.type(port.value));
      made_.values[port.value] = type.quant ? b_.add(quantize_to(type), {v}) : v;
    } else if (options_.inputs == InterfaceType::kUint8 && type.dtype == DType::kI8 && !g_.is_state_input(i)) {
      Type u8 = type;
      u8.dtype = DType::kU8;
      u8.quant->zero_point[0] += 128;
      made_.values[port.value] = b_.add(quantize_to(type), {made_.graph.add_input(port.name, u8)});
    } else {
      made_.values[port.value] = made_.graph.add_input(port.name, type);
    }
  }
  return b_.take_status();
}

Status Quantizer::add_outputs() {
  for (size_t i = 0; i < g_.outputs().size(); ++i) {
    const Port& port = g_.outputs()[i];
    Value v = g_.constant(port.value) ? copied_constant(port.value) : rounded(kGraphOutput, i, made_.values.at(port.value));
    const Type type = b_.type(v);
    b_.set_origin(made_.graph.add_origin(g_.origin_of(port.value)));
    if (g_.is_state_output(i)) {
      for (const State& s : g_.states())
        if (s.output == i && b_.type(made_.graph.inputs()[s.input].value).quant)
          v = as_type(v, b_.type(made_.graph.inputs()[s.input].value));
    } else if (type.quant && options_.outputs == InterfaceType::kFloat32) {
      v = as_float(v);
    } else if (type.quant && type.dtype == DType::kI8 && options_.outputs == InterfaceType::kUint8) {
      Type u8 = type;
      u8.dtype = DType::kU8;
      u8.quant->zero_point[0] += 128;
      v = as_type(v, u8);
    }
    made_.graph.add_output(port.name, v);
  }
  return b_.take_status();
}

Status Quantizer::add_states() {
  std::vector<State> states = g_.states();
  for (State& s : states) {
    const Type type = b_.type(made_.graph.inputs()[s.input].value);
    if (type.quant) s.initial = Constant::lazy(make_op(quantize_to(type)), {s.initial}, type, s.initial->name());
  }
  made_.graph.set_states(std::move(states));
  return {};
}

Result<QuantizedGraph> Quantizer::run() {
  made_.graph.name = g_.name;
  TRY_STATUS(add_inputs());
  for (uint32_t id : g_.topological_order()) {
    if (g_[id].constant || g_[id].op->code == OpCode::kInput) continue;
    TRY_STATUS(add_node(id));
  }
  TRY_STATUS(add_outputs());
  TRY_STATUS(add_states());
  TRY_STATUS(fill_variable_operands(made_.graph));
  TRY_STATUS(guard_states(made_.graph));
  made_.graph.remove_dead_nodes();
  return std::move(made_);
}

}  // namespace

Result<std::vector<float>> weight_scales(const Constant& weight, int axis) {
  TRY(const Tensor t, weight.materialize());
  const Shape& shape = t.shape();
  const int64_t n = axis < 0 ? 1 : shape[size_t(axis)];
  int64_t inner = 1;
  for (size_t k = size_t(axis) + 1; axis >= 0 && k < shape.size(); ++k) inner *= shape[k];
  std::vector<float> largest(size_t(n), 0.0f);
  const float* x = t.data<float>();
  for (int64_t i = 0; i < t.count(); ++i) {
    float& m = largest[axis < 0 ? 0 : size_t(i / inner % n)];
    const float v = std::fabs(x[i]);
    if (!std::isfinite(v))
      return error(Code::kInput,
                   fmt::format("weight '{}' holds NaN or infinite values, which integers do not have", weight.name()),
                   "look at the training that made it");
    m = std::max(m, v);
  }
  float smallest = 0;
  for (const float m : largest)
    if (m > 0 && (smallest == 0 || m < smallest)) smallest = m;
  std::vector<float> scales;
  for (const float m : largest) scales.push_back((m > 0 ? m : smallest > 0 ? smallest : 1.0f) / 127);
  return scales;
}

Result<std::vector<float>> scales_of_node(const Graph& g, const QuantPlan& plan, uint32_t id,
                                          const QuantizeGraphOptions& options) {
  const auto repair = options.repairs.find(id);
  if (repair != options.repairs.end() && !repair->second.scales.empty()) return repair->second.scales;
  const Node& n = g[id];
  const QuantRule& rule = plan.nodes[id].rule;
  const Constant& weight = *g.constant(n.in[size_t(rule.weight)]);
  const bool by_channel = options.per_channel && (options.per_channel_dense || weight.type().rank() != 2);
  TRY(std::vector<float> scales, weight_scales(weight, by_channel ? rule.weight_axis : -1));
  const Value bias = rule.bias >= 0 && size_t(rule.bias) < n.in.size() ? n.in[size_t(rule.bias)] : Value{};
  if (!bias.valid() || !g.constant(bias) || plan.nodes[id].data != DType::kI8) return scales;
  TRY(const Tensor t, g.constant(bias)->materialize());
  const double data_scale = double(read_parameters(g, plan, id, 0).scale[0]);
  for (int64_t c = 0; c < t.count(); ++c) {
    float& s = scales[scales.size() == 1 ? 0 : size_t(c)];
    s = std::max(s, float(std::fabs(element_as_double(t, c)) / (data_scale * kMaxBiasSteps)));
  }
  return scales;
}

Result<QuantizedGraph> quantize_graph(const Graph& g, const QuantPlan& plan, const QuantizeGraphOptions& options) {
  TRY(const auto plain, without_variables(g));
  return Quantizer(plain ? *plain : g, plan, options).run();
}

}  // namespace atl
