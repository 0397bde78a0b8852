// Discrete Fourier transforms of constant length as products with constant matrices.
#pragma once
#include "import/complex.h"

namespace atl {

/// One transform along an axis of n elements: y[k] = scale * sum_t x[t] exp(sign 2 pi i k t / n) for k = 0 .. bins - 1.
struct FourierAxis {
  int64_t axis;
  int64_t bins;  ///< n, or n / 2 + 1 for the first half of a real signal's spectrum
  int sign;      ///< -1 forward, 1 inverse
  double scale;
};

/// The transform of x. Long axes are split into factors (Cooley and Tukey, 1965). Fails with kUnsupportedForm where the length
/// has only large factors.
Complex fourier(Builder& b, const Complex& x, const FourierAxis& f);
/// The real signal of n elements whose spectrum begins with x along the axis, n / 2 + 1 elements: y[t] = scale * sum_k X[k]
/// exp(2 pi i k t / n) over the whole spectrum. The imaginary parts of the first and, for even n, the last element do not
/// count.
Value real_fourier(Builder& b, const Complex& x, int64_t axis, int64_t n, double scale);

/// cos (or sin) of 2 pi k t / n as a matrix [n, bins] of element t, bin k, times `scale`.
Tensor cosines(int64_t n, int64_t bins, double scale);
Tensor sines(int64_t n, int64_t bins, double scale);
/// Rows that make a real signal of n elements of half a spectrum: cosines and sines [bins, n], where the bins that stand for
/// two count twice.
Tensor inverse_cosines(int64_t n, double scale);
Tensor inverse_sines(int64_t n, double scale);

}  // namespace atl
