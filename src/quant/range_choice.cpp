#include "quant/range_choice.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace atl {
namespace {

// Sums over the bins, so that the error of any range is a few differences.
class Cumulated {
 public:
  explicit Cumulated(const Statistics& s) : s_(s) {
    n_.push_back(0);
    x_.push_back(0);
    xx_.push_back(0);
    for (size_t i = 0; i < s.bins().size(); ++i) {
      const double v = (s.edge(i) + s.edge(i + 1)) / 2, k = double(s.bins()[i]);
      n_.push_back(n_.back() + k);
      x_.push_back(x_.back() + k * v);
      xx_.push_back(xx_.back() + k * v * v);
    }
  }

  // Sum of square errors: values beyond the range move to its ends, others are rounded, zeros are exact.
  double square_error(Range r, double step) const {
    if (n_.size() == 1) return 0;
    const size_t a = bin(r.low), b = std::max(bin(r.high), a);
    const size_t last = n_.size() - 1;
    double e = (n_[b] - n_[a]) * step * step / 12;
    e += xx_[a] - 2 * r.low * x_[a] + r.low * r.low * n_[a];
    const double n = n_[last] - n_[b], x = x_[last] - x_[b], xx = xx_[last] - xx_[b];
    e += xx - 2 * r.high * x + r.high * r.high * n;
    return std::max(e, 0.0);
  }

 private:
  // The first bin whose middle is not below v.
  size_t bin(double v) const {
    const double width = s_.edge(1) - s_.edge(0);
    const double i = std::ceil((v - s_.edge(0)) / width - 0.5);
    return size_t(std::clamp(i, 0.0, double(n_.size() - 1)));
  }
  const Statistics& s_;
  std::vector<double> n_, x_, xx_;
};

double steps_of(DType t) { return t == DType::kI16 ? 65535 : 255; }

Range with_zero(Range r) { return {std::min(r.low, 0.0), std::max(r.high, 0.0)}; }

Range percentile_range(const Statistics& s) {
  const double tail = kPercentileTail * double(s.count());
  const Range all = s.extremes();
  Range r = all;
  double n = 0;
  for (size_t i = 0; i < s.bins().size(); ++i) {
    n += double(s.bins()[i]);
    if (n > tail) {
      r.low = s.edge(i);
      break;
    }
  }
  n = 0;
  for (size_t i = s.bins().size(); i-- > 0;) {
    n += double(s.bins()[i]);
    if (n > tail) {
      r.high = s.edge(i + 1);
      break;
    }
  }
  return {std::max(r.low, all.low), std::min(r.high, all.high)};
}

// Each end in turn, from all values inwards; both errors depend on the common step, hence two rounds.
Range mse_range(const Statistics& s, double steps) {
  const Cumulated sums(s);
  const Range all = with_zero(s.extremes());
  Range best = all;
  const auto error = [&](Range r) { return sums.square_error(r, r.width() / steps); };
  constexpr int kTries = 100;
  for (int round = 0; round < 3; ++round) {
    Range next = best;
    double least = error(best);
    for (int i = 0; i < kTries; ++i) {
      const Range r{best.low, all.high * (1 - i / double(kTries))};
      if (const double e = error(r); e < least && r.width() > 0) least = e, next = r;
    }
    best = next;
    for (int i = 0; i < kTries; ++i) {
      const Range r{all.low * (1 - i / double(kTries)), best.high};
      if (const double e = error(r); e < least && r.width() > 0) least = e, next = r;
    }
    if (next == best && round > 0) break;
    best = next;
  }
  return best;
}

// Divergence of the values' distribution from the one that is left after clipping to `r` and joining bins to steps.
double divergence(const Statistics& s, Range r, double steps) {
  const auto& bins = s.bins();
  const double width = s.edge(1) - s.edge(0), step = r.width() / steps;
  const auto first = size_t(std::clamp((r.low - s.edge(0)) / width, 0.0, double(bins.size() - 1)));
  const auto last = size_t(std::clamp((r.high - s.edge(0)) / width, double(first), double(bins.size() - 1)));
  std::vector<double> p(bins.begin() + long(first), bins.begin() + long(last) + 1);
  double below = 0, above = 0, total = 0;
  for (size_t i = 0; i < first; ++i) below += double(bins[i]);
  for (size_t i = last + 1; i < bins.size(); ++i) above += double(bins[i]);
  std::vector<double> q(p.size());
  const size_t group = std::max<size_t>(1, size_t(std::lround(step / width)));
  for (size_t i = 0; i < p.size(); i += group) {
    const size_t end = std::min(p.size(), i + group);
    double sum = 0, filled = 0;
    for (size_t k = i; k < end; ++k) sum += p[k], filled += p[k] > 0;
    for (size_t k = i; k < end; ++k) q[k] = p[k] > 0 ? sum / filled : 0;
  }
  p.front() += below;
  p.back() += above;
  double q_total = 0;
  for (size_t i = 0; i < p.size(); ++i) total += p[i], q_total += q[i];
  if (total == 0 || q_total == 0) return std::numeric_limits<double>::infinity();
  double d = 0;
  for (size_t i = 0; i < p.size(); ++i)
    if (p[i] > 0) d += p[i] / total * std::log(p[i] / total / std::max(q[i] / q_total, 1e-9));
  return d;
}

Range entropy_range(const Statistics& s, double steps) {
  const Range all = with_zero(s.extremes());
  Range best = all;
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 50; ++i) {
    const double share = 1 - 0.9 * i / 50;
    const Range r{all.low * share, all.high * share};
    if (const double d = divergence(s, r, steps); d < least) least = d, best = r;
  }
  return best;
}

}  // namespace

double expected_square_error(const Statistics& statistics, Range range, double steps) {
  if (statistics.empty()) return 0;
  return Cumulated(statistics).square_error(range, range.width() / steps) / double(statistics.count());
}

Range choose_range(const Statistics& statistics, RangeMethod method, DType dtype) {
  const Range all = with_zero(statistics.extremes());
  if (statistics.empty() || all.width() == 0) return all;
  if (dtype == DType::kI16) return {2 * all.low, 2 * all.high};
  switch (method) {
    case RangeMethod::kPercentile:
      return with_zero(percentile_range(statistics));
    case RangeMethod::kMse:
      return mse_range(statistics, steps_of(dtype));
    case RangeMethod::kEntropy:
      return entropy_range(statistics, steps_of(dtype));
    case RangeMethod::kWide:
      return {(1 + kHeadRoom) * all.low, (1 + kHeadRoom) * all.high};
    case RangeMethod::kAverage:
      return with_zero(statistics.mean_extremes());
    case RangeMethod::kMinMax:
      break;
  }
  return all;
}

QuantParams parameters_of_values(std::span<const float> values, Range range, DType dtype) {
  constexpr int kTries = 1024, kTriesPerScale = 2048;
  constexpr size_t kSampled = 512;
  constexpr double kWorthwhile = 0.5;
  const QuantParams plain = parameters_of(range, dtype);
  const double lowest = dtype == DType::kU8 ? 0 : -128;
  // Errors beyond `limit` need not be known.
  const auto error = [&](double scale, double zero, size_t stride, double limit) {
    double sum = 0;
    for (size_t i = 0; i < values.size() && sum < limit; i += stride) {
      const double q = std::clamp(std::nearbyint(double(values[i]) / scale) + zero, lowest, lowest + 255);
      const double e = (q - zero) * scale - double(values[i]);
      sum += e * e;
    }
    return sum;
  };
  const double plain_scale = double(plain.scale[0]), plain_zero = double(plain.zero_point[0]);
  const size_t stride = std::max<size_t>(1, values.size() / kSampled) | 1;
  double least = kWorthwhile * error(plain_scale, plain_zero, stride, std::numeric_limits<double>::infinity());
  QuantParams best = plain;
  for (int i = 1; i < kTries && range.width() > 0; ++i) {
    const auto scale = float(plain_scale * (1 + i / double(kTriesPerScale)));
    const double zero = std::clamp(std::nearbyint(lowest - std::min(range.low, 0.0) / double(scale)), lowest, lowest + 255);
    const double e = error(double(scale), zero, stride, least);
    if (e >= least) continue;
    least = e;
    best = {{scale}, {int64_t(zero)}, 0};
  }
  const double all = error(plain_scale, plain_zero, 1, std::numeric_limits<double>::infinity());
  return error(double(best.scale[0]), double(best.zero_point[0]), 1, all) < kWorthwhile * all ? best : plain;
}

QuantParams parameters_of(Range range, DType dtype) {
  const Range r = with_zero(range);
  if (dtype == DType::kI16) {
    const double reach = std::max(-r.low, r.high);
    return {{float(reach > 0 ? reach / 32767 : 1.0 / 32767)}, {0}, 0};
  }
  const int64_t lowest = dtype == DType::kU8 ? 0 : -128;
  if (r.width() == 0) return {{1.0f / 128}, {lowest + 128}, 0};
  const auto scale = float(r.width() / 255);
  const double zero = double(lowest) - r.low / double(scale);
  return {{scale}, {std::clamp<int64_t>(std::llround(zero), lowest, lowest + 255)}, 0};
}

}  // namespace atl
