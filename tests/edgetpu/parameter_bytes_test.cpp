// Layers of published models, and what Google's compiler wrote for each.
#include <gtest/gtest.h>

#include "edgetpu/memory.h"
#include "edgetpu/small_model.h"

namespace atl::edgetpu {
namespace {

using Op = tflite::BuiltinOperator;
using tflite::TensorType;

// Of all operators of a model.
uint64_t package_bytes(SmallModel& m, Compiler compiler = Compiler::k16) {
  const SourceModel model = m.opened();
  uint64_t bytes = 0;
  for (const SourceOp& op : model.ops) bytes += parameter_bytes_of(model, op, compiler);
  return bytes;
}
uint64_t chip_bytes(SmallModel& m, Compiler compiler = Compiler::k16) {
  const SourceModel model = m.opened();
  uint64_t bytes = 0;
  for (const SourceOp& op : model.ops) bytes += on_chip_bytes_of(model, op, compiler);
  return bytes;
}

/// A convolution of "same" padding with a bias of one value.
int conv(SmallModel& m, int x, Shape weight, Shape result, uint8_t bias, bool per_channel = true) {
  const int64_t outputs = weight[0];
  const int w = m.constant(TensorType::INT8, weight, 1, per_channel), b = m.constant(TensorType::INT32, {outputs}, bias);
  const int y = m.tensor(TensorType::INT8, result);
  m.op(Op::CONV_2D, 3, {x, w, b}, {y});
  return y;
}
int one_to_one(SmallModel& m, Op code, int x, Shape result, TensorType type = TensorType::INT8) {
  const int y = m.tensor(type, result);
  m.op(code, 1, {x}, {y});
  return y;
}
/// What no host lays out.
int made(SmallModel& m, const Shape& shape, TensorType type = TensorType::INT8) {
  return one_to_one(m, Op::LOGISTIC, m.input(type, shape), shape, type);
}

// EdgeTPU-QuantRL-Evaluation, N32-nMACs41287680; on the chip its first of five layers of 32 and of 42 filters.
TEST(ParameterBytes, BiasOfZeros) {
  SmallModel m;
  const int x = conv(m, m.input(TensorType::INT8, {1, 64, 64, 3}), {32, 3, 3, 3}, {1, 64, 64, 32}, 0);
  m.mark_output(conv(m, x, {32, 3, 3, 32}, {1, 64, 64, 32}, 0));
  EXPECT_EQ(package_bytes(m), 10880u);
  for (const auto& [filters, bytes] : {std::pair(32, 78592u), std::pair(42, 106240u)}) {
    SmallModel five;
    int y = five.input(TensorType::INT8, {1, 64, 64, 3});
    for (int i = 0; i < 5; ++i) y = conv(five, y, {filters, 3, 3, i == 0 ? 3 : filters}, {1, 64, 64, filters}, 0);
    five.mark_output(y);
    EXPECT_EQ(chip_bytes(five), bytes) << filters;
  }
}

// EdgeTPU-Compiler-Log-Parser, dummy; LibrEdgeTPU, gabor_64x64_7k_4o_2s, whose filters have one scale.
TEST(ParameterBytes, DepthwiseConvolutions) {
  SmallModel dummy;
  dummy.op(Op::DEPTHWISE_CONV_2D, 3,
           {dummy.input(TensorType::INT8, {1, 24, 24, 1360}), dummy.constant(TensorType::INT8, {1, 1, 1, 1360}, 1, true),
            dummy.constant(TensorType::INT32, {1360}, 0)},
           {dummy.output(TensorType::INT8, {1, 24, 24, 1360})});
  EXPECT_EQ(package_bytes(dummy), 16320u);
  SmallModel gabor;
  gabor.op(Op::DEPTHWISE_CONV_2D, 3,
           {gabor.input(TensorType::INT8, {1, 64, 64, 1}),
            gabor.constant(TensorType::INT8, {1, 7, 7, 8}, 1, true, /*equal_scales=*/true),
            gabor.constant(TensorType::INT32, {8}, 0)},
           {gabor.output(TensorType::INT8, {1, 64, 64, 8})});
  EXPECT_EQ(package_bytes(gabor), 3200u);
}

// Coral's mobilenet_v1 and mobilenet_v2_1.0_224_inat_bird, nrf20's mnist4 (compiler 15), LibrEdgeTPU's bright_16x16.
TEST(ParameterBytes, SoftmaxOverClassesThatLeaveLanesEmpty) {
  const auto bytes = [](TensorType type, int64_t classes, bool reshaped, Compiler compiler) {
    SmallModel m;
    int x = m.input(type, reshaped ? Shape{1, 1, 1, classes} : Shape{1, classes});
    if (reshaped) x = one_to_one(m, Op::RESHAPE, x, {1, classes}, type);
    m.op(Op::SOFTMAX, 1, {x}, {m.output(type, {1, classes})});
    return package_bytes(m, compiler);
  };
  EXPECT_EQ(bytes(TensorType::UINT8, 1001, true, Compiler::k16), 48256u);
  EXPECT_EQ(bytes(TensorType::UINT8, 965, false, Compiler::k16), 46464u);
  EXPECT_EQ(bytes(TensorType::INT8, 10, false, Compiler::k16), 576u);
  EXPECT_EQ(bytes(TensorType::INT8, 10, false, Compiler::k15), 384u);
  EXPECT_EQ(bytes(TensorType::UINT8, 1001, true, Compiler::k15), 0u);
  EXPECT_EQ(bytes(TensorType::INT8, 1001, false, Compiler::k2_1), 0u);
  EXPECT_EQ(bytes(TensorType::INT8, 256, false, Compiler::k16), 0u);
}

// Octogonapus/edgetpu-test: a batch normalization over 128 features (compiler 2.0).
TEST(ParameterBytes, VectorsOfElementwiseOperators) {
  SmallModel m;
  int x = m.input(TensorType::UINT8, {1, 128});
  for (const Op code : {Op::MUL, Op::ADD}) {
    const int y = m.tensor(TensorType::UINT8, {1, 128});
    m.op(code, 1, {x, m.constant(TensorType::UINT8, {128})}, {y});
    x = y;
  }
  m.mark_output(x);
  EXPECT_EQ(package_bytes(m, Compiler::k2_0), 4096u);
  EXPECT_EQ(chip_bytes(m, Compiler::k2_0), 0u);
}

// LibrEdgeTPU's looming and color trackers, QuantRL's model_size_channel82, the maps of YOLOv8n at 224 and 320 pixels.
TEST(ParameterBytes, ReshapesThatJoinChannels) {
  const auto bytes = [](const Shape& from, const Shape& to, bool sent = false) {
    SmallModel m;
    m.mark_output(one_to_one(m, Op::RESHAPE, sent ? m.input(TensorType::INT8, from) : made(m, from), to));
    return package_bytes(m);
  };
  EXPECT_EQ(bytes({1, 3, 3, 1}, {1, 9}), 640u);
  EXPECT_EQ(bytes({1, 128, 128, 1}, {1, 16384}), 1088u);
  EXPECT_EQ(bytes({1, 128, 128, 1}, {1, 16384}, true), 0u);
  EXPECT_EQ(bytes({1, 6, 6, 114}, {1, 4104}), 2130432u);
  EXPECT_EQ(bytes({1, 6, 6, 64}, {1, 2304}), 0u);
  EXPECT_EQ(bytes({1, 144, 7, 7}, {1, 144, 49}), 3840u);
  EXPECT_EQ(bytes({1, 144, 14, 14}, {1, 144, 196}), 58368u);
  EXPECT_EQ(bytes({1, 144, 10, 10}, {1, 144, 100}), 15872u);
}

// The maps of YOLOv8n at 640, 224 and 320 pixels, less what the RESHAPEs behind them take.
TEST(ParameterBytes, Transposes) {
  for (const auto& [pixels, bytes] :
       {std::pair(20, 12864u), std::pair(14, 62912u - 58368u), std::pair(7, 5248u - 3840u), std::pair(10, 18496u - 15872u)}) {
    SmallModel m;
    m.op(Op::TRANSPOSE, 2, {m.input(TensorType::INT8, {1, pixels, pixels, 144}), m.ints({0, 3, 1, 2})},
         {m.output(TensorType::INT8, {1, 144, pixels, pixels})});
    EXPECT_EQ(package_bytes(m), bytes) << pixels;
  }
}

// face_detection_front_128 of MediaPipe (compiler 15).
TEST(ParameterBytes, ChannelsThatBeginInTheMiddleOfAGroup) {
  SmallModel pad;
  pad.op(Op::PAD, 2, {pad.input(TensorType::INT8, {1, 64, 64, 24}), pad.ints({0, 0, 0, 0, 0, 0, 0, 4})},
         {pad.output(TensorType::INT8, {1, 64, 64, 28})});
  EXPECT_EQ(package_bytes(pad, Compiler::k15), 896u);
  SmallModel boxes;
  const int x = conv(boxes, boxes.input(TensorType::INT8, {1, 8, 8, 96}), {6, 1, 1, 96}, {1, 8, 8, 6}, 1);
  boxes.mark_output(one_to_one(boxes, Op::RESHAPE, x, {1, 384, 1}));
  EXPECT_EQ(package_bytes(boxes, Compiler::k15), 3456u);
}

// LibrEdgeTPU's trackers end in a pair of numbers; split_concat of Coral's tests reads two parts of six again.
TEST(ParameterBytes, ConcatenationsAndSplits) {
  SmallModel pair;
  pair.op(Op::CONCATENATION, 1, {made(pair, {1, 1}), made(pair, {1, 1})}, {pair.output(TensorType::INT8, {1, 2})});
  EXPECT_EQ(package_bytes(pair), 192u);
  SmallModel split;
  std::vector<int> in, parts;
  for (const int64_t channels : {3, 1, 2}) in.push_back(split.input(TensorType::UINT8, {1, 8, 8, channels}));
  const int joined = split.tensor(TensorType::UINT8, {1, 8, 8, 6});
  split.op(Op::CONCATENATION, 1, in, {joined});
  for (int i = 0; i < 6; ++i) parts.push_back(split.output(TensorType::UINT8, {1, 8, 8, 1}));
  split.op(Op::SPLIT, 1, {split.ints({3}), joined}, parts);
  split.op(Op::CONCATENATION, 1, {parts[4], parts[5]}, {split.output(TensorType::UINT8, {1, 8, 8, 2})});
  EXPECT_EQ(package_bytes(split, Compiler::k15), 192u);
}

}  // namespace
}  // namespace atl::edgetpu
