#include "ops/function_table.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/fixed_point.h"

namespace atl {

int32_t truncated(float x) { return x >= -0x1p31f && x < 0x1p31f ? int32_t(x) : std::numeric_limits<int32_t>::min(); }

Tensor tabulated(const Tensor& x, const Type& out, const std::function<float(float)>& f) {
  const IntegerRange from = integer_range(x.dtype()), to = integer_range(out.dtype);
  const float scale = float(scale_of(x.type())), inverse = 1.0f / float(scale_of(out));
  const int32_t zero = zero_point_of(x.type()), out_zero = zero_point_of(out);
  std::array<int32_t, 256> table{};
  for (int32_t i = from.low; i <= from.high; ++i) {
    const float y = std::round(f(scale * float(i - zero)) * inverse) + float(out_zero);
    table[size_t(i - from.low)] = std::clamp(truncated(y), to.low, to.high);
  }
  Tensor t = Tensor::make(out);
  for (int64_t i = 0, n = x.count(); i < n; ++i) set_integer(t, i, table[size_t(integer_at(x, i) - from.low)]);
  return t;
}

template <class Real>
InterpolatedTable InterpolatedTable::of(Real scale, int32_t zero, Real out_scale, int32_t out_zero,
                                        const std::function<Real(Real)>& f) {
  constexpr int kSteps = 512, kLow = -32768, kHigh = 32767;
  const Real low = scale * Real(kLow - zero), high = scale * Real(kHigh - zero);
  const Real out_low = out_scale * Real(kLow - out_zero), out_high = out_scale * Real(kHigh - out_zero);
  const Real step = (high - low) / kSteps, half_step = step / 2, inverse = Real(65536) / (out_high - out_low);
  const auto stored = [](Real y) { return int16_t(truncated(float(std::min(std::max(y, Real(kLow)), Real(kHigh))))); };
  InterpolatedTable t;
  for (int i = 0; i < kSteps; ++i) {
    const Real at = std::round(f(low + Real(i) * step) * inverse);
    const Real next = f(low + Real(i + 1) * step), middle = std::round(f(low + Real(i) * step + half_step) * inverse);
    const Real missed = std::round((next * inverse + at) / 2) - middle;
    t.points_[size_t(i)] = stored(at - std::round(missed / 2));
  }
  t.points_[kSteps] = stored(std::round(f(high) * inverse));
  return t;
}
template InterpolatedTable InterpolatedTable::of(float, int32_t, float, int32_t, const std::function<float(float)>&);
template InterpolatedTable InterpolatedTable::of(double, int32_t, double, int32_t, const std::function<double(double)>&);

Tensor interpolated(const Tensor& x, const Type& out, const std::function<float(float)>& f) {
  const auto table = InterpolatedTable::of<float>(float(scale_of(x.type())), zero_point_of(x.type()), float(scale_of(out)),
                                                  zero_point_of(out), f);
  Tensor t = Tensor::make(out);
  for (int64_t i = 0, n = x.count(); i < n; ++i) t.mutable_data<int16_t>()[i] = table(x.data<int16_t>()[i]);
  return t;
}

const LogisticTable& LogisticTable::get() {
  static const LogisticTable table = [] {
    LogisticTable t{};
    const auto f = [](double x) { return 65536 / (1 + std::exp(-x / 24)); };
    // Half of what the straight line misses in the middle of the interval is added, as for InterpolatedTable.
    for (size_t i = 0; i < t.points.size(); ++i) {
      const auto x = double(i);
      t.points[i] = uint16_t(std::floor(f(x) + (f(x + 0.5) - (f(x) + f(x + 1)) / 2) / 2 + 0.5));
    }
    t.points.back() = 65535;
    return t;
  }();
  return table;
}

}  // namespace atl
