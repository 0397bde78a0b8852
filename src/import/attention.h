// Scaled dot-product attention as import rules build it.
#pragma once
#include "import/arithmetic.h"

namespace atl {

/// What torch.nn.functional.scaled_dot_product_attention takes beside query, key and value.
struct Attention {
  Value mask;                   ///< bool (true: attend) or a float that is added to the scores; may be invalid
  bool causal = false;          ///< row i attends to columns 0..i
  std::optional<double> scale;  ///< of the scores; missing: 1 / sqrt(features)
  bool grouped = false;         ///< key and value have fewer heads (axis -3), each for a run of query heads
  Value* weights = nullptr;     ///< where to put the attention weights, if they are wanted
};

/// query [..., L, E], key [..., S, E], value [..., S, V] -> [..., L, V]: one MUL, two BATCH_MATMUL, one SOFTMAX, and an ADD
/// when there is a mask. Rows that a bool mask closes altogether give 0, as in torch.
Value attention(Builder& b, Value query, Value key, Value value, const Attention& options);

}  // namespace atl
