// How much memory TensorFlow Lite Micro needs for a model.
#pragma once
#include <algorithm>
#include <cstdint>

#include "edgetpu/source_model.h"

namespace atl::micro {

/// Parts of the arena, in bytes. The activations are what the planner computes and the kernels ask for, exactly (reference
/// kernels). The rest bounds what the interpreter keeps beside them on a machine with 64-bit pointers; with 32-bit pointers it
/// is less. Kernels of other makers (CMSIS-NN) may ask for more.
struct ArenaEstimate {
  int64_t activations = 0;  ///< tensors and the kernels' scratch buffers, at their places
  int64_t planning = 0;     ///< tables of the planner, in the room of the activations before they are there
  int64_t tensors = 0;      ///< descriptions of tensors
  int64_t operators = 0;    ///< descriptions of operators, with their options and what their kernels keep
  int64_t interpreter = 0;  ///< what does not depend on the model
  int64_t total() const { return std::max(activations, planning) + tensors + operators + interpreter; }
};

/// Estimates a model of one graph with static shapes. E: kUnsupportedForm for several graphs, kSymbolic for an open dimension
/// other than the batch, which TensorFlow Lite Micro takes as 1.
Result<ArenaEstimate> estimate_arena(const edgetpu::SourceModel& model);

}  // namespace atl::micro
