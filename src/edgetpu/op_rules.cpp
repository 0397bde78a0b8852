#include "edgetpu/op_rules.h"

#include <algorithm>
#include <array>

#include "edgetpu/layer.h"
#include "edgetpu/memory.h"
#include "tflite/operator_versions.h"

namespace atl::edgetpu {
namespace {

using Op = tflite::BuiltinOperator;
using tflite::ActivationFunctionType;
using tflite::TensorType;

constexpr size_t kInnermost = 3;            // dimensions that the Edge TPU has
constexpr int64_t kMaxSoftmax = 16000;      // documented for 2019's compiler; compiler 16 maps 16,384
constexpr double kMaxResize = 2;            // 2 maps, 15.5 does not; nothing between was seen
constexpr int64_t kMaxResizedSide = 256;    // 128 to 256 maps, 256 to 512 does not
constexpr int64_t kMaxMeanElements = 8192;  // 64 x 128 maps, 256 x 128 does not
constexpr int64_t kChannelGroup = 4;
// Compiler 16 maps what takes up to 94,400 bytes of a tile and leaves what takes 102,400 or more: half of a tile's memory.
constexpr uint64_t kTileShare = kNarrowBytes / 2;

// An operator's row: since which compiler, and its own limits.
using Check = Verdict (*)(const SourceModel&, const SourceOp&, Compiler);
struct Rule {
  Op code;
  Compiler since;
  Check check;
};

Verdict mapped() { return {}; }
Verdict limited(std::string reason, std::string change) {
  return {OpStatus::kLimitation, std::move(reason), std::move(change)};
}
// Compiler 2.0 has a status of its own for layers of one row that have more.
Verdict many_rows(Compiler c, std::string reason, std::string change) {
  return {c == Compiler::k2_0 ? OpStatus::kManyRows : OpStatus::kLimitation, std::move(reason), std::move(change)};
}
Verdict not_constant(std::string what) {
  return {OpStatus::kNotConstant, std::move(what), "compute it once and store it as a parameter of the model"};
}

int64_t dim(const Shape& s, size_t from_end) { return s.size() >= from_end ? s[s.size() - from_end] : 1; }

// The dimensions above one.
Shape without_ones(Shape s) {
  std::erase(s, 1);
  return s;
}

int64_t product_but_last(const Shape& s) {
  int64_t n = 1;
  for (size_t i = 0; i + 1 < s.size(); ++i) n *= s[i];
  return n;
}

// The axes of an operand of axes, counted from the front; nullopt when they are not constant.
std::optional<std::vector<int64_t>> axes_of(const SourceModel& m, const SourceOp& op, size_t operand) {
  auto axes = m.ints(op, operand);
  const auto rank = int64_t(m.input(op, 0)->shape.size());
  if (axes)
    for (int64_t& a : *axes) a += a < 0 ? rank : 0;
  return axes;
}

// The batch axis of a tensor of four dimensions; others have none.
bool is_batch(const Shape& s, int64_t axis) { return s.size() == kInnermost + 1 && axis == 0; }

Verdict any(const SourceModel&, const SourceOp&, Compiler) { return mapped(); }

// A kernel of one row or one column is dilated along the other axis only.
template <class Options>
Verdict same_dilation(const SourceModel& m, const SourceOp& op) {
  const auto* o = op.options_as<Options>();
  const Shape& kernel = m.input(op, 1)->shape;
  if (o && o->dilation_w_factor() != o->dilation_h_factor() && dim(kernel, 3) > 1 && dim(kernel, 2) > 1)
    return limited(fmt::format("its dilation is {} x {}", o->dilation_h_factor(), o->dilation_w_factor()),
                   "use the same dilation for height and width");
  return mapped();
}

Verdict constant_weights(const SourceModel& m, const SourceOp& op) {
  if (const SourceTensor* w = m.input(op, 1); !w || !w->constant)
    return not_constant(fmt::format("its weight '{}' is computed", w ? w->name : ""));
  if (const SourceTensor* b = m.input(op, 2); b && !b->constant)
    return not_constant(fmt::format("its bias '{}' is computed", b->name));
  return mapped();
}

Verdict conv(const SourceModel& m, const SourceOp& op, Compiler) {
  if (auto v = constant_weights(m, op); v.status != OpStatus::kMapped) return v;
  const int64_t channels = dim(m.input(op, 0)->shape, 1), taken = dim(m.input(op, 1)->shape, 1);
  if (channels != taken)
    return limited(fmt::format("it has {} groups", taken > 0 ? channels / taken : 0), "use groups=1, or one group a channel");
  return same_dilation<tflite::Conv2DOptions>(m, op);
}

Verdict depthwise(const SourceModel& m, const SourceOp& op, Compiler) {
  if (auto v = constant_weights(m, op); v.status != OpStatus::kMapped) return v;
  return same_dilation<tflite::DepthwiseConv2DOptions>(m, op);
}

Verdict transpose_conv(const SourceModel& m, const SourceOp& op, Compiler) {
  if (const SourceTensor* w = m.input(op, 1); !w || !w->constant)
    return not_constant(fmt::format("its weight '{}' is computed", w ? w->name : ""));
  return mapped();
}

template <class Options>
Verdict no_activation(const SourceOp& op) {
  const auto* o = op.options_as<Options>();
  if (o && o->fused_activation_function() != ActivationFunctionType::NONE)
    return limited(fmt::format("it has a fused {}", tflite::EnumNameActivationFunctionType(o->fused_activation_function())),
                   "write the activation as an operator of its own");
  return mapped();
}

Verdict pool(const SourceModel&, const SourceOp& op, Compiler) { return no_activation<tflite::Pool2DOptions>(op); }

bool is_all_zero(const SourceTensor& t) {
  const int64_t zero = t.zero_point.empty() ? 0 : t.zero_point[0];
  return std::ranges::all_of(
      t.content, [&](std::byte b) { return (t.type == TensorType::INT8 ? int64_t(int8_t(b)) : int64_t(uint8_t(b))) == zero; });
}

Verdict concat(const SourceModel& m, const SourceOp& op, Compiler) {
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    const SourceTensor* t = m.input(op, i);
    if (t && t->constant && (op.inputs.size() != 2 || !is_all_zero(*t)))
      return limited(fmt::format("its operand '{}' is constant", t->name),
                     "a constant can be joined only when it is all zero and one of two operands (a padding)");
  }
  return no_activation<tflite::ConcatenationOptions>(op);
}

Verdict fully_connected(const SourceModel& m, const SourceOp& op, Compiler c) {
  if (auto v = constant_weights(m, op); v.status != OpStatus::kMapped) return v;
  const auto* o = op.options_as<tflite::FullyConnectedOptions>();
  if (o && o->weights_format() != tflite::FullyConnectedOptionsWeightsFormat::DEFAULT)
    return limited("its weights are shuffled", "use the default format of weights");
  const Shape& out = m.output(op).shape;
  if (product_but_last(out) != 1)
    return many_rows(c, fmt::format("its result {} has more than one row", to_string(out)),
                     "use a 1x1 convolution for several rows, or a batch of one");
  return mapped();
}

Verdict mean(const SourceModel& m, const SourceOp& op, Compiler c) {
  const auto axes = axes_of(m, op, 1);
  if (!axes) return not_constant("its axes are computed");
  const Shape& s = m.input(op, 0)->shape;
  int64_t elements = 1;
  for (const int64_t a : *axes) {
    if (a < 0 || a >= int64_t(s.size())) return limited(fmt::format("axis {} does not exist", a), "");
    if (is_batch(s, a)) return limited("it reduces the batch", "keep the batch axis");
    const bool is_depth = a == int64_t(s.size()) - 1;
    if (is_depth && c < Compiler::k15) return limited("it reduces the channels", "reduce height and width only");
    if (is_depth && s[size_t(a)] % kChannelGroup != 0)
      return limited(fmt::format("it reduces {} channels", s[size_t(a)]), "use a multiple of 4 channels");
    elements *= s[size_t(a)];
  }
  if (elements > kMaxMeanElements)
    return limited(fmt::format("it averages {} elements", elements), "average in two steps: a pool, then the mean");
  return mapped();
}

Verdict reduce(const SourceModel& m, const SourceOp& op, Compiler) {
  const auto axes = axes_of(m, op, 1);
  if (!axes) return not_constant("its axes are computed");
  for (const int64_t a : *axes)
    if (is_batch(m.input(op, 0)->shape, a)) return limited("it reduces the batch", "keep the batch axis");
  return mapped();
}

Verdict pack(const SourceModel& m, const SourceOp& op, Compiler) {
  const auto* o = op.options_as<tflite::PackOptions>();
  const Shape& out = m.output(op).shape;
  const int64_t axis = o ? o->axis() + (o->axis() < 0 ? int64_t(out.size()) : 0) : 0;
  if (is_batch(out, axis)) return limited("it packs along the batch", "pack along another axis");
  return mapped();
}

Verdict pad(const SourceModel& m, const SourceOp& op, Compiler c) {
  const auto pads = m.ints(op, 1);
  if (!pads) return not_constant("its paddings are computed");
  const Shape& s = m.input(op, 0)->shape;
  for (size_t i = 0; i + 1 < pads->size(); i += 2) {
    if ((*pads)[i] == 0 && (*pads)[i + 1] == 0) continue;
    if (is_batch(s, int64_t(i / 2))) return limited("it pads the batch", "pad height, width or channels");
    if (c < Compiler::k15 && i / 2 + 1 == s.size()) return limited("it pads the channels", "pad height and width only");
  }
  return mapped();
}

Verdict prelu(const SourceModel& m, const SourceOp& op, Compiler) {
  const SourceTensor* alpha = m.input(op, 1);
  if (!alpha || !alpha->constant) return not_constant("its slopes are computed");
  if (product_but_last(alpha->shape) != 1)
    return limited(fmt::format("its slopes are {}", to_string(alpha->shape)), "use one slope, or one a channel");
  return mapped();
}

Verdict resize(const SourceModel& m, const SourceOp& op, Compiler) {
  const Shape &in = m.input(op, 0)->shape, &out = m.output(op).shape;
  for (const size_t from_end : {size_t{2}, size_t{3}}) {
    const int64_t a = dim(in, from_end), b = dim(out, from_end);
    if (double(b) > kMaxResize * double(a))
      return limited(fmt::format("it enlarges {} to {}", a, b), "enlarge by 2 at most, several times if need be");
    if (b > kMaxResizedSide && b != a)
      return limited(fmt::format("it enlarges to {}", b),
                     "enlarge to 256 at most; leave the rest to the CPU at the model's end");
  }
  return mapped();
}

// Values that move between pixels pass through one tile where channels gather them; where channels are cut or kept, tiles hold
// both tensors, unless an image becomes a list whose channels are a part of the image's (a detector's head: EfficientDet maps
// 40x40x810 to 14400x90).
Verdict reshape(const SourceModel& m, const SourceOp& op, Compiler) {
  const Shape &in = m.input(op, 0)->shape, &out = m.output(op).shape;
  if (without_ones(in) == without_ones(out)) return mapped();
  const std::string change = "reshape smaller tensors, or leave it to the CPU at the model's end";
  if (dim(out, 1) > dim(in, 1))
    return count(out) <= kTileShare
               ? mapped()
               : limited(fmt::format("it gathers {} elements into longer rows, at most {} map", count(out), kTileShare),
                         change);
  const bool is_head = dim(in, 3) > 1 && dim(out, 3) == 1 && dim(out, 1) < dim(in, 1);
  if (const uint64_t bytes = std::max(tile_bytes(in), tile_bytes(out)); bytes > kTileShare && !is_head)
    return limited(fmt::format("its tensors {} and {} take {} bytes of a tile, at most {} map", to_string(in), to_string(out),
                               bytes, kTileShare),
                   change);
  return mapped();
}

Verdict transpose(const SourceModel& m, const SourceOp& op, Compiler) {
  const auto order = m.ints(op, 1);
  if (!order) return not_constant("its order of axes is computed");
  const Shape& s = m.input(op, 0)->shape;
  std::vector<int64_t> moved;
  for (const int64_t axis : *order)
    if (axis >= 0 && size_t(axis) < s.size() && s[size_t(axis)] > 1) moved.push_back(axis);
  if (!std::ranges::is_sorted(moved) && count(s) > kTileShare)
    return limited(fmt::format("it transposes {} elements, at most {} map", count(s), kTileShare),
                   "transpose smaller tensors, or leave it to the CPU at the model's end");
  return mapped();
}

Verdict split(const SourceModel& m, const SourceOp& op, Compiler) {
  const auto axis = m.ints(op, 0);
  if (!axis || axis->size() != 1 || !m.input(op, 1)) return not_constant("its axis is computed");
  const Shape& s = m.input(op, 1)->shape;
  const bool is_first = (*axis)[0] == 0 || (*axis)[0] == -int64_t(s.size());
  if (op.outputs.size() > 1 && is_first && s.size() > 1) return limited("it splits the first axis", "split along another axis");
  return mapped();
}

// Dropping a dimension of size one costs nothing only while the others keep their places: the dropped ones lead.
Verdict squeeze(const SourceModel& m, const SourceOp& op, Compiler) {
  const Shape &in = m.input(op, 0)->shape, &out = m.output(op).shape;
  Shape a = in, b = out;
  while (!a.empty() && a[0] == 1) a.erase(a.begin());
  while (!b.empty() && b[0] == 1) b.erase(b.begin());
  if (a != b)
    return limited(fmt::format("it drops inner dimensions ({} to {})", to_string(in), to_string(out)),
                   "drop leading dimensions only");
  return mapped();
}

Verdict strided_slice(const SourceModel& m, const SourceOp& op, Compiler) {
  const auto* o = op.options_as<tflite::StridedSliceOptions>();
  const auto strides = m.ints(op, 3);
  if (!strides) return not_constant("its strides are computed");
  if (std::ranges::any_of(*strides, [](int64_t s) { return s != 1; }))
    return limited("it has steps other than 1", "slice with step 1, or use a convolution with stride");
  if (o && (o->ellipsis_mask() != 0 || o->new_axis_mask() != 0)) return limited("it adds dimensions", "use a reshape");
  return mapped();
}

Verdict softmax(const SourceModel& m, const SourceOp& op, Compiler c) {
  if (c >= Compiler::k16) return mapped();
  const Shape& s = m.input(op, 0)->shape;
  if (product_but_last(s) != 1)
    return many_rows(c, fmt::format("its operand {} has more than one row", to_string(s)), "use compiler 16");
  if (dim(s, 1) > kMaxSoftmax)
    return limited(fmt::format("it has {} elements, {} are allowed", dim(s, 1), kMaxSoftmax), "use compiler 16");
  return mapped();
}

Verdict quantize(const SourceModel& m, const SourceOp& op, Compiler) {
  if (!m.input(op, 0)->is_8_bit() || !m.output(op).is_8_bit())
    return limited(fmt::format("it turns {} into {}", tflite::EnumNameTensorType(m.input(op, 0)->type),
                               tflite::EnumNameTensorType(m.output(op).type)),
                   "give the model 8-bit inputs");
  return mapped();
}

constexpr std::array kRules = {
    Rule{Op::ADD, Compiler::k2_0, any},
    Rule{Op::AVERAGE_POOL_2D, Compiler::k2_0, pool},
    Rule{Op::CONCATENATION, Compiler::k2_0, concat},
    Rule{Op::CONV_2D, Compiler::k2_0, conv},
    Rule{Op::DEPTHWISE_CONV_2D, Compiler::k2_0, depthwise},
    Rule{Op::EXPAND_DIMS, Compiler::k2_0, any},
    Rule{Op::FULLY_CONNECTED, Compiler::k2_0, fully_connected},
    Rule{Op::L2_NORMALIZATION, Compiler::k2_0, any},
    Rule{Op::LOGISTIC, Compiler::k2_0, any},
    Rule{Op::UNIDIRECTIONAL_SEQUENCE_LSTM, Compiler::k15, any},
    Rule{Op::MAXIMUM, Compiler::k2_0, any},
    Rule{Op::MINIMUM, Compiler::k2_0, any},
    Rule{Op::MAX_POOL_2D, Compiler::k2_0, pool},
    Rule{Op::MEAN, Compiler::k2_0, mean},
    Rule{Op::MUL, Compiler::k2_0, any},
    Rule{Op::PACK, Compiler::k2_0, pack},
    Rule{Op::PAD, Compiler::k2_0, pad},
    Rule{Op::PRELU, Compiler::k15, prelu},
    Rule{Op::QUANTIZE, Compiler::k2_0, quantize},
    Rule{Op::REDUCE_MAX, Compiler::k15, reduce},
    Rule{Op::REDUCE_MIN, Compiler::k15, reduce},
    Rule{Op::RELU, Compiler::k2_0, any},
    Rule{Op::RELU6, Compiler::k2_0, any},
    Rule{Op::RELU_N1_TO_1, Compiler::k2_0, any},
    Rule{Op::RESHAPE, Compiler::k2_0, reshape},
    Rule{Op::RESIZE_BILINEAR, Compiler::k2_0, resize},
    Rule{Op::RESIZE_NEAREST_NEIGHBOR, Compiler::k2_0, resize},
    Rule{Op::RSQRT, Compiler::k15, any},
    Rule{Op::SLICE, Compiler::k2_0, any},
    Rule{Op::SOFTMAX, Compiler::k2_0, softmax},
    Rule{Op::SPACE_TO_DEPTH, Compiler::k2_0, any},
    Rule{Op::SPLIT, Compiler::k2_0, split},
    Rule{Op::SQUARED_DIFFERENCE, Compiler::k15, any},
    Rule{Op::SQUEEZE, Compiler::k2_0, squeeze},
    Rule{Op::STRIDED_SLICE, Compiler::k2_0, strided_slice},
    Rule{Op::SUB, Compiler::k2_0, any},
    Rule{Op::SUM, Compiler::k2_0, reduce},
    Rule{Op::TANH, Compiler::k2_0, any},
    Rule{Op::TILE, Compiler::k16, any},
    Rule{Op::TRANSPOSE, Compiler::k16, transpose},
    Rule{Op::TRANSPOSE_CONV, Compiler::k2_0, transpose_conv},
};

// Reports name versions 3 of the resizes (half_pixel_centers) as too new for 14.1 and 15.
int newest_version(const Rule& rule, Compiler c) {
  const bool resizes = rule.code == Op::RESIZE_BILINEAR || rule.code == Op::RESIZE_NEAREST_NEIGHBOR;
  return resizes && c < Compiler::k16 ? 2 : highest_version(rule.code, TargetKind::kCoral);
}

std::string fallback_change(const SourceOp& op) {
  switch (op.code) {
    case Op::LEAKY_RELU:
      return "use ReLU, or max(x, a*x)";
    case Op::HARD_SWISH:
      return "use x * relu6(x + 3) / 6 as single operators";
    case Op::GATHER:
    case Op::GATHER_ND:
      return "use slices where the indices are fixed";
    case Op::BATCH_MATMUL:
      return "use a linear layer where one side is constant";
    case Op::ARG_MAX:
    case Op::TOPK_V2:
    case Op::DEQUANTIZE:
      return "leave it to the CPU at the model's end";
    default:
      return "replace it, or move it to the model's end, where the CPU can run it";
  }
}

// Operands that hold sizes, axes and paddings, biases and states are no activations.
bool is_activation(const SourceTensor& t) { return !t.constant && !t.variable; }

Verdict check_types(const SourceModel& m, const SourceOp& op) {
  const auto refused = [](const SourceTensor& t) {
    return Verdict{OpStatus::kDataType, fmt::format("tensor '{}' is {}", t.name, tflite::EnumNameTensorType(t.type)),
                   "quantize it to 8-bit integers"};
  };
  for (const int i : op.outputs)
    if (const SourceTensor& t = m.tensors[size_t(i)]; !t.is_8_bit()) return refused(t);
  for (const int i : op.inputs)
    if (i >= 0 && is_activation(m.tensors[size_t(i)]) && !m.tensors[size_t(i)].is_8_bit()) return refused(m.tensors[size_t(i)]);
  return mapped();
}

// The first refusal of a result or an operand that is an activation.
template <class Check>
Verdict first_refusal(const SourceModel& m, const SourceOp& op, Check&& check) {
  for (const std::vector<int>* tensors : {&op.outputs, &op.inputs})
    for (const int i : *tensors)
      if (i >= 0 && is_activation(m.tensors[size_t(i)]))
        if (auto v = check(m.tensors[size_t(i)]); v.status != OpStatus::kMapped) return v;
  return mapped();
}

Verdict check_rank(const SourceModel& m, const SourceOp& op) {
  return first_refusal(m, op, [](const SourceTensor& t) {
    for (size_t d = 0; d + kInnermost < t.shape.size(); ++d)
      if (t.shape[d] > 1)
        return Verdict{OpStatus::kRank, fmt::format("tensor '{}' is {}", t.name, to_string(t.shape)),
                       "use a batch of one and at most three dimensions above one"};
    return mapped();
  });
}

// An image can be cut into rows and a list of pixels into parts; rows of more channels than pixels cannot.
Verdict check_rows(const SourceModel& m, const SourceOp& op) {
  return first_refusal(m, op, [](const SourceTensor& t) {
    const uint64_t bytes = row_bytes(t.shape);
    if (bytes <= kTileShare || dim(t.shape, 2) >= dim(t.shape, 1)) return mapped();
    return limited(fmt::format("a row of tensor '{}' ({}) takes {} bytes of a tile, at most {} map", t.name, to_string(t.shape),
                               bytes, kTileShare),
                   "make the last two axes smaller, or leave it to the CPU at the model's end");
  });
}

}  // namespace

std::string_view name(Compiler c) {
  constexpr std::array<std::string_view, 4> names = {"2.0", "2.1", "15", "16"};
  return names[size_t(c)];
}

Result<Compiler> compiler_from_name(std::string_view s) {
  for (const Compiler c : {Compiler::k2_0, Compiler::k2_1, Compiler::k15, Compiler::k16})
    if (name(c) == s) return c;
  return error(Code::kUsage, fmt::format("compiler '{}' is not known", s), "use 2.0, 2.1, 15 or 16");
}

std::string_view text(OpStatus s) {
  constexpr std::array<std::string_view, 9> texts = {
      "Mapped to Edge TPU",
      "Operation not supported",
      "Operation version not supported",
      "Operation is working on an unsupported data type",
      "Operation is otherwise supported, but not mapped due to some unspecified limitation",
      "More than one subgraph is not supported",
      "Tensor has unsupported rank (up to 3 innermost dimensions mapped)",
      "Filter, bias, or other param is not constant at compile-time",
      "For example, a fully-connected or softmax layer with 2D output",
  };
  return texts[size_t(s)];
}

Verdict judge(const SourceModel& model, const SourceOp& op, Compiler compiler) {
  if (op.code == Op::CUSTOM || op.code == Op::DEQUANTIZE)
    return {OpStatus::kDataType,
            op.code == Op::CUSTOM ? fmt::format("{} is a custom operator", op.name) : "its result is not an 8-bit integer",
            fallback_change(op)};
  const auto rule = std::ranges::find(kRules, op.code, &Rule::code);
  if (rule == kRules.end())
    return {OpStatus::kNotSupported, fmt::format("the Edge TPU has no {}", op.name), fallback_change(op)};
  if (compiler < rule->since)
    return {OpStatus::kNotSupported, fmt::format("compiler {} does not know {}", name(compiler), op.name),
            fmt::format("use compiler {}", name(rule->since))};
  if (op.version > newest_version(*rule, compiler))
    return {OpStatus::kVersion,
            fmt::format("version {} of {} is used, compiler {} knows {}", op.version, op.name, name(compiler),
                        newest_version(*rule, compiler)),
            "convert with --target coral, which writes the versions that the compiler knows"};
  if (op.code != Op::QUANTIZE)
    if (auto v = check_types(model, op); v.status != OpStatus::kMapped) return v;
  if (!model.input(op, 0)) return {OpStatus::kNotSupported, "it has no operand", ""};
  Verdict own = rule->check(model, op, compiler);
  if (own.status == OpStatus::kNotConstant) return own;
  if (auto v = check_rank(model, op); v.status != OpStatus::kMapped) return v;
  if (own.status != OpStatus::kMapped) return own;
  return check_rows(model, op);
}

}  // namespace atl::edgetpu
