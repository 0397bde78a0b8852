#include "ops/loop_collection.h"

#include "ops/binary.h"
#include "ops/index.h"
#include "ops/shape.h"

namespace atl {
namespace {

/// A variable that counts from a constant by a constant, as long as it is on one side of another constant.
struct Counter {
  size_t variable = 0;
  int64_t last = 0;  ///< its value in the last step
};

std::optional<int64_t> constant_number(const Graph& g, Value v) {
  const Constant* c = g.constant(v);
  if (!c || element_count(c->type().shape) != 1) return std::nullopt;
  const auto t = c->materialize();
  return t ? std::optional(element_as_int(*t, 0)) : std::nullopt;
}

std::optional<size_t> input_number(const Graph& g, Value v) {
  for (size_t i = 0; i < g.inputs().size(); ++i)
    if (g.inputs()[i].value == v) return i;
  return std::nullopt;
}

/// What body adds to variable `i` in every step.
std::optional<int64_t> increment(const Graph& body, size_t i) {
  const Value next = body.outputs()[i].value;
  const auto* sum = body.as<Binary>(next);
  if (!sum || sum->kind != BinaryKind::kAdd || sum->activation != Activation::kNone) return std::nullopt;
  const Values& in = body[next].in;
  for (size_t k = 0; k < 2; ++k)
    if (in[k] == body.inputs()[i].value) return constant_number(body, in[1 - k]);
  return std::nullopt;
}

std::optional<Counter> counter_of(const While& loop, const Rewrite& r) {
  const Graph &cond = *loop.cond.graph, &body = *loop.body.graph;
  const Value go_on = cond.outputs()[0].value;
  const auto* test = cond.as<Compare>(go_on);
  if (!test) return std::nullopt;
  const auto variable = input_number(cond, cond[go_on].in[0]);
  const auto bound = constant_number(cond, cond[go_on].in[1]);
  if (!variable || !bound) return std::nullopt;
  const auto first = constant_number(r.graph(), r.in(*variable)), step = increment(body, *variable);
  if (!first || !step) return std::nullopt;
  if (test->kind == CompareKind::kLess && *step == 1 && *first < *bound) return Counter{*variable, *bound - 1};
  if (test->kind == CompareKind::kGreaterEqual && *step == -1 && *first >= *bound) return Counter{*variable, *bound};
  return std::nullopt;
}

/// A variable that collects another one along an axis.
struct Collection {
  size_t axis = 0;
  size_t collected = 0;  ///< the variable that it collects
};

std::optional<Collection> collection_of(const Graph& body, size_t i, const Counter& counter) {
  const Value all = body.outputs()[i].value;
  if (!body.as<DynamicUpdateSlice>(all) || body[all].in[0] != body.inputs()[i].value) return std::nullopt;
  const Value update = body[all].in[1], start = body[all].in[2];
  const auto* parts = body.as<Concat>(start);
  const Shape &whole = body.type(all).shape, &box = body.type(update).shape;
  if (!parts || body[start].in.size() != whole.size()) return std::nullopt;
  std::optional<size_t> axis;
  for (size_t a = 0; a < whole.size(); ++a) {
    const Value at = body[start].in[a];
    if (at == body.inputs()[counter.variable].value) {
      if (axis || box[a] != 1 || counter.last < 0 || counter.last >= whole[a]) return std::nullopt;
      axis = a;
    } else if (box[a] != whole[a] || constant_number(body, at) != 0) {
      return std::nullopt;
    }
  }
  for (size_t k = 0; axis && k < body.outputs().size(); ++k)
    if (body.outputs()[k].value == update) return Collection{*axis, k};
  return std::nullopt;
}

bool is_step(const Slice& s, const Shape& whole, size_t axis, int64_t step) {
  for (size_t a = 0; a < whole.size(); ++a) {
    const bool full = s.begin[a] == 0 && s.size[a] == whole[a];
    if (s.stride[a] != 1 || !(a == axis ? s.begin[a] == step && s.size[a] == 1 : full)) return false;
  }
  return true;
}

}  // namespace

Result<bool> read_last_step(const While& loop, Rewrite& r) {
  const auto counter = counter_of(loop, r);
  if (!counter) return false;
  bool changed = false;
  for (uint32_t i = 0; i < r.node().out.size(); ++i) {
    const auto collection = collection_of(*loop.body.graph, i, *counter);
    if (!collection) continue;
    const std::vector<Use> uses = r.graph().uses(r.out(i));
    for (const Use& u : uses) {
      if (u.node == kGraphOutput) continue;
      const Value read{u.node, 0};
      const auto* s = r.graph().as<Slice>(read);
      if (!s || !is_step(*s, r.out_type(i).shape, collection->axis, counter->last)) continue;
      const Value last = r.add(Reshape(r.shape(read)), {r.out(uint32_t(collection->collected))});
      if (r.failed()) return r.replace(Values{});
      TRY_STATUS(r.graph().replace(read, last));
      r.graph().release(u.node);
      changed = true;
    }
  }
  return changed;
}

}  // namespace atl
