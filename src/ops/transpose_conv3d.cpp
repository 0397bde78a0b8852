// Transposed 3-D convolution: LiteRT's CONV_3D_TRANSPOSE.
#include "ir/tflite_op.h"
#include "ops/elementwise.h"
#include "ops/fused_activation.h"
#include "ops/window.h"

namespace atl {
namespace {

using tflite::BuiltinOperator;

struct Sizes {
  int64_t filters, weight_channels;
  std::array<SpreadAxis, 3> axes;
};
Sizes sizes_of(const TransposeConv3d& o, const Shape& x, const Shape& w) {
  if (o.layout == DataLayout::kChannelsFirst) return {w[1], w[0], spread_axes(o, x, std::array<int64_t, 3>{w[2], w[3], w[4]})};
  return {w[3], w[4], spread_axes(o, x, std::array<int64_t, 3>{w[0], w[1], w[2]})};
}

struct TransposeConv3dFacts {
  static constexpr std::string_view name = "transpose_conv3d";
  static constexpr std::string_view summary = "transposed 3-D convolution plus a bias";
  static constexpr Layout layout = Layout::kFixed;
  static constexpr Quant quant = Quant::kFloatOnly;

  static Result<Types> infer(const TransposeConv3d& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 2 || in.size() == 3, "two or three operands are needed, not {}", in.size());
    CHECK_OP(C2, in[0].rank() == 5 && in[1].rank() == 5, "data {} and weight {} must have five axes", to_string(in[0]),
             to_string(in[1]));
    const bool biased = present(in, 2);
    CHECK_OP(C3, is_float(in[0].dtype) && in[1].dtype == in[0].dtype && (!biased || in[2].dtype == in[0].dtype),
             "data {}, weight {} and bias must be of one float type", to_string(in[0]), to_string(in[1]));
    const Sizes s = sizes_of(o, in[0].shape, in[1].shape);
    const auto windows = check_windows(s.axes);
    CHECK_OP(C4, windows, "{}", windows.error().what);
    const size_t channel = channel_axis(o.layout, 5);
    CHECK_OP(C5, in[0].shape[channel] == s.weight_channels && s.weight_channels >= 1, "weight {} does not fit {} channels",
             to_string(in[1]), in[0].shape[channel]);
    CHECK_OP(C6, !biased || in[2].shape == Shape{s.filters}, "bias {} for {} filters", to_string(in[2]), s.filters);
    Type out{in[0].dtype, in[0].shape, {}};
    out.shape[channel] = s.filters;
    for (size_t i = 0; i < 3; ++i) {
      const int64_t n = out.shape[spatial_begin(o.layout) + i] = s.axes[i].out();
      CHECK_OP(C7, n >= 1 && s.axes[i].in >= 1, "{} elements and their padding leave nothing", s.axes[i].in);
    }
    TRY_STATUS(byte_size(out));
    return Types{out};
  }

  static Result<Tensors> eval(const TransposeConv3d& o, TensorsIn in) {
    const Sizes s = sizes_of(o, in[0].shape(), in[1].shape());
    ConvSizes c{.batch = in[0].shape()[0], .channels = s.weight_channels, .filters = s.filters};
    set_axes(c, s.axes);
    const bool first = o.layout == DataLayout::kChannelsFirst;
    const Tensor weight = first ? in[1] : transpose(in[1], {4, 3, 0, 1, 2});
    Tensor y =
        convolve_transposed(c, to_channels_first(in[0], o.layout), weight, in.size() > 2 ? in[2] : Tensor(), Activation::kNone);
    return Tensors{from_channels_first(y, o.layout)};
  }

  static std::optional<LayoutChoice> permuted(const TransposeConv3d& o, TypesIn in, int operand, const Perm& p) {
    const bool data = operand == 0 || operand == kResult;
    if (!data || o.layout != DataLayout::kChannelsFirst || p != channels_last_perm(5)) return std::nullopt;
    TransposeConv3d last = o;
    last.layout = DataLayout::kChannelsLast;
    LayoutChoice choice{make_op(last), {p, {2, 3, 4, 1, 0}}, p};
    choice.in.resize(in.size());
    return choice;
  }

  static Status legal(const TransposeConv3d& o, TypesIn in) {
    if (o.layout != DataLayout::kChannelsLast)
      return error(Code::kLayout, "LiteRT's transposed 3-D convolution is channels-last");
    TRY_STATUS(legal_dtype("transposed 3-D convolution", in[0], "f32"));
    if (!is_static(in[0].shape)) return error(Code::kUnsupportedForm, "a transposed convolution needs a fixed batch size");
    if (padding_scheme(sizes_of(o, in[0].shape, in[1].shape).axes) == PaddingScheme::kExplicit)
      return error(Code::kUnsupportedForm, "LiteRT's transposed 3-D convolution has no explicit padding");
    return {};
  }

  static Result<bool> legalize(const TransposeConv3d& o, Rewrite& r) {
    TRY(const bool cast, legalize_by_cast(r, make_op(o), "f32"));
    if (cast || o.layout != DataLayout::kChannelsLast || !is_static(r.in_type(0).shape)) return cast;
    const auto axes = sizes_of(o, r.in_type(0).shape, r.in_type(1).shape).axes;
    return padding_scheme(axes) == PaddingScheme::kExplicit ? crop_after(o, r, axes) : false;
  }

  static Result<TfliteOp> emit(const TransposeConv3d& o, TypesIn in) {
    const Sizes s = sizes_of(o, in[0].shape, in[1].shape);
    tflite::Conv3DOptionsT options;
    options.padding = padding_scheme(s.axes) == PaddingScheme::kSame ? tflite::Padding::SAME : tflite::Padding::VALID;
    options.stride_d = int32_t(o.stride[0]);
    options.stride_h = int32_t(o.stride[1]);
    options.stride_w = int32_t(o.stride[2]);
    TfliteOp op(BuiltinOperator::CONV_3D_TRANSPOSE, 1, 0, std::move(options));
    op.constant(Tensor::of_i32({in[0].shape[0], s.axes[0].out(), s.axes[1].out(), s.axes[2].out(), s.filters}));
    op.input(1).input(0);
    if (present(in, 2)) op.input(2);
    return op;
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    const auto* options = n.options_as<tflite::Conv3DOptionsT>();
    if (n.code != BuiltinOperator::CONV_3D_TRANSPOSE || !options || !n.present(1) || !n.present(2) || n.out.size() != 1)
      return not_decoded();
    TRY(const Shape out, n.ints(0));
    if (out.size() != 5 || out != n.out[0].shape || n.in[1]->rank() != 5 || n.in[2]->rank() != 5) return not_decoded();
    const bool dilated = options->dilation_d_factor != 1 || options->dilation_h_factor != 1 || options->dilation_w_factor != 1;
    if (dilated || options->fused_activation_function != tflite::ActivationFunctionType::NONE) return not_decoded();
    TransposeConv3d o;
    o.layout = DataLayout::kChannelsLast;
    o.stride = {options->stride_d, options->stride_h, options->stride_w};
    auto axes = sizes_of(o, n.in[2]->shape, n.in[1]->shape).axes;
    for (size_t i = 0; i < 3; ++i) {
      TRY_STATUS(fill_padding(axes[i], options->padding == tflite::Padding::SAME, out[1 + i]));
      o.padding[2 * i] = axes[i].before;
      o.padding[2 * i + 1] = axes[i].after;
      o.output_padding[i] = axes[i].extra;
    }
    std::vector<int> in{2, 1};
    if (n.present(3)) in.push_back(3);
    Types types;
    for (int i : in) types.push_back(*n.in[size_t(i)]);
    for (const Type& t : types)
      if (t.dtype != DType::kF32 || t.quant) return not_decoded();
    const auto inferred = infer(o, types);
    if (!inferred || (*inferred)[0] != n.out[0]) return not_decoded();
    return Decoded{make_op(o), in};
  }

  static WeightRoles weights(const TransposeConv3d& o, TypesIn) {
    if (o.layout == DataLayout::kChannelsFirst) return {1, 1, 1, 0, true};
    return {4, 4, 3, 4, true};
  }

  static Result<bool> canonicalize(const TransposeConv3d& o, Rewrite& r) {
    if (r.in_count() != 3 || r.in(2).valid()) return false;
    return r.replace(r.add(o, {r.in(0), r.in(1)}));
  }

  static std::vector<Sample> samples() {
    const auto f32 = [](Shape s) { return Type{DType::kF32, std::move(s), {}}; };
    const auto make = [](auto change) {
      TransposeConv3d o;
      change(o);
      return make_op(o);
    };
    const Type x = f32({2, 3, 4, 5, 6}), w = f32({3, 4, 2, 3, 1}), b = f32({4});
    const OpPtr plain = make_op(TransposeConv3d{});
    const OpPtr same = make([](TransposeConv3d& o) { o.stride = {2, 2, 2}, o.padding = {1, 1, 1, 1, 1, 1}; });
    const OpPtr cropped = make([](TransposeConv3d& o) {
      o.stride = {2, 3, 1}, o.padding = {1, 0, 0, 1, 1, 1}, o.output_padding = {1, 0, 0};
    });
    const OpPtr last = make([](TransposeConv3d& o) { o.layout = DataLayout::kChannelsLast, o.stride = {2, 1, 1}; });
    return {{.op = plain, .in = {x, w, b}},
            {.op = plain, .in = {x, w}},
            {.op = same, .in = {x, f32({3, 4, 4, 4, 4}), b}},
            {.op = cropped, .in = {x, f32({3, 4, 3, 4, 2}), b}},
            {.op = last, .in = {f32({2, 4, 5, 6, 3}), f32({2, 3, 1, 4, 3}), b}},
            {.op = plain, .in = {x}, .bad = "C1"},
            {.op = plain, .in = {x, b}, .bad = "C2"},
            {.op = plain, .in = {x, Type{DType::kF64, w.shape, {}}}, .bad = "C3"},
            {.op = make([](TransposeConv3d& o) {
               o.stride = {1, 0, 1};
             }),
             .in = {x, w},
             .bad = "C4"},
            {.op = plain, .in = {x, f32({4, 3, 2, 3, 1})}, .bad = "C5"},
            {.op = plain, .in = {x, w, f32({3})}, .bad = "C6"},
            {.op = make([](TransposeConv3d& o) { o.padding = {3, 3, 0, 0, 0, 0}; }), .in = {x, w}, .bad = "C7"}};
  }
};

}  // namespace
DEFINE_OP(TransposeConv3d, TransposeConv3dFacts)
}  // namespace atl
