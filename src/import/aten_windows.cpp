// Window functions of signal processing, as constants.
#include <cmath>
#include <numbers>

#include "import/aten.h"

namespace atl {
namespace {

constexpr double kTurn = 2 * std::numbers::pi;

/// f at the places of a window: 0 .. 1 over length - 1 steps, or over length where the window is periodic.
template <class F>
void import_window(SourceCall& c, const F& f) {
  const int64_t n = c.integer("window_length");
  const bool periodic = c.boolean("periodic", true);
  constexpr int64_t kMaxLength = int64_t(1) << 24;
  if (c.failed() || n < 0 || n > kMaxLength) return c.unsupported(fmt::format("a window of {} samples", n));
  const double steps = double(periodic ? n : n - 1);
  Tensor window = Tensor::make(Type{DType::kF32, {n}, {}});
  for (int64_t i = 0; i < n; ++i) window.mutable_data<float>()[i] = float(n == 1 ? 1 : f(double(i) / steps));
  const DType t = c.result_type().dtype;
  c.result(c.constant(cast(window, t == DType::kUnknown ? DType::kF32 : t)));
}

void import_hann(SourceCall& c) {
  import_window(c, [](double at) { return 0.5 - 0.5 * std::cos(kTurn * at); });
}
void import_hamming(SourceCall& c) {
  const double alpha = c.number("alpha", 0.54), beta = c.number("beta", 0.46);
  import_window(c, [=](double at) { return alpha - beta * std::cos(kTurn * at); });
}
void import_blackman(SourceCall& c) {
  import_window(c, [](double at) { return 0.42 - 0.5 * std::cos(kTurn * at) + 0.08 * std::cos(2 * kTurn * at); });
}
void import_bartlett(SourceCall& c) {
  import_window(c, [](double at) { return 1 - std::abs(2 * at - 1); });
}
void import_kaiser(SourceCall& c) {
  const double beta = c.number("beta", 12);
  import_window(c, [=](double at) {
    const double x = 2 * at - 1;
    return std::cyl_bessel_i(0, beta * std::sqrt(std::max(0.0, 1 - x * x))) / std::cyl_bessel_i(0, beta);
  });
}

constexpr Import kImports[] = {
    {"aten.hann_window.default", import_hann},
    {"aten.hann_window.periodic", import_hann},
    {"aten.hamming_window.default", import_hamming},
    {"aten.hamming_window.periodic", import_hamming},
    {"aten.hamming_window.periodic_alpha", import_hamming},
    {"aten.hamming_window.periodic_alpha_beta", import_hamming},
    {"aten.blackman_window.default", import_blackman},
    {"aten.blackman_window.periodic", import_blackman},
    {"aten.bartlett_window.default", import_bartlett},
    {"aten.bartlett_window.periodic", import_bartlett},
    {"aten.kaiser_window.default", import_kaiser},
    {"aten.kaiser_window.periodic", import_kaiser},
    {"aten.kaiser_window.beta", import_kaiser},
};

}  // namespace

std::span<const Import> aten_windows() { return kImports; }

}  // namespace atl
