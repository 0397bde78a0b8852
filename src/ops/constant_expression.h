// Whether a value will be a constant once constants are folded.
#pragma once
#include "ir/graph.h"

namespace atl {

/// True for constants and for what is computed from constants alone. Looks at `budget` nodes at most; false when that does not
/// suffice.
inline bool is_constant_expression(const Graph& g, Value v, int budget = 64) {
  Values open{v};
  while (!open.empty()) {
    const Value next = open.back();
    open.pop_back();
    if (g.constant(next)) continue;
    const Values& in = g[next].in;
    if (in.empty() || --budget < 0) return false;
    for (Value x : in)
      if (x.valid()) open.push_back(x);
  }
  return true;
}

}  // namespace atl
