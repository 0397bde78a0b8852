#include "ir/graph.h"

#include <gtest/gtest.h>

#include "ir/rewrite.h"
#include "ir/verifier.h"
#include "ops/binary.h"
#include "ops/shape.h"
#include "ops/unary.h"

namespace atl {
namespace {

Type f32(Shape s) { return {DType::kF32, std::move(s), {}}; }

class GraphTest : public testing::Test {
 protected:
  Value add(OpPtr op, Values in) {
    auto v = g.add(std::move(op), std::move(in));
    EXPECT_TRUE(v) << format(v.error());
    return v ? (*v)[0] : Value{};
  }
  Value unary(UnaryKind k, Value x) { return add(make_op(Unary(k)), {x}); }

  Graph g;
  Value x = g.add_input("x", f32({2, 3})), y = g.add_input("y", f32({3}));
};

TEST_F(GraphTest, AddInfersTypesAndRecordsUses) {
  const Value sum = add(make_op(Binary(BinaryKind::kAdd)), {x, y});
  EXPECT_EQ(g.type(sum), f32({2, 3}));
  EXPECT_EQ(g.uses(x), (std::vector<Use>{{sum.node, 0}}));
  EXPECT_EQ(g.uses(y), (std::vector<Use>{{sum.node, 1}}));
  const Value twice = add(make_op(Binary(BinaryKind::kMul)), {sum, sum});
  EXPECT_EQ(g.uses(sum), (std::vector<Use>{{twice.node, 0}, {twice.node, 1}}));
  EXPECT_NE(g.as<Binary>(twice), nullptr);
  EXPECT_EQ(g.as<Unary>(twice), nullptr);
  EXPECT_EQ(g.as<Unary>(Value{}), nullptr);
}

TEST_F(GraphTest, UsesGoOneByOneFromAnyPlace) {
  std::vector<Value> users;
  for (int i = 0; i < 5; ++i) users.push_back(unary(UnaryKind::kAbs, x));
  g.add_output("first", users[0]);
  g.add_output("x", x);
  g.add_output("last", users[4]);
  for (const size_t i : {2, 1, 3}) g.release(users[i].node);
  EXPECT_EQ(g.uses(x).size(), 3u);
  EXPECT_TRUE(verify(g));
  ASSERT_TRUE(g.replace(users[0], users[4]));
  g.release(users[0].node);
  ASSERT_TRUE(g.set_operand(users[4].node, 0, g.add_input("z", f32({2, 3}))));
  EXPECT_EQ(g.uses(x), (std::vector<Use>{{kGraphOutput, 1}}));
  EXPECT_EQ(g.uses(users[4]).size(), 2u);
  EXPECT_TRUE(verify(g));
}

TEST_F(GraphTest, AddRefusesWhatInferRefuses) {
  const OriginId origin = g.add_origin({.module_path = "net.add", .file = "net.py", .line = 12});
  const uint32_t size = g.size();
  auto v = g.add(make_op(Transpose({0, 0})), {x}, origin);
  ASSERT_FALSE(v);
  EXPECT_EQ(v.error().origin.module_path, "net.add");
  ASSERT_EQ(v.error().trail.size(), 1u);
  EXPECT_EQ(v.error().trail[0], "while adding transpose {perm=[0,0]} on f32[2,3]");
  EXPECT_EQ(g.size(), size) << "nothing was added";
  EXPECT_TRUE(g.uses(x).empty());
}

TEST_F(GraphTest, AddRefusesOperandsThatDoNotExist) {
  for (const Value v : {Value{77, 0}, Value{x.node, 1}}) {
    const auto r = g.add(make_op(Unary(UnaryKind::kAbs)), {v});
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error().code, Code::kInternal);
  }
}

TEST_F(GraphTest, ReplaceMovesEveryUse) {
  const Value a = unary(UnaryKind::kAbs, x), b = unary(UnaryKind::kExp, x), c = unary(UnaryKind::kSin, a);
  const Value d = add(make_op(Binary(BinaryKind::kAdd)), {a, a});
  g.add_output("a", a);
  g.add_output("c", c);
  g.add_output("d", d);
  ASSERT_TRUE(g.replace(a, b));
  EXPECT_TRUE(g.uses(a).empty());
  EXPECT_EQ(g.uses(b).size(), 4u);
  EXPECT_EQ(g.outputs()[0].value, b);
  EXPECT_EQ(g[c].in[0], b);
  EXPECT_EQ(g[d].in, (Values{b, b}));
  EXPECT_TRUE(verify(g));
  EXPECT_EQ(g.remove_dead_nodes(), 1u);
  EXPECT_TRUE(g[a].dead);
  EXPECT_EQ(g.uses(x).size(), 1u) << "a dead node releases its operands";
}

TEST_F(GraphTest, ReplaceRefusesAnotherType) {
  const Value a = unary(UnaryKind::kAbs, x), t = add(make_op(Transpose({1, 0})), {a});
  g.add_output("a", a);
  const Status s = g.replace(a, t);
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().code, Code::kInternal);
  EXPECT_EQ(s.error().what, "a rewrite changes the type of a value from f32[2,3] to f32[3,2]");
  EXPECT_EQ(g.outputs()[0].value, a);
}

TEST_F(GraphTest, ReplaceByItsOwnUserKeepsThatUse) {
  const Value a = unary(UnaryKind::kAbs, x), b = unary(UnaryKind::kNeg, a);
  g.add_output("a", a);
  ASSERT_TRUE(g.replace(a, b));
  EXPECT_EQ(g[b].in[0], a) << "otherwise the node would read itself";
  EXPECT_EQ(g.outputs()[0].value, b);
  EXPECT_TRUE(verify(g));
}

TEST_F(GraphTest, SetOperandKeepsTheResultsType) {
  const Value a = unary(UnaryKind::kAbs, x), b = unary(UnaryKind::kExp, x);
  const Value z = g.add_input("z", f32({2, 4}));
  ASSERT_TRUE(g.set_operand(b.node, 0, a));
  EXPECT_EQ(g.uses(a), (std::vector<Use>{{b.node, 0}}));
  EXPECT_EQ(g.uses(x), (std::vector<Use>{{a.node, 0}}));
  EXPECT_FALSE(g.set_operand(b.node, 0, z));
  EXPECT_EQ(g[b].in[0], a);
}

TEST_F(GraphTest, InputsChangeTheirTypeOnlyWhileUnused) {
  EXPECT_TRUE(g.set_input_type(1, f32({7})));
  EXPECT_EQ(g.type(y), f32({7}));
  unary(UnaryKind::kAbs, x);
  EXPECT_FALSE(g.set_input_type(0, f32({7})));
}

TEST_F(GraphTest, OrderHasOperandsFirstAndLeavesOutTheUnused) {
  const Value a = unary(UnaryKind::kAbs, x), unused = unary(UnaryKind::kExp, y), b = unary(UnaryKind::kSin, a);
  g.add_output("b", b);
  EXPECT_EQ(g.topological_order(), (std::vector<uint32_t>{x.node, y.node, a.node, b.node}));
  EXPECT_EQ(g.count(OpCode::kUnary), 3u);
  EXPECT_EQ(g.remove_dead_nodes(), 1u);
  EXPECT_TRUE(g[unused].dead);
  EXPECT_EQ(g.count(OpCode::kUnary), 2u);
}

TEST_F(GraphTest, AChainOfAHundredThousandNodesFitsTheStack) {
  Value v = x;
  for (int i = 0; i < 100000; ++i) v = unary(UnaryKind::kAbs, v);
  g.add_output("y", v);
  EXPECT_EQ(g.topological_order().size(), 100002u);
  EXPECT_TRUE(verify(g));
}

TEST_F(GraphTest, EqualOriginsAreKeptOnce) {
  const Origin o{.module_path = "a.b", .node = "add_1"};
  EXPECT_EQ(g.add_origin(o), g.add_origin(o));
  EXPECT_NE(g.add_origin(o), g.add_origin({.module_path = "a.b", .node = "add_2"}));
}

TEST_F(GraphTest, ABuilderKeepsItsFirstErrorAndDoesNothingAfterwards) {
  Builder b(g);
  const Value bad = b.add(Transpose({7, 8}), {x});
  EXPECT_FALSE(bad.valid());
  ASSERT_TRUE(b.failed());
  const uint32_t size = g.size();
  EXPECT_FALSE(b.add(Unary(UnaryKind::kAbs), {x}).valid());
  EXPECT_FALSE(b.add(Reshape({1}), {bad}).valid());
  EXPECT_EQ(g.size(), size);
  EXPECT_EQ(b.type(bad).dtype, DType::kUnknown);
}

TEST_F(GraphTest, ARewriteMayUseTheNodeThatItReplaces) {
  const Value a = unary(UnaryKind::kAbs, x);
  g.add_output("a", a);
  Rewrite r(g, a.node);
  const auto done = r.replace(r.add(Unary(UnaryKind::kNeg), {a}));
  ASSERT_TRUE(done) << format(done.error());
  EXPECT_TRUE(*done);
  EXPECT_TRUE(verify(g));
  EXPECT_EQ(g[g.outputs()[0].value].in[0], a);
}

}  // namespace
}  // namespace atl
