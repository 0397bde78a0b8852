#include "quant/mixed_joins.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "ir/rewrite.h"
#include "ops/elementwise.h"
#include "ops/shape.h"

namespace atl {
namespace {

bool hands_on(const QuantPlan& plan, uint32_t id) {
  const NodePlan& p = plan.nodes[id];
  return p.data == DType::kI8 && p.rule.kind == Quant::kSameScale && p.rule.selects && in_list(DType::kI16, p.rule.types);
}

/// Adds the nodes that a value goes through on its way to outputs; false when one of them computes with it.
bool collect_tail(const Graph& g, const QuantPlan& plan, uint32_t id, std::set<uint32_t>& tail) {
  if (!hands_on(plan, id)) return false;
  if (!tail.insert(id).second) return true;
  for (uint32_t k = 0; k < g[id].out.size(); ++k)
    for (const Use& u : g.uses({id, k}))
      if (u.node != kGraphOutput && !collect_tail(g, plan, u.node, tail)) return false;
  return true;
}

double reach_of(const Calibration& calibration, Value v) {
  const auto it = calibration.values.find(v);
  if (it == calibration.values.end() || it->second.empty()) return 0;
  const Range r = it->second.extremes();
  return std::max(std::fabs(r.low), std::fabs(r.high));
}

/// An output that is a join, behind these transposes.
struct JoinedOutput {
  size_t output;
  std::vector<uint32_t> transposes;  // from the join on
};

std::optional<JoinedOutput> joined_output(const Graph& g, const MixedJoin& join) {
  JoinedOutput found{};
  for (Value v{join.node, 0};;) {
    if (g.uses(v).size() != 1) return std::nullopt;
    const Use u = g.uses(v)[0];
    if (u.node == kGraphOutput) {
      found.output = u.operand;
      return found;
    }
    v = {u.node, 0};
    if (!g.as<Transpose>(v)) return std::nullopt;
    found.transposes.push_back(u.node);
  }
}

}  // namespace

Result<std::vector<size_t>> split_joined_outputs(Graph& g, std::span<const MixedJoin> joins) {
  std::map<size_t, Values> branches;
  for (const MixedJoin& join : joins) {
    const auto found = joined_output(g, join);
    if (!found || !g.states().empty()) continue;
    Builder b(g);
    for (Value v : Values(g[join.node].in)) {
      for (const uint32_t id : found->transposes) {
        b.set_origin(g[id].origin);
        v = b.add(*g.as<Transpose>({id, 0}), {v});
      }
      branches[found->output].push_back(v);
    }
    TRY_STATUS(b.take_status());
  }
  if (branches.empty()) return std::vector<size_t>();
  std::vector<Port> outputs;
  std::vector<size_t> sources;
  for (size_t i = 0; i < g.outputs().size(); ++i) {
    const Port& whole = g.outputs()[i];
    const auto parts = branches.find(i);
    for (size_t k = 0; parts != branches.end() && k < parts->second.size(); ++k)
      outputs.push_back({fmt::format("{}_{}", whole.name, k), parts->second[k]});
    if (parts == branches.end()) outputs.push_back(whole);
    sources.resize(outputs.size(), i);
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (i >= g.outputs().size()) {
      g.add_output(outputs[i].name, outputs[i].value);
      continue;
    }
    g.rename_output(i, outputs[i].name);
    g.set_output(i, outputs[i].value);
  }
  g.remove_dead_nodes();
  return sources;
}

std::vector<MixedJoin> mixed_joins(const Graph& g, const QuantPlan& plan, const Calibration& calibration) {
  std::vector<MixedJoin> out;
  for (uint32_t id : g.topological_order()) {
    const Node& n = g[id];
    if (n.constant || n.op->code == OpCode::kInput || n.in.size() < 2 || n.out.size() != 1 || !hands_on(plan, id)) continue;
    const QuantParams& shared = plan.parameters({id, 0}, DType::kI8);
    if (shared.scale.empty()) continue;
    MixedJoin join{.node = id, .tail = {}, .widest_reach = reach_of(calibration, {id, 0})};
    for (size_t i = 0; i < n.in.size(); ++i) {
      const double reach = n.in[i].valid() && !g.constant(n.in[i]) ? reach_of(calibration, n.in[i]) : 0;
      if (reach > 0 && (join.narrow_reach == 0 || reach < join.narrow_reach)) join.narrow = i, join.narrow_reach = reach;
    }
    if (join.narrow_reach == 0 || join.widest_reach < kUnlikeScales * join.narrow_reach) continue;
    std::set<uint32_t> tail;
    if (!collect_tail(g, plan, id, tail)) continue;
    for (uint32_t t : g.topological_order())
      if (tail.count(t)) join.tail.push_back(t);
    out.push_back(std::move(join));
  }
  return out;
}

}  // namespace atl
