#include "quant/integer_spellings.h"

#include "ops/binary.h"
#include "ops/unary.h"

namespace atl {

Result<size_t> spell_for_integers(Graph& g) {
  size_t count = 0;
  for (uint32_t id : g.topological_order()) {
    if (g[id].dead || g[id].constant || g[id].op->code != OpCode::kUnary || g[id].out[0].dtype != DType::kF32) continue;
    Rewrite r(g, id);
    const UnaryKind kind = g.as<Unary>(r.out())->kind;
    if (kind != UnaryKind::kSquare && kind != UnaryKind::kNeg) continue;
    const Value x = r.in(0);
    const Value factor = kind == UnaryKind::kSquare ? x : r.constant(Constant::of(Tensor::scalar_f32(-1)));
    TRY(const bool done, r.replace(r.add(Binary(BinaryKind::kMul), {x, factor})));
    count += done;
  }
  g.remove_dead_nodes();
  return count;
}

}  // namespace atl
