#include "ops/convolution_sizes.h"

#include "ops/matmul.h"

namespace atl {

std::optional<ConvSizes> convolution_sizes(const OpBase& op, TypesIn in) {
  if (in.size() < 2 || in[0].shape.empty()) return std::nullopt;
  const Shape &x = in[0].shape, &w = in[1].shape;
  if (element_count(x) <= 0 || element_count(w) <= 0) return std::nullopt;
  if (op.code == OpCode::kFullyConnected)
    return ConvSizes{.batch = element_count(x) / x.back(), .channels = x.back(), .filters = w[0]};
  if (op.code != OpCode::kConv2d) return std::nullopt;
  const auto& o = static_cast<const Conv2d&>(op);
  if (o.layout != DataLayout::kChannelsLast) return std::nullopt;
  const bool depthwise = o.groups == x[3] && w[0] == 1 && w[3] != 1;
  ConvSizes s{.batch = x[0], .channels = x[3], .filters = depthwise ? w[3] : w[0], .groups = o.groups};
  set_axes(s, window_axes(o, x, std::array<int64_t, 2>{w[1], w[2]}));
  return s;
}

}  // namespace atl
