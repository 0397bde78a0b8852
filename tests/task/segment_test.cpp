#include "outputs.h"

namespace atl {
namespace {

TEST(Segment, TakesLabels) {
  const auto s = segment({output("y", {1, 2, 3}, {0, 1, 2, 2, 2, 15}, true)});
  ASSERT_TRUE(s);
  EXPECT_EQ(s->width, 3);
  EXPECT_EQ(s->height, 2);
  EXPECT_EQ(s->classes, (std::vector{0, 1, 2, 2, 2, 15}));
  EXPECT_EQ(segment({output("y", {1, 2, 3, 1}, {0, 1, 2, 2, 2, 15}, true)})->classes, s->classes);
}

TEST(Segment, TakesTheHighestScore) {
  // 3 rows, 5 columns, 2 classes: once with the classes last, once first.
  std::vector<double> last(30), first(30);
  std::vector<int> expected(15);
  for (size_t p = 0; p < 15; ++p)
    for (size_t c = 0; c < 2; ++c) {
      const double v = c == p % 2 ? 0.7 : 0.3;
      last[p * 2 + c] = first[c * 15 + p] = v;
      expected[p] = int(p % 2);
    }
  for (const auto& s : {segment({output("y", {1, 3, 5, 2}, last)}), segment({output("y", {1, 2, 3, 5}, first)})}) {
    ASSERT_TRUE(s);
    EXPECT_EQ(s->width, 5);
    EXPECT_EQ(s->height, 3);
    EXPECT_EQ(s->classes, expected);
  }
}

TEST(Segment, TakesAProbability) {
  const auto s = segment({output("y", {1, 2, 3, 1}, {0.1, 0.9, 0.4, 0.6, 0.5, 0.51})});
  ASSERT_TRUE(s);
  EXPECT_EQ(s->classes, (std::vector{0, 1, 0, 1, 0, 1}));
}

TEST(Segment, RefusesOtherOutputs) {
  EXPECT_EQ(segment({output("y", {1, 10}, std::vector<double>(10))}).error().code, Code::kInput);
}

TEST(Classify, SortsScores) {
  const auto c = classify({output("y", {1, 5}, {0.1, 0.4, 0.2, 0.4, 0})}, 3);
  ASSERT_TRUE(c);
  ASSERT_EQ(c->size(), 3u);
  EXPECT_EQ((*c)[0].index, 1u);  // the lower index first among equals
  EXPECT_EQ((*c)[1].index, 3u);
  EXPECT_EQ((*c)[2].score, 0.2);
  EXPECT_EQ(classify({output("y", {1, 2, 3}, std::vector<double>(6))}, 3).error().code, Code::kInput);
}

TEST(OutputValues, AreDequantized) {
  TensorInfo info;
  info.name = "y";
  info.dtype = ElementType::kI8;
  info.shape = {1, 3};
  info.quant = TensorQuantization{{0.5f}, {-2}, 0};
  NdArray a = *NdArray::zeros(ElementType::kI8, {1, 3});
  a.mutable_values<int8_t>()[0] = -128;
  a.mutable_values<int8_t>()[2] = 4;
  const auto v = read_output(info, a);
  ASSERT_TRUE(v);
  EXPECT_EQ(v->values, (std::vector<double>{-63, 1, 3}));
  EXPECT_FALSE(v->integer);
  info.quant.reset();
  EXPECT_TRUE(read_output(info, a)->integer);
  info.quant = TensorQuantization{{1, 2, 4}, {0, 0, 1}, 1};
  EXPECT_EQ(read_output(info, a)->values, (std::vector<double>{-128, 0, 12}));
}

}  // namespace
}  // namespace atl
