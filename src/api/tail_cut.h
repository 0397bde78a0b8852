// A graph in two: what is quantized for the Edge TPU, and a tail for the CPU.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace atl {

struct TailCut {
  Graph head, tail;                  ///< connected by ports of equal names
  std::vector<size_t> head_inputs;   ///< which inputs of the whole the head's are, in their order
  std::vector<std::string> outputs;  ///< of the whole, in their order
};

/// Cuts in front of the layers that the patterns name (as choose_layers() reads them): these and all that depends on them are
/// the tail. Values that cross are outputs of the head and inputs of the tail, named after their layers. E: kUsage for a
/// pattern that names no layer, or when nothing is left of the head; kUnsupportedForm for a graph with states.
Result<TailCut> cut_tail(const Graph& g, std::span<const std::string> patterns);

/// The tail with those inputs that the finished head gives as integers taken so, and made float first. E: of adding the ops.
Result<Graph> take_integers(const Graph& tail, const Graph& head);

}  // namespace atl
