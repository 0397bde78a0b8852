#include "api/rebuilt_source.h"

#include <algorithm>

#include "import/specialize.h"

namespace atl {
namespace {

bool same_shapes(const std::vector<Type>& types, const Graph& in_file, const std::vector<Port>& ports) {
  return std::ranges::equal(types, visible_ports(in_file, ports),
                            [&](const Type& t, const Port& p) { return t.shape == in_file.type(p.value).shape; });
}

// The shapes of the file's inputs with the axes in the source's order.
InputShapes source_shapes(const SourceProgram& program, const Graph& in_file, InterfaceLayout layout) {
  InputShapes shapes;
  for (const Port& p : in_file.inputs()) {
    InputShape s{p.name, in_file.type(p.value).shape};
    const auto input = std::ranges::find(program.inputs, p.name, &SourceInput::name);
    const TensorMeta* meta = input == program.inputs.end() ? nullptr : program.graph.find(input->value);
    const auto fits = [&](const Shape& shape) {
      return meta &&
             std::ranges::equal(meta->sizes, shape, [](const SymDim& d, int64_t n) { return !d.is_static() || d.value == n; });
    };
    if (layout == InterfaceLayout::kNhwc && s.shape.size() >= 4 && !fits(s.shape)) {
      s.shape.insert(s.shape.begin() + 1, s.shape.back());
      s.shape.pop_back();
    }
    shapes.push_back(std::move(s));
  }
  return shapes;
}

Result<SignaturePlan> plan_of(const SourceProgram& program, const Graph& in_file, InterfaceLayout layout) {
  SignaturePlan plan;
  if (!has_open_sizes(program)) return plan;
  TRY(plan.sizes, solve_sizes(program, source_shapes(program, in_file, layout)));
  for (const DynamicSize& s : dynamic_sizes(program))
    if (!plan.sizes.contains(s.symbol)) plan.open.push_back(s);
  return plan;
}

}  // namespace

std::span<const Port> visible_ports(const Graph& g, const std::vector<Port>& ports) {
  return {ports.data(), ports.size() - g.states().size()};
}

std::string interface_text(const Graph& g) {
  std::string out;
  for (const auto* ports : {&g.inputs(), &g.outputs()}) {
    if (ports == &g.outputs()) out += " -> ";
    for (size_t i = 0; i < visible_ports(g, *ports).size(); ++i)
      out += fmt::format("{}{} {}", i ? ", " : "", (*ports)[i].name, to_string(g.type((*ports)[i].value)));
  }
  return out;
}

Result<RebuiltSource> rebuild_source(const SourceProgram& program, const Graph& in_file, const std::string& source,
                                     const std::string& file) {
  std::string source_text;
  for (const InterfaceLayout layout : {InterfaceLayout::kKeep, InterfaceLayout::kNhwc}) {
    auto plan = plan_of(program, in_file, layout);
    if (!plan) {
      if (source_text.empty()) source_text = plan.error().what;
      continue;
    }
    RebuiltSource out{{}, {}, layout == InterfaceLayout::kKeep ? "keep" : "nhwc"};
    out.passes.interface_layout = layout;
    TRY(out.entry, make_entry_point(program, *std::move(plan), out.passes, true));
    if (same_shapes(port_types(out.entry, &Graph::inputs), in_file, in_file.inputs()) &&
        same_shapes(port_types(out.entry, &Graph::outputs), in_file, in_file.outputs()))
      return out;
    if (source_text.empty())
      source_text = interface_text(out.entry.plan.open.empty() ? out.entry.imported.graph : out.entry.graph);
  }
  return error(Code::kInput, fmt::format("'{}' was not made from '{}': it takes and gives other tensors", file, source),
               fmt::format("the source: {}; the file: {}", source_text, interface_text(in_file)));
}

}  // namespace atl
