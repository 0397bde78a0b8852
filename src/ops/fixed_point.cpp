#include "ops/fixed_point.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace atl {

FixedPoint FixedPoint::of(double factor) {
  if (factor == 0) return {};
  FixedPoint f;
  const double fraction = std::frexp(factor, &f.exponent);
  int64_t mantissa = std::llround(fraction * double(int64_t(1) << 31));
  if (mantissa == int64_t(1) << 31) {
    mantissa /= 2;
    ++f.exponent;
  }
  if (f.exponent < -31) return {};
  f.mantissa = int32_t(mantissa);
  return f;
}

int32_t high_product(int32_t a, int32_t b) {
  constexpr int32_t kMin = std::numeric_limits<int32_t>::min();
  if (a == kMin && b == kMin) return std::numeric_limits<int32_t>::max();
  const int64_t product = int64_t(a) * int64_t(b);
  const int64_t nudge = product >= 0 ? int64_t(1) << 30 : 1 - (int64_t(1) << 30);
  return int32_t((product + nudge) / (int64_t(1) << 31));
}

int32_t rounding_shift(int32_t x, int exponent) {
  const int32_t mask = int32_t((int64_t(1) << exponent) - 1);
  const int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return (x >> exponent) + ((x & mask) > threshold ? 1 : 0);
}

int32_t scaled(int32_t x, FixedPoint factor) {
  const int left = std::max(factor.exponent, 0), right = std::max(-factor.exponent, 0);
  return rounding_shift(high_product(int32_t(uint32_t(x) << left), factor.mantissa), right);
}

int32_t scaled_ties_up(int32_t x, FixedPoint factor) {
  const int left = std::max(factor.exponent, 0), right = std::max(-factor.exponent, 0);
  const int64_t v = high_product(int32_t(uint32_t(x) << left), factor.mantissa);
  return int32_t(right ? (v + (int64_t(1) << (right - 1))) >> right : v);
}

int32_t scaled(int64_t x, FixedPoint factor) {
  const int32_t reduced = factor.mantissa < 0x7FFF0000 ? (factor.mantissa + (1 << 15)) >> 16 : 0x7FFF;
  const int total = 15 - factor.exponent;
  const int64_t product = x * int64_t(reduced) + (int64_t(1) << (total - 1));
  return int32_t(product >> total);
}

IntegerRange integer_range(DType t) {
  switch (t) {
    case DType::kI4:
      return {-8, 7};
    case DType::kU8:
      return {0, 255};
    case DType::kI16:
      return {-32768, 32767};
    case DType::kI32:
      return {std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()};
    default:
      return {-128, 127};
  }
}

double scale_of(const Type& t) { return t.quant && !t.quant->scale.empty() ? double(t.quant->scale[0]) : 1; }
int32_t zero_point_of(const Type& t) { return t.quant && !t.quant->zero_point.empty() ? int32_t(t.quant->zero_point[0]) : 0; }

IntegerRange activation_range(Activation a, const Type& out) {
  IntegerRange r = integer_range(out.dtype);
  const float scale = float(scale_of(out));
  const auto at = [&](float v) { return zero_point_of(out) + int32_t(std::round(v / scale)); };
  if (a == Activation::kRelu || a == Activation::kRelu6) r.low = std::max(r.low, at(0));
  if (a == Activation::kRelu6) r.high = std::min(r.high, at(6));
  if (a == Activation::kReluN1To1) {
    r.low = std::max(r.low, at(-1));
    r.high = std::min(r.high, at(1));
  }
  return r;
}

int32_t integer_at(const Tensor& t, int64_t i) {
  switch (t.dtype()) {
    case DType::kU8:
      return t.data<uint8_t>()[i];
    case DType::kI16:
      return t.data<int16_t>()[i];
    case DType::kI32:
      return t.data<int32_t>()[i];
    default:
      return t.data<int8_t>()[i];
  }
}

void set_integer(Tensor& t, int64_t i, int32_t v) {
  switch (t.dtype()) {
    case DType::kU8:
      t.mutable_data<uint8_t>()[i] = uint8_t(v);
      break;
    case DType::kI16:
      t.mutable_data<int16_t>()[i] = int16_t(v);
      break;
    case DType::kI32:
      t.mutable_data<int32_t>()[i] = v;
      break;
    default:
      t.mutable_data<int8_t>()[i] = int8_t(v);
  }
}

QuantParams unit_parameters(DType t) {
  if (t == DType::kI16) return {{1.0f / 32768}, {0}, 0};
  return {{1.0f / 256}, {t == DType::kU8 ? 0 : -128}, 0};
}

QuantParams symmetric_unit_parameters(DType t) {
  if (t == DType::kI16) return {{1.0f / 32768}, {0}, 0};
  return {{1.0f / 128}, {t == DType::kU8 ? 128 : 0}, 0};
}

}  // namespace atl
