// An activation behind an op that can apply it inside its kernel becomes that op's field.
//   relu(conv(x))  ->  conv(x) {activation=relu}
#include "ops/activation.h"
#include "ops/unary.h"
#include "pass/pass.h"

namespace atl {
namespace {

Activation fusable(UnaryKind k) {
  switch (k) {
    case UnaryKind::kRelu:
      return Activation::kRelu;
    case UnaryKind::kRelu6:
      return Activation::kRelu6;
    case UnaryKind::kReluN1To1:
      return Activation::kReluN1To1;
    default:
      return Activation::kNone;
  }
}

Result<bool> fuse(Rewrite& r) {
  const auto* unary = r.graph().as<Unary>(r.out());
  if (!unary) return false;
  const Activation activation = fusable(unary->kind);
  if (activation == Activation::kNone) return false;
  const Value x = r.in(0);
  if (x.index != 0 || r.graph()[x].out.size() != 1 || !r.single_use(x)) return false;
  const Node& producer = r.graph()[x];
  const OpDef& def = def_of(*producer.op);
  const OpPtr op = def.with_activation ? def.with_activation(*producer.op, activation) : nullptr;
  if (!op) return false;
  const Values in = producer.in;
  r.set_origin(producer.origin);
  return r.replace(r.add(op, in));
}

}  // namespace

Status fuse_activations(Graph& graph, PassContext& context) { return apply_to_fixpoint(graph, context, true, fuse); }

}  // namespace atl
