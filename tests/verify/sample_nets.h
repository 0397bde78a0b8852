// What the tests of src/verify share: LiteRT where it is installed, and a network that can be written wrongly.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "ops/binary.h"
#include "ops/conv.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/unary.h"
#include "pass/pipeline.h"
#include "run/litert_library.h"
#include "tflite/writer.h"

namespace atl {

inline Type f32(Shape s) { return {DType::kF32, std::move(s), {}}; }

/// Numbers between -1 and 1 that follow no pattern; the same for the same seed.
inline Tensor noise(Shape shape, uint32_t seed) {
  Tensor t = Tensor::make(f32(std::move(shape)));
  uint32_t state = seed * 2654435761u + 1;
  for (int64_t i = 0; i < t.count(); ++i) {
    state = state * 1664525u + 1013904223u;
    t.mutable_data<float>()[i] = float(int32_t(state)) / 2147483648.0f;
  }
  return t;
}

/// What may be wrong in a network.
struct Mistake {
  bool weight = false;      ///< one weight of features.2 has another value
  bool activation = false;  ///< features.1 is ReLU6 instead of hard swish
  bool axis = false;        ///< the mean runs over another axis of the same size
  bool nan = false;         ///< the output is NaN throughout
  bool tiny_input = false;  ///< the output hardly depends on the input, and the part that does has the wrong sign
  float input_scale = 0.5f;
};

inline OriginId layer(Graph& g, std::string module, std::string node, int line) {
  return g.add_origin({.module_path = std::move(module), .node = std::move(node), .file = "net.py", .line = line});
}

/// x f32[2,3,6,6] -> convolution, hard swish, convolution, mean, linear: y f32[2,4] and the indices k i64[2] of its maxima.
inline Graph network(const Mistake& m = {}) {
  Graph g;
  const Value x = g.add_input("x", f32({2, 3, 6, 6}));
  Builder b(g, layer(g, "features.0", "conv2d", 11));
  Conv2d same;
  same.padding = {1, 1, 1, 1};
  const Value first =
      b.add(same, {x, b.constant(noise({5, 3, 3, 3}, 1), "features.0.weight"), b.constant(noise({5}, 2), "bias")});
  b.set_origin(layer(g, "features.1", "hardswish", 12));
  const Value active = b.add(Unary(m.activation ? UnaryKind::kRelu6 : UnaryKind::kHardSwish), {first});
  b.set_origin(layer(g, "features.2", "conv2d_1", 13));
  Tensor weight = noise({7, 5, 1, 1}, 3);
  if (m.weight) weight.mutable_data<float>()[17] += 0.5f;
  const Value second = b.add(Conv2d(), {active, b.constant(weight, "features.2.weight"), b.constant(noise({7}, 4), "bias")});
  b.set_origin(layer(g, "", "mean", 14));
  const Value columns = b.add(Reduce(ReduceKind::kMean, {m.axis ? 3 : 2}, false), {second});
  b.set_origin(layer(g, "", "flatten", 15));
  const Value flat = b.add(Reshape({2, 42}), {columns});
  b.set_origin(layer(g, "head", "linear", 16));
  Value y =
      b.add(FullyConnected(), {flat, b.constant(noise({4, 42}, 5), "head.weight"), b.constant(noise({4}, 6), "head.bias")});
  b.set_origin(layer(g, "", "end", 17));
  if (m.nan) y = b.add(Binary(BinaryKind::kAdd), {y, b.scalar(NAN)});
  g.add_output("y", y);
  ArgReduce argmax;
  argmax.axis = 1;
  g.add_output("k", b.add(argmax, {y}));
  EXPECT_TRUE(b.status()) << (b.status() ? std::string() : format(b.status().error()));
  return g;
}

inline Graph after_passes(const Graph& source, const PipelineOptions& options = {}) {
  Graph g = source;
  const Status s = run_pipeline(g, options);
  EXPECT_TRUE(s) << (s ? std::string() : format(s.error()));
  return g;
}

inline std::vector<std::byte> file_of(Graph g) {
  Model m;
  m.graphs.push_back(std::move(g));
  m.signatures.push_back({"serving_default", 0});
  auto bytes = serialize_tflite(m);
  if (!bytes) {
    ADD_FAILURE() << format(bytes.error());
    return {};
  }
  return *std::move(bytes);
}

/// Tests that need LiteRT; skipped with the reason where it is not installed.
class LiteRtTest : public testing::Test {
 protected:
  void SetUp() override {
    auto found = LiteRtLibrary::find();
    if (!found) GTEST_SKIP() << found.error().what;
    library_ = *found;
  }
  std::shared_ptr<const LiteRtLibrary> library_;
};

}  // namespace atl
