// 2-D pooling: LiteRT's AVERAGE_POOL_2D, MAX_POOL_2D and L2_POOL_2D.
#include <cmath>
#include <limits>

#include "ir/target.h"
#include "ir/tflite_op.h"
#include "ops/activation.h"
#include "ops/binary.h"
#include "ops/elementwise.h"
#include "ops/fixed_point.h"
#include "ops/fused_activation.h"
#include "ops/gemm.h"
#include "ops/sign_analysis.h"
#include "ops/spatial.h"
#include "ops/unary.h"
#include "ops/window.h"

namespace atl {
namespace {

using tflite::BuiltinOperator;

constexpr BuiltinOperator kBuiltins[] = {BuiltinOperator::AVERAGE_POOL_2D, BuiltinOperator::MAX_POOL_2D,
                                         BuiltinOperator::L2_POOL_2D};
static_assert(std::size(kBuiltins) == enum_names(PoolKind{}).size());

std::array<WindowAxis, 2> axes_of(const Pool2d& o, const Shape& x) { return window_axes(o, x, o.window); }

// The elements of a window that lie in the axis.
struct Span {
  int64_t begin, end;
};
Span window_span(const WindowAxis& a, int64_t i) {
  const int64_t begin = i * a.stride - a.before;
  return {std::max<int64_t>(begin, 0), std::min(begin + a.window, a.in)};
}

template <class T>
double pool_window(PoolKind kind, const T* plane, int64_t width, Span y, Span x, int64_t divisor) {
  double sum = 0, best = -std::numeric_limits<double>::infinity();
  for (int64_t i = y.begin; i < y.end; ++i)
    for (int64_t j = x.begin; j < x.end; ++j) {
      const double v = double(plane[i * width + j]);
      sum += kind == PoolKind::kL2 ? v * v : v;
      if (!(v <= best)) best = v;  // NaN wins
    }
  if (kind == PoolKind::kMax) return best;
  return kind == PoolKind::kL2 ? std::sqrt(sum / double(divisor)) : sum / double(divisor);
}

// The average of integers rounded half away from zero, or the largest.
int32_t pool_integers(PoolKind kind, const Tensor& x, int64_t image, int64_t width, int64_t channels, Span y, Span h) {
  int64_t sum = 0;
  int32_t best = std::numeric_limits<int32_t>::min();
  for (int64_t i = y.begin; i < y.end; ++i)
    for (int64_t j = h.begin; j < h.end; ++j) {
      const int32_t v = integer_at(x, image + (i * width + j) * channels);
      sum += v;
      best = std::max(best, v);
    }
  if (kind == PoolKind::kMax) return best;
  const int64_t n = (y.end - y.begin) * (h.end - h.begin);
  return int32_t((sum > 0 ? sum + n / 2 : sum - n / 2) / n);
}

// True for an activation without a kernel that fuses it, that gives no less for more, and is the same all over the picture.
Result<bool> never_decreases(const Rewrite& r, Value v, size_t spatial) {
  if (const auto* leaky = r.graph().as<LeakyRelu>(v)) return leaky->alpha >= 0;
  if (const auto* op = r.graph().as<Unary>(v))
    return op->kind == UnaryKind::kTanh || op->kind == UnaryKind::kLogistic || op->kind == UnaryKind::kElu;
  if (!r.graph().is(v, OpCode::kPrelu)) return false;
  const Value slopes = r.graph()[v].in[1];
  const Constant* c = r.graph().constant(slopes);
  const Shape& shape = r.type(slopes).shape;
  if (!c || shape.size() != 4 || shape[spatial] != 1 || shape[spatial + 1] != 1) return false;
  TRY(const Tensor t, c->materialize());
  for (int64_t i = 0; i < t.count(); ++i)
    if (!(element_as_double(t, i) >= 0)) return false;
  return true;
}

struct Pool2dFacts {
  static constexpr std::string_view name = "pool2d";
  static constexpr std::string_view summary = "average, largest element or root mean square of 2-D windows";
  static constexpr Layout layout = Layout::kFixed;
  static constexpr Quant quant = Quant::kSameScale;
  static bool homogeneous(const Pool2d&) { return true; }

  static QuantRule quantization(const Pool2d& o, TypesIn) {
    if (o.kind == PoolKind::kL2) return {};
    return {.kind = Quant::kSameScale, .types = "i8 u8 i16", .selects = o.kind == PoolKind::kMax};
  }

  static Result<Types> infer(const Pool2d& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 1, "one operand is needed, not {}", in.size());
    CHECK_OP(C2, in[0].rank() == 4, "data {} must have four axes", to_string(in[0]));
    CHECK_OP(C3, is_float(in[0].dtype), "pooling does not take {}", atl::name(in[0].dtype));
    const auto axes = axes_of(o, in[0].shape);
    const auto windows = check_windows(axes);
    CHECK_OP(C4, windows, "{}", windows.error().what);
    Type out = in[0];
    for (size_t i = 0; i < 2; ++i) {
      const WindowAxis& a = axes[i];
      CHECK_OP(C5, a.before < a.window && a.after < a.window, "padding {}, {} must be less than the window's {}", a.before,
               a.after, a.window);
      const int64_t n = out.shape[spatial_begin(o.layout) + i] = a.count();
      CHECK_OP(C6, n == kDynamic || (n >= 1 && a.in >= 1), "a window of {} does not fit {} elements and their padding",
               a.window, a.in);
    }
    CHECK_OP(C7, !o.count_include_pad || o.kind == PoolKind::kAverage, "only an average counts its padding");
    TRY_STATUS(byte_size(out));
    return Types{out};
  }

  static Result<Tensors> eval(const Pool2d& o, TensorsIn in) {
    const Tensor x = to_channels_first(in[0], o.layout);
    const Shape& s = x.shape();
    const auto axes = axes_of(o, in[0].shape());
    const int64_t rows = axes[0].count(), columns = axes[1].count(), width = axes[1].in, plane = axes[0].in * width;
    Tensor y = Tensor::make(Type{x.dtype(), {s[0], s[1], rows, columns}, {}});
    const double work = double(y.count()) * double(o.window[0]) * double(o.window[1]);
    visit(x.dtype(), [&]<class T>(T) {
      parallel_for(s[0] * s[1], work, [&](int64_t p) {
        const T* from = x.data<T>() + p * plane;
        T* to = y.mutable_data<T>() + p * rows * columns;
        for (int64_t i = 0; i < rows; ++i)
          for (int64_t j = 0; j < columns; ++j) {
            const Span v = window_span(axes[0], i), h = window_span(axes[1], j);
            const int64_t divisor = o.count_include_pad ? o.window[0] * o.window[1] : (v.end - v.begin) * (h.end - h.begin);
            *to++ = static_cast<T>(activate(o.activation, pool_window(o.kind, from, width, v, h, divisor)));
          }
      });
    });
    return Tensors{from_channels_first(y, o.layout)};
  }

  // Channels-last, as LiteRT has it.
  static Result<Tensors> eval_integer(const Pool2d& o, TensorsIn in, TypesIn out) {
    const auto axes = axes_of(o, in[0].shape());
    const Shape &s = in[0].shape(), &to = out[0].shape;
    const IntegerRange range = activation_range(o.activation, out[0]);
    Tensor y = Tensor::make(out[0]);
    const double work = double(y.count()) * double(o.window[0]) * double(o.window[1]);
    parallel_for(to[0] * to[1], work, [&](int64_t row) {
      const Span v = window_span(axes[0], row % to[1]);
      for (int64_t j = 0; j < to[2]; ++j) {
        const Span h = window_span(axes[1], j);
        for (int64_t c = 0; c < s[3]; ++c) {
          const int32_t r = pool_integers(o.kind, in[0], row / to[1] * s[1] * s[2] * s[3] + c, s[2], s[3], v, h);
          set_integer(y, (row * to[2] + j) * s[3] + c, std::clamp(r, range.low, range.high));
        }
      }
    });
    return Tensors{std::move(y)};
  }

  static Status legal_integer(const Pool2d& o, TypesIn in, TypesIn out) {
    if (o.kind == PoolKind::kL2 || !in_list(in[0].dtype, "i8 u8 i16"))
      return error(Code::kUnsupportedType,
                   fmt::format("{} pooling of {}", enum_names(o.kind)[size_t(o.kind)], to_string(in[0])));
    if (in[0].dtype != out[0].dtype || in[0].quant != out[0].quant)
      return error(Code::kUnsupportedForm,
                   fmt::format("integer pooling of {} that gives {}: scale and zero point stay as they are", to_string(in[0]),
                               to_string(out[0])));
    return {};
  }

  static std::optional<LayoutChoice> permuted(const Pool2d& o, TypesIn, int, const Perm& p) {
    if (o.layout != DataLayout::kChannelsFirst || p != channels_last_perm(4)) return std::nullopt;
    Pool2d last = o;
    last.layout = DataLayout::kChannelsLast;
    return LayoutChoice{make_op(last), {p}, p};
  }

  static bool reaches_padding(std::span<const WindowAxis> axes) { return padding_scheme(axes) != PaddingScheme::kValid; }

  static Status legal(const Pool2d& o, TypesIn in) {
    if (o.layout != DataLayout::kChannelsLast) return error(Code::kLayout, "LiteRT's pooling is channels-last");
    TRY_STATUS(legal_dtype("pooling", in[0], "f32"));
    const auto axes = axes_of(o, in[0].shape);
    if (padding_scheme(axes) == PaddingScheme::kExplicit || (o.count_include_pad && reaches_padding(axes)))
      return error(Code::kUnsupportedForm, "LiteRT's pooling has no such padding");
    return {};
  }

  static Result<bool> legalize(const Pool2d& o, Rewrite& r) {
    TRY(const bool cast, legalize_by_cast(r, make_op(o), "f32"));
    if (cast || o.layout != DataLayout::kChannelsLast || !is_static(r.in_type(0).shape)) return cast;
    const auto axes = axes_of(o, r.in_type(0).shape);
    const bool counted = o.count_include_pad && reaches_padding(axes);
    if (o.kind == PoolKind::kL2 || (!counted && padding_scheme(axes) != PaddingScheme::kExplicit)) return false;
    Pool2d valid = o;
    valid.padding = {0, 0, 0, 0};
    valid.count_include_pad = false;
    // Zeros do not change the largest element where nothing is below them, and PAD is faster than PADV2.
    const bool zero = o.kind == PoolKind::kAverage || is_non_negative(r.graph(), r.in(0));
    const Value padded = pad_windows(r, axes, zero ? 0 : double(std::numeric_limits<float>::lowest()));
    if (o.kind == PoolKind::kMax || counted) return r.replace(r.add(valid, {padded}));
    valid.activation = Activation::kNone;
    const Value mean = r.add(valid, {padded});
    return r.replace(r.add(Binary(BinaryKind::kMul, o.activation), {mean, r.constant(uncounted(axes))}));
  }

  // What an average over whole windows is multiplied by so that padding does not count: [1, rows, columns, 1].
  static Tensor uncounted(const std::array<WindowAxis, 2>& axes) {
    Tensor t = Tensor::make(Type{DType::kF32, {1, axes[0].count(), axes[1].count(), 1}, {}});
    float* to = t.mutable_data<float>();
    for (int64_t i = 0; i < axes[0].count(); ++i)
      for (int64_t j = 0; j < axes[1].count(); ++j) {
        const Span y = window_span(axes[0], i), x = window_span(axes[1], j);
        *to++ = float(double(axes[0].window * axes[1].window) / double((y.end - y.begin) * (x.end - x.begin)));
      }
    return t;
  }

  static Result<TfliteOp> emit(const Pool2d& o, TypesIn in) {
    const auto axes = axes_of(o, in[0].shape);
    tflite::Pool2DOptionsT options;
    options.padding = padding_scheme(axes) == PaddingScheme::kSame ? tflite::Padding::SAME : tflite::Padding::VALID;
    options.stride_h = int32_t(o.stride[0]);
    options.stride_w = int32_t(o.stride[1]);
    options.filter_height = int32_t(o.window[0]);
    options.filter_width = int32_t(o.window[1]);
    options.fused_activation_function = tflite_activation(o.activation);
    const int version = in[0].dtype == DType::kI16 ? 3 : in[0].dtype == DType::kI8 ? 2 : 1;
    return TfliteOp(kBuiltins[size_t(o.kind)], version, 1, std::move(options));
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    const auto* at = std::find(std::begin(kBuiltins), std::end(kBuiltins), n.code);
    const auto* options = n.options_as<tflite::Pool2DOptionsT>();
    if (at == std::end(kBuiltins) || !options || !n.present(0) || n.out.size() != 1) return not_decoded();
    if (n.in[0]->rank() != 4 || n.out[0].rank() != 4 || n.in[0]->dtype != DType::kF32) return not_decoded();
    Pool2d o;
    o.kind = PoolKind(at - std::begin(kBuiltins));
    o.layout = DataLayout::kChannelsLast;
    o.window = {options->filter_height, options->filter_width};
    o.stride = {options->stride_h, options->stride_w};
    TRY(o.activation, activation_from(options->fused_activation_function));
    auto axes = axes_of(o, n.in[0]->shape);
    for (size_t i = 0; i < 2; ++i) {
      TRY_STATUS(fill_padding(axes[i], options->padding == tflite::Padding::SAME, n.out[0].shape[1 + i]));
      o.padding[2 * i] = axes[i].before;
      o.padding[2 * i + 1] = axes[i].after;
    }
    const auto inferred = infer(o, {&*n.in[0], 1});
    if (!inferred || (*inferred)[0] != n.out[0]) return not_decoded();
    return Decoded{make_op(o), {0}};
  }

  static OpPtr with_activation(const Pool2d& o, Activation a) {
    if (o.activation != Activation::kNone) return nullptr;
    Pool2d with = o;
    with.activation = a;
    return make_op(with);
  }

  static OpPtr with_padding(const Pool2d& o, TypesIn, std::span<const int64_t> before, std::span<const int64_t> after) {
    const bool unpadded = o.padding == std::array<int64_t, 4>{0, 0, 0, 0};
    if (o.kind != PoolKind::kAverage || !(o.count_include_pad || unpadded)) return nullptr;
    Pool2d with = o;
    with.count_include_pad = true;
    if (!add_padding(with.padding, o.layout, before, after)) return nullptr;
    for (size_t i = 0; i < 4; ++i)
      if (with.padding[i] >= o.window[i / 2]) return nullptr;
    return make_op(with);
  }

  // max(f(x)) is f(max(x)) where f does not decrease: f has fewer elements to compute then.
  static Result<bool> put_activation_behind(const Pool2d& o, Rewrite& r) {
    const Value act = r.in(0);
    if (o.kind != PoolKind::kMax || o.activation != Activation::kNone || !r.single_use(act)) return false;
    TRY(const bool rises, never_decreases(r, act, spatial_begin(o.layout)));
    if (!rises) return false;
    const Node n = r.graph()[act];
    Values in = n.in;
    in[0] = r.add(o, {n.in[0]});
    r.set_origin(n.origin);
    return r.replace(r.add(n.op, std::move(in)));
  }

  // A window of one element copies it.
  static Result<bool> canonicalize(const Pool2d& o, Rewrite& r) {
    TRY(const bool behind, put_activation_behind(o, r));
    if (behind) return true;
    const std::array<int64_t, 2> one{1, 1};
    if (o.window != one || o.activation != Activation::kNone || o.kind == PoolKind::kL2) return false;
    if (o.stride == one) return r.replace(r.in(0));
    if (!is_static(r.in_type(0).shape)) return false;
    std::vector<int64_t> stride(4, 1);
    for (size_t i = 0; i < 2; ++i) stride[spatial_begin(o.layout) + i] = o.stride[i];
    return r.replace(r.add(Slice({0, 0, 0, 0}, r.out_type().shape, std::move(stride)), {r.in(0)}));
  }

  // The Edge TPU's pools have no activation.
  static Result<bool> adapt(const Pool2d& o, Rewrite& r, const Target& target) {
    const OpPtr activation = activation_op(o.activation);
    if (!target.is_coral() || !activation) return false;
    Pool2d plain = o;
    plain.activation = Activation::kNone;
    return r.replace(r.add(activation, {r.add(plain, {r.in(0)})}));
  }

  static std::vector<Sample> samples() {
    const auto f32 = [](Shape s) { return Type{DType::kF32, std::move(s), {}}; };
    const auto make = [](PoolKind kind, auto change) {
      Pool2d o;
      o.kind = kind;
      o.window = {2, 3};
      change(o);
      return make_op(o);
    };
    const Type x = f32({2, 3, 7, 10});
    std::vector<Sample> s;
    for (PoolKind k : {PoolKind::kAverage, PoolKind::kMax, PoolKind::kL2}) {
      s.push_back({.op = make(k, [](Pool2d&) {}), .in = {x}});
      s.push_back({.op = make(k, [](Pool2d& o) { o.stride = {2, 3}, o.padding = {0, 1, 1, 1}; }), .in = {x}});
      s.push_back({.op = make(k, [](Pool2d& o) { o.layout = DataLayout::kChannelsLast, o.activation = Activation::kRelu; }),
                   .in = {f32({2, 7, 10, 3})}});
      if (k != PoolKind::kL2)
        s.push_back({.op = make(k, [](Pool2d& o) { o.padding = {1, 0, 2, 1}, o.stride = {1, 2}; }), .in = {x}});
    }
    const auto average = [&](auto change) { return make(PoolKind::kAverage, change); };
    s.push_back({.op = average([](Pool2d& o) { o.padding = {1, 1, 1, 1}, o.count_include_pad = true; }), .in = {x}});
    s.push_back({.op = make(PoolKind::kMax, [](Pool2d&) {}), .in = {}, .bad = "C1"});
    s.push_back({.op = make(PoolKind::kMax, [](Pool2d&) {}), .in = {f32({3, 7, 10})}, .bad = "C2"});
    s.push_back({.op = make(PoolKind::kMax, [](Pool2d&) {}), .in = {Type{DType::kI32, x.shape, {}}}, .bad = "C3"});
    s.push_back({.op = make(PoolKind::kMax, [](Pool2d& o) { o.stride = {0, 1}; }), .in = {x}, .bad = "C4"});
    s.push_back({.op = make(PoolKind::kMax, [](Pool2d& o) { o.padding = {2, 0, 0, 0}; }), .in = {x}, .bad = "C5"});
    s.push_back({.op = make(PoolKind::kMax, [](Pool2d& o) { o.window = {8, 1}; }), .in = {x}, .bad = "C6"});
    s.push_back({.op = make(PoolKind::kMax, [](Pool2d& o) { o.count_include_pad = true; }), .in = {x}, .bad = "C7"});
    return s;
  }
};

}  // namespace
DEFINE_OP(Pool2d, Pool2dFacts)
}  // namespace atl
