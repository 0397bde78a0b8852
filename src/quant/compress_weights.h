// Smaller weights under float activations.
#pragma once
#include "quant/quantize_graph.h"

namespace atl {

enum class WeightForm {
  kFloat16,  ///< every large constant in half precision, made f32 when the file is loaded
  kInt8,     ///< weights and tables i8 with a scale for each result channel, made f32 when the file is loaded
  kInt4,     ///< the same with four bits
  kHybrid,   ///< weights i8 where LiteRT has kernels that take them beside f32 data (and quantize the data while they run)
};

struct CompressOptions {
  WeightForm form = WeightForm::kFloat16;
  bool per_channel = true;
  std::vector<bool> keep;  ///< by node: its operands stay as they are; may be empty
};

/// Constants below this many elements stay as they are.
inline constexpr int64_t kMinCompressedElements = 1024;

/// The graph with smaller weights. Weights become recipes over the float constants. E: of evaluating weights; kInput for NaN or
/// infinite ones.
Result<QuantizedGraph> compress_weights(const Graph& g, const CompressOptions& options);

}  // namespace atl
