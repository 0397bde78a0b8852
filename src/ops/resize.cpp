// Resizing of the spatial axes: LiteRT's RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR.
#include <cmath>

#include "ir/target.h"
#include "ir/tflite_op.h"
#include "ops/elementwise.h"
#include "ops/fixed_point.h"
#include "ops/gemm.h"
#include "ops/movement.h"
#include "ops/resize_axis.h"
#include "ops/shape.h"
#include "ops/spatial.h"
#include "ops/window.h"

namespace atl {
namespace {

using tflite::BuiltinOperator;

constexpr std::string_view kNearestTypes = "f32 f16 i8 u8 i16 u16 i32 u32 bool";

std::string_view dtypes(const Resize& o) { return o.kind == ResizeKind::kNearest ? kNearestTypes : "f32"; }

// Rounds a weighted sum as LiteRT's kernels do: that of u8 in f32, those of i8 and i16 in steps of 2^-20, half away from zero.
int32_t weighted(const std::array<int32_t, 4>& x, const KernelPoint<float>& row, const KernelPoint<float>& column) {
  const float up = 1 - row.weight, left = 1 - column.weight;
  const float sum = float(x[0]) * (up * left) + float(x[1]) * (up * column.weight) + float(x[2]) * (row.weight * left) +
                    float(x[3]) * (row.weight * column.weight);
  return int32_t(std::floor(sum + 0.5f));
}
int32_t weighted(const std::array<int32_t, 4>& x, const KernelPoint<int64_t>& row, const KernelPoint<int64_t>& column) {
  const int64_t up = 1024 - row.weight, left = 1024 - column.weight;
  const int64_t sum =
      x[0] * up * left + x[1] * up * column.weight + x[2] * row.weight * left + x[3] * row.weight * column.weight;
  return int32_t((sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20));
}

// x and y are channels-first.
template <class Weight>
void bilinear_integers(const std::vector<KernelPoint<Weight>>& rows, const std::vector<KernelPoint<Weight>>& columns,
                       const Tensor& x, Tensor& y) {
  const Shape& s = x.shape();
  const auto out_plane = int64_t(rows.size() * columns.size());
  parallel_for(s[0] * s[1], double(y.count()) * 16, [&](int64_t p) {
    int64_t to = p * out_plane;
    for (const auto& i : rows) {
      const int64_t above = (p * s[2] + i.low) * s[3], below = (p * s[2] + i.high) * s[3];
      for (const auto& j : columns) {
        const std::array<int32_t, 4> corners{integer_at(x, above + j.low), integer_at(x, above + j.high),
                                             integer_at(x, below + j.low), integer_at(x, below + j.high)};
        set_integer(y, to++, weighted(corners, i, j));
      }
    }
  });
}

struct ResizeFacts {
  static constexpr std::string_view name = "resize";
  static constexpr std::string_view summary = "resizes the spatial axes, by the nearest element or bilinearly";
  static constexpr Layout layout = Layout::kFixed;
  static constexpr Quant quant = Quant::kSameScale;
  static bool homogeneous(const Resize&) { return true; }

  static QuantRule quantization(const Resize& o, TypesIn) {
    return {.kind = Quant::kSameScale, .types = "i8 u8 i16", .selects = o.kind == ResizeKind::kNearest};
  }

  static Result<Types> infer(const Resize& o, TypesIn in) {
    constexpr int64_t kMax = (int64_t(1) << 31) - 1;
    CHECK_OP(C1, in.size() == 1, "one operand is needed, not {}", in.size());
    CHECK_OP(C2, in[0].rank() == 4, "data {} must have four axes", to_string(in[0]));
    const bool nearest = o.kind == ResizeKind::kNearest;
    const bool quantized = in[0].quant && in_list(in[0].dtype, "i8 u8 i16");
    CHECK_OP(C3, is_float(in[0].dtype) || quantized || (nearest && bits(in[0].dtype) >= 8), "{} resizing does not take {}",
             enum_names(o.kind)[size_t(o.kind)], atl::name(in[0].dtype));
    CHECK_OP(C4, nearest || !o.align_corners || !o.half_pixel_centers, "align_corners excludes half_pixel_centers");
    Type out = in[0];
    for (size_t i = 0; i < 2; ++i) {
      int64_t& n = out.shape[spatial_begin(o.layout) + i];
      CHECK_OP(C5, o.size[i] >= 1 && o.size[i] <= kMax && n != 0 && n <= kMax, "{} elements cannot become {}", n, o.size[i]);
      n = o.size[i];
    }
    TRY_STATUS(byte_size(out));
    return Types{out};
  }

  static Result<Tensors> eval(const Resize& o, TensorsIn in) {
    TRY_STATUS(movable(name, in[0].dtype()));
    const Tensor x = to_channels_first(in[0], o.layout);
    const Shape& s = x.shape();
    Type type = x.type();
    type.shape = {s[0], s[1], o.size[0], o.size[1]};
    Tensor y = Tensor::make(type);
    if (o.kind == ResizeKind::kNearest) {
      nearest(o, x, y);
    } else if (is_float(x.dtype())) {
      bilinear(o, x, y);
    } else {
      const auto resize = [&](auto points) {
        bilinear_integers(points(s[2], o.size[0], o.align_corners, o.half_pixel_centers),
                          points(s[3], o.size[1], o.align_corners, o.half_pixel_centers), x, y);
      };
      if (x.dtype() == DType::kU8)
        resize(points_of_u8);
      else
        resize(points_of_integers);
    }
    return Tensors{from_channels_first(y, o.layout)};
  }

  static void nearest(const Resize& o, const Tensor& x, Tensor& y) {
    const Shape& s = x.shape();
    const auto rows = nearest_indices(s[2], o.size[0], o.align_corners, o.half_pixel_centers);
    const auto columns = nearest_indices(s[3], o.size[1], o.align_corners, o.half_pixel_centers);
    visit_width(x.dtype(), [&]<class T>(T) {
      T* to = y.mutable_data<T>();
      for (int64_t p = 0; p < s[0] * s[1]; ++p)
        for (int64_t i : rows) {
          const T* row = x.data<T>() + (p * s[2] + i) * s[3];
          for (int64_t j : columns) *to++ = row[j];
        }
    });
  }

  static void bilinear(const Resize& o, const Tensor& x, Tensor& y) {
    const Shape& s = x.shape();
    const auto rows = linear_points(s[2], o.size[0], o.align_corners, o.half_pixel_centers);
    const auto columns = linear_points(s[3], o.size[1], o.align_corners, o.half_pixel_centers);
    visit(x.dtype(), [&]<class T>(T) {
      parallel_for(s[0] * s[1], double(y.count()) * 4, [&](int64_t p) {
        const T* plane = x.data<T>() + p * s[2] * s[3];
        T* to = y.mutable_data<T>() + p * o.size[0] * o.size[1];
        for (const LinearPoint& i : rows) {
          const T *low = plane + i.low * s[3], *high = plane + i.high * s[3];
          for (const LinearPoint& j : columns) {
            const double above = double(low[j.low]) * (1 - j.weight) + double(low[j.high]) * j.weight;
            const double below = double(high[j.low]) * (1 - j.weight) + double(high[j.high]) * j.weight;
            *to++ = static_cast<T>(above * (1 - i.weight) + below * i.weight);
          }
        }
      });
    });
  }

  static std::optional<LayoutChoice> permuted(const Resize& o, TypesIn, int, const Perm& p) {
    if (o.layout != DataLayout::kChannelsFirst || p != channels_last_perm(4)) return std::nullopt;
    Resize last = o;
    last.layout = DataLayout::kChannelsLast;
    return LayoutChoice{make_op(last), {p}, p};
  }

  static Status legal(const Resize& o, TypesIn in) {
    if (o.layout != DataLayout::kChannelsLast) return error(Code::kLayout, "LiteRT's resizing is channels-last");
    return legal_dtype("resizing", in[0], dtypes(o));
  }

  static Result<bool> legalize(const Resize& o, Rewrite& r) { return legalize_by_cast(r, make_op(o), dtypes(o)); }

  static Result<TfliteOp> emit(const Resize& o, TypesIn in) {
    const bool third = o.half_pixel_centers || (o.kind == ResizeKind::kNearest && o.align_corners);
    const int version = in[0].dtype == DType::kI16 ? 4 : third ? 3 : in[0].dtype == DType::kI8 ? 2 : 1;
    const auto fill = [&](auto options) {
      options.align_corners = o.align_corners;
      options.half_pixel_centers = o.half_pixel_centers;
      return options;
    };
    TfliteOp op;
    if (o.kind == ResizeKind::kNearest)
      op = TfliteOp(BuiltinOperator::RESIZE_NEAREST_NEIGHBOR, version, 1, fill(tflite::ResizeNearestNeighborOptionsT{}));
    else
      op = TfliteOp(BuiltinOperator::RESIZE_BILINEAR, version, 1, fill(tflite::ResizeBilinearOptionsT{}));
    op.constant(Tensor::of_i32({o.size[0], o.size[1]}));
    return op;
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    Resize o;
    o.layout = DataLayout::kChannelsLast;
    const auto read = [&](const auto* options) {
      if (options) o.align_corners = options->align_corners, o.half_pixel_centers = options->half_pixel_centers;
      return options != nullptr;
    };
    if (n.code == BuiltinOperator::RESIZE_BILINEAR) {
      o.kind = ResizeKind::kBilinear;
      if (!read(n.options_as<tflite::ResizeBilinearOptionsT>())) return not_decoded();
    } else if (n.code != BuiltinOperator::RESIZE_NEAREST_NEIGHBOR ||
               !read(n.options_as<tflite::ResizeNearestNeighborOptionsT>())) {
      return not_decoded();
    }
    TRY(const std::vector<int64_t> size, n.ints(1));
    if (size.size() != 2 || !n.present(0) || n.out.size() != 1) return not_decoded();
    o.size = {size[0], size[1]};
    const auto inferred = infer(o, {&*n.in[0], 1});
    if (!inferred || (*inferred)[0] != n.out[0]) return not_decoded();
    return Decoded{make_op(o), {0}};
  }

  static Result<bool> canonicalize(const Resize&, Rewrite& r) {
    return r.in_type(0) == r.out_type() && is_static(r.out_type().shape) ? r.replace(r.in(0)) : false;
  }

  // Each row of `v` [N,H,W,C] h times and each column w times: copies behind each other in the last axis, which then parts.
  static Value repeated(Rewrite& r, Value v, int64_t h, int64_t w) {
    const Shape x = r.shape(v);
    if (w > 1) v = r.add(Reshape({x[0], x[1], x[2] * w, x[3]}), {r.add(Concat(3), Values(size_t(w), v))});
    if (h == 1) return v;
    const Value rows = r.add(Reshape({x[0], x[1], x[2] * w * x[3]}), {v});
    return r.add(Reshape({x[0], x[1] * h, x[2] * w, x[3]}), {r.add(Concat(2), Values(size_t(h), rows))});
  }

  // The Edge TPU enlarges by 2 at most, and to 256 pixels: nearest pixels by powers of two in steps, others as copies.
  static Result<bool> adapt(const Resize& o, Rewrite& r, const Target& target) {
    constexpr int64_t kLargest = 256;
    const Type& x = r.in_type(0);
    if (!target.is_coral() || o.kind != ResizeKind::kNearest || o.align_corners || x.rank() != 4 || !is_static(x.shape) ||
        o.layout != DataLayout::kChannelsLast)
      return false;
    const int64_t h = o.size[0] / x.shape[1], w = o.size[1] / x.shape[2];
    if (h * x.shape[1] != o.size[0] || w * x.shape[2] != o.size[1]) return false;
    const auto power_of_two = [](int64_t v) { return (v & (v - 1)) == 0; };
    const bool small = o.size[0] <= kLargest && o.size[1] <= kLargest;
    if (small && h <= 2 && w <= 2) return false;
    if (!small || !power_of_two(h) || !power_of_two(w)) return r.replace(repeated(r, r.in(0), h, w));
    Value v = r.in(0);
    for (int64_t done = 1; done < std::max(h, w); done *= 2) {
      Resize step = o;
      step.size = {x.shape[1] * std::min(h, 2 * done), x.shape[2] * std::min(w, 2 * done)};
      v = r.add(step, {v});
    }
    return r.replace(v);
  }

  static std::vector<Sample> samples() {
    const auto make = [](ResizeKind k, std::array<int64_t, 2> size, bool corners, bool half,
                         DataLayout l = DataLayout::kChannelsFirst) {
      Resize o;
      o.kind = k, o.size = size, o.align_corners = corners, o.half_pixel_centers = half, o.layout = l;
      return make_op(o);
    };
    const Type x{DType::kF32, {2, 3, 5, 7}, {}};
    std::vector<Sample> s;
    for (ResizeKind k : {ResizeKind::kNearest, ResizeKind::kBilinear}) {
      s.push_back({.op = make(k, {10, 21}, false, false), .in = {x}});
      s.push_back({.op = make(k, {8, 4}, true, false), .in = {x}});
      s.push_back({.op = make(k, {11, 6}, false, true), .in = {x}});
      s.push_back(
          {.op = make(k, {6, 14}, false, true, DataLayout::kChannelsLast), .in = {Type{DType::kF32, {2, 4, 7, 3}, {}}}});
    }
    const OpPtr nearest = make(ResizeKind::kNearest, {4, 8}, false, false);
    s.push_back({.op = nearest, .in = {Type{DType::kI32, x.shape, {}}}});
    s.push_back({.op = nearest, .in = {}, .bad = "C1"});
    s.push_back({.op = nearest, .in = {Type{DType::kF32, {5, 7}, {}}}, .bad = "C2"});
    const OpPtr bilinear = make(ResizeKind::kBilinear, {4, 8}, false, false);
    s.push_back({.op = bilinear, .in = {Type{DType::kI32, x.shape, {}}}, .bad = "C3"});
    s.push_back({.op = make(ResizeKind::kBilinear, {4, 8}, true, true), .in = {x}, .bad = "C4"});
    s.push_back({.op = make(ResizeKind::kNearest, {0, 8}, false, false), .in = {x}, .bad = "C5"});
    return s;
  }
};

}  // namespace
DEFINE_OP(Resize, ResizeFacts)
}  // namespace atl
