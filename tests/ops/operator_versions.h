// The versions of LiteRT's operators in integer files, as LiteRT's own op_version.cc and the registered ranges of
// tflite-runtime 2.14 have them (tests compare what is written with this table).
#pragma once
#include <schema_generated.h>

#include <algorithm>
#include <array>
#include <optional>

namespace atl {

struct OperatorVersions {
  tflite::BuiltinOperator code;
  std::array<int, 3> lowest;  ///< for u8, i8 and i16 data; 0 where no kernel takes them
  int newest_2_14;            ///< that tflite-runtime 2.14 registers; 0: the operator, or its integer kernel, is younger
};

inline constexpr OperatorVersions kOperatorVersions[] = {
    {tflite::BuiltinOperator::ABS, {0, 2, 3}, 5},
    {tflite::BuiltinOperator::ADD, {1, 2, 3}, 5},
    {tflite::BuiltinOperator::ARG_MAX, {1, 2, 0}, 3},
    {tflite::BuiltinOperator::ARG_MIN, {1, 2, 0}, 3},
    {tflite::BuiltinOperator::AVERAGE_POOL_2D, {1, 2, 3}, 3},
    {tflite::BuiltinOperator::BATCH_MATMUL, {0, 2, 3}, 4},
    {tflite::BuiltinOperator::BROADCAST_TO, {2, 3, 3}, 3},
    {tflite::BuiltinOperator::CAST, {1, 3, 0}, 5},
    {tflite::BuiltinOperator::CONCATENATION, {1, 2, 3}, 4},
    {tflite::BuiltinOperator::CONV_2D, {1, 3, 1}, 7},
    {tflite::BuiltinOperator::DEPTHWISE_CONV_2D, {1, 3, 1}, 7},
    {tflite::BuiltinOperator::DEPTH_TO_SPACE, {1, 2, 0}, 2},
    {tflite::BuiltinOperator::DEQUANTIZE, {1, 2, 3}, 5},
    {tflite::BuiltinOperator::DIV, {0, 1, 1}, 0},
    {tflite::BuiltinOperator::DYNAMIC_UPDATE_SLICE, {1, 1, 4}, 1},
    {tflite::BuiltinOperator::ELU, {0, 1, 0}, 1},
    {tflite::BuiltinOperator::EQUAL, {1, 2, 0}, 4},
    {tflite::BuiltinOperator::EXP, {0, 2, 2}, 2},
    {tflite::BuiltinOperator::EXPAND_DIMS, {1, 1, 1}, 1},
    {tflite::BuiltinOperator::FULLY_CONNECTED, {1, 4, 1}, 10},
    {tflite::BuiltinOperator::GATHER, {1, 2, 4}, 6},
    {tflite::BuiltinOperator::GATHER_ND, {1, 1, 3}, 4},
    {tflite::BuiltinOperator::GELU, {2, 2, 1}, 2},
    {tflite::BuiltinOperator::GREATER, {1, 2, 0}, 2},
    {tflite::BuiltinOperator::GREATER_EQUAL, {1, 2, 3}, 3},
    {tflite::BuiltinOperator::HARD_SWISH, {1, 1, 0}, 1},
    {tflite::BuiltinOperator::L2_NORMALIZATION, {1, 2, 0}, 2},
    {tflite::BuiltinOperator::LEAKY_RELU, {1, 1, 2}, 2},
    {tflite::BuiltinOperator::LESS, {1, 2, 3}, 3},
    {tflite::BuiltinOperator::LESS_EQUAL, {1, 2, 0}, 2},
    {tflite::BuiltinOperator::LOG, {0, 2, 2}, 0},
    {tflite::BuiltinOperator::LOGISTIC, {1, 2, 3}, 3},
    {tflite::BuiltinOperator::LOG_SOFTMAX, {1, 2, 0}, 2},
    {tflite::BuiltinOperator::MAXIMUM, {1, 2, 4}, 4},
    {tflite::BuiltinOperator::MAX_POOL_2D, {1, 2, 3}, 3},
    {tflite::BuiltinOperator::MEAN, {1, 2, 3}, 3},
    {tflite::BuiltinOperator::MINIMUM, {1, 2, 4}, 4},
    {tflite::BuiltinOperator::MIRROR_PAD, {1, 2, 3}, 3},
    {tflite::BuiltinOperator::MUL, {1, 2, 4}, 7},
    {tflite::BuiltinOperator::NOT_EQUAL, {1, 2, 0}, 3},
    {tflite::BuiltinOperator::ONE_HOT, {1, 1, 0}, 1},
    {tflite::BuiltinOperator::PACK, {1, 2, 3}, 4},
    {tflite::BuiltinOperator::PAD, {1, 2, 3}, 4},
    {tflite::BuiltinOperator::PADV2, {1, 2, 3}, 4},
    {tflite::BuiltinOperator::PRELU, {1, 1, 0}, 1},
    {tflite::BuiltinOperator::QUANTIZE, {1, 1, 2}, 3},
    {tflite::BuiltinOperator::REDUCE_MAX, {1, 2, 3}, 3},
    {tflite::BuiltinOperator::REDUCE_MIN, {1, 2, 3}, 3},
    {tflite::BuiltinOperator::REDUCE_PROD, {0, 2, 2}, 2},
    {tflite::BuiltinOperator::RELU, {2, 2, 3}, 3},
    {tflite::BuiltinOperator::RELU6, {1, 2, 3}, 3},
    {tflite::BuiltinOperator::RELU_0_TO_1, {1, 1, 0}, 1},
    {tflite::BuiltinOperator::RELU_N1_TO_1, {1, 1, 0}, 1},
    {tflite::BuiltinOperator::RESHAPE, {1, 1, 1}, 1},
    {tflite::BuiltinOperator::RESIZE_BILINEAR, {1, 2, 4}, 4},
    {tflite::BuiltinOperator::RESIZE_NEAREST_NEIGHBOR, {1, 2, 4}, 4},
    {tflite::BuiltinOperator::REVERSE_V2, {1, 3, 1}, 3},
    {tflite::BuiltinOperator::RSQRT, {0, 2, 3}, 2},
    {tflite::BuiltinOperator::SCATTER_ND, {1, 1, 0}, 1},
    {tflite::BuiltinOperator::SELECT, {1, 1, 1}, 4},
    {tflite::BuiltinOperator::SELECT_V2, {1, 1, 1}, 1},
    {tflite::BuiltinOperator::SLICE, {1, 2, 4}, 6},
    {tflite::BuiltinOperator::SOFTMAX, {1, 2, 3}, 3},
    {tflite::BuiltinOperator::SPACE_TO_DEPTH, {1, 2, 0}, 2},
    {tflite::BuiltinOperator::SPLIT, {1, 2, 4}, 4},
    {tflite::BuiltinOperator::SPLIT_V, {1, 2, 1}, 2},
    {tflite::BuiltinOperator::SQRT, {0, 2, 2}, 0},
    {tflite::BuiltinOperator::SQUARED_DIFFERENCE, {0, 2, 0}, 2},
    {tflite::BuiltinOperator::SQUEEZE, {1, 1, 1}, 1},
    {tflite::BuiltinOperator::STRIDED_SLICE, {1, 2, 1}, 8},
    {tflite::BuiltinOperator::SUB, {1, 2, 5}, 5},
    {tflite::BuiltinOperator::SUM, {1, 2, 1}, 2},
    {tflite::BuiltinOperator::TANH, {1, 2, 3}, 3},
    {tflite::BuiltinOperator::TILE, {1, 3, 1}, 3},
    {tflite::BuiltinOperator::TOPK_V2, {1, 2, 3}, 3},
    {tflite::BuiltinOperator::TRANSPOSE, {1, 2, 5}, 6},
    {tflite::BuiltinOperator::TRANSPOSE_CONV, {3, 3, 3}, 4},
    {tflite::BuiltinOperator::UNIDIRECTIONAL_SEQUENCE_LSTM, {0, 1, 0}, 4},
    {tflite::BuiltinOperator::UNPACK, {2, 2, 4}, 4},
};

inline std::optional<OperatorVersions> versions_of(tflite::BuiltinOperator code) {
  for (const OperatorVersions& v : kOperatorVersions)
    if (v.code == code) return v;
  return std::nullopt;
}

/// The lowest version that expresses an operator whose data has the type of `x`; `in` and `out` are its tensors.
inline int lowest_version(const OperatorVersions& v, const tflite::OperatorT& op, const tflite::TensorT& x,
                          const std::vector<const tflite::TensorT*>& in, const tflite::TensorT& out) {
  using tflite::BuiltinOperator;
  const int lowest = v.lowest[x.type == tflite::TensorType::UINT8 ? 0 : x.type == tflite::TensorType::INT8 ? 1 : 2];
  const bool i16 = x.type == tflite::TensorType::INT16;
  const size_t rank = std::max(x.shape.size(), out.shape.size());
  const auto& options = op.builtin_options;
  const bool wide = in.size() == 2 && in[0]->shape != in[1]->shape && rank > 4;
  const auto at_least = [&](bool condition, int version) { return condition ? std::max(version, lowest) : lowest; };
  switch (v.code) {
    case BuiltinOperator::CONV_2D:
      return in[0]->shape[3] != in[1]->shape[3] ? 6 : lowest;
    case BuiltinOperator::DEPTHWISE_CONV_2D: {
      const auto* o = options.AsDepthwiseConv2DOptions();
      return at_least(o->dilation_h_factor != 1 || o->dilation_w_factor != 1, 2);
    }
    case BuiltinOperator::FULLY_CONNECTED:
      return options.AsFullyConnectedOptions()->keep_num_dims ? 5 : lowest;
    case BuiltinOperator::TRANSPOSE_CONV:
      return at_least(options.AsTransposeConvOptions()->fused_activation_function != tflite::ActivationFunctionType::NONE, 4);
    case BuiltinOperator::SUB:
    case BuiltinOperator::MAXIMUM:
    case BuiltinOperator::MINIMUM:
      return at_least(wide, 3);
    case BuiltinOperator::DIV:
      return at_least(wide, 2);
    case BuiltinOperator::MUL:
      return at_least(!i16 && double(in[0]->quantization->scale[0]) * double(in[1]->quantization->scale[0]) /
                                      double(out.quantization->scale[0]) >=
                                  1,
                      3);
    case BuiltinOperator::PAD:
    case BuiltinOperator::PADV2:
      return at_least(rank > 4, 4);
    case BuiltinOperator::TRANSPOSE:
      return at_least(rank > 4, rank > 6 ? 8 : rank > 5 ? 6 : 4);
    case BuiltinOperator::SLICE:
      return at_least(rank > 4, 5);
    case BuiltinOperator::STRIDED_SLICE:
      return at_least(rank > 4, 4);
    case BuiltinOperator::RESIZE_BILINEAR:
      return at_least(options.AsResizeBilinearOptions()->half_pixel_centers, 3);
    case BuiltinOperator::RESIZE_NEAREST_NEIGHBOR: {
      const auto* o = options.AsResizeNearestNeighborOptions();
      return at_least(o->half_pixel_centers || o->align_corners, 3);
    }
    case BuiltinOperator::QUANTIZE:
      return at_least(out.type == tflite::TensorType::INT16, 2);
    case BuiltinOperator::GATHER:
      return at_least(options.AsGatherOptions()->batch_dims != 0, 5);
    default:
      return lowest;
  }
}

}  // namespace atl
