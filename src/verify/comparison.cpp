#include "verify/comparison.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace atl {
namespace {

constexpr double kMinSnrF16 = 40, kMinSnrBf16 = 25;

// One pair of floating point numbers.
inline void add(Comparison& c, int64_t i, double reference, double got) {
  if (!std::isfinite(reference) || !std::isfinite(got)) {
    const bool same = std::isnan(reference) ? std::isnan(got) : reference == got;
    c.misplaced += !same;
    c.differing += !same;
    return;
  }
  const double e = std::abs(reference - got);
  ++c.finite;
  c.signal += reference * reference;
  c.noise += e * e;
  c.differing += e != 0;
  c.max_reference = std::max(c.max_reference, std::abs(reference));
  if (e > c.max_error) {
    c.max_error = e;
    c.worst_element = i;
  }
}

template <class T>
void add_all(Comparison& c, const T* reference, const T* got) {
  if constexpr (std::is_integral_v<T>) {
    c.finite = c.elements;
    for (int64_t i = 0; i < c.elements; ++i) {
      const double r = double(reference[i]), e = std::abs(r - double(got[i]));
      c.differing += reference[i] != got[i];
      c.signal += r * r;
      c.noise += e * e;
      c.max_reference = std::max(c.max_reference, std::abs(r));
      if (e > c.max_error) {
        c.max_error = e;
        c.worst_element = i;
      }
    }
  } else {
    for (int64_t i = 0; i < c.elements; ++i) add(c, i, double(reference[i]), double(got[i]));
  }
}

double min_snr_of(DType t, const Tolerance& tolerance) {
  if (t == DType::kF16) return std::min(tolerance.min_snr_db, kMinSnrF16);
  if (t == DType::kBF16) return std::min(tolerance.min_snr_db, kMinSnrBf16);
  return tolerance.min_snr_db;
}

void judge_floats(Comparison& c, double min_snr_db, const Tolerance& tolerance) {
  if (c.misplaced > 0) {
    c.reason = fmt::format("{} of {} elements are NaN or infinite on one side only", c.misplaced, c.elements);
    return;
  }
  const bool cancelled = c.max_reference == 0 && c.max_error <= tolerance.max_error_at_zero;
  c.passed =
      c.noise == 0 || c.snr_db() >= min_snr_db || c.max_error <= tolerance.max_relative_error * c.max_reference || cancelled;
  if (!c.passed) c.reason = fmt::format("SNR {:.1f} dB is below {:.0f} dB", c.snr_db(), min_snr_db);
}

void judge_integers(Comparison& c, bool from_floats, const Tolerance& tolerance) {
  const int64_t allowed = from_floats ? int64_t(tolerance.max_differing * double(c.elements)) : 0;
  c.passed = c.differing <= allowed;
  if (!c.passed) c.reason = fmt::format("{} of {} elements differ", c.differing, c.elements);
}

}  // namespace

double Comparison::snr_db() const {
  if (noise == 0) return std::numeric_limits<double>::infinity();
  if (signal == 0) return -std::numeric_limits<double>::infinity();
  return 10 * (std::log10(signal) - std::log10(noise));
}

double Comparison::rms_error() const { return finite > 0 ? std::sqrt(noise / double(finite)) : 0; }

Comparison compare(const Tensor& reference, const Tensor& got, const Tolerance& tolerance, bool from_floats) {
  Comparison c;
  if (reference.shape() != got.shape()) {
    c.reason = fmt::format("{} against {}", to_string(reference.type()), to_string(got.type()));
    return c;
  }
  c.elements = reference.count();
  if (reference.dtype() != got.dtype()) {
    const Tensor a = cast(reference, DType::kF64), b = cast(got, DType::kF64);
    add_all(c, a.data<double>(), b.data<double>());
  } else if (!visit(reference.dtype(), [&]<class T>(T) { add_all(c, reference.data<T>(), got.data<T>()); })) {
    c.reason = fmt::format("values of type {} cannot be compared", name(reference.dtype()));
    return c;
  }
  if (is_float(reference.dtype()))
    judge_floats(c, min_snr_of(reference.dtype(), tolerance), tolerance);
  else
    judge_integers(c, from_floats, tolerance);
  return c;
}

Comparison compare_change(const Tensor& reference_a, const Tensor& reference_b, const Tensor& got_a, const Tensor& got_b) {
  Comparison c;
  c.elements = reference_a.count();
  if (reference_b.count() != c.elements || got_a.count() != c.elements || got_b.count() != c.elements) return c;
  for (int64_t i = 0; i < c.elements; ++i) {
    const double reference = element_as_double(reference_b, i) - element_as_double(reference_a, i);
    const double got = element_as_double(got_b, i) - element_as_double(got_a, i);
    if (std::isfinite(reference) && std::isfinite(got)) add(c, i, reference, got);
  }
  return c;
}

}  // namespace atl
