#include "micro/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace atl::micro {

MemoryPlan plan_memory(std::span<const Lifetime> buffers) {
  MemoryPlan plan;
  plan.offsets.resize(buffers.size());
  std::vector<size_t> order(buffers.size());
  std::iota(order.rbegin(), order.rend(), size_t{0});  // among equal sizes the last comes first, as in the original
  std::ranges::stable_sort(order, std::greater{}, [&](size_t i) { return buffers[i].bytes; });

  std::vector<size_t> placed;  // by offset
  for (const size_t i : order) {
    const Lifetime& b = buffers[i];
    int64_t offset = 0;
    for (const size_t other : placed) {
      const Lifetime& o = buffers[other];
      if (o.first > b.last || b.first > o.last) continue;
      if (plan.offsets[other] - offset >= b.bytes) break;
      offset = std::max(offset, plan.offsets[other] + o.bytes);
    }
    plan.offsets[i] = offset;
    placed.insert(std::ranges::upper_bound(placed, offset, {}, [&](size_t p) { return plan.offsets[p]; }), i);
    plan.bytes = std::max(plan.bytes, offset + b.bytes);
  }
  return plan;
}

}  // namespace atl::micro
