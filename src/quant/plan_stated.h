// The plan of an integer graph for a program that states its quantization itself.
#pragma once
#include "quant/quantize_graph.h"
#include "quant/stated_quantization.h"

namespace atl {

struct StatedPlan {
  QuantPlan plan;
  std::map<uint32_t, WeightRepair> weights;  ///< the program's integers, for QuantizeGraphOptions::repairs
  size_t tensors = 0;                        ///< values and weights with the program's own scales
  size_t derived = 0;                        ///< values that got one from what surrounds them, or from calibration
};

/// A node becomes integers where the program rounds what it reads and what it gives, so that the integer graph rounds where the
/// program does; everything else stays float, with the reason in its NodePlan. What lies between is derived only where no error
/// arises: through ops that choose among elements, and for functions whose results are outputs. Calibration, where there is
/// any, gives ranges to values that the program left in float; `options` says how, and which layers stay float.
/// E: of evaluating constants.
Result<StatedPlan> plan_stated_quantization(const StatedQuantization& stated, const Calibration& calibration,
                                            const PlanOptions& options);

}  // namespace atl
