// Discrete Fourier transforms of constant sizes and short-time transforms.
#include <cmath>

#include "import/aten_elementwise.h"
#include "import/fourier.h"
#include "import/placement.h"
#include "ops/conv.h"

namespace atl {
namespace {

// ---- Arguments.

double scale_of(SourceCall& c, int64_t n, bool forward) {
  const std::string norm = c.string("norm", "backward");
  if (norm == "ortho") return 1 / std::sqrt(double(n));
  if (norm != "backward" && norm != "forward") c.unsupported(fmt::format("norm '{}'", norm));
  return (norm == "forward") == forward ? 1 / double(n) : 1;
}

// The signal in the result's precision.
Complex signal(SourceCall& c) { return complex_operand(c, "self"); }

void set(SourceCall& c, const Complex& x) {
  if (!c.failed()) c.result(x.re, imaginary_part(c, x));
}

Value sized(Builder& b, Value v, int64_t axis, int64_t n) {
  const Shape s = b.shape(v);
  const int64_t have = s[size_t(axis)];
  if (n <= have) return slice(b, v, axis, 0, n);
  std::vector<int64_t> before(s.size(), 0), after(s.size(), 0);
  after[size_t(axis)] = n - have;
  return b.add(Pad(before, after, 0), {v});
}

/// x with n elements along an axis: the first ones, or zeros behind them.
Complex sized(SourceCall& c, const Complex& x, int64_t axis, int64_t n) {
  if (c.failed()) return {};
  if (n < 1) {
    c.unsupported(fmt::format("a transform of {} elements", n));
    return {};
  }
  return {sized(c, x.re, axis, n), x.is_real() ? Value{} : sized(c, x.im, axis, n)};
}

/// The axes of a transform with their lengths, as torch's arguments s and dim say; -1 keeps a length.
struct Axes {
  std::vector<int64_t> dims, sizes;
};

Axes axes_of(SourceCall& c, const Shape& shape, bool default_last_two) {
  Axes a{c.integers("dim", {}), c.integers("s", {})};
  const auto rank = int64_t(shape.size());
  if (a.dims.empty()) {
    const int64_t n = default_last_two ? 2 : a.sizes.empty() ? rank : int64_t(a.sizes.size());
    for (int64_t i = rank - n; i < rank; ++i) a.dims.push_back(i);
  }
  for (int64_t& d : a.dims) {
    const auto axis = normalize_axis(d, shape.size());
    if (!axis) {
      c.unsupported(fmt::format("axis {} of {}", d, to_string(shape)));
      return {};
    }
    d = *axis;
  }
  if (a.sizes.empty()) a.sizes.assign(a.dims.size(), -1);
  if (a.sizes.size() != a.dims.size() || a.dims.empty()) {
    c.unsupported(fmt::format("{} sizes for {} axes", a.sizes.size(), a.dims.size()));
    return {};
  }
  return a;
}

int64_t length(const Shape& s, const Axes& a, size_t i) { return a.sizes[i] == -1 ? s[size_t(a.dims[i])] : a.sizes[i]; }

// ---- Transforms of one axis.

Complex transform(SourceCall& c, Complex x, int64_t axis, int64_t n, bool forward) {
  x = sized(c, x, axis, n);
  return c.failed() ? x : fourier(c, x, {axis, n, forward ? -1 : 1, scale_of(c, n, forward)});
}

Complex half_spectrum(SourceCall& c, Complex x, int64_t axis, int64_t n, bool forward = true) {
  x = sized(c, x, axis, n);
  return c.failed() ? x : fourier(c, x, {axis, n / 2 + 1, -1, scale_of(c, n, forward)});
}

Value real_signal(SourceCall& c, Complex x, int64_t axis, int64_t n, bool forward = false) {
  x = sized(c, x, axis, n / 2 + 1);
  return c.failed() ? Value{} : real_fourier(c, x, axis, n, scale_of(c, n, forward));
}

struct One {
  Complex x;
  int64_t axis = 0, size = 0;  ///< size: the axis' own
};

One one(SourceCall& c) {
  One o{signal(c)};
  if (c.failed()) return o;
  const Shape& s = c.shape(o.x.re);
  if (s.empty()) c.unsupported("a scalar");
  o.axis = c.axis("dim", s.size(), -1);
  if (!c.failed()) o.size = s[size_t(o.axis)];
  return o;
}

template <bool kForward>
void import_fft(SourceCall& c) {
  const One o = one(c);
  if (!c.failed()) set(c, transform(c, o.x, o.axis, c.integer("n", o.size), kForward));
}

void import_rfft(SourceCall& c) {
  const One o = one(c);
  if (!c.failed()) set(c, half_spectrum(c, o.x, o.axis, c.integer("n", o.size)));
}

void import_irfft(SourceCall& c) {
  const One o = one(c);
  if (!c.failed()) c.result(real_signal(c, o.x, o.axis, c.integer("n", 2 * (o.size - 1))));
}

// The spectrum of a signal whose half is given, which is real.
void import_hfft(SourceCall& c) {
  const One o = one(c);
  if (!c.failed()) c.result(real_signal(c, conjugate(c, o.x), o.axis, c.integer("n", 2 * (o.size - 1)), true));
}

void import_ihfft(SourceCall& c) {
  const One o = one(c);
  if (c.failed()) return;
  const Complex y = half_spectrum(c, o.x, o.axis, c.integer("n", o.size), false);
  if (!c.failed()) set(c, conjugate(c, y));
}

// ---- Of several axes.

template <bool kForward, bool kTwo>
void import_fftn(SourceCall& c) {
  Complex x = signal(c);
  const Shape s = c.shape(x.re);
  const Axes a = axes_of(c, s, kTwo);
  for (size_t i = a.dims.size(); i-- > 0 && !c.failed();) x = transform(c, x, a.dims[i], length(s, a, i), kForward);
  set(c, x);
}

template <bool kTwo>
void import_rfftn(SourceCall& c) {
  Complex x = signal(c);
  const Shape s = c.shape(x.re);
  const Axes a = axes_of(c, s, kTwo);
  if (c.failed()) return;
  const size_t last = a.dims.size() - 1;
  x = half_spectrum(c, x, a.dims[last], length(s, a, last));
  for (size_t i = last; i-- > 0 && !c.failed();) x = transform(c, x, a.dims[i], length(s, a, i), true);
  set(c, x);
}

template <bool kTwo>
void import_irfftn(SourceCall& c) {
  Complex x = signal(c);
  const Shape s = c.shape(x.re);
  const Axes a = axes_of(c, s, kTwo);
  if (c.failed()) return;
  const size_t last = a.dims.size() - 1;
  for (size_t i = 0; i < last && !c.failed(); ++i) x = transform(c, x, a.dims[i], length(s, a, i), false);
  const int64_t n = a.sizes[last] == -1 ? 2 * (s[size_t(a.dims[last])] - 1) : a.sizes[last];
  if (!c.failed()) c.result(real_signal(c, x, a.dims[last], n));
}

// ---- The core operators behind them: `normalization` is 0 for none, 1 for the root of the size, 2 for the size.

double core_scale(SourceCall& c, int64_t n) {
  const int64_t kind = c.integer("normalization", 0);
  return kind == 0 ? 1 : kind == 1 ? 1 / std::sqrt(double(n)) : 1 / double(n);
}

// The axes in the order given, which need not be sorted.
std::vector<int64_t> core_axes(SourceCall& c, size_t rank) {
  std::vector<int64_t> dims = c.integers("dim");
  for (int64_t& d : dims) {
    const auto axis = normalize_axis(d, rank);
    if (axis)
      d = *axis;
    else
      c.unsupported(fmt::format("axis {}", d));
  }
  if (dims.empty()) c.unsupported("no axes");
  return dims;
}

void import_c2c(SourceCall& c) {
  Complex x = signal(c);
  const Shape s = c.shape(x.re);
  const auto dims = core_axes(c, s.size());
  const int sign = c.boolean("forward") ? -1 : 1;
  for (size_t i = dims.size(); i-- > 0 && !c.failed();) {
    const int64_t n = s[size_t(dims[i])];
    x = fourier(c, x, {dims[i], n, sign, core_scale(c, n)});
  }
  set(c, x);
}

void import_r2c(SourceCall& c) {
  Complex x = signal(c);
  const Shape s = c.shape(x.re);
  const auto dims = core_axes(c, s.size());
  bool half = c.boolean("onesided");
  for (size_t i = dims.size(); i-- > 0 && !c.failed(); half = false) {
    const int64_t n = s[size_t(dims[i])];
    x = fourier(c, x, {dims[i], half ? n / 2 + 1 : n, -1, core_scale(c, n)});
  }
  set(c, x);
}

void import_c2r(SourceCall& c) {
  Complex x = signal(c);
  const Shape s = c.shape(x.re);
  const auto dims = core_axes(c, s.size());
  for (size_t i = 0; i + 1 < dims.size() && !c.failed(); ++i) {
    const int64_t n = s[size_t(dims[i])];
    x = fourier(c, x, {dims[i], n, 1, core_scale(c, n)});
  }
  const int64_t n = c.integer("last_dim_size");
  if (c.failed()) return;
  x = sized(c, x, dims.back(), n / 2 + 1);
  if (!c.failed()) c.result(real_fourier(c, x, dims.back(), n, core_scale(c, n)));
}

// ---- Orders and frequencies of bins.

template <bool kInverse>
void import_shift(SourceCall& c) {
  const Complex x = signal(c);
  const auto shifted = [&](Value v) {
    for (int64_t axis : c.axes("dim", c.rank(v), true)) {
      const int64_t n = c.shape(v)[size_t(axis)], first = kInverse ? n / 2 : n - n / 2;
      if (first > 0 && first < n) v = c.add(Concat(axis), {slice(c, v, axis, first, n - first), slice(c, v, axis, 0, first)});
    }
    return v;
  };
  if (c.failed()) return;
  c.result(shifted(x.re), x.is_real() ? Value{} : shifted(x.im));
}

template <class F>
void create(SourceCall& c, int64_t count, F value) {
  if (c.failed() || count < 0 || count > kMaxPositions) return c.unsupported(fmt::format("{} elements", count));
  Tensor t = Tensor::make(Type{DType::kF64, {count}, {}});
  for (int64_t i = 0; i < count; ++i) t.mutable_data<double>()[i] = value(i);
  c.result(c.constant(cast(t, c.result_type().dtype)));
}

template <bool kHalf>
void import_frequencies(SourceCall& c) {
  const int64_t n = c.integer("n");
  const double d = c.number("d", 1);
  create(c, kHalf ? n / 2 + 1 : n, [&](int64_t i) { return double(!kHalf && i >= n - n / 2 ? i - n : i) / (double(n) * d); });
}

// ---- Short-time transforms: convolutions with windowed waves.

struct Frames {
  int64_t size = 0, hop = 0, bins = 0;
  Tensor window;  ///< [size], f64
  double scale = 1;
};

// The window, of win_length elements in the middle of the frame.
Frames frames_of(SourceCall& c) {
  Frames f;
  f.size = c.integer("n_fft");
  f.hop = c.integer("hop_length", f.size / 4);
  const int64_t width = c.integer("win_length", f.size);
  if (c.failed()) return f;
  if (f.size < 1 || f.hop < 1 || width < 1 || width > f.size || f.size > (int64_t(1) << 13)) {
    c.unsupported(fmt::format("frames of {} elements, {} apart, with a window of {}", f.size, f.hop, width));
    return f;
  }
  const Value window = c.optional_tensor("window");
  if (!c.imaginary_arguments().empty() && c.imaginary_arguments().contains("window")) c.unsupported("a complex window");
  std::optional<Tensor> values;
  if (window.valid() && !c.failed()) {
    values = known_value(c, window);
    if (!values || values->count() != width) c.unsupported("a window that is not a constant of win_length elements");
  }
  if (c.failed()) return f;
  f.window = Tensor::make(Type{DType::kF64, {f.size}, {}});
  const int64_t first = (f.size - width) / 2;
  for (int64_t i = 0; i < f.size; ++i) {
    const bool inside = i >= first && i < first + width;
    f.window.mutable_data<double>()[i] = !inside ? 0 : values ? element_as_double(*values, i - first) : 1;
  }
  f.scale = c.boolean("normalized") ? 1 / std::sqrt(double(f.size)) : 1;
  return f;
}

/// Kernels [bins,1,1,size] of the waves that `waves` has in its columns [size, bins] or rows [bins, size], times the window.
Value kernels(SourceCall& c, const Frames& f, const Tensor& waves, bool columns, DType dtype) {
  Tensor k = Tensor::make(Type{DType::kF64, {f.bins, 1, 1, f.size}, {}});
  const double *from = waves.data<double>(), *window = f.window.data<double>();
  for (int64_t i = 0; i < f.bins; ++i)
    for (int64_t t = 0; t < f.size; ++t)
      k.mutable_data<double>()[i * f.size + t] = window[t] * (columns ? from[t * f.bins + i] : from[i * f.size + t]);
  return c.constant(cast(k, dtype));
}

void import_stft(SourceCall& c) {
  Frames f = frames_of(c);
  const Complex x = signal(c);
  if (c.failed()) return;
  const Shape s = c.shape(x.re);
  if (!x.is_real() || s.empty() || s.size() > 2) return c.unsupported("a signal that is not real with one or two axes");
  if (c.boolean("center") || c.boolean("align_to_window"))
    return c.unsupported("center or align_to_window inside the operator");
  f.bins = c.boolean("onesided", true) ? f.size / 2 + 1 : f.size;
  const DType t = c.dtype(x.re);
  const Value batch = reshape(c, x.re, {s.size() == 2 ? s[0] : 1, 1, 1, s.back()});
  Conv2d conv;
  conv.stride = {1, f.hop};
  const auto wave = [&](const Tensor& waves) {
    Value y = c.add(conv, {batch, kernels(c, f, waves, true, t)});
    if (c.failed()) return y;
    const Shape out = c.shape(y);
    return reshape(c, y, s.size() == 2 ? Shape{out[0], f.bins, out[3]} : Shape{f.bins, out[3]});
  };
  const Complex y{wave(cosines(f.size, f.bins, f.scale)), wave(sines(f.size, f.bins, -f.scale))};
  if (c.failed()) return;
  if (c.result_is_complex()) return set(c, y);
  c.result(view_as_real(c, y));
}

/// The sum of the squared windows of all frames.
std::vector<double> envelope(const Frames& f, int64_t count) {
  std::vector<double> sum(size_t(f.size + f.hop * (count - 1)), 0);
  for (int64_t k = 0; k < count; ++k)
    for (int64_t i = 0; i < f.size; ++i) {
      const double w = f.window.data<double>()[i];
      sum[size_t(k * f.hop + i)] += w * w;
    }
  return sum;
}

// The sum of the frames' inverse transforms, each times the window, over the sum of the squared windows.
void import_istft(SourceCall& c) {
  Frames f = frames_of(c);
  const Complex x = signal(c);
  if (c.failed()) return;
  const Shape s = c.shape(x.re);
  f.bins = f.size / 2 + 1;
  if (s.size() < 2 || s.size() > 3 || s[s.size() - 2] < f.bins || c.boolean("return_complex"))
    return c.unsupported(fmt::format("a spectrum {} for a real signal", to_string(s)));
  const int64_t count = s.back(), rows = s.size() == 3 ? s[0] : 1;
  const DType t = c.dtype(x.re);
  const double scale = f.scale == 1 ? 1 / double(f.size) : f.scale;
  TransposeConv2d conv;
  conv.stride = {1, f.hop};
  const auto part = [&](Value v, const Tensor& waves) {
    const Value spectrum = slice(c, reshape(c, v, {rows, s[s.size() - 2], 1, count}), 1, 0, f.bins);
    return c.add(conv, {spectrum, kernels(c, f, waves, false, t)});
  };
  Value y = sub(c, part(x.re, inverse_cosines(f.size, scale)), part(imaginary_part(c, x), inverse_sines(f.size, scale)));
  const std::vector<double> sum = envelope(f, count);
  const auto total = int64_t(sum.size());
  const bool center = c.boolean("center", true);
  const int64_t begin = center ? f.size / 2 : 0;
  const int64_t end = c.has("length") ? begin + c.integer("length") : total - begin;
  const int64_t kept = std::min(end, total);
  if (c.failed() || kept <= begin) return c.unsupported("no frames");
  Tensor inverse = Tensor::make(Type{DType::kF64, {kept - begin}, {}});
  for (int64_t i = begin; i < kept; ++i) {
    if (sum[size_t(i)] < 1e-11) return c.unsupported("a window that leaves elements without weight", "make hop_length smaller");
    inverse.mutable_data<double>()[i - begin] = 1 / sum[size_t(i)];
  }
  y = mul(c, reshape(c, slice(c, y, 3, begin, kept - begin), {rows, kept - begin}), c.constant(cast(inverse, t)));
  if (c.failed()) return;
  y = sized(c, y, 1, end - begin);
  c.result(reshape(c, y, s.size() == 3 ? Shape{rows, end - begin} : Shape{end - begin}));
}

constexpr Import kImports[] = {
    {"aten.fft_fft.default", import_fft<true>},
    {"aten.fft_ifft.default", import_fft<false>},
    {"aten.fft_rfft.default", import_rfft},
    {"aten.fft_irfft.default", import_irfft},
    {"aten.fft_hfft.default", import_hfft},
    {"aten.fft_ihfft.default", import_ihfft},
    {"aten.fft_fft2.default", import_fftn<true, true>},
    {"aten.fft_ifft2.default", import_fftn<false, true>},
    {"aten.fft_rfft2.default", import_rfftn<true>},
    {"aten.fft_irfft2.default", import_irfftn<true>},
    {"aten.fft_fftn.default", import_fftn<true, false>},
    {"aten.fft_ifftn.default", import_fftn<false, false>},
    {"aten.fft_rfftn.default", import_rfftn<false>},
    {"aten.fft_irfftn.default", import_irfftn<false>},
    {"aten._fft_c2c.default", import_c2c},
    {"aten._fft_r2c.default", import_r2c},
    {"aten._fft_c2r.default", import_c2r},
    {"aten.fft_fftfreq.default", import_frequencies<false>},
    {"aten.fft_rfftfreq.default", import_frequencies<true>},
    {"aten.stft.default", import_stft},
    {"aten.stft.center", import_stft},
    {"aten.istft.default", import_istft},
    {"aten.fft_fftshift.default", import_shift<false>},
    {"aten.fft_ifftshift.default", import_shift<true>},
};

}  // namespace

std::span<const Import> aten_fourier() { return kImports; }

}  // namespace atl
