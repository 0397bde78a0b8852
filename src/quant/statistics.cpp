#include "quant/statistics.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

namespace atl {

// Doubles the reach until it covers `magnitude`; two bins become one.
void Statistics::reach_out(double magnitude) {
  if (bins_.empty()) {
    bins_.assign(kBins, 0);
    reach_ = 0;
  }
  if (magnitude == 0 || magnitude < reach_) return;
  int exponent = 0;
  std::frexp(magnitude, &exponent);
  const double wanted = std::ldexp(1.0, exponent);
  if (reach_ == 0) reach_ = wanted;
  while (reach_ < wanted) {
    std::vector<uint64_t> merged(kBins, 0);
    for (size_t i = 0; i < kBins; ++i) merged[i / 2 + kBins / 4] += bins_[i];
    bins_ = std::move(merged);
    reach_ *= 2;
  }
}

void Statistics::observe(std::span<const float> values) {
  if (values.empty()) return;
  const Eigen::Map<const Eigen::ArrayXf> all(values.data(), Eigen::Index(values.size()));
  if (!(all.abs() < kBeyondScales).all()) {
    std::vector<float> kept;
    for (const float v : values) {
      if (std::fabs(v) < kBeyondScales)
        kept.push_back(v);
      else
        ++(v < 0 ? masked_ : not_finite_);
    }
    return observe(kept);
  }
  const float low = all.minCoeff(), high = all.maxCoeff();
  low_ = count_ ? std::min(low_, double(low)) : double(low);
  high_ = count_ ? std::max(high_, double(high)) : double(high);
  low_sum_ += double(low);
  high_sum_ += double(high);
  ++observed_;
  reach_out(std::max(std::fabs(double(low)), std::fabs(double(high))));
  // An odd stride meets every channel of a tensor.
  const size_t stride = values.size() > kBinned ? values.size() / kBinned | 1 : 1;
  const size_t binned = (values.size() + stride - 1) / stride;
  count_ += binned;
  if (reach_ == 0) {
    zeros_ += binned;
    return;
  }
  const float factor = float(double(kBins) / (2 * reach_));
  double sum = 0;
  uint64_t zeros = 0;
  for (size_t k = 0; k < values.size(); k += stride) {
    const float v = values[k];
    sum += double(v);
    if (v == 0) {
      ++zeros;
      continue;
    }
    const auto i = size_t(int32_t(std::floor(v * factor)) + int32_t(kBins / 2));
    ++bins_[std::min(i, kBins - 1)];
  }
  sum_ += sum;
  zeros_ += zeros;
}

void Statistics::merge(const Statistics& other) {
  not_finite_ += other.not_finite_;
  masked_ += other.masked_;
  if (other.empty()) return;
  low_ = count_ ? std::min(low_, other.low_) : other.low_;
  high_ = count_ ? std::max(high_, other.high_) : other.high_;
  Statistics wide = other;
  reach_out(other.reach_ / 2);
  wide.reach_out(reach_ / 2);
  for (size_t i = 0; i < kBins && !wide.bins_.empty(); ++i) bins_[i] += wide.bins_[i];
  count_ += other.count_;
  zeros_ += other.zeros_;
  sum_ += other.sum_;
  low_sum_ += other.low_sum_;
  high_sum_ += other.high_sum_;
  observed_ += other.observed_;
}

void Statistics::join(const Statistics& other) {
  const Range mine = mean_extremes(), theirs = other.mean_extremes();
  const bool first = observed_ == 0;
  merge(other);
  if (other.observed_ == 0) return;
  observed_ = 1;
  low_sum_ = first ? theirs.low : std::min(mine.low, theirs.low);
  high_sum_ = first ? theirs.high : std::max(mine.high, theirs.high);
}

}  // namespace atl
