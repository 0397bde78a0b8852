// Unique tensor names, and what a name says of its layer.
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

/// The layer that a tensor of any file comes from: Atoll names a tensor by its module; other converters put several names into
/// one, separated by semicolons, the first of which is the layer's.
inline std::string layer_of_tensor(const std::string& name) { return name.substr(0, name.find(';')); }

}  // namespace atl
