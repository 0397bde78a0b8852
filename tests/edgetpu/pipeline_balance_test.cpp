#include "edgetpu/pipeline_balance.h"

#include <gtest/gtest.h>

#include "edgetpu/model_cut.h"
#include "edgetpu/small_model.h"

namespace atl::edgetpu {
namespace {

using tflite::BuiltinOperator;
using Type = tflite::TensorType;

// Fully connected layers of these widths; every second one is followed by a RELU.
std::vector<std::byte> layers(const std::vector<int64_t>& widths) {
  SmallModel m;
  int x = m.input(Type::INT8, {1, widths[0]});
  for (size_t i = 1; i < widths.size(); ++i) {
    const int w = m.constant(Type::INT8, {widths[i], widths[i - 1]}), b = m.constant(Type::INT32, {widths[i]});
    const bool last = i + 1 == widths.size();
    const int y = last ? m.output(Type::INT8, {1, widths[i]}) : m.tensor(Type::INT8, {1, widths[i]});
    m.op(BuiltinOperator::FULLY_CONNECTED, 4, {x, w, b}, {y}, tflite::FullyConnectedOptionsT{});
    x = y;
    if (last || i % 2 == 0) continue;
    x = m.tensor(Type::INT8, {1, widths[i]});
    m.op(BuiltinOperator::RELU, 1, {y}, {x});
  }
  return m.bytes();
}

struct Opened {
  std::shared_ptr<std::vector<std::byte>> bytes;
  FileView view;
  SourceModel model;
};

Opened open(std::vector<std::byte> content) {
  auto bytes = std::make_shared<std::vector<std::byte>>(std::move(content));
  auto view = FileView::open(*bytes, bytes);
  EXPECT_TRUE(view);
  auto model = read_source_model(*view);
  EXPECT_TRUE(model);
  return {bytes, std::move(*view), std::move(*model)};
}

// What `atoll place` predicts for the segment as a file of its own.
double predicted_ms(const FileView& file, size_t first, size_t last) {
  auto bytes = cut_operators(file, first, last);
  EXPECT_TRUE(bytes);
  const Opened part = open(std::move(*bytes));
  const Placement placement = place(part.model, Compiler::k16);
  EXPECT_EQ(placement.mapped_count(), last - first);
  return cost_of(part.model, placement, Compiler::k16).latency.usb3;
}

double slowest(const FileView& file, const std::vector<size_t>& borders) {
  double ms = 0;
  for (size_t i = 0; i + 1 < borders.size(); ++i) ms = std::max(ms, predicted_ms(file, borders[i], borders[i + 1]));
  return ms;
}

TEST(PipelineBalance, NoOtherCutHasAFasterSlowestSegment) {
  const Opened m = open(layers({640, 2304, 1536, 1280, 1792, 960, 70}));
  const size_t n = m.model.ops.size();
  ASSERT_EQ(n, 9u);
  const auto two = balance_pipeline(m.model, Compiler::k16, 2);
  ASSERT_TRUE(two) << format(two.error());
  double best = 1e9;
  for (size_t i = 1; i < n; ++i) best = std::min(best, slowest(m.view, {0, i, n}));
  EXPECT_NEAR(slowest(m.view, *two), best, 1e-9);
  EXPECT_LT(best, predicted_ms(m.view, 0, n));
  const auto three = balance_pipeline(m.model, Compiler::k16, 3);
  ASSERT_TRUE(three) << format(three.error());
  best = 1e9;
  for (size_t i = 1; i < n; ++i)
    for (size_t k = i + 1; k < n; ++k) best = std::min(best, slowest(m.view, {0, i, k, n}));
  EXPECT_NEAR(slowest(m.view, *three), best, 1e-9);
}

TEST(PipelineBalance, KeepsParametersOnTheChipsWhereTogetherTheyFit) {
  // 3 x 4.2 MB: two do not fit on one chip.
  const Opened m = open(layers({2048, 2048, 2048, 2048}));
  const auto three = balance_pipeline(m.model, Compiler::k16, 3);
  ASSERT_TRUE(three);
  for (size_t i = 0; i < 3; ++i) {
    auto bytes = cut_operators(m.view, (*three)[i], (*three)[i + 1]);
    ASSERT_TRUE(bytes);
    const Opened part = open(std::move(*bytes));
    const auto memory = cost_of(part.model, place(part.model, Compiler::k16), Compiler::k16).memory;
    EXPECT_EQ(memory.streamed_bytes, 0u) << i;
    EXPECT_GT(memory.on_chip_bytes, 4000000u) << i;
  }
}

TEST(PipelineBalance, CutsWhereTheFewestBytesCrossAmongEqualOnes) {
  // The slowest segment is the first layer alone, wherever the rest is cut: behind the widest or behind the narrowest tensor.
  const Opened m = open(layers({2048, 2000, 33, 44}));
  const auto borders = balance_pipeline(m.model, Compiler::k16, 2);
  ASSERT_TRUE(borders);
  EXPECT_NEAR(slowest(m.view, *borders), predicted_ms(m.view, 0, (*borders)[1]), 1e-9);
  EXPECT_GT((*borders)[1], 1u) << "2,000 bytes cross instead of 33";
}

TEST(PipelineBalance, RefusesMoreSegmentsThanPlaces) {
  const Opened m = open(layers({20, 30, 40}));
  const auto four = balance_pipeline(m.model, Compiler::k16, 4);
  ASSERT_FALSE(four);
  EXPECT_EQ(four.error().code, Code::kUsage);
  EXPECT_EQ(four.error().what, "a model of 3 operators cannot be cut into 4 segments");
  EXPECT_EQ(four.error().hint, "it can be cut into at most 3");
  const auto each = balance_pipeline(m.model, Compiler::k16, 3);
  ASSERT_TRUE(each);
  EXPECT_EQ(*each, (std::vector<size_t>{0, 1, 2, 3}));
}

TEST(PipelineBalance, DoesNotCutThroughOpenSizes) {
  SmallModel s;
  const int x = s.input(Type::INT8, {1, 5, 3}), open_size = s.tensor(Type::INT8, {1, -1, 3});
  s.op(BuiltinOperator::RELU, 1, {x}, {open_size});
  s.op(BuiltinOperator::RELU, 1, {open_size}, {s.output(Type::INT8, {1, 5, 3})});
  const auto cut = balance_pipeline(s.opened(), Compiler::k16, 2);
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, Code::kSymbolic);
}

}  // namespace
}  // namespace atl::edgetpu
