// A recurrent cell over a sequence: a loop, or step after step where there are few.
#pragma once
#include <functional>

#include "import/recurrent.h"

namespace atl {

/// What the steps take: the input gates [T,B,G] or [B,T,G] of all of them.
struct StepSequence {
  Value gates;
  int64_t time_axis = 0;
  bool reverse = false;  ///< begin with the last step
};
/// One step: the next state from the step's gates and the state, whose axis of time has size 1.
using RecurrentStep = std::function<Value(Builder&, const StepGates&, Value h, const RecurrentWeights&)>;

/// The states after each step, in the order of the sequence, and the one after the last step that ran.
struct StepResults {
  Value sequence, last;
};
StepResults run_steps(Builder& b, const StepSequence& s, Value h, const RecurrentWeights& w, const RecurrentStep& step);

}  // namespace atl
