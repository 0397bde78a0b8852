#include "tflite/subgraph_builder.h"

#include <algorithm>
#include <limits>

#include "ir/basic_ops.h"
#include "tflite/emission_order.h"
#include "tflite/tensor_type.h"

namespace atl {

using flatbuffers::Offset;

uint32_t FileParts::operator_code(const TfliteOp& op) {
  const auto [it, added] = code_ids.try_emplace({int(op.code), op.custom_code, op.version}, uint32_t(codes.size()));
  if (added) {
    const auto custom = op.custom_code.empty() ? Offset<flatbuffers::String>() : fbb.CreateString(op.custom_code);
    codes.push_back(tflite::CreateOperatorCode(fbb, int8_t(std::min(int(op.code), 127)), custom, op.version, op.code));
  }
  return it->second;
}

int32_t FileParts::subgraph_number(const GraphPtr& graph) {
  const auto known = std::find_if(nested.begin(), nested.end(), [&](const Nested& n) { return n.graph == graph; });
  const auto number = first_nested + size_t(known - nested.begin());
  if (known == nested.end()) nested.push_back({graph, nullptr});
  return int32_t(number);
}

int32_t FileParts::initializer_number(const Graph& graph) {
  nested.push_back({nullptr, &graph});
  return int32_t(first_nested + nested.size() - 1);
}

SubgraphBuilder::SubgraphBuilder(const Graph& graph, FileParts& file) : graph_(graph), file_(file) {
  uint32_t slots = 0;
  for (uint32_t id = 0; id < graph.size(); ++id) {
    first_slot_.push_back(slots);
    slots += uint32_t(graph[id].out.size());
  }
  tensor_of_.assign(slots, -1);
  port_name_.resize(slots);
}

int32_t SubgraphBuilder::add_tensor(Type type, const std::string& wish) {
  tensors_.push_back({std::move(type), names_.unique(wish), 0, false, nullptr});
  return int32_t(tensors_.size() - 1);
}

int32_t SubgraphBuilder::add_value_tensor(Value v, const std::string& wish) {
  const std::string& reserved = port_name_[first_slot_[v.node] + v.index];
  if (reserved.empty()) return slot(v) = add_tensor(graph_.type(v), wish);
  tensors_.push_back({graph_.type(v), reserved, 0, false, nullptr});
  return slot(v) = int32_t(tensors_.size() - 1);
}

std::string SubgraphBuilder::wish_for(Value v) const {
  const Origin& o = graph_.origin_of(v);
  if (!o.module_path.empty()) return o.module_path;
  return o.node.empty() ? std::string(def_of(*graph_[v].op).name) : o.node;
}

Result<int32_t> SubgraphBuilder::constant_tensor(const ConstantPtr& c, const std::string& wish) {
  TRY(const uint32_t buffer, file_.buffers.add(c));
  const auto known = [&](const std::string& name) -> std::optional<int32_t> {
    const auto [first, last] = constants_.equal_range({buffer, name});
    for (auto it = first; it != last; ++it)
      if (tensors_[size_t(it->second)].type == c->type()) return it->second;
    return std::nullopt;
  };
  if (const auto tensor = known(wish)) return *tensor;
  const bool first_of_type = wish.empty() || !known({});
  const int32_t tensor = add_tensor(c->type(), wish.empty() ? "const" : wish);
  tensors_.back().buffer = buffer;
  constants_.emplace(std::pair(buffer, tensors_.back().name), tensor);
  if (first_of_type) constants_.emplace(std::pair(buffer, ""), tensor);
  return tensor;
}

Result<int32_t> SubgraphBuilder::source_tensor(Value v) {
  const Node& node = graph_[v];
  const int32_t tensor = add_value_tensor(v, wish_for(v));
  tensors_.back().source = static_cast<const Opaque*>(node.op.get());
  if (node.in.empty()) return tensor;
  const Constant* content = graph_.constant(node.in[0]);
  if (!content) return error(Code::kInternal, "the content of a kept tensor is not constant");
  TRY(tensors_.back().buffer, file_.buffers.add(graph_.constant_ptr(node.in[0])));
  return tensor;
}

Result<int32_t> SubgraphBuilder::operand_tensor(Value v) {
  if (slot(v) >= 0) return slot(v);
  if (const ConstantPtr& c = graph_.constant_ptr(v)) {
    if (port_name_[first_slot_[v.node] + v.index].empty()) {
      TRY(slot(v), constant_tensor(c, c->name()));
      return slot(v);
    }
    TRY(const uint32_t buffer, file_.buffers.add(c));
    add_value_tensor(v, {});
    tensors_.back().buffer = buffer;
    return slot(v);
  }
  if (!is_source(graph_, v.node)) return error(Code::kInternal, "an operand is used before it is computed");
  return source_tensor(v);
}

Result<int32_t> SubgraphBuilder::variable_tensor(Value v, uint32_t user) {
  if (graph_[v].constant || graph_.is(v, OpCode::kInput))
    return error(Code::kInternal, "a variable operand must be computed by an operator that writes it before every run");
  for (const Use& use : is_source(graph_, v.node) ? std::vector<Use>() : graph_.uses(v))
    if (use.node != user && (use.node == kGraphOutput || !graph_[use.node].dead))
      return error(Code::kInternal, "a variable operand is used by something else, too");
  TRY(const int32_t tensor, operand_tensor(v));
  tensors_[size_t(tensor)].variable = true;
  return tensor;
}

Result<std::vector<int32_t>> SubgraphBuilder::add_operands(uint32_t id, const TfliteOp& op) {
  const Node& node = graph_[id];
  std::vector<int32_t> out;
  for (const TfliteOperand& o : op.operands) {
    if (o.kind == TfliteOperand::Kind::kInput && (o.input < 0 || size_t(o.input) >= node.in.size()))
      return error(Code::kInternal, fmt::format("emit names operand {} of {}", o.input, node.in.size()));
    if (o.kind == TfliteOperand::Kind::kConstant) {
      TRY(const int32_t t, constant_tensor(Constant::of(o.value), {}));
      out.push_back(t);
    } else if (o.kind == TfliteOperand::Kind::kAbsent || !node.in[size_t(o.input)].valid()) {
      out.push_back(-1);
    } else {
      const Value v = node.in[size_t(o.input)];
      TRY(const int32_t t, o.variable ? variable_tensor(v, id) : operand_tensor(v));
      out.push_back(t);
    }
  }
  return out;
}

Result<std::vector<int32_t>> SubgraphBuilder::add_results(uint32_t id, const TfliteOp& op,
                                                          const std::vector<int32_t>& operands) {
  const Node& node = graph_[id];
  if (op.updated.size() > node.out.size()) return error(Code::kInternal, "more updated operands than results");
  const size_t plain = node.out.size() - op.updated.size();
  std::vector<int32_t> out;
  for (uint32_t i = 0; i < node.out.size(); ++i) {
    const Value v{id, i};
    if (i >= plain) {
      const size_t position = size_t(op.updated[i - plain]);
      if (position >= operands.size() || operands[position] < 0) return error(Code::kInternal, "an updated operand is absent");
      slot(v) = operands[position];
      continue;
    }
    add_value_tensor(v, wish_for(v));
    out.push_back(slot(v));
  }
  return out;
}

Status SubgraphBuilder::add_operator(uint32_t id) {
  const Node& node = graph_[id];
  Types types;
  for (Value v : node.in) types.push_back(v.valid() ? graph_.type(v) : Type{DType::kUnknown, {}, {}});
  TRY(TfliteOp op, def_of(*node.op).emit(*node.op, types));
  std::vector<int32_t> subgraphs;
  for (const GraphPtr& g : op.graphs) subgraphs.push_back(file_.subgraph_number(g));
  if (op.link) op.link(op, subgraphs);
  TRY(const std::vector<int32_t> operands, add_operands(id, op));
  TRY(const std::vector<int32_t> results, add_results(id, op, operands));
  std::vector<int32_t> intermediates;
  for (const Type& t : op.intermediates) intermediates.push_back(add_tensor(t, "intermediate"));

  write_operator(std::move(op), operands, results, intermediates);
  return {};
}

void SubgraphBuilder::write_operator(TfliteOp op, const std::vector<int32_t>& operands, const std::vector<int32_t>& results,
                                     const std::vector<int32_t>& intermediates) {
  auto& fbb = file_.fbb;
  const uint32_t code = file_.operator_code(op);
  const auto in = fbb.CreateVector(operands), out = fbb.CreateVector(results);
  const auto between = intermediates.empty() ? Offset<flatbuffers::Vector<int32_t>>() : fbb.CreateVector(intermediates);
  const auto options = op.options.Pack(fbb), options2 = op.options2.Pack(fbb);
  const auto custom = op.custom_options.empty() ? Offset<flatbuffers::Vector<uint8_t>>() : fbb.CreateVector(op.custom_options);
  operators_.push_back(tflite::CreateOperator(fbb, code, in, out, op.options.type, options, custom,
                                              tflite::CustomOptionsFormat::FLEXBUFFERS, 0, between, 0, 0, op.options2.type,
                                              options2));
}

int32_t SubgraphBuilder::add_handle(const State& state) {
  const int32_t handle = add_tensor(Type{DType::kResource, {}, {}}, state.name + ":handle");
  tflite::VarHandleOptionsT options;
  options.shared_name = state.name;
  write_operator(TfliteOp(tflite::BuiltinOperator::VAR_HANDLE, 1, 0, std::move(options)), {}, {handle});
  return handle;
}

// A state's input is what its variable holds.
void SubgraphBuilder::read_states() {
  if (graph_.states().empty()) return;
  tflite::CallOnceOptionsT options;
  options.init_subgraph_index = file_.initializer_number(graph_);
  write_operator(TfliteOp(tflite::BuiltinOperator::CALL_ONCE, 1, 0, std::move(options)), {}, {});
  for (const State& s : graph_.states()) {
    handles_.push_back(add_handle(s));
    const Value v = graph_.inputs()[s.input].value;
    slot(v) = add_tensor(graph_.type(v), s.name);
    write_operator(TfliteOp(tflite::BuiltinOperator::READ_VARIABLE, 1, 1, tflite::ReadVariableOptionsT{}), {handles_.back()},
                   {slot(v)});
  }
}

// Behind everything else: a state's output becomes what its variable holds.
Status SubgraphBuilder::assign_states() {
  for (size_t i = 0; i < graph_.states().size(); ++i) {
    TRY(const int32_t t, operand_tensor(graph_.outputs()[graph_.states()[i].output].value));
    write_operator(TfliteOp(tflite::BuiltinOperator::ASSIGN_VARIABLE, 1, 2, tflite::AssignVariableOptionsT{}), {handles_[i], t},
                   {});
  }
  return {};
}

Result<Offset<tflite::SubGraph>> SubgraphBuilder::build_initializer() {
  for (const State& s : graph_.states()) {
    const int32_t handle = add_handle(s);
    TRY(const int32_t value, constant_tensor(s.initial, s.name));
    write_operator(TfliteOp(tflite::BuiltinOperator::ASSIGN_VARIABLE, 1, 2, tflite::AssignVariableOptionsT{}), {handle, value},
                   {});
  }
  TRY(const auto tensors, write_tensors());
  return finish(graph_.name + " states", tensors);
}

namespace {

Result<std::vector<int32_t>> dims_of(const Type& t, const std::string& name, int32_t dynamic) {
  std::vector<int32_t> dims;
  for (int64_t d : t.shape) {
    if (d > std::numeric_limits<int32_t>::max() || (d < 0 && d != kDynamic))
      return error(Code::kTooLarge,
                   fmt::format("tensor '{}' of type {} has an axis that a .tflite file cannot hold", name, to_string(t)));
    dims.push_back(d == kDynamic ? dynamic : int32_t(d));
  }
  return dims;
}

}  // namespace

Result<Offset<tflite::Tensor>> SubgraphBuilder::write_source_tensor(const TensorEntry& t) {
  const std::vector<uint8_t> packed(t.source->bytes.begin(), t.source->bytes.end());
  flatbuffers::Verifier verifier(packed.data(), packed.size());
  if (!verifier.VerifyBuffer<tflite::Tensor>(nullptr)) return error(Code::kGraph, "a kept tensor is damaged");
  tflite::TensorT tensor;
  flatbuffers::GetRoot<tflite::Tensor>(packed.data())->UnPackTo(&tensor);
  if (tensor.quantization && tensor.quantization->details.type != tflite::QuantizationDetails::NONE)
    return error(Code::kUnsupportedForm,
                 fmt::format("tensor '{}' is quantized by blocks, which cannot be written yet", t.name));
  tensor.name = t.name;
  tensor.buffer = t.buffer;
  return tflite::CreateTensor(file_.fbb, &tensor);
}

Result<Offset<tflite::Tensor>> SubgraphBuilder::write_tensor(const TensorEntry& t) {
  if (t.source) return write_source_tensor(t);
  auto& fbb = file_.fbb;
  TRY(const tflite::TensorType type, to_tensor_type(t.type.dtype));
  TRY(const std::vector<int32_t> dims, dims_of(t.type, t.name, 1));
  const auto name = fbb.CreateString(t.name);
  Offset<tflite::QuantizationParameters> quant;
  if (t.type.quant && !t.type.quant->scale.empty()) {
    std::vector<int64_t> zero = t.type.quant->zero_point;
    zero.resize(t.type.quant->scale.size(), zero.size() == 1 ? zero[0] : 0);
    const auto scales = fbb.CreateVector(t.type.quant->scale);
    const auto zeros = fbb.CreateVector(zero);
    quant = tflite::CreateQuantizationParameters(fbb, 0, 0, scales, zeros, tflite::QuantizationDetails::NONE, 0,
                                                 t.type.quant->axis);
  }
  Offset<flatbuffers::Vector<int32_t>> signature;
  if (!is_static(t.type.shape)) {
    TRY(const std::vector<int32_t> open, dims_of(t.type, t.name, -1));
    signature = fbb.CreateVector(open);
  }
  const auto shape = fbb.CreateVector(dims);
  return tflite::CreateTensor(fbb, shape, type, t.buffer, name, quant, t.variable, 0, signature, true);
}

Result<std::vector<Offset<tflite::Tensor>>> SubgraphBuilder::write_tensors() {
  std::vector<Offset<tflite::Tensor>> tensors;
  for (const TensorEntry& t : tensors_) {
    TRY(auto written, write_tensor(t));
    tensors.push_back(written);
  }
  return tensors;
}

Offset<tflite::SubGraph> SubgraphBuilder::finish(const std::string& subgraph_name,
                                                 const std::vector<Offset<tflite::Tensor>>& tensors) {
  auto& fbb = file_.fbb;
  file_.tensors += tensors_.size();
  file_.operators += operators_.size();
  const auto all = fbb.CreateVector(tensors);
  const auto in = fbb.CreateVector(inputs_), out = fbb.CreateVector(outputs_);
  const auto operators = fbb.CreateVector(operators_);
  const auto name = fbb.CreateString(subgraph_name);
  return tflite::CreateSubGraph(fbb, all, in, out, operators, name);
}

Result<Offset<tflite::SubGraph>> SubgraphBuilder::build() {
  for (size_t i = 0; i < graph_.inputs().size(); ++i) {
    const Port& p = graph_.inputs()[i];
    if (graph_.is_state_input(i)) continue;
    if (slot(p.value) < 0) slot(p.value) = add_tensor(graph_.type(p.value), p.name);
    inputs_.push_back(slot(p.value));
  }
  for (size_t i = 0; i < graph_.outputs().size(); ++i) {
    const Port& p = graph_.outputs()[i];
    if (graph_.is_state_output(i)) continue;
    std::string& name = port_name_[first_slot_[p.value.node] + p.value.index];
    if (name.empty() && slot(p.value) < 0) name = names_.unique(p.name.empty() ? "output" : p.name);
  }
  read_states();
  for (uint32_t id : emission_order(graph_)) {
    Status added = add_operator(id);
    if (!added)
      return std::move(added.error())
          .at(graph_.origin(graph_[id].origin))
          .in(fmt::format("while writing {} {{{}}}", def_of(*graph_[id].op).name,
                          def_of(*graph_[id].op).print(*graph_[id].op)));
  }
  for (size_t i = 0; i < graph_.outputs().size(); ++i) {
    if (graph_.is_state_output(i)) continue;
    TRY(const int32_t t, operand_tensor(graph_.outputs()[i].value));
    outputs_.push_back(t);
  }
  TRY_STATUS(assign_states());
  TRY(const auto tensors, write_tensors());
  return finish(graph_.name, tensors);
}

}  // namespace atl
