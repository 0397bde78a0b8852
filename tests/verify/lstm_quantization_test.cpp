// LSTM programs as integers: calibrated by LiteRT, written, run again and again, and compared with torch's answers and with the
// integer graph's own arithmetic.
#include "api/quantization.h"
#include "ir/text.h"
#include "ops/fixed_point.h"
#include "ops/integer_form.h"
#include "ops/quantized.h"
#include "ops/variable_operands.h"
#include "pass/graph_eval.h"
#include "quant/compress_weights.h"
#include "quant/quantize_graph.h"
#include "verify/calibration.h"
#include "verify/evaluate.h"
#include "verify/recorded_program.h"

namespace atl {
namespace {

class Samples : public SampleSource {
 public:
  explicit Samples(const std::vector<Tensors>& sets) : sets_(sets) {}
  size_t size() const override { return sets_.size(); }
  Result<std::vector<NdArray>> get(size_t index) const override {
    std::vector<NdArray> out;
    for (const Tensor& t : sets_[index]) out.push_back(array_of(t));
    return out;
  }

 private:
  const std::vector<Tensors>& sets_;
};

struct Program {
  std::string name;
  double snr_db;  // that every output must reach
};
void PrintTo(const Program& p, std::ostream* out) { *out << p.name; }

class LstmQuantization : public LiteRtTest, public testing::WithParamInterface<Program> {
 protected:
  void SetUp() override {
    LiteRtTest::SetUp();
    recorded_ = recorded(GetParam().name);
    graph_ = after_passes(recorded_.graph, {.verify_each = true});
    for (size_t i = 0; i < recorded_.inputs.size(); ++i) which_.push_back(i);
  }
  Calibration calibrated(std::shared_ptr<const LiteRtLibrary> library) const {
    auto made = calibrate(graph_, Samples(recorded_.inputs), which_, std::move(library));
    EXPECT_TRUE(made) << format(made.error());
    return made ? *std::move(made) : Calibration();
  }
  Graph integers(const Calibration& calibration, InterfaceType interface) const {
    auto plan = plan_quantization(graph_, calibration, {});
    EXPECT_TRUE(plan) << format(plan.error());
    if (!plan) return {};
    for (const NodePlan& n : plan->nodes) EXPECT_EQ(n.reason, "");
    auto made = quantize_graph(graph_, *plan, {.inputs = interface, .outputs = interface});
    EXPECT_TRUE(made) << format(made.error());
    return made ? std::move(made->graph) : Graph();
  }
  WrittenModel opened(const Graph& g, const Graph& as, KernelMode mode) const {
    auto written = WrittenModel::load(library_, {.bytes = file_of(g)}, as, {}, {.threads = 1, .kernel_mode = mode});
    EXPECT_TRUE(written) << format(written.error());
    return *std::move(written);
  }
  Recorded recorded_;
  Graph graph_;
  std::vector<size_t> which_;
};

TEST_P(LstmQuantization, ComesCloseToTorchInEveryRun) {
  const Graph g = integers(calibrated(library_), InterfaceType::kFloat32);
  for (const KernelMode mode : {KernelMode::kDelegate, KernelMode::kBuiltin}) {
    WrittenModel written = opened(g, recorded_.graph, mode);
    for (size_t run = 0; run < 2 * which_.size(); ++run) {
      const size_t k = run % which_.size();
      const auto got = written.run(recorded_.inputs[k]);
      ASSERT_TRUE(got) << format(got.error());
      for (size_t i = 0; i < got->size(); ++i)
        EXPECT_GT(snr_db(recorded_.outputs[k][i], (*got)[i]), GetParam().snr_db) << "run " << run << ", output " << i;
    }
  }
}

TEST_P(LstmQuantization, EqualsItsOwnArithmetic) {
  const Graph g = integers(calibrated(library_), InterfaceType::kInt8);
  for (uint32_t id : g.topological_order())
    for (const Type& t : g[id].out) EXPECT_TRUE(t.quant || t.dtype == DType::kBool || g[id].constant) << print(g);
  WrittenModel written = opened(g, g, KernelMode::kBuiltin);
  for (const Tensors& set : recorded_.inputs) {
    Tensors inputs;
    for (size_t i = 0; i < set.size(); ++i) inputs.push_back(to_type(set[i], g.type(g.inputs()[i].value)));
    const auto want = evaluate(g, inputs);
    ASSERT_TRUE(want) << format(want.error());
    const auto got = written.run(inputs);
    ASSERT_TRUE(got) << format(got.error());
    for (size_t k = 0; k < got->size(); ++k)
      for (int64_t i = 0; i < (*got)[k].count(); ++i)
        ASSERT_EQ(integer_at((*got)[k], i), integer_at(want->outputs[k], i)) << "output " << k << ", element " << i;
  }
}

TEST_P(LstmQuantization, IsCalibratedAlikeWithAndWithoutLiteRt) {
  const Calibration a = calibrated(library_), b = calibrated(nullptr);
  size_t nodes = 0;
  for (uint32_t id : graph_.topological_order()) {
    if (!def_of(*graph_[id].op).integer_form) continue;
    ++nodes;
    ASSERT_TRUE(a.inner_reach.contains(id) && b.inner_reach.contains(id));
    EXPECT_GT(a.inner_reach.at(id)[0], 0.01);
    EXPECT_NEAR(a.inner_reach.at(id)[0], b.inner_reach.at(id)[0], 1e-5);
  }
  EXPECT_GT(nodes, 0u);
}

INSTANTIATE_TEST_SUITE_P(Programs, LstmQuantization,
                         testing::Values(Program{"lstm_stack", 25}, Program{"lstm_states", 25}, Program{"lstm_projected", 20}),
                         [](const auto& info) { return info.param.name; });

class LstmPlans : public LiteRtTest {};

TEST_F(LstmPlans, SixteenBitsLeaveTheLayerInFloatAndSayWhy) {
  const Recorded r = recorded("lstm_stack");
  const Graph g = after_passes(r.graph);
  std::vector<size_t> which{0, 1, 2, 3};
  const auto calibration = calibrate(g, Samples(r.inputs), which, library_);
  ASSERT_TRUE(calibration) << format(calibration.error());
  PlanOptions options;
  options.data = DType::kI16;
  const auto plan = plan_quantization(g, *calibration, options);
  ASSERT_TRUE(plan) << format(plan.error());
  size_t layers = 0;
  for (uint32_t id : g.topological_order()) {
    if (!def_of(*g[id].op).integer_form) continue;
    ++layers;
    EXPECT_EQ(plan->nodes[id].reason, "LiteRT has no i16 kernel for lstm");
  }
  EXPECT_EQ(layers, 4u);
  const auto made = quantize_graph(g, *plan);
  ASSERT_TRUE(made) << format(made.error());
  auto written = WrittenModel::load(library_, {.bytes = file_of(made->graph)}, r.graph, {}, {});
  ASSERT_TRUE(written) << format(written.error());
  for (size_t k = 0; k < r.inputs.size(); ++k) {
    const auto got = written->run(r.inputs[k]);
    ASSERT_TRUE(got) << format(got.error());
    EXPECT_GT(snr_db(r.outputs[k][0], (*got)[0]), 60);
  }
}

// A layer whose matrices are large enough to be worth it.
TEST_F(LstmPlans, WeightsAloneBecomeIntegersAndStayClose) {
  Graph g;
  Builder b(g);
  Values in{g.add_input("x", f32({5, 2, 48}))};
  for (uint32_t k = 0; k < 8; ++k) in.push_back(b.constant(noise({40, k < 4 ? 48 : 40}, 3 + k)));
  for (uint32_t k = 0; k < 4; ++k) in.push_back(b.constant(noise({40}, 20 + k)));
  in.push_back(Value{});
  const Tensor zeros = Tensor::of<float>(DType::kF32, {2, 40}, std::vector<float>(80, 0.0f));
  in.insert(in.end(), {b.constant(zeros), b.constant(zeros)});
  Lstm op;
  op.time_major = true;
  g.add_output("y", b.add(op, in));
  ASSERT_FALSE(b.failed());
  const Graph float_graph = after_passes(g);
  const size_t float_bytes = file_of(float_graph).size();
  for (const WeightForm form : {WeightForm::kHybrid, WeightForm::kInt8, WeightForm::kFloat16}) {
    SCOPED_TRACE(int(form));
    CompressOptions o;
    o.form = form;
    const auto made = compress_weights(float_graph, o);
    ASSERT_TRUE(made) << format(made.error());
    EXPECT_EQ(made->graph.count(OpCode::kQuantized), form == WeightForm::kHybrid ? 1u : 0u);
    EXPECT_EQ(made->graph.count(OpCode::kDequantize), form == WeightForm::kHybrid ? 0u : 8u);
    const auto bytes = file_of(made->graph);
    EXPECT_LT(double(bytes.size()), (form == WeightForm::kFloat16 ? 0.6 : 0.4) * double(float_bytes));
    auto written = WrittenModel::load(library_, {.bytes = bytes}, g, {}, {});
    ASSERT_TRUE(written) << format(written.error());
    for (uint32_t run = 0; run < 3; ++run) {
      const Tensor x = noise({5, 2, 48}, 100 + run);
      const auto want = evaluate(g, std::span(&x, 1));
      ASSERT_TRUE(want) << format(want.error());
      const auto got = written->run(std::span(&x, 1));
      ASSERT_TRUE(got) << format(got.error());
      EXPECT_GT(snr_db(want->outputs[0], (*got)[0]), 30);
    }
  }
}

TEST_F(LstmPlans, FillingAndBypassingAreInverse) {
  const Graph g = after_passes(recorded("lstm_states").graph);
  auto plain = without_variables(g);
  ASSERT_TRUE(plain && *plain);
  EXPECT_EQ((*plain)->count(OpCode::kSelect), 0u);
  EXPECT_GT(g.count(OpCode::kSelect), 0u);
  ASSERT_TRUE(fill_variable_operands(**plain));
  ASSERT_TRUE(guard_states(**plain));
  EXPECT_EQ((*plain)->count(OpCode::kSelect), g.count(OpCode::kSelect));
  EXPECT_EQ((*plain)->count(OpCode::kUnpack), g.count(OpCode::kUnpack));
}

}  // namespace
}  // namespace atl
