// What ops with sliding windows (convolution, pooling) share: counts, LiteRT's two padding schemes, and the convolution itself.
#pragma once
#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "ir/rewrite.h"
#include "ops/conv.h"
#include "ops/shape.h"

namespace atl {

/// One spatial axis of a convolution or pooling. Sizes and paddings in elements.
struct WindowAxis {
  int64_t in = 1, window = 1, stride = 1, dilation = 1, before = 0, after = 0;
  /// Elements from a window's first to its last one.
  int64_t extent() const { return (window - 1) * dilation + 1; }
  /// Number of windows; kDynamic when the axis is, 0 or less when not one fits.
  int64_t count() const;
  /// Padding after the end that the windows reach (at most `after`, which may reach further than the last window does).
  int64_t reached_after() const;
  /// The padding before the axis that LiteRT's SAME computes.
  int64_t same_before() const;
};

/// What LiteRT calls the padding of all axes together. kValid: none is reached. kSame: as SAME computes it from the sizes.
/// kExplicit: neither, so the operand must be padded first.
enum class PaddingScheme { kValid, kSame, kExplicit };
PaddingScheme padding_scheme(std::span<const WindowAxis> axes);

/// Checks windows and strides to be positive and paddings not to be negative, all within 31 bits. E: kShape.
Status check_windows(std::span<const WindowAxis> axes);

/// Paddings that are SAME or VALID for axes with known `in`, `window`, `stride` and `dilation` (decode): fills in before and
/// after for `out` windows. E: not_decoded() when the sizes are dynamic or do not fit.
Status fill_padding(WindowAxis& axis, bool same, int64_t out);

/// The axes of x's spatial dimensions: "channels first" has them behind N and C, "channels last" behind N.
inline size_t spatial_begin(DataLayout l) { return l == DataLayout::kChannelsFirst ? 2 : 1; }
inline size_t channel_axis(DataLayout l, size_t rank) { return l == DataLayout::kChannelsFirst ? 1 : rank - 1; }
/// The permutation from channels-first to channels-last: {0,2,3,1} for rank 4.
Perm channels_last_perm(size_t rank);

/// One spatial axis of a transposed convolution: `in` elements become out().
struct SpreadAxis {
  int64_t in = 1, window = 1, stride = 1, before = 0, after = 0, extra = 0;
  /// Elements before cropping: what LiteRT's VALID gives.
  int64_t natural() const { return (in - 1) * stride + window; }
  int64_t out() const { return in == kDynamic ? kDynamic : natural() - before - after + extra; }
};
PaddingScheme padding_scheme(std::span<const SpreadAxis> axes);
/// Checks windows and strides to be positive and paddings not to be negative, all within 31 bits. E: kShape.
Status check_windows(std::span<const SpreadAxis> axes);
/// Fills in before, after and extra for `out` elements (decode). E: not_decoded().
Status fill_padding(SpreadAxis& axis, bool same, int64_t out);

/// The sizes of a convolution on channels-first operands with three spatial axes (a 2-D convolution has depth 1).
struct ConvSizes {
  int64_t batch = 1, channels = 1, filters = 1, groups = 1;
  std::array<int64_t, 3> in{1, 1, 1}, kernel{1, 1, 1}, out{1, 1, 1}, stride{1, 1, 1}, dilation{1, 1, 1}, before{0, 0, 0};
};
/// x [batch, channels, in...], weight [filters, channels / groups, kernel...], bias [filters] or an absent tensor (without
/// bytes); any float type, sums in double. Result [batch, filters, out...].
Tensor convolve(const ConvSizes& s, const Tensor& x, const Tensor& weight, const Tensor& bias, Activation a);
/// The transposed convolution: weight [channels, filters, kernel...], groups 1.
Tensor convolve_transposed(const ConvSizes& s, const Tensor& x, const Tensor& weight, const Tensor& bias, Activation a);

/// The axes of an op on data of shape `x`, from its fields stride, dilation (if it has them) and padding (before and after each
/// axis in turn).
template <class O, size_t N>
std::array<WindowAxis, N> window_axes(const O& o, const Shape& x, const std::array<int64_t, N>& window) {
  std::array<WindowAxis, N> axes;
  for (size_t i = 0; i < N; ++i) {
    axes[i] = {x[spatial_begin(o.layout) + i], window[i], o.stride[i], 1, o.padding[2 * i], o.padding[2 * i + 1]};
    if constexpr (requires { o.dilation; }) axes[i].dilation = o.dilation[i];
  }
  return axes;
}

/// The same for a transposed convolution, whose kernel has the sizes `window`.
template <class O, size_t N>
std::array<SpreadAxis, N> spread_axes(const O& o, const Shape& x, const std::array<int64_t, N>& window) {
  std::array<SpreadAxis, N> axes;
  for (size_t i = 0; i < N; ++i)
    axes[i] = {x[spatial_begin(o.layout) + i], window[i],          o.stride[i], o.padding[2 * i],
               o.padding[2 * i + 1],           o.output_padding[i]};
  return axes;
}

/// Sets the sizes of the spatial axes of `s` (depth stays 1 for a 2-D op).
template <size_t N>
void set_axes(ConvSizes& s, const std::array<WindowAxis, N>& axes) {
  for (size_t i = 0; i < N; ++i) {
    const size_t a = 3 - N + i;
    s.in[a] = axes[i].in;
    s.kernel[a] = axes[i].window;
    s.out[a] = axes[i].count();
    s.stride[a] = axes[i].stride;
    s.dilation[a] = axes[i].dilation;
    s.before[a] = axes[i].before;
  }
}

template <size_t N>
void set_axes(ConvSizes& s, const std::array<SpreadAxis, N>& axes) {
  for (size_t i = 0; i < N; ++i) {
    const size_t a = 3 - N + i;
    s.in[a] = axes[i].in;
    s.kernel[a] = axes[i].window;
    s.out[a] = axes[i].out();
    s.stride[a] = axes[i].stride;
    s.before[a] = axes[i].before;
  }
}

/// A transposed convolution on channels-last data whose padding LiteRT lacks, as one without padding and a slice of its result.
template <class O, size_t N>
Result<bool> crop_after(const O& o, Rewrite& r, const std::array<SpreadAxis, N>& axes) {
  O whole = o;
  whole.padding = {};
  const Shape out = r.out_type().shape;
  std::vector<int64_t> begin(out.size(), 0);
  for (size_t i = 0; i < N; ++i) {
    begin[1 + i] = axes[i].before;
    whole.output_padding[i] = std::max<int64_t>(0, axes[i].before + axes[i].out() - axes[i].natural());
  }
  return r.replace(r.add(Slice(std::move(begin), out), {r.add(whole, r.node().in)}));
}

/// `before` and `after` (one entry a data axis) added to a padding field; false when a batch or channel axis is padded or a
/// size does not fit.
template <size_t N>
bool add_padding(std::array<int64_t, N>& padding, DataLayout layout, std::span<const int64_t> before,
                 std::span<const int64_t> after) {
  const size_t rank = N / 2 + 2, first = spatial_begin(layout), channels = channel_axis(layout, rank);
  if (before.size() != rank || after.size() != rank) return false;
  if (before[0] || after[0] || before[channels] || after[channels]) return false;
  for (size_t i = 0; i < N / 2; ++i) {
    const int64_t b = before[first + i], a = after[first + i];
    constexpr int64_t kMax = 1 << 30;
    if (b < 0 || a < 0 || b > kMax || a > kMax || padding[2 * i] > kMax || padding[2 * i + 1] > kMax) return false;
    padding[2 * i] += b;
    padding[2 * i + 1] += a;
  }
  return true;
}

/// Operand 0 of a node padded as its windows reach, with `value`; channels-last data.
template <size_t N>
Value pad_windows(Rewrite& r, const std::array<WindowAxis, N>& axes, double value) {
  std::vector<int64_t> before(N + 2, 0), after(N + 2, 0);
  for (size_t i = 0; i < N; ++i) {
    before[1 + i] = axes[i].before;
    after[1 + i] = axes[i].reached_after();
  }
  return r.add(Pad(std::move(before), std::move(after), value), {r.in(0)});
}

/// A dense tensor with the channel axis behind the batch, whatever its layout, and back.
Tensor to_channels_first(const Tensor& x, DataLayout layout);
Tensor from_channels_first(const Tensor& x, DataLayout layout);

/// True when operand i of a node exists.
inline bool present(TypesIn in, size_t i) { return i < in.size() && in[i].dtype != DType::kUnknown; }

}  // namespace atl
