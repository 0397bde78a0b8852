// Programs with control flow and recurrent loops against what PyTorch answered (scripts/fixtures/control_flow.py): as imported,
// and written, in both of LiteRT's sets of kernels.
#include "ops/control_flow.h"

#include "ir/text.h"
#include "verify/evaluate.h"
#include "verify/recorded_program.h"

namespace atl {
namespace {

class ControlFlow : public LiteRtTest, public testing::WithParamInterface<const char*> {};

TEST_P(ControlFlow, GivesTorchsAnswers) {
  const Recorded r = recorded(GetParam());
  ASSERT_FALSE(r.inputs.empty());
  for (size_t k = 0; k < r.inputs.size(); ++k) {
    SCOPED_TRACE(fmt::format("set {} as imported", k));
    const auto got = evaluate(r.graph, r.inputs[k]);
    ASSERT_TRUE(got) << format(got.error());
    expect_equal(got->outputs, r.outputs[k]);
  }
  const auto bytes = file_of(after_passes(r.graph, {.verify_each = true}));
  for (const KernelMode mode : {KernelMode::kDelegate, KernelMode::kBuiltin}) {
    auto written = WrittenModel::load(library_, {.bytes = bytes}, r.graph, {}, {.threads = 1, .kernel_mode = mode});
    ASSERT_TRUE(written) << format(written.error());
    // The second round finds what a run leaves behind.
    for (size_t k = 0; k < 2 * r.inputs.size(); ++k) {
      SCOPED_TRACE(fmt::format("set {} with {} kernels", k % r.inputs.size(), name(mode)));
      const auto got = written->run(r.inputs[k % r.inputs.size()]);
      ASSERT_TRUE(got) << format(got.error());
      expect_equal(*got, r.outputs[k % r.inputs.size()]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Programs, ControlFlow,
                         testing::Values("branches", "countdown", "scan", "scan_reverse", "map", "gru_last", "gru_stack",
                                         "rnn_relu", "lstm_projected", "lstm_stack", "lstm_states"),
                         [](const auto& info) { return std::string(info.param); });

TEST(RecurrentLoop, OnlyTheLastStepIsKeptWhereNothingElseIsRead) {
  const Graph g = after_passes(recorded("gru_last").graph);
  EXPECT_EQ(g.count(OpCode::kWhile), 1u);
  for (uint32_t id = 0; id < g.size(); ++id)
    if (const auto* loop = g[id].dead ? nullptr : g.as<While>({id, 0})) {
      EXPECT_EQ(loop->body.graph->count(OpCode::kDynamicUpdateSlice), 0u) << print(*loop->body.graph);
      EXPECT_EQ(loop->body.graph->inputs().size(), 3u);
    }
}

TEST(RecurrentLoop, EachLayerAndDirectionIsALoopOfItsOwn) { EXPECT_EQ(recorded("gru_stack").graph.count(OpCode::kWhile), 4u); }

}  // namespace
}  // namespace atl
