#include "import/higher_order.h"

#include <algorithm>
#include <array>

#include "import/arithmetic.h"
#include "import/counted_loop.h"
#include "ops/control_flow.h"

namespace atl {
namespace {

Types types_of(const Builder& b, const Values& values) {
  Types types;
  for (Value v : values) types.push_back(b.type(v));
  return types;
}

Values joined(const Values& a, const Values& b) {
  Values all = a;
  all.insert(all.end(), b.begin(), b.end());
  return all;
}

/// Checks that there are that many graphs and lists of operands, of tensors only.
bool has_form(Builder& b, const HigherOrderCall& c, size_t graphs, size_t operands) {
  if (b.failed()) return false;
  if (c.graphs.size() != graphs || c.operands.size() != operands) {
    b.fail(error(Code::kGraph, fmt::format("{}: {} graphs and {} operands are given, {} and {} belong to it", c.node.target,
                                           c.graphs.size(), c.operands.size(), graphs, operands)));
    return false;
  }
  for (const Values& list : c.operands)
    for (Value v : list)
      if (!v.valid()) {
        b.fail(error(Code::kUnsupportedForm, fmt::format("{}: an operand is not a tensor", c.node.target)));
        return false;
      }
  return true;
}

Values build_cond(Builder& b, const HigherOrderCall& c) {
  if (!has_form(b, c, 2, 2) || c.operands[0].size() != 1) return {};
  const Types types = types_of(b, c.operands[1]);
  If op;
  op.then_branch = c.import(*c.graphs[0], types);
  op.else_branch = c.import(*c.graphs[1], types);
  if (!op.then_branch.graph || !op.else_branch.graph) return {};
  const size_t results = op.then_branch.graph->outputs().size();
  Value pred = c.operands[0][0];
  if (b.dtype(pred) != DType::kBool) pred = compare(b, CompareKind::kNotEqual, pred, 0);
  return b.add_multi(std::move(op), joined({pred}, c.operands[1]), results);
}

/// A graph that takes `kept` more inputs and hands them on as its last outputs.
Body with_invariants(const Graph& g, size_t kept) {
  Graph out = g;
  const size_t first = out.inputs().size() - kept;
  for (size_t i = first; i < out.inputs().size(); ++i) out.add_output(out.inputs()[i].name, out.inputs()[i].value);
  return Body{std::make_shared<const Graph>(std::move(out))};
}

Values build_while_loop(Builder& b, const HigherOrderCall& c) {
  if (!has_form(b, c, 2, 2)) return {};
  const Values variables = joined(c.operands[0], c.operands[1]);
  While op;
  op.cond = c.import(*c.graphs[0], types_of(b, variables));
  const Body body = c.import(*c.graphs[1], types_of(b, variables));
  if (!op.cond.graph || !body.graph) return {};
  op.body = with_invariants(*body.graph, c.operands[1].size());
  Values out = b.add_multi(std::move(op), variables, variables.size());
  out.resize(c.operands[0].size());
  return out;
}

/// scan and map: `carried` from step to step, a part of each of `sequences` a step; what the graph gives beyond the carried is
/// collected.
Values build_steps(Builder& b, const HigherOrderCall& c, const Values& carried, const Values& sequences, const Values& others) {
  Types types = types_of(b, carried);
  CountedLoop loop;
  for (Value v : sequences) {
    const Shape& shape = b.shape(v);
    if (shape.empty() || shape[0] == 0 || (loop.steps != 0 && shape[0] != loop.steps)) {
      b.fail(error(Code::kUnsupportedForm, fmt::format("{}: a sequence of shape {}", c.node.target, to_string(shape))));
      return {};
    }
    loop.steps = shape[0];
    types.push_back(Type{b.dtype(v), Shape(shape.begin() + 1, shape.end()), {}});
  }
  if (loop.steps == 0) {
    b.fail(error(Code::kUnsupportedForm, fmt::format("{}: there is no sequence", c.node.target)));
    return {};
  }
  for (Value v : others) types.push_back(b.type(v));
  const Body step = c.import(*c.graphs[0], types);
  if (!step.graph) return {};
  const Types gives = output_types(*step.graph);
  if (gives.size() < carried.size()) {
    b.fail(error(Code::kGraph,
                 fmt::format("{}: the step gives {} values of {} carried", c.node.target, gives.size(), carried.size())));
    return {};
  }
  for (size_t i = carried.size(); i < gives.size(); ++i) {
    Type all = gives[i];
    all.shape.insert(all.shape.begin(), loop.steps);
    loop.collected.push_back({std::move(all), 0});
  }
  loop.carried = carried;
  for (Value v : sequences) loop.sequences.push_back({v, 0});
  loop.invariant = others;
  loop.body = [&](Builder& inner, const Values& now, const Values& parts, const Values& invariant) {
    // Axis 0 of a step's part of a sequence is the step: it disappears.
    Values in = now;
    for (Value v : parts) {
      const Shape& shape = inner.shape(v);
      in.push_back(shape.empty() ? v : reshape(inner, v, Shape(shape.begin() + 1, shape.end())));
    }
    in.insert(in.end(), invariant.begin(), invariant.end());
    const Values out = inline_graph(inner, *step.graph, in);
    LoopStep made{Values(out.begin(), out.begin() + int64_t(carried.size())), {}};
    for (size_t i = carried.size(); i < out.size() && !inner.failed(); ++i) {
      Shape one = inner.shape(out[i]);
      one.insert(one.begin(), 1);
      made.collected.push_back(inner.add(Reshape(std::move(one)), {out[i]}));
    }
    made.collected.resize(out.size() - carried.size());
    return made;
  };
  const LoopResults results = counted_loop(b, loop);
  return joined(results.carried, results.collected);
}

Values build_scan(Builder& b, const HigherOrderCall& c) {
  if (!has_form(b, c, 1, 3)) return {};
  return build_steps(b, c, c.operands[0], c.operands[1], c.operands[2]);
}

Values build_map(Builder& b, const HigherOrderCall& c) {
  if (!has_form(b, c, 1, 2)) return {};
  return build_steps(b, c, {}, c.operands[0], c.operands[1]);
}

struct HigherOrder {
  std::string_view target;
  Values (*build)(Builder&, const HigherOrderCall&);
};
constexpr std::array kHigherOrder = {
    HigherOrder{"higher_order.cond", build_cond}, HigherOrder{"higher_order.while_loop", build_while_loop},
    HigherOrder{"higher_order.scan", build_scan}, HigherOrder{"higher_order.map_impl", build_map}};

const HigherOrder* find(std::string_view target) {
  const auto it =
      std::find_if(kHigherOrder.begin(), kHigherOrder.end(), [&](const HigherOrder& h) { return h.target == target; });
  return it == kHigherOrder.end() ? nullptr : &*it;
}

}  // namespace

bool is_higher_order(std::string_view target) { return find(target) != nullptr; }

std::optional<SourceNode> node_with_effects(const SourceNode& node) {
  if (node.target != "higher_order.with_effects") return std::nullopt;
  SourceNode inner;
  inner.origin = node.origin;
  for (const SourceArgument& a : node.inputs)
    if (!inner.target.empty())
      inner.inputs.push_back(a);
    else if (const auto* op = a.value.get<OperatorRef>())
      inner.target = op->name;
  if (inner.target.empty() || node.outputs.empty()) return std::nullopt;
  inner.outputs.assign(node.outputs.begin() + 1, node.outputs.end());
  return inner;
}

Values build_higher_order(Builder& b, const HigherOrderCall& call) { return find(call.node.target)->build(b, call); }

}  // namespace atl
