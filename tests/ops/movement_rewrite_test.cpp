// Canonical and legal forms of the ops that move elements, and what is read back from files.
#include <gtest/gtest.h>

#include "ir/rewrite.h"
#include "ir/tflite_op.h"
#include "ops/binary.h"
#include "ops/index.h"
#include "ops/matmul.h"
#include "ops/shape.h"
#include "pass/pass.h"
#include "verify/evaluate.h"

namespace atl {
namespace {

Type f32(Shape s) { return {DType::kF32, std::move(s), {}}; }

Tensor counting(const Type& t) {
  Tensor wide = Tensor::make(Type{DType::kI64, t.shape, {}});
  for (int64_t i = 0; i < wide.count(); ++i) wide.mutable_data<int64_t>()[i] = i + 1;
  return cast(wide, t.dtype);
}

// A graph under construction with its inputs' values; `settle` runs a pass and checks that the values stay.
struct Bench {
  Graph graph;
  Builder b{graph};
  Tensors inputs;

  Value input(const Type& t) {
    inputs.push_back(counting(t));
    return graph.add_input("x" + std::to_string(inputs.size()), t);
  }
  void output(Value v) { graph.add_output("y" + std::to_string(graph.outputs().size()), v); }

  void settle(Status (*pass)(Graph&, PassContext&)) {
    ASSERT_TRUE(b.status()) << b.status().error().what;
    const auto before = evaluate(graph, inputs);
    ASSERT_TRUE(before);
    PassContext context;
    const Status s = pass(graph, context);
    ASSERT_TRUE(s) << s.error().what;
    const auto after = evaluate(graph, inputs);
    ASSERT_TRUE(after) << after.error().what;
    for (size_t i = 0; i < before->outputs.size(); ++i) {
      const Tensor &x = before->outputs[i], &y = after->outputs[i];
      ASSERT_EQ(x.type(), y.type());
      ASSERT_TRUE(std::equal(x.bytes(), x.bytes() + x.byte_count(), y.bytes()));
    }
  }
  /// Live nodes but inputs and constants.
  size_t ops() const {
    size_t n = 0;
    for (uint32_t id : graph.topological_order())
      n += graph[id].op->code != OpCode::kInput && graph[id].op->code != OpCode::kConst;
    return n;
  }
};

TEST(Canonicalize, ReshapesAndTransposesCompose) {
  Bench t;
  const Value x = t.input(f32({2, 3, 4}));
  const Value r = t.b.add(Reshape({3, 8}), {t.b.add(Reshape({6, 4}), {x})});
  t.output(t.b.add(Transpose({1, 0}), {t.b.add(Transpose({1, 0}), {r})}));
  t.output(t.b.add(Transpose({1, 2, 0}), {t.b.add(Transpose({1, 2, 0}), {x})}));
  t.settle(canonicalize);
  EXPECT_EQ(t.ops(), 2u);
  EXPECT_EQ(t.graph.count(OpCode::kReshape), 1u);
  EXPECT_EQ(t.graph.as<Transpose>(t.graph.outputs()[1].value)->perm, (Perm{2, 0, 1}));
}

TEST(Canonicalize, TransposeOfOnesIsReshape) {
  Bench t;
  t.output(t.b.add(Transpose({0, 2, 1, 3}), {t.input(f32({2, 1, 3, 4}))}));
  t.output(t.b.add(Transpose({0, 2, 1, 3}), {t.input(f32({2, 5, 3, 4}))}));
  t.settle(canonicalize);
  EXPECT_EQ(t.graph.count(OpCode::kReshape), 1u);
  EXPECT_EQ(t.graph.count(OpCode::kTranspose), 1u);
}

TEST(Canonicalize, SelectionsOfAWholeAxisAreOneUnpack) {
  Bench t;
  const Value x = t.input(f32({3, 4, 5}));
  for (int64_t i : {0, 2, 1}) t.output(t.b.add(Slice({i, 0, 0}, {1, 4, 5}, {}, {0}), {x}));
  t.settle(canonicalize);
  EXPECT_EQ(t.ops(), 1u);
  EXPECT_EQ(t.graph.count(OpCode::kUnpack), 1u);
}

TEST(Canonicalize, SelectionsOfAPartOfAnAxisStay) {
  Bench t;
  const Value x = t.input(f32({3, 4, 5}));
  for (int64_t i : {0, 2}) t.output(t.b.add(Slice({i, 0, 0}, {1, 4, 5}, {}, {0}), {x}));
  t.settle(canonicalize);
  EXPECT_EQ(t.graph.count(OpCode::kSlice), 2u);
}

TEST(Canonicalize, EqualPartsOfAWholeAxisAreOneSplit) {
  Bench t;
  const Value x = t.input(f32({4, 6, 5}));
  for (int64_t i : {4, 0, 2}) t.output(t.b.add(Slice({0, i, 0}, {4, 2, 5}), {x}));
  const Value y = t.input(f32({4, 6, 5}));  // a part is left out
  for (int64_t i : {2, 0}) t.output(t.b.add(Slice({0, i, 0}, {4, 2, 5}), {y}));
  t.settle(canonicalize);
  EXPECT_EQ(t.graph.count(OpCode::kSplit), 1u);
  EXPECT_EQ(t.graph.count(OpCode::kSlice), 2u);
}

TEST(Canonicalize, UnequalPartsStaySlices) {
  Bench t;
  const Value x = t.input(f32({4, 7, 5}));
  t.output(t.b.add(Slice({0, 3, 0}, {4, 4, 5}), {x}));
  t.output(t.b.add(Slice({0, 0, 0}, {4, 3, 5}), {x}));
  t.settle(canonicalize);
  EXPECT_EQ(t.graph.count(OpCode::kSplit), 0u);
  EXPECT_EQ(t.graph.count(OpCode::kSlice), 2u);
}

TEST(Canonicalize, ReshapedPartsAreReshapedOnce) {
  Bench t;
  const Value x = t.input(f32({1, 5, 24})), z = t.input(f32({5, 3, 8}));
  for (Value v : t.b.add_multi(Split(2, {8, 8, 8}), {x}, 3)) t.output(t.b.add(Reshape({1, 5, 2, 4}), {v}));
  for (Value v : t.b.add_multi(Unpack(1), {z}, 3)) t.output(t.b.add(Reshape({1, 5, 2, 4}), {v}));
  t.settle(canonicalize);
  EXPECT_EQ(t.ops(), 4u);
  EXPECT_EQ(t.graph.count(OpCode::kUnpack), 2u);
  Bench torn;  // the parts' axis would come to stand inside an axis
  const Value y = torn.input(f32({6, 4, 5}));
  for (Value v : torn.b.add_multi(Unpack(1), {y}, 4)) torn.output(torn.b.add(Reshape({15, 2}), {v}));
  torn.settle(canonicalize);
  EXPECT_EQ(torn.ops(), 5u);
}

TEST(Canonicalize, ReshapesAroundFullyConnectedAreOne) {
  Bench t;
  const Value x = t.input(f32({1, 5, 2, 4})), w = t.b.constant(counting(f32({3, 8})));
  const Value y = t.b.add(FullyConnected{}, {t.b.add(Reshape({5, 8}), {x}), w, Value{}});
  t.output(t.b.add(Reshape({1, 5, 3}), {y}));
  t.settle(canonicalize);
  EXPECT_EQ(t.ops(), 2u);
}

TEST(Canonicalize, SlicesCompose) {
  Bench t;
  const Value x = t.input(f32({6, 7, 8}));
  const Value a = t.b.add(Slice({1, 6, 2}, {5, 3, 1}, {1, -2, 1}, {2}), {x});
  t.output(t.b.add(Slice({4, 1}, {2, 1}, {-2, 1}, {1}), {a}));
  t.output(t.b.add(Reshape({3, 8}), {t.b.add(Slice({0, 2, 0}, {3, 1, 8}), {x})}));
  t.settle(canonicalize);
  EXPECT_EQ(t.ops(), 2u);
}

TEST(Canonicalize, UnusedPartsAndTrivialOpsGo) {
  Bench t;
  const Value x = t.input(f32({6, 4}));
  t.output(t.b.add_multi(Split(0, {1, 2, 3}), {x}, 3)[1]);
  t.output(t.b.add_multi(Unpack(1), {x}, 4)[3]);
  t.output(t.b.add(Pad({0, 0}, {0, 0}), {t.b.add(Concat(0), {x})}));
  t.output(t.b.add(Concat(1), {t.b.add(Concat(1), {x, x}), x}));
  t.output(t.b.add(Gather(0), {x, t.b.vector_i32({4, 2, 0})}));
  t.settle(canonicalize);
  EXPECT_EQ(t.graph.count(OpCode::kSlice), 3u);
  EXPECT_EQ(t.graph.count(OpCode::kConcat), 1u);
  EXPECT_EQ(t.ops(), 4u);
}

TEST(Canonicalize, ElementwiseUsersBroadcastByThemselves) {
  Bench t;
  const Value x = t.input(f32({2, 3, 4})), y = t.input(f32({3, 1}));
  const Value wide = t.b.add(BroadcastTo({2, 3, 4}), {y});
  t.output(t.b.add(Binary(BinaryKind::kAdd), {x, wide}));
  t.settle(canonicalize);
  EXPECT_EQ(t.graph.count(OpCode::kBroadcastTo), 0u);
  Bench both;  // the result would shrink
  const Value z = both.input(f32({1, 3, 1}));
  const Value grown = both.b.add(BroadcastTo({2, 3, 4}), {z});
  both.output(both.b.add(Binary(BinaryKind::kMul), {grown, grown}));
  both.settle(canonicalize);
  EXPECT_EQ(both.graph.outputs().size(), 1u);
}

TEST(Legalize, RanksThatLiteRtHasNot) {
  Bench t;
  const Value x = t.input(f32({2, 1, 3, 2, 2, 1, 2}));
  t.output(t.b.add(Transpose({3, 4, 0, 1, 5, 6, 2}), {x}));                   // two blocks that stay together
  t.output(t.b.add(Pad({0, 0, 0, 0, 1, 0, 0}, {0, 0, 0, 0, 0, 0, 2}), {x}));  // two padded axes
  t.output(t.b.add(Concat(3), {x, x}));
  t.output(t.b.add_multi(Split(2, {1, 2}), {x}, 2)[0]);
  const Value deep = t.input(f32({2, 3, 2, 2, 3, 2, 2, 3, 2}));
  t.output(t.b.add(Transpose({8, 6, 4, 2, 0, 7, 5, 3, 1}), {deep}));
  t.settle(legalize);
  for (uint32_t id : t.graph.topological_order())
    if (t.graph[id].op->code == OpCode::kTranspose) {
      EXPECT_LE(t.graph[id].out[0].rank(), 8u);
    }
}

TEST(Legalize, ElementTypesThatLiteRtHasNot) {
  Bench t;
  const Value x = t.input(Type{DType::kI64, {3, 4}, {}}), h = t.input(Type{DType::kF16, {3, 4}, {}});
  for (Value v : t.b.add_multi(Unpack(0), {x}, 3)) t.output(v);
  for (Value v : t.b.add_multi(Split(1, {2, 2}), {h}, 2)) t.output(v);
  t.output(t.b.add(Pack(1), {h, h}));
  t.output(t.b.add(Reverse({0, 1}), {x}));
  for (Value v : t.b.add_multi(TopK(2), {h}, 2)) t.output(v);
  t.settle(legalize);
  EXPECT_EQ(t.graph.count(OpCode::kUnpack), 0u);
  EXPECT_EQ(t.graph.count(OpCode::kReverse), 0u);
}

// What emit writes, read back.
TEST(Decode, InvertsEmit) {
  for (OpCode code : {OpCode::kReshape, OpCode::kTranspose, OpCode::kConcat, OpCode::kSplit, OpCode::kSlice, OpCode::kPad,
                      OpCode::kBroadcastTo, OpCode::kTile, OpCode::kPack, OpCode::kUnpack, OpCode::kReverse, OpCode::kGather,
                      OpCode::kGatherNd, OpCode::kScatterNd, OpCode::kOneHot, OpCode::kTopK}) {
    const OpDef& def = def_of(code);
    for (const Sample& s : def.samples()) {
      if (!s.bad.empty() || !def.legal(*s.op, s.in)) continue;
      auto emitted = def.emit(*s.op, s.in);
      ASSERT_TRUE(emitted);
      TfliteNode n;
      n.code = emitted->code;
      n.version = emitted->version;
      n.options = &emitted->options;
      n.options2 = &emitted->options2;
      for (const TfliteOperand& o : emitted->operands) {
        const bool constant = o.kind == TfliteOperand::Kind::kConstant;
        n.in.push_back(constant ? o.value.type() : s.in[size_t(o.input)]);
        n.constants.push_back(constant ? std::optional(o.value) : std::nullopt);
        n.variables.push_back(false);
      }
      n.out = *def.infer(*s.op, s.in);
      auto decoded = def.decode(n);
      ASSERT_TRUE(decoded) << def.name << " " << def.print(*s.op);
      std::vector<int> inputs;
      for (int i : decoded->in) inputs.push_back(n.constants[size_t(i)] ? -1 : emitted->operands[size_t(i)].input);
      for (size_t i = 0; i < inputs.size(); ++i) EXPECT_EQ(inputs[i], int(i)) << def.name;
      Types types = s.in;
      const auto again = def.infer(*decoded->op, types);
      ASSERT_TRUE(again) << def.name;
      EXPECT_EQ(*again, n.out) << def.name;
      if (code == OpCode::kOneHot) continue;  // its axis may be counted from the end
      EXPECT_TRUE(def.equal(*decoded->op, *s.op)) << def.print(*s.op) << " becomes " << def.print(*decoded->op);
    }
  }
}

TEST(Decode, StridedSliceWithMasks) {
  tflite::BuiltinOptionsUnion options;
  tflite::StridedSliceOptionsT o;
  o.begin_mask = 1;
  o.end_mask = 2;
  o.shrink_axis_mask = 4;
  options.Set(std::move(o));
  TfliteNode n;
  n.code = tflite::BuiltinOperator::STRIDED_SLICE;
  n.options = &options;
  n.in = {f32({4, 5, 6}), Type{DType::kI32, {3}, {}}, Type{DType::kI32, {3}, {}}, Type{DType::kI32, {3}, {}}};
  n.constants = {std::nullopt, Tensor::of_i32({2, 3, -2}), Tensor::of_i32({-1, 0, 0}), Tensor::of_i32({2, -1, 1})};
  n.variables = {false, false, false, false};
  n.out = {f32({2, 4})};
  const auto d = def_of(OpCode::kSlice).decode(n);
  ASSERT_TRUE(d);
  const Slice want({0, 3, 4}, {2, 4, 1}, {2, -1, 1}, {2});
  EXPECT_TRUE(def_of(OpCode::kSlice).equal(*d->op, want)) << def_of(OpCode::kSlice).print(*d->op);
}

}  // namespace
}  // namespace atl
