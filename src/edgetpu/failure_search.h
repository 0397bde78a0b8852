// The smallest part of a list that still fails.
#pragma once
#include <cstddef>
#include <functional>

#include "support/result.h"

namespace atl::edgetpu {

struct FailingRange {
  size_t first = 0, last = 0;  ///< items `first` to `last` - 1
  size_t trials = 0;
};

/// Items 0 to `count` - 1 fail together. Finds by halving where the failure begins when items are added from the front, and
/// then how many of the items before that place it needs; about 2 log2(count) trials. Without the last item of the range, or
/// without its first, what is left passed. E: those of `fails`.
Result<FailingRange> smallest_failing_range(size_t count, const std::function<Result<bool>(size_t first, size_t last)>& fails);

}  // namespace atl::edgetpu
