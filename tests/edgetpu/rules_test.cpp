#include <gtest/gtest.h>

#include "edgetpu/layer.h"
#include "edgetpu/memory.h"
#include "edgetpu/small_model.h"

namespace atl::edgetpu {
namespace {

using Op = tflite::BuiltinOperator;
using tflite::TensorType;

// The verdict on the only operator of a model.
Verdict verdict_of(SmallModel& m, Compiler compiler = Compiler::k16) {
  const SourceModel model = m.opened();
  return judge(model, model.ops[0], compiler);
}

SmallModel conv(Shape weight, int dilation_w, bool constant) {
  SmallModel m;
  const int x = m.input(TensorType::INT8, {1, 5, 7, 6});
  const int w = constant ? m.constant(TensorType::INT8, std::move(weight)) : m.input(TensorType::INT8, std::move(weight));
  const int y = m.output(TensorType::INT8, {1, 5, 7, 8});
  tflite::Conv2DOptionsT options;
  options.dilation_h_factor = 1;
  options.dilation_w_factor = dilation_w;
  m.op(Op::CONV_2D, 3, {x, w}, {y}, options);
  return m;
}

TEST(Rules, Convolutions) {
  SmallModel good = conv({8, 3, 3, 6}, 1, true), grouped = conv({8, 3, 3, 3}, 1, true), dilated = conv({8, 3, 3, 6}, 2, true),
             computed = conv({8, 3, 3, 6}, 1, false);
  EXPECT_EQ(verdict_of(good).status, OpStatus::kMapped);
  EXPECT_EQ(verdict_of(grouped).reason, "it has 2 groups");
  EXPECT_EQ(verdict_of(grouped).status, OpStatus::kLimitation);
  EXPECT_EQ(verdict_of(dilated).reason, "its dilation is 1 x 2");
  SmallModel row = conv({8, 1, 3, 6}, 2, true);  // as compiler 16 maps a network of dilated convolutions over time
  EXPECT_EQ(verdict_of(row).status, OpStatus::kMapped);
  EXPECT_EQ(verdict_of(computed).status, OpStatus::kNotConstant);
  EXPECT_EQ(verdict_of(computed).reason, "its weight 'in1' is computed");
}

TEST(Rules, UnknownOperatorsVersionsTypesAndRanks) {
  SmallModel leaky;
  leaky.op(Op::LEAKY_RELU, 1, {leaky.input(TensorType::INT8, {1, 3})}, {leaky.output(TensorType::INT8, {1, 3})});
  EXPECT_EQ(verdict_of(leaky).status, OpStatus::kNotSupported);
  EXPECT_EQ(verdict_of(leaky).change, "use ReLU, or max(x, a*x)");

  SmallModel tanh;
  tanh.op(Op::TANH, 4, {tanh.input(TensorType::INT8, {1, 3})}, {tanh.output(TensorType::INT8, {1, 3})});
  EXPECT_EQ(verdict_of(tanh).status, OpStatus::kVersion);
  EXPECT_EQ(verdict_of(tanh).reason, "version 4 of TANH is used, compiler 16 knows 3");

  SmallModel ints;
  ints.op(Op::RESHAPE, 1, {ints.input(TensorType::INT32, {1, 3})}, {ints.output(TensorType::INT32, {3})});
  EXPECT_EQ(verdict_of(ints).status, OpStatus::kDataType);
  EXPECT_EQ(verdict_of(ints).reason, "tensor 'out0' is INT32");

  SmallModel batch;
  batch.op(Op::TANH, 2, {batch.input(TensorType::INT8, {2, 5, 7, 3})}, {batch.output(TensorType::INT8, {2, 5, 7, 3})});
  EXPECT_EQ(verdict_of(batch).status, OpStatus::kRank);
  EXPECT_EQ(verdict_of(batch).reason, "tensor 'out0' is 2x5x7x3");

  SmallModel prelu;
  prelu.op(Op::PRELU, 1, {prelu.input(TensorType::INT8, {1, 5, 7, 3}), prelu.constant(TensorType::INT8, {1, 1, 3})},
           {prelu.output(TensorType::INT8, {1, 5, 7, 3})});
  EXPECT_EQ(verdict_of(prelu).status, OpStatus::kMapped);
  EXPECT_EQ(verdict_of(prelu, Compiler::k2_1).reason, "compiler 2.1 does not know PRELU");
}

TEST(Rules, QuantizeMapsBetweenEightBitsOnly) {
  for (const auto& [from, status] :
       {std::pair(TensorType::UINT8, OpStatus::kMapped), std::pair(TensorType::FLOAT32, OpStatus::kLimitation)}) {
    SmallModel m;
    m.op(Op::QUANTIZE, 1, {m.input(from, {1, 3})}, {m.output(TensorType::INT8, {1, 3})});
    EXPECT_EQ(verdict_of(m).status, status);
  }
}

TEST(Rules, ResizesUpToTwice) {
  for (const auto& [from, to, status] :
       {std::tuple(24, 48, OpStatus::kMapped), std::tuple(33, 33, OpStatus::kMapped),
        std::tuple(33, 100, OpStatus::kLimitation), std::tuple(256, 512, OpStatus::kLimitation)}) {
    SmallModel m;
    m.op(Op::RESIZE_BILINEAR, 3, {m.input(TensorType::INT8, {1, from, from, 3})}, {m.output(TensorType::INT8, {1, to, to, 3})});
    EXPECT_EQ(verdict_of(m).status, status) << from << " to " << to;
  }
}

TEST(Rules, BatchIsKept) {
  for (const int axis : {0, 1, 3}) {
    SmallModel m;
    m.op(Op::MEAN, 2, {m.input(TensorType::INT8, {1, 5, 7, 8}), m.ints({axis})}, {m.output(TensorType::INT8, {1, 5, 8})});
    EXPECT_EQ(verdict_of(m).status, axis == 0 ? OpStatus::kLimitation : OpStatus::kMapped) << axis;
    EXPECT_EQ(verdict_of(m, Compiler::k2_0).status, axis == 1 ? OpStatus::kMapped : OpStatus::kLimitation) << axis;
  }
  SmallModel pad;
  pad.op(Op::PAD, 2, {pad.input(TensorType::INT8, {1, 5, 7, 3}), pad.ints({0, 0, 1, 2, 3, 4, 0, 0})},
         {pad.output(TensorType::INT8, {1, 8, 14, 3})});
  EXPECT_EQ(verdict_of(pad).status, OpStatus::kMapped);
}

TEST(Rules, ConcatenationWithAConstantIsAPadding) {
  for (const int value : {0, 1}) {
    SmallModel m;
    m.op(Op::CONCATENATION, 2, {m.input(TensorType::INT8, {1, 5, 3}), m.constant(TensorType::INT8, {1, 5, 2}, uint8_t(value))},
         {m.output(TensorType::INT8, {1, 5, 5})});
    EXPECT_EQ(verdict_of(m).status, value == 0 ? OpStatus::kMapped : OpStatus::kLimitation);
  }
}

TEST(Rules, RowsOfFullyConnectedAndSoftmax) {
  for (const int rows : {1, 2}) {
    SmallModel m;
    m.op(Op::FULLY_CONNECTED, 4, {m.input(TensorType::INT8, {rows, 6}), m.constant(TensorType::INT8, {5, 6})},
         {m.output(TensorType::INT8, {rows, 5})});
    EXPECT_EQ(verdict_of(m).status, rows == 1 ? OpStatus::kMapped : OpStatus::kLimitation);
    EXPECT_EQ(verdict_of(m, Compiler::k2_0).status, rows == 1 ? OpStatus::kMapped : OpStatus::kManyRows);
    SmallModel s;
    s.op(Op::SOFTMAX, 2, {s.input(TensorType::INT8, {rows, 6})}, {s.output(TensorType::INT8, {rows, 6})});
    EXPECT_EQ(verdict_of(s).status, OpStatus::kMapped);  // compiler 16's log of a YOLOv8n of 192 pixels: 1x4x756x16
    EXPECT_EQ(verdict_of(s, Compiler::k15).status, rows == 1 ? OpStatus::kMapped : OpStatus::kLimitation);
    EXPECT_EQ(verdict_of(s, Compiler::k2_0).status, rows == 1 ? OpStatus::kMapped : OpStatus::kManyRows);
  }
}

// Compiler 16 on YOLOv5 and YOLOv8 of 176 to 640 pixels (public compiled models and their logs).
TEST(Rules, SizesThatATileHolds) {
  const auto reshape = [](const Shape& from, const Shape& to) {
    SmallModel m;
    m.op(Op::RESHAPE, 1, {m.input(TensorType::INT8, from)}, {m.output(TensorType::INT8, to)});
    return verdict_of(m).status;
  };
  EXPECT_EQ(reshape({1, 40, 40, 255}, {1, 1600, 3, 85}), OpStatus::kMapped);
  EXPECT_EQ(reshape({1, 1600, 3, 85}, {1, 4800, 85}), OpStatus::kLimitation);
  EXPECT_EQ(reshape({1, 80, 80, 255}, {1, 6400, 3, 85}), OpStatus::kLimitation);
  EXPECT_EQ(reshape({1, 40, 40, 810}, {1, 14400, 90}), OpStatus::kMapped);  // EfficientDet Lite 0
  EXPECT_EQ(reshape({1, 144, 22, 22}, {1, 144, 484}), OpStatus::kMapped);
  EXPECT_EQ(reshape({1, 144, 40, 40}, {1, 144, 1600}), OpStatus::kLimitation);
  EXPECT_EQ(reshape({1, 118, 100, 8}, {1, 94400}), OpStatus::kMapped);
  EXPECT_EQ(reshape({1, 4, 8400, 1}, {1, 1, 4, 8400}), OpStatus::kMapped);
  EXPECT_EQ(reshape({1, 64, 8400}, {1, 4, 16, 8400}), OpStatus::kLimitation);
  const auto transpose = [](const Shape& from, const Shape& to, const std::vector<int32_t>& order) {
    SmallModel m;
    m.op(Op::TRANSPOSE, 2, {m.input(TensorType::INT8, from), m.ints(order)}, {m.output(TensorType::INT8, to)});
    return verdict_of(m).status;
  };
  EXPECT_EQ(transpose({1, 22, 22, 144}, {1, 144, 22, 22}, {0, 3, 1, 2}), OpStatus::kMapped);
  EXPECT_EQ(transpose({1, 20, 20, 256}, {1, 256, 20, 20}, {0, 3, 1, 2}), OpStatus::kLimitation);
  EXPECT_EQ(transpose({1, 320, 1, 600}, {1, 1, 320, 600}, {0, 2, 1, 3}), OpStatus::kMapped);  // nothing moves
  const auto logistic = [](const Shape& shape) {
    SmallModel m;
    m.op(Op::LOGISTIC, 2, {m.input(TensorType::INT8, shape)}, {m.output(TensorType::INT8, shape)});
    return verdict_of(m);
  };
  EXPECT_EQ(logistic({1, 80, 80, 256}).status, OpStatus::kMapped);
  EXPECT_EQ(logistic({1, 19206, 90}).status, OpStatus::kMapped);
  EXPECT_EQ(logistic({1, 80, 8400}).status, OpStatus::kLimitation);
  EXPECT_EQ(logistic({1, 80, 8400}).reason,
            "a row of tensor 'out0' (1x80x8400) takes 168000 bytes of a tile, at most 98304 map");
}

TEST(Rules, SplitsOfTheFirstAxis) {
  const auto split = [](const Shape& from, const Shape& to, int32_t axis, int parts) {
    SmallModel m;
    std::vector<int> outputs;
    for (int i = 0; i < parts; ++i) outputs.push_back(m.output(TensorType::INT8, to));
    m.op(Op::SPLIT, 2, {m.ints({axis}), m.input(TensorType::INT8, from)}, outputs);
    return verdict_of(m).status;
  };
  EXPECT_EQ(split({2, 32, 400}, {1, 32, 400}, 0, 2), OpStatus::kLimitation);
  EXPECT_EQ(split({2, 32, 400}, {1, 32, 400}, -3, 2), OpStatus::kLimitation);
  EXPECT_EQ(split({1, 96, 64, 1}, {1, 96, 64, 1}, 0, 1), OpStatus::kMapped);
  EXPECT_EQ(split({1, 20, 20, 256}, {1, 20, 20, 128}, -1, 2), OpStatus::kMapped);
}

// x -> TANH -> LEAKY_RELU -> TANH, and beside it x -> LOGISTIC: all but the last two of the first branch are mapped.
TEST(Partition, TakesTheFirstEpochWhole) {
  SmallModel m;
  const int x = m.input(TensorType::INT8, {1, 3});
  const int a = m.tensor(TensorType::INT8, {1, 3}), b = m.tensor(TensorType::INT8, {1, 3});
  m.op(Op::TANH, 2, {x}, {a});
  m.op(Op::LEAKY_RELU, 1, {a}, {b});
  m.op(Op::TANH, 2, {b}, {m.output(TensorType::INT8, {1, 3})});
  m.op(Op::LOGISTIC, 2, {x}, {m.output(TensorType::INT8, {1, 3})});
  const Placement p = place(m.opened(), Compiler::k16);
  EXPECT_EQ(p.verdicts[0].status, OpStatus::kMapped);
  EXPECT_EQ(p.verdicts[1].status, OpStatus::kNotSupported);
  EXPECT_EQ(p.verdicts[2].status, OpStatus::kSubgraphs);
  EXPECT_EQ(p.verdicts[2].reason, "it waits for operator 1 (LEAKY_RELU), which runs on the CPU");
  EXPECT_EQ(p.verdicts[3].status, OpStatus::kMapped);
  EXPECT_EQ(p.mapped_count(), 2u);
}

// A CPU operator before everything else does no harm.
TEST(Partition, LetsTheCpuBegin) {
  SmallModel m;
  const int x = m.input(TensorType::FLOAT32, {1, 3});
  const int a = m.tensor(TensorType::INT8, {1, 3});
  m.op(Op::QUANTIZE, 1, {x}, {a});
  m.op(Op::TANH, 2, {a}, {m.output(TensorType::INT8, {1, 3})});
  const Placement p = place(m.opened(), Compiler::k16);
  EXPECT_FALSE(p.is_mapped(0));
  EXPECT_TRUE(p.is_mapped(1));
}

TEST(Placeable, ModelsThatTheCompilerRefusesAsAWhole) {
  const auto refusal = [](SmallModel& m, size_t subgraphs = 1) {
    SourceModel model = m.opened();
    model.subgraphs = subgraphs;
    const Status s = check_placeable(model);
    return s ? "no error" : s.error().what;
  };
  SmallModel floats;
  floats.op(Op::TANH, 1, {floats.input(TensorType::FLOAT32, {1, 3})}, {floats.output(TensorType::FLOAT32, {1, 3})});
  EXPECT_EQ(refusal(floats), "the model is not quantized: tensor 'out0' is FLOAT32");
  SmallModel dynamic;
  dynamic.op(Op::FULLY_CONNECTED, 3, {dynamic.input(TensorType::FLOAT32, {1, 6}), dynamic.constant(TensorType::INT8, {5, 6})},
             {dynamic.output(TensorType::FLOAT32, {1, 5})});
  EXPECT_EQ(refusal(dynamic),
            "the model is dynamically quantized, its activations are not 8-bit integers: tensor 'out0' is FLOAT32");
  SmallModel open;
  open.op(Op::TANH, 2, {open.input(TensorType::INT8, {1, -1, 3})}, {open.output(TensorType::INT8, {1, -1, 3})});
  EXPECT_EQ(refusal(open), "tensor 'in0' has an open dimension (1x?x3): the Edge TPU takes fixed sizes only");
  SmallModel inner;  // only what is behind the input is open, as after an operator that sizes its result
  inner.op(Op::TANH, 2, {inner.input(TensorType::INT8, {2, 3})}, {inner.output(TensorType::INT8, {-1, 3})});
  EXPECT_EQ(refusal(inner), "tensor 'out0' has an open dimension (?x3): the Edge TPU takes fixed sizes only");
  // An open batch stands at 1 in the file, and Google's compiler takes that 1, unless the model computes with it.
  SmallModel batch;
  const int x = batch.input(TensorType::INT8, {-1, 3});
  batch.op(Op::TANH, 2, {x}, {batch.output(TensorType::INT8, {-1, 3})});
  EXPECT_EQ(refusal(batch), "no error");
  EXPECT_EQ(place(batch.opened(), Compiler::k16).mapped_count(), 1u);
  batch.op(Op::SHAPE, 1, {x}, {batch.output(TensorType::INT32, {2})});
  EXPECT_EQ(refusal(batch), "operator 1 (SHAPE) asks for the open batch of tensor 'in0': the Edge TPU takes fixed sizes only");
  SmallModel sixteen;
  const int wide = sixteen.output(TensorType::INT16, {1, 5});
  sixteen.set_scale(wide, 0.25f);
  sixteen.op(Op::FULLY_CONNECTED, 7, {sixteen.input(TensorType::INT16, {1, 6}), sixteen.constant(TensorType::INT8, {5, 6})},
             {wide});
  EXPECT_EQ(refusal(sixteen), "the model is quantized to activations of 16 bits: tensor 'out0' is INT16");
  SmallModel two;
  two.op(Op::TANH, 2, {two.input(TensorType::INT8, {1, 3})}, {two.output(TensorType::INT8, {1, 3})});
  EXPECT_EQ(refusal(two, 2), "the model has 2 subgraphs, the Edge TPU compiler takes one");
  EXPECT_EQ(refusal(two), "no error");
  SmallModel loop;
  loop.op(Op::WHILE, 1, {loop.input(TensorType::INT8, {1, 3})}, {loop.output(TensorType::INT8, {1, 3})});
  EXPECT_EQ(refusal(loop, 3),
            "the model has 3 subgraphs, the Edge TPU compiler takes one: operator 0 (WHILE), which writes 'out0', runs the "
            "others");
}

// From the compiled 7x7x32 nets and a dense layer of 256: see FACTS on parameter bytes.
TEST(Cost, MultiplicationsOfWhatStaysOnTheCpu) {
  const auto macs = [](Op code, const std::vector<Shape>& in, Shape out) {
    SmallModel m;
    std::vector<int> operands;
    for (const Shape& s : in) operands.push_back(m.input(TensorType::INT8, s));
    m.op(code, 1, operands, {m.output(TensorType::INT8, std::move(out))});
    const SourceModel model = m.opened();
    return macs_of(model, model.ops[0]);
  };
  EXPECT_EQ(macs(Op::BATCH_MATMUL, {{2, 3, 5}, {2, 5, 7}}, {2, 3, 7}), 2u * 3 * 5 * 7);
  EXPECT_EQ(macs(Op::BATCH_MATMUL, {{5, 3}, {2, 5, 7}}, {2, 3, 7}), 2u * 3 * 5 * 7);  // the first is turned
  EXPECT_EQ(macs(Op::CONV_3D, {{1, 6, 7, 8, 3}, {2, 3, 4, 3, 5}}, {1, 5, 5, 5, 5}), 125u * 5 * 2 * 3 * 4 * 3);
  EXPECT_EQ(macs(Op::CONV_3D_TRANSPOSE, {{5}, {2, 3, 4, 5, 3}, {1, 6, 7, 8, 3}}, {1, 7, 9, 11, 5}),
            6u * 7 * 8 * 3 * 2 * 3 * 4 * 5);
}

TEST(Cost, ParameterBytes) {
  const auto bytes = [](Op code, Shape weight, bool per_channel, bool bias) {
    SmallModel m;
    const int64_t outputs = code == Op::DEPTHWISE_CONV_2D ? weight.back() : weight[0];
    std::vector<int> in = {m.input(TensorType::INT8, {1, 8, 8, 32}), m.constant(TensorType::INT8, weight, 1, per_channel)};
    if (bias) in.push_back(m.constant(TensorType::INT32, {outputs}));
    m.op(code, 1, in, {m.output(TensorType::INT8, {1, 8, 8, outputs})});
    const SourceModel model = m.opened();
    return std::pair(parameter_bytes_of(model, model.ops[0], Compiler::k16),
                     on_chip_bytes_of(model, model.ops[0], Compiler::k16));
  };
  EXPECT_EQ(bytes(Op::CONV_2D, {32, 7, 7, 32}, false, true),
            std::pair(uint64_t{32 * (7 * 7 * 32 + 4)}, uint64_t{64 * (7 * 7 * 32 + 4)}));
  EXPECT_EQ(bytes(Op::FULLY_CONNECTED, {256, 256}, false, true).first, uint64_t{256 * 260});
  // Each of 8 x 8 pixels of 32 channels fills its lanes as it is; of 2 x 2 x 3 inputs, 16 are stored (dense nets of
  // compiler 1.0).
  EXPECT_EQ(bytes(Op::FULLY_CONNECTED, {16, 8 * 8 * 32}, false, true).first, uint64_t{16 * (8 * 8 * 32 + 4)});
  SmallModel flattened;
  flattened.op(Op::FULLY_CONNECTED, 1,
               {flattened.input(TensorType::UINT8, {1, 2, 2, 3}), flattened.constant(TensorType::UINT8, {100, 12})},
               {flattened.output(TensorType::UINT8, {1, 100})});
  const SourceModel image = flattened.opened();
  EXPECT_EQ(parameter_bytes_of(image, image.ops[0], Compiler::k2_0), uint64_t{128 * (16 + 4)});
  EXPECT_EQ(bytes(Op::CONV_2D, {3, 1, 1, 30}, true, false).first, uint64_t{192});  // 4 rows of 32 + 8, to 64
  EXPECT_EQ(bytes(Op::DEPTHWISE_CONV_2D, {1, 3, 3, 30}, true, true).first, uint64_t{32 * (4 * 9 + 12)});
}

}  // namespace
}  // namespace atl::edgetpu
