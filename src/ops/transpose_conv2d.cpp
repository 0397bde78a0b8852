// Transposed 2-D convolution: LiteRT's TRANSPOSE_CONV.
#include "ir/target.h"
#include "ir/tflite_op.h"
#include "ops/elementwise.h"
#include "ops/fused_activation.h"
#include "ops/integer_product.h"
#include "ops/window.h"

namespace atl {
namespace {

using tflite::BuiltinOperator;

struct Sizes {
  int64_t filters, weight_channels;
  std::array<SpreadAxis, 2> axes;
};
Sizes sizes_of(const TransposeConv2d& o, const Shape& x, const Shape& w) {
  if (o.layout == DataLayout::kChannelsFirst) return {w[1], w[0], spread_axes(o, x, std::array<int64_t, 2>{w[2], w[3]})};
  return {w[0], w[3], spread_axes(o, x, std::array<int64_t, 2>{w[1], w[2]})};
}

struct TransposeConv2dFacts {
  static constexpr std::string_view name = "transpose_conv2d";
  static constexpr std::string_view summary = "transposed 2-D convolution plus a bias";
  static constexpr Layout layout = Layout::kFixed;
  static constexpr Quant quant = Quant::kWeighted;

  static QuantRule quantization(const TransposeConv2d&, TypesIn) {
    return {.kind = Quant::kWeighted,
            .types = "i8 i16",
            .weight = 1,
            .weight_axis = 0,
            .weight_in_axis = 3,
            .bias = 2,
            .wide_bias = DType::kI64};
  }

  static Result<Types> infer(const TransposeConv2d& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 2 || in.size() == 3, "two or three operands are needed, not {}", in.size());
    CHECK_OP(C2, in[0].rank() == 4 && in[1].rank() == 4, "data {} and weight {} must have four axes", to_string(in[0]),
             to_string(in[1]));
    const bool biased = present(in, 2);
    CHECK_OP(C3, is_float(in[0].dtype) && in[1].dtype == in[0].dtype && (!biased || in[2].dtype == in[0].dtype),
             "data {}, weight {} and bias must be of one float type", to_string(in[0]), to_string(in[1]));
    const Sizes s = sizes_of(o, in[0].shape, in[1].shape);
    const auto windows = check_windows(s.axes);
    CHECK_OP(C4, windows, "{}", windows.error().what);
    const size_t channel = channel_axis(o.layout, 4);
    CHECK_OP(C5, in[0].shape[channel] == s.weight_channels && s.weight_channels >= 1, "weight {} does not fit {} channels",
             to_string(in[1]), in[0].shape[channel]);
    CHECK_OP(C6, !biased || in[2].shape == Shape{s.filters}, "bias {} for {} filters", to_string(in[2]), s.filters);
    Type out{in[0].dtype, in[0].shape, {}};
    out.shape[channel] = s.filters;
    for (size_t i = 0; i < 2; ++i) {
      const int64_t n = out.shape[spatial_begin(o.layout) + i] = s.axes[i].out();
      CHECK_OP(C7, n >= 1 && s.axes[i].in >= 1, "{} elements and their padding leave nothing", s.axes[i].in);
    }
    TRY_STATUS(byte_size(out));
    return Types{out};
  }

  static Result<Tensors> eval(const TransposeConv2d& o, TensorsIn in) {
    const Sizes s = sizes_of(o, in[0].shape(), in[1].shape());
    ConvSizes c{.batch = in[0].shape()[0], .channels = s.weight_channels, .filters = s.filters};
    set_axes(c, s.axes);
    const bool first = o.layout == DataLayout::kChannelsFirst;
    const Tensor weight = first ? in[1] : transpose(in[1], {3, 0, 1, 2});
    Tensor y =
        convolve_transposed(c, to_channels_first(in[0], o.layout), weight, in.size() > 2 ? in[2] : Tensor(), o.activation);
    return Tensors{from_channels_first(y.reshaped({c.batch, c.filters, c.out[1], c.out[2]}), o.layout)};
  }

  // Channels-last, as LiteRT has it.
  static Result<Tensors> eval_integer(const TransposeConv2d& o, TensorsIn in, TypesIn out) {
    const Type &x = in[0].type(), &w = in[1].type();
    TransposeConv2d sums = o;
    sums.activation = Activation::kNone;
    TRY(const Tensors sum, eval(sums, Tensors{centered(in[0]), centered(in[1])}));
    const Tensor bias = in.size() > 2 ? in[2] : Tensor();
    const bool wide = x.dtype == DType::kI16 && (!bias.bytes() || bias.dtype() == DType::kI64);
    const auto product = x.dtype == DType::kU8 ? ScaleProduct::kInFloat : ScaleProduct::kInDouble;
    const SumScaling scaling(x, w, out[0], product, wide ? Sums::kWide : Sums::kLoop, o.activation);
    return Tensors{scale_sums(sum[0], 3, bias, scaling, out[0])};
  }

  static Status legal_integer(const TransposeConv2d&, TypesIn in, TypesIn out) {
    const Shape& w = in[1].shape;
    return legal_weighted({.name = "transposed convolution", .depth = w[1] * w[2] * w[3], .needs_bias = false}, in, out[0]);
  }

  static std::optional<LayoutChoice> permuted(const TransposeConv2d& o, TypesIn in, int operand, const Perm& p) {
    const bool data = operand == 0 || operand == kResult;
    if (!data || o.layout != DataLayout::kChannelsFirst || p != channels_last_perm(4)) return std::nullopt;
    TransposeConv2d last = o;
    last.layout = DataLayout::kChannelsLast;
    LayoutChoice choice{make_op(last), {p, {1, 2, 3, 0}}, p};
    choice.in.resize(in.size());
    return choice;
  }

  static Status legal(const TransposeConv2d& o, TypesIn in) {
    if (o.layout != DataLayout::kChannelsLast) return error(Code::kLayout, "LiteRT's transposed convolution is channels-last");
    TRY_STATUS(legal_dtype("transposed convolution", in[0], "f32"));
    if (!is_static(in[0].shape)) return error(Code::kUnsupportedForm, "a transposed convolution needs a fixed batch size");
    if (padding_scheme(sizes_of(o, in[0].shape, in[1].shape).axes) == PaddingScheme::kExplicit)
      return error(Code::kUnsupportedForm, "LiteRT's transposed convolution has no explicit padding");
    return {};
  }

  static Result<bool> legalize(const TransposeConv2d& o, Rewrite& r) {
    TRY(const bool cast, legalize_by_cast(r, make_op(o), "f32"));
    if (cast || o.layout != DataLayout::kChannelsLast || !is_static(r.in_type(0).shape)) return cast;
    const auto axes = sizes_of(o, r.in_type(0).shape, r.in_type(1).shape).axes;
    return padding_scheme(axes) == PaddingScheme::kExplicit ? crop_after(o, r, axes) : false;
  }

  static Result<TfliteOp> emit(const TransposeConv2d& o, TypesIn in) {
    const Sizes s = sizes_of(o, in[0].shape, in[1].shape);
    tflite::TransposeConvOptionsT options;
    options.padding = padding_scheme(s.axes) == PaddingScheme::kSame ? tflite::Padding::SAME : tflite::Padding::VALID;
    options.stride_h = int32_t(o.stride[0]);
    options.stride_w = int32_t(o.stride[1]);
    options.fused_activation_function = tflite_activation(o.activation);
    const int version = o.activation != Activation::kNone ? 4 : present(in, 2) ? 3 : in[0].dtype == DType::kI8 ? 2 : 1;
    TfliteOp op(BuiltinOperator::TRANSPOSE_CONV, version, 0, std::move(options));
    op.constant(Tensor::of_i32({in[0].shape[0], s.axes[0].out(), s.axes[1].out(), s.filters})).input(1).input(0);
    if (present(in, 2)) op.input(2);
    return op;
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    const auto* options = n.options_as<tflite::TransposeConvOptionsT>();
    if (n.code != BuiltinOperator::TRANSPOSE_CONV || !options || !n.present(1) || !n.present(2) || n.out.size() != 1)
      return not_decoded();
    TRY(const Shape out, n.ints(0));
    if (out.size() != 4 || out != n.out[0].shape || n.in[1]->rank() != 4 || n.in[2]->rank() != 4) return not_decoded();
    TransposeConv2d o;
    o.layout = DataLayout::kChannelsLast;
    o.stride = {options->stride_h, options->stride_w};
    TRY(o.activation, activation_from(options->fused_activation_function));
    auto axes = sizes_of(o, n.in[2]->shape, n.in[1]->shape).axes;
    for (size_t i = 0; i < 2; ++i) {
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

  static WeightRoles weights(const TransposeConv2d& o, TypesIn) {
    // A result near the edge sees fewer products than others, as with padding.
    const bool linear = o.activation == Activation::kNone;
    if (o.layout == DataLayout::kChannelsFirst) return {1, 1, 1, 0, true, linear};
    return {3, 3, 0, 3, true, linear};
  }

  static OpPtr with_activation(const TransposeConv2d& o, Activation a) {
    if (o.activation != Activation::kNone) return nullptr;
    TransposeConv2d with = o;
    with.activation = a;
    return make_op(with);
  }

  static Result<bool> canonicalize(const TransposeConv2d& o, Rewrite& r) {
    if (r.in_count() != 3 || r.in(2).valid()) return false;
    return r.replace(r.add(o, {r.in(0), r.in(1)}));
  }

  // TensorFlow 2.5's kernel, which the Edge TPU's compiler knows, has no activation.
  static Result<bool> adapt(const TransposeConv2d& o, Rewrite& r, const Target& target) {
    const OpPtr activation = activation_op(o.activation);
    if (!target.is_coral() || !activation) return false;
    TransposeConv2d plain = o;
    plain.activation = Activation::kNone;
    return r.replace(r.add(activation, {r.add(plain, r.node().in)}));
  }

  static std::vector<Sample> samples() {
    const auto f32 = [](Shape s) { return Type{DType::kF32, std::move(s), {}}; };
    const auto make = [](auto change) {
      TransposeConv2d o;
      change(o);
      return make_op(o);
    };
    const Type x = f32({2, 3, 5, 7}), w = f32({3, 4, 2, 3}), b = f32({4});
    const OpPtr plain = make_op(TransposeConv2d{});
    const OpPtr doubled = make([](TransposeConv2d& o) { o.stride = {2, 2}; });
    const OpPtr same = make([](TransposeConv2d& o) { o.stride = {2, 2}, o.padding = {1, 1, 1, 1}; });
    const OpPtr cropped = make([](TransposeConv2d& o) {
      o.stride = {2, 3}, o.padding = {1, 0, 2, 1}, o.output_padding = {1, 0}, o.activation = Activation::kRelu;
    });
    const OpPtr longer = make([](TransposeConv2d& o) { o.stride = {3, 2}, o.output_padding = {2, 1}; });
    const OpPtr last = make([](TransposeConv2d& o) { o.layout = DataLayout::kChannelsLast, o.stride = {2, 1}; });
    return {{.op = plain, .in = {x, w, b}},
            {.op = doubled, .in = {x, f32({3, 4, 2, 2})}},
            {.op = same, .in = {x, f32({3, 4, 4, 4}), b}},
            {.op = cropped, .in = {x, f32({3, 4, 3, 5}), b}},
            {.op = longer, .in = {x, w, b}},
            {.op = last, .in = {f32({2, 5, 7, 3}), f32({4, 2, 3, 3}), b}},
            {.op = plain, .in = {x}, .bad = "C1"},
            {.op = plain, .in = {x, b}, .bad = "C2"},
            {.op = plain, .in = {x, w, Type{DType::kI32, {4}, {}}}, .bad = "C3"},
            {.op = make([](TransposeConv2d& o) {
               o.output_padding = {-1, 0};
             }),
             .in = {x, w},
             .bad = "C4"},
            {.op = plain, .in = {x, f32({4, 3, 2, 3})}, .bad = "C5"},
            {.op = plain, .in = {x, w, f32({3})}, .bad = "C6"},
            {.op = make([](TransposeConv2d& o) {
               o.padding = {3, 3, 0, 0};
             }),
             .in = {x, w},
             .bad = "C7"}};
  }
};

}  // namespace
DEFINE_OP(TransposeConv2d, TransposeConv2dFacts)
}  // namespace atl
