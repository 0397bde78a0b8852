// What the writer is told about a graph with open axes.
#pragma once
#include <vector>

#include "ir/graph.h"

namespace atl {

/// How a graph of a file that has open axes looks at other sizes.
struct OpenSizes {
  std::vector<const Graph*> at_other_sizes;  ///< at least two, equal in structure (SizeFamily)
  size_t largest = 0;  ///< so many of the last have every size with an upper end there (ExampleSizes::largest)
  /// Shapes of the inputs that the file states for open axes, in place of 1; empty: those of the graph.
  std::vector<Shape> shown;
};

}  // namespace atl
