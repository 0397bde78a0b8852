#include "ops/spatial.h"
#include "pass/graph_eval.h"

namespace atl {
namespace {

using RecognizePixelShuffleTest = PassTest;

TEST_F(RecognizePixelShuffleTest, ReshapeTransposeReshape) {
  load(R"(
%0: f32[2,27,4,5] = input "x"
%1: f32[2,3,3,3,4,5] = reshape(%0) {shape=[2,3,3,3,4,5]}
%2: f32[2,3,4,3,5,3] = transpose(%1) {perm=[0,1,4,2,5,3]}
%3: f32[2,3,12,15] = reshape(%2) {shape=[2,3,12,15]}
output "z" = %3
)");
  EXPECT_EQ(run(recognize_pixel_shuffle), 1);
  const auto op = output_op<DepthToSpace>();
  EXPECT_EQ(op.block, 3);
  EXPECT_EQ(op.order, BlockOrder::kChannelFirst);
  EXPECT_EQ(count(OpCode::kReshape) + count(OpCode::kTranspose), 0u);
}

TEST_F(RecognizePixelShuffleTest, AnotherOrderOfAxesStays) {
  load(R"(
%0: f32[2,12,4,5] = input "x"
%1: f32[2,3,2,2,4,5] = reshape(%0) {shape=[2,3,2,2,4,5]}
%2: f32[2,3,4,2,5,2] = transpose(%1) {perm=[0,1,4,3,5,2]}
%3: f32[2,3,8,10] = reshape(%2) {shape=[2,3,8,10]}
output "z" = %3
)");
  EXPECT_EQ(run(recognize_pixel_shuffle), 0);
}

TEST_F(RecognizePixelShuffleTest, BlocksThatAreNotSquareStay) {
  load(R"(
%0: f32[2,18,4,5] = input "x"
%1: f32[2,3,2,3,4,5] = reshape(%0) {shape=[2,3,2,3,4,5]}
%2: f32[2,3,4,2,5,3] = transpose(%1) {perm=[0,1,4,2,5,3]}
%3: f32[2,3,8,15] = reshape(%2) {shape=[2,3,8,15]}
output "z" = %3
)");
  EXPECT_EQ(run(recognize_pixel_shuffle), 0);
}

TEST_F(RecognizePixelShuffleTest, AnotherResultShapeStays) {
  load(R"(
%0: f32[2,12,4,5] = input "x"
%1: f32[2,3,2,2,4,5] = reshape(%0) {shape=[2,3,2,2,4,5]}
%2: f32[2,3,4,2,5,2] = transpose(%1) {perm=[0,1,4,2,5,3]}
%3: f32[2,3,10,8] = reshape(%2) {shape=[2,3,10,8]}
output "z" = %3
)");
  EXPECT_EQ(run(recognize_pixel_shuffle), 0);
}

}  // namespace
}  // namespace atl
