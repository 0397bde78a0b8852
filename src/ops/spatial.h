// Pooling, resizing and block moves over the two spatial axes.
#pragma once
#include "ops/conv.h"

namespace atl {

enum class PoolKind { kAverage, kMax, kL2 };
constexpr std::array<std::string_view, 3> enum_names(PoolKind) { return {"average", "max", "l2"}; }
/// 2-D pooling of x [N,C,H,W] or [N,H,W,C]. `padding` is top, bottom, left, right. Max ignores padding; average counts it in
/// the divisor when count_include_pad (LiteRT never does: legalized into a Pad). ceil_mode is resolved into padding by the
/// importer, with elements beyond torch's padding not counted (legalized by a correction where it matters).
struct Pool2d : OpOf<OpCode::kPool2d> {
  PoolKind kind = PoolKind::kMax;
  std::array<int64_t, 2> window{1, 1}, stride{1, 1};
  std::array<int64_t, 4> padding{0, 0, 0, 0};
  bool count_include_pad = false;
  Activation activation = Activation::kNone;
  DataLayout layout = DataLayout::kChannelsFirst;
  static auto fields(auto& o) {
    return std::tuple{field("kind", o.kind),
                      field("window", o.window),
                      field("stride", o.stride),
                      field("padding", o.padding),
                      field("count_include_pad", o.count_include_pad),
                      field("activation", o.activation),
                      field("layout", o.layout)};
  }
};

enum class ResizeKind { kNearest, kBilinear };
constexpr std::array<std::string_view, 2> enum_names(ResizeKind) { return {"nearest", "bilinear"}; }
/// Resizes the spatial axes to `size` (height, width). half_pixel_centers and align_corners as in LiteRT: both false is torch's
/// nearest; half_pixel is nearest-exact and bilinear with align_corners=False.
struct Resize : OpOf<OpCode::kResize> {
  ResizeKind kind = ResizeKind::kNearest;
  std::array<int64_t, 2> size{1, 1};
  bool align_corners = false, half_pixel_centers = false;
  DataLayout layout = DataLayout::kChannelsFirst;
  static auto fields(auto& o) {
    return std::tuple{field("kind", o.kind), field("size", o.size), field("align_corners", o.align_corners),
                      field("half_pixel_centers", o.half_pixel_centers), field("layout", o.layout)};
  }
};

/// Channel blocks move to space. `order` says how a channel index splits: LiteRT's is (row, column, channel); torch's
/// pixel_shuffle is (channel, row, column). Channels-first keeps torch's order, channels-last LiteRT's.
enum class BlockOrder { kChannelFirst, kChannelLast };
constexpr std::array<std::string_view, 2> enum_names(BlockOrder) { return {"crd", "dcr"}; }
struct DepthToSpace : OpOf<OpCode::kDepthToSpace> {
  int64_t block = 2;
  BlockOrder order = BlockOrder::kChannelLast;
  DataLayout layout = DataLayout::kChannelsLast;
  static auto fields(auto& o) {
    return std::tuple{field("block", o.block), field("order", o.order), field("layout", o.layout)};
  }
};
/// The inverse of DepthToSpace.
struct SpaceToDepth : OpOf<OpCode::kSpaceToDepth> {
  int64_t block = 2;
  BlockOrder order = BlockOrder::kChannelLast;
  DataLayout layout = DataLayout::kChannelsLast;
  static auto fields(auto& o) {
    return std::tuple{field("block", o.block), field("order", o.order), field("layout", o.layout)};
  }
};

}  // namespace atl
