#include "ops/conv.h"
#include "ops/shape.h"
#include "pass/graph_eval.h"
#include "pass/layout_problem.h"

namespace atl {
namespace {

#define CONV "{stride=[1,1], dilation=[1,1], padding=[1,1,1,1], groups=1, activation=none, layout=channels_first}\n"
#define POINTWISE "{stride=[1,1], dilation=[1,1], padding=[0,0,0,0], groups=1, activation=none, layout=channels_first}\n"

class AssignLayoutTest : public PassTest {
 protected:
  /// Lets inputs and outputs be channels-last and compares through the permutations that this took.
  void run_nhwc() {
    const Graph before = g;
    run(assign_layout, InterfaceLayout::kNhwc);
    const auto moved = [](const Tensor& t, const Shape& to) {
      const Perm p = channels_last(t.shape().size());
      return t.shape() == to || permuted(t.shape(), p) != to ? t : transpose(t, p);
    };
    Tensors inputs, expected;
    for (size_t i = 0; i < inputs_.size(); ++i) inputs.push_back(moved(inputs_[i], g.type(g.inputs()[i].value).shape));
    for (size_t i = 0; i < expected_.size(); ++i) expected.push_back(moved(expected_[i], g.type(output(i)).shape));
    check(inputs, expected);
  }
};

constexpr const char* kResidual =
    "%0: f32[2,3,6,7] = input \"x\"\n%1: f32[5,3,1,1] = const \"stem\" {random 1}\n%2: f32[5,5,3,3] = const \"w\" {random 2}\n"
    "%3: f32[5] = const \"b\" {random 3}\n%4: f32[2,5,6,7] = conv2d(%0, %1, _) " POINTWISE
    "%5: f32[2,5,6,7] = conv2d(%4, %2, %3) " CONV
    "%6: f32[2,5,6,7] = unary(%5) {kind=relu}\n%7: f32[2,5,6,7] = conv2d(%6, %2, %3) " CONV
    "%8: f32[2,5,6,7] = binary(%7, %4) {kind=add, activation=none}\n%9: f32[2,5,6,7] = unary(%8) {kind=relu}\noutput \"z\" = "
    "%9\n";

TEST_F(AssignLayoutTest, AResidualBlockIsTransposedAtItsEndsOnly) {
  load(kResidual);
  run(assign_layout);
  EXPECT_EQ(count(OpCode::kTranspose), 2u) << print(g);
  EXPECT_TRUE(g.is(output(), OpCode::kTranspose));
  EXPECT_TRUE(g.is(Value{g.uses(g.inputs()[0].value)[0].node, 0}, OpCode::kTranspose));
}

TEST_F(AssignLayoutTest, AResidualBlockWithAFreeInterfaceHasNoTranspose) {
  load(kResidual);
  run_nhwc();
  EXPECT_EQ(count(OpCode::kTranspose), 0u) << print(g);
  EXPECT_EQ(g.type(g.inputs()[0].value).shape, (Shape{2, 6, 7, 3}));
  EXPECT_EQ(g.type(output()).shape, (Shape{2, 6, 7, 5}));
}

TEST_F(AssignLayoutTest, PermutesOfTheSourceVanish) {
  load(
      "%0: f32[2,6,7,3] = input \"nhwc\"\n%1: f32[5,3,3,3] = const \"w\" {random 1}\n"
      "%2: f32[2,3,6,7] = transpose(%0) {perm=[0,3,1,2]}\n%3: f32[2,5,6,7] = conv2d(%2, %1, _) " CONV
      "%4: f32[2,6,7,5] = transpose(%3) {perm=[0,2,3,1]}\n%5: f32[9,5] = const \"v\" {random 5}\n"
      "%6: f32[2,6,7,9] = fully_connected(%4, %5, _) {activation=none}\noutput \"z\" = %6\n");
  run(assign_layout);
  EXPECT_EQ(count(OpCode::kTranspose), 0u) << print(g);
}

TEST_F(AssignLayoutTest, ABranchOfTwoLayoutsIsTransposedOnce) {
  // Two readers want the convolution's result channels-first; one copy serves both.
  load("%0: f32[2,3,6,7] = input \"x\"\n%1: f32[5,3,3,3] = const \"w\" {random 1}\n%2: f32[2,5,6,7] = conv2d(%0, %1, _) " CONV
       "%3: f32[2,210] = reshape(%2) {shape=[2,210]}\n%4: f32[2,30,7] = reshape(%2) {shape=[2,30,7]}\n"
       "%5: f32[5,5,3,3] = const \"v\" {random 5}\n%6: f32[2,5,6,7] = conv2d(%2, %5, _) " CONV
       "output \"a\" = %3\noutput \"b\" = %4\noutput \"c\" = %6\n");
  run(assign_layout);
  EXPECT_EQ(count(OpCode::kTranspose), 3u) << "one at the input, one for both reshapes, one at the output\n" << print(g);
}

TEST_F(AssignLayoutTest, TheSmallerTensorIsTransposed) {
  // mean over channels makes the tensor narrow: moving what is behind it is cheaper than what is before it.
  load(
      "%0: f32[1,8,64,48] = input \"x\"\n%1: f32[16,8,3,3] = const \"w\" {random 1}\n%2: f32[1,16,64,48] = conv2d(%0, %1, "
      "_) " CONV
      "%3: f32[1,16,64,48] = unary(%2) {kind=tanh}\n"
      "%4: f32[1,2,64,48] = slice(%3) {begin=[0,4,0,0], size=[1,2,64,48], stride=[1,1,1,1], shrink=[]}\n"
      "%5: f32[1,2,64,48] = unary(%4) {kind=abs}\noutput \"z\" = %5\n");
  run(assign_layout);
  ASSERT_EQ(count(OpCode::kTranspose), 2u) << print(g);
  for (uint32_t id : g.topological_order())
    if (g[id].op->code == OpCode::kTranspose) {
      EXPECT_LE(element_count(g[id].out[0].shape), 8 * 64 * 48) << "the wide tensor is transposed\n" << print(g);
    }
}

TEST_F(AssignLayoutTest, ATransposeOfOnesIsAReshape) {
  load(
      "%0: f32[2,3,1,1] = input \"x\"\n%1: f32[5,3,1,1] = const \"w\" {random 1}\n%2: f32[2,5,1,1] = conv2d(%0, %1, "
      "_) " POINTWISE "output \"z\" = %2\n");
  run(assign_layout);
  EXPECT_EQ(count(OpCode::kTranspose), 0u);
  EXPECT_EQ(count(OpCode::kReshape), 2u);
}

TEST_F(AssignLayoutTest, AGraphWithoutImagesStaysAsItIs) {
  load(R"(
%0: f32[2,3,5,7] = input "x"
%1: f32[2,5,3,7] = transpose(%0) {perm=[0,2,1,3]}
%2: f32[2,5,21] = reshape(%1) {shape=[2,5,21]}
output "z" = %2
)");
  run(assign_layout);
  EXPECT_EQ(count(OpCode::kTranspose), 1u) << print(g);
  EXPECT_EQ(count(OpCode::kReshape), 1u);
}

TEST_F(AssignLayoutTest, NamesAndOriginsStay) {
  load(kResidual);
  g.name = "net";
  run(assign_layout);
  EXPECT_EQ(g.name, "net");
  EXPECT_EQ(g.inputs()[0].name, "x");
  EXPECT_EQ(g.outputs()[0].name, "z");
}

}  // namespace
}  // namespace atl
