// Loops over the steps of a sequence, as import rules build them.
#pragma once
#include <functional>

#include "ir/rewrite.h"

namespace atl {

/// What one step gives.
struct LoopStep {
  Values carried;    ///< for the next step, of the types of the loop's
  Values collected;  ///< one element along the axis of its Collected, the other axes whole
};

/// A loop that counts its steps: While, with what the steps take from sequences and what they give, collected into tensors.
struct CountedLoop {
  struct Sequence {
    Value value;
    size_t axis = 0;  ///< each step takes one element of it
  };
  struct Collected {
    Type type;  ///< of the whole
    size_t axis = 0;
  };
  int64_t steps = 0;     ///< at least one
  bool reverse = false;  ///< begin with the last step
  Values carried;        ///< before the first step
  std::vector<Sequence> sequences;
  std::vector<Collected> collected;
  Values invariant;  ///< what every step may look at
  /// Builds a step in a graph of its own: `carried`, `parts` (of the sequences, their axis of size 1) and `invariant` stand for
  /// the loop's.
  std::function<LoopStep(Builder&, const Values& carried, const Values& parts, const Values& invariant)> body;
};

/// After the last step.
struct LoopResults {
  Values carried, collected;
};
/// Adds the loop; values of no node after an error, which is the builder's then. LiteRT copies the variables of a loop in every
/// step, sequences and collections included: long ones are cut into blocks that an inner loop runs through, so that a step
/// copies about the square root of them.
LoopResults counted_loop(Builder& b, const CountedLoop& loop);

}  // namespace atl
