#include "verify/evaluate.h"

#include <algorithm>

#include "ir/basic_ops.h"

namespace atl {
namespace {

Types operand_types(const Graph& g, const Node& n) {
  Types types;
  for (Value v : n.in) types.push_back(v.valid() ? g.type(v) : Type{DType::kUnknown, {}, {}});
  return types;
}

double elements(const Type& t) { return double(element_count(t.shape)); }

// The values of a run, each kept until nothing needs it any more.
class Store {
 public:
  Store(const Graph& g, const std::vector<uint32_t>& order) : graph_(g), values_(g.size()), uses_(g.size(), 0) {
    for (uint32_t id : order)
      for (Value v : g[id].in)
        if (v.valid()) ++uses_[v.node];
    for (const Port& p : g.outputs()) ++uses_[p.value.node];
  }

  void set(uint32_t id, Tensors results) {
    if (uses_[id] > 0) values_[id] = std::move(results);
  }
  Result<Tensor> take(Value v) {
    Tensors& stored = values_[v.node];
    if (stored.empty()) {
      const Constant* c = graph_.constant(v);
      if (!c) return error(Code::kInternal, fmt::format("value %{} is used before it is computed", v.node));
      TRY(Tensor t, c->materialize());
      stored.push_back(std::move(t));
    }
    if (v.index >= stored.size()) return error(Code::kInternal, fmt::format("node %{} has no result {}", v.node, v.index));
    Tensor t = stored[v.index];
    if (--uses_[v.node] == 0) stored = {};
    return t;
  }

 private:
  const Graph& graph_;
  std::vector<Tensors> values_;
  std::vector<uint32_t> uses_;
};

Status set_inputs(const Graph& g, std::span<const Tensor> inputs, Store& store) {
  if (inputs.size() != g.inputs().size())
    return error(Code::kInput, fmt::format("the graph takes {} inputs, {} are given", g.inputs().size(), inputs.size()));
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Port& port = g.inputs()[i];
    const Type &wanted = g.type(port.value), &given = inputs[i].type();
    if (wanted.dtype != given.dtype || wanted.shape != given.shape || (!inputs[i].bytes() && inputs[i].byte_count() > 0))
      return error(Code::kInput, fmt::format("input '{}' is {}, {} is given", port.name, to_string(wanted), to_string(given)));
    store.set(port.value.node, {inputs[i]});
  }
  return {};
}

}  // namespace

Tensor absent_operand() { return Tensor::view(Type{DType::kUnknown, {}, {}}, nullptr, nullptr); }

double estimated_work(const Graph& g, uint32_t id) {
  const Node& n = g[id];
  if (n.op->code == OpCode::kInput || n.op->code == OpCode::kConst) return 0;
  const Types in = operand_types(g, n);
  const double moved = [&] {
    double sum = 0;
    for (const Type& t : in) sum += t.dtype == DType::kUnknown ? 0 : elements(t);
    for (const Type& t : n.out) sum += elements(t);
    return sum;
  }();
  if (n.op->code == OpCode::kBatchMatmul && in.size() == 2 && in[0].rank() >= 2) {
    // The inner size: x has M*K elements a matrix, the result M*N; K is one of x's last two axes, whichever M is not.
    const Shape &x = in[0].shape, &r = n.out[0].shape;
    const size_t last = x.size() - 1;
    const int64_t m = r.size() >= 2 ? r[r.size() - 2] : 1;
    return moved + elements(n.out[0]) * double(x[last - 1] == m ? x[last] : x[last - 1]);
  }
  const OpDef& def = def_of(*n.op);
  if (def.weights)
    if (const auto roles = def.weights(*n.op, in); roles && in.size() > 1 && size_t(roles->weight_out_axis) < in[1].rank()) {
      const double per_result = elements(in[1]) / double(std::max<int64_t>(1, in[1].shape[size_t(roles->weight_out_axis)]));
      return moved + elements(n.out[0]) * per_result;
    }
  if (n.op->code == OpCode::kLstm && in.size() > 8 && !in[0].shape.empty()) {
    double weights = 0;
    for (size_t i = 1; i <= 8; ++i) weights += elements(in[i]);
    return moved + weights * elements(in[0]) / double(std::max<int64_t>(1, in[0].shape.back()));
  }
  return moved;
}

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

Result<Evaluation> evaluate(const Graph& g, std::span<const Tensor> inputs, const EvaluateOptions& options) {
  const std::vector<uint32_t> order = g.topological_order();
  Store store(g, order);
  TRY_STATUS(set_inputs(g, inputs, store));
  double total = 0, done = 0;
  for (uint32_t id : order) total += estimated_work(g, id);
  Evaluation out;
  for (uint32_t id : order) {
    const Node& n = g[id];
    if (n.op->code == OpCode::kInput || n.op->code == OpCode::kConst) continue;
    Tensors operands;
    for (Value v : n.in) {
      if (!v.valid()) {
        operands.push_back(absent_operand());
        continue;
      }
      auto t = store.take(v);
      if (!t) return std::move(t.error()).at(g.origin(n.origin));
      operands.push_back(*std::move(t));
    }
    TRY(Tensors results, evaluate_node(g, id, operands));
    done += estimated_work(g, id);
    out.share = total > 0 ? done / total : 1;
    const bool go_on = !options.observer || options.observer({id, operands, results, out.share});
    store.set(id, std::move(results));
    if (!go_on) return out;
    if (options.deadline && std::chrono::steady_clock::now() > *options.deadline && out.share < 1) return out;
  }
  for (const Port& p : g.outputs()) {
    TRY(Tensor t, store.take(p.value));
    out.outputs.push_back(std::move(t));
  }
  out.complete = true;
  out.share = 1;
  return out;
}

}  // namespace atl
