#include "ops/quantize.h"

#include <algorithm>
#include <cmath>

#include "ir/tflite_op.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/elementwise.h"
#include "ops/fixed_point.h"
#include "ops/quantized.h"

namespace atl {
namespace {

using tflite::BuiltinOperator;

bool holds_quantized(DType t) {
  return t == DType::kI4 || t == DType::kI8 || t == DType::kU8 || t == DType::kI16 || t == DType::kI32;
}

// Element i; four-bit elements lie two in a byte, the low nibble first.
int64_t load(const Tensor& t, int64_t i) {
  if (t.dtype() != DType::kI4) return element_as_int(t, i);
  const int nibble = (int(t.bytes()[i / 2]) >> (i % 2 ? 4 : 0)) & 15;
  return nibble < 8 ? nibble : nibble - 16;
}
void store(Tensor& t, int64_t i, int64_t v) {
  switch (t.dtype()) {
    case DType::kI4: {
      std::byte& b = t.mutable_bytes()[i / 2];
      const auto nibble = std::byte(v & 15);
      b = i % 2 ? (b & std::byte(0x0f)) | (nibble << 4) : nibble;
      break;
    }
    case DType::kI8:
      t.mutable_data<int8_t>()[i] = int8_t(v);
      break;
    case DType::kU8:
      t.mutable_data<uint8_t>()[i] = uint8_t(v);
      break;
    case DType::kI16:
      t.mutable_data<int16_t>()[i] = int16_t(v);
      break;
    default:
      t.mutable_data<int32_t>()[i] = int32_t(v);
  }
}

// Which entry of the parameters element i uses.
struct Channel {
  int64_t inner = 1, size = 1;
  Channel(const Shape& s, const QuantParams& q) {
    if (q.scale.size() <= 1) return;
    size = int64_t(q.scale.size());
    for (size_t a = size_t(q.axis) + 1; a < s.size(); ++a) inner *= s[a];
  }
  size_t operator()(int64_t i) const { return size_t(i / inner % size); }
};

int64_t zero_point(const QuantParams& q, size_t c) { return q.zero_point.empty() ? 0 : q.zero_point[c]; }

// True when the parameters fit a tensor of this shape and element type.
bool fits(const QuantParams& q, const Shape& shape, DType t) {
  const IntegerRange r = integer_range(t);
  if (q.scale.empty() || (!q.zero_point.empty() && q.zero_point.size() != q.scale.size())) return false;
  if (q.scale.size() > 1 && (q.axis < 0 || size_t(q.axis) >= shape.size() || shape[size_t(q.axis)] != int64_t(q.scale.size())))
    return false;
  return std::all_of(q.scale.begin(), q.scale.end(), [](float s) { return std::isfinite(s) && s > 0; }) &&
         std::all_of(q.zero_point.begin(), q.zero_point.end(), [&](int64_t z) { return z >= r.low && z <= r.high; });
}

bool is_quantized(const Type& t) { return holds_quantized(t.dtype) && t.quant && fits(*t.quant, t.shape, t.dtype); }

QuantParams params(const Quantize& o) { return {o.scale, o.zero_point, int(o.axis)}; }

// LiteRT's kernels on x86-64 run in blocks, which round in another way than what is left at the end does.
constexpr int64_t kRealBlock = 8, kIntegerBlock = 16;

// As x86-64 converts to i32: the smallest integer for NaN and for what does not fit.
int64_t converted(double v) { return v > -2147483649.0 && v < 2147483648.0 ? int64_t(v) : -2147483648LL; }

void quantize_real(const Quantize& o, const Tensor& x, Tensor& out) {
  const IntegerRange r = integer_range(o.to);
  const QuantParams q = params(o);
  const Channel channel(x.shape(), q);
  const int64_t n = x.count(), blocks = q.scale.size() == 1 && o.to != DType::kI4 ? n - n % kRealBlock : 0;
  const auto inverse = float(1.0 / double(q.scale[0]));
  for (int64_t i = 0; i < n; ++i) {
    const size_t c = channel(i);
    const auto v = float(element_as_double(x, i));
    int64_t steps;
    if (i < blocks)
      steps = converted(std::nearbyint(double(v * inverse)));
    else if (blocks > 0 || (q.scale.size() == 1 && o.to != DType::kI4))
      steps = converted(std::round(double(v) / double(q.scale[c])));
    else
      steps = converted(std::round(double(v / q.scale[c])));
    // The sum wraps at 32 bits.
    const int64_t sum = int32_t(uint32_t(steps) + uint32_t(zero_point(q, c)));
    store(out, i, std::clamp<int64_t>(sum, r.low, r.high));
  }
}

// (half up) x / 2^exponent; rounding_shift rounds half away from zero.
int32_t shift_half_up(int32_t x, int exponent) {
  return exponent == 0 ? x : int32_t((int64_t(x) + (int64_t(1) << (exponent - 1))) >> exponent);
}

void quantize_integers(const Quantize& o, const Tensor& x, Tensor& out) {
  const IntegerRange r = integer_range(o.to);
  const QuantParams q = params(o), &from = *x.type().quant;
  const Channel channel(x.shape(), q), from_channel(x.shape(), from);
  const auto factor_at = [&](int64_t i) {
    return FixedPoint::of(double(from.scale[from_channel(i)]) / double(q.scale[channel(i)]));
  };
  const bool by_channel = channel.size > 1 || from_channel.size > 1;
  const int64_t n = x.count(), blocks = bits(x.dtype()) == 8 && bits(o.to) == 8 && !by_channel ? n - n % kIntegerBlock : 0;
  FixedPoint factor = n > 0 ? factor_at(0) : FixedPoint{};
  for (int64_t i = 0; i < n; ++i) {
    if (by_channel) factor = factor_at(i);
    const auto v = int32_t(load(x, i) - zero_point(from, from_channel(i)));
    const int32_t y =
        i < blocks ? shift_half_up(scaled(v, {factor.mantissa, std::max(factor.exponent, 0)}), std::max(-factor.exponent, 0))
                   : scaled(v, factor);
    store(out, i, std::clamp<int64_t>(y + zero_point(q, channel(i)), r.low, r.high));
  }
}

struct QuantizeFacts {
  static constexpr std::string_view name = "quantize";
  static constexpr std::string_view summary = "real to quantized values, or quantized ones to other parameters";
  static constexpr Layout layout = Layout::kAxisAttr;
  static constexpr Quant quant = Quant::kRequant;

  static Result<Types> infer(const Quantize& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 1, "one operand is needed, not {}", in.size());
    CHECK_OP(C2, holds_quantized(o.to), "{} is not a quantized element type", atl::name(o.to));
    CHECK_OP(C3, is_float(in[0].dtype) || is_quantized(in[0]), "{} cannot be quantized", to_string(in[0]));
    CHECK_OP(C4, o.axis >= 0 && o.axis < 64 && fits(params(o), in[0].shape, o.to),
             "{} scales and {} zero points along axis {} do not fit shape {}", o.scale.size(), o.zero_point.size(), o.axis,
             to_string(in[0].shape));
    CHECK_OP(C5, !o.same_integers || (bits(in[0].dtype) == 8 && o.to == DType::kI16), "the integers of {} do not stay as {}",
             to_string(in[0]), atl::name(o.to));
    return Types{Type{o.to, in[0].shape, params(o)}};
  }
  static Result<Tensors> eval(const Quantize& o, TensorsIn in) {
    const Tensor& x = in[0];
    Tensor out = Tensor::make(Type{o.to, x.shape(), params(o)});
    if (o.same_integers)
      for (int64_t i = 0; i < x.count(); ++i) store(out, i, load(x, i));
    else if (is_float(x.dtype()))
      quantize_real(o, x, out);
    else
      quantize_integers(o, x, out);
    return Tensors{std::move(out)};
  }
  static std::optional<LayoutChoice> permuted(const Quantize& o, TypesIn in, int, const Perm& p) {
    if (p.size() != in[0].rank()) return std::nullopt;
    Quantize moved = o;
    if (o.scale.size() > 1) moved.axis = inverse(p)[size_t(o.axis)];
    return LayoutChoice{make_op(std::move(moved)), {p}, p};
  }
  static Status legal(const Quantize& o, TypesIn in) {
    if (o.same_integers) return {};
    const DType from = in[0].dtype, to = o.to;
    const auto listed = [&](std::string_view list) { return in_list(to, list); };
    const bool ok = from == DType::kF32                        ? listed("i4 i8 u8 i16")
                    : from == DType::kI8 || from == DType::kU8 ? listed("i8 u8 i16")
                    : from == DType::kI16                      ? listed("i8 i16 i32")
                    : from == DType::kI32                      ? listed("i8 i16")
                                                               : false;
    if (!ok)
      return error(Code::kUnsupportedType, fmt::format("LiteRT does not quantize {} to {}", atl::name(from), atl::name(to)));
    if (o.scale.size() > 1 && from != DType::kF32)
      return error(Code::kUnsupportedForm, "LiteRT requantizes with one scale for the tensor only");
    return {};
  }
  static Result<TfliteOp> emit(const Quantize& o, TypesIn in) {
    if (o.same_integers) return def_of(OpCode::kCast).emit(Cast(o.to), in);
    const int version = o.to == DType::kI4 ? 4 : o.scale.size() > 1 ? 3 : o.to == DType::kI16 ? 2 : 1;
    return TfliteOp(BuiltinOperator::QUANTIZE, version, 1, tflite::QuantizeOptionsT{});
  }
  static Result<Decoded> decode(const TfliteNode& n) {
    const bool cast = n.code == BuiltinOperator::CAST;
    if ((n.code != BuiltinOperator::QUANTIZE && !cast) || n.in.size() != 1 || !n.in[0] || n.out.size() != 1 || !n.out[0].quant)
      return not_decoded();
    if (cast && (!n.in[0]->quant || bits(n.in[0]->dtype) != 8 || n.out[0].dtype != DType::kI16)) return not_decoded();
    Quantize o;
    o.same_integers = cast;
    o.to = n.out[0].dtype;
    o.scale = n.out[0].quant->scale;
    o.zero_point = n.out[0].quant->zero_point;
    o.axis = n.out[0].quant->axis;
    return Decoded{make_op(std::move(o)), {0}};
  }
  static std::vector<Sample> samples() {
    const Type x{DType::kF32, {2, 3, 4, 5}, {}};
    const auto to = [](DType t, std::vector<float> scale, std::vector<int64_t> zero, int64_t axis = 0) {
      Quantize q;
      q.to = t;
      q.scale = std::move(scale);
      q.zero_point = std::move(zero);
      q.axis = axis;
      return make_op(std::move(q));
    };
    const auto keep = [](DType t) {
      Quantize q = quantize_to(Type{t, {}, QuantParams{{0.125f}, {0}, 0}});
      q.same_integers = true;
      return make_op(std::move(q));
    };
    const Type i8{DType::kI8, {2, 3, 5}, QuantParams{{0.25f}, {3}, 0}};
    return {{.op = to(DType::kI8, {0.03125f}, {-5}), .in = {x}},
            {.op = to(DType::kU8, {0.015625f}, {128}), .in = {x}},
            {.op = to(DType::kI16, {0.0001220703125f}, {0}), .in = {x}},
            {.op = to(DType::kI8, {0.03125f, 0.0625f, 0.125f}, {0, 0, 0}, 1), .in = {x}},
            {.op = to(DType::kI8, {0.5f}, {0}), .in = {}, .bad = "C1"},
            {.op = to(DType::kF32, {0.5f}, {0}), .in = {x}, .bad = "C2"},
            {.op = to(DType::kI8, {0.5f}, {0}), .in = {Type{DType::kI8, {3}, {}}}, .bad = "C3"},
            {.op = to(DType::kI8, {0.5f, 0.5f}, {0, 0}, 1), .in = {x}, .bad = "C4"},
            {.op = to(DType::kI8, {0.5f}, {300}), .in = {x}, .bad = "C4"},
            {.op = to(DType::kI8, {0.5f}, {0}), .in = {i8}},
            {.op = keep(DType::kI16), .in = {i8}, .low = -128, .high = 127},
            {.op = keep(DType::kI8), .in = {i8}, .bad = "C5"}};
  }
};

struct DequantizeFacts {
  static constexpr std::string_view name = "dequantize";
  static constexpr std::string_view summary = "quantized (or half precision) values as f32";
  static constexpr Layout layout = Layout::kAny;
  static constexpr Quant quant = Quant::kFloatOnly;

  static Result<Types> infer(const Dequantize&, TypesIn in) {
    CHECK_OP(C1, in.size() == 1, "one operand is needed, not {}", in.size());
    CHECK_OP(C2, (in[0].dtype == DType::kF16 && !in[0].quant) || is_quantized(in[0]), "{} cannot be dequantized",
             to_string(in[0]));
    Type t{DType::kF32, in[0].shape, {}};
    TRY_STATUS(byte_size(t));
    return Types{std::move(t)};
  }
  static Result<Tensors> eval(const Dequantize&, TensorsIn in) {
    const Tensor& x = in[0];
    if (!x.type().quant) return Tensors{cast(x, DType::kF32)};
    const QuantParams& q = *x.type().quant;
    const Channel channel(x.shape(), q);
    Tensor out = Tensor::make(Type{DType::kF32, x.shape(), {}});
    float* to = out.mutable_data<float>();
    for (int64_t i = 0, n = x.count(); i < n; ++i) {
      const size_t c = channel(i);
      to[i] = float(double(q.scale[c]) * double(load(x, i) - zero_point(q, c)));
    }
    return Tensors{std::move(out)};
  }
  static std::optional<LayoutChoice> permuted(const Dequantize& o, TypesIn in, int, const Perm& p) {
    return permuted_elementwise(make_op(o), in, p);
  }
  static Status legal(const Dequantize&, TypesIn in) {
    Type t = in[0];
    t.quant.reset();
    return legal_dtype(name, t, "i4 i8 u8 i16 f16");
  }
  static Result<TfliteOp> emit(const Dequantize&, TypesIn in) {
    const DType t = in[0].dtype;
    const bool per_channel = in[0].quant && in[0].quant->scale.size() > 1;
    const int version = t == DType::kI4                        ? 6
                        : t == DType::kI8 && per_channel       ? 5
                        : t == DType::kI16 || t == DType::kF16 ? 3
                        : t == DType::kI8                      ? 2
                                                               : 1;
    return TfliteOp(BuiltinOperator::DEQUANTIZE, version, 1, tflite::DequantizeOptionsT{});
  }
  static Result<Decoded> decode(const TfliteNode& n) {
    if (n.code != BuiltinOperator::DEQUANTIZE || n.in.size() != 1 || !n.in[0] || n.out.size() != 1 ||
        n.out[0].dtype != DType::kF32 || n.out[0].quant)
      return not_decoded();
    return Decoded{make_op(Dequantize()), {0}};
  }
  static std::vector<Sample> samples() {
    const auto type = [](DType t, Shape s, QuantParams q) { return Type{t, std::move(s), std::move(q)}; };
    const OpPtr op = make_op(Dequantize());
    return {{.op = op, .in = {type(DType::kI8, {2, 3, 4, 5}, {{0.25f}, {3}, 0})}, .low = -128, .high = 127},
            {.op = op, .in = {type(DType::kU8, {3, 5}, {{0.5f}, {128}, 0})}, .low = 0, .high = 255},
            {.op = op, .in = {type(DType::kI8, {2, 3}, {{0.5f, 0.25f}, {0, 0}, 0})}, .low = -128, .high = 127},
            {.op = op, .in = {type(DType::kI16, {2, 3, 4}, {{0.5f}, {0}, 0})}, .low = -999, .high = 999},
            {.op = op, .in = {Type{DType::kF16, {2, 3}, {}}}},
            {.op = op, .in = {}, .bad = "C1"},
            {.op = op, .in = {Type{DType::kI8, {3}, {}}}, .bad = "C2"}};
  }
};

}  // namespace

Value requantized(Builder& b, Value v, const Type& type) {
  const Type from = b.type(v);
  if (bits(from.dtype) != 8 || type.dtype != DType::kI16) return b.add(quantize_to(type), {v});
  const Type wide{DType::kI16, type.shape, QuantParams{from.quant->scale, {0}, 0}};
  Quantize cast = quantize_to(wide);
  cast.same_integers = true;
  v = b.add(std::move(cast), {v});
  const int64_t zero = zero_point(*from.quant, 0);
  if (zero == 0) return b.add(quantize_to(type), {v});
  Tensor shift = Tensor::make(wide);
  std::fill_n(shift.mutable_data<int16_t>(), shift.count(), int16_t(-zero));
  Quantized sum;
  sum.op = {make_op(Binary(BinaryKind::kAdd))};
  sum.out = {type};
  return b.add(std::move(sum), {v, b.constant(Constant::of(std::move(shift)))});
}

DEFINE_OP(Quantize, QuantizeFacts)
DEFINE_OP(Dequantize, DequantizeFacts)
}  // namespace atl
