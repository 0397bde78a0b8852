// Moves between channels and space: pixel shuffle, channel shuffle, unfold and fold. The other spatial operators are in
// aten_convolution.cpp, aten_pool.cpp, aten_upsample.cpp and aten_grid_sample.cpp.
#include "import/aten_spatial.h"

#include <algorithm>

#include "import/aten.h"
#include "import/spatial_forms.h"
#include "ops/conv.h"
#include "ops/shape.h"
#include "ops/spatial.h"

namespace atl {
namespace {

using List = std::vector<int64_t>;

// pixel_shuffle and pixel_unshuffle of x [..., C, H, W]: the leading axes are one batch axis.
template <class Op>
void import_pixel_move(SourceCall& c, std::string_view factor) {
  const Value x = c.tensor("self");
  const Shape s = c.shape(x);
  Op op;
  op.block = c.integer(factor);
  op.order = BlockOrder::kChannelFirst;
  op.layout = DataLayout::kChannelsFirst;
  if (c.failed()) return;
  if (s.size() < 3) return c.unsupported(fmt::format("data {} has no channels", to_string(s)));
  const Shape batch(s.begin(), s.end() - 3);
  Value y = x;
  if (batch.size() != 1) y = c.add(Reshape({element_count(batch), s[s.size() - 3], s[s.size() - 2], s.back()}), {x});
  y = c.add(op, {y});
  if (batch.size() != 1 && !c.failed()) {
    Shape t = batch;
    t.insert(t.end(), c.shape(y).begin() + 1, c.shape(y).end());
    y = c.add(Reshape(t), {y});
  }
  c.result(y);
}

void import_pixel_shuffle(SourceCall& c) { import_pixel_move<DepthToSpace>(c, "upscale_factor"); }
void import_pixel_unshuffle(SourceCall& c) { import_pixel_move<SpaceToDepth>(c, "downscale_factor"); }

void import_channel_shuffle(SourceCall& c) {
  const Value x = c.tensor("self");
  const Shape s = c.shape(x);
  const int64_t groups = c.integer("groups");
  if (c.failed()) return;
  if (s.size() < 3 || groups < 1 || s[1] % groups) return c.unsupported(fmt::format("{} groups of {}", groups, to_string(s)));
  Shape split{s[0], groups, s[1] / groups};
  split.insert(split.end(), s.begin() + 2, s.end());
  Perm swap = identity(split.size());
  std::swap(swap[1], swap[2]);
  c.result(c.add(Reshape(s), {c.add(Transpose(swap), {c.add(Reshape(split), {x})})}));
}

// The windows of unfold and fold, two axes.
struct Windows {
  List kernel, dilation, padding, stride;
  int64_t extent(size_t i) const { return (kernel[i] - 1) * dilation[i] + 1; }
  int64_t count(size_t i, int64_t in) const {
    const int64_t room = in + 2 * padding[i] - extent(i);
    return room < 0 ? 0 : room / stride[i] + 1;
  }
  /// True when the windows cut an image of this size into tiles.
  bool tiles(const List& size) const {
    for (size_t i = 0; i < 2; ++i)
      if (stride[i] != kernel[i] || dilation[i] != 1 || padding[i] != 0 || size[i] % kernel[i]) return false;
    return true;
  }
};

// False (and the call refused) when the arguments are no windows.
bool read_windows(SourceCall& c, Windows& w) {
  w.kernel = c.repeated("kernel_size", 2, 1);
  w.dilation = c.repeated("dilation", 2, 1);
  w.padding = c.repeated("padding", 2, 0);
  w.stride = c.repeated("stride", 2, 1);
  constexpr int64_t kMaxTaps = 4096;
  if (c.failed() || !check_range(c, "kernel_size", w.kernel, 1) || !check_range(c, "dilation", w.dilation, 1) ||
      !check_range(c, "padding", w.padding, 0) || !check_range(c, "stride", w.stride, 1))
    return false;
  if (w.kernel[0] * w.kernel[1] <= kMaxTaps && w.extent(0) <= kMaxTaps && w.extent(1) <= kMaxTaps) return true;
  c.unsupported(fmt::format("a window of {}x{}", w.kernel[0], w.kernel[1]));
  return false;
}

// [copies * taps, 1, kh, kw]: filter t of each copy picks position t of the window.
Tensor picking_weight(int64_t copies, int64_t kh, int64_t kw, int64_t dilation_h, int64_t dilation_w) {
  const int64_t taps = kh * kw, rows = (kh - 1) * dilation_h + 1, columns = (kw - 1) * dilation_w + 1;
  Tensor t = Tensor::make(Type{DType::kF32, {copies * taps, 1, rows, columns}, {}});
  std::fill_n(t.mutable_data<float>(), t.count(), 0.0f);
  for (int64_t i = 0; i < copies * taps; ++i) {
    const int64_t y = i % taps / kw * dilation_h, x = i % kw * dilation_w;
    t.mutable_data<float>()[(i * rows + y) * columns + x] = 1;
  }
  return t;
}

bool check_float(SourceCall& c, Value x) {
  if (c.failed() || is_float(c.dtype(x))) return !c.failed();
  c.unsupported(fmt::format("windows of {}", name(c.dtype(x))), "convert the data to float32 before");
  return false;
}

void import_unfold(SourceCall& c) {
  const DType t = c.dtype(c.tensor("self"));
  // f32 holds bool and integers of up to 16 bits.
  const bool narrow = t == DType::kBool || (is_integer(t) && bits(t) <= 16);
  const SpatialData data(c, narrow ? c.to_dtype(c.tensor("self"), DType::kF32) : c.tensor("self"), 2);
  Windows w;
  if (!read_windows(c, w) || !check_float(c, data.value())) return;
  const Shape s = c.shape(data.value());
  const int64_t taps = w.kernel[0] * w.kernel[1], rows = w.count(0, s[2]), columns = w.count(1, s[3]);
  const bool batched = c.rank(c.tensor("self")) == 4;
  Value y;
  if (w.tiles({s[2], s[3]})) {
    const Value split = c.add(Reshape({s[0], s[1], rows, w.kernel[0], columns, w.kernel[1]}), {data.value()});
    y = c.add(Transpose({0, 1, 3, 5, 2, 4}), {split});
  } else {
    constexpr int64_t kMaxWeight = 1 << 26;
    if (s[1] < 1 || s[1] > kMaxWeight / (taps * taps)) return c.unsupported(fmt::format("{} channels in windows", s[1]));
    Conv2d op;
    op.stride = {w.stride[0], w.stride[1]};
    op.dilation = {w.dilation[0], w.dilation[1]};
    op.padding = {w.padding[0], w.padding[0], w.padding[1], w.padding[1]};
    op.groups = s[1];
    const Tensor weight = cast(picking_weight(s[1], w.kernel[0], w.kernel[1], 1, 1), c.dtype(data.value()));
    y = c.add(op, {data.value(), c.constant(weight)});
  }
  Shape shape{s[0], s[1] * taps, rows * columns};
  if (!batched) shape.erase(shape.begin());
  c.result(c.to_dtype(c.add(Reshape(shape), {y}), t));
}

void import_fold(SourceCall& c) {
  const Value x = c.tensor("self");
  const List size = c.repeated("output_size", 2, 1);
  Windows w;
  if (!read_windows(c, w) || !check_float(c, x) || !check_range(c, "output_size", size, 1)) return;
  Shape s = c.shape(x);
  const bool batched = s.size() == 3;
  if (!batched) s.insert(s.begin(), 1);
  const int64_t taps = w.kernel[0] * w.kernel[1], rows = w.count(0, size[0]), columns = w.count(1, size[1]);
  if (s.size() != 3 || s[1] % taps || s[2] != rows * columns || rows < 1 || columns < 1)
    return c.unsupported(fmt::format("windows {} do not make {}x{}", to_string(s), size[0], size[1]));
  const int64_t channels = s[1] / taps;
  Value y;
  if (w.tiles(size)) {
    const Value split = c.add(Reshape({s[0], channels, w.kernel[0], w.kernel[1], rows, columns}), {x});
    y = c.add(Transpose({0, 1, 4, 2, 5, 3}), {split});
  } else {
    // Each channel of each image by itself: position t of its windows is channel t of a transposed convolution.
    TransposeConv2d op;
    op.stride = {w.stride[0], w.stride[1]};
    const std::array<int64_t, 2> count{rows, columns};
    for (size_t i = 0; i < 2; ++i) {
      const int64_t cut = (count[i] - 1) * w.stride[i] + w.extent(i) - w.padding[i] - size[i];
      op.padding[2 * i] = w.padding[i];
      op.padding[2 * i + 1] = std::max<int64_t>(0, cut);
      op.output_padding[i] = std::max<int64_t>(0, -cut);
    }
    const Value planes = c.add(Reshape({s[0] * channels, taps, rows, columns}), {x});
    const Tensor weight = picking_weight(1, w.kernel[0], w.kernel[1], w.dilation[0], w.dilation[1]);
    y = c.add(op, {planes, c.constant(cast(weight, c.dtype(x)))});
  }
  Shape shape{s[0], channels, size[0], size[1]};
  if (!batched) shape.erase(shape.begin());
  c.result(c.add(Reshape(shape), {y}));
}

constexpr Import kMoves[] = {
    {"aten.pixel_shuffle.default", import_pixel_shuffle},
    {"aten.pixel_unshuffle.default", import_pixel_unshuffle},
    {"aten.channel_shuffle.default", import_channel_shuffle},
    {"aten.native_channel_shuffle.default", import_channel_shuffle},
    {"aten.im2col.default", import_unfold},
    {"aten.col2im.default", import_fold},
};

}  // namespace

std::span<const Import> aten_spatial() {
  static const std::vector<Import> kAll = [] {
    std::vector<Import> all(std::begin(kMoves), std::end(kMoves));
    for (auto part : {aten_convolution(), aten_pool(), aten_unpool(), aten_upsample(), aten_grid_sample()})
      all.insert(all.end(), part.begin(), part.end());
    return all;
  }();
  return kAll;
}

}  // namespace atl
