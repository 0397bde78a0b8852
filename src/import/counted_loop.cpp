#include "import/counted_loop.h"

#include <algorithm>
#include <cmath>

#include "import/arithmetic.h"
#include "import/loop.h"
#include "import/placement.h"
#include "ops/index.h"

namespace atl {
namespace {

/// Sequences with fewer steps are one loop.
constexpr int64_t kMinBlockedSteps = 64;

void name_all(std::vector<std::string>& names, std::string_view what, size_t count) {
  for (size_t i = 0; i < count; ++i) names.push_back(fmt::format("{}{}", what, count > 1 ? std::to_string(i) : ""));
}

Values part(const Values& all, size_t begin, size_t count) {
  const auto first = all.begin() + int64_t(begin);
  return Values(first, first + int64_t(count));
}

/// `all` with the elements along its axis from `at` replaced.
Value collect(Builder& b, const CountedLoop::Collected& c, Value all, Value some, Value at) {
  Values place(c.type.rank(), b.vector_i32({0}));
  place[c.axis] = at;
  const Value start = place.size() == 1 ? place[0] : b.add(Concat(0), place);
  return b.add(DynamicUpdateSlice{}, {all, some, start});
}

/// The elements of a sequence along its axis from `at`.
Value elements(Builder& b, Value sequence, size_t axis, Value at, int64_t count) {
  const Value numbers = count == 1 ? at : add(b, at, b.vector_i32(arithmetic(0, 1, count)));
  return b.add(Gather(int64_t(axis)), {sequence, numbers});
}

/// What a round of a loop makes of what is carried and of its elements of the sequences.
using Round = std::function<LoopStep(Builder&, const Values& carried, const Values& parts, const Values& invariant)>;

/// Rounds of `width` steps each, `steps` of them in all.
LoopResults run_rounds(Builder& b, const CountedLoop& counted, int64_t steps, int64_t width, const Round& round) {
  const size_t carried = counted.carried.size(), collected = counted.collected.size(), sequences = counted.sequences.size();
  Loop loop;
  loop.variables = {b.vector_i32({counted.reverse ? steps - width : 0})};
  loop.variables.insert(loop.variables.end(), counted.carried.begin(), counted.carried.end());
  for (const auto& c : counted.collected)
    loop.variables.push_back(b.add(BroadcastTo(c.type.shape), {b.scalar(0, c.type.dtype)}));
  for (const auto& s : counted.sequences) loop.invariant.push_back(s.value);
  loop.invariant.insert(loop.invariant.end(), counted.invariant.begin(), counted.invariant.end());
  name_all(loop.names, "step", 1);
  name_all(loop.names, "carried", carried);
  name_all(loop.names, "collected", collected);
  loop.more = [&](Builder& g, const Values& v, const Values&) {
    return compare(g, counted.reverse ? CompareKind::kGreaterEqual : CompareKind::kLess, v[0],
                   g.vector_i32({counted.reverse ? 0 : steps}));
  };
  loop.step = [&](Builder& g, const Values& v, const Values& fixed) {
    Values parts;
    for (size_t i = 0; i < sequences; ++i) parts.push_back(elements(g, fixed[i], counted.sequences[i].axis, v[0], width));
    const LoopStep made = round(g, part(v, 1, carried), parts, part(fixed, sequences, counted.invariant.size()));
    Values out{add(g, v[0], g.vector_i32({counted.reverse ? -width : width}))};
    out.insert(out.end(), made.carried.begin(), made.carried.end());
    for (size_t i = 0; i < collected && !g.failed(); ++i)
      out.push_back(collect(g, counted.collected[i], v[1 + carried + i], made.collected[i], v[0]));
    return out;
  };
  const Values out = add_loop(b, loop);
  return {part(out, 1, carried), part(out, 1 + carried, collected)};
}

/// The same loop over some of the steps: other sequences, and collections of their size.
CountedLoop over(const CountedLoop& loop, int64_t steps, Values carried, const Values& sequences, Values invariant) {
  CountedLoop some = loop;
  some.steps = steps;
  some.carried = std::move(carried);
  some.invariant = std::move(invariant);
  for (size_t i = 0; i < some.sequences.size(); ++i) some.sequences[i].value = sequences[i];
  for (auto& c : some.collected) c.type.shape[c.axis] = steps;
  return some;
}

LoopResults run_steps(Builder& b, const CountedLoop& loop) { return run_rounds(b, loop, loop.steps, 1, loop.body); }

/// Whole blocks, and then the steps that are left, at least one: what a reader wants of the last step alone is theirs.
LoopResults run_blocks(Builder& b, const CountedLoop& loop, int64_t width) {
  const int64_t blocked = (loop.steps - 1) / width * width, rest = loop.steps - blocked;
  const auto cut = [&](int64_t begin, int64_t count) {
    Values parts;
    for (const auto& s : loop.sequences) parts.push_back(slice(b, s.value, int64_t(s.axis), begin, count));
    return parts;
  };
  const Values blocks = cut(loop.reverse ? rest : 0, blocked), ends = cut(loop.reverse ? 0 : blocked, rest);
  const CountedLoop outer = over(loop, blocked, loop.carried, blocks, loop.invariant);
  const Round block = [&](Builder& g, const Values& carried, const Values& parts, const Values& invariant) -> LoopStep {
    const LoopResults made = run_steps(g, over(loop, width, carried, parts, invariant));
    return {made.carried, made.collected};
  };
  LoopResults most = run_rounds(b, outer, blocked, width, block);
  if (b.failed()) return most;
  LoopResults all = run_steps(b, over(loop, rest, most.carried, ends, loop.invariant));
  for (size_t i = 0; i < all.collected.size() && !b.failed(); ++i) {
    const auto axis = int64_t(loop.collected[i].axis);
    const Value first = loop.reverse ? all.collected[i] : most.collected[i];
    all.collected[i] = b.add(Concat(axis), {first, loop.reverse ? most.collected[i] : all.collected[i]});
  }
  return all;
}

}  // namespace

LoopResults counted_loop(Builder& b, const CountedLoop& loop) {
  if (loop.steps < kMinBlockedSteps || (loop.sequences.empty() && loop.collected.empty())) return run_steps(b, loop);
  return run_blocks(b, loop, std::llround(std::sqrt(double(loop.steps))));
}

}  // namespace atl
