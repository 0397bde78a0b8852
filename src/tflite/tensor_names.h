// Unique tensor names.
#pragma once
#include <string>
#include <unordered_map>
#include <unordered_set>

namespace atl {

/// Hands out names, each once. What it answers depends only on the wish and on the names given so far, so that a file whose
/// names are wished for in the same order gets them all again.
class TensorNames {
 public:
  /// `wish` itself when it is free, else "base:K" with the smallest free K from 1, where base is `wish` without a ":K" of its
  /// own.
  std::string unique(const std::string& wish);

 private:
  std::unordered_set<std::string> taken_;
  std::unordered_map<std::string, int> next_;
};

}  // namespace atl
