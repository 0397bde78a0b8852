// A zero padding in front of an op that pads by itself becomes that op's field.
//   conv(pad(x))  ->  conv(x) {padding=...}
#include "ops/shape.h"
#include "pass/pass.h"

namespace atl {
namespace {

Result<bool> fuse(Rewrite& r) {
  const OpDef& def = def_of(*r.node().op);
  if (!def.with_padding || r.node().in.empty()) return false;
  const auto* pad = r.graph().as<Pad>(r.in(0));
  if (!pad || pad->mode != PadMode::kConstant || pad->value != 0) return false;
  const Types types = r.graph().types(r.node().in);
  const OpPtr op = def.with_padding(*r.node().op, types, pad->before, pad->after);
  if (!op) return false;
  Values in = r.node().in;
  in[0] = r.graph()[in[0]].in[0];
  return r.replace(r.add(op, in));
}

}  // namespace

Status fuse_pads(Graph& graph, PassContext& context) {
  return context.sizes_vary ? Status() : apply_to_fixpoint(graph, context, true, fuse);
}

}  // namespace atl
