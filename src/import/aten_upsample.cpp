// Resizing: nearest, linear, cubic, with and without antialiasing, along one to three spatial axes. LiteRT's operators serve
// where they pick the same elements as torch; otherwise nearest is a gather, and the others are products with constant
// matrices.
#include <algorithm>
#include <cmath>

#include "import/aten_spatial.h"
#include "import/spatial_forms.h"
#include "ops/index.h"
#include "ops/resize_axis.h"
#include "ops/spatial.h"

namespace atl {
namespace {

using List = std::vector<int64_t>;

enum class Mode { kNearest, kNearestExact, kLinear, kCubic, kLinearAntialias, kCubicAntialias };

// One axis and the factor that the caller gave for it (it need not be out / in).
struct Axis {
  int64_t in = 1, out = 1;
  std::optional<double> factor;
  bool operator==(const Axis&) const = default;
  bool is_identity() const { return in == out && (!factor || *factor == 1); }
};

// torch's step from one result element to the next, in f32.
float step_of(const Axis& a, bool align_corners) {
  if (align_corners) return a.out > 1 ? float(a.in - 1) / float(a.out - 1) : 0.0f;
  return a.factor && *a.factor > 0 ? float(1.0 / *a.factor) : float(a.in) / float(a.out);
}

// The source index of each result element. torch's 2-D kernel ignores the factor where the sizes are equal or doubled.
List torch_nearest(const Axis& a, bool exact, bool two_axes) {
  const float step = step_of(a, false), offset = exact ? 0.5f : 0.0f;
  const int64_t whole = exact || !two_axes ? 0 : a.out == a.in ? 1 : a.out == 2 * a.in ? 2 : 0;
  List index(static_cast<size_t>(a.out));
  for (int64_t i = 0; i < a.out; ++i)
    index[size_t(i)] = whole ? i / whole : std::min(int64_t(std::floor((float(i) + offset) * step)), a.in - 1);
  return index;
}

Value resize(SourceCall& c, Value x, ResizeKind kind, const Axis& h, const Axis& w, bool align_corners, bool half_pixel) {
  Resize op;
  op.kind = kind;
  op.size = {h.out, w.out};
  op.align_corners = align_corners;
  op.half_pixel_centers = half_pixel;
  op.layout = DataLayout::kChannelsFirst;
  return c.add(op, {x});
}

Value nearest(SourceCall& c, Value x, const std::array<Axis, 2>& axes, bool exact, bool two_axes) {
  std::array<List, 2> wanted;
  bool same = true;
  for (size_t i = 0; i < 2; ++i) {
    wanted[i] = torch_nearest(axes[i], exact, two_axes);
    same = same && wanted[i] == nearest_indices(axes[i].in, axes[i].out, false, exact);
  }
  if (same) return resize(c, x, ResizeKind::kNearest, axes[0], axes[1], false, exact);
  for (size_t i = 0; i < 2; ++i)
    if (!axes[i].is_identity()) x = c.add(Gather(int64_t(2 + i)), {x, c.vector_i32(wanted[i])});
  return x;
}

// Where result element i lies between the source elements.
float source_position(const Axis& a, int64_t i, bool align_corners) {
  const float step = step_of(a, align_corners);
  return align_corners ? step * float(i) : step * (float(i) + 0.5f) - 0.5f;
}

AxisMatrix linear_matrix(const Axis& a, bool align_corners) {
  AxisMatrix m(a.out, a.in);
  for (int64_t i = 0; i < a.out; ++i) {
    const float at = std::max(0.0f, source_position(a, i, align_corners));
    const int64_t low = std::min(int64_t(at), a.in - 1);
    const float weight = std::min(at - float(low), 1.0f);
    m.at(i, low) += 1 - weight;
    m.at(i, std::min(low + 1, a.in - 1)) += weight;
  }
  return m;
}

// Keys' cubic convolution kernel.
double cubic_kernel(double x, double a) {
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

AxisMatrix cubic_matrix(const Axis& a, bool align_corners) {
  constexpr double kA = -0.75;
  AxisMatrix m(a.out, a.in);
  for (int64_t i = 0; i < a.out; ++i) {
    const float at = source_position(a, i, align_corners);
    const int64_t low = std::min(int64_t(std::floor(at)), a.in - 1);
    const double t = std::clamp(double(at - float(low)), 0.0, 1.0);
    for (int64_t k = -1; k <= 2; ++k)
      m.at(i, std::clamp(low + k, int64_t(0), a.in - 1)) += float(cubic_kernel(t - double(k), kA));
  }
  return m;
}

// A window that widens with the step when the axis shrinks.
AxisMatrix antialias_matrix(const Axis& a, bool align_corners, bool cubic) {
  constexpr double kA = -0.5;
  AxisMatrix m(a.out, a.in);
  const double step = double(step_of(a, align_corners)), wide = std::max(step, 1.0);
  const double support = (cubic ? 2.0 : 1.0) * wide;
  std::vector<double> weights;
  for (int64_t i = 0; i < a.out; ++i) {
    const double center = step * (double(i) + 0.5);
    // Towards zero after adding a half, as torch's antialiasing kernels round.
    const double first = center - support + 0.5, last = center + support + 0.5;
    const int64_t begin = std::max(int64_t(first), int64_t(0)), end = std::min(int64_t(last), a.in);
    double total = 0;
    weights.clear();
    for (int64_t j = begin; j < end; ++j) {
      const double x = (double(j) - center + 0.5) / wide;
      weights.push_back(cubic ? cubic_kernel(x, kA) : std::max(0.0, 1 - std::abs(x)));
      total += weights.back();
    }
    for (int64_t j = begin; j < end; ++j) m.at(i, j) = float(weights[size_t(j - begin)] / (total != 0 ? total : 1));
  }
  return m;
}

AxisMatrix matrix_of(const Axis& a, Mode mode, bool align_corners) {
  switch (mode) {
    case Mode::kCubic:
      return cubic_matrix(a, align_corners);
    case Mode::kLinearAntialias:
      return antialias_matrix(a, align_corners, false);
    case Mode::kCubicAntialias:
      return antialias_matrix(a, align_corners, true);
    default:
      return linear_matrix(a, align_corners);
  }
}

Value resize_planes(SourceCall& c, Value x, const std::array<Axis, 2>& axes, Mode mode, bool align_corners, bool two_axes) {
  if (c.failed()) return {};
  if (mode == Mode::kNearest || mode == Mode::kNearestExact) return nearest(c, x, axes, mode == Mode::kNearestExact, two_axes);
  // A factor that is not out / in moves the points away from LiteRT's.
  const auto regular = [&](const Axis& a) {
    return align_corners || !a.factor || std::abs(*a.factor * double(a.in) - double(a.out)) < 1e-6;
  };
  if (mode == Mode::kLinear && regular(axes[0]) && regular(axes[1]))
    return resize(c, x, ResizeKind::kBilinear, axes[0], axes[1], align_corners, !align_corners);
  std::array<std::optional<AxisMatrix>, 2> m;
  for (size_t i = 0; i < 2; ++i)
    if (!axes[i].is_identity()) m[i] = matrix_of(axes[i], mode, align_corners);
  return multiply_axes(c, x, m[0] ? &*m[0] : nullptr, m[1] ? &*m[1] : nullptr);
}

// The factors given for each axis; empty where only sizes were given.
std::vector<std::optional<double>> factors(SourceCall& c, size_t spatial) {
  std::vector<std::optional<double>> f(spatial);
  if (const SourceArg* a = c.arg("scale_factors")) {
    if (const auto* v = std::get_if<std::vector<double>>(a); v && v->size() == spatial) f.assign(v->begin(), v->end());
    if (const auto* v = std::get_if<List>(a); v && v->size() == spatial)
      std::transform(v->begin(), v->end(), f.begin(), [](int64_t i) { return double(i); });
    return f;
  }
  static constexpr std::string_view kNames[] = {"scales_d", "scales_h", "scales_w"};
  for (size_t i = 0; i < spatial; ++i) {
    const std::string_view name = spatial == 1 ? "scales" : kNames[3 - spatial + i];
    if (c.has(name)) f[i] = c.number(name);
  }
  return f;
}

template <size_t kAxes>
void import_resize(SourceCall& c, Mode mode) {
  const Value x = c.has("input") ? c.tensor("input") : c.tensor("self");
  const bool picks = mode == Mode::kNearest || mode == Mode::kNearestExact;
  if (!c.failed() && !picks && !is_float(c.dtype(x)))
    return c.unsupported(fmt::format("interpolation of {}", name(c.dtype(x))), "convert the data to float32 before");
  const SpatialData data(c, x, kAxes);
  const auto given = factors(c, kAxes);
  const List sizes = data.sizes(), shape = c.shape(x), output = c.integers("output_size", {});
  const size_t extra = sizes.size() - kAxes;  // one spatial axis has become two
  std::vector<Axis> axes(sizes.size());
  constexpr int64_t kMaxSize = 1 << 20;
  for (size_t i = 0; i < sizes.size() && !c.failed(); ++i) {
    axes[i].in = axes[i].out = sizes[i];
    if (i < extra) continue;
    const size_t k = i - extra;
    if (output.size() == kAxes)
      axes[i].out = output[k];
    else if (given[k] && *given[k] > 0 && *given[k] * double(sizes[i]) <= double(kMaxSize))
      axes[i].out = int64_t(double(sizes[i]) * *given[k]);
    else
      return c.unsupported("neither a size nor a scale factor is given");
    axes[i].factor = given[k];
    if (axes[i].in < 1 || axes[i].in > kMaxSize || axes[i].out < 1 || axes[i].out > kMaxSize)
      return c.unsupported(fmt::format("resizing of {} elements to {}", axes[i].in, axes[i].out));
  }
  if (c.failed()) return;
  const bool align_corners = c.boolean("align_corners");
  Value y = data.value();
  if (axes.size() == 2) {
    y = resize_planes(c, y, {axes[0], axes[1]}, mode, align_corners, kAxes == 2);
  } else {
    if (!axes[1].is_identity() || !axes[2].is_identity())
      y = on_planes(c, y, [&](Value v) { return resize_planes(c, v, {axes[1], axes[2]}, mode, align_corners, false); });
    if (!axes[0].is_identity())
      y = along_depth(c, y, [&](Value v) {
        const int64_t across = c.shape(v).back();
        return resize_planes(c, v, {axes[0], Axis{across, across, {}}}, mode, align_corners, false);
      });
  }
  c.result(data.restore(y));
}

template <size_t kAxes, Mode kMode>
void import_upsample(SourceCall& c) {
  import_resize<kAxes>(c, kMode);
}

constexpr Import kImports[] = {
    {"aten.upsample_nearest1d.default", import_upsample<1, Mode::kNearest>},
    {"aten.upsample_nearest1d.vec", import_upsample<1, Mode::kNearest>},
    {"aten.upsample_nearest2d.default", import_upsample<2, Mode::kNearest>},
    {"aten.upsample_nearest2d.vec", import_upsample<2, Mode::kNearest>},
    {"aten.upsample_nearest3d.default", import_upsample<3, Mode::kNearest>},
    {"aten.upsample_nearest3d.vec", import_upsample<3, Mode::kNearest>},
    {"aten._upsample_nearest_exact1d.default", import_upsample<1, Mode::kNearestExact>},
    {"aten._upsample_nearest_exact1d.vec", import_upsample<1, Mode::kNearestExact>},
    {"aten._upsample_nearest_exact2d.default", import_upsample<2, Mode::kNearestExact>},
    {"aten._upsample_nearest_exact2d.vec", import_upsample<2, Mode::kNearestExact>},
    {"aten._upsample_nearest_exact3d.default", import_upsample<3, Mode::kNearestExact>},
    {"aten._upsample_nearest_exact3d.vec", import_upsample<3, Mode::kNearestExact>},
    {"aten.upsample_linear1d.default", import_upsample<1, Mode::kLinear>},
    {"aten.upsample_linear1d.vec", import_upsample<1, Mode::kLinear>},
    {"aten.upsample_bilinear2d.default", import_upsample<2, Mode::kLinear>},
    {"aten.upsample_bilinear2d.vec", import_upsample<2, Mode::kLinear>},
    {"aten.upsample_trilinear3d.default", import_upsample<3, Mode::kLinear>},
    {"aten.upsample_trilinear3d.vec", import_upsample<3, Mode::kLinear>},
    {"aten.upsample_bicubic2d.default", import_upsample<2, Mode::kCubic>},
    {"aten.upsample_bicubic2d.vec", import_upsample<2, Mode::kCubic>},
    {"aten._upsample_bilinear2d_aa.default", import_upsample<2, Mode::kLinearAntialias>},
    {"aten._upsample_bilinear2d_aa.vec", import_upsample<2, Mode::kLinearAntialias>},
    {"aten._upsample_bicubic2d_aa.default", import_upsample<2, Mode::kCubicAntialias>},
    {"aten._upsample_bicubic2d_aa.vec", import_upsample<2, Mode::kCubicAntialias>},
};

}  // namespace

std::span<const Import> aten_upsample() { return kImports; }

}  // namespace atl
