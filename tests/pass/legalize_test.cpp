#include "ops/reduce.h"
#include "ops/shape.h"
#include "pass/graph_eval.h"

namespace atl {
namespace {

using LegalizeTest = PassTest;

TEST_F(LegalizeTest, EveryNodeIsLegalAfterwards) {
  load(R"(
%0: f32[2,3,5] = input "x"
%1: f32[2,3,5] = softmax(%0) {axis=1, beta=1}
%2: f32[2,3,5] = log_softmax(%1) {axis=0}
output "z" = %2
)");
  run(legalize);
  for (uint32_t id : g.topological_order()) {
    const Node& n = g[id];
    if (n.op->code == OpCode::kInput || n.op->code == OpCode::kConst) continue;
    Types types;
    for (Value v : n.in) types.push_back(g.type(v));
    EXPECT_TRUE(def_of(*n.op).legal(*n.op, types)) << print(g);
  }
}

TEST_F(LegalizeTest, AConvolutionIsPaddedByAPadWhereThePaddingIsNotSame) {
  load(R"(
%0: f32[2,6,7,3] = input "x"
%1: f32[4,3,3,3] = const "w" {random 1}
%2: f32[4] = const "b" {random 2}
%3: f32[2,8,8,4] = conv2d(%0, %1, %2) {stride=[1,1], dilation=[1,1], padding=[2,2,0,3], groups=1, activation=none, layout=channels_last}
output "z" = %3
)");
  run(legalize);
  EXPECT_EQ(count(OpCode::kPad), 1u) << print(g);
}

TEST_F(LegalizeTest, EachOutputIsATensorOfItsOwn) {
  load(R"(
%0: f32[2,3] = input "x"
%1: f32[2,3] = unary(%0) {kind=abs}
%2: f32[4] = const "c" {random 2}
output "a" = %1
output "b" = %1
output "c" = %0
output "d" = %2
)");
  run(legalize);
  std::vector<Value> values;
  for (const Port& p : g.outputs()) {
    EXPECT_FALSE(g.is(p.value, OpCode::kInput) || g.is(p.value, OpCode::kConst));
    EXPECT_EQ(std::count(values.begin(), values.end(), p.value), 0);
    values.push_back(p.value);
  }
  EXPECT_EQ(count(OpCode::kReshape), 3u);
}

// Channels-first convolutions have no LiteRT form; equal problems are one entry with a count.
TEST_F(LegalizeTest, WhatHasNoFormIsReportedTogether) {
  load(R"(
%0: f32[2,3,6,7] = input "x"
%1: f32[3,3,1,1] = const "w" {random 1}
%2: f32[2,3,6,7] = conv2d(%0, %1, _) {stride=[1,1], dilation=[1,1], padding=[0,0,0,0], groups=1, activation=none, layout=channels_first}
%3: f32[2,3,6,7] = conv2d(%2, %1, _) {stride=[1,1], dilation=[1,1], padding=[0,0,0,0], groups=1, activation=none, layout=channels_first}
%4: f32[2,3,3,7] = pool2d(%3) {kind=max, window=[2,1], stride=[2,1], padding=[0,0,0,0], count_include_pad=false, activation=none, layout=channels_first}
output "z" = %4
)");
  PassContext context;
  const Status s = legalize(g, context);
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().count, 2) << format(s.error());
  EXPECT_EQ(s.error().others.size(), 1u) << format(s.error());
}

TEST_F(LegalizeTest, IgnoresTheRewriteLimit) {
  load("%0: f32[2,3,5] = input \"x\"\n%1: f32[2,3,5] = softmax(%0) {axis=1, beta=1}\noutput \"z\" = %1\n");
  PassContext context;
  context.rewrite_limit = 0;
  ASSERT_TRUE(legalize(g, context));
  EXPECT_EQ(count(OpCode::kTranspose), 2u);
  check(inputs_, expected_);
}

}  // namespace
}  // namespace atl
