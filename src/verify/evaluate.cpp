#include "verify/evaluate.h"

#include <algorithm>

#include "ir/basic_ops.h"
#include "quant/weight_roles.h"

namespace atl {
namespace {

double elements(const Type& t) { return double(element_count(t.shape)); }

}  // namespace

double estimated_work(const Graph& g, uint32_t id) {
  const Node& n = g[id];
  if (n.op->code == OpCode::kInput || n.op->code == OpCode::kConst) return 0;
  const Types in = g.types(n.in);
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
  if (def.graphs) {
    double inner = 0;
    for (const GraphPtr& body : def.graphs(*n.op))
      for (uint32_t i = 0; i < body->size(); ++i)
        if (!(*body)[i].dead) inner += estimated_work(*body, i);
    return moved + inner;
  }
  if (def.weights) return moved + multiplications(g, n);
  if (n.op->code == OpCode::kLstm && in.size() > 8 && !in[0].shape.empty()) {
    double weights = 0;
    for (size_t i = 1; i <= 8; ++i) weights += elements(in[i]);
    return moved + weights * elements(in[0]) / double(std::max<int64_t>(1, in[0].shape.back()));
  }
  return moved;
}

Result<Evaluation> evaluate(const Graph& g, std::span<const Tensor> inputs, const EvaluateOptions& options) {
  Evaluator evaluator(g);
  double total = 0, done = 0;
  for (uint32_t id : evaluator.order()) total += estimated_work(g, id);
  Evaluation out;
  const auto after = [&](const Evaluator::Step& step) {
    done += estimated_work(g, step.id);
    out.share = total > 0 ? done / total : 1;
    if (options.observer && !options.observer({step.id, step.operands, step.results, out.share})) return false;
    return !EvaluationLimit::has_passed() || out.share >= 1;
  };
  const EvaluationLimit limit(options.deadline);
  auto ran = evaluator.run(inputs, out.outputs, after);
  // A loop that was cut off fails.
  if (!ran && !EvaluationLimit::has_passed()) return std::move(ran.error());
  out.complete = ran && *ran;
  if (out.complete) out.share = 1;
  return out;
}

}  // namespace atl
