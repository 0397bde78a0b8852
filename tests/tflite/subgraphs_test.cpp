// Graphs of ops and states as subgraphs of a file.
#include <schema_tables.h>

#include "ir/text.h"
#include "ops/control_flow.h"
#include "ops/opaque.h"
#include "tflite/sample_models.h"

namespace atl {
namespace {

/// Two branches that add one large weight, and the graph around them that adds it, too.
Model branching() {
  const auto branch = [](BinaryKind kind) {
    Graph g;
    const Value x = g.add_input("x", f32({40, 50}));
    Builder b(g);
    g.add_output("y", b.add(Binary(kind), {x, b.constant(ramp({40, 50}), "w")}));
    return Body{std::make_shared<const Graph>(std::move(g))};
  };
  Graph g;
  const Value c = g.add_input("c", Type{DType::kBool, {1}, {}}), x = g.add_input("x", f32({40, 50}));
  Builder b(g);
  If op;
  op.then_branch = branch(BinaryKind::kAdd);
  op.else_branch = branch(BinaryKind::kSub);
  const Value y = b.add(op, {c, x});
  g.add_output("y", b.add(Binary(BinaryKind::kMul), {y, b.constant(ramp({40, 50}), "w")}));
  return one_graph(std::move(g));
}

TEST(Subgraphs, BranchesAreSubgraphsThatShareTheirWeights) {
  const auto bytes = bytes_of(branching());
  const tflite::Model& m = *tflite::GetModel(bytes.data());
  ASSERT_EQ(m.subgraphs()->size(), 3u);
  EXPECT_EQ(m.subgraphs()->Get(0)->inputs()->size(), 2u) << "the main graph is subgraph 0";
  size_t large = 0;
  for (const auto* b : *m.buffers()) large += b->data() && b->data()->size() == 8000;
  EXPECT_EQ(large, 1u);
  const auto& options = *m.subgraphs()->Get(0)->operators()->Get(0)->builtin_options_as_IfOptions();
  EXPECT_EQ(options.then_subgraph_index(), 1);
  EXPECT_EQ(options.else_subgraph_index(), 2);
}

TEST(Subgraphs, BranchesAreReadIntoTheirOp) {
  const auto bytes = bytes_of(branching());
  const auto back = read(bytes);
  const Model& m = value_of(back);
  ASSERT_EQ(m.graphs.size(), 1u);
  EXPECT_EQ(m.graphs[0].count(OpCode::kIf), 1u);
  EXPECT_EQ(m.graphs[0].count(OpCode::kOpaque), 0u);
  EXPECT_TRUE(bytes_of(m) == bytes);
}

/// One step of a counter: n = n + x.
Model counting() {
  Graph g;
  const Value x = g.add_input("x", f32({3})), n = g.add_input("n", f32({3}));
  Builder b(g);
  const Value sum = b.add(Binary(BinaryKind::kAdd), {n, x});
  g.add_output("y", b.add(Unary(UnaryKind::kTanh), {sum}));
  g.add_output("n", sum);
  g.set_states({{"n", 1, 1, Constant::of(ramp({3}))}});
  return one_graph(std::move(g));
}

TEST(Subgraphs, AStateIsAVariableOutsideTheSignature) {
  const auto bytes = bytes_of(counting());
  const tflite::Model& m = *tflite::GetModel(bytes.data());
  ASSERT_EQ(m.subgraphs()->size(), 2u);
  const auto* s = m.signature_defs()->Get(0);
  ASSERT_EQ(s->inputs()->size(), 1u);
  ASSERT_EQ(s->outputs()->size(), 1u);
  EXPECT_EQ(s->inputs()->Get(0)->name()->str(), "x");
  EXPECT_EQ(s->outputs()->Get(0)->name()->str(), "y");
  std::vector<std::string> names;
  for (const auto* op : *m.subgraphs()->Get(0)->operators())
    names.push_back(tflite::EnumNameBuiltinOperator(m.operator_codes()->Get(op->opcode_index())->builtin_code()));
  EXPECT_EQ(names, (std::vector<std::string>{"CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ADD", "TANH", "ASSIGN_VARIABLE"}));
  EXPECT_EQ(m.subgraphs()->Get(0)->operators()->Get(0)->builtin_options_as_CallOnceOptions()->init_subgraph_index(), 1);
}

TEST(Subgraphs, StayInPlaceWhereAnOperatorNamesThemByNumber) {
  const auto bytes = bytes_of(counting());
  const auto back = read(bytes);
  const Model& m = value_of(back);
  ASSERT_EQ(m.graphs.size(), 2u);
  EXPECT_TRUE(bytes_of(m) == bytes);
}

}  // namespace
}  // namespace atl
