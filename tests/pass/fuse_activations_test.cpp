#include "ops/binary.h"
#include "ops/conv.h"
#include "ops/matmul.h"
#include "ops/unary.h"
#include "pass/graph_eval.h"

namespace atl {
namespace {

using FuseActivationsTest = PassTest;

#define CONV "{stride=[1,1], dilation=[1,1], padding=[0,0,0,0], groups=1, activation=none, layout=channels_last}\n"
constexpr const char* kConv =
    "%0: f32[2,6,7,3] = input \"x\"\n%1: f32[4,2,3,3] = const \"w\" {random 1}\n%2: f32[4] = const \"b\" {random 2}\n"
    "%3: f32[2,5,5,4] = conv2d(%0, %1, %2) " CONV;

TEST_F(FuseActivationsTest, EveryActivationThatTheKernelsHave) {
  const std::pair<const char*, Activation> kinds[] = {
      {"relu", Activation::kRelu}, {"relu6", Activation::kRelu6}, {"relu_n1_to_1", Activation::kReluN1To1}};
  for (const auto& [name, activation] : kinds) {
    load(std::string(kConv) + "%4: f32[2,5,5,4] = unary(%3) {kind=" + name + "}\noutput \"z\" = %4\n");
    EXPECT_EQ(run(fuse_activations), 1) << name;
    EXPECT_EQ(count(OpCode::kUnary), 0u);
    EXPECT_EQ(output_op<Conv2d>().activation, activation);
  }
}

TEST_F(FuseActivationsTest, OtherFunctionsStay) {
  for (const char* name : {"tanh", "relu_0_to_1", "abs", "hard_swish"}) {
    load(std::string(kConv) + "%4: f32[2,5,5,4] = unary(%3) {kind=" + name + "}\noutput \"z\" = %4\n");
    EXPECT_EQ(run(fuse_activations), 0) << name;
  }
}

TEST_F(FuseActivationsTest, AResultThatIsUsedTwiceStays) {
  load(std::string(kConv) + "%4: f32[2,5,5,4] = unary(%3) {kind=relu}\noutput \"z\" = %4\noutput \"y\" = %3\n");
  EXPECT_EQ(run(fuse_activations), 0);
  load(std::string(kConv) +
       "%4: f32[2,5,5,4] = unary(%3) {kind=relu}\n%5: f32[2,5,5,4] = unary(%3) {kind=relu6}\n"
       "%6: f32[2,5,5,4] = binary(%4, %5) {kind=pow, activation=none}\noutput \"z\" = %6\n");
  EXPECT_EQ(run(fuse_activations), 0);
}

TEST_F(FuseActivationsTest, OnlyOneActivationFits) {
  load(std::string(kConv) +
       "%4: f32[2,5,5,4] = unary(%3) {kind=relu_n1_to_1}\n%5: f32[2,5,5,4] = unary(%4) {kind=relu}\n"
       "output \"z\" = %5\n");
  EXPECT_EQ(run(fuse_activations), 1);
  EXPECT_EQ(output_op<Unary>().kind, UnaryKind::kRelu);
}

TEST_F(FuseActivationsTest, ArithmeticAndFullyConnectedTakeOneToo) {
  load(R"(
%0: f32[2,3] = input "x"
%1: f32[5,3] = const "w" {random 1}
%2: f32[2,5] = fully_connected(%0, %1, _) {activation=none}
%3: f32[2,5] = unary(%2) {kind=relu}
%4: f32[2,5] = binary(%3, %3) {kind=sub, activation=none}
%5: f32[2,5] = unary(%4) {kind=relu6}
%6: f32[2,5] = binary(%5, %3) {kind=maximum, activation=none}
%7: f32[2,5] = unary(%6) {kind=relu6}
output "z" = %7
)");
  EXPECT_EQ(run(fuse_activations), 2);
  EXPECT_EQ(count(OpCode::kUnary), 1u) << "a maximum has no activation";
}

}  // namespace
}  // namespace atl
