// QuantPlan: which nodes of a float graph become integers, and the parameters of every value. Made by plan_quantization from
// the ops' own rules (QuantRule) and calibration; carried out by quantize_graph.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "ops/integer_form.h"
#include "quant/range_choice.h"

namespace atl {

/// What calibration knows of a graph's float values.
struct Calibration {
  std::map<Value, Statistics> values;
  /// By value that is data of a node with weights, for each index of its last axis: the mean, the mean square, the largest
  /// magnitude, and the mean over the samples of each one's largest.
  std::map<Value, std::vector<double>> channel_means, channel_squares, channel_reach, channel_peaks;
  /// By node: the largest magnitude of each of its inner values (IntegerFormDef::inner_values).
  std::map<uint32_t, std::vector<double>> inner_reach;
  size_t samples = 0;
  /// Adds what other samples gave.
  void merge(const Calibration& other);
};

struct PlanOptions {
  DType data = DType::kI8;  ///< of activations: i8, or i16 (int16x8)
  bool per_channel = true;  ///< one scale for each result channel of a weight, where LiteRT's kernels take it
  RangeMethod method = RangeMethod::kMse;
  /// What a node's data is to be, when not `data`: i8, i16 or f32 (kept float). By node id; kUnknown: nothing special.
  std::vector<DType> node_data;
  /// Methods of single values; those of the values that share its scale follow.
  std::map<Value, RangeMethod> methods;
  /// Ranges that are known without calibration (a camera's bytes); those of the values that share the scale follow.
  std::map<Value, Range> ranges;
  /// Of the model, while their ports are plain ones of the graph: input and output get one scale.
  std::vector<State> states;
};

/// Values that share one scale because the kernels between them hand it on.
struct ScaleGroup {
  std::vector<Value> members;
  std::vector<Value> sources;  ///< the members that are computed anew, where rounding happens
  DType data = DType::kI8;
  bool fixed = false;     ///< a kernel prescribes the parameters
  bool known = false;     ///< the range was given, not calibrated
  Statistics statistics;  ///< of the members that leave the group, and of constants joined to them; none when fixed
};

/// One node.
struct NodePlan {
  DType data = DType::kUnknown;  ///< i8 or i16: integers; f32: stays float; kUnknown: has no float operand or result
  QuantRule rule;
  std::string reason;  ///< why it stays float; empty for integers
};

class QuantPlan {
 public:
  std::vector<NodePlan> nodes;  ///< by node id
  /// The parameters with which nodes of data type `t` read value v. kUnknown parameters (no scale) for a value without
  /// statistics.
  const QuantParams& parameters(Value v, DType t) const;
  /// Those with which v is produced, which differ where a kernel prescribes them.
  Type produced(const Graph& g, Value v) const;
  /// The integer type that v is produced in; f32 when its node stays float.
  DType data_of(const Graph& g, Value v) const;
  /// The range that the parameters of v cover was chosen by this method.
  std::optional<RangeMethod> method(Value v, DType t) const;

  // By value and data type.
  struct Entry {
    QuantParams params;
    std::optional<QuantParams> fixed;  ///< of the producing kernel
    RangeMethod method = RangeMethod::kMinMax;
    size_t group = 0;
  };
  std::map<std::pair<Value, DType>, Entry> entries;
  std::vector<ScaleGroup> groups;  ///< Entry::group is the number here
  std::vector<DType> input_data;   ///< by graph input: i8, i16 or f32
  /// What stands for the -inf of masks (mask_floors).
  std::map<Value, double> mask_floors;
  /// By node (kGraphOutput: an output) and operand: the type that it is rounded to on the way there, whatever it was made as.
  std::map<std::pair<uint32_t, uint32_t>, Type> read;
  /// By integer node whose op has an IntegerFormDef.
  std::map<uint32_t, IntegerForm> forms;
};

/// Decides. The graph is the float one as it would be written. E: kInput when a value that needs a range has none (nothing was
/// calibrated) or holds NaN or infinite values, with the layer as origin.
Result<QuantPlan> plan_quantization(const Graph& g, const Calibration& calibration, const PlanOptions& options);

/// Smallest and largest value of a float constant, 0 included. E: of evaluating it; kInput for NaN or infinite values.
Result<Range> constant_range(const Constant& c);

}  // namespace atl
