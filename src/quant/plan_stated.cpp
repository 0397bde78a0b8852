#include "quant/plan_stated.h"

#include <algorithm>
#include <cmath>

#include "ops/elementwise.h"
#include "ops/fixed_point.h"
#include "ops/quantized.h"

namespace atl {
namespace {

// A kernel with prescribed parameters must have steps no larger than the program's, or its result would be off by more than
// one.
constexpr double kFineEnough = 1.02;

bool is_data(const Type& t) { return t.dtype == DType::kF32 && !t.quant; }
bool same_steps(const Type& a, const Type& b) { return a.dtype == b.dtype && a.quant == b.quant; }

class Planner {
 public:
  Planner(const StatedQuantization& stated, const Calibration& calibration, const PlanOptions& options)
      : g_(stated.graph), weights_(stated.weights), calibration_(calibration), options_(options), made_(stated.made) {
    out_.plan.read = stated.read;
    out_.tensors = made_.size();
  }

  Result<StatedPlan> run() {
    order_ = g_.topological_order();
    find_rules();
    propagate();
    derive_outputs();
    if (!calibration_.values.empty()) {
      calibrate();
      propagate();
    }
    out_.derived = made_.size() - out_.tensors;
    for (uint32_t id : order_) TRY_STATUS(decide(id));
    plan_inputs();
    record_parameters();
    return std::move(out_);
  }

 private:
  struct Operand {
    uint32_t node, index;
    Value value;
  };

  void find_rules();
  void propagate();
  bool forward(uint32_t id);
  bool backward(uint32_t id);
  void derive_outputs();
  void calibrate();
  bool calibrate_value(Value v, DType t);
  void plan_inputs();
  void record_parameters();
  Status decide(uint32_t id);
  Result<std::string> why_float(uint32_t id);
  Result<std::string> check_operands(uint32_t id, DType data);
  Result<std::string> check_constant(uint32_t id, Value v, DType data);
  Result<std::string> check_weight(uint32_t id);
  std::string check_results(uint32_t id, DType data) const;
  Result<std::string> check_kernel(uint32_t id, DType data) const;
  Result<std::optional<StatedWeight>> weight_integers(const Constant& c, int axis) const {
    const auto scales = weights_.find(c.name());
    if (scales == weights_.end()) return std::optional<StatedWeight>();
    return stated_weight(c, scales->second, axis);
  }
  Status fit_bias(uint32_t id, WeightRepair& weight) const;

  const QuantRule& rule(uint32_t id) const { return out_.plan.nodes[id].rule; }
  /// The operands of a node that are data to it and are computed.
  std::vector<Operand> data_operands(uint32_t id) const;
  Values data_results(uint32_t id) const;
  const Type* made(Value v) const {
    const auto it = made_.find(v);
    return it == made_.end() ? nullptr : &it->second;
  }
  const Type* read(uint32_t id, uint32_t operand) const {
    const auto it = out_.plan.read.find({id, operand});
    return it == out_.plan.read.end() ? nullptr : &it->second;
  }
  /// v is made as a type with these steps, and read so wherever nothing else was said.
  void make(Value v, Type type) {
    type.shape = g_.type(v).shape;
    for (const Use& u : g_.uses(v)) out_.plan.read.try_emplace({u.node, u.operand}, type);
    made_.emplace(v, std::move(type));
  }
  bool only_outputs_read(Value v) const {
    return std::ranges::all_of(g_.uses(v), [](const Use& u) { return u.node == kGraphOutput; });
  }
  DType data_of(uint32_t id) const;

  const Graph& g_;
  const std::map<std::string, StatedScales>& weights_;
  const Calibration& calibration_;
  const PlanOptions& options_;
  std::map<Value, Type> made_;
  std::vector<uint32_t> order_;
  StatedPlan out_;
};

void Planner::find_rules() {
  out_.plan.nodes.resize(g_.size());
  for (uint32_t id : order_) {
    const Node& n = g_[id];
    if (n.constant || n.op->code == OpCode::kInput) continue;
    const auto has_data = [&](Value v) { return v.valid() && is_data(g_.type(v)); };
    if (!std::ranges::any_of(n.in, has_data) && !std::ranges::any_of(n.out, is_data)) continue;
    const Types types = g_.types(n.in);
    out_.plan.nodes[id].rule = def_of(*n.op).quantization(*n.op, types);
    out_.plan.nodes[id].data = DType::kF32;
  }
}

std::vector<Planner::Operand> Planner::data_operands(uint32_t id) const {
  std::vector<Operand> out;
  const Node& n = g_[id];
  for (uint32_t i = 0; i < n.in.size(); ++i)
    if (n.in[i].valid() && int(i) != rule(id).weight && int(i) != rule(id).bias && is_data(g_.type(n.in[i])) &&
        !g_.constant(n.in[i]))
      out.push_back({id, i, n.in[i]});
  return out;
}

Values Planner::data_results(uint32_t id) const {
  Values out;
  for (uint32_t i = 0; i < g_[id].out.size(); ++i)
    if (is_data(g_[id].out[i])) out.push_back({id, i});
  return out;
}

// What chooses among elements gives them with the steps that they came with.
bool Planner::forward(uint32_t id) {
  const std::vector<Operand> in = data_operands(id);
  const Values results = data_results(id);
  if (in.empty() || results.empty() || made(results[0])) return false;
  const Type* steps = read(id, in[0].index);
  const auto agrees = [&](const Operand& o) {
    const Type* t = read(id, o.index);
    return t && same_steps(*t, *steps);
  };
  if (!steps || !std::ranges::all_of(in, agrees)) return false;
  const Type type = *steps;
  for (Value r : results) make(r, type);
  return true;
}

// Rounding behind it is rounding before it, where nothing else reads that.
bool Planner::backward(uint32_t id) {
  const Values results = data_results(id);
  if (results.empty() || !made(results[0])) return false;
  const Type type = *made(results[0]);
  if (!std::ranges::all_of(results, [&](Value r) { return made(r) && same_steps(*made(r), type); })) return false;
  bool changed = false;
  for (const Operand& o : data_operands(id)) {
    if (read(id, o.index) || made(o.value) || g_.uses(o.value).size() != 1) continue;
    make(o.value, type);
    changed = true;
  }
  return changed;
}

void Planner::propagate() {
  for (bool changed = true; changed;) {
    changed = false;
    for (uint32_t id : order_)
      if (rule(id).kind == Quant::kSameScale && rule(id).selects) changed |= forward(id);
    for (auto id = order_.rbegin(); id != order_.rend(); ++id)
      if (rule(*id).kind == Quant::kSameScale) changed |= backward(*id);
  }
}

// A function of one operand has the range that the operand's integers map to.
std::optional<Type> derived_type(const OpBase& op, const Type& operand) {
  const IntegerRange all = integer_range(operand.dtype);
  constexpr int64_t kMost = 256;
  const int64_t n = std::min<int64_t>(kMost, int64_t(all.high) - all.low + 1);
  Tensor x = Tensor::make(Type{DType::kF32, {1, n}, {}});
  for (int64_t i = 0; i < n; ++i) {
    const double integer = all.low + double(i) * (double(all.high) - all.low) / double(n - 1);
    x.mutable_data<float>()[i] = float(scale_of(operand) * (std::nearbyint(integer) - zero_point_of(operand)));
  }
  const auto y = def_of(op).eval(op, std::span(&x, 1));
  if (!y || (*y)[0].shape() != x.shape()) return std::nullopt;
  Range r;
  for (int64_t i = 0; i < n; ++i) {
    const double v = double((*y)[0].data<float>()[i]);
    if (!std::isfinite(v)) return std::nullopt;
    r = {std::min(r.low, v), std::max(r.high, v)};
  }
  return Type{operand.dtype, {}, parameters_of(r, operand.dtype)};
}

// Outputs that the program leaves in float behind its last rounding: a step of theirs is all that they lose.
void Planner::derive_outputs() {
  for (uint32_t id : order_) {
    const std::vector<Operand> in = data_operands(id);
    const Values results = data_results(id);
    if (in.size() != 1 || results.size() != 1 || made(results[0]) || !only_outputs_read(results[0])) continue;
    const Type* operand = read(id, in[0].index);
    if (!operand || !in_list(operand->dtype, rule(id).types)) continue;
    if (rule(id).fixed) {
      make(results[0], Type{operand->dtype, {}, rule(id).fixed(operand->dtype)});
    } else if (rule(id).kind == Quant::kRequant && def_of(*g_[id].op).layout == Layout::kAny && g_[id].in.size() == 1) {
      if (auto type = derived_type(*g_[id].op, *operand)) make(results[0], *std::move(type));
    }
  }
}

bool Planner::calibrate_value(Value v, DType t) {
  const auto seen = calibration_.values.find(v);
  if (made(v) || g_.constant(v) || seen == calibration_.values.end() || seen->second.empty() || seen->second.not_finite())
    return false;
  const auto method = options_.methods.find(v);
  make(v, Type{t,
               {},
               parameters_of(choose_range(seen->second, method == options_.methods.end() ? options_.method : method->second, t),
                             t)});
  return true;
}

// Values that the program left in float between layers that have integer kernels.
void Planner::calibrate() {
  for (uint32_t id : order_) {
    if (rule(id).kind == Quant::kFloatOnly || def_of(*g_[id].op).integer_form) continue;
    const DType t = data_of(id);
    if (!in_list(t, rule(id).types)) continue;
    for (const Operand& o : data_operands(id)) {
      if (const Type* type = made(o.value))
        out_.plan.read.try_emplace({id, o.index}, *type);
      else
        calibrate_value(o.value, t);
    }
    if (rule(id).kind == Quant::kSameScale) forward(id);
    for (Value r : data_results(id))
      if (rule(id).fixed && !made(r))
        make(r, Type{t, {}, rule(id).fixed(t)});
      else
        calibrate_value(r, t);
  }
}

DType Planner::data_of(uint32_t id) const {
  for (Value r : data_results(id))
    if (const Type* t = made(r)) return t->dtype;
  for (const Operand& o : data_operands(id))
    if (const Type* t = read(id, o.index)) return t->dtype;
  return options_.data;
}

Status Planner::decide(uint32_t id) {
  NodePlan& p = out_.plan.nodes[id];
  if (p.data != DType::kF32) return {};
  TRY(p.reason, why_float(id));
  if (p.reason.empty())
    p.data = data_of(id);
  else
    out_.weights.erase(id);
  return {};
}

Result<std::string> Planner::why_float(uint32_t id) {
  const OpDef& def = def_of(*g_[id].op);
  const DType data = data_of(id);
  const bool kept = id < options_.node_data.size() && options_.node_data[id] == DType::kF32;
  if (kept) return std::string("kept float as asked");
  if (rule(id).kind == Quant::kFloatOnly) return fmt::format("LiteRT has no integer kernel for {}", def.name);
  if (!in_list(data, rule(id).types)) return fmt::format("LiteRT has no {} kernel for {}", name(data), def.name);
  if (def_of(*g_[id].op).integer_form) return fmt::format("the program does not quantize the values inside {}", def.name);
  TRY(std::string reason, check_operands(id, data));
  if (reason.empty()) reason = check_results(id, data);
  if (reason.empty() && rule(id).weight >= 0) {
    TRY(reason, check_weight(id));
  }
  if (reason.empty()) {
    TRY(reason, check_kernel(id, data));
  }
  return reason;
}

Result<std::string> Planner::check_operands(uint32_t id, DType data) {
  for (const Operand& o : data_operands(id)) {
    const Type* t = read(id, o.index);
    if (!t) return std::string("the program does not quantize what it reads");
    if (t->dtype != data) return fmt::format("it reads {} and gives {}", name(t->dtype), name(data));
  }
  const Node& n = g_[id];
  for (uint32_t i = 0; i < n.in.size(); ++i) {
    if (!n.in[i].valid() || !g_.constant(n.in[i]) || !is_data(g_.type(n.in[i]))) continue;
    if (int(i) == rule(id).weight || int(i) == rule(id).bias) continue;
    TRY(std::string reason, check_constant(id, n.in[i], data));
    if (!reason.empty()) return reason;
  }
  return std::string();
}

// A constant operand is as exact in integers as it is in the program: integers there already, or one number.
Result<std::string> Planner::check_constant(uint32_t id, Value v, DType data) {
  const ConstantPtr& c = g_.constant_ptr(v);
  QuantParams params;
  TRY(const auto stated, weight_integers(*c, -1));
  TRY(const Tensor t, c->materialize());
  if (stated && data == DType::kI8) {
    params = {{stated->scales[0]}, {0}, 0};
  } else {
    const double first = t.count() ? element_as_double(t, 0) : 0;
    for (int64_t i = 1; i < t.count(); ++i)
      if (element_as_double(t, i) != first) return std::string("the program does not quantize its constant");
    const double most = data == DType::kI16 ? 32767 : 127;
    params = {{first == 0 ? 1.0f : float(std::fabs(first) / most)}, {0}, 0};
  }
  if (rule(id).kind != Quant::kSameScale) {
    out_.plan.entries[{v, data}].params = params;
    return std::string();
  }
  const Values results = data_results(id);
  const Type* scale = results.empty() ? nullptr : made(results[0]);
  if (!scale && !data_operands(id).empty()) scale = read(id, data_operands(id)[0].index);
  if (!scale) return std::string("the program does not quantize what it gives");
  constexpr double kExact = 0.02;
  for (int64_t i = 0; i < t.count(); ++i) {
    const double steps = element_as_double(t, i) / scale_of(*scale);
    if (std::fabs(steps - std::nearbyint(steps)) > kExact)
      return std::string("its constant lies between the steps that the program gives its result");
  }
  return std::string();
}

std::string Planner::check_results(uint32_t id, DType data) const {
  for (Value r : data_results(id)) {
    const Type* t = made(r);
    if (!t) return "the program does not quantize what it gives";
    if (t->dtype != data) return fmt::format("it reads {} and gives {}", name(data), name(t->dtype));
    if (!rule(id).fixed) continue;
    const double kernel = double(rule(id).fixed(data).scale[0]), own = scale_of(*t);
    if (kernel > own * kFineEnough)
      return fmt::format("LiteRT's kernel gives steps of {:.4g}, the program asks for {:.4g}", kernel, own);
  }
  return {};
}

Result<std::string> Planner::check_weight(uint32_t id) {
  const Node& n = g_[id];
  const Value weight = n.in[size_t(rule(id).weight)];
  if (!g_.constant(weight)) return fmt::format("{} has a weight that is computed", def_of(*n.op).name);
  const Value bias = rule(id).bias >= 0 && size_t(rule(id).bias) < n.in.size() ? n.in[size_t(rule(id).bias)] : Value{};
  if (bias.valid() && !g_.constant(bias)) return std::string("a bias that is computed cannot be quantized");
  TRY(auto stated, weight_integers(*g_.constant(weight), options_.per_channel ? rule(id).weight_axis : -1));
  if (!stated && calibration_.values.empty())
    return std::string(
        "the program has no integers of 8 bits, around zero, with a scale for each result channel as its weight");
  if (!stated) return std::string();
  WeightRepair repair;
  repair.integers = std::move(stated->integers);
  repair.scales = std::move(stated->scales);
  TRY_STATUS(fit_bias(id, repair));
  out_.weights[id] = std::move(repair);
  ++out_.tensors;
  return std::string();
}

// A channel whose bias needs more than 32 bits has weights next to nothing: they get larger steps.
Status Planner::fit_bias(uint32_t id, WeightRepair& weight) const {
  const Node& n = g_[id];
  const auto b = size_t(rule(id).bias);
  if (rule(id).bias < 0 || b >= n.in.size() || !n.in[b].valid() || data_of(id) != DType::kI8) return {};
  TRY(const Tensor bias, g_.constant(n.in[b])->materialize());
  const double data_scale = scale_of(*read(id, 0));
  const Shape& shape = weight.integers->shape();
  const int axis = weight.scales.size() > 1 ? rule(id).weight_axis : -1;
  int64_t inner = 1;
  for (size_t k = size_t(axis) + 1; axis >= 0 && k < shape.size(); ++k) inner *= shape[k];
  for (int64_t c = 0; c < bias.count(); ++c) {
    const size_t at = weight.scales.size() == 1 ? 0 : size_t(c);
    const double least = std::fabs(element_as_double(bias, c)) / (data_scale * kMaxBiasSteps);
    if (double(weight.scales[at]) >= least) continue;
    const double factor = double(weight.scales[at]) / least;
    Tensor moved = Tensor::make(weight.integers->type());
    for (int64_t i = 0; i < moved.count(); ++i) {
      const int8_t q = weight.integers->data<int8_t>()[i];
      const bool mine = axis < 0 || i / inner % shape[size_t(axis)] == c;
      moved.mutable_data<int8_t>()[i] = mine ? int8_t(std::nearbyint(q * factor)) : q;
    }
    weight.integers = std::move(moved);
    weight.scales[at] = float(least);
  }
  return {};
}

// What LiteRT's kernel asks beyond that.
Result<std::string> Planner::check_kernel(uint32_t id, DType data) const {
  const Node& n = g_[id];
  const QuantRule& r = rule(id);
  Types in, out;
  for (uint32_t i = 0; i < n.out.size(); ++i) {
    Type t = n.out[i];
    if (is_data(t)) t = Type{data, t.shape, r.fixed ? r.fixed(data) : *made({id, i})->quant};
    out.push_back(std::move(t));
  }
  std::vector<float> scales(1, 1.0f);
  const auto weight = out_.weights.find(id);
  if (r.weight >= 0 && weight != out_.weights.end()) scales = weight->second.scales;
  if (r.weight >= 0 && weight == out_.weights.end()) {
    TRY(scales, weight_scales(*g_.constant(n.in[size_t(r.weight)]), options_.per_channel ? r.weight_axis : -1));
  }
  const QuantParams per_channel{scales, std::vector<int64_t>(scales.size(), 0), scales.size() > 1 ? r.weight_axis : 0};
  for (uint32_t i = 0; i < n.in.size(); ++i) {
    Type t = n.in[i].valid() ? g_.type(n.in[i]) : absent_type();
    if (int(i) == r.weight) {
      t = Type{DType::kI8, t.shape, per_channel};
    } else if (int(i) == r.bias) {
      continue;
    } else if (is_data(t)) {
      const Type* as = read(id, i);
      if (r.kind == Quant::kSameScale && !out.empty() && out[0].quant) as = &out[0];
      const auto entry = out_.plan.entries.find({n.in[i], data});
      if (g_.constant(n.in[i]) && r.kind != Quant::kSameScale && entry != out_.plan.entries.end())
        t = Type{data, t.shape, entry->second.params};
      else if (as)
        t = Type{data, t.shape, *as->quant};
    }
    in.push_back(std::move(t));
  }
  if (r.bias >= 0) {
    QuantParams q = per_channel;
    for (float& s : q.scale) s = float(double(s) * scale_of(in[0]));
    q.axis = 0;
    const int64_t channels = r.weight_axis < 0 ? n.out[0].shape.back() : in[size_t(r.weight)].shape[size_t(r.weight_axis)];
    in.insert(in.begin() + r.bias, Type{data == DType::kI16 ? r.wide_bias : DType::kI32, {channels}, std::move(q)});
  }
  OpPtr op = n.op;
  if (!takes_integers(*op, in, out)) {
    Quantized q;
    q.op = {op};
    q.out = out;
    op = make_op(std::move(q));
  }
  const Status legal = def_of(*op).legal(*op, in);
  return legal ? std::string() : legal.error().what;
}

void Planner::plan_inputs() {
  for (const Port& port : g_.inputs()) {
    const Type* type = made(port.value);
    const auto rounded = [&](const Use& u) { return read(u.node, u.operand) != nullptr; };
    const bool integers = type && std::ranges::all_of(g_.uses(port.value), rounded);
    out_.plan.input_data.push_back(integers ? type->dtype : g_.type(port.value).dtype);
  }
}

void Planner::record_parameters() {
  for (const auto& [v, type] : made_) {
    QuantPlan::Entry& e = out_.plan.entries[{v, type.dtype}];
    e.params = *type.quant;
    if (!g_.is(v, OpCode::kInput) && rule(v.node).fixed) e.fixed = rule(v.node).fixed(type.dtype);
  }
}

}  // namespace

Result<StatedPlan> plan_stated_quantization(const StatedQuantization& stated, const Calibration& calibration,
                                            const PlanOptions& options) {
  return Planner(stated, calibration, options).run();
}

}  // namespace atl
