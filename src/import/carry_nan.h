// Extremes that carry NaN as torch's do.
#pragma once
#include <span>

#include "ir/graph.h"

namespace atl {

/// Whether one of a program's example inputs holds NaN: then NaN matters to it.
bool holds_nan(std::span<const std::optional<Tensor>> samples);

/// LiteRT's kernels for maximum and minimum, of two operands or along axes, and for their positions pass NaN over, where torch
/// gives it (or where it stands first). Puts a choice behind each of them in `graph`; two to five more operators each, which is
/// why other programs keep the kernels' results.
Status carry_nan(Graph& graph);

}  // namespace atl
