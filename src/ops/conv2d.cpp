// 2-D convolution: LiteRT's CONV_2D, and DEPTHWISE_CONV_2D when every channel has filters of its own.
#include <numeric>

#include "ir/target.h"
#include "ir/tflite_op.h"
#include "ops/channel_order.h"
#include "ops/elementwise.h"
#include "ops/fused_activation.h"
#include "ops/integer_product.h"
#include "ops/shape.h"
#include "ops/spatial.h"
#include "ops/window.h"

namespace atl {
namespace {

using tflite::BuiltinOperator;

// Channels-last weights of a depthwise convolution lie as [1,kh,kw,O]. With one channel both forms exist; [O,kh,kw,1] is not
// it.
bool is_depthwise(const Conv2d& o, const Shape& x, const Shape& w) {
  return o.layout == DataLayout::kChannelsLast && o.groups == x[3] && w[0] == 1 && w[3] != 1;
}

struct Sizes {
  int64_t filters, weight_channels;
  std::array<WindowAxis, 2> axes;
};
Sizes sizes_of(const Conv2d& o, const Shape& x, const Shape& w) {
  const bool first = o.layout == DataLayout::kChannelsFirst;
  const std::array<int64_t, 2> kernel{w[first ? 2 : 1], w[first ? 3 : 2]};
  const auto axes = window_axes(o, x, kernel);
  if (is_depthwise(o, x, w)) return {w[3], 1, axes};
  return {w[0], w[first ? 1 : 3], axes};
}

struct Conv2dFacts {
  static constexpr std::string_view name = "conv2d";
  static constexpr std::string_view summary = "2-D convolution, grouped, depthwise or plain, plus a bias";
  static constexpr Layout layout = Layout::kFixed;
  static constexpr Quant quant = Quant::kWeighted;
  static bool homogeneous(const Conv2d& o) { return o.activation == Activation::kNone || o.activation == Activation::kRelu; }

  static QuantRule quantization(const Conv2d& o, TypesIn in) {
    const bool depthwise = is_depthwise(o, in[0].shape, in[1].shape);
    return {.kind = Quant::kWeighted,
            .types = "i8 i16",
            .weight = 1,
            .weight_axis = depthwise ? 3 : 0,
            .weight_in_axis = depthwise ? 0 : 3,
            .hybrid = "i8",
            .bias = 2,
            .wide_bias = DType::kI64};
  }

  static Result<Types> infer(const Conv2d& o, TypesIn in) {
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
    const int64_t channels = in[0].shape[channel];
    CHECK_OP(C5,
             o.groups >= 1 && channels >= 1 && s.weight_channels >= 1 && channels % o.groups == 0 &&
                 channels / o.groups == s.weight_channels && s.filters % o.groups == 0,
             "weight {} does not fit {} channels in {} groups", to_string(in[1]), channels, o.groups);
    CHECK_OP(C6, !biased || in[2].shape == Shape{s.filters}, "bias {} for {} filters", to_string(in[2]), s.filters);
    Type out{in[0].dtype, in[0].shape, {}};
    out.shape[channel] = s.filters;
    for (size_t i = 0; i < 2; ++i) {
      const int64_t n = out.shape[spatial_begin(o.layout) + i] = s.axes[i].count();
      CHECK_OP(C7, n >= 1 || n == kDynamic, "a kernel of {} does not fit {} elements and their padding", s.axes[i].extent(),
               s.axes[i].in);
    }
    TRY_STATUS(byte_size(out));
    return Types{out};
  }

  static Result<Tensors> eval(const Conv2d& o, TensorsIn in) {
    const Shape &x = in[0].shape(), &w = in[1].shape();
    const Sizes s = sizes_of(o, x, w);
    ConvSizes c{.batch = x[0], .channels = x[channel_axis(o.layout, 4)], .filters = s.filters, .groups = o.groups};
    set_axes(c, s.axes);
    const Tensor weight = is_depthwise(o, x, w) ? transpose(in[1], {3, 0, 1, 2}) : to_channels_first(in[1], o.layout);
    Tensor y = convolve(c, to_channels_first(in[0], o.layout), weight, in.size() > 2 ? in[2] : Tensor(), o.activation);
    return Tensors{from_channels_first(y.reshaped({c.batch, c.filters, c.out[1], c.out[2]}), o.layout)};
  }

  // Channels-last, as LiteRT has it.
  static Result<Tensors> eval_integer(const Conv2d& o, TensorsIn in, TypesIn out) {
    const Type &x = in[0].type(), &w = in[1].type();
    Conv2d sums = o;
    sums.activation = Activation::kNone;
    TRY(const Tensors sum, eval(sums, Tensors{centered(in[0]), centered(in[1])}));
    const auto kind = in[2].dtype() == DType::kI64             ? Sums::kWide
                      : o.groups == 1 && x.dtype == DType::kI8 ? Sums::kGemm
                                                               : Sums::kLoop;
    const auto product = x.dtype == DType::kU8 ? ScaleProduct::kInFloat : ScaleProduct::kInDouble;
    return Tensors{scale_sums(sum[0], 3, in[2], SumScaling(x, w, out[0], product, kind, o.activation), out[0])};
  }

  static Status legal_integer(const Conv2d& o, TypesIn in, TypesIn out) {
    const Shape &x = in[0].shape, &w = in[1].shape;
    const bool depthwise = is_depthwise(o, x, w);
    return legal_weighted({.name = depthwise ? "depthwise convolution" : "convolution",
                           .depth = w[1] * w[2] * (depthwise ? 1 : w[3]),
                           .weight_axis = depthwise ? 3 : 0,
                           .wide_biases = depthwise ? "i64" : "i64 i32"},
                          in, out[0]);
  }

  static std::optional<LayoutChoice> permuted(const Conv2d& o, TypesIn in, int operand, const Perm& p) {
    const bool data = operand == 0 || operand == kResult;
    if (!data || o.layout != DataLayout::kChannelsFirst || p != channels_last_perm(4)) return std::nullopt;
    Conv2d last = o;
    last.layout = DataLayout::kChannelsLast;
    const bool depthwise = o.groups > 1 && o.groups == in[0].shape[1];
    LayoutChoice choice{make_op(last), {p, depthwise ? Perm{1, 2, 3, 0} : p}, p};
    choice.in.resize(in.size());
    return choice;
  }

  static Status legal(const Conv2d& o, TypesIn in) {
    if (o.layout != DataLayout::kChannelsLast) return error(Code::kLayout, "LiteRT's convolution is channels-last");
    TRY_STATUS(legal_dtype("convolution", in[0], "f32"));
    if (padding_scheme(sizes_of(o, in[0].shape, in[1].shape).axes) == PaddingScheme::kExplicit)
      return error(Code::kUnsupportedForm, "LiteRT's convolution has no explicit padding");
    return {};
  }

  static Result<bool> legalize(const Conv2d& o, Rewrite& r) {
    TRY(const bool cast, legalize_by_cast(r, make_op(o), "f32"));
    if (cast || o.layout != DataLayout::kChannelsLast) return cast;
    const auto axes = sizes_of(o, r.in_type(0).shape, r.in_type(1).shape).axes;
    if (padding_scheme(axes) != PaddingScheme::kExplicit) return false;
    Conv2d valid = o;
    valid.padding = {0, 0, 0, 0};
    Values in = r.node().in;
    in[0] = pad_windows(r, axes, 0);
    return r.replace(r.add(valid, std::move(in)));
  }

  // Float data beside integer weights.
  static bool hybrid(TypesIn in) { return in[0].dtype == DType::kF32 && in[1].dtype == DType::kI8; }

  static Result<TfliteOp> emit(const Conv2d& o, TypesIn in) {
    const Shape &x = in[0].shape, &w = in[1].shape;
    const Sizes s = sizes_of(o, x, w);
    const auto padding = padding_scheme(s.axes) == PaddingScheme::kSame ? tflite::Padding::SAME : tflite::Padding::VALID;
    const auto fill = [&](auto options) {
      options.padding = padding;
      options.stride_h = int32_t(o.stride[0]);
      options.stride_w = int32_t(o.stride[1]);
      options.dilation_h_factor = int32_t(o.dilation[0]);
      options.dilation_w_factor = int32_t(o.dilation[1]);
      options.fused_activation_function = tflite_activation(o.activation);
      return options;
    };
    const bool per_channel = in[1].quant && in[1].quant->scale.size() > 1;
    TfliteOp op;
    if (is_depthwise(o, x, w)) {
      auto options = fill(tflite::DepthwiseConv2DOptionsT{});
      options.depth_multiplier = int32_t(s.filters / o.groups);
      const bool dilated = o.dilation != std::array<int64_t, 2>{1, 1};
      const int version = hybrid(in) ? (per_channel ? 6 : 4) : in[0].dtype == DType::kI8 ? 3 : dilated ? 2 : 1;
      op = TfliteOp(BuiltinOperator::DEPTHWISE_CONV_2D, version, 2, std::move(options));
    } else {
      const int version = o.groups > 1 ? 6 : hybrid(in) ? (per_channel ? 5 : 2) : in[0].dtype == DType::kI8 ? 3 : 1;
      op = TfliteOp(BuiltinOperator::CONV_2D, version, 2, fill(tflite::Conv2DOptionsT{}));
    }
    if (present(in, 2)) {
      op.input(2);
    } else {
      op.constant(zero_bias(s.filters));
    }
    return op;
  }

  static Tensor zero_bias(int64_t filters) {
    Tensor t = Tensor::make(Type{DType::kF32, {filters}, {}});
    std::fill_n(t.mutable_data<float>(), filters, 0.0f);
    return t;
  }

  template <class Options>
  static Result<Conv2d> read_options(const TfliteNode& n, const Options* options, size_t kernel_axis) {
    if (!options || !n.present(0) || !n.present(1) || n.out.size() != 1) return not_decoded();
    if (n.in[0]->rank() != 4 || n.in[1]->rank() != 4 || n.out[0].rank() != 4) return not_decoded();
    Conv2d o;
    o.layout = DataLayout::kChannelsLast;
    o.stride = {options->stride_h, options->stride_w};
    o.dilation = {options->dilation_h_factor, options->dilation_w_factor};
    TRY(o.activation, activation_from(options->fused_activation_function));
    const Shape &x = n.in[0]->shape, &w = n.in[1]->shape;
    auto axes = window_axes(o, x, std::array<int64_t, 2>{w[kernel_axis], w[kernel_axis + 1]});
    for (size_t i = 0; i < 2; ++i) {
      TRY_STATUS(fill_padding(axes[i], options->padding == tflite::Padding::SAME, n.out[0].shape[1 + i]));
      o.padding[2 * i] = axes[i].before;
      o.padding[2 * i + 1] = axes[i].after;
    }
    return o;
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    Conv2d o;
    if (n.code == BuiltinOperator::CONV_2D) {
      TRY(o, read_options(n, n.options_as<tflite::Conv2DOptionsT>(), 1));
      const int64_t channels = n.in[0]->shape[3], group = n.in[1]->shape[3];
      if (channels < 1 || group < 1 || channels % group != 0) return not_decoded();
      o.groups = channels / group;
    } else if (n.code == BuiltinOperator::DEPTHWISE_CONV_2D) {
      TRY(o, read_options(n, n.options_as<tflite::DepthwiseConv2DOptionsT>(), 1));
      o.groups = n.in[0]->shape[3];
      if (n.in[1]->shape[0] != 1) return not_decoded();
    } else {
      return not_decoded();
    }
    std::vector<int> in{0, 1};
    Types types{*n.in[0], *n.in[1]};
    if (n.present(2)) {
      in.push_back(2);
      types.push_back(*n.in[2]);
    }
    for (const Type& t : types)
      if (t.dtype != DType::kF32 || t.quant) return not_decoded();
    const auto out = infer(o, types);
    if (!out || (*out)[0] != n.out[0]) return not_decoded();
    return Decoded{make_op(o), in};
  }

  static WeightRoles weights(const Conv2d& o, TypesIn in) {
    const bool linear = o.activation == Activation::kNone, pads = o.padding != std::array<int64_t, 4>{0, 0, 0, 0};
    if (o.layout == DataLayout::kChannelsFirst) return {1, 1, 0, o.groups == 1 ? 1 : -1, pads, linear};
    if (is_depthwise(o, in[0].shape, in[1].shape)) return {3, 3, 3, -1, pads, linear};
    return {3, 3, 0, o.groups == 1 ? 3 : -1, pads, linear};
  }

  static OpPtr with_activation(const Conv2d& o, Activation a) {
    if (o.activation != Activation::kNone) return nullptr;
    Conv2d with = o;
    with.activation = a;
    return make_op(with);
  }

  static OpPtr with_padding(const Conv2d& o, TypesIn, std::span<const int64_t> before, std::span<const int64_t> after) {
    Conv2d with = o;
    return add_padding(with.padding, o.layout, before, after) ? make_op(with) : nullptr;
  }

  // conv(space_to_depth(x)) in torch's channel order: the order moves into the weights, so that LiteRT's operator fits.
  static Result<bool> canonicalize(const Conv2d& o, Rewrite& r) {
    if (r.in_count() == 3 && !r.in(2).valid()) return r.replace(r.add(o, {r.in(0), r.in(1)}));
    const auto* move = r.graph().as<SpaceToDepth>(r.in(0));
    if (!move || move->order != BlockOrder::kChannelFirst || !feeds_convolutions(r.graph(), r.in(0))) return false;
    SpaceToDepth litert = *move;
    litert.order = BlockOrder::kChannelLast;
    Values in = r.node().in;
    in[0] = r.add(litert, {r.graph()[r.in(0)].in[0]});
    in[1] = reorder_channels(r, in[1], channel_axis(o.layout, 4), move->block);
    return r.replace(r.add(o, std::move(in)));
  }

  // The Edge TPU has one dilation for height and width, where the kernel has more than one tap in both: zeros between the taps
  // make up for what is more in one of them.
  static Result<bool> dilate_evenly(const Conv2d& o, Rewrite& r) {
    Conv2d even = o;
    even.dilation.fill(std::gcd(o.dilation[0], o.dilation[1]));
    Value w = r.in(1);
    for (size_t i = 0; i < 2; ++i) {
      const Shape s = r.shape(w);
      const size_t a = 1 + i;
      const int64_t step = o.dilation[i] / even.dilation[i];
      Shape apart = s, joined = s;
      apart.insert(apart.begin() + ptrdiff_t(a) + 1, 1);
      joined[a] *= step;
      Pad zeros(std::vector<int64_t>(5, 0), std::vector<int64_t>(5, 0));
      zeros.after[a + 1] = step - 1;
      const Value spread = r.add(Reshape(joined), {r.add(std::move(zeros), {r.add(Reshape(apart), {w})})});
      Shape size = joined;
      size[a] -= step - 1;
      w = r.add(Slice({0, 0, 0, 0}, std::move(size)), {spread});
    }
    Values in = r.node().in;
    in[1] = w;
    return r.replace(r.add(even, std::move(in)));
  }

  // Nor has it groups between one and one a channel: a convolution for each group, or for some together.
  static Result<bool> adapt(const Conv2d& o, Rewrite& r, const Target& target) {
    const Shape &x = r.in_type(0).shape, &w = r.in_type(1).shape;
    if (!target.is_coral() || o.layout != DataLayout::kChannelsLast) return false;
    if (o.dilation[0] != o.dilation[1] && w[1] > 1 && w[2] > 1 && r.is_constant(1) && (o.groups == 1 || is_depthwise(o, x, w)))
      return dilate_evenly(o, r);
    if (o.groups == 1 || is_depthwise(o, x, w)) return false;
    Conv2d one = o;
    one.groups = 1;
    const std::vector<int64_t> merged = merged_groups(o.groups, r.is_constant(1) ? w[0] / o.groups : w[0]);
    const size_t n = merged.size();
    const auto parts = [&](Value v, int64_t axis) { return parts_of(r, v, axis, merged, o.groups); };
    const Values data = parts(r.in(0), 3),
                 weights = parts_of(r, r.in(1), 0, std::vector<int64_t>(size_t(o.groups), 1), o.groups);
    const bool biased = r.in_count() > 2 && r.in(2).valid();
    const Values biases = biased ? parts(r.in(2), 0) : Values(n);
    Values results;
    size_t first = 0;
    for (size_t i = 0; i < n; ++i) {
      const Value weight = joined_weights(r, std::span(weights).subspan(first, size_t(merged[i])));
      results.push_back(r.add(one, biased ? Values{data[i], weight, biases[i]} : Values{data[i], weight}));
      first += size_t(merged[i]);
    }
    return r.replace(n == 1 ? results[0] : r.add(Concat(3), std::move(results)));
  }

  // How many groups to compute together: as many as have 64 outputs, which the Edge TPU computes at once.
  static std::vector<int64_t> merged_groups(int64_t groups, int64_t outputs) {
    constexpr int64_t kOutputs = 64;
    const int64_t most = std::max<int64_t>(kOutputs / outputs, 1), count = (groups + most - 1) / most;
    std::vector<int64_t> merged;
    for (int64_t i = 0; i < count; ++i) merged.push_back((i + 1) * groups / count - i * groups / count);
    return merged;
  }

  // An axis that `groups` groups share equally, in parts of some groups each. A SPLIT_V is nothing for the Edge TPU.
  static Values parts_of(Rewrite& r, Value v, int64_t axis, const std::vector<int64_t>& merged, int64_t groups) {
    const Shape shape = r.shape(v);
    const int64_t each = shape[size_t(axis)] / groups;
    if (merged.size() == 1) return {v};
    std::vector<int64_t> sizes;
    for (const int64_t m : merged) sizes.push_back(m * each);
    if (std::ranges::all_of(sizes, [&](int64_t s) { return s == sizes[0]; }))
      return r.add_multi(Split(axis, sizes), {v}, sizes.size());
    Values out;
    Slice part(std::vector<int64_t>(shape.size(), 0), shape);
    for (const int64_t size : sizes) {
      part.size[size_t(axis)] = size;
      out.push_back(r.add(part, {v}));
      part.begin[size_t(axis)] += size;
    }
    return out;
  }

  // The weights of groups as those of one convolution over all their channels: zeros where a group does not look.
  static Value joined_weights(Rewrite& r, std::span<const Value> groups) {
    if (groups.size() == 1) return groups[0];
    Values rows;
    for (size_t g = 0; g < groups.size(); ++g) {
      const int64_t channels = r.shape(groups[g])[3];
      rows.push_back(
          r.add(Pad({0, 0, 0, int64_t(g) * channels}, {0, 0, 0, int64_t(groups.size() - 1 - g) * channels}), {groups[g]}));
    }
    return r.add(Concat(0), std::move(rows));
  }

  static std::vector<Sample> samples() {
    const auto f32 = [](Shape s) { return Type{DType::kF32, std::move(s), {}}; };
    const auto make = [](auto change) {
      Conv2d o;
      change(o);
      return make_op(o);
    };
    const Type x = f32({2, 3, 7, 9}), w = f32({5, 3, 2, 4}), b = f32({5});
    const OpPtr plain = make_op(Conv2d{});
    const OpPtr same = make([](Conv2d& o) { o.padding = {0, 1, 1, 2}, o.activation = Activation::kRelu; });
    const OpPtr padded = make([](Conv2d& o) {
      o.padding = {2, 1, 3, 0}, o.stride = {2, 3}, o.activation = Activation::kRelu6;
    });
    const OpPtr dilated = make([](Conv2d& o) { o.dilation = {3, 2}, o.padding = {1, 2, 2, 1}; });
    const OpPtr grouped = make([](Conv2d& o) { o.groups = 2, o.padding = {1, 0, 1, 2}; });
    const OpPtr depthwise = make([](Conv2d& o) { o.groups = 3, o.padding = {1, 1, 1, 1}, o.stride = {1, 2}; });
    const OpPtr dilated_depthwise = make([](Conv2d& o) { o.groups = 3, o.dilation = {2, 1}; });
    const OpPtr last = make([](Conv2d& o) { o.layout = DataLayout::kChannelsLast, o.stride = {2, 1}; });
    const OpPtr last_depthwise =
        make([](Conv2d& o) { o.layout = DataLayout::kChannelsLast, o.groups = 3, o.activation = Activation::kReluN1To1; });
    return {{.op = plain, .in = {x, w, b}},
            {.op = plain, .in = {x, w}},
            {.op = same, .in = {x, w, b}},
            {.op = padded, .in = {x, w, b}},
            {.op = dilated, .in = {x, w, b}},
            {.op = grouped, .in = {f32({1, 4, 7, 9}), f32({6, 2, 2, 4}), f32({6})}},
            {.op = depthwise, .in = {x, f32({6, 1, 3, 4}), f32({6})}},
            {.op = dilated_depthwise, .in = {x, f32({3, 1, 2, 5}), f32({3})}},
            {.op = last, .in = {f32({2, 7, 9, 3}), f32({5, 2, 4, 3}), b}},
            {.op = last_depthwise, .in = {f32({2, 7, 9, 3}), f32({1, 2, 4, 6}), f32({6})}},
            {.op = last, .in = {f32({2, 7, 9, 1}), f32({5, 2, 4, 1}), b}},
            {.op = plain, .in = {x}, .bad = "C1"},
            {.op = plain, .in = {x, f32({5, 3, 2})}, .bad = "C2"},
            {.op = plain, .in = {x, Type{DType::kI32, w.shape, {}}}, .bad = "C3"},
            {.op = make([](Conv2d& o) {
               o.stride = {0, 1};
             }),
             .in = {x, w},
             .bad = "C4"},
            {.op = plain, .in = {x, f32({5, 4, 2, 4})}, .bad = "C5"},
            {.op = plain, .in = {x, w, f32({6})}, .bad = "C6"},
            {.op = plain, .in = {x, f32({5, 3, 8, 4})}, .bad = "C7"}};
  }
};

}  // namespace
DEFINE_OP(Conv2d, Conv2dFacts)
}  // namespace atl
