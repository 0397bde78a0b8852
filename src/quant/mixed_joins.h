// Joins of unlike branches: a concat of boxes in pixels and scores up to 1, whose one scale leaves the scores a few steps.
#pragma once
#include <span>
#include <string>

#include "quant/plan.h"

namespace atl {

/// A join on the way to outputs of a graph whose 8 bit scale is kUnlikeScales times what one of its branches needs, or more.
struct MixedJoin {
  uint32_t node = 0;
  /// The join and the nodes behind it, which only hand its elements on to outputs, in the order of the graph.
  std::vector<uint32_t> tail;
  size_t narrow = 0;                          ///< operand with the smallest reach
  double widest_reach = 0, narrow_reach = 0;  ///< largest magnitudes, of the result and of that branch
};

inline constexpr double kUnlikeScales = 4;

/// Those of a plan in which every node of the tail has 8 bits and a kernel for 16, so that 16 bits for the tail give each
/// branch a scale of its own. Joins whose result something computes with are not among them.
std::vector<MixedJoin> mixed_joins(const Graph& g, const QuantPlan& plan, const Calibration& calibration);

/// Gives the branches of such joins outputs of their own, 'y_0', 'y_1' and so on in the place of 'y', where the join is an
/// output and nothing else, through transposes at most. Returns for each output that there is now the number of the one that it
/// was part of; nothing when none was split. Graphs with states stay as they are. E: of adding transposes.
Result<std::vector<size_t>> split_joined_outputs(Graph& g, std::span<const MixedJoin> joins);

}  // namespace atl
