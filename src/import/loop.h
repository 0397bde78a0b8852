// Loops as import rules build them.
#pragma once
#include <functional>

#include "ir/rewrite.h"

namespace atl {

/// A While whose graphs are built by functions.
struct Loop {
  Values variables;                ///< before the first step
  std::vector<std::string> names;  ///< of the variables, as many
  Values invariant;                ///< what every step may look at
  /// Whether there is another step, a bool of one element; and the variables after a step, of the types that they have. Each
  /// builds a graph of its own, in which its arguments stand for the loop's.
  std::function<Value(Builder&, const Values& variables, const Values& invariant)> more;
  std::function<Values(Builder&, const Values& variables, const Values& invariant)> step;
};

/// Adds the loop: the variables after the last step; values of no node after an error, which is the builder's then.
Values add_loop(Builder& b, const Loop& loop);

}  // namespace atl
