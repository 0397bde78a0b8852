// Loops that collect something step by step, and readers of what the last step left.
#pragma once
#include "ops/control_flow.h"

namespace atl {

/// Looks for readers of a loop's results that want only what its last step put there: a Slice of the last step of a variable
/// that collects another one,
///     while (i < n) { h = f(h); all = dynamic_update_slice(all, h, [0, i, 0]); i = i + 1 };   all[:, n-1]   ->   h
/// and gives them that other variable. The loop must count a constant number of times. True when a reader changed.
Result<bool> read_last_step(const While& loop, Rewrite& r);

}  // namespace atl
