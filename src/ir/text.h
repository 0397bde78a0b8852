// The text form of a graph: for people, for dumps after passes, and for tests (printed and parsed back).
#pragma once
#include <string>
#include <string_view>

#include "ir/graph.h"

namespace atl {

/// One line a node, operands by number in topological order:
///     graph main
///     %0: f32[1,3,8,9] = input "x"
///     %1: f32[4,3,1,1] = const "conv.weight" {random 1}
///     %2: f32[1,4,8,9] = conv2d(%0, %1, _) {stride=[1,1], ...}  // backbone.conv net.py:12
///     output "y" = %2
/// Results of a node with several are %3.0, %3.1. Constants of at most 16 elements are written out ({1, 2, 3}), larger ones as
/// {random N} when `parseable` (their values are then made up), else as {...}. A field that is a graph stands in braces over
/// several lines (ir/body.h).
std::string print(const Graph& graph, bool parseable = false);

/// Reads what print wrote; {random N} fills a constant with numbers from a generator seeded with N.
/// E: kGraph with the line number.
Result<Graph> parse_graph(std::string_view text);

}  // namespace atl
