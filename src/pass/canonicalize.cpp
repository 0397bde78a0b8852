// Brings nodes into the one form that later passes expect.
//   x[2,3] + b[3]        ->  x[2,3] + reshape(b, [1,3])     operands of elementwise ops have the result's rank
//   and what each op's own `canonicalize` says (reshape of reshape, multiplication by one, ...).
// Depends on nothing; leaves Stage::kCanonical.
#include "ops/shape.h"
#include "pass/pass.h"

namespace atl {
namespace {

Result<bool> equalize_ranks(Rewrite& r) {
  const OpDef& def = def_of(*r.node().op);
  if (def.layout != Layout::kAny || r.node().out.size() != 1) return false;
  const size_t rank = r.out_type().rank();
  Values in = r.node().in;
  bool changed = false;
  for (Value& v : in) {
    if (!v.valid() || r.rank(v) >= rank || r.rank(v) == 0) continue;
    Shape shape(rank - r.rank(v), 1);
    shape.insert(shape.end(), r.shape(v).begin(), r.shape(v).end());
    v = r.add(Reshape(shape), {v});
    changed = true;
  }
  if (!changed) return false;
  return r.replace(r.add(r.node().op, in));
}

Result<bool> canonicalize_node(Rewrite& r) {
  TRY(const bool ranks, equalize_ranks(r));
  if (ranks) return true;
  const OpDef& def = def_of(*r.node().op);
  return def.canonicalize ? def.canonicalize(*r.node().op, r) : false;
}

}  // namespace

Status canonicalize(Graph& graph, PassContext& context) { return apply_to_fixpoint(graph, context, true, canonicalize_node); }

}  // namespace atl
