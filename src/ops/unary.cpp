#include "ops/unary.h"

#include <cmath>

#include "ir/source_call.h"
#include "ir/target.h"
#include "ir/tflite_op.h"
#include "ops/binary.h"
#include "ops/elementwise.h"
#include "ops/fixed_point.h"
#include "ops/integer_functions.h"
#include "ops/wide_integers.h"

namespace atl {
namespace {

using tflite::BuiltinOperator;

struct KindFacts {
  BuiltinOperator builtin;
  double (*eval)(double);
  std::string_view dtypes;  // element types that LiteRT's CPU kernel takes, beyond f32 and quantized forms
};

double sign(double x) { return std::isnan(x) ? x : double(x > 0) - double(x < 0); }
double clamp(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

constexpr KindFacts kKinds[] = {
    {BuiltinOperator::ABS, [](double x) { return std::fabs(x); }, "f32 i32"},
    {BuiltinOperator::NEG, [](double x) { return -x; }, "f32 f16 i8 i16 i32 i64"},
    {BuiltinOperator::SIGN, sign, "f32 f64 i32"},
    {BuiltinOperator::SQRT, [](double x) { return std::sqrt(x); }, "f32"},
    {BuiltinOperator::RSQRT, [](double x) { return 1 / std::sqrt(x); }, "f32"},
    {BuiltinOperator::SQUARE, [](double x) { return x * x; }, "f32"},
    {BuiltinOperator::EXP, [](double x) { return std::exp(x); }, "f32"},
    {BuiltinOperator::LOG, [](double x) { return std::log(x); }, "f32"},
    {BuiltinOperator::SIN, [](double x) { return std::sin(x); }, "f32 f16"},
    {BuiltinOperator::COS, [](double x) { return std::cos(x); }, "f32 f16"},
    {BuiltinOperator::FLOOR, [](double x) { return std::floor(x); }, "f32 f16"},
    {BuiltinOperator::CEIL, [](double x) { return std::ceil(x); }, "f32"},
    {BuiltinOperator::ROUND, [](double x) { return std::nearbyint(x); }, "f32 f16"},
    {BuiltinOperator::TANH, [](double x) { return std::tanh(x); }, "f32 f16"},
    {BuiltinOperator::LOGISTIC, [](double x) { return 1 / (1 + std::exp(-x)); }, "f32 f16"},
    {BuiltinOperator::RELU, [](double x) { return x < 0 ? 0 : x; }, "f32"},
    {BuiltinOperator::RELU6, [](double x) { return clamp(x, 0, 6); }, "f32"},
    {BuiltinOperator::RELU_N1_TO_1, [](double x) { return clamp(x, -1, 1); }, "f32"},
    {BuiltinOperator::RELU_0_TO_1, [](double x) { return clamp(x, 0, 1); }, "f32"},
    {BuiltinOperator::ELU, [](double x) { return x < 0 ? std::expm1(x) : x; }, "f32"},
    {BuiltinOperator::HARD_SWISH, [](double x) { return x * clamp(x + 3, 0, 6) / 6; }, "f32"},
    {BuiltinOperator::LOGICAL_NOT, [](double x) { return double(x == 0); }, "bool"},
};
static_assert(std::size(kKinds) == enum_names(UnaryKind{}).size());

const KindFacts& facts(UnaryKind k) { return kKinds[size_t(k)]; }

// Kinds whose result in f32 arithmetic is the rounded exact one, without a detour over double.
std::optional<Tensor> eval_f32(UnaryKind k, const Tensor& x) {
  switch (k) {
    case UnaryKind::kAbs:
      return map_directly<float>(x, [](float v) { return std::fabs(v); });
    case UnaryKind::kNeg:
      return map_directly<float>(x, [](float v) { return -v; });
    case UnaryKind::kSqrt:
      return map_directly<float>(x, [](float v) { return std::sqrt(v); });
    case UnaryKind::kSquare:
      return map_directly<float>(x, [](float v) { return v * v; });
    case UnaryKind::kRelu:
      return map_directly<float>(x, [](float v) { return v < 0 ? 0 : v; });
    case UnaryKind::kRelu6:
      return map_directly<float>(x, [](float v) { return v < 0 ? 0 : v > 6 ? 6 : v; });
    default:
      return std::nullopt;
  }
}

// Integers stay integers: 64 bits do not fit into a double. Overflow wraps.
template <class T>
std::optional<Tensor> eval_whole_numbers(UnaryKind k, const Tensor& x) {
  switch (k) {
    case UnaryKind::kAbs:
      return map_directly<T>(x, [](T v) { return v < T(0) ? T(0 - uint64_t(v)) : v; });
    case UnaryKind::kNeg:
      return map_directly<T>(x, [](T v) { return T(0 - uint64_t(v)); });
    case UnaryKind::kSquare:
      return map_directly<T>(x, [](T v) { return T(uint64_t(v) * uint64_t(v)); });
    case UnaryKind::kRelu:
      return map_directly<T>(x, [](T v) { return v < T(0) ? T(0) : v; });
    case UnaryKind::kFloor:
    case UnaryKind::kCeil:
    case UnaryKind::kRound:
      return x;
    default:
      return std::nullopt;
  }
}

bool is_number(DType t) {
  return t != DType::kBool && visit(t, [](auto) {});
}

bool rounds(UnaryKind k) { return k == UnaryKind::kFloor || k == UnaryKind::kCeil || k == UnaryKind::kRound; }

template <UnaryKind K>
void import_unary(SourceCall& c) {
  // Integer operands of float functions are promoted, as torch does.
  Value x = c.tensor("self");
  if (c.result_type().dtype != DType::kUnknown) x = c.to_dtype(x, c.result_type().dtype);
  if (K == UnaryKind::kSign && c.dtype(x) == DType::kBool) return c.result(x);
  c.result(c.add(Unary(K), {x}));
}

// XNNPACK's kernel gives NaN for zero, which integers often are: 1 / sqrt(x) does not.
void import_rsqrt(SourceCall& c) {
  const Value x = c.tensor("self");
  if (c.failed() || is_float(c.dtype(x))) return import_unary<UnaryKind::kRsqrt>(c);
  const Value root = c.add(Unary(UnaryKind::kSqrt), {c.to_dtype(x, DType::kF32)});
  c.result(c.to_dtype(c.add(Binary(BinaryKind::kDiv), {c.scalar(1), root}), c.result_type().dtype));
}

struct UnaryFacts {
  static constexpr std::string_view name = "unary";
  static constexpr std::string_view summary = "an elementwise function of one operand";
  static constexpr Layout layout = Layout::kAny;
  static constexpr Quant quant = Quant::kRequant;
  static bool homogeneous(const Unary& o) { return o.kind == UnaryKind::kRelu || o.kind == UnaryKind::kAbs; }

  static Result<Types> infer(const Unary& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 1, "one operand is needed, not {}", in.size());
    CHECK_OP(C2, o.kind == UnaryKind::kLogicalNot ? in[0].dtype == DType::kBool : is_number(in[0].dtype), "{} does not take {}",
             enum_names(o.kind)[size_t(o.kind)], atl::name(in[0].dtype));
    return Types{in[0]};
  }

  static Result<Tensors> eval(const Unary& o, TensorsIn in) {
    std::optional<Tensor> out;
    if (in[0].dtype() == DType::kF32)
      out = eval_f32(o.kind, in[0]);
    else if (is_integer(in[0].dtype()))
      visit(in[0].dtype(), [&]<class T>(T) {
        if constexpr (std::is_integral_v<T>) out = eval_whole_numbers<T>(o.kind, in[0]);
      });
    if (out) return Tensors{*std::move(out)};
    return Tensors{map_elements(in[0], [f = facts(o.kind).eval](double x) { return f(x); })};
  }

  // Of the kernels of 16 bits, those of EXP, LOG and RSQRT are tables too coarse to be of use; SQRT stops at the negative
  // numbers that 16 bits always have.
  static QuantRule quantization(const Unary& o, TypesIn) {
    switch (o.kind) {
      case UnaryKind::kRelu:
      case UnaryKind::kRelu6:
        return {.kind = Quant::kRequant, .types = "i8 u8 i16"};
      case UnaryKind::kReluN1To1:
      case UnaryKind::kRelu0To1:
      case UnaryKind::kHardSwish:
        return {.kind = Quant::kRequant, .types = "i8 u8"};
      case UnaryKind::kElu:
      case UnaryKind::kRsqrt:
      case UnaryKind::kExp:
      case UnaryKind::kLog:
      case UnaryKind::kSqrt:
        return {.kind = Quant::kRequant, .types = "i8"};
      case UnaryKind::kAbs:
        return {.kind = Quant::kRequant, .types = "i8 i16"};
      case UnaryKind::kTanh:
        return {.kind = Quant::kFixedOutput, .types = "i8 u8 i16", .fixed = symmetric_unit_parameters};
      case UnaryKind::kLogistic:
        return {.kind = Quant::kFixedOutput, .types = "i8 u8 i16", .fixed = unit_parameters};
      default:
        return {};
    }
  }

  static Result<Tensors> eval_integer(const Unary& o, TensorsIn in, TypesIn out) {
    TRY(Tensor y, integer_unary(o.kind, in[0], out[0]));
    return Tensors{std::move(y)};
  }

  static Status legal_integer(const Unary& o, TypesIn in, TypesIn out) { return legal_integer_unary(o.kind, in[0], out[0]); }

  static std::optional<LayoutChoice> permuted(const Unary& o, TypesIn in, int, const Perm& p) {
    return permuted_elementwise(make_op(o), in, p);
  }

  static Status legal(const Unary& o, TypesIn in) {
    return legal_dtype(enum_names(o.kind)[size_t(o.kind)], in[0], facts(o.kind).dtypes);
  }

  static Result<TfliteOp> emit(const Unary& o, TypesIn in) {
    TfliteOp op(facts(o.kind).builtin, version(o.kind, in[0]), 1);
    switch (o.kind) {
      case UnaryKind::kAbs:
        op.options.Set(tflite::AbsOptionsT{});
        break;
      case UnaryKind::kNeg:
        op.options.Set(tflite::NegOptionsT{});
        break;
      case UnaryKind::kExp:
        op.options.Set(tflite::ExpOptionsT{});
        break;
      case UnaryKind::kSquare:
        op.options.Set(tflite::SquareOptionsT{});
        break;
      case UnaryKind::kCos:
        op.options.Set(tflite::CosOptionsT{});
        break;
      case UnaryKind::kHardSwish:
        op.options.Set(tflite::HardSwishOptionsT{});
        break;
      case UnaryKind::kLogicalNot:
        op.options.Set(tflite::LogicalNotOptionsT{});
        break;
      default:
        break;
    }
    return op;
  }

  // The rules of LiteRT's op_version.cc for the kinds above.
  static int version(UnaryKind k, const Type& t) {
    const bool i8 = t.dtype == DType::kI8, i16 = t.dtype == DType::kI16;
    switch (k) {
      case UnaryKind::kAbs:
        return t.dtype == DType::kI32 ? 5 : i16 ? (t.quant ? 3 : 4) : i8 ? 2 : 1;
      case UnaryKind::kTanh:
      case UnaryKind::kLogistic:
      case UnaryKind::kRelu6:
        return i16 ? 3 : i8 ? 2 : 1;
      case UnaryKind::kRelu:
        return i16 ? 3 : (i8 || t.dtype == DType::kU8) ? 2 : 1;
      case UnaryKind::kExp:
      case UnaryKind::kLog:
      case UnaryKind::kSqrt:
        return i8 || i16 ? 2 : 1;
      case UnaryKind::kRsqrt:
        return i16 ? 3 : i8 ? 2 : 1;
      case UnaryKind::kSin:
      case UnaryKind::kCos:
        return t.dtype == DType::kF16 ? 2 : 1;
      case UnaryKind::kSign:
        return t.dtype == DType::kI32 ? 2 : 1;
      default:
        return 1;
    }
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    if (n.in.size() != 1 || !n.in[0] || !is_computable(*n.in[0]) || n.out.size() != 1 || n.out[0].quant) return not_decoded();
    for (size_t k = 0; k < std::size(kKinds); ++k)
      if (kKinds[k].builtin == n.code) return Decoded{make_op(Unary(UnaryKind(k))), {0}};
    return not_decoded();
  }

  static Result<bool> canonicalize(const Unary& o, Rewrite& r) {
    const Value x = r.in(0);
    if (rounds(o.kind) && is_integer(r.dtype(x))) return r.replace(x);
    const Node& source = r.graph()[x];
    if (const auto* inner = r.graph().as<Unary>(x)) {
      const UnaryKind k = inner->kind;
      const bool clamped = k == UnaryKind::kRelu || k == UnaryKind::kRelu6;
      if (o.kind == UnaryKind::kRelu && clamped) return r.replace(x);
      if (o.kind == UnaryKind::kRelu6 && k == UnaryKind::kRelu6) return r.replace(x);
      if (o.kind == UnaryKind::kRelu6 && k == UnaryKind::kRelu) return r.replace(r.add(o, {source.in[0]}));
      if (o.kind == UnaryKind::kLogicalNot && k == UnaryKind::kLogicalNot) return r.replace(source.in[0]);
    }
    // The complement of an order comparison is another one only without NaN; that of equality always is.
    if (const auto* c = r.graph().as<Compare>(x); c && o.kind == UnaryKind::kLogicalNot) {
      if (c->kind == CompareKind::kEqual) return r.replace(r.add(Compare(CompareKind::kNotEqual), source.in));
      if (c->kind == CompareKind::kNotEqual) return r.replace(r.add(Compare(CompareKind::kEqual), source.in));
    }
    return false;
  }

  static Result<bool> legalize(const Unary& o, Rewrite& r) {
    const Value x = r.in(0);
    if (in_list(r.dtype(x), facts(o.kind).dtypes)) return false;
    if (is_integer(r.dtype(x))) {
      const auto clamp = [&](Value v, BinaryKind k, double bound) {
        return r.add(Binary(k), {r.scalar(bound, r.dtype(x)), v});
      };
      if (o.kind == UnaryKind::kSquare) return r.replace(r.add(Binary(BinaryKind::kMul), {x, x}));
      if (r.dtype(x) == DType::kI64 && !fits_i32(r.graph(), x)) {
        if (o.kind == UnaryKind::kAbs) return r.replace(abs_i64(r, x));
        if (o.kind == UnaryKind::kSign) return r.replace(sign_i64(r, x));
      }
      if (o.kind == UnaryKind::kRelu) return r.replace(clamp(x, BinaryKind::kMaximum, 0));
      if (o.kind == UnaryKind::kRelu6) return r.replace(clamp(clamp(x, BinaryKind::kMaximum, 0), BinaryKind::kMinimum, 6));
    }
    return legalize_by_cast(r, r.node().op, facts(o.kind).dtypes);
  }

  static constexpr Import imports[] = {
      {"aten.abs.default", import_unary<UnaryKind::kAbs>},
      {"aten.neg.default", import_unary<UnaryKind::kNeg>},
      {"aten.sign.default", import_unary<UnaryKind::kSign>},
      {"aten.sqrt.default", import_unary<UnaryKind::kSqrt>},
      {"aten.rsqrt.default", import_rsqrt},
      {"aten.square.default", import_unary<UnaryKind::kSquare>},
      {"aten.exp.default", import_unary<UnaryKind::kExp>},
      {"aten.log.default", import_unary<UnaryKind::kLog>},
      {"aten.sin.default", import_unary<UnaryKind::kSin>},
      {"aten.cos.default", import_unary<UnaryKind::kCos>},
      {"aten.floor.default", import_unary<UnaryKind::kFloor>},
      {"aten.ceil.default", import_unary<UnaryKind::kCeil>},
      {"aten.round.default", import_unary<UnaryKind::kRound>},
      {"aten.tanh.default", import_unary<UnaryKind::kTanh>},
      {"aten.sigmoid.default", import_unary<UnaryKind::kLogistic>},
      {"aten.relu.default", import_unary<UnaryKind::kRelu>},
      {"aten.relu6.default", import_unary<UnaryKind::kRelu6>},
      {"aten.hardswish.default", import_unary<UnaryKind::kHardSwish>},
      {"aten.absolute.default", import_unary<UnaryKind::kAbs>},
      {"aten.negative.default", import_unary<UnaryKind::kNeg>},
      {"aten.sgn.default", import_unary<UnaryKind::kSign>},
      {"aten.special_expit.default", import_unary<UnaryKind::kLogistic>},
  };

  static Result<bool> adapt(const Unary& o, Rewrite& r, const Target& target) {
    const Value x = r.in(0);
    if (!target.is_coral() || r.dtype(x) != DType::kF32) return false;
    const auto binary = [&](BinaryKind k, Value a, Value b, Activation act = Activation::kNone) {
      return r.add(Binary(k, act), {a, b});
    };
    if (o.kind == UnaryKind::kHardSwish) {
      const Value gate = binary(BinaryKind::kAdd, x, r.scalar(3), Activation::kRelu6);
      return r.replace(binary(BinaryKind::kMul, x, binary(BinaryKind::kMul, gate, r.scalar(1.0 / 6))));
    }
    if (o.kind == UnaryKind::kRelu0To1) {
      const Value six = binary(BinaryKind::kMul, x, r.scalar(6), Activation::kRelu6);
      return r.replace(binary(BinaryKind::kMul, six, r.scalar(1.0 / 6)));
    }
    if (o.kind == UnaryKind::kNeg) return r.replace(binary(BinaryKind::kMul, x, r.scalar(-1)));
    if (o.kind == UnaryKind::kSquare) return r.replace(binary(BinaryKind::kMul, x, x));
    // max(x, -x); and e^x is 1 / logistic(-x) - 1, of which no step loses digits where x < 0.
    if (o.kind == UnaryKind::kAbs) return r.replace(binary(BinaryKind::kMaximum, x, binary(BinaryKind::kMul, x, r.scalar(-1))));
    if (o.kind != UnaryKind::kElu) return false;
    const Value below = binary(BinaryKind::kMinimum, x, r.scalar(0));
    const Value root =
        r.add(Unary(UnaryKind::kRsqrt), {r.add(Unary(UnaryKind::kLogistic), {binary(BinaryKind::kMul, below, r.scalar(-1))})});
    const Value tail = binary(BinaryKind::kAdd, binary(BinaryKind::kMul, root, root), r.scalar(-2));
    return r.replace(binary(BinaryKind::kAdd, r.add(Unary(UnaryKind::kRelu), {x}), tail));
  }

  static std::vector<Sample> samples() {
    std::vector<Sample> s;
    for (size_t k = 0; k < std::size(kKinds); ++k) {
      const auto kind = static_cast<UnaryKind>(k);
      const bool positive = kind == UnaryKind::kSqrt || kind == UnaryKind::kRsqrt || kind == UnaryKind::kLog;
      const DType t = kind == UnaryKind::kLogicalNot ? DType::kBool : DType::kF32;
      s.push_back({.op = make_op(Unary(kind)), .in = {Type{t, {2, 3, 4, 5}, {}}}, .low = positive ? 0.1 : -8, .high = 8});
    }
    s.push_back({.op = make_op(Unary(UnaryKind::kRelu)), .in = {}, .bad = "C1"});
    s.push_back({.op = make_op(Unary(UnaryKind::kRelu)), .in = {Type{DType::kBool, {3}, {}}}, .bad = "C2"});
    return s;
  }
};

}  // namespace
DEFINE_OP(Unary, UnaryFacts)
}  // namespace atl
