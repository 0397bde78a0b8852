// Convolutions. Two forms of each: channels-first with torch's weights, as imported, and channels-last with LiteRT's weights,
// as written. The layout pass turns the first into the second.
#pragma once
#include "ops/activation.h"

namespace atl {

enum class DataLayout { kChannelsFirst, kChannelsLast };
constexpr std::array<std::string_view, 2> enum_names(DataLayout) { return {"channels_first", "channels_last"}; }

/// 2-D convolution. Operands x, weight, bias [O] (bias may be an invalid operand while channels-first or last).
/// Channels-first: x [N,C,H,W], weight [O,C/groups,kh,kw]. Channels-last: x [N,H,W,C], weight [O,kh,kw,C/groups], or
/// [1,kh,kw,O] when depthwise (groups == C, which LiteRT runs as DEPTHWISE_CONV_2D).
/// `padding` is top, bottom, left, right in elements. LiteRT has VALID (all 0) and SAME; what is neither is padded by a Pad
/// before.
struct Conv2d : OpOf<OpCode::kConv2d> {
  std::array<int64_t, 2> stride{1, 1}, dilation{1, 1};
  std::array<int64_t, 4> padding{0, 0, 0, 0};
  int64_t groups = 1;
  Activation activation = Activation::kNone;
  DataLayout layout = DataLayout::kChannelsFirst;
  static auto fields(auto& o) {
    return std::tuple{field("stride", o.stride), field("dilation", o.dilation),     field("padding", o.padding),
                      field("groups", o.groups), field("activation", o.activation), field("layout", o.layout)};
  }
};

/// Transposed 2-D convolution. Operands x, weight, bias [O] (may be invalid). Channels-first: weight [C,O,kh,kw] (groups 1);
/// channels-last: weight [O,kh,kw,C]. Output size = (in-1)*stride - pad_begin - pad_end + kernel + output_padding.
/// LiteRT has no cropping beyond what SAME implies; other paddings are legalized into VALID and a Slice.
struct TransposeConv2d : OpOf<OpCode::kTransposeConv2d> {
  std::array<int64_t, 2> stride{1, 1};
  std::array<int64_t, 4> padding{0, 0, 0, 0};
  std::array<int64_t, 2> output_padding{0, 0};
  Activation activation = Activation::kNone;
  DataLayout layout = DataLayout::kChannelsFirst;
  static auto fields(auto& o) {
    return std::tuple{field("stride", o.stride), field("padding", o.padding), field("output_padding", o.output_padding),
                      field("activation", o.activation), field("layout", o.layout)};
  }
};

/// 3-D convolution. Channels-first: x [N,C,D,H,W], weight [O,C,kd,kh,kw]. Channels-last: x [N,D,H,W,C], weight [kd,kh,kw,C,O].
/// `padding` is front, back, top, bottom, left, right.
struct Conv3d : OpOf<OpCode::kConv3d> {
  std::array<int64_t, 3> stride{1, 1, 1}, dilation{1, 1, 1};
  std::array<int64_t, 6> padding{0, 0, 0, 0, 0, 0};
  Activation activation = Activation::kNone;
  DataLayout layout = DataLayout::kChannelsFirst;
  static auto fields(auto& o) {
    return std::tuple{field("stride", o.stride), field("dilation", o.dilation), field("padding", o.padding),
                      field("activation", o.activation), field("layout", o.layout)};
  }
};

/// Transposed 3-D convolution. Channels-first weight [C,O,kd,kh,kw]; channels-last weight [kd,kh,kw,O,C].
struct TransposeConv3d : OpOf<OpCode::kTransposeConv3d> {
  std::array<int64_t, 3> stride{1, 1, 1};
  std::array<int64_t, 6> padding{0, 0, 0, 0, 0, 0};
  std::array<int64_t, 3> output_padding{0, 0, 0};
  DataLayout layout = DataLayout::kChannelsFirst;
  static auto fields(auto& o) {
    return std::tuple{field("stride", o.stride), field("padding", o.padding), field("output_padding", o.output_padding),
                      field("layout", o.layout)};
  }
};

}  // namespace atl
