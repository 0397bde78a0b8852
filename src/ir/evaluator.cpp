#include "ir/evaluator.h"

#include <utility>

namespace atl {
namespace {

thread_local std::optional<EvaluationLimit::Clock::time_point> limit;

}  // namespace

EvaluationLimit::EvaluationLimit(std::optional<Clock::time_point> end) : around_(std::exchange(limit, end)) {}

EvaluationLimit::~EvaluationLimit() { limit = around_; }

bool EvaluationLimit::has_passed() { return limit && Clock::now() > *limit; }

Tensor absent_operand() { return Tensor::view(absent_type(), nullptr, nullptr); }

Result<Tensors> evaluate_node(const Graph& g, uint32_t id, std::span<const Tensor> operands) {
  const Node& n = g[id];
  const OpDef& def = def_of(*n.op);
  const auto fail = [&](Error e) {
    return std::move(e).at(g.origin(n.origin)).in(fmt::format("while evaluating {}", def.name));
  };
  auto results = def.eval(*n.op, operands);
  if (!results) return fail(std::move(results.error()));
  if (results->size() != n.out.size())
    return fail(error(Code::kInternal, fmt::format("eval gives {} results, infer {}", results->size(), n.out.size())));
  for (size_t i = 0; i < n.out.size(); ++i) {
    const Type& got = (*results)[i].type();
    if (got.dtype == n.out[i].dtype && got.shape == n.out[i].shape) continue;
    return fail(error(Code::kInternal, fmt::format("eval gives {}, infer {}", to_string(got), to_string(n.out[i]))));
  }
  return results;
}

Evaluator::Evaluator(const Graph& graph, Constants constants)
    : graph_(graph), constants_(constants), order_(graph.topological_order()), uses_(graph.size(), 0), values_(graph.size()) {
  for (uint32_t id : order_)
    for (Value v : graph[id].in)
      if (v.valid()) ++uses_[v.node];
  for (const Port& p : graph.outputs()) ++uses_[p.value.node];
}

Status Evaluator::set_inputs(std::span<const Tensor> inputs) {
  if (inputs.size() != graph_.inputs().size())
    return error(Code::kInput, fmt::format("the graph takes {} inputs, {} are given", graph_.inputs().size(), inputs.size()));
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Port& port = graph_.inputs()[i];
    const Type &wanted = graph_.type(port.value), &given = inputs[i].type();
    if (wanted.dtype != given.dtype || wanted.shape != given.shape || (!inputs[i].bytes() && inputs[i].byte_count() > 0))
      return error(Code::kInput, fmt::format("input '{}' is {}, {} is given", port.name, to_string(wanted), to_string(given)));
    if (left_[port.value.node] > 0) values_[port.value.node] = {inputs[i]};
  }
  return {};
}

Result<Tensor> Evaluator::take(Value v) {
  Tensors& stored = values_[v.node];
  const Constant* c = graph_.constant(v);
  if (stored.empty()) {
    if (!c) return error(Code::kInternal, fmt::format("value %{} is used before it is computed", v.node));
    TRY(Tensor t, c->materialize());
    stored.push_back(std::move(t));
  }
  if (v.index >= stored.size()) return error(Code::kInternal, fmt::format("node %{} has no result {}", v.node, v.index));
  Tensor t = stored[v.index];
  if (--left_[v.node] == 0 && !(c && constants_ == Constants::kKeep)) stored = {};
  return t;
}

Result<bool> Evaluator::run(std::span<const Tensor> inputs, Tensors& outputs, const Observer& observer) {
  left_ = uses_;
  for (uint32_t id : filled_) values_[id] = {};
  filled_.clear();
  TRY_STATUS(set_inputs(inputs));
  for (const Port& p : graph_.inputs()) filled_.push_back(p.value.node);
  for (uint32_t id : order_) {
    const Node& n = graph_[id];
    if (n.op->code == OpCode::kInput || n.op->code == OpCode::kConst) continue;
    Tensors operands;
    for (Value v : n.in) {
      if (!v.valid()) {
        operands.push_back(absent_operand());
        continue;
      }
      auto t = take(v);
      if (!t) return std::move(t.error()).at(graph_.origin(n.origin));
      operands.push_back(*std::move(t));
    }
    TRY(Tensors results, evaluate_node(graph_, id, operands));
    const bool go_on = !observer || observer({id, operands, results});
    if (left_[id] > 0) values_[id] = std::move(results);
    filled_.push_back(id);
    if (!go_on) return false;
  }
  outputs.clear();
  for (const Port& p : graph_.outputs()) {
    TRY(Tensor t, take(p.value));
    outputs.push_back(std::move(t));
  }
  return true;
}

}  // namespace atl
