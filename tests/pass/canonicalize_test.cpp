#include "ops/binary.h"
#include "ops/shape.h"
#include "pass/graph_eval.h"

namespace atl {
namespace {

using CanonicalizeTest = PassTest;

TEST_F(CanonicalizeTest, OperandsOfElementwiseOpsGetTheResultsRank) {
  load(R"(
%0: f32[2,3,5] = input "x"
%1: f32[3,1] = input "y"
%2: f32[2,3,5] = binary(%0, %1) {kind=sub, activation=none}
output "z" = %2
)");
  run(canonicalize);
  const Values in = g[output()].in;
  EXPECT_EQ(g.type(in[0]).shape, (Shape{2, 3, 5}));
  EXPECT_EQ(g.type(in[1]).shape, (Shape{1, 3, 1}));
  EXPECT_EQ(count(OpCode::kReshape), 1u);
}

TEST_F(CanonicalizeTest, AllOperandsOfASelectGetTheResultsRank) {
  load(R"(
%0: bool[5] = input "c"
%1: f32[3,5] = input "x"
%2: f32[2,1,1] = input "y"
%3: f32[2,3,5] = select(%0, %1, %2)
output "z" = %3
)");
  run(canonicalize);
  for (const Value v : g[output()].in) EXPECT_EQ(g.type(v).rank(), 3u) << print(g);
}

TEST_F(CanonicalizeTest, AScalarOperandStaysAScalar) {
  load(R"(
%0: f32[2,3] = input "x"
%1: f32[] = input "s"
%2: f32[2,3] = binary(%0, %1) {kind=pow, activation=none}
%3: f32[2,3] = unary(%0) {kind=abs}
%4: f32[2,3] = binary(%3, %1) {kind=maximum, activation=none}
output "z" = %4
)");
  run(canonicalize);
  EXPECT_EQ(count(OpCode::kReshape), 0u);
  EXPECT_EQ(g.type(g[output()].in[1]).rank(), 0u);
}

TEST_F(CanonicalizeTest, ReshapesOfReshapesJoin) {
  load(R"(
%0: f32[2,3,5] = input "x"
%1: f32[6,5] = reshape(%0) {shape=[6,5]}
%2: f32[5,6] = reshape(%1) {shape=[5,6]}
%3: f32[15,2] = reshape(%2) {shape=[15,2]}
output "z" = %3
)");
  run(canonicalize);
  EXPECT_EQ(count(OpCode::kReshape), 1u);
  EXPECT_EQ(output_op<Reshape>().shape, (Shape{15, 2}));
}

TEST_F(CanonicalizeTest, ActivationsThatRiseGoBehindAMaxPool) {
  struct Case {
    const char *constant, *activation;
    bool moved;
  };
  for (const Case& c : {Case{"const \"a\" {0.25, 0, 1.5}", "prelu(%0, %1)", true},
                        Case{"const \"a\" {0.25, -0.5, 1.5}", "prelu(%0, %1)", false},
                        Case{"const \"a\" {0, 0, 0}", "leaky_relu(%0) {alpha=0.125}", true},
                        Case{"const \"a\" {0, 0, 0}", "leaky_relu(%0) {alpha=-0.125}", false},
                        Case{"const \"a\" {0, 0, 0}", "unary(%0) {kind=tanh}", true},
                        Case{"const \"a\" {0, 0, 0}", "unary(%0) {kind=hard_swish}", false}}) {
    load(fmt::format(R"(
%0: f32[2,3,6,5] = input "x"
%1: f32[1,3,1,1] = {}
%2: f32[2,3,6,5] = {}
%3: f32[2,3,3,2] = pool2d(%2) {{kind=max, window=[3,2], stride=[2,2], padding=[0,1,0,0], count_include_pad=false, activation=none, layout=channels_first}}
output "z" = %3
)",
                     c.constant, c.activation));
    run(canonicalize);
    EXPECT_EQ(!g.is(output(), OpCode::kPool2d), c.moved) << c.activation << print(g);
  }
}

TEST_F(CanonicalizeTest, NothingIsRewrittenBeyondTheLimit) {
  const std::string_view text = R"(
%0: f32[2,3,5] = input "x"
%1: f32[30] = reshape(%0) {shape=[30]}
%2: f32[2,3,5] = reshape(%1) {shape=[2,3,5]}
output "z" = %2
)";
  load(text);
  PassContext context;
  context.rewrite_limit = 0;
  ASSERT_TRUE(canonicalize(g, context));
  EXPECT_EQ(count(OpCode::kReshape), 2u);
  EXPECT_EQ(context.rewrites, 0);
  run(canonicalize);
  EXPECT_EQ(count(OpCode::kReshape), 0u);
}

}  // namespace
}  // namespace atl
