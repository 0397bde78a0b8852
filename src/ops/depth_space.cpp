// Blocks of channels and blocks of space: LiteRT's DEPTH_TO_SPACE and SPACE_TO_DEPTH.
#include "ir/target.h"
#include "ir/tflite_op.h"
#include "ops/channel_order.h"
#include "ops/conv.h"
#include "ops/elementwise.h"
#include "ops/movement.h"
#include "ops/shape.h"
#include "ops/spatial.h"
#include "ops/window.h"

namespace atl {
namespace {

using tflite::BuiltinOperator;

constexpr std::string_view kDtypes = "f32 i8 u8 i32 i64";
constexpr int64_t kMaxBlock = 1 << 15;

// The move as a transpose of six axes between two reshapes. r and s are a block's row and column.
struct BlockMove {
  Shape split;
  Perm perm;
  Shape result;
};

BlockMove move_of(const DepthToSpace& o, const Shape& x) {
  const int64_t b = o.block;
  const bool torch = o.order == BlockOrder::kChannelFirst;
  if (o.layout == DataLayout::kChannelsFirst) {
    const int64_t n = x[0], c = x[1] / (b * b), h = x[2], w = x[3];
    if (torch) return {{n, c, b, b, h, w}, {0, 1, 4, 2, 5, 3}, {n, c, h * b, w * b}};
    return {{n, b, b, c, h, w}, {0, 3, 4, 1, 5, 2}, {n, c, h * b, w * b}};
  }
  const int64_t n = x[0], h = x[1], w = x[2], c = x[3] / (b * b);
  if (torch) return {{n, h, w, c, b, b}, {0, 1, 4, 2, 5, 3}, {n, h * b, w * b, c}};
  return {{n, h, w, b, b, c}, {0, 1, 3, 2, 4, 5}, {n, h * b, w * b, c}};
}

BlockMove move_of(const SpaceToDepth& o, const Shape& x) {
  const int64_t b = o.block;
  const bool torch = o.order == BlockOrder::kChannelFirst;
  if (o.layout == DataLayout::kChannelsFirst) {
    const int64_t n = x[0], c = x[1], h = x[2] / b, w = x[3] / b;
    const Perm perm = torch ? Perm{0, 1, 3, 5, 2, 4} : Perm{0, 3, 5, 1, 2, 4};
    return {{n, c, h, b, w, b}, perm, {n, c * b * b, h, w}};
  }
  const int64_t n = x[0], h = x[1] / b, w = x[2] / b, c = x[3];
  return {{n, h, b, w, b, c}, torch ? Perm{0, 1, 3, 5, 2, 4} : Perm{0, 1, 3, 2, 4, 5}, {n, h, w, c * b * b}};
}

// The op whose move is reshape, transpose, reshape of x in these forms.
template <class O>
std::optional<O> match_move(const Shape& x, const BlockMove& move) {
  for (DataLayout l : {DataLayout::kChannelsFirst, DataLayout::kChannelsLast})
    for (BlockOrder order : {BlockOrder::kChannelFirst, BlockOrder::kChannelLast})
      for (size_t axis = 1; axis < move.split.size(); ++axis) {
        O o;
        o.block = move.split[axis];
        o.order = order;
        o.layout = l;
        const Type t{DType::kF32, x, {}};
        if (o.block < 2 || !def_of(o.code).infer(o, {&t, 1})) continue;
        const BlockMove m = move_of(o, x);
        if (m.split == move.split && m.perm == move.perm && m.result == move.result) return o;
      }
  return std::nullopt;
}

template <class O>
Result<Tensors> eval_move(const O& o, const Tensor& x) {
  TRY_STATUS(movable("block move", x.dtype()));
  const BlockMove m = move_of(o, x.shape());
  return Tensors{transpose(x.reshaped(m.split), m.perm).reshaped(m.result)};
}

template <class O>
std::optional<LayoutChoice> permuted_move(const O& o, const Perm& p) {
  if (o.layout != DataLayout::kChannelsFirst || p != channels_last_perm(4)) return std::nullopt;
  O last = o;
  last.layout = DataLayout::kChannelsLast;
  return LayoutChoice{make_op(last), {p}, p};
}

template <class O>
Status legal_move(const O& o, const Type& x) {
  if (o.layout != DataLayout::kChannelsLast) return error(Code::kLayout, "LiteRT's block moves are channels-last");
  if (o.order != BlockOrder::kChannelLast)
    return error(Code::kUnsupportedForm, "LiteRT's block moves have another channel order than torch's pixel_shuffle");
  return legal_dtype("block move", x, kDtypes);
}

template <class O>
Result<bool> legalize_move(const O& o, Rewrite& r) {
  if (o.order == BlockOrder::kChannelLast && o.layout == DataLayout::kChannelsLast)
    return legalize_by_cast(r, make_op(o), kDtypes);
  if (!is_static(r.in_type(0).shape)) return false;
  const BlockMove m = move_of(o, r.in_type(0).shape);
  return r.replace(r.add(Reshape(m.result), {r.add(Transpose(m.perm), {r.add(Reshape(m.split), {r.in(0)})})}));
}

template <class O>
Result<Decoded> decode_move(const TfliteNode& n, int64_t block) {
  O o;
  o.block = block;
  if (!is_plain(n) || n.in.size() != 1 || n.out.size() != 1) return not_decoded();
  const auto inferred = def_of(o.code).infer(o, {&*n.in[0], 1});
  if (!inferred || (*inferred)[0] != n.out[0]) return not_decoded();
  return Decoded{make_op(o), {0}};
}

template <class O>
std::vector<Sample> samples_of(const Shape& first, const Shape& last, const Shape& odd) {
  const auto make = [](int64_t block, BlockOrder order, DataLayout l) {
    O o;
    o.block = block, o.order = order, o.layout = l;
    return make_op(o);
  };
  const auto f32 = [](Shape s) { return Type{DType::kF32, std::move(s), {}}; };
  const OpPtr op = make(2, BlockOrder::kChannelLast, DataLayout::kChannelsLast);
  std::vector<Sample> s;
  for (BlockOrder order : {BlockOrder::kChannelFirst, BlockOrder::kChannelLast}) {
    s.push_back({.op = make(2, order, DataLayout::kChannelsFirst), .in = {f32(first)}});
    s.push_back({.op = make(2, order, DataLayout::kChannelsLast), .in = {f32(last)}});
  }
  s.push_back({.op = op, .in = {Type{DType::kI32, last, {}}}});
  s.push_back({.op = op, .in = {}, .bad = "C1"});
  s.push_back({.op = op, .in = {f32({4, 8})}, .bad = "C2"});
  s.push_back({.op = make(0, BlockOrder::kChannelLast, DataLayout::kChannelsLast), .in = {f32(last)}, .bad = "C3"});
  s.push_back({.op = op, .in = {f32(odd)}, .bad = "C4"});
  return s;
}

}  // namespace

Result<bool> recognize_block_move(Rewrite& r) {
  const Graph& g = r.graph();
  const auto* transpose = g.as<Transpose>(r.in(0));
  if (!transpose || transpose->perm.size() != 6) return false;
  const Value split = g[r.in(0)].in[0];
  if (!g.as<Reshape>(split)) return false;
  const Value x = g[split].in[0];
  if (r.rank(x) != 4 || !is_static(r.shape(x)) || r.type(x).quant) return false;
  const BlockMove move{r.shape(split), transpose->perm, r.out_type().shape};
  if (auto o = match_move<DepthToSpace>(r.shape(x), move)) {
    if (o->order == BlockOrder::kChannelLast) return r.replace(r.add(*o, {x}));
    // The first reshape is x's only use, so that what is behind x may change.
    const Value reordered =
        g.uses(split).size() == 1 ? absorb_channel_order(r, x, channel_axis(o->layout, 4), o->block) : Value{};
    if (!reordered.valid()) return r.failed() ? Result<bool>(std::move(r.take_status().error())) : false;
    o->order = BlockOrder::kChannelLast;
    return r.replace(r.add(*o, {reordered}));
  }
  const auto o = match_move<SpaceToDepth>(r.shape(x), move);
  if (!o || (o->order == BlockOrder::kChannelFirst && !feeds_convolutions(g, r.out()))) return false;
  return r.replace(r.add(*o, {x}));
}

namespace {

struct DepthToSpaceFacts {
  static constexpr std::string_view name = "depth_to_space";
  static constexpr std::string_view summary = "blocks of channels become blocks of space";
  static constexpr Layout layout = Layout::kFixed;
  static constexpr Quant quant = Quant::kSameScale;

  static QuantRule quantization(const DepthToSpace&, TypesIn) { return {.kind = Quant::kSameScale, .types = "i8 u8"}; }

  static Result<Types> infer(const DepthToSpace& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 1, "one operand is needed, not {}", in.size());
    CHECK_OP(C2, in[0].rank() == 4, "data {} must have four axes", to_string(in[0]));
    CHECK_OP(C3, o.block >= 1 && o.block <= kMaxBlock, "a block of {} is not possible", o.block);
    Type out = in[0];
    int64_t& channels = out.shape[channel_axis(o.layout, 4)];
    CHECK_OP(C4, is_static(in[0].shape) && channels % (o.block * o.block) == 0,
             "{} channels do not divide into blocks of {}x{}", channels, o.block, o.block);
    channels /= o.block * o.block;
    for (size_t i = 0; i < 2; ++i)
      if (__builtin_mul_overflow(out.shape[spatial_begin(o.layout) + i], o.block, &out.shape[spatial_begin(o.layout) + i]))
        return error(Code::kTooLarge, "a tensor's size overflows");
    TRY_STATUS(byte_size(out));
    return Types{out};
  }
  static Result<Tensors> eval(const DepthToSpace& o, TensorsIn in) { return eval_move(o, in[0]); }
  static std::optional<LayoutChoice> permuted(const DepthToSpace& o, TypesIn, int, const Perm& p) {
    return permuted_move(o, p);
  }
  static Status legal(const DepthToSpace& o, TypesIn in) { return legal_move(o, in[0]); }
  static Result<bool> legalize(const DepthToSpace& o, Rewrite& r) { return legalize_move(o, r); }

  static Result<TfliteOp> emit(const DepthToSpace& o, TypesIn in) {
    tflite::DepthToSpaceOptionsT options;
    options.block_size = int32_t(o.block);
    return TfliteOp(BuiltinOperator::DEPTH_TO_SPACE, in[0].dtype == DType::kI8 ? 2 : 1, 1, std::move(options));
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    const auto* options = n.options_as<tflite::DepthToSpaceOptionsT>();
    if (n.code != BuiltinOperator::DEPTH_TO_SPACE || !options) return not_decoded();
    return decode_move<DepthToSpace>(n, options->block_size);
  }

  // The other channel order costs nothing where it can move into the weights before.
  static Result<bool> canonicalize(const DepthToSpace& o, Rewrite& r) {
    if (o.block == 1) return r.replace(r.in(0));
    if (o.order == BlockOrder::kChannelLast) return false;
    const Value x = absorb_channel_order(r, r.in(0), channel_axis(o.layout, 4), o.block);
    if (!x.valid()) return r.failed() ? Result<bool>(std::move(r.take_status().error())) : false;
    DepthToSpace litert = o;
    litert.order = BlockOrder::kChannelLast;
    return r.replace(r.add(litert, {x}));
  }

  // The Edge TPU has no DEPTH_TO_SPACE: a transposed convolution with weights 0 and 1 puts every channel at its pixel.
  static Result<bool> adapt(const DepthToSpace& o, Rewrite& r, const Target& target) {
    const Type& x = r.in_type(0);
    if (!target.is_coral() || o.layout != DataLayout::kChannelsLast || o.order != BlockOrder::kChannelLast || x.rank() != 4 ||
        x.dtype != DType::kF32)
      return false;
    const int64_t block = o.block, channels = x.shape[3], out = channels / (block * block);
    Tensor w = Tensor::make(Type{DType::kF32, {out, block, block, channels}, {}});
    std::fill_n(w.mutable_data<float>(), w.count(), 0.0f);
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t pixel = c / out, k = c % out;
      w.mutable_data<float>()[((k * block + pixel / block) * block + pixel % block) * channels + c] = 1;
    }
    TransposeConv2d spread;
    spread.layout = DataLayout::kChannelsLast;
    spread.stride = {block, block};
    return r.replace(r.add(spread, {r.in(0), r.constant(std::move(w))}));
  }

  static std::vector<Sample> samples() { return samples_of<DepthToSpace>({2, 12, 4, 5}, {2, 4, 5, 12}, {2, 4, 5, 6}); }
};

struct SpaceToDepthFacts {
  static constexpr std::string_view name = "space_to_depth";
  static constexpr std::string_view summary = "blocks of space become blocks of channels";
  static constexpr Layout layout = Layout::kFixed;
  static constexpr Quant quant = Quant::kSameScale;

  static QuantRule quantization(const SpaceToDepth&, TypesIn) { return {.kind = Quant::kSameScale, .types = "i8 u8"}; }

  static Result<Types> infer(const SpaceToDepth& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 1, "one operand is needed, not {}", in.size());
    CHECK_OP(C2, in[0].rank() == 4, "data {} must have four axes", to_string(in[0]));
    CHECK_OP(C3, o.block >= 1 && o.block <= kMaxBlock, "a block of {} is not possible", o.block);
    Type out = in[0];
    CHECK_OP(C4, is_static(in[0].shape), "a dynamic size cannot be divided into blocks");
    for (size_t i = 0; i < 2; ++i) {
      int64_t& n = out.shape[spatial_begin(o.layout) + i];
      CHECK_OP(C4, n % o.block == 0, "{} elements do not divide into blocks of {}", n, o.block);
      n /= o.block;
    }
    int64_t& channels = out.shape[channel_axis(o.layout, 4)];
    if (__builtin_mul_overflow(channels, o.block * o.block, &channels))
      return error(Code::kTooLarge, "a tensor's size overflows");
    TRY_STATUS(byte_size(out));
    return Types{out};
  }
  static Result<Tensors> eval(const SpaceToDepth& o, TensorsIn in) { return eval_move(o, in[0]); }
  static std::optional<LayoutChoice> permuted(const SpaceToDepth& o, TypesIn, int, const Perm& p) {
    return permuted_move(o, p);
  }
  static Status legal(const SpaceToDepth& o, TypesIn in) { return legal_move(o, in[0]); }
  static Result<bool> legalize(const SpaceToDepth& o, Rewrite& r) { return legalize_move(o, r); }

  static Result<TfliteOp> emit(const SpaceToDepth& o, TypesIn in) {
    tflite::SpaceToDepthOptionsT options;
    options.block_size = int32_t(o.block);
    return TfliteOp(BuiltinOperator::SPACE_TO_DEPTH, in[0].dtype == DType::kI8 ? 2 : 1, 1, std::move(options));
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    const auto* options = n.options_as<tflite::SpaceToDepthOptionsT>();
    if (n.code != BuiltinOperator::SPACE_TO_DEPTH || !options) return not_decoded();
    return decode_move<SpaceToDepth>(n, options->block_size);
  }

  static Result<bool> canonicalize(const SpaceToDepth& o, Rewrite& r) { return o.block == 1 ? r.replace(r.in(0)) : false; }

  static std::vector<Sample> samples() { return samples_of<SpaceToDepth>({2, 3, 8, 10}, {2, 8, 10, 3}, {2, 7, 10, 3}); }
};

}  // namespace
DEFINE_OP(DepthToSpace, DepthToSpaceFacts)
DEFINE_OP(SpaceToDepth, SpaceToDepthFacts)
}  // namespace atl
