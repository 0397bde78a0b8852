// Reshapes that only add or drop axes of size one go behind elementwise ops, where they meet their opposites and vanish.
//   relu(reshape[1,8,9](conv) * c[1,8,1])  ->  reshape[1,8,9](relu(conv * c[1,8,1,1]))
// So the batch norm behind a one-dimensional convolution stands right behind the two-dimensional one that computes it.
// Depends on canonicalize (operands of elementwise ops have equal ranks).
#include "ops/shape.h"
#include "pass/pass.h"

namespace atl {
namespace {

// For each axis of `to` the axis of `from` that it is, or -1 for an axis of size one that was added; nullopt when other axes
// change.
std::optional<std::vector<int>> matched_axes(const Shape& from, const Shape& to) {
  std::vector<int> axes;
  size_t i = 0;
  for (size_t k = 0; k < to.size(); ++k) {
    if (i < from.size() && from[i] == to[k]) {
      axes.push_back(int(i++));
      continue;
    }
    // Axes of size one that were dropped here, then the axis itself; or one that was added.
    size_t next = i;
    while (next < from.size() && from[next] == 1) ++next;
    if (next < from.size() && next > i && from[next] == to[k]) {
      axes.push_back(int(next));
      i = next + 1;
    } else if (to[k] == 1) {
      axes.push_back(-1);
    } else {
      return std::nullopt;
    }
  }
  for (; i < from.size(); ++i)
    if (from[i] != 1) return std::nullopt;
  return axes;
}

Result<bool> sink(Rewrite& r) {
  const Graph& g = r.graph();
  const OpDef& def = def_of(*r.node().op);
  if (def.layout != Layout::kAny || r.node().out.size() != 1) return false;
  const Shape after = r.out_type().shape;
  std::optional<Shape> before;
  for (Value v : r.node().in) {
    if (!v.valid()) return false;
    if (g.constant(v)) continue;
    if (!g.as<Reshape>(v) || !r.single_use(v) || r.shape(v) != after) return false;
    const Shape& operand = r.shape(g[v].in[0]);
    if (before && *before != operand) return false;
    before = operand;
  }
  if (!before) return false;
  const auto axes = matched_axes(*before, after);
  if (!axes) return false;
  Values in;
  for (Value v : Values(r.node().in)) {
    if (!g.constant(v)) {
      in.push_back(g[v].in[0]);
      continue;
    }
    if (element_count(r.shape(v)) == 1) {
      in.push_back(r.add(Reshape(Shape(before->size(), 1)), {v}));
      continue;
    }
    if (r.rank(v) != after.size()) return false;
    Shape shape(before->size(), 1);
    for (size_t k = 0; k < after.size(); ++k)
      if ((*axes)[k] >= 0) shape[size_t((*axes)[k])] = r.shape(v)[k];
    in.push_back(r.add(Reshape(shape), {v}));
  }
  return r.replace(r.add(Reshape(after), {r.add(r.node().op, in)}));
}

}  // namespace

Status sink_reshapes(Graph& graph, PassContext& context) { return apply_to_fixpoint(graph, context, true, sink); }

}  // namespace atl
