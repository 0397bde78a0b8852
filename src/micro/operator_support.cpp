#include "micro/operator_support.h"

#include <algorithm>
#include <array>

namespace atl::micro {
namespace {

using Op = tflite::BuiltinOperator;

// Sets of element types.
using TypeSet = uint32_t;
constexpr TypeSet of(DType t) { return TypeSet{1} << unsigned(t); }
constexpr TypeSet kF = of(DType::kF32), kI8 = of(DType::kI8), kI16 = of(DType::kI16), kI32 = of(DType::kI32),
                  kI64 = of(DType::kI64), kU8 = of(DType::kU8), kU32 = of(DType::kU32), kBool = of(DType::kBool);
constexpr TypeSet kF8 = kF | kI8, kF816 = kF8 | kI16, kF81632 = kF816 | kI32, kAny = ~TypeSet{0};

constexpr size_t kAnyRank = 99;

// `operand` is the one whose type chooses the kernel; `max_rank` limits it and the result.
using Check = Refusal (*)(const OperatorForm&);
struct Row {
  Op code;
  std::string_view function;
  TypeSet types;
  size_t operand = 0, max_rank = kAnyRank;
  Check check = nullptr;
};

Refusal same_type_result(const OperatorForm& op) {
  if (op.inputs[0].dtype == op.outputs[0].dtype) return {};
  return {fmt::format("the kernel of {} gives the type that it takes, {} is asked of {}", op.name, name(op.outputs[0].dtype),
                      name(op.inputs[0].dtype)),
          "quantize the whole model"};
}

Refusal weighted(const OperatorForm& op) {
  const DType x = op.inputs[0].dtype, w = op.inputs[1].dtype;
  const bool fits = x == DType::kF32 ? w == DType::kF32 : w == DType::kI8 || (w == DType::kI4 && x == DType::kI8);
  if (fits) return same_type_result(op);
  return {fmt::format("the kernel of {} does not take weights of {} with values of {}", op.name, name(w), name(x)),
          "quantize the whole model: --quantize int8"};
}

Refusal transpose_conv(const OperatorForm& op) {
  const DType x = op.inputs[2].dtype, w = op.inputs[1].dtype;
  if (x == DType::kF32 ? w == DType::kF32 : w == DType::kI8) return {};
  return {fmt::format("the kernel of {} does not take weights of {} with values of {}", op.name, name(w), name(x)),
          "quantize the whole model: --quantize int8"};
}

// Pairs of types of QUANTIZE; an integer to another one is a requantization.
Refusal quantize(const OperatorForm& op) {
  const DType from = op.inputs[0].dtype, to = op.outputs[0].dtype;
  TypeSet allowed = 0;
  if (from == DType::kF32) allowed = kI8 | kI16;
  if (from == DType::kI8) allowed = kI8 | kU8 | kI16 | kI32;
  if (from == DType::kU8) allowed = kI8;
  if (from == DType::kI16) allowed = kI8 | kI16 | kI32;
  if (from == DType::kI32) allowed = kI8 | kI16;
  if (allowed & of(to)) return {};
  return {fmt::format("the kernel of QUANTIZE does not make {} of {}", name(to), name(from)), "use --io int8"};
}

Refusal to_float(const OperatorForm& op) {
  if (op.outputs[0].dtype == DType::kF32) return {};
  return {fmt::format("the kernel of DEQUANTIZE does not give {}", name(op.outputs[0].dtype)), "use --io int8"};
}

Refusal cast(const OperatorForm& op) {
  if ((kF81632 | kU32 | kBool) & of(op.outputs[0].dtype)) return {};
  return {fmt::format("the kernel of CAST does not give {}", name(op.outputs[0].dtype)),
          "make the model's results i32 or float: tensor.to(torch.int32)"};
}

Refusal small_index(const OperatorForm& op) {
  if (op.outputs[0].dtype == DType::kI32) return {};
  return {fmt::format("the kernel of {} gives i32, {} is asked", op.name, name(op.outputs[0].dtype)),
          "leave it out of the model, or make its result int32"};
}

Refusal small_indices(const OperatorForm& op) {
  if (op.inputs[1].dtype == DType::kI32) return {};
  return {fmt::format("the kernel of {} takes i32 indices, not {}", op.name, name(op.inputs[1].dtype)),
          "make the indices int32"};
}

Refusal blocks(const OperatorForm& op) {
  if (op.inputs[0].rank() >= 3) return {};
  return {fmt::format("the kernel of {} takes 3 or 4 axes, not {}", op.name, op.inputs[0].rank()), "add an axis of size 1"};
}

// A kernel that was not made for it reads the first scale of a tensor with one for each channel, and computes something else.
Refusal one_scale(const OperatorForm& op) {
  constexpr std::array kWeighted = {Op::CONV_2D, Op::DEPTHWISE_CONV_2D, Op::FULLY_CONNECTED, Op::TRANSPOSE_CONV};
  if (std::ranges::find(kWeighted, op.code) != kWeighted.end()) return {};
  for (const Type& t : op.inputs)
    if (t.quant && t.quant->scale.size() > 1)
      return {fmt::format("the kernel of {} takes one scale for a tensor, not one a channel", op.name),
              "quantize the whole model: --quantize int8"};
  return {};
}

constexpr size_t k4 = 4, k5 = 5;

// By the operators' names.
constexpr std::array kRows = std::to_array<Row>({
    {Op::ABS, "AddAbs", kF816},
    {Op::ADD, "AddAdd", kF81632, 0, k4, same_type_result},
    {Op::ADD_N, "AddAddN", kF8},
    {Op::ARG_MAX, "AddArgMax", kF8, 0, kAnyRank, small_index},
    {Op::ARG_MIN, "AddArgMin", kF8, 0, kAnyRank, small_index},
    {Op::AVERAGE_POOL_2D, "AddAveragePool2D", kF816},
    {Op::BATCH_MATMUL, "AddBatchMatMul", kF816, 0, k5, same_type_result},
    {Op::BATCH_TO_SPACE_ND, "AddBatchToSpaceNd", kF8, 0, k4, blocks},
    {Op::BROADCAST_ARGS, "AddBroadcastArgs", kI32 | kI64},
    {Op::BROADCAST_TO, "AddBroadcastTo", kAny, 0, k5},
    {Op::CAST, "AddCast", kF81632 | kU32, 0, kAnyRank, cast},
    {Op::CEIL, "AddCeil", kF},
    {Op::CONCATENATION, "AddConcatenation", kF81632 | kI64 | kBool},
    {Op::CONV_2D, "AddConv2D", kF816, 0, kAnyRank, weighted},
    {Op::COS, "AddCos", kF},
    {Op::CUMSUM, "AddCumSum", kF8},
    {Op::DEPTH_TO_SPACE, "AddDepthToSpace", kF8},
    {Op::DEPTHWISE_CONV_2D, "AddDepthwiseConv2D", kF816, 0, kAnyRank, weighted},
    {Op::DEQUANTIZE, "AddDequantize", kI8 | kI16 | kU8, 0, kAnyRank, to_float},
    {Op::DIV, "AddDiv", kF8 | kI32},
    {Op::DYNAMIC_UPDATE_SLICE, "AddDynamicUpdateSlice", kF81632 | kI64},
    {Op::ELU, "AddElu", kF8},
    {Op::EQUAL, "AddEqual", kF8 | kI32 | kI64 | kBool, 0, k4},
    {Op::EXP, "AddExp", kF},
    {Op::EXPAND_DIMS, "AddExpandDims", kF816},
    {Op::FILL, "AddFill", kF8 | kI32, 1},
    {Op::FLOOR, "AddFloor", kF},
    {Op::FLOOR_DIV, "AddFloorDiv", kF, 0, k4},
    {Op::FLOOR_MOD, "AddFloorMod", kF, 0, k4},
    {Op::FULLY_CONNECTED, "AddFullyConnected", kF816, 0, kAnyRank, weighted},
    {Op::GATHER, "AddGather", kF8, 0, kAnyRank, small_indices},
    {Op::GATHER_ND, "AddGatherNd", kF8, 0, kAnyRank, small_indices},
    {Op::GREATER, "AddGreater", kF81632 | kI64, 0, k4},
    {Op::GREATER_EQUAL, "AddGreaterEqual", kF8 | kI32 | kI64, 0, k4},
    {Op::HARD_SWISH, "AddHardSwish", kF8},
    {Op::L2_NORMALIZATION, "AddL2Normalization", kF8},
    {Op::L2_POOL_2D, "AddL2Pool2D", kF},
    {Op::LEAKY_RELU, "AddLeakyRelu", kF816},
    {Op::LESS, "AddLess", kF8 | kI32 | kI64, 0, k4},
    {Op::LESS_EQUAL, "AddLessEqual", kF8 | kI32 | kI64, 0, k4},
    {Op::LOG, "AddLog", kF},
    {Op::LOG_SOFTMAX, "AddLogSoftmax", kF8},
    {Op::LOGICAL_AND, "AddLogicalAnd", kBool, 0, k4},
    {Op::LOGICAL_NOT, "AddLogicalNot", kBool},
    {Op::LOGICAL_OR, "AddLogicalOr", kBool, 0, k4},
    {Op::LOGISTIC, "AddLogistic", kF816},
    {Op::MAX_POOL_2D, "AddMaxPool2D", kF816},
    {Op::MAXIMUM, "AddMaximum", kF81632 | kI64, 0, k4},
    {Op::MEAN, "AddMean", kF816, 0, kAnyRank, same_type_result},
    {Op::MINIMUM, "AddMinimum", kF81632 | kI64, 0, k4},
    {Op::MIRROR_PAD, "AddMirrorPad", kF8},
    {Op::MUL, "AddMul", kF81632, 0, k4, same_type_result},
    {Op::NEG, "AddNeg", kF8},
    {Op::NOT_EQUAL, "AddNotEqual", kF8 | kI32 | kI64 | kBool, 0, k4},
    {Op::PACK, "AddPack", kF81632 | kI64},
    {Op::PAD, "AddPad", kF81632, 0, k4},
    {Op::PADV2, "AddPadV2", kF81632, 0, k4},
    {Op::PRELU, "AddPrelu", kF816, 0, k4},
    {Op::QUANTIZE, "AddQuantize", kF81632 | kU8, 0, kAnyRank, quantize},
    {Op::REDUCE_ALL, "AddReduceAll", kBool},
    {Op::REDUCE_MAX, "AddReduceMax", kF8},
    {Op::REDUCE_MIN, "AddReduceMin", kF8},
    {Op::RELU, "AddRelu", kF816},
    {Op::RELU6, "AddRelu6", kF816},
    {Op::RESHAPE, "AddReshape", kAny},
    {Op::RESIZE_BILINEAR, "AddResizeBilinear", kF8},
    {Op::RESIZE_NEAREST_NEIGHBOR, "AddResizeNearestNeighbor", kF816 | kI32},
    {Op::REVERSE_V2, "AddReverseV2", kF81632 | kI64 | kU8 | kBool},
    {Op::ROUND, "AddRound", kF},
    {Op::RSQRT, "AddRsqrt", kF816},
    {Op::SELECT_V2, "AddSelectV2", kF816, 1, k5},
    {Op::SHAPE, "AddShape", kAny},
    {Op::SIN, "AddSin", kF},
    {Op::SLICE, "AddSlice", kF81632 | kBool, 0, k5},
    {Op::SOFTMAX, "AddSoftmax", kF816},
    {Op::SPACE_TO_BATCH_ND, "AddSpaceToBatchNd", kF8, 0, k4, blocks},
    {Op::SPACE_TO_DEPTH, "AddSpaceToDepth", kF8},
    {Op::SPLIT, "AddSplit", kF81632, 1},
    {Op::SPLIT_V, "AddSplitV", kF81632},
    {Op::SQRT, "AddSqrt", kF},
    {Op::SQUARE, "AddSquare", kF},
    {Op::SQUARED_DIFFERENCE, "AddSquaredDifference", kF81632, 0, k4},
    {Op::SQUEEZE, "AddSqueeze", kAny},
    {Op::STRIDED_SLICE, "AddStridedSlice", kF81632 | kBool, 0, k4},
    {Op::SUB, "AddSub", kF81632, 0, kAnyRank, same_type_result},
    {Op::SUM, "AddSum", kF816, 0, kAnyRank, same_type_result},
    {Op::SVDF, "AddSvdf", kF8},
    {Op::TANH, "AddTanh", kF816},
    {Op::TRANSPOSE, "AddTranspose", kF816, 0, k5},
    {Op::TRANSPOSE_CONV, "AddTransposeConv", kF816, 2, kAnyRank, transpose_conv},
    {Op::UNIDIRECTIONAL_SEQUENCE_LSTM, "AddUnidirectionalSequenceLSTM", kF816},
    {Op::UNPACK, "AddUnpack", kF81632},
    {Op::ZEROS_LIKE, "AddZerosLike", kF8 | kI32 | kI64},
});

// Custom operators that TensorFlow Lite Micro has under LiteRT's names.
constexpr std::string_view kDetection = "TFLite_Detection_PostProcess";

// What to do about an operator that there is not.
std::string_view hint_for(Op code) {
  if (code == Op::GELU) return "use nn.GELU(approximate='tanh'), or --allow-approximate";
  return "use another operator, or leave that part to the program around the model";
}

const Row* row_of(Op code) {
  const auto at = std::ranges::find(kRows, code, &Row::code);
  return at == kRows.end() ? nullptr : &*at;
}

std::vector<DType> types_of(TypeSet set) {
  std::vector<DType> out;
  if (set == kAny) return out;
  for (unsigned t = 0; t < unsigned(DType::kUnknown); ++t)
    if (set & of(DType(t))) out.push_back(DType(t));
  return out;
}

std::string text_of(TypeSet set) {
  std::string text;
  for (const DType t : types_of(set)) text += (text.empty() ? "" : ", ") + std::string(name(t));
  return text;
}

}  // namespace

Refusal check(const OperatorForm& op) {
  if (op.code == Op::CUSTOM) {
    if (op.name == kDetection) return {};
    return {fmt::format("TensorFlow Lite Micro has no operator '{}'", op.name),
            "leave that part to the program around the model"};
  }
  const Row* row = row_of(op.code);
  if (!row) return {fmt::format("TensorFlow Lite Micro has no {}", op.name), std::string(hint_for(op.code))};
  if (op.inputs.size() <= row->operand || op.outputs.empty())
    return {fmt::format("{} lacks operands", op.name), "convert the model again"};
  const Type& x = op.inputs[row->operand];
  if (!(row->types & of(x.dtype))) {
    const bool float_kernel = (row->types & kF) && x.quant && x.dtype != DType::kU8;
    return {fmt::format("the kernel of {} takes {}, not {}", op.name, text_of(row->types), name(x.dtype)),
            float_kernel            ? "let the layer stay float: --keep-float NAME"
            : x.dtype == DType::kU8 ? "quantize the model to int8"
                                    : "change the types around it"};
  }
  // Elementwise kernels count axes only where they broadcast.
  const bool same = op.inputs.size() > 1 && op.inputs[1].shape == x.shape && op.outputs[0].shape == x.shape;
  for (const Type* t : {&x, &op.outputs[0]})
    if (t->rank() > row->max_rank && !same)
      return {fmt::format("the kernel of {} takes {} axes at most, not {}", op.name, row->max_rank, to_string(t->shape)),
              "fold axes into one another with a reshape before it"};
  if (Refusal r = one_scale(op); r.refused()) return r;
  return row->check ? row->check(op) : Refusal{};
}

std::string_view resolver_function(tflite::BuiltinOperator code, std::string_view custom_name) {
  if (code == Op::CUSTOM) return custom_name == kDetection ? "AddDetectionPostprocess" : std::string_view{};
  const Row* row = row_of(code);
  return row ? row->function : std::string_view{};
}

std::vector<SupportedOperator> supported_operators() {
  std::vector<SupportedOperator> out;
  for (const Row& r : kRows) out.push_back({r.code, r.function, types_of(r.types)});
  return out;
}

}  // namespace atl::micro
