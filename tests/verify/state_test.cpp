// Programs that keep state between runs against what PyTorch answered in consecutive calls (scripts/fixtures/control_flow.py).
#include "verify/evaluate.h"
#include "verify/proof.h"
#include "verify/recorded_program.h"

namespace atl {
namespace {

class StatefulProgram : public LiteRtTest, public testing::WithParamInterface<const char*> {};

TEST_P(StatefulProgram, GivesTorchsAnswersCallAfterCall) {
  const Recorded r = recorded(GetParam());
  const auto& states = r.graph.states();
  ASSERT_FALSE(states.empty());
  Tensors now;
  for (const State& s : states) now.push_back(*s.initial->materialize());
  for (size_t k = 0; k < r.inputs.size(); ++k) {
    SCOPED_TRACE(fmt::format("call {} as imported", k));
    Tensors in = r.inputs[k];
    in.insert(in.end(), now.begin(), now.end());
    auto got = evaluate(r.graph, in);
    ASSERT_TRUE(got) << format(got.error());
    for (size_t i = 0; i < states.size(); ++i) now[i] = got->outputs[states[i].output];
    got->outputs.resize(r.outputs[k].size());
    expect_equal(got->outputs, r.outputs[k]);
  }
  const auto bytes = file_of(after_passes(r.graph, {.verify_each = true}));
  for (const KernelMode mode : {KernelMode::kDelegate, KernelMode::kBuiltin}) {
    // A model that is loaded again begins anew.
    for (int load = 0; load < 2; ++load) {
      auto written = WrittenModel::load(library_, {.bytes = bytes}, r.graph, {}, {.threads = 1, .kernel_mode = mode});
      ASSERT_TRUE(written) << format(written.error());
      for (size_t k = 0; k < r.inputs.size(); ++k) {
        SCOPED_TRACE(fmt::format("call {} with {} kernels", k, name(mode)));
        const auto got = written->run(r.inputs[k]);
        ASSERT_TRUE(got) << format(got.error());
        expect_equal(*got, r.outputs[k]);
      }
    }
  }
}

TEST_P(StatefulProgram, IsProvenInTwoRunsInARow) {
  const Recorded r = recorded(GetParam());
  ProofSubject subject;
  subject.source = &r.graph;
  subject.samples = r.samples;
  subject.file.bytes = file_of(after_passes(r.graph));
  const auto proof = prove(subject, library_);
  ASSERT_TRUE(proof) << format(proof.error());
  EXPECT_EQ(proof->outcome, Outcome::kProven) << proof->reason;
  EXPECT_EQ(proof->inputs.size(), 2u);
}

INSTANTIATE_TEST_SUITE_P(Programs, StatefulProgram,
                         testing::Values("counter", "counter_functional", "cache_copy", "cache_put", "cache_put_functional"),
                         [](const auto& info) { return std::string(info.param); });

// New values that do not depend on the old ones, which are read by what XNNPACK takes and by what it does not; two states that
// change places.
TEST_F(LiteRtTest, OldValuesAreReadBeforeNewOnesAreKept) {
  Graph g;
  const Value x = g.add_input("x", f32({2, 3}));
  const Value a = g.add_input("a", f32({2, 3})), b = g.add_input("b", f32({2, 3})), c = g.add_input("c", f32({2, 3}));
  Builder build(g);
  Cumsum along;
  along.axis = 1;
  g.add_output("y", build.add(along, {a}));
  g.add_output("z", build.add(Binary(BinaryKind::kSub), {a, b}));
  g.add_output("a", x);
  g.add_output("b", c);
  g.add_output("c", b);
  g.set_states({{"a", 1, 2, Constant::of(noise({2, 3}, 1))},
                {"b", 2, 3, Constant::of(noise({2, 3}, 2))},
                {"c", 3, 4, Constant::of(noise({2, 3}, 3))}});
  ASSERT_TRUE(build.status());
  const auto bytes = file_of(after_passes(g));
  for (const KernelMode mode : {KernelMode::kDelegate, KernelMode::kBuiltin, KernelMode::kReference}) {
    auto written = WrittenModel::load(library_, {.bytes = bytes}, g, {}, {.threads = 1, .kernel_mode = mode});
    ASSERT_TRUE(written) << format(written.error());
    Tensors now;
    for (const State& s : g.states()) now.push_back(*s.initial->materialize());
    for (uint32_t k = 0; k < 4; ++k) {
      SCOPED_TRACE(fmt::format("call {} with {} kernels", k, name(mode)));
      Tensors in{noise({2, 3}, 10 + k)};
      in.insert(in.end(), now.begin(), now.end());
      auto want = evaluate(g, in);
      ASSERT_TRUE(want) << format(want.error());
      for (size_t i = 0; i < now.size(); ++i) now[i] = want->outputs[g.states()[i].output];
      want->outputs.resize(2);
      const auto got = written->run(in);
      ASSERT_TRUE(got) << format(got.error());
      expect_equal(*got, want->outputs);
    }
  }
}

// A file whose first values are others gives the right answer in no run; one that forgets gives it in the first only.
TEST_F(LiteRtTest, AProofSeesAStateThatIsNotKept) {
  const Recorded r = recorded("counter");
  Graph forgets = after_passes(r.graph);
  for (const State& s : r.graph.states()) forgets.set_output(s.output, forgets.inputs()[s.input].value);
  ProofSubject subject;
  subject.source = &r.graph;
  subject.samples = r.samples;
  subject.file.bytes = file_of(std::move(forgets));
  const auto proof = prove(subject, library_);
  ASSERT_TRUE(proof) << format(proof.error());
  EXPECT_EQ(proof->outcome, Outcome::kFailed);
  ASSERT_EQ(proof->inputs.size(), 2u);
  EXPECT_TRUE(proof->inputs[0].passed());
  EXPECT_FALSE(proof->inputs[1].passed());
}

}  // namespace
}  // namespace atl
