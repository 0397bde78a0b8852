// Quantization that a program states itself, with quantize and dequantize nodes and weights that are integers already (PT2E,
// QAT): apart from the float graph that it rounds.
#pragma once
#include <map>
#include <optional>

#include "ir/graph.h"

namespace atl {

/// What a program says of a weight that it stores as integers.
struct StatedScales {
  std::vector<float> scales;     ///< one, or one for each index of an axis
  std::vector<int32_t> largest;  ///< magnitude of the integers of each
};

struct StatedQuantization {
  /// The float graph: without the quantize and dequantize nodes between its layers. Node ids are as they were.
  Graph graph;
  /// By value of `graph`: the integer type (i8 or i16) that it is rounded to.
  std::map<Value, Type> made;
  /// By node (kGraphOutput: an output) and operand: the type in which it reads its operand. Others read what was not rounded.
  std::map<std::pair<uint32_t, uint32_t>, Type> read;
  /// By name of the constant: those of the weights that are dequantized in the graph. What has been folded is not found.
  std::map<std::string, StatedScales> weights;
};

/// Takes a graph apart. Values of u8 become i8 with the same steps. Nodes that round in another way than a value that is made
/// once and read once or twice rounded stay where they are. E: kInternal; of evaluating constants.
Result<StatedQuantization> take_stated_quantization(Graph g);

/// The integers of a weight.
struct StatedWeight {
  Tensor integers;            ///< i8, of the weight's shape
  std::vector<float> scales;  ///< one, or one for each index of the axis
};

/// The integers that a float constant was computed from: those that the program's scales give, or these times a factor for each
/// index of `axis` (-1: for everything). Exact, or nullopt. E: of evaluating the constant.
Result<std::optional<StatedWeight>> stated_weight(const Constant& weight, const StatedScales& scales, int axis);

}  // namespace atl
