#include "import/changed_buffers.h"

#include "import/alias_table.h"
#include "import/importer.h"
#include "import/view_operators.h"

namespace atl {

std::string changed_operand(const SourceNode& node) {
  if (find_import(node.target) || functional_name(node.target).empty()) return {};
  const SourceValue* self = node.find("self");
  const auto* name = self ? self->get<TensorRef>() : nullptr;
  return name ? name->name : std::string();
}

std::set<std::string> changed_buffers(const SourceProgram& program) {
  std::set<std::string> changed;
  const auto add = [&](const std::string& value) {
    const SourceTensor* t = program.find_tensor(value);
    const bool buffer = t && (t->kind == TensorKind::kBuffer || t->kind == TensorKind::kNonPersistentBuffer);
    if (buffer && !t->fqn.ends_with("num_batches_tracked")) changed.insert(value);
  };
  AliasTable aliases;
  for (const SourceNode& node : program.graph.nodes) {
    std::string name = changed_operand(node);
    if (!name.empty()) {
      if (!node.outputs.empty())
        if (const auto* out = node.outputs[0].get<TensorRef>(); out && out->name != name) aliases.add_alias(out->name, name);
      for (const View* view = aliases.view_of(name); view; view = aliases.view_of(name)) name = view->base;
      add(name);
    }
    if (!gives_copy(program.graph, node)) aliases.add_node(node);
  }
  for (const SourceOutput& output : program.outputs) {
    if (output.kind != OutputKind::kBufferMutation) continue;
    for (const SourceInput& input : program.inputs)
      if (input.kind == InputKind::kStored && program.tensors[size_t(input.tensor)].fqn == output.target) add(input.value);
  }
  return changed;
}

}  // namespace atl
