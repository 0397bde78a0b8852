#include "ops/conv.h"
#include "ops/spatial.h"
#include "pass/graph_eval.h"

namespace atl {
namespace {

#define CONV "{stride=[2,1], dilation=[1,1], padding=[0,1,0,2], groups=1, activation=none, layout=channels_first}\n"

class FusePadsTest : public PassTest {
 protected:
  /// A convolution behind the padding of the given fields.
  void load_padded(const std::string& pad, const std::string& padded, const std::string& result) {
    load("%0: f32[2,3,6,7] = input \"x\"\n%1: f32[4,3,2,3] = const \"w\" {random 1}\n%2: f32[" + padded + "] = pad(%0) {" +
         pad + "}\n%3: f32[" + result + "] = conv2d(%2, %1, _) " CONV "output \"z\" = %3\n");
  }
};

TEST_F(FusePadsTest, ZerosAroundTheSpatialAxes) {
  load_padded("before=[0,0,1,2], after=[0,0,3,4], mode=constant, value=0", "2,3,10,13", "2,4,5,13");
  EXPECT_EQ(run(fuse_pads), 1);
  EXPECT_EQ(count(OpCode::kPad), 0u);
  EXPECT_EQ(output_op<Conv2d>().padding, (std::array<int64_t, 4>{1, 4, 2, 6}));
}

TEST_F(FusePadsTest, OtherValuesStay) {
  load_padded("before=[0,0,1,2], after=[0,0,3,4], mode=constant, value=0.5", "2,3,10,13", "2,4,5,13");
  EXPECT_EQ(run(fuse_pads), 0);
}

TEST_F(FusePadsTest, MirrorImagesStay) {
  load_padded("before=[0,0,1,2], after=[0,0,3,4], mode=reflect, value=0", "2,3,10,13", "2,4,5,13");
  EXPECT_EQ(run(fuse_pads), 0);
}

TEST_F(FusePadsTest, PaddedBatchesStay) {
  load_padded("before=[1,0,1,2], after=[0,0,3,4], mode=constant, value=0", "3,3,10,13", "3,4,5,13");
  EXPECT_EQ(run(fuse_pads), 0);
}

// A maximum does not see the convolution's kind of padding as zeros.
TEST_F(FusePadsTest, ZerosBeforeAMaximumKeepTheirMeaning) {
  load(R"(
%0: f32[2,3,6,7] = input "x"
%1: f32[2,3,8,9] = pad(%0) {before=[0,0,1,1], after=[0,0,1,1], mode=constant, value=0}
%2: f32[2,3,7,7] = pool2d(%1) {kind=max, window=[2,3], stride=[1,1], padding=[0,0,0,0], count_include_pad=false, activation=none, layout=channels_first}
output "z" = %2
)");
  run(fuse_pads);
}

TEST_F(FusePadsTest, ZerosBeforeAnAverageKeepTheirMeaning) {
  load(R"(
%0: f32[2,3,6,7] = input "x"
%1: f32[2,3,8,9] = pad(%0) {before=[0,0,1,1], after=[0,0,1,1], mode=constant, value=0}
%2: f32[2,3,7,7] = pool2d(%1) {kind=average, window=[2,3], stride=[1,1], padding=[0,0,0,0], count_include_pad=false, activation=none, layout=channels_first}
output "z" = %2
)");
  run(fuse_pads);
}

}  // namespace
}  // namespace atl
