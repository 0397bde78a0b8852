#include "import/carry_nan.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "import/arithmetic.h"

namespace atl {
namespace {

bool is_extreme(ReduceKind k) { return k == ReduceKind::kMax || k == ReduceKind::kMin; }
bool is_extreme(BinaryKind k) { return k == BinaryKind::kMaximum || k == BinaryKind::kMinimum; }

/// What stands for the result of node `id`; invalid where NaN is no matter.
Value with_nan(Builder& b, uint32_t id) {
  const Value y{id, 0};
  const Graph& g = b.graph();
  if (g[id].in.empty() || !g[id].in[0].valid() || !is_float(b.dtype(g[id].in[0]))) return {};
  const Value x = g[id].in[0];
  const auto missing = [&] { return compare(b, CompareKind::kNotEqual, x, x); };
  if (const auto* op = g.as<Reduce>(y); op && is_extreme(op->kind)) {
    const Reduce any(ReduceKind::kAny, op->axes, op->keep_dims);
    const Value nan = b.scalar(std::numeric_limits<double>::quiet_NaN(), b.dtype(y));
    return select(b, b.add(any, {missing()}), nan, y);
  }
  if (const auto* op = g.as<ArgReduce>(y)) {
    ArgReduce first = *op;
    first.kind = ArgReduceKind::kMax;
    const Reduce any(ReduceKind::kAny, {op->axis}, false);
    const Value where = missing();
    return select(b, b.add(any, {where}), b.add(first, {b.add(Cast(DType::kF32), {where})}), y);
  }
  // NaN on the right is what the kernels give already.
  if (const auto* op = g.as<Binary>(y); op && is_extreme(op->kind)) return select(b, missing(), x, y);
  return {};
}

}  // namespace

bool holds_nan(std::span<const std::optional<Tensor>> samples) {
  return std::any_of(samples.begin(), samples.end(), [](const std::optional<Tensor>& t) {
    if (!t || !t->bytes() || !is_float(t->dtype())) return false;
    for (int64_t i = 0; i < t->count(); ++i)
      if (std::isnan(element_as_double(*t, i))) return true;
    return false;
  });
}

Status carry_nan(Graph& graph) {
  for (const uint32_t id : graph.topological_order()) {
    const auto first_new = uint32_t(graph.size());
    Builder b(graph, graph[id].origin);
    const Value v = with_nan(b, id);
    if (b.failed()) return b.take_status();
    if (v.valid()) TRY_STATUS(graph.replace(Value{id, 0}, v, first_new));
  }
  return {};
}

}  // namespace atl
