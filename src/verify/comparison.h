// How far two tensors are apart, and whether that is still the same value.
#pragma once
#include <optional>
#include <string>

#include "ir/tensor.h"

namespace atl {

/// When two values count as the same.
/// Floating point: every NaN and infinity stands at the same place, and over the finite elements either the signal-to-noise
/// ratio reaches min_snr_db, or no error exceeds max_relative_error of the largest reference value (outputs of which most is
/// tiny), or the reference is zero throughout and no error exceeds max_error_at_zero (what cancels in one order of summation
/// leaves rounding errors in another).
/// The default of 60 dB lies between what rounding leaves (LiteRT against torch: 86 dB in the worst of 27 networks, 93 to 144
/// in the others) and what a wrong weight, axis or padding does (below 40 dB as a rule). Values of fewer significant bits
/// cannot reach it: f16 is held to 40 dB, bf16 to 25 dB.
/// Integer and bool: equal, but for values that were computed from floating point (an argmax, a comparison), of which
/// max_differing may differ, because rounding decides ties.
struct Tolerance {
  double min_snr_db = 60;
  double max_relative_error = 1e-5;
  double max_error_at_zero = 1e-6;
  double max_differing = 1e-4;
};

/// The outcome of one comparison.
struct Comparison {
  int64_t elements = 0;
  int64_t finite = 0;         ///< elements that are finite on both sides (all, for integers); the sums run over these
  int64_t misplaced = 0;      ///< elements that are NaN or infinite on one side only, or infinite with another sign
  int64_t differing = 0;      ///< elements that are not equal
  double signal = 0;          ///< sum of squares of the reference
  double noise = 0;           ///< sum of squares of the errors
  double max_error = 0;       ///< largest absolute error
  double max_reference = 0;   ///< largest absolute value of the reference
  int64_t worst_element = 0;  ///< row-major index of the largest error
  bool passed = false;
  std::string reason;  ///< why it did not pass

  /// 10 log10(signal / noise); infinite without noise, minus infinity without signal.
  double snr_db() const;
  /// Root mean square of the errors.
  double rms_error() const;
};

/// Compares two tensors of one shape. Element types may differ (they are then compared as double). `from_floats`: the value was
/// computed from floating point, see Tolerance. Tensors of different shapes do not pass.
Comparison compare(const Tensor& reference, const Tensor& got, const Tolerance& tolerance, bool from_floats = true);

/// Compares the change of an output between two inputs: (b - a) of the reference with (b - a) of the other side, in double,
/// where all four are finite. Shows an error in what depends on the input when the rest is large. Only sums and extremes are
/// filled in; the caller judges.
Comparison compare_change(const Tensor& reference_a, const Tensor& reference_b, const Tensor& got_a, const Tensor& got_b);

}  // namespace atl
