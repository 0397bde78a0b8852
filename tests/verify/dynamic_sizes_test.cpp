// Programs with open sizes, end to end: converted with their open axes and at fixed sizes, run in LiteRT at sizes that the
// conversion did not look at, and equal to what torch gave there.
#include <algorithm>
#include <filesystem>
#include <map>

#include "atoll/convert.h"
#include "atoll/inspect.h"
#include "atoll/verify.h"
#include "run/runtime.h"
#include "run/tensor_file.h"
#include "verify/comparison.h"
#include "verify/written_model.h"

namespace atl {
namespace {

constexpr double kSnrDb = 100;

std::string fixture(const std::string& name) { return std::string(ATOLL_SOURCE_DIR) + "/tests/verify/dynamic/" + name; }

/// What torch took and gave at one set of sizes.
struct Answer {
  std::vector<NamedArray> inputs, outputs;
};

std::vector<Answer> answers(const std::string& name) {
  auto arrays = read_tensor_file(fixture(name + ".npz"));
  EXPECT_TRUE(arrays) << (arrays ? "" : format(arrays.error()));
  std::map<size_t, Answer> sets;
  for (NamedArray& a : *arrays) {
    const size_t dot = a.name.find('.'), second = a.name.find('.', dot + 1);
    Answer& answer = sets[size_t(std::stoi(a.name))];
    auto& list = a.name.substr(dot + 1, second - dot - 1) == "in" ? answer.inputs : answer.outputs;
    list.push_back({a.name.substr(second + 1), std::move(a.array)});
  }
  std::vector<Answer> out;
  for (auto& [k, answer] : sets) out.push_back(std::move(answer));
  return out;
}

class DynamicSizesTest : public RuntimeTest {
 protected:
  Result<ConvertReport> convert_to(const std::string& name, std::vector<std::string> shapes = {}, bool nhwc = false) {
    ConvertOptions o;
    o.shapes = std::move(shapes);
    o.nhwc = nhwc;
    return convert(fixture(name + ".pt2"), file(), o);
  }
  std::string file() const { return (folder_ / "model.tflite").string(); }

  void expect_equal(CompiledModel& model, size_t signature, const Answer& a, const std::string& label) {
    auto got = model.run_named(signature, a.inputs);
    ASSERT_TRUE(got) << label << ": " << format(got.error());
    for (const NamedArray& want : a.outputs) {
      const auto it = std::ranges::find(*got, want.name, &NamedArray::name);
      ASSERT_NE(it, got->end()) << label << ": no output " << want.name;
      ASSERT_EQ(it->array.shape, want.array.shape) << label << ": " << want.name;
      const Comparison c = compare(tensor_of(want.array), tensor_of(it->array), Tolerance{.min_snr_db = kSnrDb});
      EXPECT_TRUE(c.passed) << label << ": " << want.name << " " << c.reason;
    }
  }

  // Converts with open axes, proves, and runs at every recorded size in one opened file.
  void expect_open(const std::string& name) {
    auto report = convert_to(name);
    ASSERT_TRUE(report) << name << ": " << format(report.error());
    EXPECT_EQ(report->proof.verdict, ProofReport::Verdict::kProven) << report->proof.reason;
    EXPECT_GE(report->proof.inputs_compared, 3);
    EXPECT_FALSE(report->signatures[0].open_sizes.empty());
    auto model = CompiledModel::load(library_, file());
    ASSERT_TRUE(model) << format(model.error());
    size_t k = 0;
    for (const Answer& a : answers(name)) expect_equal(*model, 0, a, fmt::format("{} at the sizes {}", name, k++));
    EXPECT_GE(k, 2u);
  }

  TemporaryFolder folder_;
};

TEST_F(DynamicSizesTest, PerceptronOfAnyBatch) { expect_open("perceptron"); }
TEST_F(DynamicSizesTest, ConvolutionsOfAnyBatch) { expect_open("convolutions_batch"); }
TEST_F(DynamicSizesTest, ConvolutionsOfAnyHeightAndWidth) { expect_open("convolutions"); }
TEST_F(DynamicSizesTest, EncoderOfAnyBatchAndLength) { expect_open("encoder"); }
TEST_F(DynamicSizesTest, AttentionWithAMaskOfAnyLength) { expect_open("attention"); }
TEST_F(DynamicSizesTest, PositionsFromArange) { expect_open("positions"); }
TEST_F(DynamicSizesTest, DerivedSizes) { expect_open("derived"); }
TEST_F(DynamicSizesTest, GuardedSizes) { expect_open("guarded"); }
TEST_F(DynamicSizesTest, FlattenedPlanesOfAnyBatch) { expect_open("flattened"); }
TEST_F(DynamicSizesTest, RecurrentNetsOfAnyBatch) { expect_open("recurrent"); }
TEST_F(DynamicSizesTest, WavesOfAnyLength) { expect_open("waves"); }
TEST_F(DynamicSizesTest, SegmentationOfAnyImage) { expect_open("segmenter"); }
TEST_F(DynamicSizesTest, RankedStepsOfAnyLength) { expect_open("ranked"); }
TEST_F(DynamicSizesTest, WindowsOfAnyImage) { expect_open("windows"); }
TEST_F(DynamicSizesTest, ExpandedBySizes) { expect_open("sized"); }

TEST_F(DynamicSizesTest, FixedByShape) {
  const Answer a = answers("convolutions")[2];
  auto report = convert_to("convolutions", {"x=3x3x31x17"});
  ASSERT_TRUE(report) << format(report.error());
  EXPECT_EQ(report->inputs[0].type, "f32[3,3,31,17]");
  EXPECT_EQ(report->proof.verdict, ProofReport::Verdict::kProven);
  EXPECT_TRUE(report->signatures[0].open_sizes.empty());
  auto model = CompiledModel::load(library_, file());
  ASSERT_TRUE(model) << format(model.error());
  expect_equal(*model, 0, a, "fixed");
  auto verified = verify(fixture("convolutions.pt2"), file());
  ASSERT_TRUE(verified) << format(verified.error());
  EXPECT_EQ(verified->verdict, ProofReport::Verdict::kProven) << verified->reason;
}

TEST_F(DynamicSizesTest, BranchesOnSizesAreKnownWithTheSizes) {
  const auto all = answers("branched");
  for (size_t k = 0; k < all.size(); ++k) {
    const auto& s = all[k].inputs[0].array.shape;
    auto report = convert_to("branched", {fmt::format("x=?x{}x3", s[1])});
    ASSERT_TRUE(report) << format(report.error());
    EXPECT_EQ(report->proof.verdict, ProofReport::Verdict::kProven) << report->proof.reason;
    auto model = CompiledModel::load(library_, file());
    ASSERT_TRUE(model) << format(model.error());
    expect_equal(*model, 0, all[k], fmt::format("length {}", s[1]));
  }
  auto open = convert_to("branched");
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().code, Code::kSymbolic);
  EXPECT_TRUE(open.error().what.starts_with("torch.cond takes one branch at some of the open sizes and the other at others;"))
      << open.error().what;
  EXPECT_EQ(open.error().hint, "fix the size: --shape x=?x9x3");
  EXPECT_EQ(open.error().origin.file, "dynamic_models.py");
}

TEST_F(DynamicSizesTest, SeveralSignaturesShareTheirWeights) {
  ASSERT_TRUE(convert_to("encoder", {"x=3x30x16"}));
  const auto single = std::filesystem::file_size(file());
  auto report = convert_to("encoder", {"x=3x30x16", "x=1x2x16", "x=5x48x16"});
  ASSERT_TRUE(report) << format(report.error());
  EXPECT_EQ(report->proof.verdict, ProofReport::Verdict::kProven) << report->proof.reason;
  EXPECT_LT(std::filesystem::file_size(file()), single * 2);
  auto model = CompiledModel::load(library_, file());
  ASSERT_TRUE(model) << format(model.error());
  const auto all = answers("encoder");
  for (const auto& [key, k] : {std::pair{"serving_default", 3}, std::pair{"x_1x2x16", 1}, std::pair{"x_5x48x16", 2}}) {
    const auto signature = model->find_signature(key);
    ASSERT_TRUE(signature) << format(signature.error());
    expect_equal(*model, *signature, all[size_t(k)], key);
    VerifyOptions o;
    o.signature = key;
    auto verified = verify(fixture("encoder.pt2"), file(), o);
    ASSERT_TRUE(verified) << format(verified.error());
    EXPECT_EQ(verified->verdict, ProofReport::Verdict::kProven) << key << verified->reason;
  }
  const auto inspected = inspect(file());
  ASSERT_TRUE(inspected);
  ASSERT_EQ(inspected->signatures.size(), 3u);
  EXPECT_EQ(inspected->signatures[2].inputs[0].type, "f32[5,48,16]");
}

TEST_F(DynamicSizesTest, OpenFilesAreVerified) {
  ASSERT_TRUE(convert_to("attention"));
  auto verified = verify(fixture("attention.pt2"), file());
  ASSERT_TRUE(verified) << format(verified.error());
  EXPECT_EQ(verified->verdict, ProofReport::Verdict::kProven) << verified->reason;
  EXPECT_GE(verified->checks.size(), 6u);
  const auto inspected = inspect(file());
  ASSERT_TRUE(inspected);
  EXPECT_EQ(inspected->signatures[0].inputs[0].type, "f32[?,?,18]");
  // Another program's file is not taken for this one's.
  auto other = verify(fixture("positions.pt2"), file());
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::kInput);
}

TEST_F(DynamicSizesTest, TheSameBytesEveryTime) {
  ASSERT_TRUE(convert_to("positions"));
  const auto first = bytes_of(file());
  ASSERT_TRUE(convert_to("positions"));
  EXPECT_EQ(bytes_of(file()), first);
}

TEST_F(DynamicSizesTest, WhatCannotStayOpenIsNamed) {
  auto refused = convert_to("averaged");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kSymbolic);
  EXPECT_EQ(refused.error().origin.source_op, "aten.avg_pool2d.default");
  EXPECT_EQ(refused.error().origin.file, "dynamic_models.py");
  EXPECT_EQ(refused.error().hint, "fix the size: --shape x=2x3x8x6");
  EXPECT_FALSE(std::filesystem::exists(file()));
  auto fixed = convert_to("averaged", {"x=2x3x15x6"});
  ASSERT_TRUE(fixed) << format(fixed.error());
}

TEST_F(DynamicSizesTest, OneAxisFixedAnotherOpen) {
  auto report = convert_to("encoder", {"x=3x?x16"});
  ASSERT_TRUE(report) << format(report.error());
  EXPECT_EQ(report->inputs[0].type, "f32[3,?,16]");
  auto model = CompiledModel::load(library_, file());
  ASSERT_TRUE(model) << format(model.error());
  size_t compared = 0;
  for (const Answer& a : answers("encoder"))
    if (a.inputs[0].array.shape[0] == 3) {
      expect_equal(*model, 0, a, "encoder");
      ++compared;
    }
  EXPECT_EQ(compared, 1u);
}

TEST_F(DynamicSizesTest, DataDependentShapesAreRefused) {
  for (const std::string name : {"masked", "counted"}) {
    auto refused = convert_to(name);
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code, Code::kUnsupportedForm);
    EXPECT_EQ(refused.error().origin.file, "dynamic_models.py");
    EXPECT_NE(refused.error().hint, "");
  }
}

TEST_F(DynamicSizesTest, ShapesThatDoNotFitAreRefused) {
  const auto code = [&](const std::string& name, std::vector<std::string> shapes) {
    auto r = convert_to(name, std::move(shapes));
    return r ? Code::kInternal : r.error().code;
  };
  EXPECT_EQ(code("convolutions", {"x=1x3x4x9"}), Code::kInput);
  EXPECT_EQ(code("convolutions", {"x=1x3"}), Code::kInput);
  EXPECT_EQ(code("convolutions", {"image=1x3x9x9"}), Code::kInput);
  EXPECT_EQ(code("convolutions", {"1x3x9x9"}), Code::kUsage);
  EXPECT_EQ(code("guarded", {"x=3x10"}), Code::kInput);
  EXPECT_EQ(code("perceptron", {"x=4x7", "x=4x7"}), Code::kUsage);
}

}  // namespace
}  // namespace atl
