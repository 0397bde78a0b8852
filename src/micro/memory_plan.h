// Where buffers lie in one block of memory when their lifetimes are known: the largest first, each at the lowest place that is
// free while it lives. This is TensorFlow Lite Micro's default planner (after Pisarchyk and Lee, "Efficient Memory Management
// for Deep Neural Net Inference", 2020, "greedy by size"), with the same order among equal sizes, so that the block has the
// same size as there.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace atl::micro {

/// A buffer that lives from step `first` to step `last`, both included.
struct Lifetime {
  int64_t bytes = 0;
  int first = 0, last = 0;
};

struct MemoryPlan {
  std::vector<int64_t> offsets;  ///< one a buffer
  int64_t bytes = 0;             ///< of the block
};

/// Plans buffers; two that live at the same step do not overlap.
MemoryPlan plan_memory(std::span<const Lifetime> buffers);

}  // namespace atl::micro
