#include "pass/approximate.h"

#include <algorithm>
#include <cmath>

#include "ir/evaluator.h"

namespace atl {
namespace {

// A graph of this node alone; its operands become inputs, constants stay.
Result<Graph> alone(const Graph& graph, uint32_t id) {
  Graph g;
  Values in;
  for (const Value v : graph[id].in) {
    const ConstantPtr constant = v.valid() && graph.constant(v) ? graph.constant_ptr(v) : nullptr;
    if (!v.valid()) {
      in.emplace_back();
    } else if (constant) {
      in.push_back(g.add_constant(constant));
    } else {
      in.push_back(g.add_input(fmt::format("x{}", in.size()), graph.type(v)));
    }
  }
  TRY(const Values out, g.add(graph[id].op, std::move(in)));
  for (const Value v : out) g.add_output("y", v);
  return g;
}

Result<bool> adapt_node(Graph& g, uint32_t id, const Target& target) {
  const Node& n = g[id];
  Rewrite r(g, id);
  const OpPtr op = n.op;
  TRY(const bool done, def_of(*op).adapt(*op, r, target));
  if (done) g.release(id);
  return done;
}

uint32_t node_of(const Graph& g) { return g.outputs()[0].value.node; }

std::string ops_of(const Graph& g) {
  std::string text;
  for (const uint32_t id : g.topological_order())
    if (!g[id].constant && g[id].op->code != OpCode::kInput)
      text += (text.empty() ? "" : ", ") + std::string(def_of(*g[id].op).name);
  return text;
}

Tensor ramp(const Type& type) {
  Tensor t = Tensor::make(type);
  const int64_t n = element_count(type.shape);
  float* to = t.mutable_data<float>();
  for (int64_t i = 0; i < n; ++i)
    to[i] = float(kApproximationRange * (2.0 * double(i) / double(std::max<int64_t>(n - 1, 1)) - 1));
  return t;
}

Result<double> largest_error(const Graph& exact, const Graph& other) {
  Tensors inputs, expected, found;
  for (const Port& p : exact.inputs()) inputs.push_back(ramp(exact.type(p.value)));
  TRY_STATUS(Evaluator(exact).run(inputs, expected));
  TRY_STATUS(Evaluator(other).run(inputs, found));
  double error = 0;
  for (size_t k = 0; k < expected.size(); ++k)
    for (int64_t i = 0; i < element_count(expected[k].shape()); ++i)
      error = std::max(error, std::abs(element_as_double(expected[k], i) - element_as_double(found[k], i)));
  return error;
}

bool takes_floats(const Graph& g) {
  return std::ranges::all_of(g.inputs(), [&](const Port& p) { return g.type(p.value).dtype == DType::kF32; });
}

}  // namespace

Result<std::vector<Approximation>> approximate(Graph& graph, const Target& target) {
  std::vector<Approximation> made;
  if (!target.allow_approximate) return made;
  Target strict = target;
  strict.allow_approximate = false;
  for (const uint32_t id : graph.topological_order()) {
    const Node& n = graph[id];
    if (n.dead || n.constant || n.op->code == OpCode::kInput || !def_of(*n.op).adapt) continue;
    TRY(const Graph exact, alone(graph, id));
    if (!takes_floats(exact)) continue;
    Graph by_strict = exact, by_target = exact;
    TRY(const bool is_exact, adapt_node(by_strict, node_of(by_strict), strict));
    if (is_exact) continue;
    TRY(const bool is_approximate, adapt_node(by_target, node_of(by_target), target));
    if (!is_approximate) continue;
    Approximation a{graph.origin(n.origin), ops_of(exact), ops_of(by_target)};
    TRY(a.largest_error, largest_error(exact, by_target));
    auto done = adapt_node(graph, id, target);
    if (!done) return std::move(done.error()).at(a.origin);
    made.push_back(std::move(a));
  }
  graph.remove_dead_nodes();
  return made;
}

}  // namespace atl
