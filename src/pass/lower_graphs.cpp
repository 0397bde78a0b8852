// Runs the pipeline on the graphs of ops (bodies of loops, branches), and gives the ops the results.
//   if(c, x) {then={conv2d channels-first, ...}}  ->  if(c, x) {then={transpose, conv2d channels-last, ...}}
// Depends on canonicalize, which moves constants into the graphs. The interface of a graph keeps its layout.
#include "pass/pipeline.h"

namespace atl {
namespace {

constexpr int kMaxDepth = 32;

Status lower_node(Graph& graph, uint32_t id, PassContext& context) {
  const OpPtr op = graph[id].op;
  const OpDef& def = def_of(*op);
  if (!def.graphs) return {};
  if (context.depth >= kMaxDepth) return error(Code::kGraph, "graphs are nested too deeply").at(graph.origin(graph[id].origin));
  std::vector<GraphPtr> lowered;
  for (const GraphPtr& g : def.graphs(*op)) {
    Graph inner = *g;
    TRY_STATUS(run_nested_pipeline(inner, context));
    lowered.push_back(std::make_shared<const Graph>(std::move(inner)));
  }
  Rewrite r(graph, id);
  const Values results = r.add_multi(def.with_graphs(*op, std::move(lowered)), r.node().in, r.node().out.size());
  TRY([[maybe_unused]] const bool replaced, r.replace(results));
  graph.release(id);
  return {};
}

}  // namespace

Status lower_graphs(Graph& graph, PassContext& context) {
  for (uint32_t id : graph.topological_order()) TRY_STATUS(lower_node(graph, id, context));
  return {};
}

}  // namespace atl
