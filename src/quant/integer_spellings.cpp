#include "quant/integer_spellings.h"

#include <algorithm>
#include <cmath>

#include "ops/binary.h"
#include "ops/sign_analysis.h"
#include "ops/unary.h"
#include "quant/changed_constant.h"

namespace atl {
namespace {

Result<bool> spell_unary(Rewrite& r, UnaryKind kind) {
  if (kind != UnaryKind::kSquare && kind != UnaryKind::kNeg) return false;
  const Value x = r.in(0);
  const Value factor = kind == UnaryKind::kSquare ? x : r.constant(Constant::of(Tensor::scalar_f32(-1)));
  return r.replace(r.add(Binary(BinaryKind::kMul), {x, factor}));
}

// 1 / y without a division; nothing where y may be zero or, computed, negative.
Result<Value> reciprocal(Rewrite& r, Value y, DType data) {
  if (const Constant* c = r.graph().constant(y)) {
    TRY(const ConstantPtr inverse, changed(*c, [](float v) { return 1 / v; }));
    TRY(const Tensor values, inverse->materialize());
    const bool finite = std::ranges::all_of(values.values<float>(), [](float v) { return std::isfinite(v); });
    return finite ? r.constant(inverse) : Value{};
  }
  if (data != DType::kI8) return Value{};
  if (const auto* root = r.graph().as<Unary>(y); root && root->kind == UnaryKind::kSqrt)
    return r.add(Unary(UnaryKind::kRsqrt), {r.graph()[y].in[0]});
  if (!is_non_negative(r.graph(), y)) return Value{};
  const Value half = r.add(Unary(UnaryKind::kRsqrt), {y});
  return r.add(Binary(BinaryKind::kMul), {half, half});
}

Result<bool> spell_division(Rewrite& r, const Binary& op, DType data) {
  if (op.kind != BinaryKind::kDiv) return false;
  const Activation activation = op.activation;
  const Value x = r.in(0);
  TRY(const Value inverse, reciprocal(r, r.in(1), data));
  return inverse.valid() && r.replace(r.add(Binary(BinaryKind::kMul, activation), {x, inverse}));
}

}  // namespace

Result<size_t> spell_for_integers(Graph& g, DType data) {
  size_t count = 0;
  for (uint32_t id : g.topological_order()) {
    const Value v{id, 0};
    if (g[id].dead || g[id].constant || g[id].out.empty() || g.type(v).dtype != DType::kF32) continue;
    Rewrite r(g, id);
    bool done = false;
    if (const auto* unary = g.as<Unary>(v)) {
      TRY(done, spell_unary(r, unary->kind));
    } else if (const auto* binary = g.as<Binary>(v); binary) {
      TRY(done, spell_division(r, *binary, data));
    }
    count += done;
  }
  g.remove_dead_nodes();
  return count;
}

}  // namespace atl
