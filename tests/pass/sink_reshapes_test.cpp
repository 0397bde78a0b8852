#include "ops/shape.h"
#include "pass/graph_eval.h"

namespace atl {
namespace {

using SinkReshapesTest = PassTest;

TEST_F(SinkReshapesTest, AReshapeGoesBehindAChainWithConstants) {
  load(R"(
%0: f32[2,3,1,5] = input "x"
%1: f32[2,3,5] = reshape(%0) {shape=[2,3,5]}
%2: f32[1,3,1] = const "scale" {random 2}
%3: f32[2,3,5] = binary(%1, %2) {kind=mul, activation=none}
%4: f32[1,1,5] = const "shift" {random 3}
%5: f32[2,3,5] = binary(%4, %3) {kind=sub, activation=none}
%6: f32[2,3,5] = unary(%5) {kind=tanh}
output "z" = %6
)");
  EXPECT_EQ(run(sink_reshapes), 3);
  EXPECT_EQ(count(OpCode::kReshape), 3u) << "one for each constant, one for the result";
  EXPECT_EQ(output_op<Reshape>().shape, (Shape{2, 3, 5}));
  const Value tanh = g[output()].in[0];
  EXPECT_EQ(g.type(tanh).shape, (Shape{2, 3, 1, 5}));
  run(fold_constants);
  EXPECT_EQ(count(OpCode::kReshape), 1u);
}

TEST_F(SinkReshapesTest, AReshapeThatAddsAxesGoesBehindToo) {
  load(R"(
%0: f32[3,5] = input "x"
%1: f32[3,1,5,1] = reshape(%0) {shape=[3,1,5,1]}
%2: f32[3,1,1,1] = const "c" {random 2}
%3: f32[3,1,5,1] = binary(%1, %2) {kind=add, activation=none}
output "z" = %3
)");
  EXPECT_EQ(run(sink_reshapes), 1);
  EXPECT_EQ(g.type(g[output()].in[0]).shape, (Shape{3, 5}));
}

TEST_F(SinkReshapesTest, BothOperandsMayBeReshaped) {
  load(R"(
%0: f32[3,1,5] = input "x"
%1: f32[3,1,5] = input "y"
%2: f32[3,5] = reshape(%0) {shape=[3,5]}
%3: f32[3,5] = reshape(%1) {shape=[3,5]}
%4: f32[3,5] = binary(%2, %3) {kind=sub, activation=none}
output "z" = %4
)");
  EXPECT_EQ(run(sink_reshapes), 1);
  EXPECT_EQ(count(OpCode::kReshape), 1u);
}

struct Stays {
  const char* what;
  const char* text;
};
class SinkReshapesStays : public PassTest, public testing::WithParamInterface<Stays> {};

TEST_P(SinkReshapesStays, NothingChanges) {
  load(GetParam().text);
  EXPECT_EQ(run(sink_reshapes), 0) << print(g);
}

INSTANTIATE_TEST_SUITE_P(All, SinkReshapesStays,
                         testing::Values(Stays{"OtherAxesMerge", R"(
%0: f32[2,3,5] = input "x"
%1: f32[6,5] = reshape(%0) {shape=[6,5]}
%2: f32[6,5] = unary(%1) {kind=abs}
output "z" = %2
)"},
                                         Stays{"ReshapeIsUsedElsewhere", R"(
%0: f32[2,1,5] = input "x"
%1: f32[2,5] = reshape(%0) {shape=[2,5]}
%2: f32[2,5] = unary(%1) {kind=abs}
output "y" = %1
output "z" = %2
)"},
                                         Stays{"OperandsComeFromOtherShapes", R"(
%0: f32[2,1,5] = input "x"
%1: f32[1,2,5] = input "y"
%2: f32[2,5] = reshape(%0) {shape=[2,5]}
%3: f32[2,5] = reshape(%1) {shape=[2,5]}
%4: f32[2,5] = binary(%2, %3) {kind=add, activation=none}
output "z" = %4
)"},
                                         Stays{"TheConstantBroadcastsTheReshape", R"(
%0: f32[1,1,5] = input "x"
%1: f32[1,5] = reshape(%0) {shape=[1,5]}
%2: f32[3,5] = const "c" {random 1}
%3: f32[3,5] = binary(%1, %2) {kind=add, activation=none}
output "z" = %3
)"}),
                         [](const auto& p) { return p.param.what; });

}  // namespace
}  // namespace atl
