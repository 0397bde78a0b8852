#include "pass/approximate.h"

#include <gtest/gtest.h>

#include "ir/text.h"
#include "pass/graph_eval.h"

namespace atl {
namespace {

constexpr Target kStrict{.kind = TargetKind::kCoral}, kLenient{.kind = TargetKind::kCoral, .allow_approximate = true};

constexpr const char* kGelus = R"(
%0: f32[2,3,5,7] = input "x"
%1: f32[2,3,5,7] = gelu(%0) {approximate=false}
%2: f32[2,3,5,7] = gelu(%1) {approximate=true}
%3: f32[2,3,5,7] = unary(%2) {kind=hard_swish}
output "y" = %3
)";

TEST(Approximate, RewritesOnlyWhatHasNoExactForm) {
  Graph g = graph_of(kGelus);
  const auto made = approximate(g, kLenient);
  ASSERT_TRUE(made) << format(made.error());
  ASSERT_TRUE(verify(g));
  ASSERT_EQ(made->size(), 1u);
  EXPECT_EQ((*made)[0].before, "gelu");
  EXPECT_EQ(g.count(OpCode::kGelu), 1u) << print(g);
  // The largest difference between the two forms of GELU is known: 4.7e-4.
  EXPECT_NEAR((*made)[0].largest_error, 4.7e-4, 2e-5);
}

TEST(Approximate, DoesNothingUnlessAllowed) {
  Graph g = graph_of(kGelus);
  const std::string before = print(g);
  const auto made = approximate(g, kStrict);
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->empty());
  EXPECT_EQ(print(g), before);
}

}  // namespace
}  // namespace atl
