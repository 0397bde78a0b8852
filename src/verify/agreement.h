// How near a model's values are to a reference's, over many examples.
#pragma once
#include <cstddef>

#include "ir/tensor.h"

namespace atl {

class Agreement {
 public:
  /// Adds the value of one example. Element types may differ. E: kInput when the shapes hold different numbers of elements.
  Status add(const Tensor& reference, const Tensor& got);
  /// Mean over the examples of 10 log10(signal / noise), each held between -150 and 150 dB; 999 when all examples are equal.
  /// Only elements that are finite on both sides count.
  double mean_snr_db() const;
  /// Mean over the examples of the cosine of the angle between the two as vectors; 1 where both are zero, 0 where one is.
  double mean_cosine() const;
  double max_error() const { return max_error_; }
  /// Examples in which a NaN or infinity stands on one side only.
  size_t misplaced() const { return misplaced_; }

 private:
  size_t examples_ = 0, equal_ = 0, misplaced_ = 0;
  double snr_sum_ = 0, cosine_sum_ = 0, max_error_ = 0;
};

}  // namespace atl
