#include "micro/operator_support.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace atl::micro {
namespace {

using Op = tflite::BuiltinOperator;

Type typed(DType t, Shape s) {
  Type type{t, std::move(s), {}};
  if (t == DType::kI8) type.quant = QuantParams{{0.5f}, {0}, 0};
  return type;
}

OperatorForm form(Op code, Types in, Types out) {
  return {code, code == Op::CUSTOM ? "Foreign" : tflite::EnumNameBuiltinOperator(code), std::move(in), std::move(out)};
}

const Type kI8 = typed(DType::kI8, {1, 4, 5, 3}), kF32 = typed(DType::kF32, {1, 4, 5, 3}),
           kI64 = typed(DType::kI64, {1, 4, 5, 3}), kI32 = typed(DType::kI32, {1, 4, 5, 3});

TEST(OperatorSupport, TakesIntegersWhereTheKernelDoes) {
  EXPECT_FALSE(check(form(Op::ADD, {kI8, kI8}, {kI8})).refused());
  EXPECT_FALSE(check(form(Op::CONV_2D, {kI8, kI8, kI32}, {kI8})).refused());
  EXPECT_FALSE(check(form(Op::EXP, {kF32}, {kF32})).refused());
  EXPECT_FALSE(check(form(Op::QUANTIZE, {kF32}, {kI8})).refused());
}

TEST(OperatorSupport, SaysWhichTypeIsTheTrouble) {
  const Refusal exp = check(form(Op::EXP, {kI8}, {kI8}));
  EXPECT_EQ(exp.reason, "the kernel of EXP takes f32, not i8");
  EXPECT_EQ(exp.hint, "let the layer stay float: --keep-float NAME");
  EXPECT_EQ(check(form(Op::ADD, {kI64, kI64}, {kI64})).reason, "the kernel of ADD takes f32, i8, i16, i32, not i64");
  EXPECT_EQ(check(form(Op::CONV_2D, {kF32, kI8}, {kF32})).reason,
            "the kernel of CONV_2D does not take weights of i8 with values of f32");
  EXPECT_EQ(check(form(Op::ARG_MAX, {kI8, kI32}, {kI64})).reason, "the kernel of ARG_MAX gives i32, i64 is asked");
  EXPECT_EQ(check(form(Op::CAST, {kI8}, {kI64})).reason, "the kernel of CAST does not give i64");
  EXPECT_EQ(check(form(Op::QUANTIZE, {kF32}, {typed(DType::kU8, {3})})).reason,
            "the kernel of QUANTIZE does not make u8 of f32");
  EXPECT_EQ(check(form(Op::GATHER, {kI8, kI64}, {kI8})).reason, "the kernel of GATHER takes i32 indices, not i64");
}

TEST(OperatorSupport, CountsAxesWhereTheKernelDoes) {
  const Type five = typed(DType::kI8, {1, 2, 3, 4, 5}), six = typed(DType::kI8, {1, 2, 3, 4, 5, 2}),
             spread = typed(DType::kI8, {1, 2, 3, 1, 1});
  EXPECT_FALSE(check(form(Op::ADD, {five, five}, {five})).refused());
  EXPECT_EQ(check(form(Op::ADD, {five, spread}, {five})).reason, "the kernel of ADD takes 4 axes at most, not 1x2x3x4x5");
  EXPECT_FALSE(check(form(Op::TRANSPOSE, {five, typed(DType::kI32, {5})}, {five})).refused());
  EXPECT_TRUE(check(form(Op::TRANSPOSE, {six, typed(DType::kI32, {6})}, {six})).refused());
  EXPECT_TRUE(check(form(Op::SPACE_TO_BATCH_ND, {typed(DType::kI8, {4, 6})}, {typed(DType::kI8, {4, 6})})).refused());
}

// tflite-micro 0.dev20261023 dequantizes them with the first scale.
TEST(OperatorSupport, TakesAScaleForEachChannelWhereTheKernelDoes) {
  Type weight = kI8;
  weight.quant = QuantParams{{0.5f, 0.25f, 0.125f}, {0, 0, 0}, 3};
  EXPECT_EQ(check(form(Op::DEQUANTIZE, {weight}, {kF32})).reason,
            "the kernel of DEQUANTIZE takes one scale for a tensor, not one a channel");
  EXPECT_FALSE(check(form(Op::DEQUANTIZE, {kI8}, {kF32})).refused());
  EXPECT_FALSE(check(form(Op::DEPTHWISE_CONV_2D, {kI8, weight}, {kI8})).refused());
  EXPECT_TRUE(check(form(Op::MUL, {kI8, weight}, {kI8})).refused());
}

TEST(OperatorSupport, NamesWhatThereIsNot) {
  EXPECT_EQ(check(form(Op::GELU, {kI8}, {kI8})).reason, "TensorFlow Lite Micro has no GELU");
  EXPECT_EQ(check(form(Op::GELU, {kI8}, {kI8})).hint, "use nn.GELU(approximate='tanh'), or --allow-approximate");
  EXPECT_EQ(check(form(Op::TANH, {typed(DType::kU8, {3})}, {kI8})).hint, "quantize the model to int8");
  EXPECT_EQ(check(form(Op::CUSTOM, {kI8}, {kI8})).reason, "TensorFlow Lite Micro has no operator 'Foreign'");
  OperatorForm detection = form(Op::CUSTOM, {kF32}, {kF32});
  detection.name = "TFLite_Detection_PostProcess";
  EXPECT_FALSE(check(detection).refused());
  EXPECT_EQ(resolver_function(Op::CUSTOM, detection.name), "AddDetectionPostprocess");
  EXPECT_EQ(resolver_function(Op::TOPK_V2, ""), "");
}

TEST(OperatorSupport, TheTableHasEachOperatorOnce) {
  std::vector<std::string> names;
  for (const SupportedOperator& o : supported_operators()) {
    EXPECT_TRUE(o.function.starts_with("Add")) << o.function;
    names.emplace_back(tflite::EnumNameBuiltinOperator(o.code));
  }
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
  EXPECT_GT(names.size(), 90u);
}

}  // namespace
}  // namespace atl::micro
