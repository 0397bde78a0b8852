#include "api/normalized_input.h"

#include <gtest/gtest.h>

#include "ir/text.h"
#include "ops/binary.h"
#include "pass/graph_eval.h"

namespace atl {
namespace {

const PixelNormalization kImageNet{{123.675, 116.28, 103.53}, {58.395, 57.12, 57.375}};

/// Holds the graph that takes pixels to the given one on normalized pixels; returns how many additions and products it has.
size_t expect_same_on_pixels(std::string_view text, size_t axis) {
  Graph g = graph_of(text);
  const Graph normal = g;
  const Type type = g.type(g.inputs()[0].value);
  Tensor pixels = Tensor::make(type), x = Tensor::make(type);
  int64_t inner = 1;
  for (size_t a = axis + 1; a < type.shape.size(); ++a) inner *= type.shape[a];
  for (int64_t i = 0; i < pixels.count(); ++i) {
    const auto c = size_t(i / inner % 3);
    const int64_t pixel = i * 37 % 251;
    pixels.mutable_data<float>()[i] = float(pixel);
    x.mutable_data<float>()[i] = float((double(pixel) - kImageNet.mean[c]) / kImageNet.std[c]);
  }
  const Status done = normalize_input(g, 0, axis, kImageNet);
  EXPECT_TRUE(done) << (done ? "" : format(done.error()));
  EXPECT_TRUE(verify(g)) << print(g);
  const Tensor a = evaluate_graph(normal, {x})[0], b = evaluate_graph(g, {pixels})[0];
  for (int64_t i = 0; i < a.count(); ++i) EXPECT_NEAR(element_as_double(a, i), element_as_double(b, i), 1e-4) << i;
  return g.count(OpCode::kBinary);
}

TEST(NormalizedInput, GoesIntoAConvolutionWithoutPadding) {
  EXPECT_EQ(expect_same_on_pixels(R"(
%0: f32[1,6,7,3] = input "x"
%1: f32[5,2,4,3] = const "w" {random 1}
%2: f32[5] = const "b" {random 2}
%3: f32[1,5,4,5] = conv2d(%0, %1, %2) {stride=[1,1], dilation=[1,1], padding=[0,0,0,0], groups=1, activation=relu, layout=channels_last}
output "y" = %3
)",
                                  3),
            0u);
}

TEST(NormalizedInput, LeavesAnAdditionInFrontOfPadding) {
  EXPECT_EQ(expect_same_on_pixels(R"(
%0: f32[1,6,7,3] = input "x"
%1: f32[5,3,3,3] = const "w" {random 1}
%2: f32[5] = const "b" {random 2}
%3: f32[1,6,7,5] = conv2d(%0, %1, %2) {stride=[1,1], dilation=[1,1], padding=[1,1,1,1], groups=1, activation=relu6, layout=channels_last}
output "y" = %3
)",
                                  3),
            1u);
}

TEST(NormalizedInput, PassesTransposesAndPaddingOperators) {
  EXPECT_EQ(expect_same_on_pixels(R"(
%0: f32[1,3,6,7] = input "x"
%1: f32[1,6,7,3] = transpose(%0) {perm=[0,2,3,1]}
%2: f32[1,9,8,3] = pad(%1) {before=[0,2,1,0], after=[0,1,0,0], mode=constant, value=0}
%3: f32[5,3,4,3] = const "w" {random 1}
%4: f32[5] = const "b" {random 2}
%5: f32[1,7,5,5] = conv2d(%2, %3, %4) {stride=[1,1], dilation=[1,1], padding=[0,0,0,0], groups=1, activation=none, layout=channels_last}
output "y" = %5
)",
                                  1),
            1u);
}

TEST(NormalizedInput, IsTwoOperatorsWhereNoLayerTakesIt) {
  EXPECT_EQ(expect_same_on_pixels(R"(
%0: f32[1,3,4,5] = input "x"
%1: f32[1,3,4,5] = unary(%0) {kind=tanh}
output "y" = %1
)",
                                  1),
            2u);
}

TEST(NormalizedInput, IsReadFromMetadata) {
  const auto n =
      stated_normalization({{"other", "{}"}, {"atoll", R"({"atoll":"0.1.0","pixels":{"mean":[1,2,3],"std":[4,5,6]}} )"}});
  ASSERT_TRUE(n);
  EXPECT_EQ(n->mean, (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(n->std, (std::vector<double>{4, 5, 6}));
  for (const char* text : {R"({"atoll":"0.1.0"})", R"({"atoll":"0.1.0","pixels":{"mean":7,"std":[4]}})", "{"})
    EXPECT_FALSE(stated_normalization({{"atoll", text}})) << text;
}

}  // namespace
}  // namespace atl
