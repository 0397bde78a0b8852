// How the range of a tensor is chosen from its statistics.
#pragma once
#include <array>
#include <span>
#include <string_view>

#include "ir/type.h"
#include "quant/statistics.h"

namespace atl {

enum class RangeMethod {
  kMinMax,      ///< all values that were seen
  kWide,        ///< those and kHeadRoom more at each end: unseen values go further than a few samples'
  kPercentile,  ///< all but a share of kPercentileTail at each end
  kMse,         ///< the range with the least mean square error, rounding and clipping together
  kEntropy,     ///< the range whose histogram of steps tells most of the values' (Kullback-Leibler divergence)
  kAverage,     ///< the mean over the samples of each one's extremes
};
constexpr std::array<std::string_view, 6> enum_names(RangeMethod) {
  return {"minmax", "wide", "percentile", "mse", "entropy", "average"};
}

inline constexpr double kPercentileTail = 1e-4, kHeadRoom = 0.1;

/// The range of a tensor of `dtype` (i8, u8 or i16) under a method. It always holds 0. i16 takes twice the extremes, whatever
/// the method: it has steps to spare, and unseen values go further than those of a few samples.
Range choose_range(const Statistics& statistics, RangeMethod method, DType dtype);

/// Mean square error of values with these statistics in `steps` equal steps over the range, relative to nothing: in the
/// tensor's own units squared.
double expected_square_error(const Statistics& statistics, Range range, double steps);

/// Scale and zero point (i8, u8) for values that are known, those of a constant: the range's own, or coarser steps that most
/// of the values are multiples of (a grid's coordinates, say), where that brings the square error down clearly.
QuantParams parameters_of_values(std::span<const float> values, Range range, DType dtype);

/// Scale and zero point for a range: `low` and `high` (widened to hold 0) are the ends of the integers; i16 is symmetric. A
/// range of one point gets a scale that represents it exactly.
QuantParams parameters_of(Range range, DType dtype);

}  // namespace atl
