// Forms of operators that Atoll does not write, in files of other converters: what is read of them against LiteRT on the same
// bytes, before and after the passes.
#include <schema_tables.h>

#include <cmath>

#include "pass/pipeline.h"
#include "run/runtime.h"
#include "tflite/reader.h"
#include "verify/evaluate.h"
#include "verify/written_model.h"

namespace atl {
namespace {

using tflite::BuiltinOperator;

/// A file that is built operator by operator.
class ForeignFile {
 public:
  ForeignFile() {
    model_.version = 3;
    model_.buffers.push_back(std::make_unique<tflite::BufferT>());
    model_.subgraphs.push_back(std::make_unique<tflite::SubGraphT>());
  }
  int32_t tensor(std::vector<int32_t> shape, tflite::TensorType type = tflite::TensorType::FLOAT32, uint32_t buffer = 0) {
    auto t = std::make_unique<tflite::TensorT>();
    t->name = "t" + std::to_string(graph().tensors.size());
    t->shape = std::move(shape);
    t->type = type;
    t->buffer = buffer;
    graph().tensors.push_back(std::move(t));
    return int32_t(graph().tensors.size()) - 1;
  }
  int32_t weights(std::vector<int32_t> shape) {
    size_t count = 1;
    for (int32_t n : shape) count *= size_t(n);
    std::vector<float> values(count);
    for (size_t i = 0; i < count; ++i) values[i] = std::sin(float(i + 3 * count));
    auto buffer = std::make_unique<tflite::BufferT>();
    const auto* bytes = reinterpret_cast<const uint8_t*>(values.data());
    buffer->data.assign(bytes, bytes + 4 * count);
    model_.buffers.push_back(std::move(buffer));
    return tensor(std::move(shape), tflite::TensorType::FLOAT32, uint32_t(model_.buffers.size()) - 1);
  }
  int32_t add(BuiltinOperator code, std::vector<int32_t> in, std::vector<int32_t> result,
              tflite::BuiltinOptionsUnion options = {}) {
    auto entry = std::make_unique<tflite::OperatorCodeT>();
    entry->builtin_code = code;
    entry->deprecated_builtin_code = int8_t(code);
    entry->version = 1;
    model_.operator_codes.push_back(std::move(entry));
    const int32_t out = tensor(std::move(result));
    auto op = std::make_unique<tflite::OperatorT>();
    op->opcode_index = uint32_t(model_.operator_codes.size()) - 1;
    op->inputs = std::move(in);
    op->outputs = {out};
    op->builtin_options = std::move(options);
    graph().operators.push_back(std::move(op));
    return out;
  }
  std::vector<std::byte> bytes() const {
    flatbuffers::FlatBufferBuilder builder;
    tflite::FinishModelBuffer(builder, tflite::CreateModel(builder, &model_));
    const auto* p = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
    return {p, p + builder.GetSize()};
  }
  tflite::SubGraphT& graph() { return *model_.subgraphs[0]; }

 private:
  tflite::ModelT model_;
};

template <class Options>
tflite::BuiltinOptionsUnion options_of(Options options = {}) {
  tflite::BuiltinOptionsUnion u;
  u.Set(std::move(options));
  return u;
}

class ForeignFileTest : public RuntimeTest {
 protected:
  void expect_read_as_litert_runs_it(const ForeignFile& file, const Tensors& inputs) {
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
  ForeignFile f;
  const int32_t x = f.tensor({2, 3, 8});
  const int32_t y = f.add(BuiltinOperator::FULLY_CONNECTED, {x, f.weights({5, 8}), f.weights({5})}, {6, 5},
                          options_of<tflite::FullyConnectedOptionsT>());
  tflite::FullyConnectedOptionsT relu;
  relu.fused_activation_function = tflite::ActivationFunctionType::RELU;
  const int32_t z = f.add(BuiltinOperator::FULLY_CONNECTED, {y, f.weights({4, 10}), -1}, {3, 4}, options_of(relu));
  f.graph().inputs = {x};
  f.graph().outputs = {z};
  Tensor in = Tensor::make(Type{DType::kF32, {2, 3, 8}, {}});
  for (int64_t i = 0; i < in.count(); ++i) in.mutable_data<float>()[i] = std::cos(float(i));
  expect_read_as_litert_runs_it(f, {in});
}

TEST_F(ForeignFileTest, EmbeddingLookupIsAGather) {
  ForeignFile f;
  const int32_t x = f.tensor({6}, tflite::TensorType::INT32);
  const int32_t y = f.add(BuiltinOperator::EMBEDDING_LOOKUP, {x, f.weights({11, 2, 4})}, {6, 2, 4});
  f.graph().inputs = {x};
  f.graph().outputs = {y};
  expect_read_as_litert_runs_it(f, {Tensor::of<int32_t>(DType::kI32, {6}, std::array{10, 0, 3, 3, 7, 1})});
}

// A variable that no operator changes stays as LiteRT makes it.
TEST_F(ForeignFileTest, VariablesThatNothingChangesAreZeros) {
  ForeignFile f;
  const int32_t x = f.tensor({3, 4}), state = f.tensor({3, 4});
  f.graph().tensors[size_t(state)]->is_variable = true;
  const int32_t y = f.add(BuiltinOperator::MUL, {x, f.weights({4})}, {3, 4}, options_of<tflite::MulOptionsT>());
  const int32_t z = f.add(BuiltinOperator::SUB, {state, y}, {3, 4}, options_of<tflite::SubOptionsT>());
  f.graph().inputs = {x};
  f.graph().outputs = {z};
  Tensor in = Tensor::make(Type{DType::kF32, {3, 4}, {}});
  for (int64_t i = 0; i < in.count(); ++i) in.mutable_data<float>()[i] = float(i) - 5;
  expect_read_as_litert_runs_it(f, {in});
}

}  // namespace
}  // namespace atl
