#include "ops/cast.h"

#include <algorithm>

#include "ir/source_call.h"
#include "ir/tflite_op.h"
#include "ops/elementwise.h"

namespace atl {
namespace {

constexpr std::string_view kAccepted = "f32 f16 bf16 f64 i8 u8 i16 u16 i32 u32 i64 bool";

tflite::TensorType tensor_type(DType t) {
  using tflite::TensorType;
  switch (t) {
    case DType::kF16:
      return TensorType::FLOAT16;
    case DType::kBF16:
      return TensorType::BFLOAT16;
    case DType::kF64:
      return TensorType::FLOAT64;
    case DType::kI8:
      return TensorType::INT8;
    case DType::kU8:
      return TensorType::UINT8;
    case DType::kI16:
      return TensorType::INT16;
    case DType::kU16:
      return TensorType::UINT16;
    case DType::kI32:
      return TensorType::INT32;
    case DType::kU32:
      return TensorType::UINT32;
    case DType::kI64:
      return TensorType::INT64;
    case DType::kU64:
      return TensorType::UINT64;
    case DType::kBool:
      return TensorType::BOOL;
    default:
      return TensorType::FLOAT32;
  }
}

// True when every value of `from` is a value of `to`, so that a cast there loses nothing.
bool holds_all(DType from, DType to) {
  if (from == DType::kBool) return true;
  if (is_float(from)) {
    if (to == DType::kF64) return true;
    return to == DType::kF32 && (from == DType::kF16 || from == DType::kBF16);
  }
  const bool is_unsigned = from == DType::kU8 || from == DType::kU16 || from == DType::kU32 || from == DType::kU64;
  if (is_float(to)) return bits(from) <= (to == DType::kF64 ? 32 : to == DType::kF32 ? 16 : 8) && to != DType::kBF16;
  const bool to_unsigned = to == DType::kU8 || to == DType::kU16 || to == DType::kU32 || to == DType::kU64;
  if (is_unsigned == to_unsigned) return is_integer(to) && bits(to) >= bits(from);
  return is_unsigned && is_integer(to) && bits(to) > bits(from);
}

struct CastFacts {
  static constexpr std::string_view name = "cast";
  static constexpr std::string_view summary = "conversion of the element type";
  static constexpr Layout layout = Layout::kAny;
  static constexpr Quant quant = Quant::kFloatOnly;

  static Result<Types> infer(const Cast& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 1, "one operand is needed, not {}", in.size());
    CHECK_OP(C2, visit(in[0].dtype, [](auto) {}) && visit(o.to, [](auto) {}), "{} cannot be cast to {}", atl::name(in[0].dtype),
             atl::name(o.to));
    Type t{o.to, in[0].shape, {}};
    TRY_STATUS(byte_size(t));
    return Types{std::move(t)};
  }
  static Result<Tensors> eval(const Cast& o, TensorsIn in) { return Tensors{cast(in[0], o.to)}; }
  static std::optional<LayoutChoice> permuted(const Cast& o, TypesIn in, int, const Perm& p) {
    return permuted_elementwise(make_op(o), in, p);
  }
  static Status legal(const Cast& o, TypesIn in) {
    TRY_STATUS(legal_dtype(name, in[0], kAccepted));
    return legal_dtype(name, Type{o.to, {}, {}}, kAccepted);
  }
  static Result<TfliteOp> emit(const Cast& o, TypesIn in) {
    tflite::CastOptionsT options;
    options.in_data_type = tensor_type(in[0].dtype);
    options.out_data_type = tensor_type(o.to);
    return TfliteOp(tflite::BuiltinOperator::CAST, std::max(version(in[0].dtype), version(o.to)), 1, std::move(options));
  }
  static int version(DType t) {
    switch (t) {
      case DType::kBF16:
        return 7;
      case DType::kF64:
      case DType::kF16:
        return 5;
      case DType::kU16:
        return 4;
      case DType::kI8:
        return 3;
      case DType::kU32:
        return 2;
      default:
        return 1;
    }
  }
  static Result<Decoded> decode(const TfliteNode& n) {
    if (n.code != tflite::BuiltinOperator::CAST || n.in.size() != 1 || !n.in[0] || n.out.size() != 1) return not_decoded();
    if (!is_computable(*n.in[0]) || !is_computable(n.out[0])) return not_decoded();
    return Decoded{make_op(Cast(n.out[0].dtype)), {0}};
  }
  static Result<bool> canonicalize(const Cast& o, Rewrite& r) {
    const Value x = r.in(0);
    if (r.type(x) == r.out_type()) return r.replace(x);
    const Cast* inner = r.graph().as<Cast>(x);
    if (!inner) return false;
    const Value source = r.graph()[x].in[0];
    if (r.type(source).quant || !holds_all(r.dtype(source), inner->to)) return false;
    return r.replace(r.dtype(source) == o.to ? source : r.add(o, {source}));
  }
  static std::vector<Sample> samples() {
    std::vector<Sample> s;
    constexpr DType kTypes[] = {DType::kF32, DType::kF16, DType::kF64, DType::kI8,  DType::kU8,  DType::kI16,
                                DType::kU16, DType::kI32, DType::kU32, DType::kI64, DType::kBool};
    for (DType from : kTypes)
      for (DType to : kTypes)
        if (from != to && (from == DType::kF32 || to == DType::kF32 || from == DType::kI64 || to == DType::kI64))
          s.push_back({.op = make_op(Cast(to)), .in = {Type{from, {2, 3, 5}, {}}}, .low = 0, .high = 9});
    s.push_back({.op = make_op(Cast(DType::kI32)), .in = {}, .bad = "C1"});
    s.push_back({.op = make_op(Cast(DType::kString)), .in = {Type{DType::kF32, {3}, {}}}, .bad = "C2"});
    return s;
  }
};

}  // namespace
DEFINE_OP(Cast, CastFacts)
}  // namespace atl
