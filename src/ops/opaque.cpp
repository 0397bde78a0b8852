#include "ops/opaque.h"

#include <schema_tables.h>

#include <algorithm>
#include <charconv>

#include "ir/tflite_op.h"

namespace atl {
namespace {

template <class V>
void append_list(std::string& out, const std::vector<V>& values) {
  for (size_t i = 0; i < values.size(); ++i) out += fmt::format("{}{}", i ? "," : "", values[i]);
}

// Numbers up to `end`, separated by commas; the text after `end` stays.
template <class V>
Result<std::vector<V>> take_list(std::string_view& text, char end) {
  std::vector<V> out;
  const size_t stop = text.find(end);
  if (stop == std::string_view::npos) return error(Code::kGraph, fmt::format("'{}' expected in a type", end));
  std::string_view list = text.substr(0, stop);
  text.remove_prefix(stop + 1);
  while (!list.empty()) {
    const std::string_view word = list.substr(0, list.find(','));
    V v = V(kDynamic);
    const auto r = std::from_chars(word.data(), word.data() + word.size(), v);
    if (word != "?" && (r.ec != std::errc{} || r.ptr != word.data() + word.size()))
      return error(Code::kGraph, fmt::format("number expected in a type, not '{}'", word));
    out.push_back(v);
    list.remove_prefix(std::min(list.size(), word.size() + 1));
  }
  return out;
}

// The operator that an Opaque keeps. E: kGraph when its bytes are not one.
Result<std::unique_ptr<tflite::OperatorT>> unpack(const Opaque& o) {
  std::vector<uint8_t> bytes;
  for (int64_t b : o.bytes) {
    if (b < 0 || b > 255) return error(Code::kGraph, "an opaque operator's bytes are damaged");
    bytes.push_back(uint8_t(b));
  }
  flatbuffers::Verifier verifier(bytes.data(), bytes.size());
  if (bytes.empty() || !verifier.VerifyBuffer<tflite::Operator>(nullptr))
    return error(Code::kGraph, "an opaque operator's bytes are damaged");
  return std::unique_ptr<tflite::OperatorT>(flatbuffers::GetRoot<tflite::Operator>(bytes.data())->UnPack());
}

struct OpaqueFacts {
  static constexpr std::string_view name = "opaque";
  static constexpr std::string_view summary = "an operator of a file that is kept as it is";
  static constexpr Layout layout = Layout::kOpaque;
  static constexpr Quant quant = Quant::kFloatOnly;

  static Result<Types> infer(const Opaque& o, TypesIn) {
    Types out;
    for (const std::string& text : o.types) {
      TRY(Type t, decode_type(text));
      out.push_back(std::move(t));
    }
    return out;
  }

  static Result<Tensors> eval(const Opaque& o, TensorsIn) {
    const std::string what = o.custom_code.empty()
                                 ? std::string(tflite::EnumNameBuiltinOperator(tflite::BuiltinOperator(o.builtin)))
                                 : o.custom_code;
    return error(Code::kUnsupportedForm, fmt::format("the operator {} is kept as it is and cannot be evaluated", what),
                 "run the file with LiteRT instead");
  }

  static std::optional<LayoutChoice> permuted(const Opaque&, TypesIn, int, const Perm&) { return not_permuted(); }
  static Status legal(const Opaque&, TypesIn) { return {}; }

  static Result<TfliteOp> emit(const Opaque& o, TypesIn in) {
    TRY(auto kept, unpack(o));
    TfliteOp op;
    op.code = tflite::BuiltinOperator(o.builtin);
    op.version = int(o.version);
    op.custom_code = o.custom_code;
    op.custom_options = std::move(kept->custom_options);
    op.options = std::move(kept->builtin_options);
    op.options2 = std::move(kept->builtin_options_2);
    const auto& variable = kept->mutating_variable_inputs;
    // An absent operand is an invalid value, which the writer knows; kUnknown may also be an element type that Atoll has not.
    for (size_t i = 0; i < in.size(); ++i) op.input(int(i), i < variable.size() && variable[i]);
    for (const std::string& text : o.intermediates) {
      TRY(Type t, decode_type(text));
      op.intermediates.push_back(std::move(t));
    }
    for (int64_t i : o.updated) {
      if (i < 0 || uint64_t(i) >= in.size()) return error(Code::kGraph, "an opaque operator's updated operands are damaged");
      op.updated.push_back(int(i));
    }
    return op;
  }

  static std::vector<Sample> samples() {
    tflite::OperatorT op;
    op.builtin_options.Set(tflite::ReverseSequenceOptionsT{});
    const Type x{DType::kF32, {2, 3}, {}};
    std::vector<Sample> s;
    s.push_back({.op = make_op(make_opaque(op, int(tflite::BuiltinOperator::REVERSE_SEQUENCE), 1, {}, {}, {x}, {})),
                 .in = {x, Type{DType::kI32, {2}, {}}}});
    return s;
  }
};

}  // namespace

std::string encode_type(const Type& t) {
  std::string out = to_string(Type{t.dtype, t.shape, {}});
  if (t.quant) {
    out += fmt::format("q({};", t.quant->axis);
    append_list(out, t.quant->scale);
    out += ';';
    append_list(out, t.quant->zero_point);
    out += ')';
  }
  return out;
}

Result<Type> decode_type(std::string_view text) {
  const size_t open = text.find('[');
  const auto dtype = open == std::string_view::npos ? std::nullopt : dtype_from_name(text.substr(0, open));
  if (!dtype) return error(Code::kGraph, fmt::format("'{}' is not a type", text.substr(0, 40)));
  text.remove_prefix(open + 1);
  Type t{*dtype, {}, {}};
  TRY(t.shape, take_list<int64_t>(text, ']'));
  TRY_STATUS(byte_size(t));
  if (text.empty()) return t;
  if (text.substr(0, 2) != "q(") return error(Code::kGraph, "a type's quantization is damaged");
  text.remove_prefix(2);
  QuantParams q;
  TRY(const auto axis, take_list<int>(text, ';'));
  TRY(q.scale, take_list<float>(text, ';'));
  TRY(q.zero_point, take_list<int64_t>(text, ')'));
  if (axis.size() != 1 || !text.empty()) return error(Code::kGraph, "a type's quantization is damaged");
  q.axis = axis[0];
  t.quant = std::move(q);
  return t;
}

Opaque make_opaque(const tflite::OperatorT& op, int builtin, int version, std::string custom_code,
                   const std::vector<bool>& variables, const Types& results, const Types& intermediates) {
  tflite::OperatorT kept = op;
  kept.opcode_index = 0;
  kept.inputs.clear();
  kept.outputs.clear();
  kept.intermediates.clear();
  kept.mutating_variable_inputs = variables;
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(tflite::CreateOperator(builder, &kept));
  Opaque o;
  o.builtin = builtin;
  o.version = version;
  o.custom_code = std::move(custom_code);
  o.bytes.assign(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
  for (const Type& t : results) o.types.push_back(encode_type(t));
  for (const Type& t : intermediates) o.intermediates.push_back(encode_type(t));
  return o;
}

Opaque make_variable(const Type& type) {
  tflite::TensorT tensor;
  for (const int64_t d : type.shape) tensor.shape.push_back(int32_t(d));
  tensor.type = type.dtype == DType::kI8    ? tflite::TensorType::INT8
                : type.dtype == DType::kI16 ? tflite::TensorType::INT16
                                            : tflite::TensorType::FLOAT32;
  tensor.is_variable = true;
  tensor.has_rank = true;
  if (type.quant) {
    tensor.quantization = std::make_unique<tflite::QuantizationParametersT>();
    tensor.quantization->scale = type.quant->scale;
    tensor.quantization->zero_point = type.quant->zero_point;
  }
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(tflite::CreateTensor(builder, &tensor));
  Opaque o;
  o.builtin = Opaque::kFileTensor;
  o.bytes.assign(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
  o.types = {encode_type(type)};
  return o;
}

DEFINE_OP(Opaque, OpaqueFacts)
}  // namespace atl
