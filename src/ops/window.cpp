#include "ops/window.h"

#include <algorithm>

#include "ir/tflite_op.h"
#include "ops/fused_activation.h"
#include "ops/gemm.h"

namespace atl {

int64_t WindowAxis::count() const {
  if (in == kDynamic) return kDynamic;
  const int64_t room = in + before + after - extent();
  return room < 0 ? 0 : room / stride + 1;
}

int64_t WindowAxis::reached_after() const {
  return std::clamp((count() - 1) * stride + extent() - in - before, int64_t(0), after);
}

int64_t WindowAxis::same_before() const {
  const int64_t windows = (in + stride - 1) / stride;
  return std::max<int64_t>(0, (windows - 1) * stride + extent() - in) / 2;
}

PaddingScheme padding_scheme(std::span<const WindowAxis> axes) {
  bool valid = true, same = true;
  for (const WindowAxis& a : axes) {
    if (a.in == kDynamic) {
      valid = valid && a.before == 0 && a.after == 0;
      same = false;
      continue;
    }
    valid = valid && a.before == 0 && a.reached_after() == 0;
    same = same && a.before == a.same_before() && a.count() == (a.in + a.stride - 1) / a.stride;
  }
  return valid ? PaddingScheme::kValid : same ? PaddingScheme::kSame : PaddingScheme::kExplicit;
}

Status check_windows(std::span<const WindowAxis> axes) {
  constexpr int64_t kMax = (int64_t(1) << 31) - 1;
  const auto positive = [](int64_t v) { return v >= 1 && v <= kMax; };
  const auto padding = [](int64_t v) { return v >= 0 && v <= kMax; };
  for (const WindowAxis& a : axes) {
    if (!positive(a.window) || !positive(a.stride) || !positive(a.dilation))
      return error(Code::kShape,
                   fmt::format("window {}, stride {} and dilation {} must be positive", a.window, a.stride, a.dilation));
    if (!padding(a.before) || !padding(a.after))
      return error(Code::kShape, fmt::format("padding {}, {} must not be negative", a.before, a.after));
  }
  return {};
}

Status fill_padding(WindowAxis& a, bool same, int64_t out) {
  a.before = a.after = 0;
  if (!check_windows(std::span(&a, 1))) return not_decoded();
  if (same) {
    if (a.in == kDynamic) return not_decoded();
    a.before = a.same_before();
    a.after = std::max<int64_t>(0, ((a.in + a.stride - 1) / a.stride - 1) * a.stride + a.extent() - a.in) - a.before;
  }
  return a.count() == out ? Status{} : not_decoded();
}

PaddingScheme padding_scheme(std::span<const SpreadAxis> axes) {
  bool valid = true, same = true;
  for (const SpreadAxis& a : axes) {
    valid = valid && a.before == 0 && a.extra >= a.after;
    // SAME is computed from the result's size, as if this were the gradient of a convolution.
    const WindowAxis gradient{a.out(), a.window, a.stride, 1, 0, 0};
    same = same && a.in != kDynamic && a.before == gradient.same_before() && (a.out() + a.stride - 1) / a.stride == a.in;
  }
  return valid ? PaddingScheme::kValid : same ? PaddingScheme::kSame : PaddingScheme::kExplicit;
}

Status check_windows(std::span<const SpreadAxis> axes) {
  for (const SpreadAxis& a : axes) {
    const WindowAxis w{1, a.window, a.stride, 1, a.before, a.after};
    TRY_STATUS(check_windows(std::span(&w, 1)));
    if (a.in > (int64_t(1) << 31) - 1) return error(Code::kTooLarge, fmt::format("an axis of {} elements", a.in));
    if (a.extra < 0 || a.extra > (int64_t(1) << 31) - 1)
      return error(Code::kShape, fmt::format("output padding {} must not be negative", a.extra));
  }
  return {};
}

Status fill_padding(SpreadAxis& a, bool same, int64_t out) {
  a.before = a.after = a.extra = 0;
  if (!check_windows(std::span<const SpreadAxis>(&a, 1)) || a.in < 1 || out < 1) return not_decoded();
  if (same) a.before = WindowAxis{out, a.window, a.stride, 1, 0, 0}.same_before();
  const int64_t cropped = a.natural() - a.before - out;
  (cropped >= 0 ? a.after : a.extra) = cropped >= 0 ? cropped : -cropped;
  return check_windows(std::span<const SpreadAxis>(&a, 1)) ? Status{} : not_decoded();
}

Perm channels_last_perm(size_t rank) {
  Perm p{0};
  for (size_t i = 2; i < rank; ++i) p.push_back(int(i));
  p.push_back(1);
  return p;
}

Tensor to_channels_first(const Tensor& x, DataLayout layout) {
  return layout == DataLayout::kChannelsFirst ? x : transpose(x, inverse(channels_last_perm(x.shape().size())));
}

Tensor from_channels_first(const Tensor& x, DataLayout layout) {
  return layout == DataLayout::kChannelsFirst ? x : transpose(x, channels_last_perm(x.shape().size()));
}

namespace {

int64_t volume(const std::array<int64_t, 3>& a) { return a[0] * a[1] * a[2]; }

// Where the elements of one axis that a kernel position sees lie: output index o sees input o * stride + shift.
struct AxisView {
  int64_t shift, begin, end;  // outputs begin .. end-1 see an input inside the axis
};
AxisView view_axis(const ConvSizes& s, size_t axis, int64_t k) {
  const int64_t shift = k * s.dilation[axis] - s.before[axis], st = s.stride[axis];
  const int64_t begin = shift >= 0 ? 0 : (-shift + st - 1) / st;
  const int64_t last = s.in[axis] - 1 - shift;
  const int64_t end = last < 0 ? 0 : std::min(s.out[axis], last / st + 1);
  return {shift, std::min(begin, end), end};
}

// Elements begin .. begin+count-1 of the row of patches that kernel position (kz, ky, kx) sees in one channel.
template <class T>
void read_patches(const ConvSizes& s, const T* channel, const std::array<int64_t, 3>& k, int64_t begin, int64_t count,
                  double* out) {
  const AxisView z = view_axis(s, 0, k[0]), y = view_axis(s, 1, k[1]), x = view_axis(s, 2, k[2]);
  const int64_t width = s.out[2], st = s.stride[2];
  while (count > 0) {
    const int64_t row = begin / width, x0 = begin % width, n = std::min(count, width - x0);
    const int64_t oz = row / s.out[1], oy = row % s.out[1];
    int64_t lo = 0, hi = 0;  // the part of this row inside the input
    if (oz >= z.begin && oz < z.end && oy >= y.begin && oy < y.end) {
      lo = std::clamp(x.begin - x0, int64_t(0), n);
      hi = std::clamp(x.end - x0, lo, n);
    }
    std::fill(out, out + lo, 0.0);
    if (hi > lo) {
      const T* in =
          channel + ((oz * s.stride[0] + z.shift) * s.in[1] + oy * s.stride[1] + y.shift) * s.in[2] + (x0 + lo) * st + x.shift;
      if (st == 1)
        for (int64_t j = lo; j < hi; ++j) out[j] = double(in[j - lo]);
      else
        for (int64_t j = lo; j < hi; ++j) out[j] = double(in[(j - lo) * st]);
    }
    std::fill(out + hi, out + n, 0.0);
    out += n;
    begin += n;
    count -= n;
  }
}

template <class T>
void convolve_group(const ConvSizes& s, const T* x, const T* w, const T* bias, T* y, int64_t n, int64_t g, Activation act,
                    Threads threads) {
  const int64_t channels = s.channels / s.groups, filters = s.filters / s.groups, taps = volume(s.kernel);
  const int64_t pixels = volume(s.out), depth = channels * taps;
  const T* image = x + (n * s.channels + g * channels) * volume(s.in);
  const T* weight = w + g * filters * depth;
  T* result = y + (n * s.filters + g * filters) * pixels;
  const ReadRow patches = [&](int64_t p, int64_t begin, int64_t count, double* out) {
    const int64_t tap = p % taps;
    const std::array<int64_t, 3> k{tap / (s.kernel[1] * s.kernel[2]), tap / s.kernel[2] % s.kernel[1], tap % s.kernel[2]};
    read_patches(s, image + p / taps * volume(s.in), k, begin, count, out);
  };
  const WriteRow write = [&](int64_t i, int64_t begin, int64_t count, const double* values) {
    const double b = bias ? double(bias[g * filters + i]) : 0;
    T* out = result + i * pixels + begin;
    for (int64_t j = 0; j < count; ++j) out[j] = T(activate(act, values[j] + b));
  };
  if (filters > 2) {
    const ReadRow weights = [&](int64_t p, int64_t begin, int64_t count, double* out) {
      for (int64_t i = 0; i < count; ++i) out[i] = double(weight[(begin + i) * depth + p]);
    };
    return gemm_rows(filters, pixels, depth, weights, patches, write, threads);
  }
  // Few filters (depthwise): one pass a kernel position over a strip of pixels.
  constexpr int64_t kStrip = 1024;
  double row[kStrip], sum[kStrip];
  for (int64_t i = 0; i < filters; ++i)
    for (int64_t begin = 0; begin < pixels; begin += kStrip) {
      const int64_t count = std::min(kStrip, pixels - begin);
      std::fill(sum, sum + count, 0.0);
      for (int64_t p = 0; p < depth; ++p) {
        patches(p, begin, count, row);
        const double f = double(weight[i * depth + p]);
        for (int64_t j = 0; j < count; ++j) sum[j] += f * row[j];
      }
      write(i, begin, count, sum);
    }
}

template <class T>
void convolve_typed(const ConvSizes& s, const T* x, const T* w, const T* bias, T* y, Activation act) {
  if (s.batch * s.groups == 1) return convolve_group(s, x, w, bias, y, 0, 0, act, Threads::kTwo);
  const int64_t channels = s.channels / s.groups;
  const double work = double(s.batch) * double(s.filters) * double(volume(s.out)) * double(channels) * double(volume(s.kernel));
  parallel_for(s.batch * s.groups, work,
               [&](int64_t i) { convolve_group(s, x, w, bias, y, i / s.groups, i % s.groups, act, Threads::kOne); });
}

// Adds one row of products (filter, kernel position) x pixels to the places that they reach.
void scatter_patches(const ConvSizes& s, const std::array<int64_t, 3>& k, int64_t begin, int64_t count, const double* values,
                     double* sum) {
  const int64_t width = s.in[2];
  for (int64_t j = 0; j < count; ++j) {
    const int64_t row = (begin + j) / width;
    const int64_t z = row / s.in[1] * s.stride[0] + k[0] - s.before[0], y = row % s.in[1] * s.stride[1] + k[1] - s.before[1];
    const int64_t x = (begin + j) % width * s.stride[2] + k[2] - s.before[2];
    if (z < 0 || z >= s.out[0] || y < 0 || y >= s.out[1] || x < 0 || x >= s.out[2]) continue;
    sum[(z * s.out[1] + y) * s.out[2] + x] += values[j];
  }
}

template <class T>
void convolve_transposed_typed(const ConvSizes& s, const T* x, const T* w, const T* bias, T* y, Activation act) {
  constexpr int64_t kFilters = 8;  // filters that one thread adds up at a time
  const int64_t taps = volume(s.kernel), in_pixels = volume(s.in), pixels = volume(s.out);
  const int64_t jobs = (s.filters + kFilters - 1) / kFilters;
  const double work = double(s.batch) * double(s.filters) * double(in_pixels) * double(s.channels) * double(taps);
  parallel_for(s.batch * jobs, work, [&](int64_t job) {
    const int64_t n = job / jobs, first = job % jobs * kFilters, filters = std::min(kFilters, s.filters - first);
    std::vector<double> sum(size_t(filters * pixels), 0.0);
    const ReadRow weights = [&](int64_t p, int64_t begin, int64_t count, double* out) {
      const T* in = w + (p * s.filters + first) * taps + begin;
      for (int64_t i = 0; i < count; ++i) out[i] = double(in[i]);
    };
    const ReadRow image = [&](int64_t p, int64_t begin, int64_t count, double* out) {
      const T* in = x + (n * s.channels + p) * in_pixels + begin;
      for (int64_t j = 0; j < count; ++j) out[j] = double(in[j]);
    };
    gemm_rows(
        filters * taps, in_pixels, s.channels, weights, image,
        [&](int64_t i, int64_t begin, int64_t count, const double* values) {
          const int64_t t = i % taps;
          const std::array<int64_t, 3> k{t / (s.kernel[1] * s.kernel[2]), t / s.kernel[2] % s.kernel[1], t % s.kernel[2]};
          scatter_patches(s, k, begin, count, values, sum.data() + i / taps * pixels);
        },
        Threads::kOne);
    for (int64_t i = 0; i < filters; ++i) {
      const double b = bias ? double(bias[first + i]) : 0;
      T* out = y + (n * s.filters + first + i) * pixels;
      for (int64_t j = 0; j < pixels; ++j) out[j] = T(activate(act, sum[size_t(i * pixels + j)] + b));
    }
  });
}

Tensor run(const ConvSizes& s, const Tensor& x, const Tensor& weight, const Tensor& bias, Activation act, bool transposed) {
  const DType t = x.dtype() == DType::kF64 ? DType::kF64 : DType::kF32;
  const Tensor xs = cast(x, t), ws = cast(weight, t), bs = bias.bytes() ? cast(bias, t) : Tensor();
  Shape shape{s.batch, s.filters};
  shape.insert(shape.end(), s.out.begin(), s.out.end());
  Tensor y = Tensor::make(Type{t, std::move(shape), {}});
  if (y.count() == 0) return cast(y, x.dtype());
  const auto typed = [&]<class T>(T) {
    const T* b = bs.bytes() ? bs.data<T>() : nullptr;
    if (transposed)
      convolve_transposed_typed(s, xs.data<T>(), ws.data<T>(), b, y.mutable_data<T>(), act);
    else
      convolve_typed(s, xs.data<T>(), ws.data<T>(), b, y.mutable_data<T>(), act);
  };
  t == DType::kF64 ? typed(double{}) : typed(float{});
  return cast(y, x.dtype());
}

}  // namespace

Tensor convolve(const ConvSizes& s, const Tensor& x, const Tensor& weight, const Tensor& bias, Activation a) {
  return run(s, x, weight, bias, a, false);
}

Tensor convolve_transposed(const ConvSizes& s, const Tensor& x, const Tensor& weight, const Tensor& bias, Activation a) {
  return run(s, x, weight, bias, a, true);
}

}  // namespace atl
