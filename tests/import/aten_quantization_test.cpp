// Quantization that a program states, where LiteRT has no form for it.
#include "import/source_call_fixture.h"

namespace atl {
namespace {

TEST(AtenQuantization, BlocksWithinAnAxisAreRefused) {
  Tensor positive = Tensor::make(Type{DType::kF32, {4, 2}, {}});
  std::fill_n(positive.mutable_data<float>(), positive.count(), 0.5f);
  CallFixture c("torchao.quantize_affine.default");
  c.arg("input", wave({4, 6}, 0)).arg("block_size", std::vector<int64_t>{1, 3}).arg("scale", positive);
  c.arg("zero_point", Tensor::make(Type{DType::kI32, {4, 2}, {}})).arg("output_dtype", DType::kI8);
  c.arg("quant_min", int64_t(-128)).arg("quant_max", int64_t(127));
  c.result_types({Type{DType::kI8, {4, 6}, {}}});
  EXPECT_EQ(c.build(), "torchao.quantize_affine.default: quantization of f32[4,6] in blocks of 1x3");
}

}  // namespace
}  // namespace atl
