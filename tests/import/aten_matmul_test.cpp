#include "import/source_call_fixture.h"

namespace atl {
namespace {

// Expected values: torch 2.13.0 in double on the same operands.
TEST(AtenMatmul, EinsumContractsPermutesAndBatches) {
  CallFixture c("aten.einsum.default");
  c.arg("equation", std::string("bqhd,bkhd->bhqk")).tensors("tensors", {wave({1, 2, 3, 4}, 0), wave({1, 3, 3, 4}, 1)});
  expect_values(c.run(), {1, 3, 2, 3},
                {1.3403758, -2.1250434, 0.86664601, 0.75143725, 0.95133826, -1.7394756, 1.2752498, -1.9531564, 0.75325412,
                 0.92332431, 0.83794634, -1.7935964, 1.1227537, -1.8020205, 0.74878381, 1.0744603, 0.83347604, -1.9400896});
}

TEST(AtenMatmul, EinsumTakesDiagonals) {
  CallFixture c("aten.einsum.default");
  c.arg("equation", std::string("iij->j")).tensors("tensors", {wave({3, 3, 2}, 0)});
  expect_values(c.run(), {2}, {-1.6104444, 0.042894449});
}

TEST(AtenMatmul, EinsumOfThree) {
  CallFixture c("aten.einsum.default");
  c.arg("equation", std::string("bi,oij,bj->bo")).tensors("tensors", {wave({2, 3}, 0), wave({5, 3, 4}, 1), wave({2, 4}, 2)});
  expect_values(c.run(), {2, 5},
                {-0.43143938, 0.758969, -0.35680855, -0.38839567, 0.76018752, -0.75420193, 0.61233098, 0.11824886, -0.73514157,
                 0.64525249});
}

TEST(AtenMatmul, EinsumSwapsOperands) {
  CallFixture c("aten.einsum.default");
  c.arg("equation", std::string("ij,jk->ki")).tensors("tensors", {wave({2, 3}, 0), wave({3, 4}, 1)});
  expect_values(c.run(), {4, 2},
                {-0.087161327, 0.41211699, 0.20832037, 0.23023446, 0.4058257, -0.059930966, 0.4124649, -0.32190992});
}

TEST(AtenMatmul, EinsumEllipsisBroadcasts) {
  CallFixture c("aten.einsum.default");
  c.arg("equation", std::string("...ij,...jk->...ik")).tensors("tensors", {wave({2, 2, 3}, 0), wave({3, 2}, 1)});
  expect_values(c.run(), {2, 2, 2},
                {-0.16780987, -0.9365198, 1.1672673, 1.2128446, -1.0107708, -0.2880799, -0.14669986, -0.92197253});
}

TEST(AtenMatmul, EinsumImplicitOutput) {
  CallFixture c("aten.einsum.default");
  c.arg("equation", std::string("ba")).tensors("tensors", {wave({2, 3}, 0)});
  expect_values(c.run(), {3, 2}, {0, 0.86320937, 0.64421767, 0.33498815, 0.98544973, -0.35078323});
}

TEST(AtenMatmul, EinsumRefusesWrongSubscripts) {
  CallFixture c("aten.einsum.default");
  c.arg("equation", std::string("ij,jk->il")).tensors("tensors", {wave({2, 3}, 0), wave({3, 4}, 1)});
  EXPECT_EQ(c.build(), "einsum: the output's subscripts are not those of the operands");
  CallFixture d("aten.einsum.default");
  d.arg("equation", std::string("ijk->i")).tensors("tensors", {wave({2, 3}, 0)});
  EXPECT_EQ(d.build(), "einsum: subscripts 'ijk' for an operand of shape 2x3");
}

TEST(AtenMatmul, MatmulOfVectors) {
  CallFixture c("aten.matmul.default");
  c.arg("self", wave({3}, 0)).arg("other", wave({3}, 1));
  expect_values(c.run(), {}, {1.304483});
}

TEST(AtenMatmul, MatmulMatrixVector) {
  CallFixture c("aten.matmul.default");
  c.arg("self", wave({2, 3}, 0)).arg("other", wave({3}, 1));
  expect_values(c.run(), {2}, {1.304483, 0.82162041});
}

TEST(AtenMatmul, MatmulVectorBatch) {
  CallFixture c("aten.matmul.default");
  c.arg("self", wave({3}, 0)).arg("other", wave({2, 3, 2}, 1));
  expect_values(c.run(), {2, 2}, {-0.16780987, -0.9365198, 1.1756633, 1.2011892});
}

TEST(AtenMatmul, MatmulBroadcasts) {
  CallFixture c("aten.matmul.default");
  c.arg("self", wave({2, 1, 2, 3}, 0)).arg("other", wave({2, 3, 2}, 1));
  expect_values(c.run(), {2, 2, 2, 2},
                {-0.16780987, -0.9365198, 1.1672673, 1.2128446, 1.1756633, 1.2011892, -1.005294, -0.27040613, -1.0107708,
                 -0.2880799, -0.14669986, -0.92197253, -0.16062579, -0.92816223, 1.1674766, 1.2075643});
}

TEST(AtenMatmul, AddmmScales) {
  CallFixture c("aten.addmm.default");
  c.arg("self", wave({4}, 2))
      .arg("mat1", wave({2, 3}, 0))
      .arg("mat2", wave({3, 4}, 1))
      .arg("beta", 0.5)
      .arg("alpha", int64_t(2));
  expect_values(c.run(), {2, 4},
                {0.28032605, 0.63033068, 0.68388085, 0.41579124, 1.2788827, 0.67415885, -0.24763249, -1.0529584});
}

TEST(AtenMatmul, AddmmByAConstantIsFullyConnected) {
  CallFixture c("aten.addmm.default");
  c.arg("self", wave({4}, 2)).arg("mat1", wave({2, 3}, 0), false).arg("mat2", wave({3, 4}, 1));
  ASSERT_EQ(c.build(), "");
  EXPECT_EQ(c.graph().count(OpCode::kFullyConnected), 1u);
  CallFixture d("aten.addmm.default");
  d.arg("self", wave({4}, 2)).arg("mat1", wave({2, 3}, 0), false).arg("mat2", wave({3, 4}, 1), false);
  ASSERT_EQ(d.build(), "");
  EXPECT_EQ(d.graph().count(OpCode::kFullyConnected), 0u);
}

TEST(AtenMatmul, Bilinear) {
  CallFixture c("aten.bilinear.default");
  c.arg("input1", wave({2, 3}, 0)).arg("input2", wave({2, 4}, 1)).arg("weight", wave({2, 3, 4}, 2)).arg("bias", wave({2}, 3));
  expect_values(c.run(), {2, 2}, {1.0771594, -0.93341032, 0.75573267, -0.20308137});
}

TEST(AtenMatmul, TensordotOverPairs) {
  CallFixture c("aten.tensordot.default");
  c.arg("self", wave({2, 3, 4}, 0)).arg("other", wave({4, 2, 3}, 1));
  c.arg("dims_self", std::vector<int64_t>{2, 1}).arg("dims_other", std::vector<int64_t>{0, 2});
  expect_values(c.run(), {2, 2}, {-0.18742762, -0.049901937, -0.041074858, 0.23659647});
}

TEST(AtenMatmul, KronAndCross) {
  CallFixture c("aten.kron.default");
  c.arg("self", wave({2, 2}, 0)).arg("other", wave({3}, 1));
  expect_values(
      c.run(), {2, 6},
      {0, 0, 0, 0.54209046, 0.638848, 0.43514533, 0.82922733, 0.97723584, 0.66563503, 0.72636561, 0.85601437, 0.58306616});
  CallFixture d("aten.linalg_cross.default");
  d.arg("self", wave({2, 3}, 0)).arg("other", wave({2, 3}, 1));
  expect_values(d.run(), {2, 3}, {-0.54209051, 0.82922733, -0.54209046, -0.54209049, 0.82922736, -0.54209049});
}

}  // namespace
}  // namespace atl
