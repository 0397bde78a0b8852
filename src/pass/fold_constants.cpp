// Nodes whose operands are all constants become constants.
//   transpose(w)  ->  the same bytes under other strides;   w * s  ->  a recipe that is evaluated while the file is written
// Small results are evaluated at once, so that later passes see their values. A fold never makes a large constant out of small
// ones.
#include <algorithm>

#include "ir/tflite_op.h"
#include "ops/shape.h"
#include "pass/pass.h"

namespace atl {
namespace {

constexpr int64_t kEagerElements = 16384;
// A result larger than this must not be larger than its operands together.
constexpr int64_t kGrowthFreeElements = 1 << 18;

// Views of one constant: nothing is computed. nullptr when the op is not a view or the strides do not allow it.
ConstantPtr fold_view(const OpBase& op, const ConstantPtr& x) {
  if (op.code == OpCode::kTranspose) return x->permuted(static_cast<const Transpose&>(op).perm);
  if (op.code == OpCode::kReshape) return x->reshaped(static_cast<const Reshape&>(op).shape);
  return nullptr;
}

// True when an operator keeps one of the results as its state: it must then be written anew before every run.
bool writes_state(const Rewrite& r) {
  const Graph& g = r.graph();
  for (uint32_t i = 0; i < r.node().out.size(); ++i)
    for (const Use& u : g.uses({r.id(), i})) {
      if (u.node == kGraphOutput) continue;
      const Types types = g.types(g[u.node].in);
      const OpDef& user = def_of(*g[u.node].op);
      // What is not legal yet will be given its states by its legalization.
      if (!user.legal(*g[u.node].op, types)) continue;
      const auto op = user.emit(*g[u.node].op, types);
      if (!op) continue;
      for (const TfliteOperand& o : op->operands)
        if (o.kind == TfliteOperand::Kind::kInput && o.variable && o.input == int(u.operand)) return true;
    }
  return false;
}

Result<bool> fold_node(Rewrite& r) {
  const Node& node = r.node();
  if (node.op->code == OpCode::kOpaque || node.in.empty()) return false;
  std::vector<ConstantPtr> operands;
  int64_t operand_elements = 0, result_elements = 0;
  for (Value v : node.in) {
    if (!v.valid() || !r.graph().constant(v)) return false;
    operands.push_back(r.graph().constant_ptr(v));
    operand_elements += element_count(r.shape(v));
  }
  for (const Type& t : node.out) {
    if (!is_static(t.shape)) return false;
    result_elements += element_count(t.shape);
  }
  if ((node.out.size() > 1 || node.op->code == OpCode::kUnpack) && writes_state(r)) return false;
  if (operands.size() == 1)
    if (ConstantPtr view = fold_view(*node.op, operands[0])) return r.replace(r.constant(view));
  if (result_elements > kGrowthFreeElements && result_elements > operand_elements) return false;
  if (node.out.size() == 1 && result_elements > kEagerElements) {
    const std::string name = operands[0]->name();
    return r.replace(r.constant(Constant::lazy(node.op, operands, node.out[0], name)));
  }
  Tensors in;
  for (const ConstantPtr& c : operands) {
    TRY(Tensor t, c->materialize());
    in.push_back(std::move(t));
  }
  auto out = def_of(*node.op).eval(*node.op, in);
  if (!out) return false;
  Values results;
  for (Tensor& t : *out) results.push_back(r.constant(Constant::of(std::move(t), operands[0]->name())));
  return r.replace(results);
}

}  // namespace

Status fold_constants(Graph& graph, PassContext& context) {
  for (uint32_t id : graph.topological_order()) {
    if (graph[id].op->code == OpCode::kConst || graph[id].op->code == OpCode::kInput) continue;
    if (!context.may_rewrite()) break;
    Rewrite r(graph, id);
    TRY(const bool folded, fold_node(r));
    context.rewrites += folded;
  }
  graph.remove_dead_nodes();
  return {};
}

}  // namespace atl
