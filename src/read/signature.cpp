#include "read/signature.h"

#include <fmt/format.h>

#include "read/graph_json.h"

namespace atl {
namespace {

/// The name of the value that an input or output is; empty for a plain number.
std::string value_name(const SourceValue& value) {
  if (const auto* t = value.get<TensorRef>()) return t->name;
  if (const auto* s = value.get<SymInt>()) return s->name;
  if (const auto* s = value.get<SymFloat>()) return s->name;
  if (const auto* s = value.get<SymBool>()) return s->name;
  if (const auto* o = value.get<CustomObjectRef>()) return o->name;
  return {};
}

Result<std::string> read_text_field(const JsonNode& node, std::string_view key) {
  TRY(const auto field, node.field(key));
  TRY(const auto text, field.text());
  return std::string(text);
}

/// The name inside {"arg": {"name": ...}}.
Result<std::string> read_arg_name(const JsonNode& spec) {
  TRY(const auto arg, spec.field("arg"));
  return read_name(arg);
}

/// ConstantValue: {"as_int": 3} and the like.
Result<SourceValue> read_constant(const JsonNode& node) {
  TRY(const auto value, node.field("value"));
  return read_argument(value);
}

class SignatureReader {
 public:
  SignatureReader(Payloads& weights, Payloads& constants, SourceProgram& program)
      : weights_(weights), constants_(constants), program_(program) {}

  Status read_input(const JsonNode& spec, const SourceValue& graph_input) {
    TRY(const auto kind, spec.only_field());
    SourceInput input;
    if (kind.key() == "parameter") return read_stored(kind, TensorKind::kParameter, "parameter_name");
    if (kind.key() == "buffer") {
      TRY(const auto persistent, kind.field("persistent"));
      TRY(const bool kept, persistent.boolean());
      return read_stored(kind, kept ? TensorKind::kBuffer : TensorKind::kNonPersistentBuffer, "buffer_name");
    }
    if (kind.key() == "tensor_constant") return read_stored(kind, TensorKind::kConstant, "tensor_constant_name");
    if (kind.key() == "user_input") {
      TRY(const auto arg, kind.field("arg"));
      TRY(const auto value, read_argument(arg));
      input.value = value_name(value);
      if (value != graph_input) return kind.refuse("the signature and the graph name different inputs");
      if (input.value.empty()) {
        input.kind = InputKind::kUserConstant;
        input.constant = value;
      }
    } else if (kind.key() == "constant_input") {
      input.kind = InputKind::kUserConstant;
      TRY(input.value, read_text_field(kind, "name"));
      TRY(input.constant, read_constant(kind));
    } else if (kind.key() == "custom_obj" || kind.key() == "token") {
      input.kind = kind.key() == "token" ? InputKind::kToken : InputKind::kCustomObject;
      TRY(input.value, read_arg_name(kind));
    } else {
      return spec.refuse(fmt::format("an input of kind '{}' is not known", kind.key()));
    }
    program_.inputs.push_back(std::move(input));
    return {};
  }

  Status read_output(const JsonNode& spec, const SourceValue& graph_output) {
    TRY(const auto kind, spec.only_field());
    SourceOutput output;
    output.value = graph_output;
    const std::string_view key = kind.key();
    if (key == "user_output") {
      TRY(const auto arg, kind.field("arg"));
      TRY(const auto value, read_argument(arg));
      if (value_name(value) != value_name(graph_output)) {
        return kind.refuse("the signature and the graph name different outputs");
      }
      program_.outputs.push_back(std::move(output));
      return {};
    }
    struct Case {
      std::string_view key, target;
      OutputKind kind;
    };
    constexpr Case kCases[] = {
        {"loss_output", "", OutputKind::kLoss},
        {"buffer_mutation", "buffer_name", OutputKind::kBufferMutation},
        {"parameter_mutation", "parameter_name", OutputKind::kParameterMutation},
        {"user_input_mutation", "user_input_name", OutputKind::kInputMutation},
        {"gradient_to_parameter", "parameter_name", OutputKind::kGradient},
        {"gradient_to_user_input", "user_input_name", OutputKind::kGradient},
        {"token", "", OutputKind::kToken},
    };
    for (const Case& c : kCases) {
      if (key != c.key) continue;
      output.kind = c.kind;
      TRY(const auto name, read_arg_name(kind));
      if (c.kind != OutputKind::kToken && name != value_name(graph_output)) {
        return kind.refuse("the signature and the graph name different outputs");
      }
      if (!c.target.empty()) {
        TRY(output.target, read_text_field(kind, c.target));
      }
      program_.outputs.push_back(std::move(output));
      return {};
    }
    return spec.refuse(fmt::format("an output of kind '{}' is not known", key));
  }

 private:
  Status read_stored(const JsonNode& spec, TensorKind kind, std::string_view name_field) {
    SourceTensor tensor;
    tensor.kind = kind;
    TRY(tensor.name, read_arg_name(spec));
    TRY(tensor.fqn, read_text_field(spec, name_field));
    const TensorMeta* meta = program_.graph.find(tensor.name);
    if (!meta) return spec.refuse(fmt::format("the graph has no tensor '{}'", tensor.name));
    const bool in_weights = kind == TensorKind::kParameter || kind == TensorKind::kBuffer;
    Payloads& first = in_weights ? weights_ : constants_;
    Payloads& second = in_weights ? constants_ : weights_;
    Payloads* from = first.has(tensor.fqn) ? &first : second.has(tensor.fqn) ? &second : nullptr;
    if (!from) {
      return error(Code::kWeight, fmt::format("the archive has no bytes for '{}'", tensor.fqn),
                   "export and save the model again");
    }
    TRY(tensor.data, from->read(tensor.fqn));
    if (tensor.data.dtype != meta->dtype || tensor.data.sizes != meta->shape()) {
      return error(Code::kWeight,
                   fmt::format("tensor '{}' is stored as {} [{}], but the graph uses it as {} [{}]", tensor.fqn,
                               scalar_name(tensor.data.dtype), fmt::join(tensor.data.sizes, ", "), scalar_name(meta->dtype),
                               fmt::join(meta->shape(), ", ")),
                   "export and save the model again");
    }
    program_.inputs.push_back(
        {.kind = InputKind::kStored, .value = tensor.name, .name = {}, .tensor = static_cast<int>(program_.tensors.size())});
    program_.tensors.push_back(std::move(tensor));
    return {};
  }

  Payloads& weights_;
  Payloads& constants_;
  SourceProgram& program_;
};

bool is_users(const SourceInput& input) { return input.kind == InputKind::kUser || input.kind == InputKind::kUserConstant; }

Error wrong_count(std::string_view what, size_t nested, size_t found) {
  return error(Code::kGraph, fmt::format("the program's call has {} {}, but its graph has {}", nested, what, found),
               "export and save the model again");
}

}  // namespace

Result<std::optional<CallSpec>> read_call_spec(const JsonNode& graph_module) {
  NamedTupleFields fields;
  TRY(const auto named, graph_module.optional_field("treespec_namedtuple_fields"));
  if (named) {
    TRY_STATUS(named->for_each_field([&](const JsonNode& item) -> Status {
      TRY(const auto names, item.field("field_names"));
      TRY(fields[std::string(item.key())], read_list<std::string>(names, [](const JsonNode& name) -> Result<std::string> {
            TRY(const auto text, name.text());
            return std::string(text);
          }));
      return {};
    }));
  }
  std::optional<CallSpec> call;
  TRY(const auto entries, graph_module.field("module_call_graph"));
  TRY_STATUS(entries.for_each_item([&](const JsonNode& entry) -> Status {
    if (call) return {};
    TRY(const auto fqn, entry.field("fqn"));
    TRY(const auto name, fqn.text());
    TRY(const auto signature, entry.optional_field("signature"));
    if (!name.empty() || !signature) return {};
    CallSpec spec;
    TRY(const auto in_spec, signature->field("in_spec"));
    TRY(spec.inputs, read_tree_spec(in_spec, fields));
    TRY(const auto out_spec, signature->field("out_spec"));
    TRY(spec.outputs, read_tree_spec(out_spec, fields));
    TRY(const auto arguments, signature->optional_field("forward_arg_names"));
    if (arguments) {
      TRY(spec.arguments, read_list<std::string>(*arguments, [](const JsonNode& item) -> Result<std::string> {
            TRY(const auto text, item.text());
            return std::string(text);
          }));
    }
    call = std::move(spec);
    return {};
  }));
  return call;
}

Status read_signature(const JsonNode& signature, Payloads& weights, Payloads& constants, SourceProgram& program) {
  SignatureReader reader(weights, constants, program);
  TRY(const auto inputs, signature.field("input_specs"));
  size_t index = 0;
  TRY_STATUS(inputs.for_each_item([&](const JsonNode& spec) -> Status {
    if (index >= program.graph.inputs.size()) return inputs.refuse("the graph has fewer inputs");
    const SourceValue& value = program.graph.inputs[index++];
    TRY_STATUS(reader.read_input(spec, value));
    const std::string name = value_name(value);
    if (!name.empty() && program.inputs.back().value != name) {
      return spec.refuse("the signature and the graph name different inputs");
    }
    return {};
  }));
  if (index != program.graph.inputs.size()) return inputs.refuse("the graph has more inputs");
  TRY(const auto outputs, signature.field("output_specs"));
  index = 0;
  TRY_STATUS(outputs.for_each_item([&](const JsonNode& spec) -> Status {
    if (index >= program.graph.outputs.size()) return outputs.refuse("the graph has fewer outputs");
    return reader.read_output(spec, program.graph.outputs[index++]);
  }));
  if (index != program.graph.outputs.size()) return outputs.refuse("the graph has more outputs");
  return {};
}

Status name_signature(const std::optional<CallSpec>& call, SourceProgram& program) {
  std::vector<SourceInput*> inputs;
  for (auto& input : program.inputs) {
    if (is_users(input)) inputs.push_back(&input);
  }
  std::vector<SourceOutput*> outputs;
  for (auto& output : program.outputs) {
    if (output.kind == OutputKind::kUser || output.kind == OutputKind::kLoss) outputs.push_back(&output);
  }
  std::vector<std::string> input_names, output_names;
  if (call) {
    const auto& roots = call->inputs.children;
    if (roots.size() != 2) return error(Code::kGraph, "the program's call is not made of arguments and keyword arguments");
    for (size_t i = 0; i < roots[0].children.size(); ++i) {
      const size_t first = input_names.size();
      const bool named = i < call->arguments.size();
      append_leaf_names(roots[0].children[i], named ? call->arguments[i] : "input", input_names);
      for (size_t k = first; k < input_names.size() && !named && k < inputs.size(); ++k) input_names[k] = inputs[k]->value;
    }
    append_leaf_names(roots[1], "", input_names);
    if (input_names.size() != inputs.size()) return wrong_count("inputs", input_names.size(), inputs.size());
    const TreeSpec& out = call->outputs;
    append_leaf_names(out, out.kind == TreeSpec::Kind::kMapping ? "" : "output", output_names);
    if (output_names.size() != outputs.size()) return wrong_count("outputs", output_names.size(), outputs.size());
  } else {
    for (const auto* input : inputs) input_names.push_back(input->value);
    for (size_t i = 0; i < outputs.size(); ++i) {
      output_names.push_back(outputs.size() == 1 ? "output" : fmt::format("output_{}", i));
    }
  }
  make_unique(input_names);
  make_unique(output_names);
  for (size_t i = 0; i < inputs.size(); ++i) inputs[i]->name = std::move(input_names[i]);
  for (size_t i = 0; i < outputs.size(); ++i) outputs[i]->name = std::move(output_names[i]);
  return {};
}

}  // namespace atl
