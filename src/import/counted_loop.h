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

/// A loop with a counter: While, with what the steps give collected into tensors.
struct CountedLoop {
  struct Collected {
    Type type;  ///< of the whole
    size_t axis = 0;
  };
  int64_t steps = 0;     ///< at least one
  bool reverse = false;  ///< count down from the last step
  Values carried;        ///< before the first step
  std::vector<Collected> collected;
  Values invariant;  ///< what every step may look at
  /// Builds a step in a graph of its own: `step` is its number as i32[1], `carried` and `invariant` stand for the loop's.
  std::function<LoopStep(Builder&, Value step, const Values& carried, const Values& invariant)> body;
};

/// After the last step.
struct LoopResults {
  Values carried, collected;
};
/// Adds the loop; values of no node after an error, which is the builder's then.
LoopResults counted_loop(Builder& b, const CountedLoop& loop);

}  // namespace atl
