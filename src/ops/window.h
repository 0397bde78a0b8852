// Windows that slide along an axis (convolution, pooling): counts, and the two padding schemes that LiteRT knows.
#pragma once
#include <array>
#include <optional>
#include <span>

#include "ir/op.h"
#include "ops/conv.h"

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

/// A fused activation applied to one element.
double activate(Activation a, double v);

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

/// True when operand i of a node exists.
inline bool present(TypesIn in, size_t i) { return i < in.size() && in[i].dtype != DType::kUnknown; }

}  // namespace atl
