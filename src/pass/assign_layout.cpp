// Gives every node the layout that moves the fewest bytes, and builds the graph anew in it.
//   conv(x)[N,C,H,W] -> relu -> permute -> ...   ->   conv(x)[N,H,W,C] -> relu -> ...
// The only pass that removes or adds a Transpose between ops. Weights are permuted as constants, without touching their bytes.
// What an op does under a permutation is stated in its own file (`layout`, `permuted`).
#include "ops/shape.h"
#include "pass/layout_problem.h"
#include "pass/pass.h"

namespace atl {
namespace {

// A choice whose results have several ranks names no permutation: none of them is permuted.
Perm in_full(const Perm& p, size_t rank) { return p.empty() ? identity(rank) : p; }

class Rebuilder {
 public:
  Rebuilder(const Graph& from, const LayoutProblem& problem) : from_(from), problem_(problem) {}
  Result<Graph> run();

 private:
  Result<Values> operands(const Node& node, const LayoutChoice& choice);
  Result<Value> in_layout(Value v, const Perm& layout);

  const Graph& from_;
  const LayoutProblem& problem_;
  Graph to_;
  std::map<Value, Value> made_;                     // a value of the old graph -> the new one, in its maker's layout
  std::map<std::pair<Value, Perm>, Value> copies_;  // transposed copies
};

// The new value that is the old one with its axes permuted by `layout`.
Result<Value> Rebuilder::in_layout(Value v, const Perm& layout) {
  const auto [source, perm] = problem_.trace(v);
  const Perm want = layout.empty() ? perm : compose(perm, layout);
  const auto key = std::pair{source, want};
  if (const auto it = copies_.find(key); it != copies_.end()) return it->second;
  const OriginId origin = to_.add_origin(from_.origin_of(source));
  Value result;
  if (const Constant* c = from_.constant(source)) {
    result = to_.add_constant(is_identity(want) ? from_.constant_ptr(source) : c->permuted(want), origin);
  } else {
    const Value have = made_.at(source);
    const Shape& shape = to_.type(have).shape;
    const Perm out = in_full(problem_.choice_of(source.node).out, shape.size());
    const Perm move = compose(inverse(out), want);
    if (is_identity(move)) return have;
    OpPtr op = moves_only_ones(shape, move) ? make_op(Reshape(permuted(shape, move))) : make_op(Transpose(move));
    TRY(Values made, to_.add(std::move(op), {have}, origin));
    result = made[0];
  }
  copies_.emplace(key, result);
  return result;
}

Result<Values> Rebuilder::operands(const Node& node, const LayoutChoice& choice) {
  Values in;
  for (size_t i = 0; i < node.in.size(); ++i) {
    if (!node.in[i].valid()) {
      in.emplace_back();
      continue;
    }
    TRY(Value v, in_layout(node.in[i], choice.in[i]));
    in.push_back(v);
  }
  return in;
}

Result<Graph> Rebuilder::run() {
  to_.name = from_.name;
  to_.set_states(from_.states());
  for (const Port& p : from_.inputs()) {
    Type type = from_.type(p.value);
    const Perm& layout = problem_.choice_of(p.value.node).out;
    if (!layout.empty()) type.shape = permuted(type.shape, layout);
    made_[p.value] = to_.add_input(p.name, std::move(type));
  }
  for (uint32_t id : from_.topological_order()) {
    const Node& node = from_[id];
    const OpCode code = node.op->code;
    if (code == OpCode::kConst || code == OpCode::kTranspose || code == OpCode::kInput) continue;
    const LayoutChoice& choice = problem_.choice_of(id);
    TRY(Values in, operands(node, choice));
    auto out = to_.add(choice.op, std::move(in), to_.add_origin(from_.origin(node.origin)));
    if (!out) return std::move(out.error()).in("layout of " + std::string(def_of(*node.op).name));
    for (uint32_t i = 0; i < node.out.size(); ++i) {
      if (to_.type((*out)[i]).shape != permuted(node.out[i].shape, in_full(choice.out, node.out[i].rank())))
        return error(Code::kLayout, fmt::format("{} has another shape in its layout", def_of(*node.op).name));
      made_[Value{id, i}] = (*out)[i];
    }
  }
  for (size_t i = 0; i < from_.outputs().size(); ++i) {
    TRY(Value v, in_layout(from_.outputs()[i].value, problem_.choice_of_output(i).in[0]));
    to_.add_output(from_.outputs()[i].name, v);
  }
  return std::move(to_);
}

}  // namespace

Status assign_layout(Graph& graph, PassContext& context) {
  LayoutProblem problem(graph, context.interface_layout);
  problem.solve();
  const auto changed = [](const Perm& p) { return is_identity(p) ? Perm{} : p; };
  context.input_permutations.clear();
  context.output_permutations.clear();
  for (const Port& p : graph.inputs()) context.input_permutations.push_back(changed(problem.choice_of(p.value.node).out));
  for (size_t i = 0; i < graph.outputs().size(); ++i)
    context.output_permutations.push_back(changed(problem.choice_of_output(i).in[0]));
  TRY(Graph rebuilt, Rebuilder(graph, problem).run());
  graph = std::move(rebuilt);
  return {};
}

}  // namespace atl
