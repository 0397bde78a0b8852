#include "ops/matmul.h"
#include "pass/graph_eval.h"

namespace atl {
namespace {

using FoldConstantsTest = PassTest;

TEST_F(FoldConstantsTest, AWholeTreeOfConstantsBecomesOne) {
  load(R"(
%0: f32[2,3] = input "x"
%1: f32[3] = const "a" {1, 2, 3}
%2: f32[3] = const "b" {random 4}
%3: f32[3] = binary(%1, %2) {kind=mul, activation=none}
%4: f32[3] = unary(%3) {kind=exp}
%5: f32[2,3] = binary(%0, %4) {kind=add, activation=none}
output "z" = %5
)");
  EXPECT_EQ(run(fold_constants), 2);
  EXPECT_EQ(count(OpCode::kConst), 1u);
  EXPECT_EQ(count(OpCode::kUnary), 0u);
  EXPECT_EQ(count(OpCode::kBinary), 1u);
}

TEST_F(FoldConstantsTest, MovedConstantsAreViewsOfTheSameBytes) {
  load(R"(
%0: f32[2,3,5] = const "w" {random 1}
%1: f32[5,2,3] = transpose(%0) {perm=[2,0,1]}
%2: f32[5,6] = reshape(%1) {shape=[5,6]}
%3: f32[5,6] = input "x"
%4: f32[5,6] = binary(%2, %3) {kind=add, activation=none}
output "z" = %4
)");
  run(fold_constants);
  EXPECT_EQ(count(OpCode::kTranspose) + count(OpCode::kReshape), 0u);
  const Constant* c = g.constant(g[output()].in[0]);
  ASSERT_NE(c, nullptr);
  EXPECT_FALSE(c->is_lazy());
  EXPECT_FALSE(c->is_dense());
  EXPECT_EQ(c->name(), "w");
}

TEST_F(FoldConstantsTest, LargeResultsAreComputedWhenTheyAreNeeded) {
  load(R"(
%0: f32[150,130] = const "w" {random 1}
%1: f32[150,130] = unary(%0) {kind=tanh}
%2: f32[130] = input "x"
%3: f32[150,130] = binary(%1, %2) {kind=mul, activation=none}
output "z" = %3
)");
  EXPECT_EQ(run(fold_constants), 1);
  const Constant* c = g.constant(g[output()].in[0]);
  ASSERT_NE(c, nullptr);
  EXPECT_TRUE(c->is_lazy());
}

TEST_F(FoldConstantsTest, SmallConstantsDoNotGrowIntoLargeOnes) {
  load(R"(
%0: f32[1,512] = const "w" {random 1}
%1: f32[513,512] = broadcast_to(%0) {shape=[513,512]}
%2: f32[512,512] = broadcast_to(%0) {shape=[512,512]}
output "large" = %1
output "at_the_limit" = %2
)");
  EXPECT_EQ(run(fold_constants), 1);
  EXPECT_TRUE(g.is(output(0), OpCode::kBroadcastTo));
  EXPECT_TRUE(g.is(output(1), OpCode::kConst));
}

TEST_F(FoldConstantsTest, ALargeConstantMayStayLarge) {
  load(R"(
%0: f32[513,512] = const "w" {random 1}
%1: f32[513,512] = unary(%0) {kind=abs}
output "z" = %1
)");
  EXPECT_EQ(run(fold_constants), 1);
  EXPECT_TRUE(g.is(output(), OpCode::kConst));
}

TEST_F(FoldConstantsTest, AllResultsOfASplitFold) {
  load(R"(
%0: f32[2,7] = const "w" {random 1}
%1: f32[2,3], f32[2,4] = split(%0) {axis=1, sizes=[3,4]}
output "a" = %1.0
output "b" = %1.1
)");
  run(fold_constants);
  EXPECT_EQ(count(OpCode::kSplit), 0u);
  EXPECT_EQ(count(OpCode::kConst), 2u);
}

constexpr std::string_view kLstm = R"(
%0: f32[3,2,5] = input "x"
%1: f32[4,5] = const "ii" {random 1}
%2: f32[4,5] = const "if" {random 2}
%3: f32[4,5] = const "ig" {random 3}
%4: f32[4,5] = const "io" {random 4}
%5: f32[4,4] = const "hi" {random 5}
%6: f32[4,4] = const "hf" {random 6}
%7: f32[4,4] = const "hg" {random 7}
%8: f32[4,4] = const "ho" {random 8}
%9: f32[4] = const "bi" {random 9}
%10: f32[4] = const "bf" {random 10}
%11: f32[4] = const "bg" {random 11}
%12: f32[4] = const "bo" {random 12}
%13: f32[2,2,4] = const "states" {random 13}
%14: f32[2,4], f32[2,4] = unpack(%13) {axis=0}
%15: f32[3,2,4] = lstm(%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, _, %14.0, %14.1) {time_major=true, last_h=false, last_c=false, states_filled=STATES, cell_clip=0}
output "y" = %15
)";

std::string lstm_text(bool states_filled) {
  std::string text(kLstm);
  text.replace(text.find("STATES"), 6, states_filled ? "true" : "false");
  return text;
}

// The runtime keeps these tensors as the state of the LSTM: a constant could not be written to.
TEST_F(FoldConstantsTest, WhatWritesAStateStays) {
  load(lstm_text(true));
  EXPECT_EQ(run(fold_constants), 0);
  EXPECT_EQ(count(OpCode::kUnpack), 1u);
}

TEST_F(FoldConstantsTest, AStateThatIsNotYetWrittenFolds) {
  load(lstm_text(false));
  EXPECT_EQ(run(fold_constants), 1);
  EXPECT_EQ(count(OpCode::kUnpack), 0u);
  // Legalization makes a writer anew, which then stays.
  run(legalize);
  run(fold_constants);
  EXPECT_EQ(count(OpCode::kUnpack), 1u);
  EXPECT_TRUE(output_op<Lstm>().states_filled);
}

}  // namespace
}  // namespace atl
