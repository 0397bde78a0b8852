#include "import/grid_points.h"

#include <algorithm>

#include "import/placement.h"
#include "ops/elementwise.h"
#include "ops/index.h"

namespace atl {
namespace {

// One coordinate along an axis of `size` elements.
struct Coordinate {
  Value at;
  double size;
};

Value bounded(SourceCall& c, Value v, double last) {
  return binary(c, BinaryKind::kMinimum, binary(c, BinaryKind::kMaximum, v, 0.0), last);
}

// Mirrored back between the outer elements' centers (align_corners) or edges.
Value reflected(SourceCall& c, Value v, double size, bool align_corners) {
  const double edge = align_corners ? 0 : -0.5, span = align_corners ? size - 1 : size;
  if (span <= 0) return binary(c, BinaryKind::kMul, v, 0.0);
  const Value away = unary(c, UnaryKind::kAbs, binary(c, BinaryKind::kSub, v, edge));
  const Value turn = binary(c, BinaryKind::kFloorMod, away, 2 * span);
  const Value back = sub(c, c.scalar(2 * span, c.dtype(v)), turn);
  return bounded(c, binary(c, BinaryKind::kAdd, binary(c, BinaryKind::kMinimum, turn, back), edge), size - 1);
}

Value padded(SourceCall& c, const Coordinate& p, Value v, GridPadding padding, bool align_corners) {
  if (padding == GridPadding::kBorder) return bounded(c, v, p.size - 1);
  if (padding == GridPadding::kReflection) return reflected(c, v, p.size, align_corners);
  return v;
}

// Keys' cubic convolution kernel with a = -3/4 for the distances t + 1, t, 1 - t, 2 - t.
std::vector<Value> cubic_weights(SourceCall& c, Value t) {
  constexpr double kA = -0.75;
  const auto horner = [&](Value x, double a, double b, double d, double e) {
    Value y = binary(c, BinaryKind::kAdd, binary(c, BinaryKind::kMul, x, a), b);
    y = binary(c, BinaryKind::kAdd, mul(c, y, x), d);
    return binary(c, BinaryKind::kAdd, mul(c, y, x), e);
  };
  const auto near = [&](Value x) { return horner(x, kA + 2, -(kA + 3), 0, 1); };
  const auto far = [&](Value x) { return horner(x, kA, -5 * kA, 8 * kA, -4 * kA); };
  const Value u = sub(c, c.scalar(1, c.dtype(t)), t);
  return {far(binary(c, BinaryKind::kAdd, t, 1.0)), near(t), near(u), far(binary(c, BinaryKind::kAdd, u, 1.0))};
}

// What is read along one axis: whole positions, each with a weight (invalid: 1).
struct Reads {
  std::vector<Value> at, weight;
};

Reads reads_of(SourceCall& c, const Coordinate& p, GridMode mode, GridPadding padding, bool align_corners) {
  Reads r;
  if (mode == GridMode::kCubic) {
    const Value floor = unary(c, UnaryKind::kFloor, p.at);
    r.weight = cubic_weights(c, sub(c, p.at, floor));
    for (int k = -1; k <= 2; ++k)
      r.at.push_back(padded(c, p, binary(c, BinaryKind::kAdd, floor, double(k)), padding, align_corners));
    return r;
  }
  const Value at = padded(c, p, p.at, padding, align_corners);
  if (mode == GridMode::kNearest) return {{unary(c, UnaryKind::kRound, at)}, {Value{}}};
  const Value floor = unary(c, UnaryKind::kFloor, at), up = sub(c, at, floor);
  return {{floor, binary(c, BinaryKind::kAdd, floor, 1.0)}, {sub(c, c.scalar(1, c.dtype(at)), up), up}};
}

}  // namespace

Value sample_pixels(SourceCall& c, Value x, const PixelPoints& points, GridMode mode, GridPadding padding, bool align_corners) {
  if (c.failed()) return {};
  const Shape s = c.shape(x);
  const size_t axes = points.at.size();
  const int64_t volume = element_count({s.begin() + 2, s.end()}), images = s[0];
  if (volume == 0 || images == 0 || s[1] == 0 || images > (int64_t(1) << 31) / volume - 1 || volume > (int64_t(1) << 24))
    return c.unsupported(fmt::format("samples of {}", to_string(s))), Value{};
  Perm last = identity(s.size());
  last.erase(last.begin() + 1);
  last.push_back(1);
  const Value pixels = reshape(c, transpose(c, x, last), {images * volume, s[1]});
  Shape one = c.shape(points.at[0]);
  one.push_back(1);
  std::vector<Reads> reads;
  for (size_t a = 0; a < axes; ++a) {
    const double size = double(s[2 + a]);
    Value v = points.at[a];
    // Points far outside read nothing; they must not overflow the index.
    if (padding == GridPadding::kZeros) v = binary(c, BinaryKind::kMinimum, binary(c, BinaryKind::kMaximum, v, -4.0), size + 4);
    reads.push_back(reads_of(c, {v, size}, mode, padding, align_corners));
  }
  const Value start = binary(c, BinaryKind::kMul, points.image, double(volume));
  size_t count = 1;
  for (const Reads& r : reads) count *= r.at.size();
  Value sum;
  for (size_t k = 0; k < count && !c.failed(); ++k) {
    Value index = start, weight, inside;
    size_t rest = k;
    for (size_t a = axes; a-- > 0;) {
      const Reads& r = reads[a];
      const size_t i = rest % r.at.size();
      rest /= r.at.size();
      const double size = double(s[2 + a]);
      const int64_t stride = element_count({s.begin() + 3 + long(a), s.end()});
      const Value at = r.at[i], clipped = bounded(c, at, size - 1);
      index = add(c, index, binary(c, BinaryKind::kMul, c.to_dtype(clipped, DType::kI32), double(stride)));
      if (r.weight[i].valid()) weight = weight.valid() ? mul(c, weight, r.weight[i]) : r.weight[i];
      // A linear read one beyond the border has weight zero; only zero padding asks whether it is inside.
      if (padding != GridPadding::kZeros) continue;
      const Value here = compare(c, CompareKind::kEqual, at, clipped);
      inside = inside.valid() ? c.add(Logical(LogicalKind::kAnd), {inside, here}) : here;
    }
    Value part = c.add(Gather(0), {pixels, index});
    if (weight.valid()) part = mul(c, part, reshape(c, weight, one));
    if (inside.valid()) part = select(c, reshape(c, inside, one), part, c.scalar(0, c.dtype(part)));
    sum = sum.valid() ? add(c, sum, part) : part;
  }
  return sum;
}

Value sample_points(SourceCall& c, Value x, Value grid, GridMode mode, GridPadding padding, bool align_corners) {
  const Shape s = c.shape(x), g = c.shape(grid);
  const size_t axes = s.size() - 2;
  const Shape shape(g.begin(), g.end() - 1);
  PixelPoints points;
  for (size_t a = 0; a < axes; ++a) {  // the grid lists the innermost axis first
    const double size = double(s[2 + a]);
    Value v = reshape(c, slice(c, grid, int64_t(axes) + 1, int64_t(axes - 1 - a), 1), shape);
    v = binary(c, BinaryKind::kMul, v, (align_corners ? size - 1 : size) / 2);
    points.at.push_back(binary(c, BinaryKind::kAdd, v, (size - 1) / 2));
  }
  Shape line(shape.size(), 1);
  line[0] = s[0];
  points.image = index_constant(c, line, arithmetic(0, 1, s[0]));
  const Value sum = sample_pixels(c, x, points, mode, padding, align_corners);
  if (!sum.valid()) return {};
  Perm back = identity(s.size());
  back.pop_back();
  back.insert(back.begin() + 1, int(s.size()) - 1);
  return transpose(c, sum, back);
}

}  // namespace atl
