// Forms of operators that Atoll does not write, in files of other converters: what is read of them against LiteRT on the same
// bytes, before and after the passes.
#include <schema_tables.h>

#include <cmath>

#include "edgetpu/small_model.h"
#include "pass/pipeline.h"
#include "run/runtime.h"
#include "tflite/reader.h"
#include "verify/evaluate.h"
#include "verify/written_model.h"

namespace atl {
namespace {

using edgetpu::SmallModel;
using tflite::BuiltinOperator;
using tflite::TensorType;

int weights(SmallModel& m, const Shape& shape) {
  std::vector<float> values(size_t(element_count(shape)));
  for (size_t i = 0; i < values.size(); ++i) values[i] = std::sin(float(i + 3 * values.size()));
  return m.floats(shape, values);
}

template <class F>
Tensor filled(Shape shape, F f) {
  Tensor t = Tensor::make(Type{DType::kF32, std::move(shape), {}});
  for (int64_t i = 0; i < t.count(); ++i) t.mutable_data<float>()[i] = f(float(i));
  return t;
}

class ForeignFileTest : public RuntimeTest {
 protected:
  void expect_read_as_litert_runs_it(SmallModel& file, const Tensors& inputs) {
    const auto bytes = std::make_shared<const std::vector<std::byte>>(file.bytes());
    auto model = read_tflite(*bytes, bytes);
    ASSERT_TRUE(model) << format(model.error());
    Graph& g = model->graphs[0];
    EXPECT_EQ(g.count(OpCode::kOpaque), 0u);
    auto written = WrittenModel::load(library_, {.bytes = *bytes}, g, {}, {.threads = 1});
    ASSERT_TRUE(written) << format(written.error());
    auto expected = written->run(inputs);
    ASSERT_TRUE(expected) << format(expected.error());
    for (const bool passes : {false, true}) {
      if (passes)
        if (auto status = run_pipeline(g, {.verify_each = true}); !status) FAIL() << format(status.error());
      auto got = evaluate(g, inputs);
      ASSERT_TRUE(got) << format(got.error());
      for (size_t i = 0; i < expected->size(); ++i) {
        const auto a = (*expected)[i].values<float>(), b = got->outputs[i].values<float>();
        ASSERT_EQ(a.size(), b.size());
        for (size_t k = 0; k < a.size(); ++k)
          EXPECT_NEAR(a[k], b[k], 1e-5) << "element " << k << (passes ? " after" : " before");
      }
    }
  }
};

// A fully connected layer without keep_num_dims takes any shape as lines of its weights' length.
TEST_F(ForeignFileTest, FullyConnectedFlattensItsData) {
  SmallModel m;
  const int x = m.input(TensorType::FLOAT32, {2, 3, 8}), y = m.tensor(TensorType::FLOAT32, {6, 5});
  m.op(BuiltinOperator::FULLY_CONNECTED, 1, {x, weights(m, {5, 8}), weights(m, {5})}, {y}, tflite::FullyConnectedOptionsT{});
  tflite::FullyConnectedOptionsT relu;
  relu.fused_activation_function = tflite::ActivationFunctionType::RELU;
  m.op(BuiltinOperator::FULLY_CONNECTED, 1, {y, weights(m, {4, 10}), -1}, {m.output(TensorType::FLOAT32, {3, 4})}, relu);
  expect_read_as_litert_runs_it(m, {filled({2, 3, 8}, [](float i) { return std::cos(i); })});
}

TEST_F(ForeignFileTest, EmbeddingLookupIsAGather) {
  SmallModel m;
  const int x = m.input(TensorType::INT32, {6});
  m.op(BuiltinOperator::EMBEDDING_LOOKUP, 1, {x, weights(m, {11, 2, 4})}, {m.output(TensorType::FLOAT32, {6, 2, 4})});
  expect_read_as_litert_runs_it(m, {Tensor::of<int32_t>(DType::kI32, {6}, std::array{10, 0, 3, 3, 7, 1})});
}

// A variable that no operator changes stays as LiteRT makes it.
TEST_F(ForeignFileTest, VariablesThatNothingChangesAreZeros) {
  SmallModel m;
  const int x = m.input(TensorType::FLOAT32, {3, 4}), state = m.variable(TensorType::FLOAT32, {3, 4}),
            y = m.tensor(TensorType::FLOAT32, {3, 4});
  m.op(BuiltinOperator::MUL, 1, {x, weights(m, {4})}, {y}, tflite::MulOptionsT{});
  m.op(BuiltinOperator::SUB, 1, {state, y}, {m.output(TensorType::FLOAT32, {3, 4})}, tflite::SubOptionsT{});
  expect_read_as_litert_runs_it(m, {filled({3, 4}, [](float i) { return i - 5; })});
}

}  // namespace
}  // namespace atl
