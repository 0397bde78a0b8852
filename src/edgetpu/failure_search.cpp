#include "edgetpu/failure_search.h"

namespace atl::edgetpu {

Result<FailingRange> smallest_failing_range(size_t count, const std::function<Result<bool>(size_t first, size_t last)>& fails) {
  FailingRange range{0, count, 0};
  size_t passes = 0;  // items 0 to passes - 1 pass, items 0 to range.last - 1 fail
  while (range.last - passes > 1) {
    const size_t middle = passes + (range.last - passes) / 2;
    ++range.trials;
    TRY(const bool failed, fails(0, middle));
    (failed ? range.last : passes) = middle;
  }
  size_t too_late = range.last;  // items from there on pass, items from range.first on fail
  while (too_late - range.first > 1) {
    const size_t middle = range.first + (too_late - range.first) / 2;
    ++range.trials;
    TRY(const bool failed, fails(middle, range.last));
    (failed ? range.first : too_late) = middle;
  }
  return range;
}

}  // namespace atl::edgetpu
