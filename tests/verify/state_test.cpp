// Programs that keep state between runs against what PyTorch answered in consecutive calls (scripts/fixtures/control_flow.py).
#include <fmt/ranges.h>

#include <fstream>

#include "atoll/quantize.h"
#include "verify/evaluate.h"
#include "verify/proof.h"
#include "verify/recorded_network.h"
#include "verify/recorded_program.h"
#include "verify/state_sequence.h"

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

std::string rows_of(const Recorded& r) {
  std::string out;
  for (const Tensors& in : r.inputs)
    for (int64_t i = 0; i < in[0].count(); ++i)
      out += fmt::format("{}{}", in[0].data<float>()[i], i + 1 == in[0].count() ? '\n' : ',');
  return out;
}

TEST_F(LiteRtTest, StatesBecomeIntegers) {
  const Recorded r = recorded("counter");
  const TemporaryFile file("counter_int8"), rows("counter_rows");
  const std::string csv = rows.path() + ".csv";
  std::ofstream(csv) << rows_of(r);
  QuantizeOptions options;
  options.data = csv;
  options.inputs = options.outputs = "int8";
  const auto report = quantize(ATOLL_SOURCE_DIR "/tests/verify/fixtures/control_flow/counter.pt2", file.path(), options);
  std::filesystem::remove(csv);
  ASSERT_TRUE(report) << format(report.error());
  ASSERT_EQ(report->states.size(), 2u);
  for (const PortReport& s : report->states) EXPECT_TRUE(s.type.starts_with("i8[")) << s.name << ' ' << s.type;
  EXPECT_TRUE(report->quantization->exceptions.empty());
  // One of them counts the runs.
  EXPECT_TRUE(std::ranges::any_of(report->quantization->warnings, [](const std::string& w) {
    return w.starts_with("a state, 'calls', reaches 0 in half of the runs and 2 in all: ");
  })) << fmt::format("{}", fmt::join(report->quantization->warnings, "; "));
  for (const KernelMode mode : {KernelMode::kDelegate, KernelMode::kBuiltin}) {
    auto written =
        WrittenModel::load(library_, {.path = file.path(), .bytes = {}}, r.graph, {}, {.threads = 1, .kernel_mode = mode});
    ASSERT_TRUE(written) << format(written.error());
    for (size_t k = 0; k < r.inputs.size(); ++k) {
      const auto got = written->run(r.inputs[k]);
      ASSERT_TRUE(got) << format(got.error());
      for (size_t i = 0; i < got->size(); ++i)
        EXPECT_GT(compare(r.outputs[k][i], (*got)[i], {}).snr_db(), 35) << "call " << k << ", output " << i;
    }
  }
}

TEST_F(LiteRtTest, StatesStayFloatBesideSmallerWeights) {
  const Recorded r = recorded("cache_copy");
  const TemporaryFile file("cache_dynamic"), rows("cache_rows");
  const std::string csv = rows.path() + ".csv";
  std::ofstream(csv) << rows_of(r);
  for (const bool given : {true, false}) {
    QuantizeOptions options;
    options.mode = QuantizeMode::kWeightOnly;
    options.data = given ? csv : "";
    const auto report = quantize(ATOLL_SOURCE_DIR "/tests/verify/fixtures/control_flow/cache_copy.pt2", file.path(), options);
    ASSERT_TRUE(report) << format(report.error());
    ASSERT_EQ(report->states.size(), 3u);
    EXPECT_EQ(report->quantization->outputs.size(), given ? 1u : 0u);
    auto written = WrittenModel::load(library_, {.path = file.path(), .bytes = {}}, r.graph, {}, {.threads = 1});
    ASSERT_TRUE(written) << format(written.error());
    for (size_t k = 0; k < r.inputs.size(); ++k) {
      const auto got = written->run(r.inputs[k]);
      ASSERT_TRUE(got) << format(got.error());
      EXPECT_GT(compare(r.outputs[k][0], (*got)[0], {}).snr_db(), 30) << "call " << k;
    }
  }
  std::filesystem::remove(csv);
}

class GivenSamples : public SampleSource {
 public:
  explicit GivenSamples(const Recorded& r) : r_(r) {}
  size_t size() const override { return r_.inputs.size(); }
  Result<std::vector<NdArray>> get(size_t i) const override {
    if (i == unreadable) return error(Code::kInput, "not readable");
    return std::vector<NdArray>{array_of(r_.inputs[i][0])};
  }
  size_t unreadable = 99;

 private:
  const Recorded& r_;
};

TEST_F(LiteRtTest, StatesBeforeASampleAreThoseOfAllRunsBeforeIt) {
  const Recorded r = recorded("counter");
  const std::vector<State> states = r.graph.states();
  Graph plain = r.graph;
  plain.set_states({});
  GivenSamples samples(r);
  const std::vector<size_t> which{0, 2};
  for (const auto& library : {library_, std::shared_ptr<const LiteRtLibrary>()}) {
    samples.unreadable = 99;
    const auto before = states_before(plain, states, samples, which, library);
    ASSERT_TRUE(before) << format(before.error());
    ASSERT_EQ(before->size(), 2u);
    // Torch's second output is the sum of each row of what 'history' was before the call.
    for (const auto& [index, values] : *before) {
      EXPECT_EQ(values[0].values<float>()[0], float(index));
      const auto history = values[1].values<float>();
      for (size_t row = 0; row < 2; ++row) {
        double sum = 0;
        for (size_t c = 0; c < 4; ++c) sum += double(history[4 * row + c]);
        EXPECT_NEAR(sum, element_as_double(r.outputs[index][1], int64_t(row)), 1e-5);
      }
    }
    samples.unreadable = 1;
    const auto shorter = states_before(plain, states, samples, which, library);
    ASSERT_TRUE(shorter) << format(shorter.error());
    EXPECT_EQ(shorter->at(2)[0].values<float>()[0], 1.0f);
  }
}

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
