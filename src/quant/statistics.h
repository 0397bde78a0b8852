// Statistics: what calibration keeps of a tensor's values. Its size does not grow with the number of samples.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace atl {

/// Smallest and largest value of a tensor that quantization is to represent.
struct Range {
  double low = 0, high = 0;
  double width() const { return high - low; }
  bool operator==(const Range&) const = default;
};

/// Magnitudes that stand for infinity, such as the lowest float of a mask by addition: LiteRT ends the process at scales that
/// hold them.
inline constexpr float kBeyondScales = 1e30F;

/// Extremes and a histogram over [-reach, reach), where reach is a power of two that grows with the values: the same values in
/// the same order give the same statistics. Of a tensor with more than kBinned values the extremes are exact, and evenly spread
/// values stand for all in everything else.
class Statistics {
 public:
  static constexpr size_t kBins = 8192, kBinned = 32768;

  void observe(std::span<const float> values);
  /// Adds what other samples gave of the same tensor.
  void merge(const Statistics& other);
  /// Adds what another tensor's statistics hold.
  void join(const Statistics& other);

  bool empty() const { return count_ == 0; }
  uint64_t count() const { return count_; }
  uint64_t zeros() const { return zeros_; }  ///< values that are exactly 0
  /// NaN, infinity and what is as good as infinite (kBeyondScales), which are counted nowhere else.
  uint64_t not_finite() const { return not_finite_; }
  /// -inf and what is as good, as masks by addition have it; counted nowhere else.
  uint64_t masked() const { return masked_; }
  Range extremes() const { return {low_, high_}; }
  /// The mean of the extremes of each observe(), of one sample; of joined tensors, the widest of theirs.
  Range mean_extremes() const {
    return observed_ ? Range{low_sum_ / double(observed_), high_sum_ / double(observed_)} : Range{};
  }
  double mean() const { return count_ ? sum_ / double(count_) : 0; }

  /// The bins (the zeros are not in them); bin i holds values in [edge(i), edge(i + 1)).
  const std::vector<uint64_t>& bins() const { return bins_; }
  double edge(size_t i) const { return reach_ * (2 * double(i) / double(kBins) - 1); }

 private:
  void reach_out(double magnitude);

  std::vector<uint64_t> bins_;
  double reach_ = 0, low_ = 0, high_ = 0, sum_ = 0, low_sum_ = 0, high_sum_ = 0;
  uint64_t count_ = 0, zeros_ = 0, not_finite_ = 0, masked_ = 0, observed_ = 0;
};

}  // namespace atl
