#include "ops/binary.h"
#include "ops/conv.h"
#include "pass/graph_eval.h"

namespace atl {
namespace {

#define CONV(padding, groups, activation) \
  "{stride=[1,1], dilation=[1,1], padding=" padding ", groups=" groups ", activation=" activation ", layout=channels_first}\n"
#define PLAIN CONV("[0,0,0,0]", "1", "none")

struct Case {
  const char* what;
  const char* text;
  bool folds = true;
  OpCode rest = OpCode::kBinary;  ///< what is gone when it folds
};
class FoldScales : public PassTest, public testing::WithParamInterface<Case> {};

TEST_P(FoldScales, FoldsOrStays) {
  const std::string head = R"(
%0: f32[2,3,6,7] = input "x"
%1: f32[4,3,2,3] = const "w" {random 1}
%2: f32[4] = const "b" {random 2}
%3: f32[1,4,1,1] = const "c" {0.5, -2, 3, 1.5}
%4: f32[1,3,1,1] = const "d" {0.5, -2, 3}
%5: f32[] = const "s" {0.25}
%6: f32[5,7] = const "v" {random 6}
%7: f32[5] = const "e" {random 7}
%8: f32[7] = const "f" {0.5, -2, 3, 1.5, -1, 4, 2}
)";
  load(head + GetParam().text);
  const size_t before = count(GetParam().rest);
  ASSERT_GT(before, 0u);
  const int64_t rewrites = run(fold_scales);
  if (GetParam().folds) {
    EXPECT_EQ(count(GetParam().rest), 0u) << print(g);
  } else {
    EXPECT_EQ(count(GetParam().rest), before) << print(g);
    EXPECT_EQ(rewrites, 0);
  }
}

#define BEHIND "%10: f32[2,4,5,5] = conv2d(%0, %1, %2) " PLAIN
#define BEHIND_UNBIASED "%10: f32[2,4,5,5] = conv2d(%0, %1, _) " PLAIN
#define ON_RESULT(k, a, b) "%11: f32[2,4,5,5] = binary(" a ", " b ") {kind=" k ", activation=none}\noutput \"z\" = %11\n"
INSTANTIATE_TEST_SUITE_P(
    BehindAConvolution, FoldScales,
    testing::Values(
        Case{"Scale", BEHIND ON_RESULT("mul", "%10", "%3")},                   //
        Case{"ScaleFirst", BEHIND ON_RESULT("mul", "%3", "%10")},              //
        Case{"ScaleByANumber", BEHIND ON_RESULT("mul", "%10", "%5")},          //
        Case{"Shift", BEHIND ON_RESULT("add", "%10", "%3")},                   //
        Case{"ShiftByANumber", BEHIND ON_RESULT("add", "%10", "%5")},          //
        Case{"Minus", BEHIND ON_RESULT("sub", "%10", "%3")},                   //
        Case{"ConstantMinus", BEHIND ON_RESULT("sub", "%3", "%10")},           //
        Case{"Quotient", BEHIND ON_RESULT("div", "%10", "%3")},                //
        Case{"ScaleUnbiased", BEHIND_UNBIASED ON_RESULT("mul", "%10", "%3")},  //
        Case{"ShiftUnbiased", BEHIND_UNBIASED ON_RESULT("add", "%10", "%5")},  //
        Case{"MinusUnbiased", BEHIND_UNBIASED ON_RESULT("sub", "%10", "%3")},  //
        Case{"ConstantMinusUnbiased", BEHIND_UNBIASED ON_RESULT("sub", "%5", "%10")},
        Case{"BatchNorm", BEHIND "%11: f32[2,4,5,5] = binary(%10, %3) {kind=sub, activation=none}\n"
                                 "%12: f32[2,4,5,5] = binary(%11, %3) {kind=div, activation=none}\n"
                                 "%13: f32[2,4,5,5] = binary(%12, %3) {kind=mul, activation=none}\n"
                                 "%14: f32[2,4,5,5] = binary(%13, %5) {kind=add, activation=none}\noutput \"z\" = %14\n"},
        Case{"ConstantOverIt", BEHIND ON_RESULT("div", "%3", "%10"), false},
        Case{"AlongAnotherAxis", "%9: f32[1,1,5,1] = const \"h\" {random 9}\n" BEHIND ON_RESULT("mul", "%10", "%9"), false},
        Case{"BehindAnActivation",
             "%10: f32[2,4,5,5] = conv2d(%0, %1, %2) " CONV("[0,0,0,0]", "1", "relu") ON_RESULT("mul", "%10", "%3"), false},
        Case{"ResultIsUsedElsewhere", BEHIND ON_RESULT("mul", "%10", "%3") "output \"y\" = %10\n", false},
        Case{"WeightsAreShared",
             BEHIND ON_RESULT("mul", "%10", "%3") "%12: f32[2,4,5,5] = conv2d(%0, %1, %2) " PLAIN "output \"y\" = %12\n",
             false}),
    [](const auto& p) { return p.param.what; });

#define SCALED(k, c) "%10: f32[2,3,6,7] = binary(%0, " c ") {kind=" k ", activation=none}\n"
#define BEFORE "%11: f32[2,4,5,5] = conv2d(%10, %1, %2) " PLAIN "output \"z\" = %11\n"
#define BEFORE_PADDED "%11: f32[2,4,7,7] = conv2d(%10, %1, %2) " CONV("[1,1,1,1]", "1", "none") "output \"z\" = %11\n"
INSTANTIATE_TEST_SUITE_P(
    BeforeAConvolution, FoldScales,
    testing::Values(
        Case{"Scale", SCALED("mul", "%4") BEFORE},     //
        Case{"Quotient", SCALED("div", "%4") BEFORE},  //
        Case{"Shift", SCALED("add", "%4") BEFORE},     //
        Case{"Minus", SCALED("sub", "%4") BEFORE},     //
        Case{"ShiftByANumber", SCALED("add", "%5") BEFORE},
        Case{"ShiftUnbiased", SCALED("sub", "%4") "%11: f32[2,4,5,5] = conv2d(%10, %1, _) " PLAIN "output \"z\" = %11\n"},
        Case{"ScalePadded", SCALED("mul", "%4") BEFORE_PADDED}, Case{"ShiftPadded", SCALED("add", "%4") BEFORE_PADDED, false},
        Case{"MinusPadded", SCALED("sub", "%5") BEFORE_PADDED, false},
        Case{"ConstantMinus", "%10: f32[2,3,6,7] = binary(%4, %0) {kind=sub, activation=none}\n" BEFORE, false},
        Case{"UsedElsewhere", SCALED("mul", "%4") BEFORE "output \"y\" = %10\n", false},
        Case{"OfADepthwise",
             "%9: f32[3,1,2,3] = const \"dw\" {random 3}\n" SCALED("mul", "%4") "%11: f32[2,3,5,5] = conv2d(%10, %9, _) " CONV(
                 "[0,0,0,0]", "3", "none") "output \"z\" = %11\n",
             false}),
    [](const auto& p) { return p.param.what; });

#define FC "%11: f32[2,3,6,5] = fully_connected(%10, %6, %7) {activation=none}\noutput \"z\" = %11\n"
INSTANTIATE_TEST_SUITE_P(
    AroundFullyConnected, FoldScales,
    testing::Values(
        Case{"GammaBefore", SCALED("mul", "%8") FC}, Case{"BetaBefore", SCALED("add", "%8") FC},
        Case{"GammaAndBetaBefore",
             "%9: f32[2,3,6,7] = binary(%0, %8) {kind=mul, activation=none}\n"
             "%10: f32[2,3,6,7] = binary(%9, %8) {kind=sub, activation=none}\n" FC},
        Case{"AcrossRows", SCALED("mul", "%4") FC, false},
        Case{"ScaleBehind",
             "%10: f32[2,3,6,5] = fully_connected(%0, %6, %7) {activation=none}\n"
             "%11: f32[2,3,6,5] = binary(%10, %7) {kind=mul, activation=none}\noutput \"z\" = %11\n"},
        Case{"ThroughMovements",
             "%10: f32[2,3,6,5] = fully_connected(%0, %6, %7) {activation=none}\n"
             "%11: f32[2,18,5] = reshape(%10) {shape=[2,18,5]}\n"
             "%12: f32[5,2,18] = transpose(%11) {perm=[2,0,1]}\n"
             "%13: f32[5,2,18] = binary(%12, %5) {kind=mul, activation=none}\noutput \"z\" = %13\n"},
        Case{"ThroughMovementsDivided",
             "%10: f32[2,3,6,5] = fully_connected(%0, %6, _) {activation=none}\n"
             "%11: f32[5,2,3,6] = transpose(%10) {perm=[3,0,1,2]}\n"
             "%12: f32[5,2,3,6] = binary(%11, %5) {kind=div, activation=none}\noutput \"z\" = %12\n"},
        Case{"ThroughMovementsShifted",
             "%10: f32[2,3,6,5] = fully_connected(%0, %6, %7) {activation=none}\n"
             "%11: f32[5,2,3,6] = transpose(%10) {perm=[3,0,1,2]}\n"
             "%12: f32[5,2,3,6] = binary(%11, %5) {kind=add, activation=none}\noutput \"z\" = %12\n",
             false},
        Case{"ThroughMovementsUsedElsewhere",
             "%10: f32[2,3,6,5] = fully_connected(%0, %6, %7) {activation=none}\n"
             "%11: f32[5,2,3,6] = transpose(%10) {perm=[3,0,1,2]}\n"
             "%12: f32[5,2,3,6] = binary(%11, %5) {kind=mul, activation=none}\noutput \"z\" = %12\noutput \"y\" = %11\n",
             false}),
    [](const auto& p) { return p.param.what; });

using FoldScalesTest = PassTest;

TEST_F(FoldScalesTest, TransposedConvolutionTakesAScaleButNoShiftOfItsData) {
  const char* head = R"(
%0: f32[2,3,4,5] = input "x"
%1: f32[3,4,2,3] = const "w" {random 1}
%2: f32[1,3,1,1] = const "d" {0.5, -2, 3}
)";
  const char* conv =
      "%4: f32[2,4,8,11] = transpose_conv2d(%3, %1, _) {stride=[2,2], padding=[0,0,0,0], output_padding=[0,0], "
      "activation=none, "
      "layout=channels_first}\noutput \"z\" = %4\n";
  load(std::string(head) + "%3: f32[2,3,4,5] = binary(%0, %2) {kind=mul, activation=none}\n" + conv);
  run(fold_scales);
  EXPECT_EQ(count(OpCode::kBinary), 0u);
  load(std::string(head) + "%3: f32[2,3,4,5] = binary(%0, %2) {kind=add, activation=none}\n" + conv);
  run(fold_scales);
  EXPECT_EQ(count(OpCode::kBinary), 1u);
}

}  // namespace
}  // namespace atl
