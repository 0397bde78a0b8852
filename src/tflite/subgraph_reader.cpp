#include "tflite/subgraph_reader.h"

#include <algorithm>
#include <map>

#include "ops/opaque.h"
#include "ops/shape.h"

namespace atl {
namespace {

using tflite::BuiltinOperator;

constexpr size_t kDecodedConstantBytes = 65536;

Error damaged(std::string what) { return error(Code::kTflite, std::move(what), "fetch or convert the file again"); }

BuiltinOperator builtin_code(const tflite::OperatorCode& code) {
  return std::max(BuiltinOperator(code.deprecated_builtin_code()), code.builtin_code());
}

// Operators that change the variables among their operands.
bool updates_variables(BuiltinOperator code) {
  switch (code) {
    case BuiltinOperator::LSTM:
    case BuiltinOperator::UNIDIRECTIONAL_SEQUENCE_LSTM:
    case BuiltinOperator::BIDIRECTIONAL_SEQUENCE_LSTM:
    case BuiltinOperator::RNN:
    case BuiltinOperator::UNIDIRECTIONAL_SEQUENCE_RNN:
    case BuiltinOperator::BIDIRECTIONAL_SEQUENCE_RNN:
    case BuiltinOperator::SVDF:
    case BuiltinOperator::CUSTOM:
      return true;
    default:
      return false;
  }
}

// A hostile file may name a union's type and leave out its value, which packing does not survive.
void drop_empty_unions(tflite::TensorT& t) {
  if (t.quantization && !t.quantization->details.value) t.quantization->details.Reset();
  if (!t.sparsity) return;
  for (auto& axis : t.sparsity->dim_metadata) {
    if (!axis->array_segments.value) axis->array_segments.Reset();
    if (!axis->array_indices.value) axis->array_indices.Reset();
  }
}

bool is_aligned(const void* p, DType t) {
  const size_t width = std::max<size_t>(1, size_t(bits(t)) / 8);
  return reinterpret_cast<uintptr_t>(p) % width == 0;
}

}  // namespace

Status SubgraphReader::check_tensor(int32_t index, std::string_view what) const {
  if (index >= 0 && size_t(index) < tensors_.size()) return {};
  return damaged(fmt::format("{} is tensor {} of {}", what, index, tensors_.size()));
}

Status SubgraphReader::read_tensors() {
  for (size_t i = 0; i < size_of(subgraph_.tensors()); ++i) {
    TRY(FileTensor t, file_.tensor(subgraph_.tensors()->Get(flatbuffers::uoffset_t(i))));
    tensors_.push_back(std::move(t));
  }
  values_.resize(tensors_.size());
  return {};
}

Status SubgraphReader::find_last_reads() {
  last_reads_.assign(tensors_.size(), 0);
  changing_.assign(tensors_.size(), false);
  const size_t operators = size_of(subgraph_.operators());
  for (size_t i = 0; i < operators; ++i) {
    const tflite::Operator& op = *subgraph_.operators()->Get(flatbuffers::uoffset_t(i));
    const auto* in = op.inputs();
    TRY(const tflite::OperatorCode* code, code_of(op));
    const bool updates = updates_variables(builtin_code(*code));
    TRY_STATUS(file_.charge(4 * uint64_t(size_of(in))));
    for (size_t k = 0; k < size_of(in); ++k) {
      const int32_t t = in->Get(flatbuffers::uoffset_t(k));
      if (t < 0 || size_t(t) >= tensors_.size()) continue;
      last_reads_[size_t(t)] = i;
      if (updates) changing_[size_t(t)] = true;
    }
  }
  for (size_t k = 0; k < size_of(subgraph_.outputs()); ++k) {
    const int32_t t = subgraph_.outputs()->Get(flatbuffers::uoffset_t(k));
    TRY_STATUS(check_tensor(t, fmt::format("output {}", k)));
    last_reads_[size_t(t)] = operators;
  }
  return {};
}

std::vector<std::string> SubgraphReader::port_names(
    const flatbuffers::Vector<int32_t>* tensors,
    const flatbuffers::Vector<flatbuffers::Offset<tflite::TensorMap>>* maps) const {
  std::multimap<uint32_t, std::string> named;
  for (size_t i = 0; i < size_of(maps); ++i) {
    const auto* entry = maps->Get(flatbuffers::uoffset_t(i));
    if (entry->name()) named.emplace(entry->tensor_index(), entry->name()->str());
  }
  std::vector<std::string> out;
  for (size_t i = 0; i < size_of(tensors); ++i) {
    const uint32_t t = uint32_t(tensors->Get(flatbuffers::uoffset_t(i)));
    const auto it = named.lower_bound(t);
    if (it == named.end() || it->first != t) {
      out.push_back(t < tensors_.size() ? tensors_[t].name : std::string());
    } else {
      out.push_back(it->second);
      if (named.count(t) > 1) named.erase(it);
    }
  }
  return out;
}

Status SubgraphReader::read_inputs() {
  const auto names = port_names(subgraph_.inputs(), signature_ ? signature_->inputs() : nullptr);
  for (size_t i = 0; i < size_of(subgraph_.inputs()); ++i) {
    const int32_t t = subgraph_.inputs()->Get(flatbuffers::uoffset_t(i));
    TRY_STATUS(check_tensor(t, fmt::format("input {}", i)));
    if (values_[size_t(t)].valid()) return damaged(fmt::format("tensor '{}' is an input twice", tensors_[size_t(t)].name));
    values_[size_t(t)] = graph_.add_input(names[i], tensors_[size_t(t)].type);
  }
  return {};
}

Result<ConstantPtr> SubgraphReader::constant_of(const FileTensor& t, Type type, std::span<const std::byte> bytes) {
  if (is_aligned(bytes.data(), type.dtype))
    return Constant::of(Tensor::view(std::move(type), bytes.data(), file_.owner()), t.name);
  TRY_STATUS(file_.charge(bytes.size()));
  Tensor copy = Tensor::make(std::move(type));
  std::copy(bytes.begin(), bytes.end(), copy.mutable_bytes());
  return Constant::of(std::move(copy), t.name);
}

// A tensor that no operator writes.
Result<Value> SubgraphReader::add_source(int32_t tensor) {
  const FileTensor& t = tensors_[size_t(tensor)];
  if (t.has_content && !t.odd && !t.variable) {
    TRY(auto c, constant_of(t, t.type, t.content));
    return graph_.add_constant(std::move(c));
  }
  if (!t.variable && !(t.odd && t.has_content))
    return damaged(fmt::format("nothing writes tensor '{}', which is read", t.name));
  // LiteRT fills variables with zeros when it loads a file.
  if (!t.has_content && !t.odd && !t.type.quant && is_static(t.type.shape) && !changing_[size_t(tensor)]) {
    TRY(const size_t bytes, byte_size(t.type));
    TRY_STATUS(file_.charge(bytes));
    Tensor zeros = Tensor::make(t.type);
    std::fill_n(zeros.mutable_bytes(), bytes, std::byte{0});
    return graph_.add_constant(Constant::of(std::move(zeros), t.name));
  }
  return add_file_tensor(tensor);
}

// A tensor that no operator writes, kept as it stands in the file.
Result<Value> SubgraphReader::add_file_tensor(int32_t tensor) {
  const FileTensor& t = tensors_[size_t(tensor)];
  Values content;
  if (t.has_content) {
    TRY(auto c, constant_of(t, Type{DType::kU8, {int64_t(t.content.size())}, {}}, t.content));
    content.push_back(graph_.add_constant(std::move(c)));
  }
  tflite::TensorT kept;
  t.table->UnPackTo(&kept);
  drop_empty_unions(kept);
  kept.buffer = 0;
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(tflite::CreateTensor(builder, &kept));
  TRY_STATUS(file_.charge(8 * uint64_t(builder.GetSize())));
  Opaque op;
  op.builtin = Opaque::kFileTensor;
  op.bytes.assign(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
  op.types = {encode_type(t.type)};
  const OriginId origin =
      graph_.add_origin({.module_path = t.name, .source_op = "tensor", .node = fmt::format("tensor{}", tensor)});
  TRY(const Values v, graph_.add(make_op(std::move(op)), std::move(content), origin));
  return v[0];
}

Result<Value> SubgraphReader::value_of(int32_t tensor) {
  Value& v = values_[size_t(tensor)];
  if (v.valid()) return v;
  TRY(v, add_source(tensor));
  return v;
}

Result<const tflite::OperatorCode*> SubgraphReader::code_of(const tflite::Operator& op) const {
  const auto* codes = file_.model().operator_codes();
  if (op.opcode_index() >= size_of(codes)) return damaged(fmt::format("there is no operator code {}", op.opcode_index()));
  return codes->Get(op.opcode_index());
}

Status SubgraphReader::look_up_code(Operator& op) {
  TRY(const tflite::OperatorCode* code, code_of(*op.table));
  op.node.code = builtin_code(*code);
  if (int(op.node.code) < 0) return damaged(fmt::format("an operator has the code {}", int(op.node.code)));
  op.node.version = code->version();
  op.custom_code = to_text(code->custom_code());
  return file_.charge(op.custom_code.size());
}

Status SubgraphReader::look_up_operands(Operator& op, size_t index) {
  TfliteNode& n = op.node;
  for (size_t i = 0; i < op.in.size(); ++i) {
    n.in.emplace_back();
    n.constants.emplace_back();
    n.variables.push_back(false);
    if (op.in[i] == -1) continue;
    TRY_STATUS(check_tensor(op.in[i], fmt::format("operand {}", i)));
    const FileTensor& t = tensors_[size_t(op.in[i])];
    TRY_STATUS(file_.charge(64 + (t.type.quant ? 12 * t.type.quant->scale.size() : 0)));
    n.in.back() = t.type;
    n.variables.back() = t.variable && updates_variables(n.code);
    if (n.variables.back() && last_reads_[size_t(op.in[i])] > index) n.updated.push_back(int(i));
    TRY(const Value v, value_of(op.in[i]));
    const Constant* c = graph_.constant(v);
    if (!c || t.content.size() > kDecodedConstantBytes) continue;
    TRY(n.constants.back(), c->materialize());
  }
  for (size_t i = 0; i < op.out.size(); ++i) {
    TRY_STATUS(check_tensor(op.out[i], fmt::format("result {}", i)));
    n.out.push_back(tensors_[size_t(op.out[i])].type);
  }
  for (int32_t t : op.options.intermediates) {
    TRY_STATUS(check_tensor(t, "an intermediate"));
    op.intermediates.push_back(tensors_[size_t(t)].type);
  }
  return {};
}

Result<SubgraphReader::Operator> SubgraphReader::look_up(size_t index) {
  Operator op;
  op.table = subgraph_.operators()->Get(flatbuffers::uoffset_t(index));
  TRY_STATUS(file_.charge(256 + uint64_t(size_of(op.table->custom_options())) + 4 * uint64_t(size_of(op.table->inputs())) +
                          4 * uint64_t(size_of(op.table->outputs())) + 4 * uint64_t(size_of(op.table->intermediates()))));
  const auto* unions = tflite::BuiltinOptions2TypeTable();
  const size_t kind = size_t(op.table->builtin_options_2_type());
  const int ref = kind < unions->num_elems ? unions->type_codes[kind].sequence_ref : -1;
  if (ref >= 0 && !has_aligned_vectors(op.table->builtin_options_2(), unions->type_refs[ref]()))
    return damaged("an operator's options are not aligned");
  op.table->UnPackTo(&op.options);
  if (!op.options.builtin_options.value) op.options.builtin_options.Reset();
  if (!op.options.builtin_options_2.value) op.options.builtin_options_2.Reset();
  TRY_STATUS(look_up_code(op));
  op.in = to_vector(op.table->inputs());
  op.out = to_vector(op.table->outputs());
  TRY_STATUS(look_up_operands(op, index));
  Origin origin{.source_op = tflite::EnumNameBuiltinOperator(op.node.code), .node = fmt::format("op{}", index)};
  if (op.node.code == BuiltinOperator::CUSTOM) origin.source_op = op.custom_code;
  if (!op.out.empty()) {
    // Outputs are named by their ports; the name that the other results derive from is that of the first of them.
    const auto is_inner = [&](int32_t t) { return last_reads_[size_t(t)] < size_of(subgraph_.operators()); };
    const auto inner = std::find_if(op.out.begin(), op.out.end(), is_inner);
    origin.module_path = tensors_[size_t(inner == op.out.end() ? op.out[0] : *inner)].name;
  }
  op.origin = graph_.add_origin(std::move(origin));
  return op;
}

// False when `def` does not express the operator as it stands in the file.
Result<bool> SubgraphReader::add_decoded(const Operator& op, const OpDef& def) {
  const auto decoded = def.decode(op.node);
  if (!decoded) return false;
  Values in;
  Types types;
  for (int i : decoded->in) {
    if (i < 0 || size_t(i) >= op.in.size() || op.in[size_t(i)] < 0) {
      in.emplace_back();
      types.push_back(absent_type());
      continue;
    }
    TRY(const Value v, value_of(op.in[size_t(i)]));
    in.push_back(v);
    types.push_back(graph_.type(v));
  }
  OpPtr reshape;
  if (decoded->data_shape) {
    reshape = make_op(Reshape(*decoded->data_shape));
    auto seen = def_of(*reshape).infer(*reshape, std::span(types).first(1));
    if (!seen) return false;
    types[0] = std::move((*seen)[0]);
  }
  const OpDef& made = def_of(*decoded->op);
  auto results = made.infer(*decoded->op, types);
  if (!results) return false;
  auto written = made.emit(*decoded->op, types);
  if (!written) return false;
  Types expected = op.node.out;
  for (int i : written->updated) {
    if (size_t(i) >= op.in.size() || op.in[size_t(i)] < 0) return false;
    expected.push_back(tensors_[size_t(op.in[size_t(i)])].type);
  }
  // Parameters that live in intermediate tensors are no fields of an op.
  if (written->intermediates.size() == op.intermediates.size())
    for (size_t i = 0; i < op.intermediates.size(); ++i)
      if (written->intermediates[i].quant && written->intermediates[i].quant != op.intermediates[i].quant) return false;
  for (int i : op.node.updated)
    if (std::find(written->updated.begin(), written->updated.end(), i) == written->updated.end()) return false;
  if (*results != expected) return false;
  if (reshape) {
    TRY(const Values reshaped, graph_.add(reshape, {in[0]}, op.origin));
    in[0] = reshaped[0];
  }
  TRY(const Values values, graph_.add(decoded->op, std::move(in), op.origin));
  TRY_STATUS(bind_results(op, values, written->updated));
  return true;
}

Status SubgraphReader::add_opaque(Operator& op) {
  Types results = op.node.out;
  for (int i : op.node.updated) results.push_back(*op.node.in[size_t(i)]);
  TRY_STATUS(file_.charge(8 * uint64_t(op.options.custom_options.size())));
  Opaque kept =
      make_opaque(op.options, int(op.node.code), op.node.version, op.custom_code, op.node.variables, results, op.intermediates);
  kept.updated.assign(op.node.updated.begin(), op.node.updated.end());
  Values in;
  for (int32_t t : op.in) {
    in.emplace_back();
    if (t < 0) continue;
    TRY(in.back(), value_of(t));
  }
  TRY(const Values values, graph_.add(make_op(std::move(kept)), std::move(in), op.origin));
  return bind_results(op, values, op.node.updated);
}

Status SubgraphReader::bind_results(const Operator& op, const Values& results, const std::vector<int>& updated) {
  for (size_t i = 0; i < op.out.size(); ++i) {
    Value& v = values_[size_t(op.out[i])];
    if (v.valid()) return damaged(fmt::format("tensor '{}' is written twice", tensors_[size_t(op.out[i])].name));
    v = results[i];
  }
  for (size_t i = 0; i < updated.size(); ++i) values_[size_t(op.in[size_t(updated[i])])] = results[op.out.size() + i];
  return {};
}

Status SubgraphReader::read_operator(size_t index) {
  TRY(Operator op, look_up(index));
  op.node.options = &op.options.builtin_options;
  op.node.options2 = &op.options.builtin_options_2;
  op.node.subgraph = others_;
  for (const OpDef* def : all_ops()) {
    if (!def->decode) continue;
    TRY(const bool added, add_decoded(op, *def));
    if (added) return {};
  }
  return add_opaque(op);
}

Status SubgraphReader::read_outputs() {
  const auto names = port_names(subgraph_.outputs(), signature_ ? signature_->outputs() : nullptr);
  for (size_t i = 0; i < size_of(subgraph_.outputs()); ++i) {
    TRY(const Value v, value_of(subgraph_.outputs()->Get(flatbuffers::uoffset_t(i))));
    graph_.add_output(names[i], v);
  }
  return {};
}

Result<Graph> SubgraphReader::read() {
  TRY_STATUS(read_tensors());
  TRY_STATUS(find_last_reads());
  TRY_STATUS(read_inputs());
  for (size_t i = 0; i < size_of(subgraph_.operators()); ++i) {
    Status status = read_operator(i);
    if (!status) return std::move(status.error()).in(fmt::format("while reading operator {}", i));
  }
  TRY_STATUS(read_outputs());
  // Constants that became fields of an op are left without uses.
  for (uint32_t id = 0; id < graph_.size(); ++id)
    if (graph_[id].constant && graph_.uses({id, 0}).empty()) graph_.release(id);
  return std::move(graph_);
}

}  // namespace atl
