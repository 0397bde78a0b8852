// The rewrites of products and of the LSTM: what they make, and that the values stay.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "ops/binary.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "pass/pass.h"
#include "verify/evaluate.h"

namespace atl {
namespace {

Tensor wave(Shape shape, double seed) {
  Tensor t = Tensor::make(Type{DType::kF32, std::move(shape), {}});
  for (int64_t i = 0; i < t.count(); ++i) t.mutable_data<float>()[i] = float(std::sin(0.7 * double(i) + seed));
  return t;
}

class Rewrites : public ::testing::Test {
 protected:
  Value input(Shape s) {
    inputs_.push_back(wave(s, double(inputs_.size())));
    return g.add_input("x" + std::to_string(inputs_.size()), Type{DType::kF32, std::move(s), {}});
  }
  Value constant(Shape s, double seed) { return b.constant(wave(std::move(s), seed)); }
  void output(Value v) {
    ASSERT_FALSE(b.failed()) << format(b.status().error());
    g.add_output("y" + std::to_string(g.outputs().size()), v);
  }
  Tensors values() {
    auto e = evaluate(g, inputs_);
    EXPECT_TRUE(e) << (e ? "" : format(e.error()));
    return e ? e->outputs : Tensors{};
  }
  // Runs a pass and checks that it changes no value.
  void run(Status (*pass)(Graph&, PassContext&), double tolerance = 1e-6) {
    const Tensors before = values();
    PassContext context;
    auto s = pass(g, context);
    ASSERT_TRUE(s) << format(s.error());
    const Tensors after = values();
    ASSERT_EQ(before.size(), after.size());
    for (size_t i = 0; i < before.size(); ++i) {
      ASSERT_EQ(before[i].shape(), after[i].shape());
      for (int64_t k = 0; k < before[i].count(); ++k)
        ASSERT_NEAR(element_as_double(before[i], k), element_as_double(after[i], k), tolerance);
    }
  }
  size_t count(OpCode c) { return g.count(c); }

  Graph g;
  Builder b{g};
  Tensors inputs_;
};

TEST_F(Rewrites, ProductByAConstantMatrixIsFullyConnected) {
  output(b.add(BatchMatmul{}, {input({2, 3, 5}), constant({5, 7}, 1)}));
  output(b.add(BatchMatmul(false, true), {input({2, 3, 5}), constant({1, 7, 5}, 2)}));
  run(canonicalize);
  EXPECT_EQ(count(OpCode::kFullyConnected), 2u);
  EXPECT_EQ(count(OpCode::kBatchMatmul), 0u);
}

TEST_F(Rewrites, ProductWithABatchOfConstantsStays) {
  output(b.add(BatchMatmul{}, {input({2, 3, 5}), constant({2, 5, 7}, 1)}));
  run(canonicalize);
  EXPECT_EQ(count(OpCode::kBatchMatmul), 1u);
}

TEST_F(Rewrites, ExpandedWeightsAreNotCopied) {
  output(b.add(BatchMatmul{}, {input({2, 3, 5}), b.add(BroadcastTo({2, 5, 7}), {constant({1, 5, 7}, 1)})}));
  run(canonicalize);
  EXPECT_EQ(count(OpCode::kFullyConnected), 1u);
  EXPECT_EQ(count(OpCode::kBroadcastTo), 0u);
}

TEST_F(Rewrites, AnExpansionThatMakesTheBatchStays) {
  output(b.add(BatchMatmul{}, {input({1, 3, 5}), b.add(BroadcastTo({2, 5, 7}), {input({1, 5, 7})})}));
  run(canonicalize);
  EXPECT_EQ(count(OpCode::kBroadcastTo), 1u);
}

TEST_F(Rewrites, EmptyProductIsZero) {
  output(b.add(BatchMatmul{}, {input({2, 0}), input({0, 3})}));
  run(canonicalize);
  EXPECT_EQ(count(OpCode::kBatchMatmul), 0u);
  ASSERT_TRUE(g.constant(g.outputs()[0].value));
}

TEST_F(Rewrites, BatchAxesOfCoreAtenAreSplitAgain) {
  const Value x = b.add(Reshape({6, 4, 5}), {input({2, 3, 4, 5})}), y = b.add(Reshape({6, 5, 7}), {input({2, 3, 5, 7})});
  output(b.add(Reshape({2, 3, 4, 7}), {b.add(BatchMatmul{}, {x, y})}));
  run(canonicalize);
  EXPECT_EQ(count(OpCode::kReshape), 0u);
  EXPECT_EQ(count(OpCode::kBatchMatmul), 1u);
}

TEST_F(Rewrites, BatchAxesStayWhenThatCostsMoreReshapes) {
  output(b.add(Reshape({2, 3, 4, 7}), {b.add(BatchMatmul{}, {input({6, 4, 5}), input({6, 5, 7})})}));
  run(canonicalize);
  EXPECT_EQ(count(OpCode::kReshape), 1u);
}

TEST_F(Rewrites, FullyConnectedLosesTheReshapesAroundIt) {
  const Value lines = b.add(Reshape({6, 5}), {input({2, 3, 5})});
  const Value y = b.add(FullyConnected{}, {lines, constant({7, 5}, 1), constant({7}, 2)});
  output(b.add(Reshape({2, 3, 7}), {y}));
  run(canonicalize);
  EXPECT_EQ(count(OpCode::kReshape), 0u);
  EXPECT_EQ(g[g.outputs()[0].value].op->code, OpCode::kFullyConnected);
}

TEST_F(Rewrites, FlattenedChannelsStayBeforeFullyConnected) {
  const Value lines = b.add(Reshape({2, 15}), {input({2, 3, 5})});
  output(b.add(FullyConnected{}, {lines, constant({7, 15}, 1)}));
  run(canonicalize);
  EXPECT_EQ(count(OpCode::kReshape), 1u);
  EXPECT_EQ(g.type(g[g.outputs()[0].value].in[0]).shape, (Shape{2, 15}));
}

TEST_F(Rewrites, ComputedWeightsAreAMatrixProduct) {
  output(b.add(FullyConnected{}, {input({2, 3, 5}), input({7, 5}), input({7})}));
  output(b.add(FullyConnected{}, {input({5}), input({7, 5})}));
  run(canonicalize);
  EXPECT_EQ(count(OpCode::kFullyConnected), 0u);
  EXPECT_EQ(count(OpCode::kBatchMatmul), 2u);
  EXPECT_EQ(count(OpCode::kBinary), 1u);
}

TEST_F(Rewrites, WeightsComputedFromConstantsStayWeights) {
  const Value w = b.add(Binary(BinaryKind::kMul), {constant({7, 5}, 1), constant({7, 1}, 2)});
  output(b.add(FullyConnected{}, {input({3, 5}), w}));
  run(canonicalize);
  EXPECT_EQ(count(OpCode::kFullyConnected), 1u);
}

TEST_F(Rewrites, ComputedBiasIsAdded) {
  output(b.add(FullyConnected{}, {input({3, 5}), constant({7, 5}, 1), input({7})}));
  run(canonicalize);
  EXPECT_EQ(count(OpCode::kFullyConnected), 1u);
  EXPECT_EQ(count(OpCode::kBinary), 1u);
}

TEST_F(Rewrites, ProductOfManyAxesIsMadeOfThree) {
  output(b.add(BatchMatmul{}, {input({2, 1, 2, 3, 2, 5}), input({2, 3, 2, 3, 5, 2})}));
  run(legalize);
  for (uint32_t id : g.topological_order())
    if (g[id].op->code == OpCode::kBatchMatmul) {
      EXPECT_EQ(g.type(g[id].in[0]).rank(), 3u);
      EXPECT_EQ(g.type(g[id].in[1]).rank(), 3u);
    }
}

TEST_F(Rewrites, SoftmaxMovesItsAxisLast) {
  output(b.add(Softmax(1), {input({2, 3, 4, 5})}));
  output(b.add(LogSoftmax(1), {input({2, 3, 1, 1})}));
  run(legalize);
  EXPECT_EQ(count(OpCode::kTranspose), 2u);
  EXPECT_EQ(count(OpCode::kReshape), 2u);
}

TEST_F(Rewrites, ReductionOfManyAxesMergesNeighbours) {
  output(b.add(Reduce(ReduceKind::kMean, {1, 2, 5}, true), {input({2, 3, 2, 2, 2, 3, 2})}));
  run(legalize);
  EXPECT_EQ(count(OpCode::kReduce), 1u);
  EXPECT_EQ(count(OpCode::kReshape), 2u);
}

// Operands of an LSTM of 3 features and 2 cells; states are added by the test.
Values lstm_operands(Builder& b, Value x, double seed) {
  Values in{x};
  const int64_t features = b.shape(x)[2];
  for (int i = 0; i < 4; ++i) in.push_back(b.constant(wave({2, features}, seed + i)));
  for (int i = 0; i < 4; ++i) in.push_back(b.constant(wave({2, 2}, seed + 4 + i)));
  for (int i = 0; i < 4; ++i) in.push_back(b.constant(wave({2}, seed + 8 + i)));
  in.push_back(Value{});
  return in;
}

// Every state is a result of UNPACK that nothing else uses.
void expect_states_filled(const Graph& g) {
  std::set<Value> states;
  for (uint32_t id : g.topological_order()) {
    if (g[id].op->code != OpCode::kLstm) continue;
    for (int operand : {int(kLstmH0), int(kLstmC0)}) {
      const Value v = g[id].in[size_t(operand)];
      EXPECT_TRUE(g.is(v, OpCode::kUnpack));
      EXPECT_EQ(g.uses(v).size(), 1u);
      EXPECT_TRUE(states.insert(v).second);
    }
  }
}

TEST_F(Rewrites, OneUnpackFillsAllConstantStates) {
  Lstm op;
  Value x = input({4, 5, 3});
  const Value zero = constant({1, 4, 2}, 0);
  for (int layer = 0; layer < 2; ++layer) {
    Values in = lstm_operands(b, x, layer);
    in.insert(in.end(), {zero, constant({1, 4, 2}, 1 + layer)});
    x = b.add(op, in);
  }
  output(x);
  run(legalize);
  EXPECT_EQ(count(OpCode::kUnpack), 1u);
  expect_states_filled(g);
}

TEST_F(Rewrites, ASharedComputedStateIsCopied) {
  Lstm op;
  const Value h = input({1, 4, 2});
  Values in = lstm_operands(b, input({4, 5, 3}), 0);
  in.insert(in.end(), {h, h});
  output(b.add(op, in));
  run(legalize);
  expect_states_filled(g);
}

TEST_F(Rewrites, LastStatesWaitForTheSequence) {
  Lstm op;
  op.last_h = op.last_c = true;
  Values in = lstm_operands(b, input({4, 5, 3}), 0);
  in.insert(in.end(), {input({1, 4, 2}), constant({1, 4, 2}, 1)});
  const Values y = b.add_multi(op, in, 3);
  output(y[0]);
  output(y[2]);
  run(canonicalize);
  run(legalize);
  expect_states_filled(g);
  const Value last = g.outputs()[1].value;
  ASSERT_TRUE(g.is(last, OpCode::kSelect));
  const Value state = g[last].in[1];
  ASSERT_TRUE(g.is(state, OpCode::kLstm));
  const Lstm* lstm = g.as<Lstm>(state);
  EXPECT_TRUE(lstm->states_filled && lstm->last_c && !lstm->last_h);
  EXPECT_EQ(g[g[last].in[2]].in[0], (Value{state.node, 0}));
}

TEST(BatchMatmulLayouts, SwappedMatrixAxesToggleAdj) {
  const OpPtr op = make_op(BatchMatmul(false, true));
  const Type x{DType::kF32, {2, 3, 4, 5}, {}}, y{DType::kF32, {2, 3, 7, 5}, {}};
  const auto c = def_of(*op).permuted(*op, std::vector{x, y}, 1, {1, 0, 3, 2});
  ASSERT_TRUE(c);
  EXPECT_FALSE(static_cast<const BatchMatmul&>(*c->op).adj_y);
  EXPECT_EQ(c->in[0], (Perm{1, 0, 2, 3}));
  EXPECT_EQ(c->out, (Perm{1, 0, 2, 3}));
  EXPECT_FALSE(def_of(*op).permuted(*op, std::vector{x, y}, 0, {0, 2, 1, 3}));
  EXPECT_FALSE(def_of(*op).permuted(*op, std::vector{x, y}, kResult, {0, 1, 3, 2}));
}

TEST(ReduceLayouts, RemovedAxesFollowThePermutation) {
  const OpPtr op = make_op(Reduce(ReduceKind::kMean, {2, 3}, false));
  const Type x{DType::kF32, {2, 3, 4, 5}, {}};
  const auto c = def_of(*op).permuted(*op, std::vector{x}, 0, {0, 2, 3, 1});
  ASSERT_TRUE(c);
  EXPECT_EQ(static_cast<const Reduce&>(*c->op).axes, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(c->out, (Perm{0, 1}));
  const auto back = def_of(*op).permuted(*op, std::vector{x}, kResult, {1, 0});
  ASSERT_TRUE(back);
  EXPECT_EQ(back->in[0], (Perm{1, 0, 2, 3}));
}

}  // namespace
}  // namespace atl
