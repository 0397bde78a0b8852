#include "verify/random_inputs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

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

// An embedding of 23 rows behind a reshape, and positions that are shifted by 2.
constexpr const char* kEmbedding = R"(graph main
%0: i64[2,5] = input "ids"
%1: i64[3] = input "positions"
%2: f32[23,4] = const "table" {random 1}
%3: i64[10] = reshape(%0) {shape=[10]}
%4: f32[10,4] = gather(%2, %3) {axis=0, batch_dims=0}
%5: i64[1] = const "shift" {2}
%6: i64[3] = binary(%1, %5) {kind=add, activation=none}
%7: f32[3,4] = gather(%2, %6) {axis=0, batch_dims=0}
output "y" = %4
output "z" = %7
)";

TEST(IndexRange, FollowsUsesToTheGather) {
  const Graph g = graph_of(kEmbedding);
  EXPECT_EQ(index_range(g, 0), (IndexBounds{0, 22}));
  EXPECT_EQ(index_range(g, 1), (IndexBounds{0, 20}));
}

TEST(IndexRange, WrappedIndicesAreNotNegative) {
  const Graph g = graph_of(R"(graph main
%0: i64[6] = input "ids"
%1: i64[1] = const "zero" {0}
%2: i64[1] = const "size" {23}
%3: f32[23,4] = const "table" {random 1}
%4: bool[6] = compare(%0, %1) {kind=less}
%5: i64[6] = binary(%0, %2) {kind=add, activation=none}
%6: i64[6] = select(%4, %5, %0)
%7: f32[6,4] = gather(%3, %6) {axis=0, batch_dims=0}
output "y" = %7
)");
  EXPECT_EQ(index_range(g, 0), (IndexBounds{0, 22}));
}

TEST(IndexRange, NothingLimitsAnIntegerThatIsOnlyAdded) {
  const Graph g = graph_of(R"(graph main
%0: i32[6] = input "n"
%1: i32[6] = binary(%0, %0) {kind=add, activation=none}
output "y" = %1
)");
  EXPECT_FALSE(index_range(g, 0));
  auto t = random_inputs(g, {}, 3);
  ASSERT_TRUE(t);
  for (int32_t v : (*t)[0].values<int32_t>()) EXPECT_TRUE(v >= 0 && v <= 9) << v;
}

TEST(RandomInputs, IndicesLieInTheirAxis) {
  const Graph g = graph_of(kEmbedding);
  bool high = false;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    auto t = random_inputs(g, {}, seed);
    ASSERT_TRUE(t);
    for (int64_t v : (*t)[0].values<int64_t>()) {
      EXPECT_TRUE(v >= 0 && v < 23) << v;
      high |= v > 18;
    }
    for (int64_t v : (*t)[1].values<int64_t>()) EXPECT_TRUE(v >= 0 && v <= 20) << v;
  }
  EXPECT_TRUE(high);
}

TEST(RandomInputs, ASeedGivesTheSameValues) {
  const Graph g = graph_of("graph main\n%0: f32[2,3] = input \"x\"\noutput \"y\" = %0\n");
  const auto a = random_inputs(g, {}, 5), b = random_inputs(g, {}, 5), c = random_inputs(g, {}, 6);
  ASSERT_TRUE(a && b && c);
  EXPECT_TRUE(std::ranges::equal((*a)[0].values<float>(), (*b)[0].values<float>()));
  EXPECT_FALSE(std::ranges::equal((*a)[0].values<float>(), (*c)[0].values<float>()));
}

TEST(RandomInputs, FloatsAreNormalWithoutASample) {
  const Graph g = graph_of("graph main\n%0: f32[100,101] = input \"x\"\noutput \"y\" = %0\n");
  const auto t = random_inputs(g, {}, 1);
  ASSERT_TRUE(t);
  double sum = 0, squares = 0;
  for (float v : (*t)[0].values<float>()) {
    sum += v;
    squares += double(v) * v;
  }
  EXPECT_NEAR(sum / 10100, 0, 0.05);
  EXPECT_NEAR(std::sqrt(squares / 10100), 1, 0.05);
}

TEST(RandomInputs, FloatsFollowTheSample) {
  const Graph g = graph_of("graph main\n%0: f32[2000] = input \"x\"\noutput \"y\" = %0\n");
  std::vector<float> values(2000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = float(i % 256);
  const std::vector<std::optional<Tensor>> samples{Tensor::of<float>(DType::kF32, {2000}, values)};
  const auto t = random_inputs(g, samples, 1);
  ASSERT_TRUE(t);
  double sum = 0;
  for (float v : (*t)[0].values<float>()) {
    EXPECT_TRUE(v >= 0 && v <= 255) << v;
    sum += v;
  }
  EXPECT_NEAR(sum / 2000, 127, 8);
}

TEST(RandomInputs, IntegersFollowTheSample) {
  const Graph g = graph_of("graph main\n%0: i32[500] = input \"x\"\noutput \"y\" = %0\n");
  std::vector<int32_t> values(500, 40);
  values[3] = 47;
  const std::vector<std::optional<Tensor>> samples{Tensor::of<int32_t>(DType::kI32, {500}, values)};
  const auto t = random_inputs(g, samples, 1);
  ASSERT_TRUE(t);
  const auto v = (*t)[0].values<int32_t>();
  EXPECT_EQ(*std::ranges::min_element(v), 40);
  EXPECT_EQ(*std::ranges::max_element(v), 47);
}

}  // namespace
}  // namespace atl
