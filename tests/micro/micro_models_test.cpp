// Models of scripts/fixtures/micro_models.py against what TensorFlow Lite Micro itself answered. What they compute is compared
// by tests/cli, which has LiteRT.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "ir/evaluator.h"
#include "micro/arena.h"
#include "micro/operator_support.h"
#include "support/mapped_file.h"
#include "tflite/reader.h"

namespace atl::micro {
namespace {

using nlohmann::json;

const std::string kData = std::string(ATOLL_SOURCE_DIR) + "/tests/micro/data/";

const json& recorded() {
  static const json facts = json::parse(std::ifstream(kData + "models.json"));
  return facts;
}

class MicroModelTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    auto file = MappedFile::open(kData + GetParam() + ".tflite");
    ASSERT_TRUE(file);
    file_ = *file;
    facts_ = recorded().at(GetParam());
  }
  std::shared_ptr<const MappedFile> file_;
  json facts_;
};

// The planner's block is TensorFlow Lite Micro's to the byte; the whole arena lets it start, and is not much larger than it
// needs.
TEST_P(MicroModelTest, ArenaIsWhatTheInterpreterNeeds) {
  const auto model = edgetpu::read_source_model(file_->bytes(), file_);
  ASSERT_TRUE(model);
  const auto arena = estimate_arena(*model);
  ASSERT_TRUE(arena);
  EXPECT_EQ(arena->activations, facts_["head"]);
  EXPECT_GE(arena->total(), facts_["least"]);
  EXPECT_LE(double(arena->total()), 1.4 * double(facts_["least"]));
  EXPECT_GE(arena->tensors + arena->operators + arena->interpreter, facts_["tail"]);
}

TEST_P(MicroModelTest, EveryOperatorIsTaken) {
  const auto model = edgetpu::read_source_model(file_->bytes(), file_);
  ASSERT_TRUE(model);
  for (const edgetpu::SourceOp& op : model->ops) EXPECT_NE(resolver_function(op.code, op.name), "") << op.name;
}

// The integers that TensorFlow Lite Micro gave are those of the ops' own arithmetic.
TEST_P(MicroModelTest, ComputesTheSame) {
  const auto model = read_tflite(file_);
  ASSERT_TRUE(model);
  const Graph& graph = model->graphs[0];
  Tensor x = Tensor::make(graph.type(graph.inputs()[0].value));
  const auto values = facts_["input"].get<std::vector<int>>();
  ASSERT_EQ(size_t(x.count()), values.size());
  for (size_t i = 0; i < values.size(); ++i) x.mutable_data<int8_t>()[i] = int8_t(values[i]);
  Tensors outputs;
  const auto done = Evaluator(graph).run(std::span(&x, 1), outputs);
  ASSERT_TRUE(done) << done.error().what;
  const auto expected = facts_["output"].get<std::vector<int>>();
  ASSERT_EQ(size_t(outputs[0].count()), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(int(outputs[0].data<int8_t>()[i]), expected[i]) << i;
}

INSTANTIATE_TEST_SUITE_P(Models, MicroModelTest, testing::Values("residual", "mobile", "upward", "attention", "gelu"),
                         [](const auto& i) { return std::string(i.param); });

}  // namespace
}  // namespace atl::micro
