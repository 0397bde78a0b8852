#include "edgetpu/source_model.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "edgetpu/package.h"

namespace atl::edgetpu {
namespace {

Error damaged(std::string what) { return error(Code::kTflite, std::move(what), "fetch or convert the file again"); }

Result<SourceTensor> read_tensor(const FileView& file, const tflite::Tensor& t) {
  SourceTensor out;
  out.name = to_text(t.name());
  out.type = t.type();
  for (const int32_t d : to_vector(t.shape())) {
    if (d < -1) return damaged(fmt::format("tensor '{}' has a dimension of {}", out.name, d));
    out.shape.push_back(d);
  }
  const auto signature = to_vector(t.shape_signature());
  if (signature.size() == out.shape.size())
    for (size_t i = 0; i < signature.size(); ++i) {
      if (signature[i] >= 0) continue;
      if (i == 0 && out.shape[0] == 1)
        out.open_batch = true;
      else
        out.shape[i] = kDynamic;
    }
  int64_t count = 1;
  for (const int64_t d : out.shape)
    if (__builtin_mul_overflow(count, std::max<int64_t>(d, 1), &count) || count > (int64_t{1} << 40))
      return damaged(fmt::format("tensor '{}' is too large", out.name));
  TRY(out.content, file.buffer(t.buffer()));
  out.constant = !out.content.empty();
  out.variable = t.is_variable();
  if (t.quantization()) {
    out.scale = to_vector(t.quantization()->scale());
    if (!has_aligned_vectors(t.quantization(), tflite::QuantizationParametersTypeTable()))
      return damaged("zero points are not aligned");
    out.zero_point = to_vector(t.quantization()->zero_point());
  }
  out.per_channel = out.scale.size() > 1;
  return out;
}

Result<std::vector<int>> read_indices(const flatbuffers::Vector<int32_t>* v, size_t tensors, bool may_be_absent) {
  std::vector<int> out;
  for (const int32_t i : to_vector(v)) {
    if (i >= int64_t(tensors) || i < (may_be_absent ? -1 : 0)) return damaged(fmt::format("there is no tensor {}", i));
    out.push_back(i);
  }
  return out;
}

bool keeps_state(tflite::BuiltinOperator code) {
  return code == tflite::BuiltinOperator::CALL_ONCE || code == tflite::BuiltinOperator::ASSIGN_VARIABLE;
}

Status read_op(const FileView& file, const tflite::Operator& table, SourceModel& model) {
  const auto* codes = file.model().operator_codes();
  if (table.opcode_index() >= size_of(codes)) return damaged(fmt::format("there is no operator code {}", table.opcode_index()));
  const auto* code = codes->Get(table.opcode_index());
  SourceOp op;
  op.index = model.ops.size();
  op.table = &table;
  // Old files keep the code in a field of eight bits.
  op.code = std::max(code->builtin_code(), tflite::BuiltinOperator(code->deprecated_builtin_code()));
  op.version = code->version();
  op.name =
      op.code == tflite::BuiltinOperator::CUSTOM ? to_text(code->custom_code()) : tflite::EnumNameBuiltinOperator(op.code);
  if (op.name.empty()) op.name = fmt::format("operator {}", int(op.code));
  TRY(op.inputs, read_indices(table.inputs(), model.tensors.size(), true));
  TRY(op.outputs, read_indices(table.outputs(), model.tensors.size(), false));
  if (op.outputs.empty() && keeps_state(op.code))
    return error(Code::kUnsupportedForm,
                 fmt::format("the model keeps state between runs: operator {} ({}) has no result", op.index, op.name),
                 "make the state an input and an output of the model");
  if (op.outputs.empty()) return damaged(fmt::format("operator {} ({}) has no result", op.index, op.name));
  model.ops.push_back(std::move(op));
  return {};
}

// An open batch is that of the inputs. Behind inputs of fixed sizes, an operator sizes its result when it runs.
void tell_batch_from_results(SourceModel& model) {
  if (std::ranges::any_of(model.inputs, [&](int t) { return model.tensors[size_t(t)].open_batch; })) return;
  for (SourceTensor& t : model.tensors)
    if (std::exchange(t.open_batch, false)) t.shape[0] = kDynamic;
}

void connect(SourceModel& model) {
  for (const SourceOp& op : model.ops) {
    for (const int t : op.outputs) model.tensors[size_t(t)].maker = int(op.index);
    for (const int t : op.inputs)
      if (t >= 0 && (model.tensors[size_t(t)].readers.empty() || model.tensors[size_t(t)].readers.back() != int(op.index)))
        model.tensors[size_t(t)].readers.push_back(int(op.index));
  }
}

void mark_dead(SourceModel& model) {
  std::vector<bool> needed(model.tensors.size());
  for (const int t : model.outputs) needed[size_t(t)] = true;
  for (auto op = model.ops.rbegin(); op != model.ops.rend(); ++op) {
    op->dead = std::ranges::none_of(op->outputs, [&](int t) { return needed[size_t(t)]; });
    if (op->dead) continue;
    for (const int t : op->inputs)
      if (t >= 0) needed[size_t(t)] = true;
  }
}

}  // namespace

bool SourceTensor::is_8_bit() const {
  return (type == tflite::TensorType::INT8 || type == tflite::TensorType::UINT8) && !scale.empty();
}

const SourceTensor* SourceModel::input(const SourceOp& op, size_t i) const {
  return i < op.inputs.size() && op.inputs[i] >= 0 ? &tensors[size_t(op.inputs[i])] : nullptr;
}

const SourceTensor& SourceModel::output(const SourceOp& op, size_t i) const { return tensors[size_t(op.outputs[i])]; }

std::optional<std::vector<int64_t>> SourceModel::ints(const SourceOp& op, size_t i) const {
  const SourceTensor* t = input(op, i);
  if (!t || !t->constant) return std::nullopt;
  std::vector<int64_t> out;
  const auto read = [&]<class T>(T) {
    for (size_t at = 0; at + sizeof(T) <= t->content.size(); at += sizeof(T)) {
      T v;
      std::memcpy(&v, t->content.data() + at, sizeof v);
      out.push_back(int64_t(v));
    }
  };
  if (t->type == tflite::TensorType::INT32) {
    read(int32_t{});
  } else if (t->type == tflite::TensorType::INT64) {
    read(int64_t{});
  } else {
    return std::nullopt;
  }
  return out;
}

Result<SourceModel> read_source_model(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  TRY(const FileView file, FileView::open(bytes, std::move(owner)));
  return read_source_model(file);
}

Result<SourceModel> read_source_model(const FileView& file) {
  SourceModel out;
  out.owner = file.owner();
  out.subgraphs = size_of(file.model().subgraphs());
  out.description = to_text(file.model().description());
  if (out.subgraphs == 0) return damaged("the file has no subgraph");
  const tflite::SubGraph& graph = *file.model().subgraphs()->Get(0);
  for (size_t i = 0; i < size_of(graph.tensors()); ++i) {
    TRY(SourceTensor t, read_tensor(file, *graph.tensors()->Get(flatbuffers::uoffset_t(i))));
    out.tensors.push_back(std::move(t));
  }
  for (size_t i = 0; i < size_of(graph.operators()); ++i)
    TRY_STATUS(read_op(file, *graph.operators()->Get(flatbuffers::uoffset_t(i)), out));
  TRY(out.inputs, read_indices(graph.inputs(), out.tensors.size(), false));
  TRY(out.outputs, read_indices(graph.outputs(), out.tensors.size(), false));
  tell_batch_from_results(out);
  connect(out);
  mark_dead(out);
  return out;
}

namespace {

/// An operator that runs other subgraphs.
const SourceOp* caller_of(const SourceModel& model) {
  using Op = tflite::BuiltinOperator;
  const auto at = std::ranges::find_if(model.ops, [](const SourceOp& op) {
    return op.code == Op::WHILE || op.code == Op::IF || op.code == Op::CALL || op.code == Op::STABLEHLO_WHILE;
  });
  return at == model.ops.end() ? nullptr : &*at;
}

Error several_subgraphs(const SourceModel& model) {
  std::string what = fmt::format("the model has {} subgraphs, the Edge TPU compiler takes one", model.subgraphs);
  const SourceOp* caller = caller_of(model);
  if (!caller) return error(Code::kUnsupportedForm, what, "convert each signature into a file of its own");
  return error(Code::kUnsupportedForm,
               fmt::format("{}: operator {} ({}), which writes '{}', runs the others", what, caller->index, caller->name,
                           model.output(*caller).name),
               "leave loops and branches to the program around the model, or write them out");
}

Status check_sizes(const SourceModel& model) {
  const auto check = [&](int tensor) -> Status {
    const SourceTensor& t = model.tensors[size_t(tensor)];
    if (is_static(t.shape)) return {};
    return error(
        Code::kSymbolic,
        fmt::format("tensor '{}' has an open dimension ({}): the Edge TPU takes fixed sizes only", t.name, to_string(t.shape)),
        "convert with --shape");
  };
  for (const int t : model.inputs) TRY_STATUS(check(t));
  for (const SourceOp& op : model.ops) {
    for (const int t : op.outputs) TRY_STATUS(check(t));
    const SourceTensor* asked = op.code == tflite::BuiltinOperator::SHAPE ? model.input(op, 0) : nullptr;
    if (asked && asked->open_batch)
      return error(
          Code::kSymbolic,
          fmt::format("operator {} (SHAPE) asks for the open batch of tensor '{}': the Edge TPU takes fixed sizes only",
                      op.index, asked->name),
          "convert with a batch of 1");
  }
  return {};
}

// A model with one 8-bit result of an operator is quantized; the compiler leaves the rest on the CPU.
Status check_quantized(const SourceModel& model) {
  const SourceTensor *other = nullptr, *sixteen = nullptr;
  bool has_integer_weights = false;
  for (const SourceOp& op : model.ops) {
    for (const int t : op.outputs) {
      const SourceTensor& result = model.tensors[size_t(t)];
      if (result.is_8_bit()) return {};
      if (!other) other = &result;
      if (!sixteen && result.type == tflite::TensorType::INT16 && !result.scale.empty()) sixteen = &result;
    }
    for (const int t : op.inputs)
      if (t >= 0 && model.tensors[size_t(t)].constant && model.tensors[size_t(t)].is_8_bit()) has_integer_weights = true;
  }
  const std::string_view form = sixteen               ? "quantized to activations of 16 bits"
                                : has_integer_weights ? "dynamically quantized, its activations are not 8-bit integers"
                                                      : "not quantized";
  const SourceTensor& named = sixteen ? *sixteen : *other;
  return error(Code::kUnsupportedType,
               fmt::format("the model is {}: tensor '{}' is {}", form, named.name, tflite::EnumNameTensorType(named.type)),
               "quantize it to int8 with calibration data; the Edge TPU takes 8-bit integers only");
}

}  // namespace

Status check_placeable(const SourceModel& model) {
  if (model.subgraphs > 1) return several_subgraphs(model);
  if (model.ops.empty()) return error(Code::kUnsupportedForm, "the model has no operators");
  for (const SourceOp& op : model.ops)
    if (op.name == kCompiledOperator)
      return error(Code::kUnsupportedForm, "the model is compiled for the Edge TPU already",
                   "place the file it was made from; --against compares it with this one");
  TRY_STATUS(check_sizes(model));
  return check_quantized(model);
}

}  // namespace atl::edgetpu
