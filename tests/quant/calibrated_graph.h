// Calibration of small graphs by the ops' own eval.
#pragma once
#include "ir/evaluator.h"
#include "pass/graph_eval.h"
#include "quant/plan.h"

namespace atl {

/// Statistics of every float value, from the ops' own eval.
inline Calibration calibrated(const Graph& g, const std::vector<Tensors>& samples) {
  Calibration c;
  Evaluator evaluator(g);
  for (const Tensors& inputs : samples) {
    for (size_t i = 0; i < inputs.size(); ++i)
      if (inputs[i].dtype() == DType::kF32) c.values[g.inputs()[i].value].observe(inputs[i].values<float>());
    Tensors outputs;
    auto done = evaluator.run(inputs, outputs, [&](const Evaluator::Step& s) {
      for (uint32_t k = 0; k < s.results.size(); ++k)
        if (s.results[k].dtype() == DType::kF32) c.values[{s.id, k}].observe(s.results[k].values<float>());
      return true;
    });
    EXPECT_TRUE(done) << (done ? "" : format(done.error()));
  }
  c.samples = samples.size();
  return c;
}

}  // namespace atl
