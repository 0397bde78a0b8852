// Programs that are quantized already: their files against what torch recorded of them, within one step.
#include "atoll/quantize.h"
#include "atoll/verify.h"
#include "import/importer.h"
#include "read/program.h"
#include "run/runtime.h"
#include "verify/recorded_network.h"

namespace atl {
namespace {

const std::filesystem::path kData = std::filesystem::path(ATOLL_SOURCE_DIR) / "tests/quant/data/stated";

struct Expected {
  std::string name;
  std::vector<std::string> outputs;  ///< element types in the file
  size_t stated = 0, float_nodes = 0;
  /// Steps by which an output may be off. More than one only where the program leaves in float a steep function of its last
  /// rounding: the step that this one may be off by comes out larger.
  std::vector<double> steps;
};

constexpr double kOneStep = 1.01;

class StatedQuantization : public RuntimeTest, public testing::WithParamInterface<Expected> {
 protected:
  std::string program() const { return (kData / (GetParam().name + ".pt2")).string(); }

  /// The largest difference of any output, in steps of the file's output (of the largest magnitude's hundredth where that is
  /// float).
  void expect_one_step(const ConvertReport& report) {
    const auto source = read_program(program());
    ASSERT_TRUE(source) << format(source.error());
    const auto imported = import_program(*source);
    ASSERT_TRUE(imported) << format(imported.error());
    auto file = WrittenModel::load(library_, {.path = report.destination, .bytes = {}}, imported->graph, {}, {});
    ASSERT_TRUE(file) << format(file.error());
    const auto model = CompiledModel::load(library_, std::filesystem::path(report.destination));
    ASSERT_TRUE(model) << format(model.error());
    const auto recorded = read_tensor_file(kData / (GetParam().name + ".npz"));
    ASSERT_TRUE(recorded) << format(recorded.error());
    for (int k = 0; k < 3; ++k) {
      const Tensors inputs{tensor_of(*find_array(*recorded, fmt::format("x{}", k)))};
      const auto got = file->run(inputs);
      ASSERT_TRUE(got) << format(got.error());
      for (size_t i = 0; i < got->size(); ++i) {
        const Tensor want = tensor_of(*find_array(*recorded, fmt::format("y{}_{}", k, i)));
        const std::string& name = imported->graph.outputs()[i].name;
        const auto& infos = model->signatures()[0].outputs;
        const auto info = std::ranges::find(infos, name, &TensorInfo::name);
        ASSERT_NE(info, infos.end()) << name;
        EXPECT_EQ(atl::name(info->dtype), GetParam().outputs[i]);
        double largest = 0, magnitude = 0;
        for (int64_t e = 0; e < want.count(); ++e) {
          const double w = want.data<float>()[e];
          largest = std::max(largest, std::fabs(w - double((*got)[i].data<float>()[e])));
          magnitude = std::max(magnitude, std::fabs(w));
        }
        const double step = is_quantized(*info) ? double(info->quant->scale[0]) : magnitude / 100;
        EXPECT_LE(largest, GetParam().steps[i] * step) << "set " << k << ", output " << name;
      }
    }
  }
};

TEST_P(StatedQuantization, FileIsWithinAStepOfTorch) {
  const TemporaryFile file("stated_" + GetParam().name);
  const auto report = convert(program(), file.path());
  ASSERT_TRUE(report) << format(report.error());
  EXPECT_EQ(report->proof.verdict, ProofReport::Verdict::kProven) << report->proof.reason;
  ASSERT_TRUE(report->quantization);
  const bool wide = std::ranges::count(GetParam().outputs, "i16") > 0;
  EXPECT_EQ(report->quantization->mode, wide ? "int16x8" : "int8");
  EXPECT_EQ(report->quantization->stated_tensors, GetParam().stated);
  EXPECT_EQ(report->quantization->calibration_samples, 0u);
  EXPECT_EQ(report->quantization->exceptions.size(), GetParam().float_nodes);
  for (const FloatException& e : report->quantization->exceptions) EXPECT_FALSE(e.reason.empty());
  for (const QuantizedOutput& o : report->quantization->outputs) EXPECT_LE(o.max_steps.value_or(0), kOneStep) << o.name;
  expect_one_step(*report);
}

TEST_P(StatedQuantization, FloatFileDoesNotRound) {
  const TemporaryFile file("stated_float_" + GetParam().name);
  ConvertOptions options;
  options.drop_quantization = true;
  const auto report = convert(program(), file.path(), options);
  ASSERT_TRUE(report) << format(report.error());
  EXPECT_EQ(report->proof.verdict, ProofReport::Verdict::kProven) << report->proof.reason;
  EXPECT_FALSE(report->quantization);
  EXPECT_FALSE(report->ops.contains("QUANTIZE"));
}

TEST_P(StatedQuantization, FileIsVerifiedAsOneOfIntegers) {
  const TemporaryFile file("stated_verified_" + GetParam().name);
  ASSERT_TRUE(convert(program(), file.path()));
  const auto report = verify(program(), file.path(), {});
  ASSERT_TRUE(report) << format(report.error());
  EXPECT_GE(report->checks.size(), GetParam().outputs.size());
  for (const VerifyCheck& c : report->checks) EXPECT_GT(c.output.snr_db, 20) << c.output.name;
  EXPECT_TRUE(std::ranges::any_of(report->notes, [](const std::string& n) { return n.find("--data") != std::string::npos; }));
}

TEST_P(StatedQuantization, CutIsRefused) {
  const TemporaryFile file("stated_cut_" + GetParam().name);
  QuantizeOptions cut;
  cut.cut = {"output"};
  const auto report = quantize(program(), file.path(), cut);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Code::kUnsupportedForm);
  EXPECT_EQ(report.error().what, "a program that is quantized already is not cut");
  EXPECT_FALSE(std::filesystem::exists(file.path()));
}

TEST_P(StatedQuantization, OtherModesAreRefused) {
  const TemporaryFile file("stated_dynamic_" + GetParam().name);
  QuantizeOptions dynamic;
  dynamic.mode = QuantizeMode::kDynamic;
  const auto report = quantize(program(), file.path(), dynamic);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().what, "the program is quantized already, which dynamic does not go with");
  EXPECT_FALSE(std::filesystem::exists(file.path()));
}

// `ptq` ends with a hard swish whose operand has steps of 1.76 times those of the result: a step of the operand, by a slope of
// at most 1 there, and half a step of rounding. `fake` ends with a convolution and the transpose of its result.
INSTANTIATE_TEST_SUITE_P(Programs, StatedQuantization,
                         testing::Values(Expected{"ptq", {"i8", "i8"}, 18, 0, {kOneStep, 2.3}},
                                         Expected{"qat", {"i8", "i8"}, 18, 0, {kOneStep, kOneStep}},
                                         Expected{"unsigned", {"i8", "i8"}, 4, 0, {kOneStep, kOneStep}},
                                         Expected{"wide", {"i16"}, 3, 0, {kOneStep}}, Expected{"fake", {"f32"}, 3, 2, {0.01}}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace atl
