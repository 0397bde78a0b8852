#include "ops/opaque.h"

#include <charconv>

#include "ir/tflite_op.h"

namespace atl {

std::string type_text(const Type& t) {
  if (!t.quant || t.quant->scale.size() <= 1) return to_string(t);
  Type plain = t;
  plain.quant.reset();
  std::string out = to_string(plain) + fmt::format("q(axis={},scale=", t.quant->axis);
  print_value(out, t.quant->scale);
  out += ",zero=";
  print_value(out, t.quant->zero_point);
  return out + ')';
}

namespace {

bool take_word(FieldText& in, std::string_view word) {
  if (in.rest.substr(0, word.size()) != word) return false;
  in.rest.remove_prefix(word.size());
  return true;
}

Result<Shape> parse_shape(FieldText& in) {
  Shape shape;
  if (!in.take('[')) return error(Code::kGraph, "'[' expected in a type");
  while (!in.take(']')) {
    int64_t size = kDynamic;
    if (!in.take('?')) TRY_STATUS(parse_value(in, size));
    shape.push_back(size);
    if (!in.take(',') && in.rest.substr(0, 1) != "]") return error(Code::kGraph, "']' expected in a type");
  }
  return shape;
}

Result<QuantParams> parse_quant(FieldText& in) {
  QuantParams q;
  if (take_word(in, "axis=")) {
    TRY_STATUS(parse_value(in, q.axis));
    if (!take_word(in, ",scale=")) return error(Code::kGraph, "scales expected in a type");
    TRY_STATUS(parse_value(in, q.scale));
    if (!take_word(in, ",zero=")) return error(Code::kGraph, "zero points expected in a type");
    TRY_STATUS(parse_value(in, q.zero_point));
  } else {
    q.scale.resize(1);
    q.zero_point.resize(1);
    TRY_STATUS(parse_value(in, q.scale[0]));
    if (!in.take(',')) return error(Code::kGraph, "',' expected in a type");
    TRY_STATUS(parse_value(in, q.zero_point[0]));
  }
  return q;
}

}  // namespace

Result<Type> type_from_text(std::string_view text) {
  FieldText in{text};
  const size_t end = text.find('[');
  const auto dtype = dtype_from_name(text.substr(0, end));
  if (!dtype || end == std::string_view::npos) return error(Code::kGraph, fmt::format("'{}' is not a type", text));
  in.rest.remove_prefix(end);
  Type t{*dtype, {}, {}};
  TRY(t.shape, parse_shape(in));
  if (in.rest.empty()) return t;
  if (!take_word(in, "q(") || in.rest.empty() || in.rest.back() != ')')
    return error(Code::kGraph, fmt::format("'{}' is not a type", text));
  in.rest.remove_suffix(1);
  TRY(t.quant, parse_quant(in));
  if (!in.rest.empty()) return error(Code::kGraph, fmt::format("'{}' is not a type", text));
  return t;
}

namespace {

Result<Types> types_from_text(const std::vector<std::string>& texts) {
  Types out;
  for (const std::string& s : texts) {
    TRY(Type t, type_from_text(s));
    out.push_back(std::move(t));
  }
  return out;
}

struct OpaqueFacts {
  static constexpr std::string_view name = "opaque";
  static constexpr std::string_view summary = "an operator of a file that is kept as it is";
  static constexpr Layout layout = Layout::kOpaque;
  static constexpr Quant quant = Quant::kFloatOnly;

  static Result<Types> infer(const Opaque& o, TypesIn in) {
    TRY(Types out, types_from_text(o.types));
    CHECK_OP(C1, o.updated.size() <= out.size(), "{} updated operands, but {} results", o.updated.size(), out.size());
    for (const auto* list : {&o.variables, &o.updated})
      for (int64_t i : *list) CHECK_OP(C2, i >= 0 && uint64_t(i) < in.size(), "there is no operand {}", i);
    CHECK_OP(C3, o.builtin != Opaque::kFileTensor || (in.size() <= 1 && out.size() == 1),
             "a tensor of a file has one content and one value, not {} and {}", in.size(), out.size());
    return out;
  }

  static Result<Tensors> eval(const Opaque& o, TensorsIn) {
    return error(Code::kUnsupportedForm,
                 fmt::format("operator {} of a .tflite file is kept as it is and cannot be evaluated here",
                             o.custom_code.empty() ? builtin_name(o) : "'" + o.custom_code + "'"));
  }

  static std::string builtin_name(const Opaque& o) {
    const std::string name = tflite::EnumNameBuiltinOperator(tflite::BuiltinOperator(o.builtin));
    return name.empty() ? std::to_string(o.builtin) : name;
  }

  static std::optional<LayoutChoice> permuted(const Opaque&, TypesIn, int, const Perm&) { return not_permuted(); }

  static Status legal(const Opaque&, TypesIn) { return {}; }

  static Result<TfliteOp> emit(const Opaque& o, TypesIn in) {
    if (o.builtin < 0 || o.builtin > int64_t(tflite::BuiltinOperator::MAX))
      return error(Code::kInternal, fmt::format("an opaque operator has the builtin code {}", o.builtin));
    TfliteOp op;
    op.code = tflite::BuiltinOperator(o.builtin);
    op.version = int(o.version);
    op.custom_code = o.custom_code;
    for (size_t i = 0; i < in.size(); ++i) op.input(int(i));
    for (int64_t i : o.variables) op.operands[size_t(i)].variable = true;
    for (int64_t i : o.updated) op.updated.push_back(int(i));
    TRY(op.intermediates, types_from_text(o.intermediates));
    if (o.bytes.empty()) return op;
    std::vector<uint8_t> packed(o.bytes.begin(), o.bytes.end());
    flatbuffers::Verifier verifier(packed.data(), packed.size());
    if (!verifier.VerifyBuffer<tflite::Operator>(nullptr))
      return error(Code::kGraph, "an opaque operator's options are damaged");
    tflite::OperatorT options;
    flatbuffers::GetRoot<tflite::Operator>(packed.data())->UnPackTo(&options);
    op.options = std::move(options.builtin_options);
    op.options2 = std::move(options.builtin_options_2);
    op.custom_options = std::move(options.custom_options);
    return op;
  }

  static std::vector<Sample> samples() {
    Opaque good;
    good.builtin = int64_t(tflite::BuiltinOperator::ABS);
    good.types = {"f32[2,3]"};
    Opaque updated = good, missing = good, tensor = good;
    updated.updated = {0, 0};
    missing.variables = {1};
    tensor.builtin = Opaque::kFileTensor;
    tensor.types = {"f32[2]", "f32[2]"};
    const Types in{Type{DType::kF32, {2, 3}, {}}};
    return {{.op = make_op(good), .in = in},
            {.op = make_op(updated), .in = in, .bad = "C1"},
            {.op = make_op(missing), .in = in, .bad = "C2"},
            {.op = make_op(tensor), .in = {}, .bad = "C3"}};
  }
};

}  // namespace
DEFINE_OP(Opaque, OpaqueFacts)
}  // namespace atl
