#include "quant/softmax_pairs.h"

#include "ir/rewrite.h"
#include "ops/axis.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "quant/weight_roles.h"

namespace atl {
namespace {

bool has_pairs(const Graph& g, Value v) { return !g.type(v).shape.empty() && g.type(v).shape.back() % 2 == 0; }

/// Adds the layers that all neighbours on v's last axis come from, two and two; false where one comes from elsewhere.
bool collect_layers(const Graph& g, Value v, std::vector<uint32_t>& layers) {
  const Node& n = g[v];
  if (!has_pairs(g, v) || g.uses(v).size() != 1 || n.constant || n.op->code == OpCode::kInput) return false;
  if (g.is(v, OpCode::kReshape)) return collect_layers(g, n.in[0], layers);
  if (const auto* join = g.as<Concat>(v)) {
    if (size_t(join->axis) + 1 == g.type(v).shape.size()) return false;
    for (Value part : n.in)
      if (!collect_layers(g, part, layers)) return false;
    return true;
  }
  if (!changeable_roles(g, n) || n.in.size() < 3 || !n.in[2].valid()) return false;
  layers.push_back(v.node);
  return true;
}

struct Pairs {
  Value logits;
  std::vector<uint32_t> layers;
};

std::vector<Pairs> pairs_of(const Graph& g) {
  std::vector<Pairs> out;
  for (uint32_t id : g.topological_order()) {
    const auto* softmax = g[id].dead || g[id].constant ? nullptr : g.as<Softmax>({id, 0});
    if (!softmax || g.type({id, 0}).shape.back() != 2) continue;
    const int64_t axis = *normalize_axis(softmax->axis, g.type({id, 0}).shape.size());
    Pairs pairs{g[id].in[0], {}};
    if (size_t(axis) + 1 == g.type({id, 0}).shape.size() && collect_layers(g, pairs.logits, pairs.layers))
      out.push_back(std::move(pairs));
  }
  return out;
}

// Puts f of a constant's values in its place.
template <class F>
Status change_constant(Graph& g, uint32_t node, uint32_t operand, F&& f) {
  const Value v = g[node].in[operand];
  TRY(const Tensor t, g.constant(v)->materialize());
  Tensor changed = Tensor::make(t.type());
  std::copy_n(t.data<float>(), t.count(), changed.mutable_data<float>());
  f(changed.mutable_data<float>(), changed.shape());
  Builder b(g, g[node].origin);
  const Value made = b.constant(changed, g.constant(v)->name());
  return g.set_operand(node, operand, made);
}

// Takes the mean off each two neighbours along an axis.
void centre(float* x, const Shape& shape, size_t axis) {
  int64_t inner = 1;
  for (size_t i = axis + 1; i < shape.size(); ++i) inner *= shape[i];
  const int64_t pairs = element_count(shape) / inner / 2;
  for (int64_t p = 0; p < pairs; ++p)
    for (int64_t i = 0; i < inner; ++i) {
      float &first = x[2 * p * inner + i], &second = x[(2 * p + 1) * inner + i];
      const float half = (first - second) / 2;
      first = half;
      second = -half;
    }
}

}  // namespace

Result<size_t> centre_softmax_pairs(Graph& g) {
  size_t count = 0;
  for (const Pairs& pairs : pairs_of(g))
    for (const uint32_t id : pairs.layers) {
      const size_t axis = size_t(weight_roles(g, g[id])->weight_out_axis);
      TRY_STATUS(change_constant(g, id, 1, [&](float* x, const Shape& s) { centre(x, s, axis); }));
      TRY_STATUS(change_constant(g, id, 2, [&](float* x, const Shape& s) { centre(x, s, 0); }));
      ++count;
    }
  g.remove_dead_nodes();
  return count;
}

Result<size_t> offset_softmax_pairs(Graph& g, const QuantPlan& plan) {
  size_t count = 0;
  for (const Pairs& pairs : pairs_of(g)) {
    const QuantParams& q = plan.parameters(pairs.logits, DType::kI8);
    if (q.scale.empty()) continue;
    for (const uint32_t id : pairs.layers) {
      TRY_STATUS(change_constant(g, id, 2, [&](float* x, const Shape& s) {
        for (int64_t i = 0; i < element_count(s); ++i) x[i] += q.scale[0] / 4;
      }));
      ++count;
    }
  }
  g.remove_dead_nodes();
  return count;
}

}  // namespace atl
