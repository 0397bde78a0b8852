#include "quant/plan.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ops/elementwise.h"
#include "ops/variable_operands.h"
#include "quant/mask_floors.h"

namespace atl {
namespace {

constexpr const char* kMaskHint =
    "-inf is taken where it only keeps scores out of a softmax; a mask takes -100 as well, or leave the layer in float: "
    "--keep-float "
    "'MODULE.*'";

using Key = std::pair<Value, DType>;

bool is_data(const Type& t) { return t.dtype == DType::kF32 && !t.quant; }

// Whether a weight is computed, or a bias beside several weights.
bool has_computed_weight(const Graph& g, const Node& n, const QuantRule& rule) {
  if (rule.weight >= 0) return !g.constant(n.in[size_t(rule.weight)]);
  const IntegerFormDef* form = def_of(*n.op).integer_form;
  for (size_t i = 0; i < n.in.size(); ++i) {
    const bool is_weight = has_role(form, i, OperandRole::kWeight) || has_role(form, i, OperandRole::kBias);
    if (is_weight && n.in[i].valid() && !g.constant(n.in[i])) return true;
  }
  return false;
}

class Planner {
 public:
  Planner(const Graph& g, const Calibration& calibration, const PlanOptions& options)
      : g_(g), calibration_(calibration), options_(options) {}

  Result<QuantPlan> run() {
    plan_.nodes.resize(g_.size());
    for (uint32_t id : g_.topological_order()) plan_node(id);
    plan_inputs();
    collect_keys();
    join_groups();
    TRY(plan_.mask_floors, mask_floors(g_, calibration_));
    TRY_STATUS(choose_parameters());
    for (uint32_t id : g_.topological_order())
      if (is_integer(id) && def_of(*g_[id].op).integer_form) {
        TRY(plan_.forms[id], form_of(id));
      }
    return std::move(plan_);
  }

 private:
  void plan_node(uint32_t id);
  void plan_inputs();
  void collect_keys();
  void join_groups();
  Status choose_parameters();
  Status choose_group(size_t group, const std::vector<Key>& members);
  Result<IntegerForm> form_of(uint32_t id) const;
  Result<Statistics> statistics_of(const std::vector<Key>& sources);
  /// The range of values some of which are masks; nothing where none is. E: constant_range's.
  Result<std::optional<Range>> masked_range(const std::vector<Key>& values) const;

  size_t number(const Key& k) {
    const auto [it, added] = numbers_.try_emplace(k, keys_.size());
    if (added) {
      keys_.push_back(k);
      parent_.push_back(it->second);
    }
    return it->second;
  }
  size_t root(size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void join(const Key& a, const Key& b) {
    const size_t x = root(number(a)), y = root(number(b));
    parent_[std::max(x, y)] = std::min(x, y);
  }
  /// The operands and results of a node that are data to it (not weights, biases, indices).
  std::vector<Value> data_values(uint32_t id) const;
  /// True when a value leaves its group: something reads it that is not an op which only selects among the group's elements.
  bool leaves_group(const Key& k) const;
  /// True for a member that a node of its group hands on.
  bool is_same_scale(const Key& k) const {
    return plan_.nodes[k.first.node].rule.kind == Quant::kSameScale && plan_.nodes[k.first.node].data == k.second;
  }
  /// What the integers of 8 bits reach that all sources of a group of 16 bits are made from; nothing where one is not.
  std::optional<Range> reach_of(const std::vector<Key>& sources) const;
  bool is_integer(uint32_t id) const { return atl::is_integer(plan_.nodes[id].data); }

  const Graph& g_;
  const Calibration& calibration_;
  const PlanOptions& options_;
  QuantPlan plan_;
  std::map<Key, size_t> numbers_;
  std::vector<Key> keys_;
  std::vector<size_t> parent_;
  std::vector<std::pair<size_t, Value>> constants_;  // of same-scale nodes: a member of the group, the constant
};

void Planner::plan_node(uint32_t id) {
  const Node& n = g_[id];
  NodePlan& p = plan_.nodes[id];
  if (n.constant || n.op->code == OpCode::kInput) return;
  const auto has_data = [&](Value v) { return v.valid() && is_data(g_.type(v)); };
  const bool data = std::any_of(n.in.begin(), n.in.end(), has_data) || std::any_of(n.out.begin(), n.out.end(), is_data);
  if (!data) return;
  const OpDef& def = def_of(*n.op);
  p.rule = def.quantization(*n.op, g_.types(n.in));
  DType wanted = options_.data;
  if (id < options_.node_data.size() && options_.node_data[id] != DType::kUnknown) wanted = options_.node_data[id];
  p.data = DType::kF32;
  if (wanted == DType::kF32) {
    p.reason = "kept float as asked";
  } else if (p.rule.kind == Quant::kFloatOnly) {
    p.reason = fmt::format("LiteRT has no integer kernel for {}", def.name);
  } else if (!in_list(wanted, p.rule.types)) {
    // A kernel that has no 16 bits has 8, with the loss of precision that this means only for this node.
    p.reason = fmt::format("LiteRT has no {} kernel for {}", name(wanted), def.name);
    if (wanted == DType::kI16 && options_.data == DType::kI8 && in_list(DType::kI8, p.rule.types)) {
      p.data = DType::kI8;
      p.reason.clear();
    }
  } else if (has_computed_weight(g_, n, p.rule)) {
    p.reason = fmt::format("{} has a weight that is computed", def.name);
  } else {
    p.data = wanted;
  }
}

void Planner::plan_inputs() {
  for (const Port& port : g_.inputs()) {
    DType t = g_.type(port.value).dtype;
    if (is_data(g_.type(port.value))) {
      for (const Use& u : g_.uses(port.value))
        if (u.node != kGraphOutput && is_integer(u.node)) t = plan_.nodes[u.node].data;
    }
    plan_.input_data.push_back(t);
  }
}

std::vector<Value> Planner::data_values(uint32_t id) const {
  const Node& n = g_[id];
  const QuantRule& rule = plan_.nodes[id].rule;
  std::vector<Value> out;
  if (const IntegerFormDef* form = def_of(*n.op).integer_form) {
    for (size_t i = 0; i < n.in.size(); ++i)
      if (has_role(form, i, OperandRole::kData)) out.push_back(n.in[i]);
    out.push_back({id, 0});
    return out;
  }
  for (size_t i = 0; i < n.in.size(); ++i)
    if (n.in[i].valid() && int(i) != rule.weight && int(i) != rule.bias && is_data(g_.type(n.in[i]))) out.push_back(n.in[i]);
  for (uint32_t i = 0; i < n.out.size(); ++i)
    if (is_data(n.out[i])) out.push_back({id, i});
  return out;
}

void Planner::collect_keys() {
  for (uint32_t id : g_.topological_order()) {
    if (!is_integer(id)) continue;
    const NodePlan& p = plan_.nodes[id];
    for (Value v : data_values(id))
      if (!g_.constant(v) || p.rule.kind != Quant::kSameScale) number({v, p.data});
    if (!p.rule.fixed) continue;
    for (uint32_t i = 0; i < g_[id].out.size(); ++i)
      if (is_data(g_[id].out[i])) plan_.entries[{Value{id, i}, p.data}].fixed = p.rule.fixed(p.data);
  }
  for (size_t i = 0; i < g_.inputs().size(); ++i)
    if (atl::is_integer(plan_.input_data[i]) && is_data(g_.type(g_.inputs()[i].value)))
      number({g_.inputs()[i].value, plan_.input_data[i]});
}

void Planner::join_groups() {
  for (uint32_t id : g_.topological_order()) {
    const IntegerFormDef* form = is_integer(id) ? def_of(*g_[id].op).integer_form : nullptr;
    for (size_t i = 0; form && i < form->roles.size(); ++i) {
      const Value v = g_[id].in[i];
      if (form->roles[i] != OperandRole::kCarried || is_variable_of_file(g_, v)) continue;
      const Key result{{id, 0}, plan_.nodes[id].data};
      if (g_.constant(v))
        constants_.emplace_back(number(result), v);
      else
        join({v, result.second}, result);
    }
    if (!is_integer(id) || plan_.nodes[id].rule.kind != Quant::kSameScale) continue;
    const std::vector<Value> values = data_values(id);
    const DType t = plan_.nodes[id].data;
    Value first;
    for (Value v : values) {
      if (g_.constant(v)) continue;
      if (first.valid()) join({first, t}, {v, t});
      first = v;
    }
    // A constant only widens the range: another node may read it with another scale.
    for (Value v : values)
      if (g_.constant(v) && first.valid()) constants_.emplace_back(number({first, t}), v);
  }
  for (const State& s : options_.states.empty() ? g_.states() : options_.states) {
    const Value in = g_.inputs()[s.input].value, out = g_.outputs()[s.output].value;
    const DType t = plan_.input_data[s.input];
    if (atl::is_integer(t) && is_data(g_.type(in))) join({in, t}, {out, t});
  }
}

Result<Statistics> Planner::statistics_of(const std::vector<Key>& sources) {
  Statistics all;
  for (const auto& [v, t] : sources) {
    if (const Constant* c = g_.constant(v)) {
      auto range = constant_range(*c);
      if (!range) return std::move(range.error()).at(g_.origin_of(v));
      const Range r = *range;
      const float ends[] = {float(r.low), float(r.high)};
      all.observe(ends);
      continue;
    }
    const auto it = calibration_.values.find(v);
    if (it == calibration_.values.end() || (it->second.empty() && !it->second.not_finite() && !it->second.masked()))
      return error(Code::kInput, "a layer has no calibrated range", "calibrate with samples that run through it")
          .at(g_.origin_of(v));
    if (const uint64_t bad = it->second.not_finite() + it->second.masked())
      return error(Code::kInput, fmt::format("a layer gives {} NaN or infinite values on the calibration data", bad),
                   fmt::format("a range cannot be chosen for them; look at the data, or at what the layer divides by; {}",
                               kMaskHint))
          .at(g_.origin_of(v));
    all.join(it->second);
  }
  return all;
}

Result<std::optional<Range>> Planner::masked_range(const std::vector<Key>& values) const {
  Range all;
  bool masked = false;
  for (const auto& [v, t] : values) {
    const auto floor = plan_.mask_floors.find(v);
    if (floor == plan_.mask_floors.end()) continue;
    masked = true;
    all.low = std::min(all.low, floor->second);
  }
  if (!masked) return std::optional<Range>();
  for (const auto& [v, t] : values) {
    const auto seen = calibration_.values.find(v);
    Range r = seen == calibration_.values.end() ? Range() : seen->second.extremes();
    if (const Constant* c = g_.constant(v)) {
      TRY(const Statistics s, constant_statistics(*c));
      r = s.extremes();
    }
    all = {std::min(all.low, r.low), std::max(all.high, r.high)};
  }
  return std::optional(all);
}

std::optional<Range> Planner::reach_of(const std::vector<Key>& sources) const {
  Range all;
  for (const auto& [v, t] : sources) {
    const auto narrow = plan_.entries.find({v, DType::kI8});
    if (g_.constant(v) || plan_.data_of(g_, v) != DType::kI8 || narrow == plan_.entries.end()) return std::nullopt;
    const QuantParams& q = narrow->second.fixed ? *narrow->second.fixed : narrow->second.params;
    const double scale = double(q.scale[0]), zero = double(q.zero_point[0]);
    all = {std::min(all.low, scale * (-128 - zero)), std::max(all.high, scale * (127 - zero))};
  }
  return all;
}

bool Planner::leaves_group(const Key& k) const {
  for (const Use& u : g_.uses(k.first)) {
    if (u.node == kGraphOutput) return true;
    const NodePlan& p = plan_.nodes[u.node];
    if (p.rule.kind != Quant::kSameScale || p.data != k.second || !p.rule.selects) return true;
  }
  return g_.uses(k.first).empty();
}

Status Planner::choose_group(size_t group, const std::vector<Key>& members) {
  const DType t = members[0].second;
  std::vector<Key> sources;
  for (const Key& k : members)
    if (!is_same_scale(k)) sources.push_back(k);
  if (sources.empty()) sources = members;
  // Clipping what is selected from is clipping what is selected: the range is that of the values which leave the group.
  std::vector<Key> ranged;
  for (const Key& k : members)
    if (leaves_group(k)) ranged.push_back(k);
  if (ranged.empty()) ranged = members;
  for (const auto& [member, constant] : constants_)
    if (root(member) == group) ranged.push_back({constant, t});
  // Where everything comes from kernels that prescribe one and the same scale, it stays.
  std::optional<QuantParams> common;
  bool all_fixed = true;
  for (const Key& k : sources) {
    const auto it = plan_.entries.find(k);
    const bool fixed = it != plan_.entries.end() && it->second.fixed;
    all_fixed &= fixed && (!common || *common == *it->second.fixed);
    if (fixed) common = it->second.fixed;
  }
  RangeMethod method = options_.method;
  for (const Key& k : members)
    if (const auto it = options_.methods.find(k.first); it != options_.methods.end()) method = it->second;
  ScaleGroup made{.members = {}, .sources = {}, .data = t, .fixed = all_fixed && common, .statistics = {}};
  QuantParams params;
  if (made.fixed) {
    params = *common;
  } else {
    const auto reach = t == DType::kI16 ? reach_of(sources) : std::nullopt;
    TRY(const auto masked, masked_range(ranged));
    if (masked) {
      params = parameters_of(reach ? *reach : *masked, t);
      made.known = true;
    } else {
      TRY(made.statistics, statistics_of(ranged));
      params = parameters_of(reach ? *reach : choose_range(made.statistics, method, t), t);
    }
    if (const Constant* c = members.size() == 1 && t != DType::kI16 && !masked ? g_.constant(members[0].first) : nullptr) {
      TRY(const Tensor values, c->materialize());
      params = parameters_of_values(values.values<float>(), made.statistics.extremes(), t);
    }
    for (const Key& k : members)
      if (const auto known = options_.ranges.find(k.first); known != options_.ranges.end() && t != DType::kI16) {
        params = parameters_of(known->second, t);
        made.known = true;
      }
  }
  for (const Key& k : sources)
    if (!g_.constant(k.first)) made.sources.push_back(k.first);
  for (const Key& k : members) {
    QuantPlan::Entry& e = plan_.entries[k];
    e.params = params;
    e.method = method;
    e.group = plan_.groups.size();
    made.members.push_back(k.first);
  }
  plan_.groups.push_back(std::move(made));
  return {};
}

Status Planner::choose_parameters() {
  std::map<size_t, std::vector<Key>> groups;
  for (size_t i = 0; i < keys_.size(); ++i) groups[root(i)].push_back(keys_[i]);
  // Groups of 16 bits ask what those of 8 bits reach.
  for (const bool wide : {false, true})
    for (const auto& [group, members] : groups)
      if ((members[0].second == DType::kI16) == wide) TRY_STATUS(choose_group(group, members));
  return {};
}

// The integers of a node that states them itself, now that its data has parameters.
Result<IntegerForm> Planner::form_of(uint32_t id) const {
  const Node& n = g_[id];
  const NodePlan& p = plan_.nodes[id];
  const IntegerFormDef& form = *def_of(*n.op).integer_form;
  FormRequest request;
  Types in = g_.types(n.in), out = n.out;
  std::vector<double> reach(in.size(), 0.0);
  for (size_t i = 0; i < n.in.size(); ++i) {
    if (form.roles[i] == OperandRole::kData) in[i] = Type{p.data, in[i].shape, plan_.parameters(n.in[i], p.data)};
    const Constant* c = g_.constant(n.in[i]);
    if (!c || form.roles[i] == OperandRole::kData) continue;
    auto range = constant_range(*c);
    if (!range) return std::move(range.error()).at(g_.origin(n.origin));
    reach[i] = std::max(-range->low, range->high);
  }
  out[0] = Type{p.data, out[0].shape, plan_.parameters({id, 0}, p.data)};
  const auto inner = calibration_.inner_reach.find(id);
  if (inner == calibration_.inner_reach.end())
    return error(Code::kInput, "a layer has no calibrated range", "calibrate with samples that run through it")
        .at(g_.origin(n.origin));
  request.in = in;
  request.out = out;
  request.reach = reach;
  request.inner_reach = inner->second;
  return form.make(*n.op, request);
}

}  // namespace

void Calibration::merge(const Calibration& other) {
  for (const auto& [v, s] : other.values) values[v].merge(s);
  const double all = double(samples + other.samples);
  for (const auto part : {&Calibration::channel_means, &Calibration::channel_squares, &Calibration::channel_peaks})
    for (const auto& [v, means] : other.*part) {
      std::vector<double>& mine = (this->*part)[v];
      mine.resize(means.size());
      for (size_t c = 0; c < means.size(); ++c) mine[c] = (mine[c] * double(samples) + means[c] * double(other.samples)) / all;
    }
  for (const auto& [v, reach] : other.channel_reach) {
    std::vector<double>& mine = channel_reach[v];
    mine.resize(reach.size());
    for (size_t c = 0; c < reach.size(); ++c) mine[c] = std::max(mine[c], reach[c]);
  }
  for (const auto& [id, reach] : other.inner_reach) {
    std::vector<double>& mine = inner_reach[id];
    mine.resize(reach.size());
    for (size_t k = 0; k < reach.size(); ++k) mine[k] = std::max(mine[k], reach[k]);
  }
  samples += other.samples;
}

Result<Range> constant_range(const Constant& c) {
  TRY(const Tensor t, c.materialize());
  Range r;
  for (int64_t i = 0; i < t.count(); ++i) {
    const double v = element_as_double(t, i);
    if (!(std::fabs(v) < double(kBeyondScales)))
      return error(Code::kInput,
                   fmt::format("a constant{} holds {:.3g}, which integers do not reach",
                               c.name().empty() ? "" : " '" + c.name() + "'", v),
                   kMaskHint);
    r = {std::min(r.low, v), std::max(r.high, v)};
  }
  return r;
}

const QuantParams& QuantPlan::parameters(Value v, DType t) const {
  static const QuantParams kNone;
  const auto it = entries.find({v, t});
  return it == entries.end() ? kNone : it->second.params;
}

DType QuantPlan::data_of(const Graph& g, Value v) const {
  if (const auto form = forms.find(v.node); form != forms.end()) return form->second.out[v.index].dtype;
  if (g.is(v, OpCode::kInput)) {
    for (size_t i = 0; i < g.inputs().size(); ++i)
      if (g.inputs()[i].value == v) return input_data[i];
  }
  const DType t = nodes[v.node].data;
  return is_data(g.type(v)) && is_integer(t) ? t : g.type(v).dtype;
}

Type QuantPlan::produced(const Graph& g, Value v) const {
  if (const auto form = forms.find(v.node); form != forms.end()) return form->second.out[v.index];
  Type type = g.type(v);
  const DType t = data_of(g, v);
  if (!is_data(type) || !is_integer(t)) return type;
  const auto it = entries.find({v, t});
  if (it == entries.end()) return type;
  return Type{t, std::move(type.shape), it->second.fixed ? *it->second.fixed : it->second.params};
}

std::optional<RangeMethod> QuantPlan::method(Value v, DType t) const {
  const auto it = entries.find({v, t});
  return it == entries.end() ? std::nullopt : std::optional(it->second.method);
}

Result<QuantPlan> plan_quantization(const Graph& g, const Calibration& calibration, const PlanOptions& options) {
  TRY(const auto plain, without_variables(g));
  return Planner(plain ? *plain : g, calibration, options).run();
}

}  // namespace atl
