#include "verify/proof.h"

#include <array>
#include <fstream>

#include "ir/text.h"
#include "verify/file_tensors.h"
#include "verify/proof_json.h"
#include "verify/sample_nets.h"

namespace atl {
namespace {

class ProofTest : public LiteRtTest {
 protected:
  Proof run(const ProofSubject& subject, const ProofOptions& options = {}) {
    auto p = prove(subject, library_, options);
    if (!p) {
      ADD_FAILURE() << format(p.error());
      return {};
    }
    return *std::move(p);
  }
  // `source` against the file that `wrong` gives.
  Proof run_wrong(const Graph& source, const Graph& wrong) {
    const Graph written = after_passes(source);
    const PipelineOptions passes;
    ProofSubject s;
    s.source = &source;
    s.file.bytes = file_of(after_passes(wrong));
    s.written = &written;
    s.passes = &passes;
    return run(s);
  }
};

TEST_F(ProofTest, ARightFileIsProven) {
  const Graph source = network();
  ProofSubject s;
  s.source = &source;
  s.samples = {noise({2, 3, 6, 6}, 77)};
  s.file.bytes = file_of(after_passes(source));
  const Proof p = run(s);
  EXPECT_EQ(p.outcome, Outcome::kProven) << p.reason;
  ASSERT_EQ(p.inputs.size(), 2u) << p.reason;
  EXPECT_TRUE(p.inputs[0].sample);
  EXPECT_FALSE(p.inputs[1].sample);
  ASSERT_EQ(p.inputs[0].outputs.size(), 2u);
  EXPECT_EQ(p.inputs[0].outputs[0].name, "y");
  EXPECT_EQ(p.inputs[0].outputs[1].comparison.differing, 0);
  EXPECT_GT(*p.worst_snr_db(), 110);
  ASSERT_EQ(p.changes.size(), 1u);
  EXPECT_GT(p.changes[0].comparison.snr_db(), 100);
  EXPECT_FALSE(p.departure);
}

TEST_F(ProofTest, AFileOnDiskIsProven) {
  const Graph source = network();
  const std::string path = testing::TempDir() + "atoll_proof_test.tflite";
  const auto bytes = file_of(after_passes(source));
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), std::streamsize(bytes.size()));
  ProofSubject s;
  s.source = &source;
  s.file.path = path;
  EXPECT_EQ(run(s).outcome, Outcome::kProven);
  std::remove(path.c_str());
}

TEST_F(ProofTest, AModifiedWeightIsFoundInItsLayer) {
  const Proof p = run_wrong(network(), network({.weight = true}));
  EXPECT_EQ(p.outcome, Outcome::kFailed);
  EXPECT_NE(p.reason.find("output 'y': SNR"), std::string::npos) << p.reason;
  ASSERT_TRUE(p.departure) << p.search_problem;
  EXPECT_EQ(p.departure->cause, DepartureCause::kFile);
  EXPECT_EQ(p.departure->origin.module_path, "features.2");
  EXPECT_EQ(p.departure->origin.line, 13);
  EXPECT_FALSE(p.departure->accumulated);
  EXPECT_FALSE(p.departure->comparison.passed);
  EXPECT_NE(p.departure->tensor.find("features.2"), std::string::npos) << p.departure->tensor;
}

TEST_F(ProofTest, AnotherActivationIsFoundInItsLayer) {
  const Proof p = run_wrong(network(), network({.activation = true}));
  EXPECT_EQ(p.outcome, Outcome::kFailed);
  // ReLU6 becomes a field of the convolution, so the file has another number of operators than what would be written now.
  EXPECT_FALSE(p.departure);
  EXPECT_NE(p.search_problem.find("not those that Atoll writes"), std::string::npos) << p.search_problem;
}

TEST_F(ProofTest, ASwappedAxisIsFoundInItsLayer) {
  const Proof p = run_wrong(network(), network({.axis = true}));
  EXPECT_EQ(p.outcome, Outcome::kFailed);
  ASSERT_TRUE(p.departure) << p.search_problem;
  EXPECT_EQ(p.departure->cause, DepartureCause::kFile);
  EXPECT_EQ(p.departure->origin.node, "mean");
}

TEST_F(ProofTest, AWrongPassIsToldFromAWrongFile) {
  const Graph source = network();
  const Graph written = after_passes(network({.weight = true}));
  ProofSubject s;
  s.source = &source;
  s.file.bytes = file_of(written);
  s.written = &written;
  const Proof p = run(s);
  EXPECT_EQ(p.outcome, Outcome::kFailed);
  ASSERT_TRUE(p.departure);
  EXPECT_EQ(p.departure->cause, DepartureCause::kPass);
}

TEST_F(ProofTest, AnOutputThatIsNanThroughoutIsNotProven) {
  const Graph source = network({.nan = true});
  ProofSubject s;
  s.source = &source;
  s.file.bytes = file_of(after_passes(source));
  const Proof p = run(s);
  EXPECT_EQ(p.outcome, Outcome::kUnproven);
  EXPECT_EQ(p.reason, "output 'y' is NaN or infinite throughout on every input");
}

TEST_F(ProofTest, NanInTheFileAloneFails) {
  const Proof p = run_wrong(network(), network({.nan = true}));
  EXPECT_EQ(p.outcome, Outcome::kFailed);
  EXPECT_EQ(p.reason, "output 'y': 8 of 8 elements are NaN or infinite on one side only");
}

// y = 100 + scale * x: what depends on the input is below the tolerance.
Graph weakly_dependent(float scale) {
  Graph g;
  const Value x = g.add_input("x", f32({1, 40}));
  Builder b(g, layer(g, "head", "linear", 5));
  Tensor weight = Tensor::make(f32({40, 40}));
  for (int64_t i = 0; i < weight.count(); ++i) weight.mutable_data<float>()[i] = i % 41 == 0 ? scale : 0;
  Tensor bias = Tensor::make(f32({40}));
  for (int64_t i = 0; i < 40; ++i) bias.mutable_data<float>()[i] = 100;
  g.add_output("y", b.add(FullyConnected(), {x, b.constant(weight, "w"), b.constant(bias, "b")}));
  return g;
}

TEST_F(ProofTest, AnErrorInWhatDependsOnTheInputIsSeen) {
  const Graph source = weakly_dependent(0.002f), wrong = weakly_dependent(-0.002f);
  const Proof p = [&] {
    ProofSubject s;
    s.source = &source;
    s.samples = {noise({1, 40}, 9)};
    s.file.bytes = file_of(after_passes(wrong));
    return run(s);
  }();
  ASSERT_EQ(p.inputs.size(), 2u) << p.reason;
  EXPECT_TRUE(p.inputs[0].passed() && p.inputs[1].passed());
  EXPECT_EQ(p.outcome, Outcome::kFailed);
  EXPECT_NE(p.reason.find("the part that depends on the input departs"), std::string::npos) << p.reason;
}

TEST_F(ProofTest, RoundingInWhatDependsOnTheInputIsNot) {
  // The part that depends on the input is a few units in the last place of the output.
  const Graph source = weakly_dependent(2e-5f);
  ProofSubject s;
  s.source = &source;
  s.samples = {noise({1, 40}, 9)};
  s.file.bytes = file_of(after_passes(source));
  EXPECT_EQ(run(s).outcome, Outcome::kProven);
}

// y = x but for one of 40 weights, which is off by 0.2 %: above 60 dB.
TEST_F(ProofTest, AnErrorThatRoundingDoesNotExplainIsSeen) {
  const auto scaled = [](float last) {
    Graph g;
    const Value x = g.add_input("x", f32({1, 40}));
    Builder b(g, layer(g, "head", "linear", 5));
    Tensor weight = Tensor::make(f32({40, 40}));
    for (int64_t i = 0; i < weight.count(); ++i) weight.mutable_data<float>()[i] = i % 41 == 0 ? 1 : 0;
    weight.mutable_data<float>()[weight.count() - 1] = last;
    g.add_output("y", b.add(FullyConnected(), {x, b.constant(weight, "w"), Value{}}));
    return g;
  };
  const Graph source = scaled(1);
  ProofSubject s;
  s.source = &source;
  s.file.bytes = file_of(after_passes(scaled(1.002f)));
  const Proof p = run(s);
  EXPECT_EQ(p.outcome, Outcome::kFailed);
  ASSERT_EQ(p.inputs.size(), 1u);
  EXPECT_GT(p.inputs[0].outputs[0].comparison.snr_db(), 60);
  EXPECT_NE(p.reason.find("more than rounding explains"), std::string::npos) << p.reason;
  ProofOptions lenient;
  lenient.tolerance.min_snr_db = 50;
  EXPECT_EQ(run(s, lenient).outcome, Outcome::kProven);
}

TEST_F(ProofTest, TheBudgetEndsBetweenInputs) {
  const Graph source = network();
  ProofSubject s;
  s.source = &source;
  s.samples = {noise({2, 3, 6, 6}, 77)};
  s.file.bytes = file_of(after_passes(source));
  ProofOptions options;
  options.random_inputs = 1000000;
  options.budget_seconds = 2;  // one input takes half a second under sanitizers
  const Proof p = run(s, options);
  EXPECT_EQ(p.outcome, Outcome::kPartial);
  EXPECT_GT(p.inputs.size(), 0u);
  EXPECT_EQ(p.reason, fmt::format("the budget of 2 s ended after {} of 1000001 inputs", p.inputs.size()));
  EXPECT_LT(p.seconds, 10);
}

TEST_F(ProofTest, ABudgetThatIsTooShortProvesNothing) {
  const Graph source = network();
  ProofSubject s;
  s.source = &source;
  s.file.bytes = file_of(after_passes(source));
  ProofOptions options;
  options.budget_seconds = 0;
  const Proof p = run(s, options);
  EXPECT_EQ(p.outcome, Outcome::kUnproven);
  EXPECT_NE(p.reason.find("the budget of 0 s ended at"), std::string::npos) << p.reason;
}

TEST_F(ProofTest, ALoopThatDoesNotEndIsCutOff) {
  auto source = parse_graph(R"(graph main
%0: i32[1] = input "i"
%1: f32[2,3] = input "x"
%2: i32[1], f32[2,3] = while(%0, %1) {cond={
  graph always
  %0: i32[1] = input "i"
  %1: f32[2,3] = input "x"
  %2: i32[1] = const "" {7}
  %3: bool[1] = compare(%0, %2) {kind=less}
  output "go_on" = %3
}, body={
  graph doubled
  %0: i32[1] = input "i"
  %1: f32[2,3] = input "x"
  %2: f32[2,3] = binary(%1, %1) {kind=add, activation=none}
  output "i" = %0
  output "x" = %2
}}
output "x" = %2.1
)");
  ASSERT_TRUE(source) << format(source.error());
  const int32_t three = 3;
  ProofSubject s;
  s.source = &*source;
  s.samples = {Tensor::of<int32_t>(DType::kI32, {1}, std::array{three}), noise({2, 3}, 5)};
  s.file.bytes = file_of(after_passes(*source));
  ProofOptions options;
  options.budget_seconds = 0.2;
  const Proof p = run(s, options);
  EXPECT_EQ(p.outcome, Outcome::kUnproven);
  EXPECT_NE(p.reason.find("the budget of 0.2 s ended at"), std::string::npos) << p.reason;
  EXPECT_LT(p.seconds, 5);
}

TEST_F(ProofTest, ReportsProgressUpToTheEnd) {
  const Graph source = network();
  ProofSubject s;
  s.source = &source;
  s.file.bytes = file_of(after_passes(source));
  double last = 0;
  ProofOptions options;
  options.random_inputs = 2;
  options.progress = [&](size_t input, size_t inputs, double share) {
    EXPECT_LT(input, inputs);
    EXPECT_EQ(inputs, 2u);
    EXPECT_GE(share, last);
    last = share;
  };
  run(s, options);
  EXPECT_DOUBLE_EQ(last, 1);
}

TEST_F(ProofTest, TheInterfaceMayBeChannelsLast) {
  Graph source;
  const Value x = source.add_input("x", f32({2, 3, 6, 7}));
  Builder b(source, layer(source, "conv", "conv2d", 3));
  source.add_output("y", b.add(Conv2d(), {x, b.constant(noise({5, 3, 1, 1}, 1), "w"), b.constant(noise({5}, 2), "b")}));
  PipelineOptions passes;
  passes.interface_layout = InterfaceLayout::kNhwc;
  const Graph written = after_passes(source, passes);
  ASSERT_EQ(written.type(written.inputs()[0].value).shape, (Shape{2, 6, 7, 3}));
  ASSERT_EQ(written.type(written.outputs()[0].value).shape, (Shape{2, 6, 7, 5}));
  ProofSubject s;
  s.source = &source;
  s.file.bytes = file_of(written);
  s.layouts = {{{0, 2, 3, 1}}, {{0, 2, 3, 1}}};
  EXPECT_EQ(run(s).outcome, Outcome::kProven);
  s.layouts = {};
  const Proof wrong = run(s);
  EXPECT_EQ(wrong.outcome, Outcome::kFailed);
  EXPECT_NE(wrong.reason.find("the file's input 'x' is f32[2x6x7x3]"), std::string::npos) << wrong.reason;
}

TEST_F(ProofTest, ASampleOfAnotherShapeIsLeftOut) {
  const Graph source = network();
  ProofSubject s;
  s.source = &source;
  s.samples = {noise({1, 3, 6, 6}, 77)};
  s.file.bytes = file_of(after_passes(source));
  const Proof p = run(s);
  EXPECT_EQ(p.outcome, Outcome::kProven);
  ASSERT_EQ(p.notes.size(), 1u);
  EXPECT_EQ(p.notes[0], "the stored input 'x' is f32[1,3,6,6], not f32[2,3,6,6]");
}

TEST_F(ProofTest, ADamagedFileIsAnError) {
  const Graph source = network();
  ProofSubject s;
  s.source = &source;
  s.file.bytes = file_of(after_passes(source));
  s.file.bytes.resize(s.file.bytes.size() / 2);
  const auto p = prove(s, library_, {});
  ASSERT_FALSE(p);
  EXPECT_EQ(p.error().code, Code::kTflite);
}

TEST_F(ProofTest, JsonWithoutTimesIsTheSameOnEveryRun) {
  const Graph source = network();
  ProofSubject s;
  s.source = &source;
  s.file.bytes = file_of(after_passes(source));
  const auto a = to_json(run(s), false), b = to_json(run(s), false);
  EXPECT_EQ(a.dump(), b.dump());
  EXPECT_EQ(a["outcome"], "proven");
  EXPECT_EQ(a["inputs"][0]["outputs"][0]["name"], "y");
  EXPECT_FALSE(a.contains("seconds"));
  EXPECT_TRUE(to_json(run(s)).contains("seconds"));
}

TEST_F(ProofTest, CopiesOfAFileGiveInnerTensors) {
  const auto bytes = file_of(after_passes(network()));
  auto file = FileTensors::open({{}, bytes}, "");
  ASSERT_TRUE(file) << format(file.error());
  std::vector<int32_t> tensors;
  for (const auto& op : file->operators()) tensors.push_back(op.outputs[0]);
  std::vector<std::string> names;
  auto copy = file->expose(tensors, names);
  ASSERT_TRUE(copy) << format(copy.error());
  EXPECT_EQ(names.size(), tensors.size());
  EXPECT_EQ(names.back(), "k");
  const Graph source = network();
  auto model = WrittenModel::load(library_, {{}, *copy}, source, {}, {.signature = FileTensors::kSignature});
  ASSERT_TRUE(model) << format(model.error());
  Tensors values;
  const Tensors in{noise({2, 3, 6, 6}, 1)};
  auto outputs = model->run(in, names, values);
  ASSERT_TRUE(outputs) << format(outputs.error());
  for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[i].shape(), file->tensors()[size_t(tensors[i])].shape);
}

// Constants that lie behind the flatbuffer move with it.
TEST_F(ProofTest, FilesBeyondTheFlatbufferAreSearchedToo) {
  const Graph source = network(), written = after_passes(source);
  Graph wide_source, wide_wrong;
  for (auto* g : {&wide_source, &wide_wrong}) {
    const Value x = g->add_input("x", f32({2, 64}));
    Builder b(*g, layer(*g, "a", "linear", 1));
    const Value y = b.add(FullyConnected(), {x, b.constant(noise({48, 64}, 1), "a.weight"), Value{}});
    b.set_origin(layer(*g, "b", "linear_1", 2));
    g->add_output("y",
                  b.add(FullyConnected(), {y, b.constant(noise({32, 48}, g == &wide_source ? 2 : 3), "b.weight"), Value{}}));
  }
  Model m;
  m.graphs.push_back(after_passes(wide_wrong));
  m.signatures.push_back({"serving_default", 0});
  auto bytes = serialize_tflite(m, {.threads = 1, .max_flatbuffer = 1000});
  ASSERT_TRUE(bytes) << format(bytes.error());
  const Graph wide_written = after_passes(wide_source);
  ProofSubject s;
  s.source = &wide_source;
  s.written = &wide_written;
  s.file.bytes = *bytes;
  const Proof p = run(s);
  EXPECT_EQ(p.outcome, Outcome::kFailed);
  ASSERT_TRUE(p.departure) << p.search_problem;
  EXPECT_EQ(p.departure->origin.module_path, "b");
  EXPECT_EQ(p.departure->cause, DepartureCause::kFile);
}

TEST(Proof, WithoutLiteRtNothingIsProven) {
  const Graph source = network();
  ProofSubject s;
  s.source = &source;
  s.file.bytes = file_of(after_passes(source));
  const auto p = prove(s, nullptr, {});
  ASSERT_TRUE(p);
  EXPECT_EQ(p->outcome, Outcome::kUnproven);
  EXPECT_EQ(p->reason, "LiteRT is not at hand");
}

TEST(DepartingPass, RightPassesAreNotBlamed) {
  const Graph source = network(), written = after_passes(source);
  const PipelineOptions passes;
  const WrittenFileSource file;
  const InterfaceLayouts layouts;
  const Tensors in{noise({2, 3, 6, 6}, 1)};
  auto out = [&] {
    Graph g = source;
    return g;
  }();
  const Tensors outputs{noise({2, 4}, 1)};
  DepartureSearch s{.source = source,
                    .written = written,
                    .file = file,
                    .layouts = layouts,
                    .inputs = in,
                    .source_outputs = outputs,
                    .passes = &passes};
  // Outputs that no graph gives: already the imported graph departs, so that the first pass is named.
  auto d = find_departing_pass(s);
  ASSERT_TRUE(d) << format(d.error());
  ASSERT_TRUE(*d);
  EXPECT_EQ((*d)->cause, DepartureCause::kPass);
}

}  // namespace
}  // namespace atl
