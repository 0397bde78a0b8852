// 3-D convolution: LiteRT's CONV_3D.
#include "ir/tflite_op.h"
#include "ops/elementwise.h"
#include "ops/fused_activation.h"
#include "ops/window.h"

namespace atl {
namespace {

using tflite::BuiltinOperator;

struct Sizes {
  int64_t filters, weight_channels;
  std::array<WindowAxis, 3> axes;
};
Sizes sizes_of(const Conv3d& o, const Shape& x, const Shape& w) {
  if (o.layout == DataLayout::kChannelsFirst) return {w[0], w[1], window_axes(o, x, std::array<int64_t, 3>{w[2], w[3], w[4]})};
  return {w[4], w[3], window_axes(o, x, std::array<int64_t, 3>{w[0], w[1], w[2]})};
}

struct Conv3dFacts {
  static constexpr std::string_view name = "conv3d";
  static constexpr std::string_view summary = "3-D convolution plus a bias";
  static constexpr Layout layout = Layout::kFixed;
  static constexpr Quant quant = Quant::kFloatOnly;

  static Result<Types> infer(const Conv3d& o, TypesIn in) {
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
      const int64_t n = out.shape[spatial_begin(o.layout) + i] = s.axes[i].count();
      CHECK_OP(C7, n >= 1 || n == kDynamic, "a kernel of {} does not fit {} elements and their padding", s.axes[i].extent(),
               s.axes[i].in);
    }
    TRY_STATUS(byte_size(out));
    return Types{out};
  }

  static Result<Tensors> eval(const Conv3d& o, TensorsIn in) {
    const Sizes s = sizes_of(o, in[0].shape(), in[1].shape());
    ConvSizes c{.batch = in[0].shape()[0], .channels = s.weight_channels, .filters = s.filters};
    set_axes(c, s.axes);
    const bool first = o.layout == DataLayout::kChannelsFirst;
    const Tensor weight = first ? in[1] : transpose(in[1], {4, 3, 0, 1, 2});
    Tensor y = convolve(c, to_channels_first(in[0], o.layout), weight, in.size() > 2 ? in[2] : Tensor(), o.activation);
    return Tensors{from_channels_first(y, o.layout)};
  }

  static std::optional<LayoutChoice> permuted(const Conv3d& o, TypesIn in, int operand, const Perm& p) {
    const bool data = operand == 0 || operand == kResult;
    if (!data || o.layout != DataLayout::kChannelsFirst || p != channels_last_perm(5)) return std::nullopt;
    Conv3d last = o;
    last.layout = DataLayout::kChannelsLast;
    LayoutChoice choice{make_op(last), {p, {2, 3, 4, 1, 0}}, p};
    choice.in.resize(in.size());
    return choice;
  }

  static Status legal(const Conv3d& o, TypesIn in) {
    if (o.layout != DataLayout::kChannelsLast) return error(Code::kLayout, "LiteRT's 3-D convolution is channels-last");
    TRY_STATUS(legal_dtype("3-D convolution", in[0], "f32"));
    if (padding_scheme(sizes_of(o, in[0].shape, in[1].shape).axes) == PaddingScheme::kExplicit)
      return error(Code::kUnsupportedForm, "LiteRT's 3-D convolution has no explicit padding");
    return {};
  }

  static Result<bool> legalize(const Conv3d& o, Rewrite& r) {
    TRY(const bool cast, legalize_by_cast(r, make_op(o), "f32"));
    if (cast || o.layout != DataLayout::kChannelsLast) return cast;
    const auto axes = sizes_of(o, r.in_type(0).shape, r.in_type(1).shape).axes;
    if (padding_scheme(axes) != PaddingScheme::kExplicit) return false;
    Conv3d valid = o;
    valid.padding = {};
    Values in = r.node().in;
    in[0] = pad_windows(r, axes, 0);
    return r.replace(r.add(valid, std::move(in)));
  }

  static Result<TfliteOp> emit(const Conv3d& o, TypesIn in) {
    const Sizes s = sizes_of(o, in[0].shape, in[1].shape);
    tflite::Conv3DOptionsT options;
    options.padding = padding_scheme(s.axes) == PaddingScheme::kSame ? tflite::Padding::SAME : tflite::Padding::VALID;
    options.stride_d = int32_t(o.stride[0]);
    options.stride_h = int32_t(o.stride[1]);
    options.stride_w = int32_t(o.stride[2]);
    options.dilation_d_factor = int32_t(o.dilation[0]);
    options.dilation_h_factor = int32_t(o.dilation[1]);
    options.dilation_w_factor = int32_t(o.dilation[2]);
    options.fused_activation_function = tflite_activation(o.activation);
    return TfliteOp(BuiltinOperator::CONV_3D, 1, present(in, 2) ? 3 : 2, std::move(options));
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    const auto* options = n.options_as<tflite::Conv3DOptionsT>();
    if (n.code != BuiltinOperator::CONV_3D || !options || !n.present(0) || !n.present(1) || n.out.size() != 1)
      return not_decoded();
    if (n.in[0]->rank() != 5 || n.in[1]->rank() != 5 || n.out[0].rank() != 5) return not_decoded();
    Conv3d o;
    o.layout = DataLayout::kChannelsLast;
    o.stride = {options->stride_d, options->stride_h, options->stride_w};
    o.dilation = {options->dilation_d_factor, options->dilation_h_factor, options->dilation_w_factor};
    TRY(o.activation, activation_from(options->fused_activation_function));
    auto axes = sizes_of(o, n.in[0]->shape, n.in[1]->shape).axes;
    for (size_t i = 0; i < 3; ++i) {
      TRY_STATUS(fill_padding(axes[i], options->padding == tflite::Padding::SAME, n.out[0].shape[1 + i]));
      o.padding[2 * i] = axes[i].before;
      o.padding[2 * i + 1] = axes[i].after;
    }
    std::vector<int> in{0, 1};
    if (n.present(2)) in.push_back(2);
    Types types;
    for (int i : in) types.push_back(*n.in[size_t(i)]);
    for (const Type& t : types)
      if (t.dtype != DType::kF32 || t.quant) return not_decoded();
    const auto inferred = infer(o, types);
    if (!inferred || (*inferred)[0] != n.out[0]) return not_decoded();
    return Decoded{make_op(o), in};
  }

  static WeightRoles weights(const Conv3d& o, TypesIn) {
    const bool linear = o.activation == Activation::kNone, pads = o.padding != std::array<int64_t, 6>{};
    if (o.layout == DataLayout::kChannelsFirst) return {1, 1, 0, 1, pads, linear};
    return {4, 4, 4, 3, pads, linear};
  }

  static OpPtr with_activation(const Conv3d& o, Activation a) {
    if (o.activation != Activation::kNone) return nullptr;
    Conv3d with = o;
    with.activation = a;
    return make_op(with);
  }

  static OpPtr with_padding(const Conv3d& o, TypesIn, std::span<const int64_t> before, std::span<const int64_t> after) {
    Conv3d with = o;
    return add_padding(with.padding, o.layout, before, after) ? make_op(with) : nullptr;
  }

  static Result<bool> canonicalize(const Conv3d& o, Rewrite& r) {
    if (r.in_count() != 3 || r.in(2).valid()) return false;
    return r.replace(r.add(o, {r.in(0), r.in(1)}));
  }

  static std::vector<Sample> samples() {
    const auto f32 = [](Shape s) { return Type{DType::kF32, std::move(s), {}}; };
    const auto make = [](auto change) {
      Conv3d o;
      change(o);
      return make_op(o);
    };
    const Type x = f32({2, 3, 5, 7, 6}), w = f32({4, 3, 2, 3, 1}), b = f32({4});
    const OpPtr plain = make_op(Conv3d{});
    const OpPtr same = make([](Conv3d& o) { o.padding = {0, 1, 1, 1, 0, 0}, o.activation = Activation::kRelu; });
    const OpPtr padded = make([](Conv3d& o) { o.padding = {2, 1, 0, 3, 1, 2}, o.stride = {2, 1, 3}, o.dilation = {1, 2, 1}; });
    const OpPtr last = make([](Conv3d& o) { o.layout = DataLayout::kChannelsLast, o.stride = {1, 2, 1}; });
    return {{.op = plain, .in = {x, w, b}},
            {.op = plain, .in = {x, w}},
            {.op = same, .in = {x, w, b}},
            {.op = padded, .in = {x, w, b}},
            {.op = last, .in = {f32({2, 5, 7, 6, 3}), f32({2, 3, 1, 3, 4}), b}},
            {.op = plain, .in = {x}, .bad = "C1"},
            {.op = plain, .in = {x, b}, .bad = "C2"},
            {.op = plain, .in = {x, Type{DType::kF64, w.shape, {}}}, .bad = "C3"},
            {.op = make([](Conv3d& o) {
               o.dilation = {1, 0, 1};
             }),
             .in = {x, w},
             .bad = "C4"},
            {.op = plain, .in = {x, f32({4, 2, 2, 3, 1})}, .bad = "C5"},
            {.op = plain, .in = {x, w, f32({3})}, .bad = "C6"},
            {.op = plain, .in = {x, f32({4, 3, 6, 3, 1})}, .bad = "C7"}};
  }
};

}  // namespace
DEFINE_OP(Conv3d, Conv3dFacts)
}  // namespace atl
