// Comparisons, logic and bits: ops.def's Compare, Logical and Bitwise, declared in ops/binary.h.
#include "ir/cast_op.h"
#include "ir/source_call.h"
#include "ir/tflite_op.h"
#include "ops/binary.h"
#include "ops/elementwise.h"
#include "ops/fixed_point.h"
#include "ops/promotion.h"
#include "ops/unary.h"

namespace atl {
namespace {

using tflite::BuiltinOperator;

Type type(DType t, Shape s) { return {t, std::move(s), {}}; }

// An operator of two computable operands and one unquantized result.
bool is_plain(const TfliteNode& n) {
  if (n.in.size() != 2 || n.out.size() != 1 || n.out[0].quant) return false;
  return n.in[0] && n.in[1] && is_computable(*n.in[0]) && is_computable(*n.in[1]);
}

Status check_pair(TypesIn in) {
  CHECK_OP(C1, in.size() == 2, "two operands are needed, not {}", in.size());
  CHECK_OP(C2, in[0].dtype == in[1].dtype && visit(in[0].dtype, [](auto) {}),
           "operands are {} and {}, one element type is needed", name(in[0].dtype), name(in[1].dtype));
  CHECK_OP(C3, broadcast_shapes(in).has_value(), "shapes {} and {} do not broadcast", to_string(in[0].shape),
           to_string(in[1].shape));
  return {};
}

// ---- Compare ----

struct CompareKindFacts {
  BuiltinOperator builtin;
  std::string_view dtypes;
};
constexpr CompareKindFacts kCompares[] = {
    {BuiltinOperator::EQUAL, "f32 f16 i16 i32 i64 bool"}, {BuiltinOperator::NOT_EQUAL, "f32 f16 i32 i64 bool"},
    {BuiltinOperator::LESS, "f32 f16 i16 i32 i64"},       {BuiltinOperator::LESS_EQUAL, "f32 f16 i16 i32 i64"},
    {BuiltinOperator::GREATER, "f32 f16 i16 i32 i64"},    {BuiltinOperator::GREATER_EQUAL, "f32 f16 i16 i32 i64"},
};
static_assert(std::size(kCompares) == enum_names(CompareKind{}).size());

template <class T, class R>
void with_comparison(CompareKind k, R run) {
  switch (k) {
    case CompareKind::kEqual:
      return run([](T a, T b) { return a == b; });
    case CompareKind::kNotEqual:
      return run([](T a, T b) { return a != b; });
    case CompareKind::kLess:
      return run([](T a, T b) { return a < b; });
    case CompareKind::kLessEqual:
      return run([](T a, T b) { return a <= b; });
    case CompareKind::kGreater:
      return run([](T a, T b) { return a > b; });
    case CompareKind::kGreaterEqual:
      return run([](T a, T b) { return a >= b; });
  }
}

template <CompareKind K>
void import_compare(SourceCall& c) {
  c.result(c.add(Compare(K), promoted(c, {"self", "other"})));
}

struct CompareFacts {
  static constexpr std::string_view name = "compare";
  static constexpr std::string_view summary = "comparison of two operands with broadcasting";
  static constexpr Layout layout = Layout::kAny;
  static constexpr Quant quant = Quant::kSameScale;

  static bool is_order(const Compare& o) { return o.kind != CompareKind::kEqual && o.kind != CompareKind::kNotEqual; }

  // Integers of 16 bits are put in order as they are, but only these two kernels are in runtimes before 2.15.
  static QuantRule quantization(const Compare& o, TypesIn) {
    const bool wide = o.kind == CompareKind::kLess || o.kind == CompareKind::kGreaterEqual;
    return {.kind = Quant::kSameScale, .types = wide ? "i8 u8 i16" : "i8 u8", .selects = false};
  }

  // Real values in steps of 1/256, but for the order of integers of 16 bits.
  static Result<Tensors> eval_integer(const Compare& o, TensorsIn in, TypesIn out) {
    const bool raw = in[0].dtype() == DType::kI16 && is_order(o);
    const auto steps = [&](const Tensor& t) {
      Tensor y = Tensor::make(Type{DType::kI32, t.shape(), {}});
      const FixedPoint factor = FixedPoint::of(scale_of(t.type()));
      for (int64_t i = 0, n = t.count(); i < n; ++i) {
        const int32_t v = integer_at(t, i);
        y.mutable_data<int32_t>()[i] = raw ? v : scaled((v - zero_point_of(t.type())) * 256, factor);
      }
      return y;
    };
    const Tensor operands[] = {steps(in[0]), steps(in[1])};
    TRY(Tensors result, eval(o, operands));
    return Tensors{Tensor::view(out[0], result[0].bytes(), result[0].owner())};
  }

  static Status legal_integer(const Compare& o, TypesIn in, TypesIn) {
    const std::string_view what = enum_names(o.kind)[size_t(o.kind)];
    if (in[0].dtype != in[1].dtype || in[0].quant != in[1].quant)
      return error(Code::kUnsupportedForm, fmt::format("{} of integers needs one scale and zero point", what));
    if (in[0].dtype == DType::kI16 ? is_order(o) : scale_of(in[0]) >= 1.0 / 256) return {};
    return error(Code::kUnsupportedForm,
                 fmt::format("LiteRT compares in steps of 1/256, which a scale of {} does not reach", float(scale_of(in[0]))));
  }

  static Result<Types> infer(const Compare&, TypesIn in) {
    TRY_STATUS(check_pair(in));
    return broadcast_result(in, DType::kBool);
  }
  static Result<Tensors> eval(const Compare& o, TensorsIn in) {
    const Types types{in[0].type(), in[1].type()};
    TRY(const Types result, broadcast_result(types, DType::kBool));
    Tensor out = Tensor::make(result[0]);
    const BroadcastWalk walk(result[0].shape, {&in[0].shape(), &in[1].shape()});
    visit(in[0].dtype(), [&]<class T>(T) {
      with_comparison<T>(o.kind,
                         [&](auto f) { broadcast_pairs(walk, in[0].data<T>(), in[1].data<T>(), out.mutable_data<bool>(), f); });
    });
    return Tensors{std::move(out)};
  }
  static std::optional<LayoutChoice> permuted(const Compare& o, TypesIn in, int, const Perm& p) {
    return permuted_elementwise(make_op(o), in, p);
  }
  static Status legal(const Compare& o, TypesIn in) {
    TRY_STATUS(legal_dtype(enum_names(o.kind)[size_t(o.kind)], in[0], kCompares[size_t(o.kind)].dtypes));
    return legal_broadcast(name, in);
  }
  static Result<TfliteOp> emit(const Compare& o, TypesIn in) {
    TfliteOp op(kCompares[size_t(o.kind)].builtin, version(o.kind, in[0].dtype), 2);
    switch (o.kind) {
      case CompareKind::kEqual:
        op.options.Set(tflite::EqualOptionsT{});
        break;
      case CompareKind::kNotEqual:
        op.options.Set(tflite::NotEqualOptionsT{});
        break;
      case CompareKind::kLess:
        op.options.Set(tflite::LessOptionsT{});
        break;
      case CompareKind::kLessEqual:
        op.options.Set(tflite::LessEqualOptionsT{});
        break;
      case CompareKind::kGreater:
        op.options.Set(tflite::GreaterOptionsT{});
        break;
      case CompareKind::kGreaterEqual:
        op.options.Set(tflite::GreaterEqualOptionsT{});
        break;
    }
    return op;
  }
  static int version(CompareKind k, DType t) {
    if (t == DType::kI8) return 2;
    if (t != DType::kI16) return 1;
    switch (k) {
      case CompareKind::kEqual:
        return 5;
      case CompareKind::kNotEqual:
        return 4;
      case CompareKind::kLess:
      case CompareKind::kGreaterEqual:
        return 3;
      default:
        return 1;
    }
  }
  static Result<Decoded> decode(const TfliteNode& n) {
    for (size_t k = 0; is_plain(n) && k < std::size(kCompares); ++k)
      if (kCompares[k].builtin == n.code) return Decoded{make_op(Compare(CompareKind(k))), {0, 1}};
    return not_decoded();
  }
  static Result<bool> canonicalize(const Compare& o, Rewrite& r) {
    TRY(const bool changed, canonicalize_operands(r));
    if (changed) return true;
    // Equality of a bool that was cast to a number with 0 or 1 is the bool or its complement.
    const Cast* cast = r.graph().as<Cast>(r.in(0));
    if (!cast || o.kind > CompareKind::kNotEqual || !r.is_constant(1) || r.in_type(0).shape != r.out_type().shape) return false;
    const Value b = r.graph()[r.in(0)].in[0];
    const auto c = uniform_constant(r, r.in(1));
    if (r.dtype(b) != DType::kBool || (c != 0.0 && c != 1.0)) return false;
    const bool kept = (c == 1.0) == (o.kind == CompareKind::kEqual);
    return r.replace(kept ? b : r.add(Unary(UnaryKind::kLogicalNot), {b}));
  }
  static Result<bool> legalize(const Compare& o, Rewrite& r) {
    return legalize_by_cast(r, r.node().op, kCompares[size_t(o.kind)].dtypes);
  }

  static constexpr Import imports[] = {
      {"aten.eq.Tensor", import_compare<CompareKind::kEqual>},
      {"aten.eq.Scalar", import_compare<CompareKind::kEqual>},
      {"aten.ne.Tensor", import_compare<CompareKind::kNotEqual>},
      {"aten.ne.Scalar", import_compare<CompareKind::kNotEqual>},
      {"aten.not_equal.Tensor", import_compare<CompareKind::kNotEqual>},
      {"aten.not_equal.Scalar", import_compare<CompareKind::kNotEqual>},
      {"aten.lt.Tensor", import_compare<CompareKind::kLess>},
      {"aten.lt.Scalar", import_compare<CompareKind::kLess>},
      {"aten.less.Tensor", import_compare<CompareKind::kLess>},
      {"aten.less.Scalar", import_compare<CompareKind::kLess>},
      {"aten.le.Tensor", import_compare<CompareKind::kLessEqual>},
      {"aten.le.Scalar", import_compare<CompareKind::kLessEqual>},
      {"aten.less_equal.Tensor", import_compare<CompareKind::kLessEqual>},
      {"aten.less_equal.Scalar", import_compare<CompareKind::kLessEqual>},
      {"aten.gt.Tensor", import_compare<CompareKind::kGreater>},
      {"aten.gt.Scalar", import_compare<CompareKind::kGreater>},
      {"aten.greater.Tensor", import_compare<CompareKind::kGreater>},
      {"aten.greater.Scalar", import_compare<CompareKind::kGreater>},
      {"aten.ge.Tensor", import_compare<CompareKind::kGreaterEqual>},
      {"aten.ge.Scalar", import_compare<CompareKind::kGreaterEqual>},
      {"aten.greater_equal.Tensor", import_compare<CompareKind::kGreaterEqual>},
      {"aten.greater_equal.Scalar", import_compare<CompareKind::kGreaterEqual>},
  };
  static std::vector<Sample> samples() {
    std::vector<Sample> s;
    for (size_t k = 0; k < std::size(kCompares); ++k) {
      const OpPtr op = make_op(Compare(CompareKind(k)));
      s.push_back({.op = op, .in = {type(DType::kF32, {2, 3, 4, 5}), type(DType::kF32, {1, 3, 1, 5})}});
      s.push_back({.op = op, .in = {type(DType::kI32, {2, 3, 5}), type(DType::kI32, {})}, .low = -3, .high = 3});
    }
    const OpPtr op = make_op(Compare());
    s.push_back({.op = op, .in = {type(DType::kF32, {2})}, .bad = "C1"});
    s.push_back({.op = op, .in = {type(DType::kF32, {2}), type(DType::kI32, {2})}, .bad = "C2"});
    s.push_back({.op = op, .in = {type(DType::kF32, {2}), type(DType::kF32, {3})}, .bad = "C3"});
    return s;
  }
};

// ---- Logical ----

struct LogicalFacts {
  static constexpr std::string_view name = "logical";
  static constexpr std::string_view summary = "logic of two bool operands with broadcasting";
  static constexpr Layout layout = Layout::kAny;
  static constexpr Quant quant = Quant::kFloatOnly;

  static Result<Types> infer(const Logical&, TypesIn in) {
    TRY_STATUS(check_pair(in));
    CHECK_OP(C4, in[0].dtype == DType::kBool, "operands are {}, not bool", atl::name(in[0].dtype));
    return broadcast_result(in, DType::kBool);
  }
  static Result<Tensors> eval(const Logical& o, TensorsIn in) {
    const Types types{in[0].type(), in[1].type()};
    TRY(const Types result, broadcast_result(types, DType::kBool));
    Tensor out = Tensor::make(result[0]);
    const BroadcastWalk walk(result[0].shape, {&in[0].shape(), &in[1].shape()});
    const bool both = o.kind == LogicalKind::kAnd;
    broadcast_pairs(walk, in[0].data<bool>(), in[1].data<bool>(), out.mutable_data<bool>(),
                    [both](bool a, bool b) { return both ? a && b : a || b; });
    return Tensors{std::move(out)};
  }
  static std::optional<LayoutChoice> permuted(const Logical& o, TypesIn in, int, const Perm& p) {
    return permuted_elementwise(make_op(o), in, p);
  }
  static Status legal(const Logical&, TypesIn in) { return legal_broadcast(name, in); }
  static Result<TfliteOp> emit(const Logical& o, TypesIn) {
    if (o.kind == LogicalKind::kAnd) return TfliteOp(BuiltinOperator::LOGICAL_AND, 1, 2, tflite::LogicalAndOptionsT{});
    return TfliteOp(BuiltinOperator::LOGICAL_OR, 1, 2, tflite::LogicalOrOptionsT{});
  }
  static Result<Decoded> decode(const TfliteNode& n) {
    if (!is_plain(n)) return not_decoded();
    if (n.code == BuiltinOperator::LOGICAL_AND) return Decoded{make_op(Logical(LogicalKind::kAnd)), {0, 1}};
    if (n.code == BuiltinOperator::LOGICAL_OR) return Decoded{make_op(Logical(LogicalKind::kOr)), {0, 1}};
    return not_decoded();
  }
  static Result<bool> canonicalize(const Logical& o, Rewrite& r) {
    TRY(const bool changed, canonicalize_operands(r));
    if (changed) return true;
    for (size_t i = 0; i < 2; ++i) {
      const auto c = uniform_constant(r, r.in(i));
      if (!c) continue;
      // The neutral element gives the other operand, the absorbing one itself.
      const bool neutral = (*c != 0) == (o.kind == LogicalKind::kAnd);
      const Value with = neutral ? r.in(1 - i) : r.in(i);
      if (r.type(with) == r.out_type()) return r.replace(with);
    }
    return false;
  }
  static std::vector<Sample> samples() {
    std::vector<Sample> s;
    for (auto k : {LogicalKind::kAnd, LogicalKind::kOr}) {
      s.push_back({.op = make_op(Logical(k)), .in = {type(DType::kBool, {2, 3, 4, 5}), type(DType::kBool, {1, 3, 1, 5})}});
      s.push_back({.op = make_op(Logical(k)), .in = {type(DType::kBool, {2, 3}), type(DType::kBool, {2, 3})}});
    }
    const OpPtr op = make_op(Logical());
    s.push_back({.op = op, .in = {type(DType::kBool, {2})}, .bad = "C1"});
    s.push_back({.op = op, .in = {type(DType::kBool, {2}), type(DType::kI32, {2})}, .bad = "C2"});
    s.push_back({.op = op, .in = {type(DType::kBool, {2}), type(DType::kBool, {3})}, .bad = "C3"});
    s.push_back({.op = op, .in = {type(DType::kI32, {2}), type(DType::kI32, {2})}, .bad = "C4"});
    return s;
  }
};

// ---- Bitwise ----

struct BitwiseKindFacts {
  BuiltinOperator builtin;
  std::string_view dtypes;
  bool broadcasts;
};
constexpr BitwiseKindFacts kBits[] = {
    {BuiltinOperator::STABLEHLO_AND, "i8 u8 i16 u16 i32 u32 i64 u64", false},
    {BuiltinOperator::BITWISE_XOR, "i8 u8 i16 u16 i32 u32", true},
    {BuiltinOperator::STABLEHLO_SHIFT_LEFT, "i8 i16 i32", false},
    {BuiltinOperator::RIGHT_SHIFT, "i8 u8 i16 u16 i32 u32", true},
};
static_assert(std::size(kBits) == enum_names(BitwiseKind{}).size());

struct BitwiseFacts {
  static constexpr std::string_view name = "bitwise";
  static constexpr std::string_view summary = "bits of two integer operands";
  static constexpr Layout layout = Layout::kAny;
  static constexpr Quant quant = Quant::kFloatOnly;

  static Result<Types> infer(const Bitwise&, TypesIn in) {
    TRY_STATUS(check_pair(in));
    CHECK_OP(C4, is_integer(in[0].dtype), "operands are {}, not integers", atl::name(in[0].dtype));
    return broadcast_result(in, in[0].dtype);
  }
  template <class T>
  static T apply(BitwiseKind k, T a, T b) {
    constexpr auto kWidth = int64_t(sizeof(T) * 8);
    const bool outside = b < T(0) || uint64_t(b) >= uint64_t(kWidth);
    switch (k) {
      case BitwiseKind::kAnd:
        return T(a & b);
      case BitwiseKind::kXor:
        return T(a ^ b);
      case BitwiseKind::kShiftLeft:
        return outside ? T(0) : T(uint64_t(a) << uint64_t(b));
      case BitwiseKind::kShiftRight:
        // As LiteRT: the count is clamped.
        return T(a >> (b < T(0) ? 0 : outside ? kWidth - 1 : int64_t(b)));
    }
    return a;
  }
  static Result<Tensors> eval(const Bitwise& o, TensorsIn in) {
    const Types types{in[0].type(), in[1].type()};
    TRY(const Types result, broadcast_result(types, in[0].dtype()));
    Tensor out = Tensor::make(result[0]);
    const BroadcastWalk walk(result[0].shape, {&in[0].shape(), &in[1].shape()});
    visit(in[0].dtype(), [&]<class T>(T) {
      if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
        broadcast_pairs(walk, in[0].data<T>(), in[1].data<T>(), out.mutable_data<T>(),
                        [k = o.kind](T a, T b) { return apply<T>(k, a, b); });
    });
    return Tensors{std::move(out)};
  }
  static std::optional<LayoutChoice> permuted(const Bitwise& o, TypesIn in, int, const Perm& p) {
    return permuted_elementwise(make_op(o), in, p);
  }
  static Status legal(const Bitwise& o, TypesIn in) {
    const BitwiseKindFacts& f = kBits[size_t(o.kind)];
    TRY_STATUS(legal_dtype(fmt::format("bitwise {}", enum_names(o.kind)[size_t(o.kind)]), in[0], f.dtypes));
    if (!f.broadcasts && broadcasts(in))
      return error(Code::kUnsupportedForm,
                   fmt::format("LiteRT's bitwise {} does not broadcast", enum_names(o.kind)[size_t(o.kind)]),
                   "expand the operands in the model");
    return legal_broadcast(name, in);
  }
  static Result<TfliteOp> emit(const Bitwise& o, TypesIn) {
    TfliteOp op(kBits[size_t(o.kind)].builtin, 1, 2);
    if (o.kind == BitwiseKind::kXor) op.options.Set(tflite::BitwiseXorOptionsT{});
    if (o.kind == BitwiseKind::kShiftRight) op.options.Set(tflite::RightShiftOptionsT{});
    if (o.kind == BitwiseKind::kShiftLeft) op.options2.Set(tflite::StablehloShiftLeftOptionsT{});
    return op;
  }
  static Result<Decoded> decode(const TfliteNode& n) {
    if (!is_plain(n) || !is_integer(n.in[0]->dtype)) return not_decoded();
    for (size_t k = 0; k < std::size(kBits); ++k)
      if (kBits[k].builtin == n.code) return Decoded{make_op(Bitwise(BitwiseKind(k))), {0, 1}};
    return not_decoded();
  }
  static Result<bool> canonicalize(const Bitwise&, Rewrite& r) { return canonicalize_operands(r); }
  static Result<bool> legalize(const Bitwise& o, Rewrite& r) {
    const BitwiseKindFacts& f = kBits[size_t(o.kind)];
    // Of 64 bits a ^ b = a + b - 2 (a & b), where a cast would cut them.
    if (o.kind == BitwiseKind::kXor && r.out_type().dtype == DType::kI64) {
      const Value common = r.add(Bitwise(BitwiseKind::kAnd), {r.in(0), r.in(1)});
      const Value sum = r.add(Binary(BinaryKind::kAdd), {r.in(0), r.in(1)});
      return r.replace(r.add(Binary(BinaryKind::kSub), {sum, r.add(Binary(BinaryKind::kAdd), {common, common})}));
    }
    TRY(const bool changed, legalize_by_cast(r, r.node().op, f.dtypes));
    if (changed || f.broadcasts || r.in_type(0).shape == r.in_type(1).shape) return changed;
    const Shape s = r.out_type().shape;
    return r.replace(r.add(o, {broadcast_to(r, r.in(0), s), broadcast_to(r, r.in(1), s)}));
  }
  static std::vector<Sample> samples() {
    std::vector<Sample> s;
    for (size_t k = 0; k < std::size(kBits); ++k)
      s.push_back({.op = make_op(Bitwise(BitwiseKind(k))),
                   .in = {type(DType::kI32, {2, 3, 5}), type(DType::kI32, {2, 3, 5})},
                   .low = 0,
                   .high = 9});
    const auto op = [](BitwiseKind k) { return make_op(Bitwise(k)); };
    s.push_back({.op = op(BitwiseKind::kXor), .in = {type(DType::kI32, {2, 3}), type(DType::kI32, {1, 3})}, .high = 99});
    s.push_back({.op = op(BitwiseKind::kXor), .in = {type(DType::kI32, {2})}, .bad = "C1"});
    s.push_back({.op = op(BitwiseKind::kXor), .in = {type(DType::kI32, {2}), type(DType::kI8, {2})}, .bad = "C2"});
    s.push_back({.op = op(BitwiseKind::kXor), .in = {type(DType::kI32, {2}), type(DType::kI32, {3})}, .bad = "C3"});
    s.push_back({.op = op(BitwiseKind::kXor), .in = {type(DType::kF32, {2}), type(DType::kF32, {2})}, .bad = "C4"});
    return s;
  }
};

}  // namespace
DEFINE_OP(Compare, CompareFacts)
DEFINE_OP(Logical, LogicalFacts)
DEFINE_OP(Bitwise, BitwiseFacts)
}  // namespace atl
