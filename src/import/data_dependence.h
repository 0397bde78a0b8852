// What of a program depends on sizes and numbers that only the data tells: one refusal names where that begins, and what
// follows from it is passed over.
#pragma once
#include <set>
#include <string>

#include "read/source.h"

namespace atl {

class DataDependence {
 public:
  /// Whether the node takes a value that was marked.
  bool reaches(const SourceNode& node) const;
  /// Whether a result of the node has a size that torch names after data ("u0"), or is a number and not a tensor.
  static bool begins_at(const SourceGraph& graph, const SourceNode& node);
  /// Marks all results of the node.
  void mark(const SourceNode& node);

 private:
  std::set<std::string> values_;
};

/// Whether the node has a result that is a tensor.
bool gives_tensor(const SourceNode& node);

}  // namespace atl
