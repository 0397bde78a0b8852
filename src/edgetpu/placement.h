// Which operators the Edge TPU compiler maps: each judged alone, then TensorFlow Lite's partition of the graph.
#pragma once
#include <vector>

#include "edgetpu/op_rules.h"

namespace atl::edgetpu {

struct Placement {
  std::vector<Verdict> verdicts;  ///< one for each operator; kSubgraphs for those that lie behind one that stays on the CPU
  bool is_mapped(size_t op) const { return verdicts[op].status == OpStatus::kMapped; }
  size_t mapped_count() const;
};

/// Places every operator. TensorFlow Lite cuts a graph into epochs: each takes the kind (Edge TPU or CPU) of the first operator
/// that is ready and then every operator of that kind that becomes ready; the compiler takes the first epoch of the Edge TPU's.
Placement place(const SourceModel& model, Compiler compiler);

}  // namespace atl::edgetpu
