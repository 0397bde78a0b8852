#include "ops/unary.h"
#include "pass/graph_eval.h"

namespace atl {
namespace {

using MergeEqualNodesTest = PassTest;

TEST_F(MergeEqualNodesTest, EqualTreesBecomeOne) {
  load(R"(
%0: f32[2,3] = input "x"
%1: f32[2,3] = unary(%0) {kind=exp}
%2: f32[2,3] = unary(%0) {kind=exp}
%3: f32[3,2] = transpose(%1) {perm=[1,0]}
%4: f32[3,2] = transpose(%2) {perm=[1,0]}
%5: f32[3,2] = binary(%3, %4) {kind=add, activation=none}
output "z" = %5
)");
  EXPECT_EQ(run(merge_equal_nodes), 2);
  EXPECT_EQ(count(OpCode::kUnary), 1u);
  EXPECT_EQ(count(OpCode::kTranspose), 1u);
  EXPECT_EQ(g[output()].in[0], g[output()].in[1]);
}

TEST_F(MergeEqualNodesTest, OtherFieldsOperandsOrTheirOrderStay) {
  load(R"(
%0: f32[2,2] = input "x"
%1: f32[2,2] = input "y"
%2: f32[2,2] = unary(%0) {kind=exp}
%3: f32[2,2] = unary(%0) {kind=tanh}
%4: f32[2,2] = unary(%1) {kind=exp}
%5: f32[2,2] = binary(%0, %1) {kind=sub, activation=none}
%6: f32[2,2] = binary(%1, %0) {kind=sub, activation=none}
output "a" = %2
output "b" = %3
output "c" = %4
output "d" = %5
output "e" = %6
)");
  EXPECT_EQ(run(merge_equal_nodes), 0);
  EXPECT_EQ(count(OpCode::kUnary), 3u);
  EXPECT_EQ(count(OpCode::kBinary), 2u);
}

TEST_F(MergeEqualNodesTest, ViewsOfTheSameBytesBecomeOne) {
  load(R"(
%0: f32[2,3,5] = input "x"
%1: f32[5,3] = const "w" {random 1}
%2: f32[3,5] = transpose(%1) {perm=[1,0]}
%3: f32[3,5] = transpose(%1) {perm=[1,0]}
%4: f32[2,3,5] = binary(%0, %2) {kind=add, activation=none}
%5: f32[2,3,5] = binary(%4, %3) {kind=mul, activation=none}
output "z" = %5
)");
  run(fold_constants);
  ASSERT_EQ(count(OpCode::kConst), 2u);
  EXPECT_EQ(run(merge_equal_nodes), 1);
  EXPECT_EQ(count(OpCode::kConst), 1u);
}

TEST_F(MergeEqualNodesTest, EachResultOfANodeIsReplacedByItsOwn) {
  load(R"(
%0: f32[2,7] = input "x"
%1: f32[2,3], f32[2,4] = split(%0) {axis=1, sizes=[3,4]}
%2: f32[2,3], f32[2,4] = split(%0) {axis=1, sizes=[3,4]}
output "a" = %1.0
output "b" = %2.1
)");
  run(merge_equal_nodes);
  EXPECT_EQ(count(OpCode::kSplit), 1u);
  EXPECT_EQ(output(0).index, 0u);
  EXPECT_EQ(output(1).index, 1u);
}

}  // namespace
}  // namespace atl
