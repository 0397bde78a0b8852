#include "import/loop.h"

#include "ops/control_flow.h"

namespace atl {
namespace {

/// A graph that takes the loop's variables and what stays.
class StepGraph {
 public:
  StepGraph(const Builder& outer, const Loop& loop, std::string name) {
    graph.name = std::move(name);
    origin = graph.add_origin(outer.graph().origin(outer.origin()));
    for (size_t i = 0; i < loop.variables.size(); ++i)
      variables.push_back(graph.add_input(loop.names[i], outer.type(loop.variables[i])));
    for (size_t i = 0; i < loop.invariant.size(); ++i)
      invariant.push_back(graph.add_input(fmt::format("invariant{}", i), outer.type(loop.invariant[i])));
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
  Values variables, invariant;
};

Result<Body> make_condition(const Builder& outer, const Loop& loop) {
  StepGraph g(outer, loop, "more steps");
  Builder b(g.graph, g.origin);
  const Value more = loop.more(b, g.variables, g.invariant);
  if (more.valid()) g.graph.add_output("more", more);
  return g.finish(b);
}

Result<Body> make_body(const Builder& outer, const Loop& loop) {
  StepGraph g(outer, loop, "step");
  Builder b(g.graph, g.origin);
  Values out = loop.step(b, g.variables, g.invariant);
  out.insert(out.end(), g.invariant.begin(), g.invariant.end());
  for (size_t i = 0; i < out.size() && !b.failed(); ++i) g.graph.add_output(g.graph.inputs()[i].name, out[i]);
  return g.finish(b);
}

}  // namespace

Values add_loop(Builder& b, const Loop& loop) {
  Values failed(loop.variables.size());
  if (b.failed()) return failed;
  auto cond = make_condition(b, loop), body = make_body(b, loop);
  if (!cond || !body) {
    b.fail(std::move((cond ? body : cond).error()));
    return failed;
  }
  While op;
  op.cond = *std::move(cond);
  op.body = *std::move(body);
  Values in = loop.variables;
  in.insert(in.end(), loop.invariant.begin(), loop.invariant.end());
  const size_t count = in.size();
  Values out = b.add_multi(std::move(op), std::move(in), count);
  out.resize(loop.variables.size());
  return out;
}

}  // namespace atl
