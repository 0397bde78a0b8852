#include "ops/integer_functions.h"

#include <algorithm>
#include <cmath>

#include "ops/elementwise.h"
#include "ops/fixed_point_functions.h"
#include "ops/function_table.h"

namespace atl {
namespace {

std::string_view kind_name(UnaryKind k) { return enum_names(k)[size_t(k)]; }

/// Calls f(x - zero point) for each element and stores the answer plus the result's zero point, saturated.
template <class F>
Tensor map_integers(const Tensor& x, const Type& out, F f) {
  const int32_t zero = zero_point_of(x.type()), out_zero = zero_point_of(out);
  const IntegerRange r = integer_range(out.dtype);
  Tensor y = Tensor::make(out);
  for (int64_t i = 0, n = x.count(); i < n; ++i)
    set_integer(y, i, std::clamp(f(integer_at(x, i) - zero) + out_zero, r.low, r.high));
  return y;
}

// The kernels divide scales in f32.
FixedPoint scale_ratio(const Tensor& x, const Type& out) {
  return FixedPoint::of(double(float(scale_of(x.type())) / float(scale_of(out))));
}

// Rescales, and clamps to real bounds that are rounded to integers of the result.
Tensor clamped(const Tensor& x, const Type& out, float low, float high) {
  const FixedPoint factor = scale_ratio(x, out);
  const IntegerRange range = integer_range(out.dtype);
  const int32_t zero = zero_point_of(x.type()), out_zero = zero_point_of(out);
  const auto bound = [&](float v) { return out_zero + int32_t(std::round(v / float(scale_of(out)))); };
  const int32_t from = std::max(range.low, bound(low)), to = std::isinf(high) ? range.high : std::min(range.high, bound(high));
  Tensor y = Tensor::make(out);
  for (int64_t i = 0, n = x.count(); i < n; ++i)
    set_integer(y, i, std::min(std::max(out_zero + scaled(integer_at(x, i) - zero, factor), from), to));
  return y;
}

Tensor absolute(const Tensor& x, const Type& out) {
  if (scale_of(x.type()) == scale_of(out)) return map_integers(x, out, [](int32_t v) { return std::abs(v); });
  return map_integers(x, out, [factor = scale_ratio(x, out)](int32_t v) { return scaled(std::abs(v), factor); });
}

// ---- hard_swish: 16 bits, x on a scale 128 times finer, (x + 3) / 6 in Q0 ----

struct HardSwishFactors {
  FixedPoint output, reluish;  // mantissas of 16 bits
};

FixedPoint factor_of_16_bits(float factor) {
  FixedPoint f = FixedPoint::of(double(factor));
  f.mantissa = f.mantissa >= 0x7fff7fff ? 0x7fff : (f.mantissa + (1 << 15)) >> 16;
  return f;
}

HardSwishFactors hard_swish_factors(const Type& x, const Type& out) {
  const float fine = (1.0f / 128.0f) * float(scale_of(x));
  return {factor_of_16_bits(fine / float(scale_of(out))), factor_of_16_bits(fine / (3.0f / 32768.0f))};
}

int32_t rounded_product_16(int32_t a, int32_t b) {
  return a == -32768 && b == -32768 ? 32767 : (a * b + (a * b >= 0 ? 1 << 14 : 1 - (1 << 14))) / (1 << 15);
}
int32_t truncated_product_16(int32_t a, int32_t b) { return a == -32768 && b == -32768 ? 32767 : a * b / (1 << 15); }
int32_t saturated_16(int64_t v) { return int32_t(std::clamp<int64_t>(v, -32768, 32767)); }

Tensor hard_swish(const Tensor& x, const Type& out) {
  const auto [output, reluish] = hard_swish_factors(x.type(), out);
  return map_integers(x, out, [=](int32_t v) {
    const int32_t fine = int16_t(v * 128);
    const int32_t product = rounded_product_16(fine, output.mantissa);
    int32_t r = fine;
    if (reluish.exponent > 0) r = saturated_16(int64_t(r) << std::min(reluish.exponent - 1, 30));
    r = rounded_product_16(r, reluish.mantissa);
    if (reluish.exponent > 0) r = saturated_16(int64_t(r) * 2);
    if (reluish.exponent < 0) r = rounding_shift(r, std::min(-reluish.exponent, 31));
    r = (r + (1 << 15)) >> 1;
    return rounding_shift(truncated_product_16(r, product), std::min(-output.exponent, 31));
  });
}

// ---- roots ----

Status refuse_negative(UnaryKind k, const Tensor& x) {
  const int32_t zero = zero_point_of(x.type());
  for (int64_t i = 0, n = x.count(); i < n; ++i)
    if (integer_at(x, i) < zero)
      return error(Code::kInput, fmt::format("{} of a negative number, where LiteRT stops", kind_name(k)));
  return {};
}

// Not rounded but cut.
Tensor root(const Tensor& x, const Type& out) {
  const float scale = float(scale_of(x.type())), out_scale = float(scale_of(out));
  return map_integers(x, out, [=](int32_t v) { return truncated(std::sqrt(scale * float(v)) / out_scale); });
}

Tensor inverse_root(const Tensor& x, const Type& out) {
  constexpr int kShift = 20;  // that the result of one step stays an integer
  const FixedPoint rescale = FixedPoint::of(1. / double(std::sqrt(float(scale_of(x.type()))) * float(scale_of(out))));
  const FixedPoint lowered{rescale.mantissa, rescale.exponent - kShift};
  const int32_t largest = integer_range(out.dtype).high - zero_point_of(out);
  return map_integers(x, out, [=](int32_t v) {
    if (v == 0) return largest;
    const FixedPoint inverse = atl::inverse_root(v);
    return scaled(scaled(int32_t(1), {inverse.mantissa, inverse.exponent + kShift}), lowered);
  });
}

// ---- LOGISTIC and TANH of 16 bits ----

// The exponent of a power of two (to 1e-3 of an exponent); nullopt for other scales.
std::optional<int> exact_exponent(float scale) {
  const float exponent = std::log(scale) * (1.0f / std::log(2.0f)), rounded = std::round(exponent);
  return std::fabs(exponent - rounded) < 1e-3f ? std::optional(int(rounded)) : std::nullopt;
}

// Brings x to steps of 1 / (3 * 4096), in which the table of the logistic function is read.
struct TableScale {
  int32_t factor;
  int shift = 0;
  explicit TableScale(float scale) {
    double f = double(scale) * 4096.0 * 3.0;
    for (; f <= 32767.0 / 2.0 && shift <= 30; ++shift) f *= 2;
    factor = int32_t(f);
  }
  int32_t operator()(int32_t x) const { return (x * factor + (shift > 0 ? 1 << (shift - 1) : 0)) >> shift; }
};

// Linear between two points of the table; `bits` of the magnitude lie between them.
uint32_t table_value(uint32_t magnitude, int bits, uint32_t beyond) {
  const auto& points = LogisticTable::get().points;
  const uint32_t i = magnitude >> bits;
  if (i >= 255) return beyond << bits;
  return (uint32_t(points[i]) << bits) + (magnitude & ((1u << bits) - 1)) * uint32_t(points[i + 1] - points[i]);
}

Tensor logistic_16(const Tensor& x, const Type& out) {
  const auto scale = float(scale_of(x.type()));
  const bool direct = exact_exponent(scale) == -12;
  const TableScale to_table(scale);
  return map_integers(x, out, [=](int32_t v) -> int32_t {
    if (direct) return fixed_logistic(int16_t(v), 3);
    const int32_t at = to_table(v);
    const uint32_t y = table_value(uint32_t(std::abs(at)), 9, 0x7fff << 1);
    return int32_t((at >= 0 ? y + (1 << 9) : (1u << 25) - y + (1 << 9) - 1) >> 10);
  });
}

Tensor tanh_16(const Tensor& x, const Type& out) {
  const auto scale = float(scale_of(x.type()));
  const auto exponent = exact_exponent(scale);
  const bool direct = exponent == -12 || exponent == -11;
  const TableScale to_table(scale);
  return map_integers(x, out, [=](int32_t v) -> int32_t {
    if (direct) return fixed_tanh(int16_t(exponent == -11 ? saturated_16(int64_t(v) * 2) : v), 3);
    const int32_t at = to_table(v);
    const auto y = int32_t(table_value(uint32_t(std::abs(at)), 8, 0xffff));
    return (at >= 0 ? y - (1 << 23) + (1 << 7) : -y + (1 << 23) + (1 << 7) - 1) >> 8;
  });
}

float logistic(float x) { return 1.0f / (1.0f + std::exp(-x)); }

Tensor function(const Tensor& x, const Type& out, const std::function<float(float)>& f) {
  return x.dtype() == DType::kI16 ? interpolated(x, out, f) : tabulated(x, out, f);
}

Tensor logarithm(const Tensor& x, const Type& out) {
  const float lowest = float(integer_range(out.dtype).low - zero_point_of(out)) * float(scale_of(out));
  return function(x, out, [=](float v) { return v <= 0 ? lowest : std::log(v); });
}

}  // namespace

Result<Tensor> integer_unary(UnaryKind kind, const Tensor& x, const Type& out) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const bool wide = x.dtype() == DType::kI16;
  switch (kind) {
    case UnaryKind::kRelu:
      return clamped(x, out, 0, kInfinity);
    case UnaryKind::kRelu6:
      return clamped(x, out, 0, 6);
    case UnaryKind::kReluN1To1:
      return clamped(x, out, -1, 1);
    case UnaryKind::kRelu0To1:
      return clamped(x, out, 0, 1);
    case UnaryKind::kAbs:
      return absolute(x, out);
    case UnaryKind::kNeg: {
      Tensor y = Tensor::make(out);
      for (int64_t i = 0, n = x.count(); i < n; ++i) set_integer(y, i, -integer_at(x, i));
      return y;
    }
    case UnaryKind::kTanh:
      return wide ? tanh_16(x, out) : tabulated(x, out, [](float v) { return std::tanh(v); });
    case UnaryKind::kLogistic:
      return wide ? logistic_16(x, out) : tabulated(x, out, logistic);
    case UnaryKind::kElu:
      return function(x, out, [](float v) { return v < 0 ? std::expm1(v) : v; });
    case UnaryKind::kExp:
      return function(x, out, [](float v) { return std::exp(v); });
    case UnaryKind::kLog:
      return logarithm(x, out);
    case UnaryKind::kSqrt:
      TRY_STATUS(refuse_negative(kind, x));
      return root(x, out);
    case UnaryKind::kRsqrt:
      TRY_STATUS(refuse_negative(kind, x));
      if (!wide) return inverse_root(x, out);
      return interpolated(x, out,
                          [most = 32767 * float(scale_of(out))](float v) { return v <= 0 ? most : 1.0f / std::sqrt(v); });
    case UnaryKind::kHardSwish:
      return hard_swish(x, out);
    default:
      return error(Code::kUnsupportedForm, fmt::format("LiteRT has no integer kernel for {}", kind_name(kind)));
  }
}

namespace {

/// Element types of the quantized kernels.
std::string_view kernel_types(UnaryKind kind) {
  switch (kind) {
    case UnaryKind::kRelu:
    case UnaryKind::kRelu6:
    case UnaryKind::kTanh:
    case UnaryKind::kLogistic:
      return "i8 u8 i16";
    case UnaryKind::kReluN1To1:
    case UnaryKind::kRelu0To1:
    case UnaryKind::kHardSwish:
      return "i8 u8";
    case UnaryKind::kAbs:
    case UnaryKind::kNeg:
    case UnaryKind::kSqrt:
    case UnaryKind::kRsqrt:
    case UnaryKind::kExp:
    case UnaryKind::kLog:
      return "i8 i16";
    case UnaryKind::kElu:
      return "i8";
    default:
      return "";
  }
}

}  // namespace

Status legal_zero_point(std::string_view what, const Type& t) {
  if (t.dtype != DType::kI16 || zero_point_of(t) == 0) return {};
  return error(Code::kUnsupportedForm, fmt::format("{} of 16 bits needs zero point 0, not {}", what, zero_point_of(t)));
}

Status legal_integer_kernel(std::string_view what, std::string_view types, const Type& x, const Type& out) {
  if (x.dtype == out.dtype && in_list(x.dtype, types)) return {};
  return error(Code::kUnsupportedType, fmt::format("LiteRT has no {} from {} to {}", what, name(x.dtype), name(out.dtype)));
}

Status legal_prescribed(std::string_view what, const QuantParams& prescribed, const Type& out) {
  if (out.quant && out.quant->scale == prescribed.scale && out.quant->zero_point == prescribed.zero_point) return {};
  return error(Code::kUnsupportedForm,
               fmt::format("LiteRT's {} gives scale {} and zero point {}, not {} and {}", what, prescribed.scale[0],
                           prescribed.zero_point[0], float(scale_of(out)), zero_point_of(out)));
}

Status legal_integer_unary(UnaryKind kind, const Type& x, const Type& out) {
  const std::string_view what = kind_name(kind);
  TRY_STATUS(legal_integer_kernel(what, kernel_types(kind), x, out));
  TRY_STATUS(legal_zero_point(what, x));
  TRY_STATUS(legal_zero_point(what, out));
  switch (kind) {
    case UnaryKind::kTanh:
      return x.dtype == DType::kI16 ? legal_prescribed(what, symmetric_unit_parameters(out.dtype), out) : Status{};
    case UnaryKind::kLogistic:
      return legal_prescribed(what, unit_parameters(out.dtype), out);
    case UnaryKind::kHardSwish:
      if (hard_swish_factors(x, out).output.exponent <= 0) return {};
      return error(Code::kUnsupportedForm, "the operand of hard_swish has a scale over 128 times the result's");
    case UnaryKind::kSqrt:
    case UnaryKind::kRsqrt:
      if (x.dtype == DType::kI16 || zero_point_of(x) == integer_range(x.dtype).low) return {};
      return error(Code::kUnsupportedForm, fmt::format("the operand of {} can be negative, where LiteRT stops", what),
                   "keep this layer float");
    case UnaryKind::kNeg:
      if (zero_point_of(x) == 0 && x.quant == out.quant) return {};
      return error(Code::kUnsupportedForm, "LiteRT negates integers as they are: zero point 0 and one scale are needed");
    default:
      return {};
  }
}

Tensor integer_leaky_relu(float alpha, const Tensor& x, const Type& out) {
  const auto scale = float(scale_of(x.type())), out_scale = float(scale_of(out));
  const float below = scale * alpha / out_scale;
  const FixedPoint identity = scale_ratio(x, out), magnitude = FixedPoint::of(double(std::fabs(below)));
  const bool negative = below < 0, wide = x.dtype() == DType::kI16;
  // The kernel of 16 bits multiplies by a negative factor, the others negate the product.
  const FixedPoint factor{negative && wide ? -magnitude.mantissa : magnitude.mantissa, magnitude.exponent};
  return map_integers(x, out, [=](int32_t v) {
    if (v >= 0) return scaled(v, identity);
    const int32_t y = scaled(v, factor);
    return negative && !wide ? -y : y;
  });
}

}  // namespace atl
