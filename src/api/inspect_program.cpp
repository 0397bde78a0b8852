#include <map>
#include <set>

#include "api/entry_point.h"
#include "api/inspection.h"
#include "import/alias_table.h"
#include "import/importer.h"
#include "ir/text.h"

namespace atl {
namespace {

std::string type_name(ScalarType t) {
  const DType dtype = dtype_of(t);
  return std::string(dtype == DType::kUnknown ? scalar_name(t) : name(dtype));
}

// "f32[1,3,s0,224]": a named size stands as it is called.
std::string type_text(const TensorMeta& meta) {
  std::string out = type_name(meta.dtype) + '[';
  for (size_t i = 0; i < meta.sizes.size(); ++i) {
    const SymDim& d = meta.sizes[i];
    out += (i ? "," : "") + (d.is_static() ? std::to_string(d.value) : d.expr);
  }
  return out + ']';
}

std::string type_text(const StoredTensor& t) {
  std::string out = type_name(t.dtype) + '[';
  for (size_t i = 0; i < t.sizes.size(); ++i) out += fmt::format("{}{}", i ? "," : "", t.sizes[i]);
  return out + ']';
}

std::string type_text(const SourceGraph& g, const SourceValue& v) {
  if (const auto* t = v.get<TensorRef>()) {
    const TensorMeta* meta = g.find(t->name);
    return meta ? type_text(*meta) : "unknown";
  }
  return format(v);
}

bool is_wrapper(const std::string& target) {
  return target == "higher_order.wrap_with_set_grad_enabled" || target == "higher_order.wrap_with_autocast";
}

class ProgramInspection {
 public:
  ProgramInspection(const SourceProgram& program, const InspectOptions& options, InspectReport& report)
      : program_(program), options_(options), report_(report) {}
  void run();

 private:
  void read_interface();
  void read_tensors();
  void read_nodes(const SourceGraph& g);
  void add_operator(const SourceGraph& g, const SourceNode& n);

  const SourceProgram& program_;
  const InspectOptions& options_;
  InspectReport& report_;
  ProgramReport facts_;
  std::map<std::string, size_t> counts_;
};

void ProgramInspection::read_interface() {
  SignatureReport s;
  size_t user_inputs = 0, samples = 0;
  for (size_t i = 0; i < program_.inputs.size(); ++i) {
    const SourceInput& in = program_.inputs[i];
    if (in.kind == InputKind::kUserConstant) s.inputs.push_back({in.name, format(in.constant), {}});
    if (in.kind != InputKind::kUser) continue;
    ++user_inputs;
    samples += in.sample.has_value();
    s.inputs.push_back({in.name, type_text(program_.graph, program_.graph.inputs[i]), {}});
  }
  facts_.has_sample = user_inputs > 0 && samples == user_inputs;
  facts_.sample_problem = program_.sample_problem;
  for (const SourceOutput& out : program_.outputs) {
    switch (out.kind) {
      case OutputKind::kUser:
      case OutputKind::kLoss:
        s.outputs.push_back({out.name, type_text(program_.graph, out.value), {}});
        break;
      case OutputKind::kBufferMutation:
        facts_.states.push_back(out.target);
        break;
      case OutputKind::kParameterMutation:
      case OutputKind::kInputMutation:
        facts_.mutations.push_back(out.target);
        break;
      case OutputKind::kGradient:
      case OutputKind::kToken:
        break;
    }
  }
  report_.signatures.push_back(std::move(s));
}

void ProgramInspection::read_tensors() {
  std::set<const std::byte*> storages, parameters;
  for (const SourceTensor& t : program_.tensors) {
    if (storages.insert(t.data.bytes.data()).second) facts_.stored_bytes += t.data.bytes.size();
    std::string_view role = "buffer";
    switch (t.kind) {
      case TensorKind::kParameter:
        role = "parameter";
        if (!parameters.insert(t.data.bytes.data() + t.data.storage_offset * scalar_size(t.data.dtype)).second) break;
        ++facts_.parameter_tensors;
        facts_.parameters += size_t(t.data.elements());
        break;
      case TensorKind::kBuffer:
      case TensorKind::kNonPersistentBuffer:
        ++facts_.buffers;
        break;
      case TensorKind::kConstant:
        role = "constant";
        ++facts_.constants;
        break;
    }
    if (options_.tensors)
      report_.tensors.push_back(
          {0, t.fqn, type_text(t.data), std::string(role), uint64_t(t.data.elements()) * uint64_t(scalar_size(t.data.dtype))});
  }
}

void ProgramInspection::add_operator(const SourceGraph& g, const SourceNode& n) {
  OperatorReport out{0, report_.operators.size(), n.target, 0, n.origin.module_path, {}, {}};
  if (!n.origin.file.empty())
    out.origin += fmt::format("{}{}:{}", out.origin.empty() ? "" : "  ", n.origin.file, n.origin.line);
  for (const SourceArgument& a : n.inputs) out.inputs.push_back(format(a.value));
  for (const SourceValue& v : n.outputs) {
    const auto* t = v.get<TensorRef>();
    out.outputs.push_back({t ? t->name : format(v), t ? type_text(g, v) : std::string(kind_name(v)), {}});
  }
  report_.operators.push_back(std::move(out));
}

void ProgramInspection::read_nodes(const SourceGraph& g) {
  for (const SourceNode& n : g.nodes) {
    if (is_wrapper(n.target)) {
      for (const SourceArgument& a : n.inputs)
        if (const auto* inner = a.value.get<GraphRef>(); inner && inner->graph) read_nodes(*inner->graph);
      continue;
    }
    ++counts_[n.target];
    ++report_.operator_count;
    if (options_.operators) add_operator(g, n);
  }
}

void ProgramInspection::run() {
  facts_.torch_version = program_.torch_version;
  facts_.model_name = program_.model_name;
  read_interface();
  read_tensors();
  read_nodes(program_.graph);
  for (const auto& [name, count] : counts_) {
    const std::string functional = functional_name(name);
    const bool supported = find_import(name) || (!functional.empty() && find_import(functional));
    report_.operator_counts.push_back({name, 0, count, false, supported});
  }
  report_.program = std::move(facts_);
}

}  // namespace

Status inspect_program(const SourceProgram& program, const InspectOptions& options, InspectReport& report) {
  ProgramInspection(program, options, report).run();
  if (!options.graph) return {};
  // Open sizes stand as they were at the export.
  TRY(const ImportedProgram imported, import_at(program, exported_sizes(program)));
  report.graph = print(imported.graph);
  return {};
}

}  // namespace atl
