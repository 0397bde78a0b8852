#include "micro/memory_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace atl::micro {
namespace {

void expect_apart(const std::vector<Lifetime>& buffers, const MemoryPlan& plan) {
  ASSERT_EQ(plan.offsets.size(), buffers.size());
  int64_t end = 0;
  for (size_t i = 0; i < buffers.size(); ++i) {
    EXPECT_GE(plan.offsets[i], 0);
    end = std::max(end, plan.offsets[i] + buffers[i].bytes);
    for (size_t k = 0; k < i; ++k) {
      if (buffers[i].first > buffers[k].last || buffers[k].first > buffers[i].last) continue;
      EXPECT_TRUE(plan.offsets[i] + buffers[i].bytes <= plan.offsets[k] ||
                  plan.offsets[k] + buffers[k].bytes <= plan.offsets[i])
          << i << " and " << k;
    }
  }
  EXPECT_EQ(plan.bytes, end);
}

TEST(MemoryPlan, ReusesWhatIsDead) {
  // A chain: each step reads the buffer before it.
  const std::vector<Lifetime> chain = {{96, 0, 1}, {160, 1, 2}, {48, 2, 3}, {64, 3, 4}};
  const MemoryPlan plan = plan_memory(chain);
  expect_apart(chain, plan);
  EXPECT_EQ(plan.bytes, 256);
  EXPECT_EQ(plan.offsets, (std::vector<int64_t>{160, 0, 160, 0}));
}

TEST(MemoryPlan, FillsGapsWithWhatFits) {
  // At step 2 the large one, the middle one and the small one live; the middle one at step 0 leaves a gap under the last.
  const std::vector<Lifetime> buffers = {{100, 0, 4}, {60, 0, 1}, {50, 1, 3}, {40, 2, 3}, {10, 2, 4}};
  const MemoryPlan plan = plan_memory(buffers);
  expect_apart(buffers, plan);
  EXPECT_EQ(plan.offsets, (std::vector<int64_t>{0, 100, 160, 100, 140}));
}

TEST(MemoryPlan, NothingNeedsNothing) { EXPECT_EQ(plan_memory({}).bytes, 0); }

TEST(MemoryPlan, NeverOverlaps) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<Lifetime> buffers(random() % 40);
    std::vector<int64_t> alive(30);
    for (Lifetime& b : buffers) {
      b.bytes = 16 * int64_t(1 + random() % 30);
      b.first = int(random() % 25);
      b.last = b.first + int(random() % 5);
      for (int t = b.first; t <= b.last; ++t) alive[size_t(t)] += b.bytes;
    }
    const MemoryPlan plan = plan_memory(buffers);
    expect_apart(buffers, plan);
    EXPECT_GE(plan.bytes, *std::ranges::max_element(alive));
  }
}

}  // namespace
}  // namespace atl::micro
