#include "tflite/subgraph_builder.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>

#include "ir/basic_ops.h"
#include "tflite/emission_order.h"
#include "tflite/open_slice.h"
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

int32_t FileParts::subgraph_number(const std::vector<GraphPtr>& members, size_t largest) {
  const auto known = std::find_if(nested.begin(), nested.end(), [&](const Nested& n) { return n.members == members; });
  const auto number = first_nested + size_t(known - nested.begin());
  if (known == nested.end()) nested.push_back({members, nullptr, largest});
  return int32_t(number);
}

int32_t FileParts::initializer_number(const Graph& graph) {
  nested.push_back({{}, &graph, 0});
  return int32_t(first_nested + nested.size() - 1);
}

SubgraphBuilder::SubgraphBuilder(SizeFamily family, const OpenSizes& open, FileParts& file)
    : family_(std::move(family)),
      open_(open),
      graph_(family_.first()),
      file_(file),
      shapes_(
          [this](const TfliteOp& op, const std::vector<int32_t>& operands, const Type& result) -> Result<int32_t> {
            const int32_t tensor = add_tensor(result, "size");
            write_operator(op, operands, {tensor});
            return tensor;
          },
          [this](const Tensor& t) { return constant_tensor(Constant::of(t), {}); }),
      open_constants_(
          shapes_,
          [this](const TfliteOp& op, const std::vector<int32_t>& operands, const Type& result) -> Result<int32_t> {
            const int32_t tensor = add_tensor(result, "sized");
            write_operator(op, operands, {tensor});
            return tensor;
          },
          [this](const Tensor& t) { return constant_tensor(Constant::of(t), {}); }, open.largest) {
  uint32_t slots = 0;
  for (uint32_t id = 0; id < graph_.size(); ++id) {
    first_slot_.push_back(slots);
    slots += uint32_t(graph_[id].out.size());
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
  const Type type = graph_[v].constant || is_source(graph_, v.node) ? graph_.type(v) : family_.open_type(v);
  if (reserved.empty()) return slot(v) = add_tensor(type, wish);
  tensors_.push_back({type, reserved, 0, false, nullptr});
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

Result<int32_t> SubgraphBuilder::member_constants(Value v, std::vector<ConstantPtr> values) {
  const auto equal = [&](const ConstantPtr& c) -> Result<bool> {
    if (c->type() != values[0]->type()) return false;
    if (c->same_content(*values[0])) return true;
    TRY(const Tensor a, c->materialize());
    TRY(const Tensor b, values[0]->materialize());
    return a.byte_count() == b.byte_count() && (a.byte_count() == 0 || std::memcmp(a.bytes(), b.bytes(), a.byte_count()) == 0);
  };
  bool all_equal = true;
  for (size_t m = 1; all_equal && m < values.size(); ++m) {
    TRY(all_equal, equal(values[m]));
  }
  const auto known = differing_.find(v);
  if (all_equal && known == differing_.end()) return operand_tensor(v);
  if (known == differing_.end()) {
    if (slot(v) >= 0) return error(Code::kSymbolic, "two constants are one at some sizes only");
    TRY(slot(v), open_constants_.data(values));
    differing_.emplace(v, std::move(values));
    return slot(v);
  }
  for (size_t m = 0; m < values.size(); ++m)
    if (!known->second[m]->same_content(*values[m]) && known->second[m] != values[m])
      return error(Code::kSymbolic, "two constants are one at some sizes only");
  return slot(v);
}

Result<int32_t> SubgraphBuilder::graph_operand(uint32_t id, size_t input, bool variable) {
  const Value v = graph_[id].in[input];
  if (variable) return variable_tensor(v, id);
  if (family_.size() == 1 || !graph_[v].constant) return operand_tensor(v);
  std::vector<ConstantPtr> values;
  for (size_t m = 0; m < family_.size(); ++m) {
    const Graph& g = family_.member(m);
    values.push_back(g.constant_ptr(g[family_.node(m, id)].in[input]));
  }
  return member_constants(v, std::move(values));
}

Result<int32_t> SubgraphBuilder::constant_operand(const std::vector<TfliteOp>& ops, size_t position) {
  Tensors values;
  for (const TfliteOp& op : ops) values.push_back(op.operands[position].value);
  const Tensor& first = values[0];
  const bool equal = std::all_of(values.begin(), values.end(), [&](const Tensor& t) {
    return t.type() == first.type() &&
           (first.byte_count() == 0 || std::memcmp(t.bytes(), first.bytes(), first.byte_count()) == 0);
  });
  if (equal) return constant_tensor(Constant::of(first), {});
  return open_constants_.operand(ops[0].code, values);
}

Result<std::vector<int32_t>> SubgraphBuilder::add_operands(uint32_t id, const std::vector<TfliteOp>& ops) {
  const Node& node = graph_[id];
  std::vector<int32_t> out;
  for (size_t i = 0; i < ops[0].operands.size(); ++i) {
    const TfliteOperand& o = ops[0].operands[i];
    if (o.kind == TfliteOperand::Kind::kInput && (o.input < 0 || size_t(o.input) >= node.in.size()))
      return error(Code::kInternal, fmt::format("emit names operand {} of {}", o.input, node.in.size()));
    if (o.kind == TfliteOperand::Kind::kConstant) {
      TRY(const int32_t t, constant_operand(ops, i));
      out.push_back(t);
    } else if (o.kind == TfliteOperand::Kind::kAbsent || !node.in[size_t(o.input)].valid()) {
      out.push_back(-1);
    } else {
      TRY(const int32_t t, graph_operand(id, size_t(o.input), o.variable));
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

namespace {

// What an operator is but for its operands' values.
std::vector<uint8_t> packed_form(const TfliteOp& op) {
  flatbuffers::FlatBufferBuilder fbb;
  const auto options = op.options.Pack(fbb), options2 = op.options2.Pack(fbb);
  const auto custom = fbb.CreateVector(op.custom_options);
  fbb.Finish(tflite::CreateOperator(fbb, uint32_t(op.code), 0, 0, op.options.type, options, custom,
                                    tflite::CustomOptionsFormat::FLEXBUFFERS, 0, 0, 0, 0, op.options2.type, options2));
  return {fbb.GetBufferPointer(), fbb.GetBufferPointer() + fbb.GetSize()};
}

bool same_operands(const TfliteOp& a, const TfliteOp& b) {
  return std::equal(a.operands.begin(), a.operands.end(), b.operands.begin(), b.operands.end(),
                    [](const TfliteOperand& x, const TfliteOperand& y) {
                      return x.kind == y.kind && x.input == y.input && x.variable == y.variable;
                    });
}

}  // namespace

// The node's operator in every member; they differ at most in the values of constant operands.
Result<std::vector<TfliteOp>> SubgraphBuilder::emit_members(uint32_t id) const {
  std::vector<TfliteOp> ops;
  Types first_operands;
  for (size_t m = 0; m < family_.size(); ++m) {
    const Graph& g = family_.member(m);
    const Node& node = g[family_.size() == 1 ? id : family_.node(m, id)];
    Types types = g.types(node.in);
    TRY(TfliteOp op, def_of(*node.op).emit(*node.op, types));
    ops.push_back(std::move(op));
    if (!types.empty()) first_operands.push_back(std::move(types[0]));
  }
  if (family_.size() == 1) return ops;
  using Code = tflite::BuiltinOperator;
  const auto is_slice = [](const TfliteOp& op) { return op.code == Code::SLICE || op.code == Code::STRIDED_SLICE; };
  if (std::ranges::all_of(ops, [&](const TfliteOp& op) { return is_slice(op) && op.code == ops[0].code; }))
    open_slice(ops, first_operands);
  for (TfliteOp& op : ops) drop_repeated_operand(op);
  const std::vector<uint8_t> form = packed_form(ops[0]);
  for (const TfliteOp& op : ops)
    if (op.version != ops[0].version || !same_operands(op, ops[0]) || op.updated != ops[0].updated || packed_form(op) != form)
      return error(atl::Code::kSymbolic,
                   fmt::format("LiteRT's {} has fields that depend on the open sizes",
                               op.code == Code::CUSTOM ? op.custom_code : tflite::EnumNameBuiltinOperator(op.code)));
  return ops;
}

void SubgraphBuilder::write_operator(const TfliteOp& op, const std::vector<int32_t>& operands,
                                     const std::vector<int32_t>& results) {
  std::vector<int32_t> intermediates;
  for (const Type& t : op.intermediates) intermediates.push_back(add_tensor(t, "intermediate"));
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

Status SubgraphBuilder::add_operator(uint32_t id) {
  TRY(std::vector<TfliteOp> ops, emit_members(id));
  link_graphs(ops);
  TRY(std::vector<int32_t> operands, add_operands(id, ops));
  // LiteRT sizes its results only when it runs where the operand says that it is open.
  if (ops[0].code == tflite::BuiltinOperator::TOPK_V2 && !operands.empty()) {
    TRY(operands[0], without_open_axes(operands[0]));
  }
  TRY(const std::vector<int32_t> results, add_results(id, ops[0], operands));
  write_operator(ops[0], operands, results);
  for (uint32_t i = 0; i < graph_[id].out.size(); ++i) offer_sizes({id, i});
  return {};
}

// The graphs of an operator become subgraphs, each of all members.
void SubgraphBuilder::link_graphs(std::vector<TfliteOp>& ops) {
  std::vector<int32_t> subgraphs;
  for (size_t i = 0; i < ops[0].graphs.size(); ++i) {
    std::vector<GraphPtr> members;
    for (const TfliteOp& op : ops) members.push_back(op.graphs[i]);
    subgraphs.push_back(file_.subgraph_number(members, open_.largest));
  }
  if (ops[0].link) ops[0].link(ops[0], subgraphs);
}

Result<int32_t> SubgraphBuilder::without_open_axes(int32_t tensor) {
  const Type type = tensors_[size_t(tensor)].type;
  if (is_static(type.shape)) return tensor;
  const bool is_output = std::ranges::any_of(graph_.outputs(), [&](const Port& p) { return slot(p.value) == tensor; });
  if (!is_output && std::ranges::find(inputs_, tensor) == inputs_.end()) {
    tensors_[size_t(tensor)].hides_open = true;
    return tensor;
  }
  // The interface does say it, so that this is a copy.
  const int32_t copy = add_tensor(type, "sized");
  tensors_[size_t(copy)].hides_open = true;
  std::vector<int64_t> same(type.rank());
  std::iota(same.begin(), same.end(), 0);
  TRY(const int32_t order, constant_tensor(Constant::of(Tensor::of_i32(same)), {}));
  write_operator(TfliteOp(tflite::BuiltinOperator::TRANSPOSE, 1, 1, tflite::TransposeOptionsT{}), {tensor, order}, {copy});
  return copy;
}

void SubgraphBuilder::offer_sizes(Value v) {
  if (family_.size() == 1) return;
  const size_t rank = graph_.type(v).rank();
  for (size_t a = 0; a < rank; ++a) shapes_.offer(family_.axis(v, a), slot(v), a, rank);
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
    return error(Code::kUnsupportedForm, fmt::format("tensor '{}' is quantized by blocks, which Atoll does not write", t.name),
                 "take the float model that it was made of");
  tensor.name = t.name;
  tensor.buffer = t.buffer;
  return tflite::CreateTensor(file_.fbb, &tensor);
}

Result<Offset<tflite::Tensor>> SubgraphBuilder::write_tensor(const TensorEntry& t) {
  if (t.source) return write_source_tensor(t);
  auto& fbb = file_.fbb;
  TRY(const tflite::TensorType type, to_tensor_type(t.type.dtype));
  Type shown = t.type;
  if (!t.shown.empty()) shown.shape = t.shown;
  TRY(const std::vector<int32_t> dims, dims_of(shown, t.name, 1));
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
  if (!is_static(t.type.shape) && !t.hides_open) {
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
    if (slot(p.value) < 0) {
      slot(p.value) = add_tensor(family_.open_type(p.value), p.name);
      if (family_.size() > 1) tensors_.back().shown = i < open_.shown.size() ? open_.shown[i] : graph_.type(p.value).shape;
      offer_sizes(p.value);
    }
    inputs_.push_back(slot(p.value));
  }
  for (size_t i = 0; i < graph_.outputs().size(); ++i) {
    const Port& p = graph_.outputs()[i];
    if (graph_.is_state_output(i)) continue;
    std::string& name = port_name_[first_slot_[p.value.node] + p.value.index];
    if (name.empty() && slot(p.value) < 0) name = names_.unique(p.name.empty() ? "output" : p.name);
  }
  read_states();
  for (uint32_t id : family_.order()) {
    Status added = add_operator(id);
    if (!added)
      return std::move(added.error())
          .at(graph_.origin(graph_[id].origin))
          .in(fmt::format("while writing {} {{{}}}", def_of(*graph_[id].op).name,
                          def_of(*graph_[id].op).print(*graph_[id].op)));
  }
  for (size_t i = 0; i < graph_.outputs().size(); ++i) {
    if (graph_.is_state_output(i)) continue;
    const Value v = graph_.outputs()[i].value;
    if (family_.size() > 1 && graph_[v].constant) {
      std::vector<ConstantPtr> values;
      for (size_t m = 0; m < family_.size(); ++m)
        values.push_back(family_.member(m).constant_ptr(family_.member(m).outputs()[i].value));
      TRY(const int32_t t, member_constants(v, std::move(values)));
      outputs_.push_back(t);
      continue;
    }
    TRY(const int32_t t, operand_tensor(v));
    outputs_.push_back(t);
  }
  TRY_STATUS(assign_states());
  TRY(const auto tensors, write_tensors());
  return finish(graph_.name, tensors);
}

}  // namespace atl
