// What the derived tests do not reach: integers that wrap, errors of eval, rewrites, layouts of broadcasting operands,
// operators of files with forms that no op expresses.
#include "ops/elementwise.h"

#include <gtest/gtest.h>

#include <limits>

#include "ir/cast_op.h"
#include "ir/tflite_op.h"
#include "ops/binary.h"
#include "ops/opaque.h"
#include "ops/promotion.h"
#include "ops/quantize.h"
#include "ops/unary.h"

namespace atl {
namespace {

Type type(DType t, Shape s) { return {t, std::move(s), {}}; }

template <class T>
Tensor tensor(DType t, Shape s, std::vector<T> v) {
  return Tensor::of<T>(t, std::move(s), v);
}
Tensor i32(Shape s, std::vector<int32_t> v) { return tensor(DType::kI32, std::move(s), std::move(v)); }
Tensor f32(Shape s, std::vector<float> v) { return tensor(DType::kF32, std::move(s), std::move(v)); }

Result<Tensors> eval(const OpPtr& op, const Tensors& in) { return def_of(*op).eval(*op, in); }

template <class T>
std::vector<T> values(const Tensor& t) {
  return {t.data<T>(), t.data<T>() + t.count()};
}

template <class T>
std::vector<T> result(const OpPtr& op, const Tensors& in) {
  auto out = eval(op, in);
  EXPECT_TRUE(out) << (out ? "" : format(out.error()));
  return out ? values<T>((*out)[0]) : std::vector<T>{};
}

OpPtr binary(BinaryKind k, Activation a = Activation::kNone) { return make_op(Binary(k, a)); }

TEST(BinaryEval, IntegersWrapAndRoundAsLiteRt) {
  constexpr int32_t kMin = std::numeric_limits<int32_t>::min(), kMax = std::numeric_limits<int32_t>::max();
  const Tensor a = i32({5}, {kMax, kMin, 7, -7, kMin}), b = i32({5}, {1, 1, -2, 2, -1});
  EXPECT_EQ(result<int32_t>(binary(BinaryKind::kAdd), {a, b}), (std::vector<int32_t>{kMin, kMin + 1, 5, -5, kMax}));
  EXPECT_EQ(result<int32_t>(binary(BinaryKind::kMul), {a, b}), (std::vector<int32_t>{kMax, kMin, -14, -14, kMin}));
  EXPECT_EQ(result<int32_t>(binary(BinaryKind::kDiv), {a, b}), (std::vector<int32_t>{kMax, kMin, -3, -3, kMin}));
  EXPECT_EQ(result<int32_t>(binary(BinaryKind::kFloorDiv), {a, b}), (std::vector<int32_t>{kMax, kMin, -4, -4, kMin}));
  EXPECT_EQ(result<int32_t>(binary(BinaryKind::kFloorMod), {a, b}), (std::vector<int32_t>{0, 0, -1, 1, 0}));
}

TEST(BinaryEval, IntegersRefuseZeroDivisorsAndNegativePowers) {
  for (auto k : {BinaryKind::kDiv, BinaryKind::kFloorDiv, BinaryKind::kFloorMod})
    EXPECT_FALSE(eval(binary(k), {i32({2}, {1, 2}), i32({2}, {1, 0})}));
  EXPECT_FALSE(eval(binary(BinaryKind::kPow), {i32({1}, {2}), i32({1}, {-1})}));
  EXPECT_TRUE(eval(binary(BinaryKind::kDiv), {f32({1}, {1}), f32({1}, {0})}));
}

TEST(BinaryEval, BroadcastsEveryPattern) {
  // x [2,3,2] against each axis alone, pairs of axes, a scalar, and both sides growing.
  const Tensor x = f32({2, 3, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  const OpPtr add = binary(BinaryKind::kAdd);
  EXPECT_EQ(result<float>(add, {x, f32({2, 1, 1}, {100, 200})}),
            (std::vector<float>{100, 101, 102, 103, 104, 105, 206, 207, 208, 209, 210, 211}));
  EXPECT_EQ(result<float>(add, {x, f32({3, 1}, {100, 200, 300})}),
            (std::vector<float>{100, 101, 202, 203, 304, 305, 106, 107, 208, 209, 310, 311}));
  EXPECT_EQ(result<float>(add, {f32({2}, {100, 200}), x}),
            (std::vector<float>{100, 201, 102, 203, 104, 205, 106, 207, 108, 209, 110, 211}));
  EXPECT_EQ(result<float>(add, {x, f32({2, 1, 2}, {100, 200, 300, 400})}),
            (std::vector<float>{100, 201, 102, 203, 104, 205, 306, 407, 308, 409, 310, 411}));
  EXPECT_EQ(result<float>(add, {f32({}, {1}), f32({1}, {2})}), (std::vector<float>{3}));
  EXPECT_EQ(result<float>(binary(BinaryKind::kSub), {f32({2, 1}, {10, 20}), f32({3}, {1, 2, 3})}),
            (std::vector<float>{9, 8, 7, 19, 18, 17}));
  EXPECT_TRUE(result<float>(add, {f32({2, 0}, {}), f32({1}, {2})}).empty());
}

TEST(BinaryInfer, RefusesResultsThatOverflow) {
  const int64_t huge = int64_t(1) << 40;
  const Types in{type(DType::kF32, {huge, 1}), type(DType::kF32, {1, huge})};
  EXPECT_FALSE(def_of(OpCode::kBinary).infer(Binary(), in));
  const Types dynamic{type(DType::kF32, {kDynamic, 3}), type(DType::kF32, {5, 1})};
  const auto out = def_of(OpCode::kBinary).infer(Binary(), dynamic);
  ASSERT_TRUE(out);
  EXPECT_EQ((*out)[0].shape, (Shape{5, 3}));
}

TEST(BinaryLayout, TakesOnlyFullRankOrScalarOperands) {
  const OpPtr op = binary(BinaryKind::kAdd);
  const Perm nhwc{0, 2, 3, 1};
  const auto choice = def_of(*op).permuted(*op, Types{type(DType::kF32, {2, 3, 4, 5}), type(DType::kF32, {})}, kResult, nhwc);
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->in, (std::vector<Perm>{nhwc, {}}));
  EXPECT_EQ(choice->out, nhwc);
  EXPECT_FALSE(def_of(*op).permuted(*op, Types{type(DType::kF32, {2, 3, 4, 5}), type(DType::kF32, {4, 5})}, 0, nhwc));
}

// A graph of one op on inputs (or constants), for rewrites.
struct OneOp {
  Graph g;
  uint32_t id = 0;
  OneOp(OpPtr op, const Types& in, const std::vector<std::optional<Tensor>>& constants = {}) {
    Values v;
    for (size_t i = 0; i < in.size(); ++i)
      v.push_back(i < constants.size() && constants[i] ? g.add_constant(Constant::of(*constants[i]))
                                                       : g.add_input(fmt::format("x{}", i), in[i]));
    auto out = g.add(std::move(op), v);
    EXPECT_TRUE(out) << (out ? "" : format(out.error()));
    if (!out) return;
    id = (*out)[0].node;
    g.add_output("y", (*out)[0]);
  }
  bool apply(Result<bool> (*OpDef::*rule)(const OpBase&, Rewrite&)) {
    Rewrite r(g, id);
    const OpPtr op = g[id].op;
    auto did = (def_of(*op).*rule)(*op, r);
    EXPECT_TRUE(did) << (did ? "" : format(did.error()));
    return did && *did;
  }
  std::string ops() const {
    std::string out;
    for (uint32_t n : g.topological_order())
      if (g[n].op->code != OpCode::kInput && g[n].op->code != OpCode::kConst)
        out += (out.empty() ? "" : " ") + std::string(def_of(*g[n].op).name) + '{' + def_of(*g[n].op).print(*g[n].op) + '}';
    return out;
  }
};

TEST(Legalize, CastsAroundKernelsThatLackTheType) {
  const Type i64 = type(DType::kI64, {2, 3});
  OneOp pow(binary(BinaryKind::kPow), {i64, i64});
  EXPECT_TRUE(pow.apply(&OpDef::legalize));
  EXPECT_EQ(pow.ops(), "cast{to=i32} cast{to=i32} binary{kind=pow, activation=none} cast{to=i64}");
  OneOp less(make_op(Compare(CompareKind::kLess)), {type(DType::kBool, {3}), type(DType::kBool, {3})});
  EXPECT_TRUE(less.apply(&OpDef::legalize));
  EXPECT_EQ(less.ops(), "cast{to=i32} cast{to=i32} compare{kind=less}");
  OneOp f64(make_op(Gelu(false)), {type(DType::kF64, {3})});
  EXPECT_TRUE(f64.apply(&OpDef::legalize));
  EXPECT_EQ(f64.ops(), "cast{to=f32} gelu{approximate=false} cast{to=f64}");
  OneOp legal(binary(BinaryKind::kAdd), {i64, i64});
  EXPECT_FALSE(legal.apply(&OpDef::legalize));
}

TEST(Legalize, ConstantsBeyond32BitsSaturate) {
  const Tensor big = tensor<int64_t>(DType::kI64, {2}, {int64_t(1) << 40, -(int64_t(1) << 40)});
  OneOp op(binary(BinaryKind::kPow), {type(DType::kI64, {2}), big.type()}, {std::nullopt, big});
  EXPECT_TRUE(op.apply(&OpDef::legalize));
  for (uint32_t n : op.g.topological_order())
    if (const ConstantPtr& c = op.g[n].constant; c) {
      EXPECT_EQ(values<int32_t>(*op.g[n].constant->materialize()), (std::vector<int32_t>{2147483647, -2147483648}));
    }
}

TEST(Legalize, SpreadsOperandsOfKernelsThatDoNotBroadcast) {
  OneOp op(binary(BinaryKind::kAtan2), {type(DType::kF32, {2, 3}), type(DType::kF32, {3})});
  EXPECT_FALSE(
      def_of(OpCode::kBinary).legal(Binary(BinaryKind::kAtan2), Types{type(DType::kF32, {2, 3}), type(DType::kF32, {3})}));
  EXPECT_TRUE(op.apply(&OpDef::legalize));
  EXPECT_EQ(op.ops(), "broadcast_to{shape=[2,3]} binary{kind=atan2, activation=none}");
}

TEST(Legal, RefusesBroadcastingThatStopsTheProcess) {
  const Types in{type(DType::kF32, {1, 2, 1, 2, 1, 2, 1, 2, 1}), type(DType::kF32, {2, 1, 2, 1, 2, 1, 2, 1, 2})};
  const Status s = def_of(OpCode::kBinary).legal(Binary(), in);
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().code, Code::kUnsupportedForm);
}

TEST(Canonicalize, GivesOperandsTheResultsRank) {
  OneOp op(binary(BinaryKind::kAdd), {type(DType::kF32, {2, 3, 4, 5}), type(DType::kF32, {4, 1})});
  EXPECT_TRUE(op.apply(&OpDef::canonicalize));
  EXPECT_EQ(op.ops(), "reshape{shape=[1,1,4,1]} binary{kind=add, activation=none}");
  OneOp constant(binary(BinaryKind::kAdd), {type(DType::kF32, {2, 3}), type(DType::kF32, {3})},
                 {std::nullopt, f32({3}, {1, 2, 3})});
  EXPECT_TRUE(constant.apply(&OpDef::canonicalize));
  EXPECT_EQ(constant.ops(), "binary{kind=add, activation=none}");
  OneOp uniform(binary(BinaryKind::kAdd), {type(DType::kF32, {2, 3}), type(DType::kF32, {3})},
                {std::nullopt, f32({3}, {2, 2, 2})});
  EXPECT_TRUE(uniform.apply(&OpDef::canonicalize));
  EXPECT_TRUE(uniform.g.type(uniform.g[uniform.g.outputs()[0].value].in[1]).shape.empty());
}

TEST(Canonicalize, RecognizesPrelu) {
  Graph g;
  Builder b(g);
  const Value x = g.add_input("x", type(DType::kF32, {2, 3, 4, 5}));
  const Value alpha = b.constant(f32({1, 3, 1, 1}, {0.5f, -1, 2}));
  const Value condition = b.add(Compare(CompareKind::kGreater), {x, b.scalar(0)});
  const Value product = b.add(Binary(BinaryKind::kMul), {alpha, x});
  const Value y = b.add(Select{}, {condition, x, product});
  g.add_output("y", y);
  Rewrite r(g, y.node);
  const auto did = def_of(OpCode::kSelect).canonicalize(*g[y].op, r);
  ASSERT_TRUE(did && *did);
  EXPECT_TRUE(g.is(g.outputs()[0].value, OpCode::kPrelu));
}

TEST(Canonicalize, KeepsCastsThatLoseSomething) {
  for (const auto& [from, over, to, ops] : {std::tuple{DType::kI32, DType::kI64, DType::kI32, ""},
                                            std::tuple{DType::kBool, DType::kI64, DType::kF32, "cast{to=f32}"},
                                            std::tuple{DType::kF32, DType::kI32, DType::kF32, "cast{to=i32} cast{to=f32}"},
                                            std::tuple{DType::kI32, DType::kF32, DType::kI32, "cast{to=f32} cast{to=i32}"},
                                            std::tuple{DType::kI8, DType::kU32, DType::kI64, "cast{to=u32} cast{to=i64}"},
                                            std::tuple{DType::kF16, DType::kF64, DType::kF32, "cast{to=f32}"}}) {
    Graph g;
    Builder b(g);
    const Value x = g.add_input("x", type(from, {3})), y = b.add(Cast(to), {b.add(Cast(over), {x})});
    g.add_output("y", y);
    Rewrite r(g, y.node);
    ASSERT_TRUE(def_of(OpCode::kCast).canonicalize(*g[y].op, r));
    std::string got;
    for (uint32_t n : g.topological_order())
      if (g[n].op->code == OpCode::kCast)
        got += (got.empty() ? "" : " ") + std::string("cast{") + def_of(OpCode::kCast).print(*g[n].op) + "}";
    EXPECT_EQ(got, ops);
  }
}

TEST(Decode, LeavesWhatTheOpCannotSay) {
  TfliteNode n;
  tflite::BuiltinOptionsUnion options;
  tflite::AddOptionsT add;
  add.fused_activation_function = tflite::ActivationFunctionType::RELU6;
  options.Set(add);
  n.code = tflite::BuiltinOperator::ADD;
  n.options = &options;
  n.in = {type(DType::kF32, {2}), type(DType::kF32, {2})};
  n.constants.resize(2);
  n.out = {type(DType::kF32, {2})};
  const auto decode = [&] { return def_of(OpCode::kBinary).decode(n); };
  auto d = decode();
  ASSERT_TRUE(d);
  EXPECT_EQ(static_cast<const Binary&>(*d->op).activation, Activation::kRelu6);
  add.fused_activation_function = tflite::ActivationFunctionType::TANH;
  options.Set(add);
  EXPECT_FALSE(decode());
  add.fused_activation_function = tflite::ActivationFunctionType::NONE;
  options.Set(add);
  n.in[0]->quant = QuantParams{{0.5f}, {0}, 0};
  EXPECT_FALSE(decode());
}

TEST(Promotion, FollowsTorch) {
  EXPECT_EQ(promote_types(DType::kU8, DType::kI8), DType::kI16);
  EXPECT_EQ(promote_types(DType::kI64, DType::kF16), DType::kF16);
  EXPECT_EQ(promote_types(DType::kF16, DType::kBF16), DType::kF32);
  EXPECT_EQ(promote_types(DType::kBool, DType::kU8), DType::kU8);
  EXPECT_EQ(promote_types(DType::kF64, DType::kI64), DType::kF64);
}

TEST(QuantizeEval, RoundsHalfToEvenInBlocksOfEightAndElseAwayFromZero) {
  Quantize q;
  q.to = DType::kI8;
  q.scale = {0.5f};
  q.zero_point = {3};
  const Tensor x = f32({12}, {0, 0.25f, 0.75f, -0.25f, 1000, -1000, -0.75f, 1, 0.25f, 0.75f, -0.25f, -0.75f});
  EXPECT_EQ(result<int8_t>(make_op(q), {x}), (std::vector<int8_t>{3, 3, 5, 3, 127, -128, 1, 5, 4, 5, 2, 1}));
  q.to = DType::kI4;
  q.zero_point = {0};
  const auto packed = eval(make_op(q), {f32({3}, {1, -1, 3.5f})});
  ASSERT_TRUE(packed);
  EXPECT_EQ((*packed)[0].byte_count(), 2u);
  EXPECT_EQ(result<float>(make_op(Dequantize{}), {(*packed)[0]}), (std::vector<float>{1, -1, 3.5f}));
}

TEST(QuantizeEval, PerChannelAlongAnInnerAxis) {
  Quantize q;
  q.to = DType::kI8;
  q.scale = {1, 0.5f, 0.25f};
  q.zero_point = {0, 0, 0};
  q.axis = 1;
  const Tensor x = f32({2, 3, 2}, {1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4});
  const auto out = eval(make_op(q), {x});
  ASSERT_TRUE(out);
  EXPECT_EQ(values<int8_t>((*out)[0]), (std::vector<int8_t>{1, 2, 2, 4, 4, 8, 3, 4, 6, 8, 12, 16}));
  EXPECT_EQ(result<float>(make_op(Dequantize{}), {(*out)[0]}), values<float>(x));
}

TEST(OpaqueOp, KeepsOptionsAndTypes) {
  tflite::OperatorT op;
  tflite::ReverseSequenceOptionsT options;
  options.seq_dim = 1;
  options.batch_dim = 0;
  op.builtin_options.Set(options);
  op.inputs = {4, -1};
  Type q = type(DType::kI8, {2, 3});
  q.quant = QuantParams{{0.1f, 0.25f, 3e-9f}, {1, -2, 0}, 1};
  const Opaque o = make_opaque(op, int(tflite::BuiltinOperator::REVERSE_SEQUENCE), 1, {}, {false, true}, {q}, {q});
  const auto types = def_of(OpCode::kOpaque).infer(o, {});
  ASSERT_TRUE(types);
  EXPECT_EQ(*types, Types{q});
  const Types in{type(DType::kF32, {2, 3}), Type{DType::kUnknown, {}, {}}};
  const auto emitted = def_of(OpCode::kOpaque).emit(o, in);
  ASSERT_TRUE(emitted);
  EXPECT_EQ(emitted->code, tflite::BuiltinOperator::REVERSE_SEQUENCE);
  ASSERT_EQ(emitted->options.type, tflite::BuiltinOptions::ReverseSequenceOptions);
  EXPECT_EQ(static_cast<const tflite::ReverseSequenceOptionsT*>(emitted->options.value)->seq_dim, 1);
  ASSERT_EQ(emitted->operands.size(), 2u);
  // The writer makes an absent operand of an invalid value; kUnknown alone may be an element type that Atoll has not.
  EXPECT_EQ(emitted->operands[1].kind, TfliteOperand::Kind::kInput);
  EXPECT_EQ(emitted->operands[1].input, 1);
  EXPECT_EQ(emitted->intermediates, Types{q});
}

TEST(OpaqueOp, RefusesDamage) {
  Opaque o = make_opaque(tflite::OperatorT{}, 1, 1, {}, {}, {}, {});
  const auto emits = [](const Opaque& x) { return bool(def_of(OpCode::kOpaque).emit(x, {})); };
  EXPECT_TRUE(emits(o));
  Opaque cut = o;
  cut.bytes.resize(5);
  EXPECT_FALSE(emits(cut));
  Opaque wild = o;
  wild.bytes[0] = 250;
  EXPECT_FALSE(emits(wild));
  wild.bytes[0] = 300;
  EXPECT_FALSE(emits(wild));
  for (const char* text :
       {"f32", "f99[1]", "f32[1", "f32[a]", "f32[1]q", "f32[1]q(0;1;0", "f32[-5]", "f32[4000000000,4000000000,9]"})
    EXPECT_FALSE(decode_type(text)) << text;
  EXPECT_EQ(*decode_type("f32[]"), type(DType::kF32, {}));
  EXPECT_EQ(*decode_type("f32[?,3]"), type(DType::kF32, {kDynamic, 3}));
}

}  // namespace
}  // namespace atl
