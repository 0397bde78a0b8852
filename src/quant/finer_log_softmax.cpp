#include "quant/finer_log_softmax.h"

#include <algorithm>
#include <cmath>

#include "ir/rewrite.h"
#include "ops/axis.h"
#include "ops/binary.h"
#include "ops/reduce.h"
#include "quant/weight_roles.h"

namespace atl {
namespace {

constexpr double kWorthwhile = 0.5;
constexpr double kSteps = 255;

// Square errors: the kernel's own, evened out over the classes, and those of rounding the mean and the result.
bool is_worthwhile(Range of_results, double kernel_step, int64_t classes) {
  const double step = of_results.width() / kSteps, kernel = kernel_step * kernel_step;
  return of_results.width() > 0 && kernel / double(classes) + 2 * step * step < kWorthwhile * kernel;
}

ConstantPtr less_mean(const Graph& g, Value v, int64_t axis) {
  const Type& type = g.type(v);
  Type mean_type = type;
  mean_type.shape[size_t(axis)] = 1;
  const ConstantPtr mean = Constant::lazy(make_op(Reduce(ReduceKind::kMean, {axis}, true)), {g.constant_ptr(v)}, mean_type);
  return Constant::lazy(make_op(Binary(BinaryKind::kSub)), {g.constant_ptr(v), mean}, type, g.constant(v)->name());
}

// x with a mean over its last axis of 0, where that is a matter of its layer's weights.
Value centred(Rewrite& r, Value x) {
  const Graph& g = r.graph();
  const Node layer = g[x];
  const auto roles = changeable_roles(g, layer);
  if (!roles || !r.single_use(x)) return {};
  Values in = layer.in;
  in[1] = r.constant(less_mean(g, in[1], roles->weight_out_axis));
  if (in.size() > 2 && in[2].valid()) in[2] = r.constant(less_mean(g, in[2], 0));
  return r.add(layer.op, std::move(in));
}

Result<bool> spell(Graph& g, uint32_t id, const Calibration& calibration) {
  const auto known = calibration.values.find({id, 0});
  const LogSoftmax op = *g.as<LogSoftmax>({id, 0});
  Rewrite r(g, id);
  const auto rank = int64_t(r.out_type().rank());
  if (known == calibration.values.end() || known->second.empty() || *normalize_axis(op.axis, size_t(rank)) != rank - 1)
    return false;
  const Types types{r.in_type(0)};
  const QuantRule rule = def_of(op).quantization(op, types);
  const double step = double(rule.fixed(DType::kI8).scale[0]);
  if (!is_worthwhile(known->second.extremes(), step, r.out_type().shape.back())) return false;
  const Value even = centred(r, r.in(0)), x = even.valid() ? even : r.in(0), y = r.add(op, {x});
  const Value gap = even.valid() ? y : r.add(Binary(BinaryKind::kSub), {y, x});
  const Value mean = r.add(Reduce(ReduceKind::kMean, {rank - 1}, true), {gap});
  return r.replace(r.add(Binary(BinaryKind::kAdd), {x, mean}));
}

}  // namespace

Result<size_t> refine_log_softmax(Graph& g, const Calibration& calibration) {
  size_t count = 0;
  for (uint32_t id : g.topological_order()) {
    if (g[id].dead || g[id].constant || !g.as<LogSoftmax>({id, 0})) continue;
    TRY(const bool done, spell(g, id, calibration));
    count += done;
  }
  g.remove_dead_nodes();
  return count;
}

}  // namespace atl
