#include "import/source_call_fixture.h"

namespace atl {
namespace {

// Expected values: torch 2.13.0 in double on the same operands.
TEST(AtenAttention, Plain) {
  CallFixture c("aten.scaled_dot_product_attention.default");
  c.arg("query", wave({1, 2, 3, 4}, 0)).arg("key", wave({1, 2, 5, 4}, 1)).arg("value", wave({1, 2, 5, 2}, 2));
  expect_values(c.run(), {1, 2, 3, 2},
                {0.16203924, 0.12746008, -0.019926627, 0.053111851, 0.19865745, 0.16119222, 0.10232987, -0.010839434,
                 -0.02099035, 0.0091007389, 0.14492828, 0.043357532});
  EXPECT_EQ(c.graph().count(OpCode::kBatchMatmul), 2u);
  EXPECT_EQ(c.graph().count(OpCode::kBinary), 1u);
  EXPECT_EQ(c.graph().count(OpCode::kTranspose), 0u);
}

TEST(AtenAttention, Scale) {
  CallFixture c("aten.scaled_dot_product_attention.default");
  c.arg("query", wave({1, 2, 3, 4}, 0)).arg("key", wave({1, 2, 5, 4}, 1)).arg("value", wave({1, 2, 5, 2}, 2));
  c.arg("scale", 0.25);
  expect_values(c.run(), {1, 2, 3, 2},
                {0.15854374, 0.11514862, 0.043387241, 0.052275526, 0.15001781, 0.10719743, 0.1036648, 0.0065238213, 0.026353538,
                 0.0060464736, 0.11302119, 0.016284828});
}

TEST(AtenAttention, Causal) {
  CallFixture c("aten.scaled_dot_product_attention.default");
  c.arg("query", wave({1, 2, 3, 4}, 0)).arg("key", wave({1, 2, 5, 4}, 1)).arg("value", wave({1, 2, 5, 2}, 2));
  c.arg("is_causal", true);
  expect_values(c.run(), {1, 2, 3, 2},
                {0.90929741, 0.42737988, 0.061087776, -0.47967998, -0.29875914, -0.40958224, 0.41211849, -0.27176061,
                 -0.59934168, -0.86136367, -0.33016126, -0.2419636});
}

TEST(AtenAttention, FloatMask) {
  CallFixture c("aten.scaled_dot_product_attention.default");
  c.arg("query", wave({1, 2, 3, 4}, 0)).arg("key", wave({1, 2, 5, 4}, 1)).arg("value", wave({1, 2, 5, 2}, 2));
  c.arg("attn_mask", wave({3, 5}, 3));
  expect_values(c.run(), {1, 2, 3, 2},
                {0.45888066, 0.28814466, -0.12094748, -0.024364468, 0.54648989, 0.49775399, 0.25699312, -0.088951815,
                 -0.10370986, -0.020738715, 0.46843245, 0.18637297});
}

TEST(AtenAttention, ClosedRowOfAConstantMaskIsZero) {
  CallFixture c("aten.scaled_dot_product_attention.default");
  c.arg("query", wave({1, 2, 3, 4}, 0)).arg("key", wave({1, 2, 5, 4}, 1)).arg("value", wave({1, 2, 5, 2}, 2));
  const uint8_t open[] = {1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1};
  const Tensor mask = Tensor::of<uint8_t>(DType::kBool, {3, 5}, open);
  c.arg("attn_mask", mask);
  expect_values(
      c.run(), {1, 2, 3, 2},
      {-0.221095, -0.24471138, 0, 0, 0.19865745, 0.16119222, -0.13549748, -0.17000854, 0, 0, 0.14492828, 0.043357532});
}

TEST(AtenAttention, ClosedRowOfAComputedMaskIsZero) {
  CallFixture c("aten.scaled_dot_product_attention.default");
  c.arg("query", wave({1, 2, 3, 4}, 0)).arg("key", wave({1, 2, 5, 4}, 1)).arg("value", wave({1, 2, 5, 2}, 2));
  const uint8_t open[] = {1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1};
  const Tensor mask = Tensor::of<uint8_t>(DType::kBool, {3, 5}, open);
  c.arg("attn_mask", mask, false);
  expect_values(
      c.run(), {1, 2, 3, 2},
      {-0.221095, -0.24471138, 0, 0, 0.19865745, 0.16119222, -0.13549748, -0.17000854, 0, 0, 0.14492828, 0.043357532});
}

TEST(AtenAttention, GroupedHeads) {
  CallFixture c("aten.scaled_dot_product_attention.default");
  c.arg("query", wave({1, 4, 3, 4}, 0)).arg("key", wave({1, 2, 5, 4}, 1)).arg("value", wave({1, 2, 5, 2}, 2));
  c.arg("enable_gqa", true).arg("is_causal", false);
  expect_values(c.run(), {1, 4, 3, 2},
                {0.16203924, 0.12746008,  -0.019926627, 0.053111851,  0.19865745,  0.16119222,    0.1188332,    0.12886225,
                 0.11512377, 0.038396193, 0.20239563,   0.12138387,   0.097981444, 0.13953143,    0.18748358,   0.057641671,
                 0.15534536, 0.10907351,  0.085549058,  -0.034492792, 0.13308884,  0.00098138331, -0.061899117, -0.11103004});
}

TEST(AtenAttention, GroupedHeadsCausal) {
  CallFixture c("aten.scaled_dot_product_attention.default");
  c.arg("query", wave({1, 4, 3, 4}, 0)).arg("key", wave({1, 2, 5, 4}, 1)).arg("value", wave({1, 2, 5, 2}, 2));
  c.arg("enable_gqa", true).arg("is_causal", true);
  expect_values(c.run(), {1, 4, 3, 2},
                {0.90929741,  0.42737988,  0.061087776, -0.47967998, -0.29875914, -0.40958224, 0.90929741,  0.42737988,
                 0.023558546, -0.51981305, 0.10283444,  -0.10604797, 0.41211849,  -0.27176061, -0.20318382, -0.63043428,
                 -0.18871396, -0.4255631,  0.41211849,  -0.27176061, 0.18070297,  -0.40665796, -0.6453731,  -0.73855897});
}

TEST(AtenAttention, DropoutIsRefused) {
  CallFixture c("aten.scaled_dot_product_attention.default");
  c.arg("query", wave({1, 2, 3, 4}, 0)).arg("key", wave({1, 2, 5, 4}, 1)).arg("value", wave({1, 2, 5, 2}, 2));
  c.arg("dropout_p", 0.1);
  EXPECT_EQ(c.build(), "aten.scaled_dot_product_attention.default: dropout inside attention");
}

}  // namespace
}  // namespace atl
