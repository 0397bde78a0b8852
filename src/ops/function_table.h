// Functions of one quantized operand by tables, as LiteRT's kernels make and read them.
#pragma once
#include <array>
#include <functional>

#include "ir/tensor.h"

namespace atl {

/// As x86-64 converts f32 to i32: toward zero, and the smallest integer for NaN and for what does not fit.
int32_t truncated(float x);

/// A function of one 8-bit operand, tabulated in f32: quantize(f(dequantize(i))) rounded half away from zero.
Tensor tabulated(const Tensor& x, const Type& out, const std::function<float(float)>& f);

/// A function of one 16-bit operand at 513 points, linear between them. Each point is moved by half of what the straight line
/// misses in the middle of its interval.
class InterpolatedTable {
 public:
  /// Of integers with these parameters to integers with those, computed in `Real` (float or double).
  template <class Real>
  static InterpolatedTable of(Real scale, int32_t zero, Real out_scale, int32_t out_zero, const std::function<Real(Real)>& f);
  int16_t operator()(int16_t x) const {
    const size_t i = size_t(256 + (x >> 7));
    const auto slope = int16_t(points_[i + 1] - points_[i]);
    return int16_t(points_[i] + ((slope * (x & 127) + 64) >> 7));
  }

 private:
  std::array<int16_t, 513> points_{};
};

/// A function of one 16-bit operand by an interpolated table in f32.
Tensor interpolated(const Tensor& x, const Type& out, const std::function<float(float)>& f);

/// The logistic function of abs(x) / 24 for x in steps of 1/256, in 16 fraction bits, linear between the steps: what LiteRT's
/// 16-bit kernels of LOGISTIC and TANH read.
struct LogisticTable {
  std::array<uint16_t, 256> points;
  static const LogisticTable& get();
};

}  // namespace atl
