#include "ops/control_flow.h"
#include "ops/conv.h"
#include "pass/graph_eval.h"
#include "pass/pipeline.h"

namespace atl {
namespace {

// Both branches hold a channels-first convolution; one hands its operand on.
constexpr std::string_view kText = R"(graph main
%0: bool[] = input "c"
%1: f32[1,3,5,6] = input "x"
%2: f32[1,3,5,6], f32[1,3,5,6] = if(%0, %1) {then={
  graph yes
  %0: f32[1,3,5,6] = input "x"
  %1: f32[3,3,1,1] = const "w" {1, 2, 3, 4, 5, 6, 7, 8, 9}
  %2: f32[1,3,5,6] = conv2d(%0, %1, _) CONV
  output "y" = %2
  output "x" = %0
}, else={
  graph no
  %0: f32[1,3,5,6] = input "x"
  %1: f32[3,3,1,1] = const "w" {1, 0, 0, 0, 1, 0, 0, 0, -1}
  %2: f32[1,3,5,6] = conv2d(%0, %1, _) CONV
  output "y" = %2
  output "x" = %2
}}
output "y" = %2.0
output "z" = %2.1
)";

Graph example() {
  std::string text(kText);
  const std::string conv = "{" + def_of(OpCode::kConv2d).print(Conv2d{}) + "}";
  for (size_t at; (at = text.find("CONV")) != std::string::npos;) text.replace(at, 4, conv);
  return graph_of(text);
}

TEST(LowerGraphs, BranchesAreLoweredAndKeepTheirInterface) {
  Graph g = example();
  const Graph before = g;
  const Status s = run_pipeline(g, {.interface_layout = InterfaceLayout::kNhwc, .verify_each = true});
  ASSERT_TRUE(s) << format(s.error());
  const If* op = nullptr;
  for (uint32_t id = 0; id < g.size(); ++id)
    if (!g[id].dead && g.as<If>({id, 0})) op = g.as<If>({id, 0});
  ASSERT_NE(op, nullptr) << print(g);
  for (const Body& b : {op->then_branch, op->else_branch}) {
    EXPECT_EQ(input_types(*b.graph)[0].shape, (Shape{1, 3, 5, 6}));
    EXPECT_EQ(output_types(*b.graph)[0].shape, (Shape{1, 3, 5, 6}));
    for (uint32_t id : b.graph->topological_order()) {
      const Node& n = (*b.graph)[id];
      if (n.op->code != OpCode::kConv2d) continue;
      EXPECT_TRUE(
          def_of(*n.op).legal(*n.op, {{b.graph->type(n.in[0]), b.graph->type(n.in[1]), Type{DType::kUnknown, {}, {}}}}));
      EXPECT_EQ(n.out[0].shape, (Shape{1, 5, 6, 3}));
    }
  }
  // The first result of the second branch is its second, too: the writer needs a tensor for each.
  EXPECT_NE(op->else_branch.graph->outputs()[0].value, op->else_branch.graph->outputs()[1].value);
}

TEST(LowerGraphs, GraphsThatAreNestedTooDeeplyAreRefused) {
  PassContext context;
  context.depth = 32;
  Graph g = example();
  const Status s = lower_graphs(g, context);
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().code, Code::kGraph);
  EXPECT_EQ(s.error().what, "graphs are nested too deeply");
}

}  // namespace
}  // namespace atl
