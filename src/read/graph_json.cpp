#include "read/graph_json.h"

#include <algorithm>
#include <unordered_set>

#include "read/expression.h"
#include "read/origin.h"

namespace atl {
namespace {

using Strings = std::vector<std::string>;

Result<std::string> read_string(const JsonNode& node) {
  TRY(const auto text, node.text());
  return std::string(text);
}
Result<int64_t> read_integer(const JsonNode& node) { return node.integer(); }
Result<double> read_number(const JsonNode& node) { return node.number(); }
Result<bool> read_boolean(const JsonNode& node) { return node.boolean(); }

Result<ScalarType> read_scalar_type(const JsonNode& node) {
  TRY(const int64_t number, node.integer());
  const auto type = scalar_type_of(number);
  if (!type) return node.refuse(fmt::format("element type {} is not known", number));
  return *type;
}

template <class Enum>
Result<Enum> read_enum(const JsonNode& node, Enum last) {
  TRY(const int64_t number, node.integer_below(static_cast<int64_t>(last) + 1));
  return static_cast<Enum>(number);
}

Result<TorchDevice> read_device(const JsonNode& node) {
  TorchDevice device;
  TRY(const auto type, node.field("type"));
  TRY(device.type, read_string(type));
  TRY(const auto index, node.optional_field("index"));
  if (index) {
    TRY(device.index, index->integer());
  }
  return device;
}

/// SymExpr: {"expr_str": "s0 + 1", "hint": {"as_int": 4}}; the hint may be absent.
template <class T, class Read>
Result<std::pair<std::string, std::optional<T>>> read_expression(const JsonNode& node, Read read) {
  std::pair<std::string, std::optional<T>> result;
  TRY(const auto expr, node.field("expr_str"));
  TRY(const auto text, expr.text());
  result.first = readable_expression(text);
  if (result.first.empty()) return expr.refuse("the expression is empty");
  TRY(const auto hint, node.optional_field("hint"));
  if (!hint) return result;
  TRY(const auto value, hint->only_field());
  TRY(result.second, read(value));
  return result;
}

/// SymInt: {"as_int": 3} or {"as_expr": ...}.
Result<SymDim> read_sym_dim(const JsonNode& node) {
  TRY(const auto field, node.only_field());
  if (field.key() == "as_int") {
    TRY(const int64_t value, field.integer());
    return SymDim{value, {}};
  }
  if (field.key() != "as_expr") return field.refuse("expected as_int or as_expr");
  TRY(auto expr, read_expression<int64_t>(field, read_integer));
  return SymDim{expr.second.value_or(-1), std::move(expr.first)};
}

/// SymBool or SymFloat: {<plain>: value} or {"as_expr": ...}; Sym::name holds the expression.
template <class T, class Read>
Result<Sym<T>> read_sym_value(const JsonNode& node, std::string_view plain, Read read) {
  TRY(const auto field, node.only_field());
  Sym<T> sym;
  if (field.key() == plain) {
    TRY(sym.value, read(field));
    return sym;
  }
  if (field.key() != "as_expr") return field.refuse(fmt::format("expected {} or as_expr", plain));
  TRY(auto expr, read_expression<T>(field, read));
  sym.name = std::move(expr.first);
  sym.value = expr.second.value_or(T{});
  return sym;
}

/// SymIntArgument and its like: {"as_name": "n"} or {<plain>: value}.
template <class T, class Read>
Result<Sym<T>> read_sym(const JsonNode& node, std::string_view plain, Read read) {
  TRY(const auto field, node.only_field());
  Sym<T> sym;
  if (field.key() == plain) {
    TRY(sym.value, read(field));
  } else if (field.key() == "as_name") {
    TRY(sym.name, read_string(field));
    if (sym.name.empty()) return field.refuse("the name is empty");
  } else {
    return field.refuse(fmt::format("expected as_name or {}", plain));
  }
  return sym;
}
Result<SymInt> read_sym_int(const JsonNode& node) { return read_sym<int64_t>(node, "as_int", read_integer); }
Result<SymFloat> read_sym_float(const JsonNode& node) { return read_sym<double>(node, "as_float", read_number); }
Result<SymBool> read_sym_bool(const JsonNode& node) { return read_sym<bool>(node, "as_bool", read_boolean); }

/// OptionalTensorArgument: {"as_tensor": {"name": ...}} or {"as_none": true}, which gives an empty name.
Result<std::string> read_optional_name(const JsonNode& node) {
  TRY(const auto field, node.only_field());
  if (field.key() == "as_none") return std::string();
  if (field.key() != "as_tensor") return field.refuse("expected as_tensor or as_none");
  return read_name(field);
}

Result<GraphRef> read_graph_ref(const JsonNode& node) {
  GraphRef ref;
  TRY(ref.name, read_name(node));
  TRY(const auto graph, node.field("graph"));
  TRY(auto inner, read_graph(graph));
  ref.graph = std::make_shared<const SourceGraph>(std::move(inner));
  return ref;
}

Result<CustomObjectRef> read_custom_object(const JsonNode& node) {
  CustomObjectRef ref;
  TRY(ref.name, read_name(node));
  TRY(const auto class_fqn, node.field("class_fqn"));
  TRY(ref.class_fqn, read_string(class_fqn));
  return ref;
}

Result<std::complex<double>> read_complex(const JsonNode& node) {
  TRY(const auto real, node.field("real"));
  TRY(const double re, real.number());
  TRY(const auto imag, node.field("imag"));
  TRY(const double im, imag.number());
  return std::complex<double>(re, im);
}

Result<SourceDict> read_dict(const JsonNode& node) {
  SourceDict dict;
  TRY_STATUS(node.for_each_field([&](const JsonNode& item) -> Status {
    TRY(auto value, read_argument(item));
    dict.entries.emplace_back(std::string(item.key()), std::move(value));
    return {};
  }));
  return dict;
}

template <class T, auto read>
Result<SourceValue> one(const JsonNode& node) {
  TRY(T value, read(node));
  return SourceValue{std::move(value)};
}
template <class T, auto read>
Result<SourceValue> list(const JsonNode& node) {
  TRY(auto values, read_list<T>(node, read));
  return SourceValue{std::move(values)};
}
template <class T, auto read>
Result<SourceValue> list_of_lists(const JsonNode& node) {
  TRY(auto values, read_list<std::vector<T>>(node, [](const JsonNode& item) { return read_list<T>(item, read); }));
  return SourceValue{std::move(values)};
}

Result<SourceValue> tensor(const JsonNode& node) {
  TRY(auto name, read_name(node));
  return SourceValue{TensorRef{std::move(name)}};
}
template <auto read>
Result<SourceValue> tensors(const JsonNode& node) {
  TRY(Strings names, read_list<std::string>(node, read));
  return SourceValue{TensorRefs{std::move(names)}};
}
Result<SourceValue> optional_tensor(const JsonNode& node) {
  TRY(auto name, read_optional_name(node));
  if (name.empty()) return SourceValue{SourceNone{}};
  return SourceValue{TensorRef{std::move(name)}};
}
Result<SourceValue> nested_tensors(const JsonNode& node) {
  TRY(auto names, read_list<Strings>(node, [](const JsonNode& item) { return read_list<std::string>(item, read_name); }));
  return SourceValue{NestedTensorRefs{std::move(names)}};
}
Result<SourceValue> memory_format(const JsonNode& node) {
  TRY(const auto value, read_enum(node, TorchMemoryFormat::kPreserve));
  return SourceValue{value};
}
Result<SourceValue> layout(const JsonNode& node) {
  TRY(const auto value, read_enum(node, TorchLayout::kStrided));
  return SourceValue{value};
}
Result<SourceValue> operator_name(const JsonNode& node) {
  TRY(const auto name, node.text());
  return SourceValue{OperatorRef{std::string(short_target(name))}};
}
Result<SourceValue> none(const JsonNode&) { return SourceValue{SourceNone{}}; }

struct ArgumentReader {
  std::string_view key;
  Result<SourceValue> (*read)(const JsonNode&);
};
/// The Argument union of the schema; the most frequent kinds first.
constexpr ArgumentReader kArguments[] = {
    {"as_tensor", tensor},
    {"as_int", one<int64_t, read_integer>},
    {"as_ints", list<int64_t, read_integer>},
    {"as_float", one<double, read_number>},
    {"as_bool", one<bool, read_boolean>},
    {"as_none", none},
    {"as_tensors", tensors<read_name>},
    {"as_optional_tensors", tensors<read_optional_name>},
    {"as_optional_tensor", optional_tensor},
    {"as_sym_int", one<SymInt, read_sym_int>},
    {"as_sym_ints", list<SymInt, read_sym_int>},
    {"as_scalar_type", one<ScalarType, read_scalar_type>},
    {"as_device", one<TorchDevice, read_device>},
    {"as_string", one<std::string, read_string>},
    {"as_memory_format", memory_format},
    {"as_layout", layout},
    {"as_floats", list<double, read_number>},
    {"as_strings", list<std::string, read_string>},
    {"as_bools", list<bool, read_boolean>},
    {"as_sym_float", one<SymFloat, read_sym_float>},
    {"as_sym_floats", list<SymFloat, read_sym_float>},
    {"as_sym_bool", one<SymBool, read_sym_bool>},
    {"as_sym_bools", list<SymBool, read_sym_bool>},
    {"as_graph", one<GraphRef, read_graph_ref>},
    {"as_custom_obj", one<CustomObjectRef, read_custom_object>},
    {"as_operator", operator_name},
    {"as_complex", one<std::complex<double>, read_complex>},
    {"as_nested_tensors", nested_tensors},
    {"as_int_lists", list_of_lists<int64_t, read_integer>},
    {"as_float_lists", list_of_lists<double, read_number>},
    {"as_string_to_argument", one<SourceDict, read_dict>},
};

Result<SourceNode> read_node(const JsonNode& node) {
  SourceNode n;
  TRY(const auto target, node.field("target"));
  TRY(const auto target_name, target.text());
  n.target = short_target(target_name);
  TRY(const auto inputs, node.field("inputs"));
  TRY_STATUS(inputs.for_each_item([&](const JsonNode& item) -> Status {
    SourceArgument& argument = n.inputs.emplace_back();
    TRY(const auto name, item.field("name"));
    TRY(argument.name, read_string(name));
    TRY(const auto value, item.field("arg"));
    TRY(argument.value, read_argument(value));
    TRY(const auto kind, item.optional_field("kind"));
    if (kind) {
      TRY(argument.kind, read_enum(*kind, ArgumentKind::kKeyword));
    }
    return {};
  }));
  TRY(const auto outputs, node.field("outputs"));
  TRY(n.outputs, read_list<SourceValue>(outputs, read_argument));
  TRY(const auto name, node.optional_field("name"));
  if (name) {
    TRY(n.origin.node, read_string(*name));
  }
  n.origin.source_op = n.target;
  TRY(const auto metadata, node.field("metadata"));
  TRY_STATUS(metadata.for_each_field([&](const JsonNode& item) -> Status {
    if (item.key() == "nn_module_stack") {
      TRY(const auto text, item.text());
      read_module_stack(text, n.origin);
    } else if (item.key() == "stack_trace") {
      TRY(const auto text, item.text());
      read_stack_trace(text, n.origin);
    }
    return {};
  }));
  return n;
}

/// Reads an object of name -> T into a map. An absent object is empty.
template <class Map, class Read>
Status read_map(const JsonNode& graph, std::string_view key, Map& map, Read read) {
  TRY(const auto object, graph.optional_field(key));
  if (!object) return {};
  return object->for_each_field([&](const JsonNode& item) -> Status {
    TRY(auto value, read(item));
    if (!map.emplace(std::string(item.key()), std::move(value)).second) return item.refuse("the name occurs twice");
    return {};
  });
}

/// Calls f(name) -> Status for each value of the graph that `value` names.
template <class F>
struct NameVisitor {
  F f;
  Status operator()(const TensorRef& t) const { return f(t.name); }
  Status operator()(const TensorRefs& t) const {
    for (const auto& name : t.names) {
      if (!name.empty()) TRY_STATUS(f(name));
    }
    return {};
  }
  Status operator()(const NestedTensorRefs& t) const {
    for (const auto& names : t.names) TRY_STATUS((*this)(TensorRefs{names}));
    return {};
  }
  template <class T>
  Status operator()(const Sym<T>& s) const {
    return s.is_static() ? Status() : f(s.name);
  }
  template <class T>
  Status operator()(const std::vector<Sym<T>>& list) const {
    for (const auto& s : list) TRY_STATUS((*this)(s));
    return {};
  }
  Status operator()(const SourceDict& d) const {
    for (const auto& entry : d.entries) TRY_STATUS(std::visit(*this, entry.second.v));
    return {};
  }
  template <class T>
  Status operator()(const T&) const {
    return {};
  }
};
template <class F>
Status for_each_name(const SourceValue& value, F f) {
  return std::visit(NameVisitor<F>{f}, value.v);
}

/// The graph says what each tensor that `value` makes is.
Status check_metas(const SourceGraph& graph, const SourceValue& value) {
  const bool tensors = value.is<TensorRef>() || value.is<TensorRefs>() || value.is<NestedTensorRefs>();
  return !tensors ? Status() : for_each_name(value, [&](const std::string& name) -> Status {
    if (graph.tensors.count(name)) return {};
    return error(Code::kGraph, fmt::format("the tensor '{}' has no type and shape", name), "export and save the model again");
  });
}

/// Every value is made once, before it is used.
Status check_order(const SourceGraph& graph) {
  std::unordered_set<std::string_view> made;
  const auto make = [&](const std::string& name) -> Status {
    if (made.insert(name).second) return {};
    return error(Code::kGraph, fmt::format("the value '{}' is made twice", name), "export and save the model again");
  };
  const auto use = [&](const std::string& name) -> Status {
    if (made.count(name)) return {};
    return error(Code::kGraph, fmt::format("the value '{}' is used before it is made", name),
                 "export and save the model again");
  };
  for (const auto& input : graph.inputs) {
    TRY_STATUS(for_each_name(input, make));
    TRY_STATUS(check_metas(graph, input));
  }
  for (const auto& node : graph.nodes) {
    for (const auto& input : node.inputs) {
      if (auto s = for_each_name(input.value, use); !s) return std::move(s.error()).at(node.origin);
    }
    for (const auto& output : node.outputs) {
      if (auto s = for_each_name(output, make); !s) return std::move(s.error()).at(node.origin);
      if (auto s = check_metas(graph, output); !s) return std::move(s.error()).at(node.origin);
    }
  }
  for (const auto& output : graph.outputs) TRY_STATUS(for_each_name(output, use));
  return {};
}

}  // namespace

Result<std::string> read_name(const JsonNode& node) {
  TRY(const auto name, node.field("name"));
  TRY(auto text, read_string(name));
  if (text.empty()) return name.refuse("the name is empty");
  return text;
}

Result<TensorMeta> read_tensor_meta(const JsonNode& node) {
  TensorMeta meta;
  TRY(const auto dtype, node.field("dtype"));
  TRY(meta.dtype, read_scalar_type(dtype));
  TRY(const auto sizes, node.field("sizes"));
  TRY(meta.sizes, read_list<SymDim>(sizes, read_sym_dim));
  TRY(const auto strides, node.field("strides"));
  TRY(meta.strides, read_list<SymDim>(strides, read_sym_dim));
  TRY(const auto offset, node.field("storage_offset"));
  TRY(meta.storage_offset, read_sym_dim(offset));
  TRY(const auto device, node.field("device"));
  TRY(meta.device, read_device(device));
  TRY(const auto layout, node.field("layout"));
  TRY(meta.layout, read_enum(layout, TorchLayout::kStrided));
  TRY(const auto requires_grad, node.field("requires_grad"));
  TRY(meta.requires_grad, requires_grad.boolean());
  int64_t bytes = std::max<int64_t>(1, scalar_size(meta.dtype));
  for (const SymDim& d : meta.sizes) {
    if (!d.is_static()) continue;
    if (d.value < 0) return sizes.refuse("a size is negative");
    if (__builtin_mul_overflow(bytes, std::max<int64_t>(1, d.value), &bytes)) return sizes.refuse("the tensor is too large");
  }
  return meta;
}

Result<SourceValue> read_argument(const JsonNode& node) {
  TRY(const auto field, node.only_field());
  for (const auto& [key, read] : kArguments) {
    if (field.key() == key) return read(field);
  }
  return node.refuse(fmt::format("a value of kind '{}' is not known", field.key()));
}

Result<SourceGraph> read_graph(const JsonNode& node) {
  SourceGraph graph;
  TRY(const auto inputs, node.field("inputs"));
  TRY(graph.inputs, read_list<SourceValue>(inputs, read_argument));
  TRY(const auto outputs, node.field("outputs"));
  TRY(graph.outputs, read_list<SourceValue>(outputs, read_argument));
  TRY(const auto nodes, node.field("nodes"));
  TRY(graph.nodes, read_list<SourceNode>(nodes, read_node));
  TRY_STATUS(read_map(node, "tensor_values", graph.tensors, read_tensor_meta));
  TRY_STATUS(read_map(node, "sym_int_values", graph.sym_ints, read_sym_dim));
  TRY_STATUS(read_map(node, "sym_bool_values", graph.sym_bools,
                      [](const JsonNode& item) { return read_sym_value<bool>(item, "as_bool", read_boolean); }));
  TRY_STATUS(read_map(node, "sym_float_values", graph.sym_floats,
                      [](const JsonNode& item) { return read_sym_value<double>(item, "as_float", read_number); }));
  TRY_STATUS(read_map(node, "custom_obj_values", graph.custom_objects, read_custom_object));
  TRY(const auto single, node.optional_field("is_single_tensor_return"));
  if (single) {
    TRY(graph.is_single_tensor_return, single->boolean());
  }
  TRY_STATUS(check_order(graph));
  return graph;
}

}  // namespace atl
