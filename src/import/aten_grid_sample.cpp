// Sampling of an image at given points, as gathers of neighbouring pixels, and the grid of points of an affine map.
#include <algorithm>

#include "import/aten_spatial.h"
#include "import/grid_points.h"
#include "import/spatial_forms.h"
#include "ops/binary.h"
#include "ops/index.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/unary.h"

namespace atl {
namespace {

enum Interpolation { kBilinear, kNearest, kBicubic };
enum Padding { kZeros, kBorder, kReflection };

// Arithmetic on [N,H,W,2] values, x before y, with a constant for each coordinate.
class Points {
 public:
  Points(SourceCall& c, Value v) : c_(&c), v_(v) {}
  Value value() const { return v_; }
  Points& apply(BinaryKind kind, double x, double y) {
    const float both[] = {float(x), float(y)};
    const Value k = c_->constant(cast(Tensor::of<float>(DType::kF32, {1, 1, 1, 2}, both), c_->dtype(v_)));
    v_ = c_->add(Binary(kind), {v_, k});
    return *this;
  }
  Points& apply(UnaryKind kind) {
    v_ = c_->add(Unary(kind), {v_});
    return *this;
  }
  Points& clip(double x, double y) { return apply(BinaryKind::kMaximum, 0, 0).apply(BinaryKind::kMinimum, x, y); }

 private:
  SourceCall* c_;
  Value v_;
};

// Coordinates beyond the image mirrored back, between pixel centers (align_corners) or pixel edges.
void reflect(SourceCall& c, Points& p, double width, double height, bool align_corners) {
  const double edge = align_corners ? 0 : -0.5, less = align_corners ? 1 : 0;
  const double sx = std::max(width - less, 1e-30), sy = std::max(height - less, 1e-30);
  p.apply(BinaryKind::kSub, edge, edge).apply(UnaryKind::kAbs).apply(BinaryKind::kFloorMod, 2 * sx, 2 * sy);
  Points other = p;
  other.apply(UnaryKind::kNeg).apply(BinaryKind::kAdd, 2 * sx, 2 * sy);
  p = Points(c, c.add(Binary(BinaryKind::kMinimum), {p.value(), other.value()}));
  p.apply(BinaryKind::kAdd, edge, edge);
}

// The number of each point's pixel in rows of `width`, images of `area` one after the other: i32 [N,H,W].
Value pixel_index(SourceCall& c, Value pixels, int64_t width, int64_t area) {
  const Value parts = Points(c, pixels).apply(BinaryKind::kMul, 1, double(width)).value();
  Value index = c.to_dtype(c.add(Reduce(ReduceKind::kSum, {3}, false), {parts}), DType::kI32);
  const int64_t n = c.failed() ? 1 : c.shape(index)[0];
  if (n == 1) return index;
  std::vector<int32_t> first;
  for (int64_t i = 0; i < n; ++i) first.push_back(int32_t(i * area));
  const Value offset = c.constant(Tensor::of<int32_t>(DType::kI32, {n, 1, 1}, first));
  return c.add(Binary(BinaryKind::kAdd), {index, offset});
}

Value gather_pixels(SourceCall& c, Value image, Value index, int64_t shift) {
  if (shift) index = c.add(Binary(BinaryKind::kAdd), {index, c.scalar(double(shift), DType::kI32)});
  return c.add(Gather(0), {image, index});
}

Value mix(SourceCall& c, Value a, Value b, Value weight) {
  const Value change = c.add(Binary(BinaryKind::kMul), {c.add(Binary(BinaryKind::kSub), {b, a}), weight});
  return c.add(Binary(BinaryKind::kAdd), {a, change});
}

void import_grid_sample(SourceCall& c) {
  const Value x = c.tensor("input"), grid = c.tensor("grid");
  const int64_t mode = c.integer("interpolation_mode", 0), padding = c.integer("padding_mode", 0);
  const bool align = c.boolean("align_corners");
  if (c.failed()) return;
  const Shape s = c.shape(x), g = c.shape(grid);
  const bool volume = s.size() == 5;
  if ((s.size() != 4 && !volume) || g.size() != s.size() || g.back() != int64_t(s.size()) - 2 || g[0] != s[0])
    return c.unsupported(fmt::format("{} sampled at {}", to_string(s), to_string(g)),
                         "sample images [N,C,H,W] with a grid [N,H,W,2], or volumes [N,C,D,H,W] with [N,D,H,W,3]");
  if (!is_float(c.dtype(x)) || padding < kZeros || padding > kReflection || mode < kBilinear || mode > kBicubic ||
      (volume && mode == kBicubic))
    return c.unsupported("grid_sample of this kind");
  if (volume || mode == kBicubic) {
    constexpr GridMode kModes[] = {GridMode::kLinear, GridMode::kNearest, GridMode::kCubic};
    constexpr GridPadding kPaddings[] = {GridPadding::kZeros, GridPadding::kBorder, GridPadding::kReflection};
    return c.result(sample_points(c, x, grid, kModes[mode], kPaddings[padding], align));
  }
  // With zeros around the image, points beyond it are points on its edge. One more row and column spare the neighbours of the
  // last ones a check.
  const int64_t before = padding == kZeros ? 1 : 0, after = padding == kZeros ? 2 : 1;
  const int64_t height = s[2] + before + after, width = s[3] + before + after;
  if (element_count(s) == 0 || height > 4096 || width > 4096 || s[0] * height * width > (int64_t(1) << 31) - 1)
    return c.unsupported(fmt::format("grid_sample of {}", to_string(s)), "images of up to 4000 x 4000 pixels convert");
  const Value last = c.add(Transpose({0, 2, 3, 1}), {x});
  const Value padded = c.add(Pad({0, before, before, 0}, {0, after, after, 0}), {last});
  const Value image = c.add(Reshape({s[0] * height * width, s[1]}), {padded});

  Points p(c, grid);
  const double w = double(s[3]), h = double(s[2]);
  p.apply(BinaryKind::kMul, (align ? w - 1 : w) / 2, (align ? h - 1 : h) / 2).apply(BinaryKind::kAdd, (w - 1) / 2, (h - 1) / 2);
  if (padding == kReflection) reflect(c, p, w, h, align);
  if (mode == kNearest) p.apply(UnaryKind::kRound);
  if (before) p.apply(BinaryKind::kAdd, 1, 1);
  p.clip(w - 1 + 2 * double(before), h - 1 + 2 * double(before));
  Value y;
  if (mode == kNearest) {
    y = gather_pixels(c, image, pixel_index(c, p.value(), width, height * width), 0);
  } else {
    const Value floor = c.add(Unary(UnaryKind::kFloor), {p.value()});
    const Value rest = c.add(Binary(BinaryKind::kSub), {p.value(), floor});
    const Value index = pixel_index(c, floor, width, height * width);
    const Value right = slice_axis(c, rest, 3, 0, 1), down = slice_axis(c, rest, 3, 1, 1);
    const Value top = mix(c, gather_pixels(c, image, index, 0), gather_pixels(c, image, index, 1), right);
    const Value bottom = mix(c, gather_pixels(c, image, index, width), gather_pixels(c, image, index, width + 1), right);
    y = mix(c, top, bottom, down);
  }
  c.result(c.add(Transpose({0, 3, 1, 2}), {y}));
}

// theta [N,2,3] times the points of an image (x, y, 1), or [N,3,4] for a volume.
void import_affine_grid(SourceCall& c) {
  const Value theta = c.tensor("theta");
  const std::vector<int64_t> size = c.integers("size");
  const bool align = c.boolean("align_corners");
  if (c.failed()) return;
  const size_t axes = size.size() < 2 ? 0 : size.size() - 2;
  const Shape expected{size.empty() ? 0 : size[0], int64_t(axes), int64_t(axes) + 1};
  if ((axes != 2 && axes != 3) || c.shape(theta) != expected)
    return c.unsupported(fmt::format("theta {} for {}", to_string(c.shape(theta)), to_string(size)));
  constexpr int64_t kMaxPoints = 1 << 26;
  int64_t count = 1;
  for (size_t i = 2; i < size.size(); ++i) {
    if (size[i] < 1 || size[i] > kMaxPoints / count) return c.unsupported(fmt::format("a grid of {}", to_string(size)));
    count *= size[i];
  }
  const auto coordinate = [&](int64_t i, int64_t n) {
    const double at = n > 1 ? -1 + 2 * double(i) / double(n - 1) : align ? -1 : 0;
    return align ? at : at * double(n - 1) / double(n);
  };
  std::vector<float> points;
  for (int64_t i = 0; i < count; ++i) {
    int64_t rest = i;
    for (size_t a = 0; a < axes; ++a) {  // x is the innermost axis
      const int64_t n = size[size.size() - 1 - a];
      points.push_back(float(coordinate(rest % n, n)));
      rest /= n;
    }
    points.push_back(1);
  }
  const Tensor base = Tensor::of<float>(DType::kF32, {1, count, int64_t(axes) + 1}, points);
  const Value grid = c.add(BatchMatmul(false, true), {c.constant(cast(base, c.dtype(theta))), theta});
  Shape shape{size[0]};
  shape.insert(shape.end(), size.begin() + 2, size.end());
  shape.push_back(int64_t(axes));
  c.result(c.add(Reshape(shape), {grid}));
}

constexpr Import kImports[] = {
    {"aten.grid_sampler.default", import_grid_sample},
    {"aten.grid_sampler_2d.default", import_grid_sample},
    {"aten.grid_sampler_3d.default", import_grid_sample},
    {"aten.affine_grid_generator.default", import_affine_grid},
};

}  // namespace

std::span<const Import> aten_grid_sample() { return kImports; }

}  // namespace atl
