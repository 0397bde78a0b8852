#include "pass/min_cut.h"

#include <gtest/gtest.h>

#include <random>
#include <tuple>

namespace atl {
namespace {

struct Network {
  int nodes;
  std::vector<std::tuple<int, int, int64_t, int64_t>> arcs;

  int64_t cost(const std::vector<bool>& side) const {
    int64_t total = 0;
    for (const auto& [from, to, capacity, reverse] : arcs) {
      if (side[size_t(from)] && !side[size_t(to)]) total += capacity;
      if (side[size_t(to)] && !side[size_t(from)]) total += reverse;
    }
    return total;
  }
  std::vector<bool> solve() const {
    MinCut cut(nodes, 0, 1);
    for (const auto& [from, to, capacity, reverse] : arcs) cut.add_arc(from, to, capacity, reverse);
    cut.solve();
    std::vector<bool> side;
    for (int v = 0; v < nodes; ++v) side.push_back(cut.side(v));
    return side;
  }
  /// The least cost, and the intersection of the source's sides of all cuts that have it.
  std::pair<int64_t, std::vector<bool>> brute_force() const {
    int64_t best = MinCut::kInfinite;
    std::vector<bool> smallest;
    for (uint32_t bits = 0; bits < 1u << (nodes - 2); ++bits) {
      std::vector<bool> side{true, false};
      for (int v = 2; v < nodes; ++v) side.push_back(bits >> (v - 2) & 1);
      const int64_t c = cost(side);
      if (c > best) continue;
      if (c < best) smallest = side;
      for (size_t v = 0; v < side.size(); ++v) smallest[v] = smallest[v] && side[v];
      best = c;
    }
    return {best, smallest};
  }
};

TEST(MinCut, CutsTheCheapestArcOfAChain) {
  const Network n{4, {{0, 2, 5, 0}, {2, 3, 2, 0}, {3, 1, 7, 0}}};
  EXPECT_EQ(n.solve(), (std::vector<bool>{true, false, true, false}));
}

TEST(MinCut, CountsArcsInTheirDirectionOnly) {
  // Only the arc from 3 to 2 would be dear, and it runs from the sink's side to the source's.
  const Network n{4, {{0, 2, 9, 0}, {3, 2, 100, 0}, {2, 3, 1, 0}, {3, 1, 9, 0}}};
  EXPECT_EQ(n.solve(), (std::vector<bool>{true, false, true, false}));
}

TEST(MinCut, CutsNothingWhereTheSinkIsNotReached) {
  const Network n{4, {{0, 2, 9, 0}, {3, 1, 4, 0}}};
  EXPECT_EQ(n.solve(), (std::vector<bool>{true, false, true, false}));
}

TEST(MinCut, NeverCutsAnInfiniteArc) {
  const Network n{4, {{0, 2, 1000000, 0}, {2, 3, MinCut::kInfinite, 0}, {3, 1, 2000000, 0}}};
  EXPECT_EQ(n.solve(), (std::vector<bool>{true, false, false, false}));
}

TEST(MinCut, TakesNodesThatAreAddedLater) {
  MinCut cut(2, 0, 1);
  const int a = cut.add_node(), b = cut.add_node();
  EXPECT_EQ(a, 2);
  EXPECT_EQ(b, 3);
  cut.add_arc(0, a, 3);
  cut.add_arc(a, b, 1);
  cut.add_arc(b, 1, 3);
  cut.solve();
  EXPECT_TRUE(cut.side(a));
  EXPECT_FALSE(cut.side(b));
}

TEST(MinCut, AgreesWithBruteForceOnRandomNetworks) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 400; ++round) {
    Network n{int(3 + random() % 6), {}};
    const size_t arcs = random() % 20;
    for (size_t i = 0; i < arcs; ++i) {
      const int from = int(random() % uint64_t(n.nodes)), to = int(random() % uint64_t(n.nodes));
      if (from != to) n.arcs.emplace_back(from, to, int64_t(random() % 8), random() % 3 ? 0 : int64_t(random() % 8));
    }
    const auto side = n.solve();
    ASSERT_TRUE(side[0]);
    ASSERT_FALSE(side[1]);
    const auto [best, smallest] = n.brute_force();
    ASSERT_EQ(n.cost(side), best) << "round " << round;
    ASSERT_EQ(side, smallest) << "round " << round;
  }
}

TEST(MinCut, AChainOfAHundredThousandNodesFitsTheStack) {
  constexpr int kNodes = 100000;
  MinCut cut(kNodes, 0, 1);
  cut.add_arc(0, 2, 5);
  for (int v = 2; v + 1 < kNodes; ++v) cut.add_arc(v, v + 1, v == 777 ? 3 : 4);
  cut.add_arc(kNodes - 1, 1, 5);
  cut.solve();
  EXPECT_TRUE(cut.side(777));
  EXPECT_FALSE(cut.side(778));
}

}  // namespace
}  // namespace atl
