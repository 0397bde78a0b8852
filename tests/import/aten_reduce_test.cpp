#include "import/source_call_fixture.h"

namespace atl {
namespace {

// Expected values: torch 2.13.0 in double on the same operands.
TEST(AtenReduce, VarianceWithCorrection) {
  CallFixture c("aten.var.correction");
  c.arg("self", wave({2, 3, 4}, 0)).arg("dim", std::vector<int64_t>{0, 2}).arg("correction", 2.5);
  expect_values(c.run(0), {3}, {0.57078202, 0.50827924, 0.50357239});
}

TEST(AtenReduce, DeviationOfAll) {
  CallFixture c("aten.std.default");
  c.arg("self", wave({2, 3, 4}, 0));
  expect_values(c.run(0), {}, {0.6951508});
}

TEST(AtenReduce, VarianceOfOneIsNaN) {
  CallFixture c("aten.var.default");
  c.arg("self", wave({1}, 0));
  expect_values(c.run(0), {}, {NAN});
}

TEST(AtenReduce, VarMeanGivesBoth) {
  CallFixture c("aten.var_mean.correction");
  c.arg("self", wave({2, 3, 4}, 0)).arg("dim", std::vector<int64_t>{1}).arg("keepdim", true);
  expect_values(c.run(1), {2, 1, 4},
                {-0.098759502, 0.10341611, 0.25695352, 0.28964166, 0.28867618, 0.18223602, -0.0099125778, -0.19739913});
}

TEST(AtenReduce, LogSumExp) {
  CallFixture c("aten.logsumexp.default");
  c.arg("self", wave({2, 3, 4}, 0)).arg("dim", std::vector<int64_t>{1, 2});
  expect_values(c.run(0), {2}, {2.8339876, 2.7597355});
}

TEST(AtenReduce, LogSumExpOfMinusInfinity) {
  CallFixture c("aten.logsumexp.default");
  Tensor x = wave({2, 2}, 0);
  x.mutable_data<float>()[2] = x.mutable_data<float>()[3] = -INFINITY;
  c.arg("self", x).arg("dim", std::vector<int64_t>{1});
  expect_values(c.run(), {2}, {1.0662601, -INFINITY});
}

TEST(AtenReduce, NormOfOrderThree) {
  CallFixture c("aten.norm.ScalarOpt_dim");
  c.arg("self", wave({2, 3, 4}, 0)).arg("p", 3.0).arg("dim", std::vector<int64_t>{-1});
  expect_values(c.run(0), {2, 3}, {1.2314697, 1.1914012, 1.14473, 1.1151151, 1.138379, 1.1842058});
}

TEST(AtenReduce, NormOfOrderZero) {
  CallFixture c("aten.linalg_vector_norm.default");
  c.arg("self", wave({2, 3, 4}, 0)).arg("ord", 0.0).arg("dim", std::vector<int64_t>{0});
  expect_values(c.run(0), {3, 4}, {1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2});
}

TEST(AtenReduce, MatrixNorms) {
  CallFixture c("aten.linalg_matrix_norm.default");
  c.arg("self", wave({2, 3, 4}, 0)).arg("ord", 1.0);
  expect_values(c.run(0), {2}, {2.8338302, 2.824384});
}

TEST(AtenReduce, Cumprod) {
  CallFixture c("aten.cumprod.default");
  c.arg("self", wave({2, 5}, 0)).arg("dim", int64_t(1));
  expect_values(c.run(0), {2, 5}, {0, 0, 0, 0, 0, -0.35078323, 0.30573416, -0.30036933, 0.18961314, 0.0031881365});
}

TEST(AtenReduce, LogCumsumExp) {
  CallFixture c("aten.logcumsumexp.default");
  c.arg("self", wave({2, 5}, 0)).arg("dim", int64_t(1));
  expect_values(c.run(0), {2, 5},
                {0, 1.0662601, 1.7198181, 2.0737089, 2.235611, -0.35078323, 0.11549444, 0.40334286, 0.70741374, 1.1137287});
}

TEST(AtenReduce, CummaxIndices) {
  CallFixture c("aten.cummax.default");
  c.arg("self", wave({2, 8}, 0)).arg("dim", int64_t(1));
  expect_values(c.run(1), {2, 8}, {0, 1, 2, 2, 2, 2, 2, 2, 0, 1, 2, 3, 3, 3, 3, 3});
}

TEST(AtenReduce, LowerMedian) {
  CallFixture c("aten.median.dim");
  c.arg("self", wave({3, 4}, 0)).arg("dim", int64_t(1)).arg("keepdim", true);
  expect_values(c.run(0), {3, 1}, {0.64421767, -0.87157577, 0.0168139});
}

TEST(AtenReduce, MedianIndex) {
  CallFixture c("aten.median.dim");
  c.arg("self", wave({3, 4}, 0)).arg("dim", int64_t(0));
  expect_values(c.run(1), {4}, {0, 2, 2, 0});
}

TEST(AtenReduce, SecondDifference) {
  CallFixture c("aten.diff.default");
  c.arg("self", wave({2, 4}, 0)).arg("n", int64_t(2)).arg("dim", int64_t(-1));
  expect_values(c.run(0), {2, 2}, {-0.30298561, -0.46347243, 0.16497883, 0.40991569});
}

TEST(AtenReduce, ArgmaxOfAllKeepsAxes) {
  CallFixture c("aten.argmax.default");
  c.arg("self", wave({2, 3, 4}, 0)).arg("keepdim", true);
  expect_values(c.run(0), {1, 1, 1}, {20});
}

TEST(AtenReduce, ArgminAlongAxis) {
  CallFixture c("aten.argmin.default");
  c.arg("self", wave({2, 3, 4}, 0)).arg("dim", int64_t(-2)).arg("keepdim", true);
  expect_values(c.run(0), {2, 1, 4}, {2, 1, 1, 1, 1, 1, 0, 0});
}

TEST(AtenReduce, TraceOfWideMatrix) {
  CallFixture c("aten.trace.default");
  c.arg("self", wave({2, 4}, 0));
  expect_values(c.run(0), {}, {-0.35078323});
}

TEST(AtenReduce, CosineSimilarity) {
  CallFixture c("aten.cosine_similarity.default");
  c.arg("x1", wave({2, 3, 4}, 0)).arg("x2", wave({2, 3, 4}, 1)).arg("dim", int64_t(-1));
  expect_values(c.run(), {2, 3}, {0.62624563, 0.60721422, 0.55824515, 0.49528224, 0.44876211, 0.44684709});
}

TEST(AtenReduce, DistancesOfRows) {
  CallFixture c("aten.cdist.default");
  c.arg("x1", wave({3, 4}, 0)).arg("x2", wave({2, 4}, 1)).arg("p", 2.0);
  expect_values(c.run(), {3, 2}, {1.2648946, 2.8333058, 2.3453497, 1.2883458, 2.0039111, 2.284124});
}

TEST(AtenReduce, SafeSoftmaxOfClosedRowIsZero) {
  CallFixture c("aten._safe_softmax.default");
  Tensor x = wave({2, 3}, 0);
  for (int i = 3; i < 6; ++i) x.mutable_data<float>()[i] = -INFINITY;
  c.arg("self", x).arg("dim", int64_t(-1));
  expect_values(c.run(), {2, 3}, {0.17909872, 0.34109288, 0.47980841, 0, 0, 0});
}

}  // namespace
}  // namespace atl
