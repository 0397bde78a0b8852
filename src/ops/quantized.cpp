#include "ops/quantized.h"

#include <algorithm>
#include <cmath>

#include "ir/body.h"
#include "ir/tflite_op.h"
#include "ops/elementwise.h"
#include "ops/opaque.h"
#include "ops/quantize.h"
#include "ops/unary.h"

namespace atl {

bool NestedOp::operator==(const NestedOp& o) const {
  if (op == o.op) return true;
  return op && o.op && op->code == o.op->code && def_of(*op).equal(*op, *o.op);
}

void print_value(std::string& out, const NestedOp& v) {
  out += '{';
  if (v.op) out += fmt::format("{} {{{}}}", def_of(*v.op).name, def_of(*v.op).print(*v.op));
  out += '}';
}

Status parse_value(FieldText& in, NestedOp& v) {
  if (!in.take('{')) return error(Code::kGraph, "'{' expected");
  const size_t end = closing_brace(in.rest);
  if (end == std::string_view::npos) return error(Code::kGraph, "'}' expected");
  FieldText inner{in.rest.substr(0, end)};
  in.rest.remove_prefix(end + 1);
  inner.skip_space();
  v.op = nullptr;
  if (inner.rest.empty()) return {};
  const std::string_view op_name = inner.rest.substr(0, inner.rest.find(' '));
  inner.rest.remove_prefix(op_name.size());
  inner.skip_space();
  const auto known = std::find_if(all_ops().begin(), all_ops().end(), [&](const OpDef* d) { return d->name == op_name; });
  if (known == all_ops().end() || inner.rest.size() < 2 || inner.rest.front() != '{' || inner.rest.back() != '}')
    return error(Code::kGraph, fmt::format("an operator is expected, not '{}'", op_name));
  TRY(v.op, (*known)->parse(inner.rest.substr(1, inner.rest.size() - 2)));
  return {};
}

void print_value(std::string& out, const Type& v) { print_value(out, encode_type(v)); }

Status parse_value(FieldText& in, Type& v) {
  std::string text;
  TRY_STATUS(parse_value(in, text));
  TRY(v, decode_type(text));
  return {};
}

bool takes_integers(const OpBase& op, TypesIn in, TypesIn out) {
  const OpDef& def = def_of(op);
  if (def.eval_integer || def.quantization(op, real_types(in)).kind != Quant::kSameScale) return false;
  const auto plain = def.infer(op, in);
  return plain && std::equal(plain->begin(), plain->end(), out.begin(), out.end());
}

Type real_type(const Type& t) { return t.quant ? Type{DType::kF32, t.shape, {}} : t; }

Types real_types(TypesIn types) {
  Types out;
  for (const Type& t : types) out.push_back(real_type(t));
  return out;
}

Tensor real_values(const Tensor& t) {
  if (!t.type().quant) return t;
  auto out = def_of(OpCode::kDequantize).eval(Dequantize(), std::span(&t, 1));
  return out ? std::move((*out)[0]) : Tensor();
}

Tensor to_type(const Tensor& real, const Type& type) {
  if (!type.quant) return real;
  auto out = def_of(OpCode::kQuantize).eval(quantize_to(type), std::span(&real, 1));
  return out ? std::move((*out)[0]) : Tensor();
}

namespace {

// An operator of a file in the terms of the op inside: f32 for what is quantized.
TfliteNode real_node(const TfliteNode& n) {
  TfliteNode real = n;
  for (auto& t : real.in)
    if (t) t = real_type(*t);
  for (size_t i = 0; i < real.constants.size(); ++i)
    if (real.constants[i] && real.constants[i]->type().quant) real.constants[i] = real_values(*real.constants[i]);
  for (Type& t : real.out) t = real_type(t);
  return real;
}

struct QuantizedFacts {
  static constexpr std::string_view name = "quantized";
  static constexpr std::string_view summary = "the integer form of another op";
  static constexpr Layout layout = Layout::kOpaque;
  static constexpr Quant quant = Quant::kFloatOnly;

  static Result<Types> infer(const Quantized& o, TypesIn in) {
    CHECK_OP(C1, o.op.op != nullptr && o.op.op->code != OpCode::kQuantized, "an op is needed inside");
    const bool any = std::any_of(in.begin(), in.end(), [](const Type& t) { return t.quant.has_value(); });
    CHECK_OP(C2, any, "no operand is quantized");
    TRY(const Types real, def_of(*o.op.op).infer(*o.op.op, real_types(in)));
    CHECK_OP(C3, real.size() == o.out.size(), "{} results are stated, the op has {}", o.out.size(), real.size());
    for (size_t i = 0; i < real.size(); ++i) {
      CHECK_OP(C4, real_type(o.out[i]) == real[i], "result {} is stated as {}, the op gives {}", i, to_string(o.out[i]),
               to_string(real[i]));
    }
    return o.out;
  }

  static Result<Tensors> eval(const Quantized& o, TensorsIn in) {
    const OpDef& def = def_of(*o.op.op);
    // Hybrid kernels quantize their data as they run, in ways that differ between LiteRT's own; the real product is what they
    // approach.
    if (!in.empty() && is_float(in[0].dtype())) {
      Tensors real;
      for (const Tensor& t : in) real.push_back(real_values(t));
      return def.eval(*o.op.op, real);
    }
    if (def.eval_integer) return def.eval_integer(*o.op.op, in, o.out);
    // An op that moves elements, or chooses among them, does so with integers too.
    Types real;
    for (const Tensor& t : in) real.push_back(real_type(t.type()));
    if (def.quantization(*o.op.op, real).kind == Quant::kSameScale) {
      Tensors raw;
      for (const Tensor& t : in) raw.push_back(Tensor::view(Type{t.dtype(), t.shape(), {}}, t.bytes(), t.owner()));
      TRY(Tensors out, def.eval(*o.op.op, raw));
      for (size_t i = 0; i < out.size(); ++i) out[i] = Tensor::view(o.out[i], out[i].bytes(), out[i].owner());
      return out;
    }
    return error(Code::kUnsupportedForm, fmt::format("{} has no integer arithmetic here", def.name));
  }

  static std::optional<LayoutChoice> permuted(const Quantized&, TypesIn, int, const Perm&) { return not_permuted(); }

  static Status legal(const Quantized& o, TypesIn in) {
    const OpDef& def = def_of(*o.op.op);
    TRY_STATUS(def.legal(*o.op.op, real_types(in)));
    if (def.legal_integer) return def.legal_integer(*o.op.op, in, o.out);
    return {};
  }

  static Result<TfliteOp> emit(const Quantized& o, TypesIn in) {
    const OpDef& def = def_of(*o.op.op);
    return def.emit_integer ? def.emit_integer(*o.op.op, in, o.out) : def.emit(*o.op.op, in);
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    const auto quantized = [](const auto& t) { return t && t->quant.has_value(); };
    const bool any = std::any_of(n.in.begin(), n.in.end(), quantized);
    using enum tflite::BuiltinOperator;
    if (!any || n.code == QUANTIZE || n.code == DEQUANTIZE || n.code == CAST) return not_decoded();
    const TfliteNode real = real_node(n);
    for (const OpDef* def : all_ops()) {
      if (!def->decode || def->code == OpCode::kQuantized) continue;
      auto decoded = def->decode(real);
      if (!decoded) continue;
      Types in, out = n.out;
      for (int i : decoded->in) in.push_back(i < 0 || !n.in[size_t(i)] ? absent_type() : *n.in[size_t(i)]);
      if (decoded->data_shape) in[0].shape = *decoded->data_shape;
      for (int i : n.updated) out.push_back(*n.in[size_t(i)]);
      if (takes_integers(*decoded->op, in, out) && def->decode(n)) return not_decoded();
      Quantized o;
      o.op = {decoded->op};
      o.out = std::move(out);
      return Decoded{make_op(std::move(o)), std::move(decoded->in), std::move(decoded->data_shape)};
    }
    return not_decoded();
  }

  static std::vector<Sample> samples() {
    const auto i8 = [](Shape s, float scale, int64_t zero) {
      return Type{DType::kI8, std::move(s), QuantParams{{scale}, {zero}, 0}};
    };
    const auto make = [](OpPtr op, Types out) {
      Quantized q;
      q.op = {std::move(op)};
      q.out = std::move(out);
      return make_op(std::move(q));
    };
    const Type x = i8({2, 3, 4, 5}, 0.0625f, -7), y = i8({2, 3, 4, 5}, 0.03125f, -128);
    const OpPtr relu = make_op(Unary(UnaryKind::kRelu));
    return {{.op = make(relu, {y}), .in = {x}, .low = -128, .high = 128},
            {.op = make(nullptr, {y}), .in = {x}, .bad = "C1"},
            {.op = make(relu, {y}), .in = {Type{DType::kF32, {2, 3, 4, 5}, {}}}, .bad = "C2"},
            {.op = make(relu, {y, y}), .in = {x}, .bad = "C3"},
            {.op = make(relu, {i8({2, 3}, 0.5f, 0)}), .in = {x}, .bad = "C4"}};
  }
};

}  // namespace
DEFINE_OP(Quantized, QuantizedFacts)
}  // namespace atl
