#include "edgetpu/failure_search.h"

#include <gtest/gtest.h>

namespace atl::edgetpu {
namespace {

FailingRange search(size_t count, size_t first, size_t last) {
  auto r = smallest_failing_range(count, [&](size_t a, size_t b) -> Result<bool> { return a <= first && b >= last; });
  EXPECT_TRUE(r);
  return *r;
}

TEST(FailureSearch, FindsEveryRange) {
  for (size_t count = 1; count < 20; ++count)
    for (size_t first = 0; first < count; ++first)
      for (size_t last = first + 1; last <= count; ++last) {
        const auto r = search(count, first, last);
        EXPECT_EQ(r.first, first) << count;
        EXPECT_EQ(r.last, last) << count;
        EXPECT_LE(r.trials, 10u);
      }
}

TEST(FailureSearch, EndsWhateverFails) {
  // A program that fails for no reason: what is found at least failed.
  size_t trial = 0;
  const auto r = smallest_failing_range(50, [&](size_t, size_t) -> Result<bool> { return trial++ % 3 == 0; });
  ASSERT_TRUE(r);
  EXPECT_LT(r->first, r->last);
  EXPECT_LE(r->trials, 14u);
}

TEST(FailureSearch, PassesErrorsOn) {
  const auto r = smallest_failing_range(8, [](size_t, size_t) -> Result<bool> { return error(Code::kCompiler, "cancelled"); });
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().what, "cancelled");
}

}  // namespace
}  // namespace atl::edgetpu
