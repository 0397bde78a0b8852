// The integer graph that a plan asks for.
#pragma once
#include <map>

#include "quant/plan.h"

namespace atl {

/// The element type of the written model's float inputs, or outputs.
enum class InterfaceType {
  kFloat32,  ///< the model quantizes and dequantizes itself
  kInt8,
  kUint8,
};
constexpr std::array<std::string_view, 3> enum_names(InterfaceType) { return {"float32", "int8", "uint8"}; }

/// What repair has found for a node with weights, in place of rounding them to nearest.
struct WeightRepair {
  std::optional<Tensor> integers;  ///< of the weight's shape, i8; with `scales`
  std::vector<float> scales;       ///< by index of the weight's axis
  std::vector<float> bias_shift;   ///< added to the float bias, by result channel
};

struct QuantizeGraphOptions {
  InterfaceType inputs = InterfaceType::kFloat32, outputs = InterfaceType::kFloat32;
  bool per_channel = true;
  bool per_channel_dense = true;             ///< of weights with two axes
  std::map<uint32_t, WeightRepair> repairs;  ///< by node of the float graph
};

struct QuantizedGraph {
  Graph graph;
  /// By value of the float graph: the value in `graph` that stands for it as it was produced. Absent where there is none.
  std::map<Value, Value> values;
};

/// Builds it. Weights become recipes over the float constants, so that no byte is copied before the file is written.
/// E: legal_integer's of the ops, with the layer as origin; of evaluating constants.
Result<QuantizedGraph> quantize_graph(const Graph& g, const QuantPlan& plan, const QuantizeGraphOptions& options = {});

/// Biases go up to this many steps, which leaves room in 32 bits for the sum of products.
inline constexpr double kMaxBiasSteps = double(int64_t(1) << 30);

/// The scales that the weight of a node gets: weight_scales(), moved up where the bias would need more than 2^30 steps. Those
/// of its repair, where it has one. E: of evaluating constants.
Result<std::vector<float>> scales_of_node(const Graph& g, const QuantPlan& plan, uint32_t id,
                                          const QuantizeGraphOptions& options);

/// The scales of a weight: the largest magnitude of each slice along `axis` (-1: of all) by 127. A slice of zeros takes the
/// smallest scale of the others.
/// E: of evaluating it; kInput for NaN or infinite values.
Result<std::vector<float>> weight_scales(const Constant& weight, int axis);

}  // namespace atl
