#include "pass/layout_problem.h"

#include "pass/graph_eval.h"

namespace atl {
namespace {

#define CONV(groups) \
  "{stride=[1,1], dilation=[1,1], padding=[0,0,0,0], groups=" groups ", activation=none, layout=channels_first}\n"

const Perm kFirst{0, 1, 2, 3}, kLast{0, 2, 3, 1};

TEST(LayoutProblem, ChannelsLastOfEveryRank) {
  EXPECT_EQ(channels_last(0), Perm{});
  EXPECT_EQ(channels_last(2), (Perm{0, 1}));
  EXPECT_EQ(channels_last(3), (Perm{0, 2, 1}));
  EXPECT_EQ(channels_last(4), kLast);
  EXPECT_EQ(channels_last(5), (Perm{0, 2, 3, 4, 1}));
}

TEST(LayoutProblem, MovesOfAxesOfSizeOneAreReshapes) {
  EXPECT_TRUE(moves_only_ones({2, 1, 5, 1}, {0, 2, 3, 1}));
  EXPECT_TRUE(moves_only_ones({1, 3, 1, 1}, {0, 2, 3, 1}));
  EXPECT_FALSE(moves_only_ones({1, 3, 2, 1}, {0, 2, 3, 1}));
  EXPECT_TRUE(moves_only_ones({}, {}));
}

TEST(LayoutProblem, TraceComposesTransposes) {
  const Graph g = graph_of(R"(
%0: f32[2,3,5,7] = input "x"
%1: f32[2,5,7,3] = transpose(%0) {perm=[0,2,3,1]}
%2: f32[3,2,5,7] = transpose(%1) {perm=[3,0,1,2]}
output "z" = %2
)");
  const LayoutProblem problem(g, InterfaceLayout::kKeep);
  const auto [source, perm] = problem.trace(g.outputs()[0].value);
  EXPECT_EQ(source, g.inputs()[0].value);
  EXPECT_EQ(permuted(g.type(source).shape, perm), (Shape{3, 2, 5, 7}));
}

TEST(LayoutProblem, AConvolutionPullsItsNeighboursChannelsLast) {
  const Graph g = graph_of(
      "%0: f32[2,3,6,7] = input \"x\"\n%1: f32[2,3,6,7] = unary(%0) {kind=abs}\n%2: f32[4,3,2,3] = const \"w\" {random 1}\n"
      "%3: f32[2,4,5,5] = conv2d(%1, %2, _) " CONV("1") "%4: f32[2,4,5,5] = unary(%3) {kind=tanh}\noutput \"z\" = %4\n");
  for (const auto layout : {InterfaceLayout::kKeep, InterfaceLayout::kNhwc}) {
    LayoutProblem problem(g, layout);
    problem.solve();
    const Perm edge = layout == InterfaceLayout::kNhwc ? kLast : kFirst;
    EXPECT_EQ(problem.choice_of(g.inputs()[0].value.node).out, edge);
    EXPECT_EQ(problem.choice_of_output(0).in[0], edge);
    const Value tanh = g.outputs()[0].value;
    EXPECT_EQ(problem.choice_of(g[tanh].in[0].node).out, kLast);
    if (layout == InterfaceLayout::kNhwc) {
      EXPECT_EQ(problem.cost(), 0);
    }
  }
}

TEST(LayoutProblem, SolvingNeverRaisesTheCost) {
  const Graph g = graph_of(
      "%0: f32[2,3,6,7] = input \"x\"\n%1: f32[3,3,1,1] = const \"w\" {random 1}\n%2: f32[2,3,6,7] = conv2d(%0, %1, _) " CONV("1")
          "%3: f32[2,3,6,7] = binary(%2, %0) {kind=add, activation=none}\n%4: f32[2,3,42] = reshape(%3) {shape=[2,3,42]}\n"
          "%5: f32[2,3,6,7] = conv2d(%3, %1, _) " CONV("1") "output \"a\" = %4\noutput \"b\" = %5\n");
  LayoutProblem problem(g, InterfaceLayout::kKeep);
  const int64_t before = problem.cost();
  problem.solve();
  EXPECT_LE(problem.cost(), before);
}

// Every assignment of choices is tried: the cuts must find one as cheap on these small graphs.
TEST(LayoutProblem, FindsTheCheapestAssignmentOfSmallGraphs) {
  const char* graphs[] = {
      // A branch that is channels-first by need (reshape), beside a convolution.
      "%0: f32[2,3,6,7] = input \"x\"\n%1: f32[3,3,1,1] = const \"w\" {random 1}\n%2: f32[2,3,6,7] = unary(%0) {kind=abs}\n"
      "%3: f32[2,3,6,7] = conv2d(%2, %1, _) " CONV("1")
      "%4: f32[2,126] = reshape(%2) {shape=[2,126]}\n%5: f32[2,3,6,7] = unary(%3) {kind=tanh}\noutput \"a\" = %4\noutput \"b\" = %5\n",
      // One wide and one narrow user of a sum.
      "%0: f32[2,8,6,7] = input \"x\"\n%1: f32[8,8,1,1] = const \"w\" {random 1}\n%2: f32[2,8,6,7] = conv2d(%0, %1, _) " CONV("1")
      "%3: f32[2,8,6,7] = binary(%2, %0) {kind=add, activation=none}\n%4: f32[2,1,6,7] = slice(%3) {begin=[0,2,0,0], "
      "size=[2,1,6,7], stride=[1,1,1,1], shrink=[]}\noutput \"a\" = %3\noutput \"b\" = %4\n"};
  for (const char* text : graphs) {
    const Graph g = graph_of(text);
    for (const auto layout : {InterfaceLayout::kKeep, InterfaceLayout::kNhwc}) {
      LayoutProblem problem(g, layout);
      LayoutProblem::Item* items = const_cast<LayoutProblem::Item*>(problem.items().data());
      const size_t n = problem.items().size();
      int64_t best = -1;
      for (;;) {
        if (const int64_t c = problem.cost(); best < 0 || c < best) best = c;
        size_t i = 0;
        while (i < n && ++items[i].chosen == items[i].choices.size()) items[i++].chosen = 0;
        if (i == n) break;
      }
      problem.solve();
      EXPECT_EQ(problem.cost(), best) << text;
    }
  }
}

}  // namespace
}  // namespace atl
