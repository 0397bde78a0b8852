// What LiteRT makes of the forms of file that the writer can give.
#include "ir/rewrite.h"
#include "ops/binary.h"
#include "ops/shape.h"
#include "ops/unary.h"
#include "run/runtime.h"
#include "tflite/writer.h"
#include "verify/written_model.h"

namespace atl {
namespace {

class WrittenForm : public RuntimeTest, public testing::WithParamInterface<KernelMode> {
 protected:
  static Tensor ramp(Shape shape, float first = 0) {
    Tensor t = Tensor::make(Type{DType::kF32, std::move(shape), {}});
    for (int64_t i = 0; i < t.count(); ++i) t.mutable_data<float>()[i] = first + float(i);
    return t;
  }

  /// Writes the graph and runs it on one input.
  Tensors run(const Graph& g, const Tensor& x, const WriteOptions& options = {}) {
    Model m;
    m.graphs.push_back(g);
    m.signatures.push_back({"serving_default", 0});
    const auto bytes = serialize_tflite(m, options);
    EXPECT_TRUE(bytes) << format(bytes.error());
    auto written = WrittenModel::load(library_, {.bytes = *bytes}, g, {}, {.threads = 1, .kernel_mode = GetParam()});
    EXPECT_TRUE(written) << format(written.error());
    Tensors out;
    for (int k = 0; k < 2; ++k) {
      auto got = written->run(std::span(&x, 1));
      EXPECT_TRUE(got) << format(got.error());
      out = *std::move(got);
    }
    return out;
  }

  static std::vector<float> values(const Tensor& t, size_t n) {
    const auto v = t.values<float>();
    return {v.begin(), v.begin() + std::ptrdiff_t(std::min(n, v.size()))};
  }
};

TEST_P(WrittenForm, ConstantsInsideAndBeyondTheFlatbuffer) {
  for (const uint64_t limit : {uint64_t(0x7fffffff), uint64_t(1000)}) {
    Graph g;
    Builder b(g);
    const Tensor weights = ramp({50, 60});
    const auto recipe = Constant::lazy(make_op(Unary(UnaryKind::kNeg)), {Constant::of(weights)}, weights.type(), "recipe");
    const auto permuted = Constant::of(ramp({60, 50}), "permuted")->permuted({1, 0});
    Value v = g.add_input("x", weights.type());
    for (const auto& c : {Constant::of(weights, "w"), recipe, permuted})
      v = b.add(Binary(BinaryKind::kAdd), {v, b.constant(c)});
    g.add_output("y", v);
    const Tensors y = run(g, ramp({50, 60}, 1), {.max_flatbuffer = limit});
    ASSERT_EQ(y.size(), 1u);
    // x + w - w + permuted
    EXPECT_EQ(values(y[0], 3), (std::vector<float>{1, 2 + 50, 3 + 100})) << limit;
  }
}

TEST_P(WrittenForm, ConstantAsOutput) {
  Graph g;
  Builder b(g);
  g.add_output("y", b.add(Unary(UnaryKind::kNeg), {g.add_input("x", Type{DType::kF32, {2, 3}, {}})}));
  g.add_output("c", b.constant(ramp({2, 2}, 7), "c"));
  const Tensors out = run(g, ramp({2, 3}));
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(values(out[0], 3), (std::vector<float>{0, -1, -2}));
  EXPECT_EQ(values(out[1], 4), (std::vector<float>{7, 8, 9, 10}));
}

// An output that is an input, or one value as two outputs, reads as zeros in LiteRT's CompiledModel: legalize puts a RESHAPE
// between, which every kind of kernel copies through.
TEST_P(WrittenForm, CopiesOfInputsAndOutputs) {
  Graph g;
  Builder b(g);
  const Value x = g.add_input("x", Type{DType::kF32, {2, 3}, {}});
  const Value y = b.add(Unary(UnaryKind::kNeg), {x});
  g.add_output("y", y);
  g.add_output("again", b.add(Reshape({2, 3}), {y}));
  g.add_output("same", b.add(Reshape({2, 3}), {x}));
  const Tensors out = run(g, ramp({2, 3}));
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(values(out[0], 3), (std::vector<float>{0, -1, -2}));
  EXPECT_EQ(values(out[1], 3), (std::vector<float>{0, -1, -2}));
  EXPECT_EQ(values(out[2], 3), (std::vector<float>{0, 1, 2}));
}

INSTANTIATE_TEST_SUITE_P(Kernels, WrittenForm,
                         testing::Values(KernelMode::kDelegate, KernelMode::kBuiltin, KernelMode::kReference),
                         [](const auto& info) { return std::string(name(info.param)); });

}  // namespace
}  // namespace atl
