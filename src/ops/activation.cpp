#include "ops/activation.h"

#include <cmath>

#include "ir/source_call.h"
#include "ir/target.h"
#include "ir/tflite_op.h"
#include "ops/binary.h"
#include "ops/elementwise.h"
#include "ops/fixed_point.h"
#include "ops/function_table.h"
#include "ops/integer_functions.h"
#include "ops/unary.h"

namespace atl {
namespace {

using tflite::BuiltinOperator;

Type f32(Shape s) { return {DType::kF32, std::move(s), {}}; }

// A one-operand activation as LiteRT's file has it: unquantized, one result.
bool is_plain(const TfliteNode& n, BuiltinOperator code, size_t operands) {
  if (n.code != code || n.in.size() != operands || n.out.size() != 1 || n.out[0].quant) return false;
  for (const auto& t : n.in)
    if (!t || t->quant || !is_float(t->dtype)) return false;
  return true;
}

void import_leaky_relu(SourceCall& c) { c.result(c.add(LeakyRelu(c.number("negative_slope", 0.01)), {c.tensor("self")})); }

struct LeakyReluFacts {
  static constexpr std::string_view name = "leaky_relu";
  static constexpr std::string_view summary = "x, or alpha * x below zero";
  static constexpr Layout layout = Layout::kAny;
  static constexpr Quant quant = Quant::kRequant;
  static bool homogeneous(const LeakyRelu&) { return true; }

  static constexpr std::string_view dtypes = "f32", integers = "i8 u8 i16";

  static QuantRule quantization(const LeakyRelu&, TypesIn) { return {.kind = Quant::kRequant, .types = integers}; }
  static Result<Tensors> eval_integer(const LeakyRelu& o, TensorsIn in, TypesIn out) {
    return Tensors{integer_leaky_relu(float(o.alpha), in[0], out[0])};
  }
  static Status legal_integer(const LeakyRelu&, TypesIn in, TypesIn out) {
    TRY_STATUS(legal_integer_kernel(name, integers, in[0], out[0]));
    TRY_STATUS(legal_zero_point(name, in[0]));
    return legal_zero_point(name, out[0]);
  }

  static Result<Types> infer(const LeakyRelu&, TypesIn in) {
    CHECK_OP(C1, in.size() == 1, "one operand is needed, not {}", in.size());
    CHECK_OP(C2, is_float(in[0].dtype) || in[0].quant, "leaky_relu does not take {}", atl::name(in[0].dtype));
    return Types{in[0]};
  }
  static Result<Tensors> eval(const LeakyRelu& o, TensorsIn in) {
    return Tensors{map_elements(in[0], [alpha = double(float(o.alpha))](double x) { return x < 0 ? alpha * x : x; })};
  }
  static std::optional<LayoutChoice> permuted(const LeakyRelu& o, TypesIn in, int, const Perm& p) {
    return permuted_elementwise(make_op(o), in, p);
  }
  static Status legal(const LeakyRelu&, TypesIn in) { return legal_dtype(name, in[0], dtypes); }
  static Result<TfliteOp> emit(const LeakyRelu& o, TypesIn in) {
    tflite::LeakyReluOptionsT options;
    options.alpha = float(o.alpha);
    return TfliteOp(BuiltinOperator::LEAKY_RELU, in[0].dtype == DType::kI16 ? 2 : 1, 1, std::move(options));
  }
  static Result<Decoded> decode(const TfliteNode& n) {
    const auto* options = n.options_as<tflite::LeakyReluOptionsT>();
    if (!is_plain(n, BuiltinOperator::LEAKY_RELU, 1)) return not_decoded();
    return Decoded{make_op(LeakyRelu(options ? options->alpha : 0)), {0}};
  }
  static Result<bool> legalize(const LeakyRelu&, Rewrite& r) { return legalize_by_cast(r, r.node().op, dtypes); }

  static constexpr Import imports[] = {{"aten.leaky_relu.default", import_leaky_relu}};
  // The Edge TPU has PRELU.
  static Result<bool> adapt(const LeakyRelu& o, Rewrite& r, const Target& target) {
    const Type& x = r.in_type(0);
    if (!target.is_coral() || x.dtype != DType::kF32 || x.shape.empty()) return false;
    const std::vector<float> slopes(size_t(x.shape.back()), float(o.alpha));
    const Value alpha = r.constant(Tensor::of<float>(DType::kF32, {x.shape.back()}, slopes));
    return r.replace(r.add(Prelu(), {r.in(0), alpha}));
  }

  static std::vector<Sample> samples() {
    return {{.op = make_op(LeakyRelu(0.1)), .in = {f32({2, 3, 4, 5})}},
            {.op = make_op(LeakyRelu(-0.5)), .in = {f32({7})}},
            {.op = make_op(LeakyRelu(0.1)), .in = {}, .bad = "C1"},
            {.op = make_op(LeakyRelu(0.1)), .in = {Type{DType::kI32, {3}, {}}}, .bad = "C2"}};
  }
};

void import_gelu(SourceCall& c) {
  const std::string form = c.string("approximate", "none");
  if (form != "none" && form != "tanh") return c.unsupported("approximate='" + form + "'", "use 'none' or 'tanh'");
  c.result(c.add(Gelu(form == "tanh"), {c.tensor("self")}));
}

struct GeluFacts {
  static constexpr std::string_view name = "gelu";
  static constexpr std::string_view summary = "the Gaussian error linear unit";
  static constexpr Layout layout = Layout::kAny;
  static constexpr Quant quant = Quant::kRequant;

  static constexpr std::string_view dtypes = "f32 f16";

  // The kernel of 16 bits is a table too coarse to be of use.
  static QuantRule quantization(const Gelu&, TypesIn) { return {.kind = Quant::kRequant, .types = "i8 u8"}; }
  static Result<Tensors> eval_integer(const Gelu& o, TensorsIn in, TypesIn out) {
    constexpr float kRootHalf = 0.70710678118654752440f, kRoot2OverPi = 0.79788456080286535588f;
    const auto exact = [](float x) { return 0.5f * x * std::erfc(x * -kRootHalf); };
    const auto approximate = [](float x) { return 0.5f * x * (1.f + std::tanh(kRoot2OverPi * (x + 0.044715f * x * x * x))); };
    const std::function<float(float)> f = o.approximate ? std::function<float(float)>(approximate) : exact;
    return Tensors{in[0].dtype() == DType::kI16 ? interpolated(in[0], out[0], f) : tabulated(in[0], out[0], f)};
  }
  static Status legal_integer(const Gelu&, TypesIn in, TypesIn out) {
    return legal_integer_kernel(name, "i8 u8 i16", in[0], out[0]);
  }

  static Result<Types> infer(const Gelu&, TypesIn in) {
    CHECK_OP(C1, in.size() == 1, "one operand is needed, not {}", in.size());
    CHECK_OP(C2, is_float(in[0].dtype) || in[0].quant, "gelu does not take {}", atl::name(in[0].dtype));
    return Types{in[0]};
  }
  static Result<Tensors> eval(const Gelu& o, TensorsIn in) {
    constexpr double kRootHalf = 0.70710678118654752440, kRoot2OverPi = 0.79788456080286535588;
    if (o.approximate)
      return Tensors{
          map_elements(in[0], [](double x) { return 0.5 * x * (1 + std::tanh(kRoot2OverPi * (x + 0.044715 * x * x * x))); })};
    // erfc keeps the digits of the negative tail that 1 + erf would cancel.
    return Tensors{map_elements(in[0], [](double x) { return 0.5 * x * std::erfc(-x * kRootHalf); })};
  }
  static std::optional<LayoutChoice> permuted(const Gelu& o, TypesIn in, int, const Perm& p) {
    return permuted_elementwise(make_op(o), in, p);
  }
  static Status legal(const Gelu&, TypesIn in) { return legal_dtype(name, in[0], dtypes); }
  static Result<TfliteOp> emit(const Gelu& o, TypesIn in) {
    tflite::GeluOptionsT options;
    options.approximate = o.approximate;
    const DType t = in[0].dtype;
    const int version = t == DType::kF16 ? 3 : t == DType::kI8 || t == DType::kU8 ? 2 : 1;
    return TfliteOp(BuiltinOperator::GELU, version, 1, std::move(options));
  }
  static Result<Decoded> decode(const TfliteNode& n) {
    const auto* options = n.options_as<tflite::GeluOptionsT>();
    if (!is_plain(n, BuiltinOperator::GELU, 1)) return not_decoded();
    return Decoded{make_op(Gelu(options && options->approximate)), {0}};
  }
  static Result<bool> legalize(const Gelu&, Rewrite& r) { return legalize_by_cast(r, r.node().op, dtypes); }

  static constexpr Import imports[] = {{"aten.gelu.default", import_gelu}};
  // The tanh form is what `approximate` means, and up to 5e-4 what is exact otherwise.
  static Result<bool> adapt(const Gelu& o, Rewrite& r, const Target& target) {
    const Value x = r.in(0);
    if (r.dtype(x) != DType::kF32 || (!o.approximate && !target.allow_approximate)) return false;
    const auto mul = [&](Value a, Value b) { return r.add(Binary(BinaryKind::kMul), {a, b}); };
    const auto add = [&](Value a, Value b) { return r.add(Binary(BinaryKind::kAdd), {a, b}); };
    constexpr double kRoot2OverPi = 0.7978845608028654, kCubic = 0.044715;
    const Value cubic = mul(mul(x, x), mul(x, r.scalar(kRoot2OverPi * kCubic)));
    const Value t = r.add(Unary(UnaryKind::kTanh), {add(mul(x, r.scalar(kRoot2OverPi)), cubic)});
    const Value half = mul(x, r.scalar(0.5));
    return r.replace(add(half, mul(half, t)));
  }

  static std::vector<Sample> samples() {
    return {{.op = make_op(Gelu(false)), .in = {f32({2, 3, 4, 5})}, .low = -6, .high = 6},
            {.op = make_op(Gelu(true)), .in = {f32({3, 7})}, .low = -6, .high = 6},
            {.op = make_op(Gelu(false)), .in = {}, .bad = "C1"},
            {.op = make_op(Gelu(false)), .in = {Type{DType::kI32, {3}, {}}}, .bad = "C2"}};
  }
};

// weight has one element or one for each channel, which is axis 1.
void import_prelu(SourceCall& c) {
  const Value x = c.tensor("self");
  Value weight = c.to_dtype(c.tensor("weight"), c.dtype(x));
  const size_t rank = c.rank(x);
  if (rank >= 2 && element_count(c.shape(weight)) > 1) {
    Shape s(rank, 1);
    s[1] = element_count(c.shape(weight));
    weight = reshape_value(c, weight, std::move(s));
  } else if (rank < 2) {
    weight = reshape_value(c, weight, {});
  }
  c.result(c.add(Prelu(), {x, weight}));
}

// The kernel behind it gets a weight that broadcasts already.
void import_prelu_kernel(SourceCall& c) {
  const Value x = c.tensor("self");
  c.result(c.add(Prelu(), {x, c.to_dtype(c.tensor("weight"), c.dtype(x))}));
}

struct PreluFacts {
  static constexpr std::string_view name = "prelu";
  static constexpr std::string_view summary = "x, or alpha * x below zero, with a tensor alpha";
  static constexpr Layout layout = Layout::kAny;
  static constexpr Quant quant = Quant::kRequant;
  static bool homogeneous(const Prelu&) { return true; }

  static constexpr std::string_view dtypes = "f32";

  // The kernel of 16 bits takes an alpha of 8, and only runtimes younger than 2.14 have it.
  static QuantRule quantization(const Prelu&, TypesIn) { return {.kind = Quant::kRequant, .types = "i8 u8"}; }
  static Result<Tensors> eval_integer(const Prelu&, TensorsIn in, TypesIn out) {
    const Tensor &x = in[0], &alpha = in[1];
    const auto scale = float(scale_of(x.type())), out_scale = float(scale_of(out[0]));
    const FixedPoint above = FixedPoint::of(double(scale / out_scale)),
                     below = FixedPoint::of(double(scale * float(scale_of(alpha.type())) / out_scale));
    const int32_t zero = zero_point_of(x.type()), alpha_zero = zero_point_of(alpha.type()), out_zero = zero_point_of(out[0]);
    const IntegerRange range = integer_range(out[0].dtype);
    Tensor y = Tensor::make(out[0]);
    const BroadcastWalk walk(x.shape(), {&x.shape(), &alpha.shape()});
    walk.rows([&](int64_t at, const std::array<int64_t, 3>& from) {
      for (int64_t i = 0; i < walk.size.back(); ++i) {
        const int32_t v = integer_at(x, from[0] + i * walk.stride[0].back()) - zero;
        const int32_t a = integer_at(alpha, from[1] + i * walk.stride[1].back()) - alpha_zero;
        const int32_t r = (v >= 0 ? scaled(v, above) : scaled(v * a, below)) + out_zero;
        set_integer(y, at + i, std::clamp(r, range.low, range.high));
      }
    });
    return Tensors{std::move(y)};
  }
  static Status legal_integer(const Prelu&, TypesIn in, TypesIn out) {
    TRY_STATUS(legal_integer_kernel(name, "i8 u8 i16", in[0], out[0]));
    const DType wanted = in[0].dtype == DType::kI16 ? DType::kI8 : in[0].dtype;
    if (in[1].dtype == wanted) return {};
    return error(Code::kUnsupportedType, fmt::format("alpha beside {} data is to be {}, not {}", atl::name(in[0].dtype),
                                                     atl::name(wanted), atl::name(in[1].dtype)));
  }

  static Result<Types> infer(const Prelu&, TypesIn in) {
    CHECK_OP(C1, in.size() == 2, "two operands are needed, not {}", in.size());
    CHECK_OP(C2, (is_float(in[0].dtype) || in[0].quant) && in[0].dtype == in[1].dtype, "prelu does not take {} and {}",
             atl::name(in[0].dtype), atl::name(in[1].dtype));
    CHECK_OP(C3, broadcast_shapes(in) == in[0].shape, "alpha of shape {} does not broadcast to {}", to_string(in[1].shape),
             to_string(in[0].shape));
    return Types{in[0]};
  }
  static Result<Tensors> eval(const Prelu&, TensorsIn in) {
    Tensor out = Tensor::make(in[0].type());
    const BroadcastWalk walk(in[0].shape(), {&in[0].shape(), &in[1].shape()});
    visit(in[0].dtype(), [&]<class T>(T) {
      broadcast_pairs(walk, in[0].data<T>(), in[1].data<T>(), out.mutable_data<T>(),
                      [](T x, T a) { return x < T(0) ? T(x * a) : x; });
    });
    return Tensors{std::move(out)};
  }
  static std::optional<LayoutChoice> permuted(const Prelu& o, TypesIn in, int, const Perm& p) {
    return permuted_elementwise(make_op(o), in, p);
  }
  static Status legal(const Prelu&, TypesIn in) {
    TRY_STATUS(legal_dtype(name, in[0], dtypes));
    return legal_broadcast(name, in);
  }
  static Result<TfliteOp> emit(const Prelu&, TypesIn) { return TfliteOp(BuiltinOperator::PRELU, 1, 2); }
  static Result<Decoded> decode(const TfliteNode& n) {
    if (!is_plain(n, BuiltinOperator::PRELU, 2)) return not_decoded();
    return Decoded{make_op(Prelu()), {0, 1}};
  }
  static Result<bool> canonicalize(const Prelu&, Rewrite& r) {
    if (const auto alpha = uniform_constant(r, r.in(1))) return r.replace(r.add(LeakyRelu(*alpha), {r.in(0)}));
    const Value full = with_rank(r, r.in(1), r.out_type().rank());
    if (full == r.in(1)) return false;
    return r.replace(r.add(Prelu(), {r.in(0), full}));
  }
  static Result<bool> legalize(const Prelu&, Rewrite& r) { return legalize_by_cast(r, r.node().op, dtypes); }

  static constexpr Import imports[] = {{"aten.prelu.default", import_prelu},
                                       {"aten._prelu_kernel.default", import_prelu_kernel}};
  static std::vector<Sample> samples() {
    return {{.op = make_op(Prelu()), .in = {f32({2, 3, 4, 5}), f32({1, 3, 1, 1})}},
            {.op = make_op(Prelu()), .in = {f32({2, 3, 5}), f32({5})}},
            {.op = make_op(Prelu()), .in = {f32({3})}, .bad = "C1"},
            {.op = make_op(Prelu()), .in = {f32({3}), Type{DType::kI32, {3}, {}}}, .bad = "C2"},
            {.op = make_op(Prelu()), .in = {f32({3}), f32({2, 3})}, .bad = "C3"}};
  }
};

}  // namespace

OpPtr activation_op(Activation a) {
  switch (a) {
    case Activation::kRelu:
      return make_op(Unary(UnaryKind::kRelu));
    case Activation::kReluN1To1:
      return make_op(Unary(UnaryKind::kReluN1To1));
    case Activation::kRelu6:
      return make_op(Unary(UnaryKind::kRelu6));
    case Activation::kNone:
      break;
  }
  return nullptr;
}

DEFINE_OP(LeakyRelu, LeakyReluFacts)
DEFINE_OP(Gelu, GeluFacts)
DEFINE_OP(Prelu, PreluFacts)
}  // namespace atl
