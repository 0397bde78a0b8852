#include "verify/evaluate.h"

#include <gtest/gtest.h>

#include <thread>

#include "ir/text.h"

namespace atl {
namespace {

Graph graph_of(const std::string& text) {
  auto g = parse_graph(text);
  if (!g) {
    ADD_FAILURE() << format(g.error());
    return {};
  }
  return *std::move(g);
}

Tensor floats(Shape shape, const std::vector<float>& values) {
  return Tensor::of<float>(DType::kF32, std::move(shape), values);
}

constexpr const char* kChain = R"(graph main
%0: f32[2,3] = input "x"
%1: f32[3] = const "c" {1, -2, 3}
%2: f32[2,3] = binary(%0, %1) {kind=add, activation=none}
%3: f32[2,3] = unary(%2) {kind=relu}
%4: f32[2,3] = binary(%3, %2) {kind=mul, activation=none}
output "y" = %4
output "z" = %3
)";

TEST(Evaluate, ComputesOutputsInTheirOrder) {
  const Graph g = graph_of(kChain);
  const Tensors in{floats({2, 3}, {0, 1, 2, 3, 4, -5})};
  auto e = evaluate(g, in);
  ASSERT_TRUE(e) << format(e.error());
  ASSERT_TRUE(e->complete);
  ASSERT_EQ(e->outputs.size(), 2u);
  const auto y = e->outputs[0].values<float>(), z = e->outputs[1].values<float>();
  EXPECT_EQ(std::vector<float>(z.begin(), z.end()), (std::vector<float>{1, 0, 5, 4, 2, 0}));
  EXPECT_EQ(std::vector<float>(y.begin(), y.end()), (std::vector<float>{1, 0, 25, 16, 4, 0}));
}

TEST(Evaluate, ShowsEveryNodeWithOperandsAndResults) {
  const Graph g = graph_of(kChain);
  const Tensors in{floats({2, 3}, {0, 1, 2, 3, 4, -5})};
  std::vector<uint32_t> ids;
  double share = 0;
  EvaluateOptions options;
  options.observer = [&](const EvaluatedNode& n) {
    ids.push_back(n.id);
    EXPECT_EQ(n.operands.size(), g[n.id].in.size());
    EXPECT_EQ(n.results[0].shape(), (Shape{2, 3}));
    EXPECT_GT(n.share, share);
    share = n.share;
    return true;
  };
  ASSERT_TRUE(evaluate(g, in, options));
  EXPECT_EQ(ids, (std::vector<uint32_t>{2, 3, 4}));
  EXPECT_DOUBLE_EQ(share, 1);
}

TEST(Evaluate, TheObserverEndsIt) {
  const Graph g = graph_of(kChain);
  const Tensors in{floats({2, 3}, {0, 1, 2, 3, 4, -5})};
  auto e = evaluate(g, in, {.deadline = {}, .observer = [](const EvaluatedNode& n) { return n.id < 3; }});
  ASSERT_TRUE(e);
  EXPECT_FALSE(e->complete);
  EXPECT_TRUE(e->outputs.empty());
  EXPECT_LT(e->share, 1);
}

TEST(Evaluate, TheDeadlineEndsIt) {
  const Graph g = graph_of(kChain);
  const Tensors in{floats({2, 3}, {0, 1, 2, 3, 4, -5})};
  auto e = evaluate(g, in, {.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1), .observer = {}});
  ASSERT_TRUE(e);
  EXPECT_FALSE(e->complete);
  EXPECT_GT(e->share, 0);
  EXPECT_LT(e->share, 1);
}

TEST(Evaluate, RefusesInputsThatDoNotFit) {
  const Graph g = graph_of(kChain);
  auto none = evaluate(g, {});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().what, "the graph takes 1 inputs, 0 are given");
  const Tensors wrong{floats({3, 2}, {0, 1, 2, 3, 4, 5})};
  auto shape = evaluate(g, wrong);
  ASSERT_FALSE(shape);
  EXPECT_EQ(shape.error().code, Code::kInput);
  EXPECT_EQ(shape.error().what, "input 'x' is f32[2,3], f32[3,2] is given");
}

TEST(Evaluate, FreesValuesAfterTheirLastUse) {
  const Graph g = graph_of(R"(graph main
%0: f32[4] = input "x"
%1: f32[4] = unary(%0) {kind=neg}
%2: f32[4] = unary(%1) {kind=abs}
%3: f32[4] = unary(%2) {kind=neg}
output "y" = %3
)");
  std::weak_ptr<const void> first;
  bool freed = false;
  EvaluateOptions options;
  options.observer = [&](const EvaluatedNode& n) {
    if (n.id == 1) first = n.results[0].owner();
    if (n.id == 3) freed = first.expired();
    return true;
  };
  const Tensors in{floats({4}, {1, 2, 3, 4})};
  ASSERT_TRUE(evaluate(g, in, options));
  EXPECT_TRUE(freed);
}

TEST(EstimatedWork, CountsMultiplications) {
  const Graph g = graph_of(R"(graph main
%0: f32[1,3,8,9] = input "x"
%1: f32[5,3,3,3] = const "w" {random 1}
%2: f32[1,5,6,7] = conv2d(%0, %1, _) {stride=[1,1], dilation=[1,1], padding=[0,0,0,0], groups=1, activation=none, layout=channels_first}
output "y" = %2
)");
  const double macs = 5 * 6 * 7 * 27, moved = 3 * 8 * 9 + 5 * 27 + 5 * 6 * 7;
  EXPECT_DOUBLE_EQ(estimated_work(g, 2), macs + moved);
  EXPECT_DOUBLE_EQ(estimated_work(g, 0), 0);
}

}  // namespace
}  // namespace atl
