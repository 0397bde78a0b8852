#include "ops/binary.h"

#include <cmath>

#include "ir/source_call.h"
#include "ir/tflite_op.h"
#include "ops/binary_integer.h"
#include "ops/elementwise.h"
#include "ops/promotion.h"
#include "ops/unary.h"
#include "ops/wide_integers.h"

namespace atl {
namespace {

using tflite::BuiltinOperator;

struct KindFacts {
  BuiltinOperator builtin;
  std::string_view dtypes;  // element types that LiteRT's CPU kernel takes without quantization
};
constexpr KindFacts kKinds[] = {
    {BuiltinOperator::ADD, "f32 f16 i16 i32 i64"},
    {BuiltinOperator::SUB, "f32 i32 i64"},
    {BuiltinOperator::MUL, "f32 f16 i16 i32 u32 i64"},
    {BuiltinOperator::DIV, "f32 i32"},
    {BuiltinOperator::POW, "f32 i32"},
    {BuiltinOperator::FLOOR_DIV, "f32 i8 i16 i32"},
    {BuiltinOperator::FLOOR_MOD, "f32 i8 i16 i32 i64"},
    {BuiltinOperator::MAXIMUM, "f32 f16 i8 u8 i16 i32 i64"},
    {BuiltinOperator::MINIMUM, "f32 f16 i8 u8 i16 i32 i64"},
    {BuiltinOperator::SQUARED_DIFFERENCE, "f32 i32"},
    {BuiltinOperator::ATAN2, "f32 f16 f64"},
};
static_assert(std::size(kKinds) == enum_names(BinaryKind{}).size());

std::string_view kind_name(BinaryKind k) { return enum_names(k)[size_t(k)]; }
bool takes_activation(BinaryKind k) { return k <= BinaryKind::kDiv; }
bool divides(BinaryKind k) { return k == BinaryKind::kDiv || k == BinaryKind::kFloorDiv || k == BinaryKind::kFloorMod; }

// Calls run(f) with the function of a kind on T (float or double). Maximum and minimum give the second operand where one is
// NaN, as LiteRT does.
template <class T, class R>
void with_float_function(BinaryKind kind, R run) {
  switch (kind) {
    case BinaryKind::kAdd:
      return run([](T a, T b) { return a + b; });
    case BinaryKind::kSub:
      return run([](T a, T b) { return a - b; });
    case BinaryKind::kMul:
      return run([](T a, T b) { return a * b; });
    case BinaryKind::kDiv:
      return run([](T a, T b) { return a / b; });
    case BinaryKind::kPow:
      return run([](T a, T b) { return T(std::pow(double(a), double(b))); });
    case BinaryKind::kFloorDiv:
      return run([](T a, T b) { return std::floor(a / b); });
    case BinaryKind::kFloorMod:
      return run([](T a, T b) {
        const T m = std::fmod(a, b);
        return m != 0 && (m < 0) != (b < 0) ? m + b : m;
      });
    case BinaryKind::kMaximum:
      return run([](T a, T b) { return a > b ? a : b; });
    case BinaryKind::kMinimum:
      return run([](T a, T b) { return a < b ? a : b; });
    case BinaryKind::kSquaredDifference:
      return run([](T a, T b) {
        const double d = double(a) - double(b);
        return T(d * d);
      });
    case BinaryKind::kAtan2:
      return run([](T a, T b) { return T(std::atan2(double(a), double(b))); });
  }
}

// Integers wrap. The divisor is not zero, the exponent not negative.
template <class T>
T divide(T a, T b) {
  if constexpr (std::is_signed_v<T>)
    if (b == T(-1)) return T(0 - uint64_t(a));
  return T(a / b);
}
template <class T>
T modulo(T a, T b) {
  if constexpr (std::is_signed_v<T>)
    if (b == T(-1)) return T(0);
  const T m = T(a % b);
  return m != 0 && (m < 0) != (b < 0) ? T(m + b) : m;
}
template <class T>
T power(T a, T b) {
  uint64_t r = 1, base = uint64_t(int64_t(a));
  for (auto e = uint64_t(int64_t(b)); e; e >>= 1, base *= base)
    if (e & 1) r *= base;
  return T(r);
}

template <class T, class R>
void with_integer_function(BinaryKind kind, R run) {
  switch (kind) {
    case BinaryKind::kAdd:
      return run([](T a, T b) { return T(uint64_t(a) + uint64_t(b)); });
    case BinaryKind::kSub:
      return run([](T a, T b) { return T(uint64_t(a) - uint64_t(b)); });
    case BinaryKind::kMul:
      return run([](T a, T b) { return T(uint64_t(a) * uint64_t(b)); });
    case BinaryKind::kDiv:
      return run([](T a, T b) { return divide(a, b); });
    case BinaryKind::kPow:
      return run([](T a, T b) { return power(a, b); });
    case BinaryKind::kFloorDiv:
      return run([](T a, T b) {
        const T q = divide(a, b);
        const bool exact = T(uint64_t(q) * uint64_t(b)) == a;
        return !exact && (a < 0) != (b < 0) ? T(q - 1) : q;
      });
    case BinaryKind::kFloorMod:
      return run([](T a, T b) { return modulo(a, b); });
    case BinaryKind::kMaximum:
      return run([](T a, T b) { return a > b ? a : b; });
    case BinaryKind::kMinimum:
      return run([](T a, T b) { return a < b ? a : b; });
    case BinaryKind::kSquaredDifference:
      return run([](T a, T b) {
        const uint64_t d = uint64_t(a) - uint64_t(b);
        return T(d * d);
      });
    case BinaryKind::kAtan2:
      return;
  }
}

template <class T>
void clamp_all(Tensor& t, T low, T high) {
  T* v = t.mutable_data<T>();
  for (int64_t i = 0, n = t.count(); i < n; ++i) v[i] = v[i] < low ? low : v[i] > high ? high : v[i];
}

void apply_activation(Activation a, Tensor& t) {
  if (a == Activation::kNone) return;
  visit(t.dtype(), [&]<class T>(T) {
    if constexpr (std::is_same_v<T, bool> || std::is_unsigned_v<T>) return;
    const T low = a == Activation::kReluN1To1 ? T(-1) : T(0);
    if (a == Activation::kRelu) {
      T* v = t.mutable_data<T>();
      for (int64_t i = 0, n = t.count(); i < n; ++i) v[i] = v[i] < low ? low : v[i];
    } else {
      clamp_all<T>(t, low, a == Activation::kRelu6 ? T(6) : T(1));
    }
  });
}

// ---- import ----

// Both operands in torch's result type; bool arithmetic is logic.
template <BinaryKind K>
void import_binary(SourceCall& c) {
  Values in = promoted(c, {"self", "other"}, c.result_type().dtype);
  if (!in[0].valid() || !in[1].valid()) return;
  if (c.dtype(in[0]) == DType::kBool) {
    constexpr bool is_or = K == BinaryKind::kAdd || K == BinaryKind::kMaximum;
    constexpr bool is_and = K == BinaryKind::kMul || K == BinaryKind::kMinimum;
    if constexpr (is_or || is_and) return c.result(c.add(Logical(is_or ? LogicalKind::kOr : LogicalKind::kAnd), in));
    return c.unsupported("bool operands", "convert them with .to(torch.int32)");
  }
  if (K == BinaryKind::kAdd || K == BinaryKind::kSub)
    if (const double alpha = c.number("alpha", 1); alpha != 1)
      in[1] = c.add(Binary(BinaryKind::kMul), {in[1], c.scalar(alpha, c.dtype(in[1]))});
  c.result(c.add(Binary(K), in));
}

struct BinaryFacts {
  static constexpr std::string_view name = "binary";
  static constexpr std::string_view summary = "arithmetic of two operands with broadcasting";
  static constexpr Layout layout = Layout::kAny;
  static constexpr Quant quant = Quant::kRequant;

  // LiteRT's integer division gives the lowest integer where the numerator is one step below zero and the divisor large.
  static QuantRule quantization(const Binary& o, TypesIn) {
    switch (o.kind) {
      case BinaryKind::kAdd:
      case BinaryKind::kSub:
      case BinaryKind::kMul:
        return {.kind = Quant::kRequant, .types = "i8 u8 i16"};
      case BinaryKind::kSquaredDifference:
        return {.kind = Quant::kRequant, .types = "i8"};
      case BinaryKind::kMaximum:
      case BinaryKind::kMinimum:
        return {.kind = Quant::kSameScale, .types = "i8 u8 i16"};
      default:
        return {};
    }
  }

  static OpPtr with_activation(const Binary& o, Activation a) {
    const bool fuses =
        o.kind == BinaryKind::kAdd || o.kind == BinaryKind::kSub || o.kind == BinaryKind::kMul || o.kind == BinaryKind::kDiv;
    return fuses && o.activation == Activation::kNone ? make_op(Binary(o.kind, a)) : nullptr;
  }

  static Result<Types> infer(const Binary& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 2, "two operands are needed, not {}", in.size());
    CHECK_OP(C2, in[0].dtype == in[1].dtype, "operands are {} and {}, one element type is needed", atl::name(in[0].dtype),
             atl::name(in[1].dtype));
    CHECK_OP(C3, in[0].dtype != DType::kBool && visit(in[0].dtype, [](auto) {}), "{} does not take {}", kind_name(o.kind),
             atl::name(in[0].dtype));
    CHECK_OP(C4, o.kind != BinaryKind::kAtan2 || is_float(in[0].dtype), "atan2 does not take {}", atl::name(in[0].dtype));
    CHECK_OP(C5, o.activation == Activation::kNone || takes_activation(o.kind), "{} has no activation", kind_name(o.kind));
    CHECK_OP(C6, broadcast_shapes(in).has_value(), "shapes {} and {} do not broadcast", to_string(in[0].shape),
             to_string(in[1].shape));
    return broadcast_result(in, in[0].dtype);
  }

  static Result<Tensors> eval(const Binary& o, TensorsIn in) {
    const Types types{in[0].type(), in[1].type()};
    TRY(const Types result, broadcast_result(types, in[0].dtype()));
    Tensor out = Tensor::make(result[0]);
    const BroadcastWalk walk(result[0].shape, {&in[0].shape(), &in[1].shape()});
    Status status;
    visit(in[0].dtype(), [&]<class T>(T) {
      const T *a = in[0].data<T>(), *b = in[1].data<T>();
      T* to = out.mutable_data<T>();
      if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
        // One rounding of the exact result: the same as in double and then rounded.
        with_float_function<T>(o.kind, [&](auto f) { broadcast_pairs(walk, a, b, to, f); });
      } else if constexpr (!std::is_integral_v<T>) {
        with_float_function<double>(o.kind, [&](auto f) {
          broadcast_pairs(walk, a, b, to, [f](T x, T y) { return T(float(f(double(float(x)), double(float(y))))); });
        });
      } else if constexpr (!std::is_same_v<T, bool>) {
        status = check_integers(o.kind, in[1].values<T>());
        if (status) with_integer_function<T>(o.kind, [&](auto f) { broadcast_pairs(walk, a, b, to, f); });
      }
    });
    TRY_STATUS(std::move(status));
    apply_activation(o.activation, out);
    return Tensors{std::move(out)};
  }

  static Result<Tensors> eval_integer(const Binary& o, TensorsIn in, TypesIn out) {
    const Type &a = in[0].type(), &b = in[1].type();
    TRY_STATUS(IntegerBinary::legal(o, Types{a, b}, out[0]));
    const IntegerBinary kernel(o, a, b, out[0]);
    Tensor y = Tensor::make(out[0]);
    const BroadcastWalk walk(out[0].shape, {&a.shape, &b.shape});
    visit(a.dtype, [&]<class T>(T) {
      if constexpr (std::is_integral_v<T> && sizeof(T) <= 2)
        broadcast_pairs(walk, in[0].data<T>(), in[1].data<T>(), y.mutable_data<T>(),
                        [&](T u, T v) { return T(kernel(int32_t(u), int32_t(v))); });
    });
    return Tensors{std::move(y)};
  }

  static Status legal_integer(const Binary& o, TypesIn in, TypesIn out) { return IntegerBinary::legal(o, in, out[0]); }

  static Result<TfliteOp> emit_integer(const Binary& o, TypesIn in, TypesIn out) {
    for (const Type* t : {&in[0], &in[1], &out[0]})
      if (!t->quant || t->quant->scale.empty())
        return error(Code::kUnsupportedForm,
                     fmt::format("an integer {} with {}, which has no scale", kind_name(o.kind), to_string(*t)));
    TRY(TfliteOp op, emit(o, in));
    const bool grows = in[0].quant->scale[0] * in[1].quant->scale[0] / out[0].quant->scale[0] >= 1;
    if (o.kind == BinaryKind::kMul && in[0].dtype != DType::kI16 && grows) op.version = 3;
    return op;
  }

  template <class T>
  static Status check_integers(BinaryKind k, std::span<const T> divisors) {
    for (T d : divisors) {
      if (divides(k) && d == 0)
        return error(Code::kArgument, fmt::format("{} of integers by zero", kind_name(k)), "guard the divisor in the model");
      if (k == BinaryKind::kPow && d < 0)
        return error(Code::kArgument, "a negative power of integers", "convert the base to a float type");
    }
    return {};
  }

  static std::optional<LayoutChoice> permuted(const Binary& o, TypesIn in, int, const Perm& p) {
    return permuted_elementwise(make_op(o), in, p);
  }

  static Status legal(const Binary& o, TypesIn in) {
    TRY_STATUS(legal_dtype(kind_name(o.kind), in[0], kKinds[size_t(o.kind)].dtypes));
    if (o.kind == BinaryKind::kAtan2 && broadcasts(in))
      return error(Code::kUnsupportedForm, "LiteRT's atan2 does not broadcast", "expand the operands in the model");
    return legal_broadcast(kind_name(o.kind), in);
  }

  static Result<TfliteOp> emit(const Binary& o, TypesIn in) {
    TfliteOp op(kKinds[size_t(o.kind)].builtin, version(o.kind, in), 2);
    const auto act = tflite::ActivationFunctionType(o.activation);
    const auto fused = [&]<class T>(T options) {
      options.fused_activation_function = act;
      op.options.Set(std::move(options));
    };
    switch (o.kind) {
      case BinaryKind::kAdd: {
        tflite::AddOptionsT options;
        options.pot_scale_int16 = false;
        fused(std::move(options));
        break;
      }
      case BinaryKind::kSub: {
        tflite::SubOptionsT options;
        options.pot_scale_int16 = false;
        fused(std::move(options));
        break;
      }
      case BinaryKind::kMul:
        fused(tflite::MulOptionsT{});
        break;
      case BinaryKind::kDiv:
        fused(tflite::DivOptionsT{});
        break;
      case BinaryKind::kPow:
        op.options.Set(tflite::PowOptionsT{});
        break;
      case BinaryKind::kFloorDiv:
        op.options.Set(tflite::FloorDivOptionsT{});
        break;
      case BinaryKind::kFloorMod:
        op.options.Set(tflite::FloorModOptionsT{});
        break;
      case BinaryKind::kMaximum:
      case BinaryKind::kMinimum:
        op.options.Set(tflite::MaximumMinimumOptionsT{});
        break;
      case BinaryKind::kSquaredDifference:
        op.options.Set(tflite::SquaredDifferenceOptionsT{});
        break;
      case BinaryKind::kAtan2:
        op.options.Set(tflite::ATan2OptionsT{});
        break;
    }
    return op;
  }

  // The rules of LiteRT's op_version.cc for the kinds above.
  static int version(BinaryKind k, TypesIn in) {
    const DType t = in[0].dtype;
    const bool i8 = t == DType::kI8, i16 = t == DType::kI16, quantized = in[0].quant.has_value();
    const bool wide = broadcasts(in) && largest_rank(in) > 4;
    switch (k) {
      case BinaryKind::kAdd:
        return t == DType::kF16 ? 6 : i16 ? (quantized ? 3 : 5) : t == DType::kI64 ? 4 : i8 ? 2 : 1;
      case BinaryKind::kSub:
        return i16 && quantized ? 5 : t == DType::kI64 ? 4 : wide ? 3 : i8 ? 2 : 1;
      case BinaryKind::kMul:
        return t == DType::kF16 ? 8 : t == DType::kU32 || (i16 && !quantized) ? 7 : t == DType::kI64 ? 5 : i16 ? 4 : i8 ? 2 : 1;
      case BinaryKind::kDiv:
        return wide ? 2 : 1;
      case BinaryKind::kMaximum:
      case BinaryKind::kMinimum:
        return i16 ? 4 : wide ? 3 : i8 ? 2 : 1;
      case BinaryKind::kFloorDiv:
        return i8 || i16 ? 3 : t == DType::kF32 ? 2 : 1;
      case BinaryKind::kFloorMod:
        return i8 || i16 ? 2 : 1;
      case BinaryKind::kSquaredDifference:
        return i8 ? 2 : 1;
      default:
        return 1;
    }
  }

  template <class T>
  static std::optional<Activation> fused_activation(const TfliteNode& n) {
    const auto* options = n.options_as<T>();
    const auto code = options ? int(options->fused_activation_function) : 0;
    if (code < 0 || code >= int(enum_names(Activation{}).size())) return std::nullopt;
    return Activation(code);
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    if (n.in.size() != 2 || n.out.size() != 1 || n.out[0].quant) return not_decoded();
    for (const auto& t : n.in)
      if (!t || !is_computable(*t)) return not_decoded();
    for (size_t k = 0; k < std::size(kKinds); ++k) {
      if (kKinds[k].builtin != n.code) continue;
      const auto kind = BinaryKind(k);
      std::optional<Activation> act = Activation::kNone;
      if (kind == BinaryKind::kAdd) act = fused_activation<tflite::AddOptionsT>(n);
      if (kind == BinaryKind::kSub) act = fused_activation<tflite::SubOptionsT>(n);
      if (kind == BinaryKind::kMul) act = fused_activation<tflite::MulOptionsT>(n);
      if (kind == BinaryKind::kDiv) act = fused_activation<tflite::DivOptionsT>(n);
      if (!act) return not_decoded();
      return Decoded{make_op(Binary(kind, *act)), {0, 1}};
    }
    return not_decoded();
  }

  static Result<bool> canonicalize(const Binary& o, Rewrite& r) {
    TRY(const bool changed, canonicalize_operands(r));
    if (changed) return true;
    const bool f = is_float(r.out_type().dtype), constant0 = r.is_constant(0), constant1 = r.is_constant(1);
    const auto kept = [&](size_t i) { return r.in_type(i) == r.out_type(); };
    // The constant of a commutative op stands second; x - c is x + (-c), in floats the very same number.
    if ((o.kind == BinaryKind::kAdd || o.kind == BinaryKind::kMul) && constant0 && !constant1)
      return r.replace(r.add(o, {r.in(1), r.in(0)}));
    if (o.kind == BinaryKind::kSub && constant1 && !constant0 && f && !r.in_type(1).quant) {
      const Value negated = r.constant(Constant::lazy(make_op(Unary(UnaryKind::kNeg)), {r.graph().constant_ptr(r.in(1))},
                                                      r.in_type(1), r.graph().constant(r.in(1))->name()));
      return r.replace(r.add(Binary(BinaryKind::kAdd, o.activation), {r.in(0), negated}));
    }
    if ((o.kind == BinaryKind::kMaximum || o.kind == BinaryKind::kMinimum) && f) return canonicalize_clamp(o, r);
    if (!constant1 || !kept(0) || o.activation != Activation::kNone) return false;
    const auto c = uniform_constant(r, r.in(1));
    if (!c) return false;
    const bool multiplies = o.kind == BinaryKind::kMul || o.kind == BinaryKind::kDiv || o.kind == BinaryKind::kPow;
    if (*c == 1 && multiplies) return r.replace(r.in(0));
    if (*c == 0 && (o.kind == BinaryKind::kAdd || o.kind == BinaryKind::kSub)) return r.replace(r.in(0));
    int exponent = 0;
    if (o.kind == BinaryKind::kDiv && f && std::abs(std::frexp(*c, &exponent)) == 0.5 && std::abs(exponent) < 100)
      return r.replace(r.add(Binary(BinaryKind::kMul), {r.in(0), r.scalar(1 / *c, r.dtype(r.in(1)))}));
    return false;
  }

  // Maximum and minimum with constants that LiteRT has as activations, which may then be fused.
  static Result<bool> canonicalize_clamp(const Binary& o, Rewrite& r) {
    const size_t constant = r.is_constant(0) ? 0 : 1;
    const Value x = r.in(1 - constant);
    if (!r.is_constant(constant) || r.type(x) != r.out_type() || r.is_constant(1 - constant)) return false;
    const auto c = uniform_constant(r, r.in(constant));
    if (!c) return false;
    const bool low = o.kind == BinaryKind::kMaximum;
    if (low && *c == 0) {
      // max(min(x, 6), 0)
      if (const auto [inner, bound] = inner_bound(r, x, BinaryKind::kMinimum); bound == 6.0)
        return r.replace(r.add(Unary(UnaryKind::kRelu6), {inner}));
      return r.replace(r.add(Unary(UnaryKind::kRelu), {x}));
    }
    if (const auto* u = r.graph().as<Unary>(x); u && u->kind == UnaryKind::kRelu && !low && *c == 6)
      return r.replace(r.add(Unary(UnaryKind::kRelu6), {r.graph()[x].in[0]}));
    if (*c == (low ? -1 : 1))
      if (const auto [inner, bound] = inner_bound(r, x, low ? BinaryKind::kMinimum : BinaryKind::kMaximum);
          bound == (low ? 1.0 : -1.0))
        return r.replace(r.add(Unary(UnaryKind::kReluN1To1), {inner}));
    return false;
  }

  // For v = kind(x, c) with a uniform constant c: x and c.
  static std::pair<Value, std::optional<double>> inner_bound(Rewrite& r, Value v, BinaryKind kind) {
    const auto* b = r.graph().as<Binary>(v);
    if (!b || b->kind != kind) return {};
    const Values& in = r.graph()[v].in;
    const size_t constant = r.graph().constant(in[0]) ? 0 : 1;
    const Value x = in[1 - constant];
    if (r.type(x) != r.type(v)) return {};
    return {x, uniform_constant(r, in[constant])};
  }

  static Result<bool> legalize(const Binary& o, Rewrite& r) {
    if (o.kind == BinaryKind::kAtan2 && r.in_type(0).shape != r.in_type(1).shape) {
      const Shape s = r.out_type().shape;
      return r.replace(r.add(o, {broadcast_to(r, r.in(0), s), broadcast_to(r, r.in(1), s)}));
    }
    if (const Value wide = wide_form(o, r); wide.valid() || r.failed()) return r.replace(wide);
    return legalize_by_cast(r, r.node().op, kKinds[size_t(o.kind)].dtypes);
  }

  // 64-bit operands that may not fit into the 32 bits of LiteRT's kernels; invalid for others.
  static Value wide_form(const Binary& o, Rewrite& r) {
    if (r.dtype(r.in(0)) != DType::kI64 || o.activation != Activation::kNone) return {};
    if (o.kind == BinaryKind::kSquaredDifference) {
      const Value d = r.add(Binary(BinaryKind::kSub), {r.in(0), r.in(1)});
      return r.add(Binary(BinaryKind::kMul), {d, d});
    }
    if (o.kind != BinaryKind::kDiv && o.kind != BinaryKind::kFloorDiv) return {};
    if (fits_i32(r.graph(), r.in(0)) && fits_i32(r.graph(), r.in(1))) return {};
    return divide_i64(r, r.in(0), r.in(1), o.kind == BinaryKind::kFloorDiv);
  }

  static constexpr Import imports[] = {
      {"aten.add.Tensor", import_binary<BinaryKind::kAdd>},
      {"aten.add.Scalar", import_binary<BinaryKind::kAdd>},
      {"aten.sub.Tensor", import_binary<BinaryKind::kSub>},
      {"aten.sub.Scalar", import_binary<BinaryKind::kSub>},
      {"aten.subtract.Tensor", import_binary<BinaryKind::kSub>},
      {"aten.subtract.Scalar", import_binary<BinaryKind::kSub>},
      {"aten.mul.Tensor", import_binary<BinaryKind::kMul>},
      {"aten.mul.Scalar", import_binary<BinaryKind::kMul>},
      {"aten.multiply.Tensor", import_binary<BinaryKind::kMul>},
      {"aten.multiply.Scalar", import_binary<BinaryKind::kMul>},
      {"aten.div.Tensor", import_binary<BinaryKind::kDiv>},
      {"aten.div.Scalar", import_binary<BinaryKind::kDiv>},
      {"aten.divide.Tensor", import_binary<BinaryKind::kDiv>},
      {"aten.divide.Scalar", import_binary<BinaryKind::kDiv>},
      {"aten.true_divide.Tensor", import_binary<BinaryKind::kDiv>},
      {"aten.true_divide.Scalar", import_binary<BinaryKind::kDiv>},
      {"aten.remainder.Tensor", import_binary<BinaryKind::kFloorMod>},
      {"aten.remainder.Scalar", import_binary<BinaryKind::kFloorMod>},
      {"aten.remainder.Scalar_Tensor", import_binary<BinaryKind::kFloorMod>},
      {"aten.maximum.default", import_binary<BinaryKind::kMaximum>},
      {"aten.max.other", import_binary<BinaryKind::kMaximum>},
      {"aten.minimum.default", import_binary<BinaryKind::kMinimum>},
      {"aten.min.other", import_binary<BinaryKind::kMinimum>},
      {"aten.atan2.default", import_binary<BinaryKind::kAtan2>},
      {"aten.arctan2.default", import_binary<BinaryKind::kAtan2>},
  };

  static std::vector<Sample> samples() {
    const auto f32 = [](Shape s) { return Type{DType::kF32, std::move(s), {}}; };
    const auto i32 = [](Shape s) { return Type{DType::kI32, std::move(s), {}}; };
    std::vector<Sample> s;
    for (size_t k = 0; k < std::size(kKinds); ++k) {
      const auto kind = BinaryKind(k);
      const bool positive = kind == BinaryKind::kPow || divides(kind);
      s.push_back(
          {.op = make_op(Binary(kind)), .in = {f32({2, 3, 4, 5}), f32({2, 3, 4, 5})}, .low = positive ? 0.5 : -4, .high = 4});
      if (kind == BinaryKind::kAtan2) continue;
      s.push_back(
          {.op = make_op(Binary(kind)), .in = {f32({2, 3, 4, 5}), f32({1, 3, 1, 1})}, .low = positive ? 0.5 : -4, .high = 4});
      s.push_back({.op = make_op(Binary(kind)), .in = {i32({2, 3, 4}), i32({})}, .low = positive ? 1.0 : -9.0, .high = 9});
    }
    for (auto act : {Activation::kRelu, Activation::kReluN1To1, Activation::kRelu6})
      s.push_back({.op = make_op(Binary(BinaryKind::kAdd, act)), .in = {f32({3, 4, 5}), f32({1, 1, 5})}, .low = -9, .high = 9});
    s.push_back({.op = make_op(Binary(BinaryKind::kSub)), .in = {f32({}), f32({2, 3, 5})}});
    s.push_back({.op = make_op(Binary()), .in = {f32({2})}, .bad = "C1"});
    s.push_back({.op = make_op(Binary()), .in = {f32({2}), i32({2})}, .bad = "C2"});
    s.push_back({.op = make_op(Binary()), .in = {Type{DType::kBool, {2}, {}}, Type{DType::kBool, {2}, {}}}, .bad = "C3"});
    s.push_back({.op = make_op(Binary(BinaryKind::kAtan2)), .in = {i32({2}), i32({2})}, .bad = "C4"});
    s.push_back({.op = make_op(Binary(BinaryKind::kPow, Activation::kRelu)), .in = {f32({2}), f32({2})}, .bad = "C5"});
    s.push_back({.op = make_op(Binary()), .in = {f32({2, 3}), f32({2, 4})}, .bad = "C6"});
    return s;
  }
};

}  // namespace
DEFINE_OP(Binary, BinaryFacts)
}  // namespace atl
