#include "ops/activation.h"
#include "ops/unary.h"
#include "pass/graph_eval.h"

namespace atl {
namespace {

struct Spelling {
  const char* what;
  const char* text;
  bool found = true;
};
std::string name_of(const testing::TestParamInfo<Spelling>& p) { return p.param.what; }

class HardSwish : public PassTest, public testing::WithParamInterface<Spelling> {};

TEST_P(HardSwish, IsRecognized) {
  const std::string head = R"(
%0: f32[2,3,5] = input "x"
%1: f32[] = const "three" {3}
%2: f32[] = const "six" {6}
%3: f32[1,1,1] = const "sixth" {0.16666667}
%4: f32[] = const "five" {5}
)";
  load(head + GetParam().text);
  run(recognize_activations);
  if (GetParam().found) {
    EXPECT_EQ(output_op<Unary>().kind, UnaryKind::kHardSwish);
    EXPECT_EQ(g[output()].in[0], g.inputs()[0].value);
    EXPECT_EQ(count(OpCode::kBinary), 0u);
  } else {
    EXPECT_FALSE(g.is(output(), OpCode::kUnary)) << print(g);
  }
}

#define SHIFTED "%5: f32[2,3,5] = binary(%0, %1) {kind=add, activation=none}\n%6: f32[2,3,5] = unary(%5) {kind=relu6}\n"
#define SHIFTED_SWAPPED "%5: f32[2,3,5] = binary(%1, %0) {kind=add, activation=none}\n%6: f32[2,3,5] = unary(%5) {kind=relu6}\n"
#define BINARY(n, a, b, k) "%" #n ": f32[2,3,5] = binary(%" #a ", %" #b ") {kind=" #k ", activation=none}\n"
#define OUTPUT(n) "output \"z\" = %" #n "\n"
INSTANTIATE_TEST_SUITE_P(
    Spellings, HardSwish,
    testing::Values(
        Spelling{"ProductDivided", SHIFTED BINARY(7, 0, 6, mul) BINARY(8, 7, 2, div) OUTPUT(8)},
        Spelling{"ProductDividedSwapped", SHIFTED_SWAPPED BINARY(7, 6, 0, mul) BINARY(8, 7, 2, div) OUTPUT(8)},
        Spelling{"ProductScaled", SHIFTED BINARY(7, 0, 6, mul) BINARY(8, 7, 3, mul) OUTPUT(8)},
        Spelling{"ProductScaledSwapped", SHIFTED BINARY(7, 6, 0, mul) BINARY(8, 3, 7, mul) OUTPUT(8)},
        Spelling{"GateDivided", SHIFTED BINARY(7, 6, 2, div) BINARY(8, 0, 7, mul) OUTPUT(8)},
        Spelling{"GateDividedSwapped", SHIFTED BINARY(7, 6, 2, div) BINARY(8, 7, 0, mul) OUTPUT(8)},
        Spelling{"GateScaled", SHIFTED BINARY(7, 6, 3, mul) BINARY(8, 0, 7, mul) OUTPUT(8)},
        Spelling{"GateScaledSwapped", SHIFTED_SWAPPED BINARY(7, 3, 6, mul) BINARY(8, 7, 0, mul) OUTPUT(8)},
        Spelling{"DividedByFive", SHIFTED BINARY(7, 0, 6, mul) BINARY(8, 7, 4, div) OUTPUT(8), false},
        Spelling{"SixDividedByTheProduct",
                 SHIFTED "%7: f32[2,3,5] = unary(%6) {kind=exp}\n" BINARY(
                     8, 0, 7, mul) "%9: f32[2,3,5] = unary(%8) {kind=exp}\n" BINARY(10, 2, 9, div) OUTPUT(10),
                 false},
        Spelling{"GateOfAnotherValue",
                 "%5: f32[2,3,5] = unary(%0) {kind=abs}\n%6: f32[2,3,5] = binary(%5, %1) {kind=add, activation=none}\n"
                 "%7: f32[2,3,5] = unary(%6) {kind=relu6}\n" BINARY(8, 0, 7, mul) BINARY(9, 8, 2, div) OUTPUT(9),
                 false},
        Spelling{"ShiftedByFive",
                 "%5: f32[2,3,5] = binary(%0, %4) {kind=add, activation=none}\n%6: f32[2,3,5] = unary(%5) {kind=relu6}\n"  //
                 BINARY(7, 0, 6, mul) BINARY(8, 7, 2, div) OUTPUT(8),
                 false},
        Spelling{"ShiftedDownwards",
                 "%5: f32[2,3,5] = binary(%0, %1) {kind=sub, activation=none}\n%6: f32[2,3,5] = unary(%5) {kind=relu6}\n"  //
                 BINARY(7, 0, 6, mul) BINARY(8, 7, 2, div) OUTPUT(8),
                 false}),
    name_of);
#undef SHIFTED
#undef SHIFTED_SWAPPED

class TanhGelu : public PassTest, public testing::WithParamInterface<Spelling> {};

TEST_P(TanhGelu, IsRecognized) {
  const std::string head = R"(
%0: f32[2,3,5] = input "x"
%1: f32[] = const "half" {0.5}
%2: f32[] = const "inner" {0.7978845608}
%3: f32[] = const "cubic" {0.044715}
%4: f32[1,1,1] = const "one" {1}
%5: f32[] = const "three" {3}
%6: f32[] = const "wrong" {0.05}
)";
  load(head + GetParam().text);
  run(recognize_activations);
  if (GetParam().found) {
    EXPECT_TRUE(output_op<Gelu>().approximate);
    EXPECT_EQ(g[output()].in[0], g.inputs()[0].value);
    EXPECT_EQ(count(OpCode::kBinary) + count(OpCode::kUnary), 0u) << print(g);
  } else {
    EXPECT_EQ(count(OpCode::kGelu), 0u) << print(g);
  }
}

#define UNARY(n, a, k) "%" #n ": f32[2,3,5] = unary(%" #a ") {kind=" #k "}\n"
#define CUBE BINARY(10, 0, 5, pow)
#define SQUARED UNARY(9, 0, square) BINARY(10, 9, 0, mul)
#define INNER BINARY(11, 10, 3, mul) BINARY(12, 0, 11, add) BINARY(13, 12, 2, mul) UNARY(14, 13, tanh) BINARY(15, 14, 4, add)
INSTANTIATE_TEST_SUITE_P(
    Spellings, TanhGelu,
    testing::Values(Spelling{"HalfFirst", CUBE INNER BINARY(16, 0, 1, mul) BINARY(17, 16, 15, mul) OUTPUT(17)},
                    Spelling{"HalfLast", SQUARED INNER BINARY(16, 0, 15, mul) BINARY(17, 16, 1, mul) OUTPUT(17)},
                    Spelling{"HalfOfTheGate", SQUARED INNER BINARY(16, 15, 1, mul) BINARY(17, 16, 0, mul) OUTPUT(17)},
                    // 0.79788 x (1 + 0.044715 x x)
                    Spelling{"Factored", BINARY(7, 0, 3, mul) BINARY(8, 7, 0, mul) BINARY(9, 8, 4, add) BINARY(10, 0, 2, mul)
                                             BINARY(13, 10, 9, mul) UNARY(14, 13, tanh) BINARY(15, 4, 14, add)
                                                 BINARY(16, 0, 1, mul) BINARY(17, 16, 15, mul) OUTPUT(17)},
                    Spelling{"AnotherCoefficient",
                             CUBE BINARY(11, 10, 6, mul) BINARY(12, 0, 11, add) BINARY(13, 12, 2, mul) UNARY(14, 13, tanh)
                                 BINARY(15, 14, 4, add) BINARY(16, 0, 1, mul) BINARY(17, 16, 15, mul) OUTPUT(17),
                             false},
                    Spelling{"NotHalved", CUBE INNER BINARY(17, 0, 15, mul) OUTPUT(17), false},
                    Spelling{"GateOfAnotherValue",
                             CUBE INNER UNARY(8, 0, abs) BINARY(16, 8, 1, mul) BINARY(17, 16, 15, mul) OUTPUT(17), false},
                    Spelling{"WithAnOffset",
                             CUBE BINARY(11, 10, 3, mul) BINARY(12, 0, 11, add) BINARY(7, 12, 6, add) BINARY(13, 7, 2, mul)
                                 UNARY(14, 13, tanh) BINARY(15, 14, 4, add) BINARY(16, 0, 1, mul) BINARY(17, 16, 15, mul)
                                     OUTPUT(17),
                             false},
                    Spelling{"OfTheFourthDegree",
                             CUBE BINARY(7, 10, 0, mul) BINARY(11, 7, 3, mul) BINARY(12, 0, 11, add) BINARY(13, 12, 2, mul)
                                 UNARY(14, 13, tanh) BINARY(15, 14, 4, add) BINARY(16, 0, 1, mul) BINARY(17, 16, 15, mul)
                                     OUTPUT(17),
                             false}),
    name_of);
#undef CUBE
#undef SQUARED
#undef INNER
#undef UNARY
#undef BINARY
#undef OUTPUT

class SafeSoftmax : public PassTest, public testing::WithParamInterface<Spelling> {};

TEST_P(SafeSoftmax, LosesItsGuardOnlyWhereItCannotAct) {
  const std::string head = R"(
%0: f32[2,3,5] = input "q"
%1: f32[2,5,4] = input "k"
%2: f32[2,3,4] = batch_matmul(%0, %1) {adj_x=false, adj_y=false}
%3: f32[] = const "scale" {0.5}
%4: f32[1,3,4] = const "mask" {0, 0, -inf, -inf, -inf, -inf, -inf, -inf, 0, 0, 0, 0}
%5: f32[1,3,4] = const "bias" {0, 1, 2, 3, -1, -2, -3, 9, 8, 7, 6, 5}
%6: f32[] = const "minus_infinity" {-inf}
%7: f32[] = const "zero" {0}
%8: f32[3,4] = input "given_mask"
%17: f32[3,4] = const "causal" {0, -inf, -inf, -inf, 0, 1, -inf, -inf, 0, 0, 0, -inf}
%9: f32[2,3,4] = binary(%2, %3) {kind=mul, activation=none}
)";
  g = graph_of(head + GetParam().text);
  for (const Port& p : g.inputs()) inputs_.push_back(random_tensor(g.type(p.value), inputs_.size() + 1));
  // Where nothing is masked, both ways give the same numbers; a masked row (NaN without its guard) shows in the results too.
  for (int64_t i = 0; i < 4; ++i) inputs_[2].mutable_data<float>()[i] = -INFINITY;
  expected_ = evaluate_graph(g, inputs_);
  run(recognize_activations);
  EXPECT_EQ(count(OpCode::kSelect), GetParam().found ? 0u : 1u) << print(g);
}

#define EXPORTED                                                                                         \
  "%11: bool[2,3,4] = compare(%10, %6) {kind=equal}\n%12: bool[2,3,4] = unary(%11) {kind=logical_not}\n" \
  "%13: bool[2,3,1] = reduce(%12) {kind=any, axes=[2], keep_dims=true}\n"
#define INVERTED "%14: bool[2,3,1] = unary(%13) {kind=logical_not}\n%15: f32[2,3,4] = softmax(%10) {axis=2, beta=1}\n"
#define SELECT_EXPORTED "%16: f32[2,3,4] = select(%14, %7, %15)\noutput \"z\" = %16\n"
INSTANTIATE_TEST_SUITE_P(
    Masks, SafeSoftmax,
    testing::Values(
        Spelling{"None", "%10: f32[2,3,4] = binary(%9, %5) {kind=add, activation=none}\n" EXPORTED INVERTED SELECT_EXPORTED},
        Spelling{"NoneNotEqual",
                 "%10: f32[2,3,4] = binary(%2, %3) {kind=mul, activation=none}\n"
                 "%11: bool[2,3,4] = compare(%10, %6) {kind=not_equal}\n"
                 "%12: bool[2,3,1] = reduce(%11) {kind=any, axes=[2], keep_dims=true}\n"
                 "%13: f32[2,3,4] = softmax(%10) {axis=2, beta=1}\n"
                 "%14: f32[2,3,4] = select(%12, %13, %7)\noutput \"z\" = %14\n"},
        Spelling{"ConstantMaskThatLeavesEveryRowOpen",
                 "%10: f32[2,3,4] = binary(%9, %17) {kind=add, activation=none}\n" EXPORTED INVERTED SELECT_EXPORTED},
        Spelling{"ConstantMask",
                 "%10: f32[2,3,4] = binary(%9, %4) {kind=add, activation=none}\n" EXPORTED INVERTED SELECT_EXPORTED, false},
        Spelling{"MaskThatIsAnInput",
                 "%10: f32[2,3,4] = binary(%9, %8) {kind=add, activation=none}\n" EXPORTED INVERTED SELECT_EXPORTED, false},
        Spelling{"SelectsTheOtherWay",
                 "%10: f32[2,3,4] = binary(%9, %5) {kind=add, activation=none}\n" EXPORTED INVERTED
                 "%16: f32[2,3,4] = select(%14, %15, %7)\noutput \"z\" = %16\n",
                 false},
        Spelling{"SelectsWhereAnyIsMasked",
                 "%10: f32[2,3,4] = binary(%2, %3) {kind=mul, activation=none}\n"
                 "%11: bool[2,3,4] = compare(%10, %6) {kind=equal}\n"
                 "%12: f32[2,3,4] = softmax(%10) {axis=2, beta=1}\n"
                 "%13: f32[2,3,4] = select(%11, %12, %7)\noutput \"z\" = %13\n",
                 false}),
    name_of);
#undef EXPORTED
#undef INVERTED
#undef SELECT_EXPORTED

}  // namespace
}  // namespace atl
