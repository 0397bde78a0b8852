#include "api/entry_point.h"

#include <algorithm>

#include "import/example_sizes.h"
#include "import/specialize.h"
#include "ops/separate_padding.h"
#include "tflite/size_family.h"

namespace atl {
namespace {

// Strided windows over open axes get a form that is right for every size.
Status separate_paddings(std::deque<Graph>& graphs) {
  const uint32_t size = graphs[0].size();
  for (const Graph& g : graphs)
    if (g.size() != size) return {};  // the writer says where they differ
  std::vector<uint32_t> open;
  for (uint32_t id = 0; id < size; ++id) {
    if (graphs[0][id].dead || graphs[0][id].in.empty()) continue;
    const Value x = graphs[0][id].in[0];
    const Shape& shape = graphs[0].type(x).shape;
    bool differs = false;
    for (const Graph& g : graphs)
      for (size_t a = 1; a < shape.size(); ++a)
        differs |= !g[id].in.empty() && g.type(g[id].in[0]).rank() == shape.size() && g.type(g[id].in[0]).shape[a] != shape[a];
    if (differs) open.push_back(id);
  }
  for (const uint32_t id : open) {
    // The importer leaves out what the last window does not reach, which differs from size to size.
    std::vector<int64_t> most = strided_padding(graphs[0], id);
    bool separable = !most.empty();
    for (const Graph& g : graphs) {
      const std::vector<int64_t> own = strided_padding(g, id);
      separable = separable && own.size() == most.size();
      for (size_t i = 0; separable && i < most.size(); ++i) most[i] = std::max(most[i], own[i]);
    }
    if (!separable || std::all_of(most.begin(), most.end(), [](int64_t n) { return n == 0; })) continue;
    for (Graph& g : graphs) {
      auto changed = separate_padding(g, id, most);
      if (!changed) return std::move(changed.error()).at(g.origin(g[id].origin));
    }
  }
  return {};
}

Result<InterfaceLayouts> run_passes(Graph& graph, const PipelineOptions& passes) {
  InterfacePermutations permutations;
  TRY_STATUS(run_pipeline(graph, passes, &permutations));
  return InterfaceLayouts{std::move(permutations.inputs), std::move(permutations.outputs)};
}

Status make_open(const SourceProgram& program, const PipelineOptions& passes, EntryPoint& e) {
  TRY(ExampleSizes examples, choose_example_sizes(program, e.plan.sizes, e.plan.open));
  e.checks = std::move(examples.checks);
  e.open.largest = examples.largest;
  std::deque<Graph> graphs;
  for (const SizeValues& sizes : examples.sizes) {
    TRY(ImportedProgram imported, import_at(program, sizes));
    graphs.push_back(std::move(imported.graph));
  }
  TRY_STATUS(separate_paddings(graphs));
  for (size_t i = 0; i < graphs.size(); ++i) {
    PipelineOptions own = passes;
    if (i > 0) own.observer = nullptr, own.track_changes = false, own.adaptations = nullptr;
    TRY(InterfaceLayouts layouts, run_passes(graphs[i], own));
    if (i == 0) e.layouts = layouts;
    if (layouts.inputs != e.layouts.inputs || layouts.outputs != e.layouts.outputs)
      return error(Code::kSymbolic, "the layout of the inputs and outputs depends on the open sizes");
  }
  e.graph = std::move(graphs.front());
  graphs.pop_front();
  // A graph at the upper ends only serves tables; where a size there meets a fixed one by chance it may have another form.
  const auto differs = [&](const Graph* g) { return !SizeFamily::match(e.graph, {&g, 1}); };
  bool drop = false;
  for (size_t i = 0; i < e.open.largest; ++i) drop |= differs(&graphs[graphs.size() - 1 - i]);
  if (drop) {
    graphs.resize(graphs.size() - e.open.largest);
    e.open.largest = 0;
  }
  e.others = std::move(graphs);
  for (const Graph& g : e.others) e.open.at_other_sizes.push_back(&g);
  SizeValues exported = e.plan.sizes;
  for (const DynamicSize& s : e.plan.open)
    if (s.hint) exported[s.symbol] = *s.hint;
  size_t i = 0;
  for (const SourceInput& input : program.inputs) {
    if (input.kind != InputKind::kUser || !program.graph.find(input.value)) continue;
    Shape shape = input_shape(program, input, exported);
    if (!is_static(shape))
      shape = e.graph.type(e.graph.inputs()[i].value).shape;
    else if (i < e.layouts.inputs.size() && !e.layouts.inputs[i].empty())
      shape = permuted(shape, e.layouts.inputs[i]);
    e.open.shown.push_back(std::move(shape));
    ++i;
  }
  return {};
}

}  // namespace

Result<ImportedProgram> import_at(const SourceProgram& program, const SizeValues& sizes) {
  if (!has_open_sizes(program)) return import_program(program);
  TRY(const SourceProgram fixed, specialize(program, sizes));
  return import_program(fixed);
}

Result<EntryPoint> make_entry_point(const SourceProgram& program, SignaturePlan plan, PipelineOptions passes,
                                    bool keep_imported) {
  EntryPoint e;
  e.plan = std::move(plan);
  if (!e.plan.open.empty()) {
    passes.sizes_vary = true;
    TRY_STATUS(make_open(program, passes, e));
    return e;
  }
  TRY(e.imported, import_at(program, e.plan.sizes));
  TRY(e.approximations, approximate(e.imported.graph, passes.target));
  e.graph = keep_imported ? e.imported.graph : std::move(e.imported.graph);
  TRY(e.layouts, run_passes(e.graph, passes));
  return e;
}

std::vector<Type> port_types(const EntryPoint& entry, const std::vector<Port>& (Graph::*ports)() const) {
  std::vector<Type> types;
  const auto& own = (entry.graph.*ports)();
  for (size_t i = 0; i + entry.graph.states().size() < own.size(); ++i) {
    Type t = entry.graph.type(own[i].value);
    const Shape shape = t.shape;
    for (const Graph& g : entry.others) {
      const Shape& other = g.type((g.*ports)()[i].value).shape;
      for (size_t a = 0; a < shape.size() && a < other.size(); ++a)
        if (other[a] != shape[a]) t.shape[a] = kDynamic;
    }
    types.push_back(std::move(t));
  }
  return types;
}

}  // namespace atl
