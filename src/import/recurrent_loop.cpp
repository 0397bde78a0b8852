#include "import/recurrent_loop.h"

#include "import/counted_loop.h"

namespace atl {
namespace {

/// Sequences with fewer steps are written out. Measured in LiteRT 2.3.0 with 2 threads on a GRU of 28 inputs and 128 cells,
/// written out and as a loop, in us: 11 and 17 for 2 steps, 20 and 25 for 4, 39 and 42 for 8, 48 and 46 for 12, 152 and 123 for
/// 28.
constexpr int64_t kLoopSteps = 12;

StepResults unrolled(Builder& b, const StepSequence& s, Value h, const RecurrentWeights& w, const RecurrentStep& step) {
  const int64_t steps = b.shape(s.gates)[size_t(s.time_axis)];
  Values all(static_cast<size_t>(steps));
  for (int64_t k = 0; k < steps && !b.failed(); ++k) {
    const int64_t t = s.reverse ? steps - 1 - k : k;
    h = step(b, StepGates{s.gates, s.time_axis, t}, h, w);
    all[size_t(t)] = h;
  }
  if (b.failed()) return {};
  return {all.size() == 1 ? all[0] : b.add(Concat(s.time_axis), all), h};
}

StepResults looped(Builder& b, const StepSequence& s, Value h, const RecurrentWeights& w, const RecurrentStep& step) {
  CountedLoop loop;
  loop.steps = b.shape(s.gates)[size_t(s.time_axis)];
  loop.reverse = s.reverse;
  loop.carried = {h};
  Type all = b.type(h);
  all.shape[size_t(s.time_axis)] = loop.steps;
  loop.collected = {{all, size_t(s.time_axis)}};
  loop.sequences = {{s.gates, size_t(s.time_axis)}};
  std::vector<Value RecurrentWeights::*> used;
  for (Value RecurrentWeights::*m : {&RecurrentWeights::w_hh, &RecurrentWeights::b_step})
    if ((w.*m).valid()) {
      used.push_back(m);
      loop.invariant.push_back(w.*m);
    }
  loop.body = [&](Builder& inner, const Values& carried, const Values& parts, const Values& invariant) -> LoopStep {
    RecurrentWeights weights;
    for (size_t i = 0; i < used.size(); ++i) weights.*used[i] = invariant[i];
    const Value next = step(inner, StepGates{parts[0]}, carried[0], weights);
    return {{next}, {next}};
  };
  const LoopResults out = counted_loop(b, loop);
  return {out.collected[0], out.carried[0]};
}

}  // namespace

StepResults run_steps(Builder& b, const StepSequence& s, Value h, const RecurrentWeights& w, const RecurrentStep& step) {
  if (b.failed()) return {};
  return b.shape(s.gates)[size_t(s.time_axis)] < kLoopSteps ? unrolled(b, s, h, w, step) : looped(b, s, h, w, step);
}

}  // namespace atl
