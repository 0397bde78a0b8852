// Accuracy of a classifier: the highest scores against the labels.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include "ir/tensor.h"

namespace atl {

/// The index of the highest score, the lowest one among equals; nullopt without one finite or infinite score (all NaN).
std::optional<int64_t> highest(const Tensor& scores);

/// True when fewer than `k` scores are above that of `label`, or equal with a lower index.
bool among_highest(const Tensor& scores, int64_t label, int64_t k);

/// Counts over examples.
class Classification {
 public:
  /// Adds an example. `label` lies within the scores.
  void add(const Tensor& scores, int64_t label);
  size_t examples = 0, top1 = 0, top5 = 0, undecided = 0;
  std::map<std::pair<int64_t, int64_t>, size_t> confusion;  ///< (label, found) -> examples; found is -1 where undecided
};

}  // namespace atl
