#include "import/counted_loop.h"

#include "ops/binary.h"
#include "ops/control_flow.h"
#include "ops/index.h"
#include "ops/shape.h"

namespace atl {
namespace {

/// A graph that takes the loop's variables: the step, what is carried, what is collected, what stays.
class StepGraph {
 public:
  StepGraph(const Builder& outer, const CountedLoop& loop, const Values& variables, std::string name) {
    graph.name = std::move(name);
    origin = graph.add_origin(outer.graph().origin(outer.origin()));
    const auto add = [&](Values& to, std::string_view what, size_t count) {
      for (size_t i = 0; i < count; ++i) {
        const Type& type = outer.type(variables[all.size()]);
        all.push_back(graph.add_input(fmt::format("{}{}", what, count > 1 ? std::to_string(i) : ""), type));
        to.push_back(all.back());
      }
    };
    add(step, "step", 1);
    add(carried, "carried", loop.carried.size());
    add(collected, "collected", loop.collected.size());
    add(invariant, "invariant", loop.invariant.size());
  }
  /// E: the builder's.
  Result<Body> finish(Builder& b) {
    if (b.failed()) {
      Status status = b.take_status();
      return std::move(status.error());
    }
    return Body{std::make_shared<const Graph>(std::move(graph))};
  }

  Graph graph;
  OriginId origin = 0;
  Values all, step, carried, collected, invariant;
};

Result<Body> make_condition(const Builder& outer, const CountedLoop& loop, const Values& variables) {
  StepGraph g(outer, loop, variables, "more steps");
  Builder b(g.graph, g.origin);
  const CompareKind kind = loop.reverse ? CompareKind::kGreaterEqual : CompareKind::kLess;
  const Value more = b.add(Compare(kind), {g.step[0], b.vector_i32({loop.reverse ? 0 : loop.steps})});
  if (more.valid()) g.graph.add_output("more", more);
  return g.finish(b);
}

Result<Body> make_body(const Builder& outer, const CountedLoop& loop, const Values& variables) {
  StepGraph g(outer, loop, variables, "step");
  Builder b(g.graph, g.origin);
  const LoopStep made = loop.body(b, g.step[0], g.carried, g.invariant);
  Values out{b.add(Binary(BinaryKind::kAdd), {g.step[0], b.vector_i32({loop.reverse ? -1 : 1})})};
  out.insert(out.end(), made.carried.begin(), made.carried.end());
  for (size_t i = 0; i < loop.collected.size() && !b.failed(); ++i) {
    const size_t rank = loop.collected[i].type.rank();
    Values place(rank, b.vector_i32({0}));
    place[loop.collected[i].axis] = g.step[0];
    const Value start = rank == 1 ? place[0] : b.add(Concat(0), place);
    out.push_back(b.add(DynamicUpdateSlice{}, {g.collected[i], made.collected[i], start}));
  }
  out.insert(out.end(), g.invariant.begin(), g.invariant.end());
  for (size_t i = 0; i < out.size() && !b.failed(); ++i) g.graph.add_output(g.graph.inputs()[i].name, out[i]);
  return g.finish(b);
}

}  // namespace

LoopResults counted_loop(Builder& b, const CountedLoop& loop) {
  const LoopResults failed{Values(loop.carried.size()), Values(loop.collected.size())};
  Values variables{b.vector_i32({loop.reverse ? loop.steps - 1 : 0})};
  variables.insert(variables.end(), loop.carried.begin(), loop.carried.end());
  for (const auto& c : loop.collected) variables.push_back(b.add(BroadcastTo(c.type.shape), {b.scalar(0, c.type.dtype)}));
  variables.insert(variables.end(), loop.invariant.begin(), loop.invariant.end());
  if (b.failed()) return failed;
  auto cond = make_condition(b, loop, variables), body = make_body(b, loop, variables);
  if (!cond || !body) {
    b.fail(std::move((cond ? body : cond).error()));
    return failed;
  }
  While op;
  op.cond = *std::move(cond);
  op.body = *std::move(body);
  const size_t count = variables.size();
  const Values out = b.add_multi(std::move(op), std::move(variables), count);
  const auto at = [&](size_t begin, size_t n) {
    return Values(out.begin() + int64_t(begin), out.begin() + int64_t(begin + n));
  };
  return {at(1, loop.carried.size()), at(1 + loop.carried.size(), loop.collected.size())};
}

}  // namespace atl
