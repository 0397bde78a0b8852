#include "import/fourier.h"

#include <cmath>
#include <numbers>

#include "import/placement.h"
#include "import/product.h"
#include "ops/promotion.h"

namespace atl {
namespace {

// Up to this many elements one matrix beats two steps with a twiddle between.
constexpr int64_t kDense = int64_t(1) << 18;
// The largest matrix, for a length without factors.
constexpr int64_t kMaxDense = int64_t(1) << 24;

/// Cosine and sine of 2 pi m / n for m = 0 .. n - 1, exact at the quarters.
struct Circle {
  std::vector<double> cos, sin;
  explicit Circle(int64_t n) : cos(size_t(n)), sin(size_t(n)) {
    for (int64_t m = 0; m < n; ++m) {
      const int64_t quarter = (8 * m + n) / (2 * n);
      const double rest = 2 * std::numbers::pi * (double(m) - double(quarter) * double(n) / 4) / double(n);
      const double c = std::cos(rest), s = std::sin(rest);
      const double turned[] = {c, -s, -c, s};
      cos[size_t(m)] = turned[quarter % 4];
      sin[size_t(m)] = turned[(quarter + 3) % 4];
    }
  }
};

/// A matrix [rows, columns] of table[row * column mod n] * scale * weight(row).
template <class F>
Tensor waves(const std::vector<double>& table, int64_t rows, int64_t columns, double scale, F weight) {
  const auto n = int64_t(table.size());
  Tensor t = Tensor::make(Type{DType::kF64, {rows, columns}, {}});
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t k = 0; k < columns; ++k)
      t.mutable_data<double>()[r * columns + k] = table[size_t(r * k % n)] * scale * weight(r);
  return t;
}

double once(int64_t) { return 1; }

/// How often bin k of half a spectrum stands in the whole one.
auto multiplicity(int64_t n) {
  return [n](int64_t k) { return k == 0 || 2 * k == n ? 1.0 : 2.0; };
}

/// x multiplied along an axis by a matrix [length of the axis, new length].
Value along(Builder& b, Value x, int64_t axis, const Tensor& matrix) {
  const Value y = contract(b, x, b.constant(cast(matrix, b.dtype(x))), {axis}, {0});
  return b.failed() ? y : move_axis(b, y, int64_t(b.rank(y)) - 1, axis);
}

Complex dense(Builder& b, const Complex& x, int64_t n, const FourierAxis& f) {
  const Tensor c = cosines(n, f.bins, f.scale), s = sines(n, f.bins, f.sign * f.scale);
  const Complex y{along(b, x.re, f.axis, c), along(b, x.re, f.axis, s)};
  if (x.is_real()) return y;
  return {sub(b, y.re, along(b, x.im, f.axis, s)), add(b, y.im, along(b, x.im, f.axis, c))};
}

int64_t largest_factor(int64_t n) {
  auto f = int64_t(std::sqrt(double(n)));
  while (f > 1 && n % f) --f;
  return f;
}

/// f applied to both parts.
template <class F>
Complex both(const Complex& x, F f) {
  return {f(x.re), x.is_real() ? Value{} : f(x.im)};
}

// x [rows, n1 n2] with element n2 t1 + t2 and bin k1 + n1 k2: transforms of t1, factors exp(2 pi i t2 k1 / n), transforms of
// t2.
Complex in_factors(Builder& b, const Complex& x, int64_t rows, int64_t n1, int64_t n2, int sign, double scale) {
  const int64_t n = n1 * n2;
  Complex y = both(x, [&](Value v) { return reshape(b, v, {rows, n1, n2}); });
  y = fourier(b, y, {1, n1, sign, scale});
  if (b.failed()) return {};
  const auto twiddle = [&](const std::vector<double>& table, double factor) {
    return b.constant(cast(waves(table, n1, n2, factor, once), b.dtype(y.re)));
  };
  const Circle circle(n);
  y = mul(b, y, Complex{twiddle(circle.cos, 1), twiddle(circle.sin, sign)});
  y = fourier(b, y, {2, n2, sign, 1});
  return both(y, [&](Value v) { return reshape(b, transpose(b, v, {0, 2, 1}), {rows, n}); });
}

}  // namespace

Tensor cosines(int64_t n, int64_t bins, double scale) { return waves(Circle(n).cos, n, bins, scale, once); }
Tensor sines(int64_t n, int64_t bins, double scale) { return waves(Circle(n).sin, n, bins, scale, once); }
Tensor inverse_cosines(int64_t n, double scale) { return waves(Circle(n).cos, n / 2 + 1, n, scale, multiplicity(n)); }
Tensor inverse_sines(int64_t n, double scale) { return waves(Circle(n).sin, n / 2 + 1, n, scale, multiplicity(n)); }

Complex fourier(Builder& b, const Complex& x, const FourierAxis& f) {
  if (b.failed()) return {};
  Shape shape = b.shape(x.re);
  const int64_t n = shape[size_t(f.axis)], factor = largest_factor(n);
  if (n * f.bins <= kDense || (factor == 1 && n * f.bins <= kMaxDense)) return dense(b, x, n, f);
  if (factor == 1) {
    b.fail(error(Code::kUnsupportedForm, fmt::format("a Fourier transform of {} elements, which is a prime", n),
                 "pad the signal to a length with small factors"));
    return {};
  }
  const auto last = int64_t(shape.size()) - 1;
  const int64_t rows = element_count(shape) / n;
  const Complex flat = both(x, [&](Value v) { return reshape(b, move_axis(b, v, f.axis, last), {rows, n}); });
  const Complex y = in_factors(b, flat, rows, factor, n / factor, f.sign, f.scale);
  if (b.failed()) return {};
  shape.erase(shape.begin() + f.axis);
  shape.push_back(f.bins);
  return both(y, [&](Value v) { return move_axis(b, reshape(b, slice(b, v, 1, 0, f.bins), shape), last, f.axis); });
}

Value real_fourier(Builder& b, const Complex& x, int64_t axis, int64_t n, double scale) {
  if (b.failed()) return {};
  const int64_t bins = n / 2 + 1;
  if (n * bins <= kDense || (largest_factor(n) == 1 && n * bins <= kMaxDense)) {
    const Value re = along(b, x.re, axis, inverse_cosines(n, scale));
    return x.is_real() ? re : sub(b, re, along(b, x.im, axis, inverse_sines(n, scale)));
  }
  // The other half is the first one's mirror image, conjugated.
  const int64_t mirrored = n - bins;
  const auto whole = [&](Value v, bool negative) {
    Value m = b.add(Reverse({axis}), {slice(b, v, axis, 1, mirrored)});
    if (negative) m = unary(b, UnaryKind::kNeg, m);
    return b.add(Concat(axis), {v, m});
  };
  const Complex full{whole(x.re, false), x.is_real() ? Value{} : whole(x.im, true)};
  return fourier(b, full, {axis, n, 1, scale}).re;
}

}  // namespace atl
