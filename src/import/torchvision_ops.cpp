// torchvision's operators: sampling of regions, and convolutions whose taps are moved by data. What suppresses boxes gives a
// result whose size depends on data.
#include "import/aten.h"
#include "import/grid_points.h"
#include "import/placement.h"
#include "import/product.h"

namespace atl {
namespace {

using List = std::vector<int64_t>;

/// 0.5, 1.5, ... times `step`, from `start`; a row [1, n].
Value spaced(SourceCall& c, int64_t n, double start, double step, DType t) {
  std::vector<float> v;
  for (int64_t i = 0; i < n; ++i) v.push_back(float(start + double(i) * step));
  return c.to_dtype(c.constant(Tensor::of<float>(DType::kF32, {1, n}, v)), t);
}

/// How many elements a shape has; -1 where that does not fit.
int64_t element_count_of(Shape shape) {
  const auto bytes = byte_size(Type{DType::kU8, std::move(shape), {}});
  return bytes ? int64_t(*bytes) : -1;
}

/// Where a region is sampled along one axis, in pixels: [regions, bins * ratio].
struct RegionAxis {
  Value at;
  double size = 1;  ///< of the image
};

RegionAxis region_axis(SourceCall& c, Value rois, int64_t low, int64_t bins, int64_t ratio, double size) {
  const double scale = c.number("spatial_scale", 1), offset = c.boolean("aligned") ? 0.5 : 0;
  const auto edge = [&](int64_t column) {
    return binary(c, BinaryKind::kSub, binary(c, BinaryKind::kMul, slice(c, rois, 1, column, 1), scale), offset);
  };
  const Value begin = edge(low);
  Value length = sub(c, edge(low + 2), begin);
  if (offset == 0) length = binary(c, BinaryKind::kMaximum, length, 1.0);
  const double step = 1.0 / double(bins * ratio);
  return {add(c, begin, mul(c, length, spaced(c, bins * ratio, 0.5 * step, step, c.dtype(rois)))), size};
}

/// True outside -1 .. size, where nothing is read.
Value outside(SourceCall& c, const RegionAxis& a) {
  return c.add(Logical(LogicalKind::kOr),
               {compare(c, CompareKind::kLess, a.at, -1.0), compare(c, CompareKind::kGreater, a.at, a.size)});
}

// Regions [batch, x0, y0, x1, y1] in bins, each the mean of ratio x ratio points read linearly.
void import_roi_align(SourceCall& c) {
  const Value x = c.tensor("input"), rois = c.to_dtype(c.tensor("rois"), c.dtype(x));
  const int64_t height = c.integer("pooled_height"), width = c.integer("pooled_width"), ratio = c.integer("sampling_ratio", -1);
  if (c.failed()) return;
  if (c.rank(x) != 4 || c.rank(rois) != 2 || c.shape(rois)[1] != 5)
    return c.unsupported("regions other than [regions, 5] of images");
  if (ratio <= 0)
    return c.unsupported("how many points a bin has depends on data", "give sampling_ratio, such as 2, instead of -1");
  const Shape s = c.shape(x);
  const int64_t regions = c.shape(rois)[0];
  const auto size = element_count_of({regions, height, ratio, width, ratio, s[1]});
  if (height < 1 || width < 1 || regions < 1 || !listable(c, size))
    return c.unsupported(fmt::format("{} regions of {}x{} bins", regions, height, width));
  const RegionAxis rows = region_axis(c, rois, 2, height, ratio, double(s[2]));
  const RegionAxis columns = region_axis(c, rois, 1, width, ratio, double(s[3]));
  const Shape points{regions, height * ratio, width * ratio};
  const auto spread = [&](Value v, bool across) {
    return reshape(c, v, across ? Shape{regions, 1, points[2]} : Shape{regions, points[1], 1});
  };
  const auto whole = [&](Value v, bool across) { return c.add(BroadcastTo(points), {spread(v, across)}); };
  const PixelPoints at{{whole(rows.at, false), whole(columns.at, true)},
                       reshape(c, c.to_dtype(slice(c, rois, 1, 0, 1), DType::kI32), {regions, 1, 1})};
  const Value read = sample_pixels(c, x, at, GridMode::kLinear, GridPadding::kBorder, true);
  if (!read.valid()) return;
  const Value gone = c.add(Logical(LogicalKind::kOr), {spread(outside(c, rows), false), spread(outside(c, columns), true)});
  const Value kept = select(c, reshape(c, gone, {regions, points[1], points[2], 1}), c.scalar(0, c.dtype(x)), read);
  const Value bins = reshape(c, kept, {regions, height, ratio, width, ratio, s[1]});
  c.result(transpose(c, reduce(c, ReduceKind::kMean, bins, {2, 4}, false), {0, 3, 1, 2}));
}

struct DeformableConvolution {
  Value x, weight, offset, mask;
  int64_t kernel[2], stride[2], padding[2], dilation[2], out[2], groups, offset_groups;
  int64_t taps() const { return kernel[0] * kernel[1]; }
};

/// The data of one offset group at its taps: [N, taps, rows, columns, channels].
Value moved_taps(SourceCall& c, const DeformableConvolution& d, int64_t group) {
  const Shape s = c.shape(d.x);
  const int64_t channels = s[1] / d.offset_groups, taps = d.taps();
  const Shape points{s[0], taps, d.out[0], d.out[1]};
  const Value own = reshape(c, slice(c, d.offset, 1, group * taps * 2, taps * 2), {s[0], taps, 2, d.out[0], d.out[1]});
  PixelPoints at;
  for (int64_t a = 0; a < 2; ++a) {
    // Where the tap stands without an offset.
    Tensor rest = Tensor::make(Type{DType::kF32, {1, taps, a == 0 ? d.out[0] : 1, a == 1 ? d.out[1] : 1}, {}});
    for (int64_t i = 0; i < rest.count(); ++i) {
      const int64_t tap = i / d.out[a], place = i % d.out[a], k = a == 0 ? tap / d.kernel[1] : tap % d.kernel[1];
      rest.mutable_data<float>()[i] = float(place * d.stride[a] - d.padding[a] + k * d.dilation[a]);
    }
    const Value moved = reshape(c, slice(c, own, 2, a, 1), points);
    at.at.push_back(add(c, moved, c.to_dtype(c.constant(std::move(rest)), c.dtype(d.x))));
  }
  at.image = index_constant(c, {s[0], 1, 1, 1}, arithmetic(0, 1, s[0]));
  const Value part = slice(c, d.x, 1, group * channels, channels);
  const Value read = sample_pixels(c, part, at, GridMode::kLinear, GridPadding::kZeros, true);
  if (!read.valid() || !d.mask.valid()) return read;
  Shape one = points;
  one.push_back(1);
  return mul(c, read, reshape(c, slice(c, d.mask, 1, group * taps, taps), one));
}

// The moved taps times the weights, for each group of channels.
void import_deform_conv2d(SourceCall& c) {
  DeformableConvolution d{c.tensor("input"), c.tensor("weight"), c.tensor("offset"), {}, {}, {}, {}, {}, {}, 1, 1};
  if (c.boolean("use_mask")) d.mask = c.tensor("mask");
  const Value bias = c.optional_tensor("bias");
  d.groups = c.integer("groups", 1);
  d.offset_groups = c.integer("offset_groups", 1);
  if (c.failed()) return;
  const Shape s = c.shape(d.x), w = c.shape(d.weight), o = c.shape(d.offset);
  if (s.size() != 4 || w.size() != 4 || o.size() != 4) return c.unsupported("operands that are not of four axes");
  constexpr std::string_view kAxes[] = {"h", "w"};
  for (size_t a = 0; a < 2; ++a) {
    d.kernel[a] = w[2 + a];
    d.stride[a] = c.integer(fmt::format("stride_{}", kAxes[a]));
    d.padding[a] = c.integer(fmt::format("pad_{}", kAxes[a]));
    d.dilation[a] = c.integer(fmt::format("dilation_{}", kAxes[a]));
    d.out[a] = o[2 + a];
  }
  const int64_t taps = d.taps();
  const auto size = element_count_of({s[0], taps, d.out[0], d.out[1], s[1]});
  if (c.failed() || d.groups < 1 || d.offset_groups < 1 || s[1] % d.groups || s[1] % d.offset_groups || w[0] % d.groups ||
      w[1] * d.groups != s[1] || o[1] != 2 * taps * d.offset_groups || !listable(c, size))
    return c.unsupported(fmt::format("weight {} and offsets {} for {}", to_string(w), to_string(o), to_string(s)));
  Values parts;
  for (int64_t g = 0; g < d.offset_groups && !c.failed(); ++g) parts.push_back(moved_taps(c, d, g));
  if (c.failed()) return;
  const Value columns = parts.size() == 1 ? parts[0] : c.add(Concat(4), parts);
  const int64_t depth = w[1], filters = w[0] / d.groups;
  Values results;
  for (int64_t g = 0; g < d.groups; ++g) {
    const Value data = transpose(c, slice(c, columns, 4, g * depth, depth), {0, 2, 3, 1, 4});
    const Value rows = reshape(c, data, {s[0] * d.out[0] * d.out[1], taps * depth});
    const Value kernels = transpose(c, slice(c, d.weight, 0, g * filters, filters), {0, 2, 3, 1});
    const Value own = bias.valid() ? slice(c, bias, 0, g * filters, filters) : Value{};
    results.push_back(fully_connected(c, rows, reshape(c, kernels, {filters, taps * depth}), own));
  }
  const Value y = results.size() == 1 ? results[0] : c.add(Concat(1), results);
  c.result(transpose(c, reshape(c, y, {s[0], d.out[0], d.out[1], w[0]}), {0, 3, 1, 2}));
}

void refuse_nms(SourceCall& c) {
  c.unsupported("how many boxes stay depends on data", "return boxes and scores from the model, and suppress behind it");
}

constexpr Import kImports[] = {
    {"torchvision.roi_align.default", import_roi_align},
    {"torchvision.deform_conv2d.default", import_deform_conv2d},
    {"torchvision.nms.default", refuse_nms},
};

}  // namespace

std::span<const Import> torchvision_ops() { return kImports; }

}  // namespace atl
