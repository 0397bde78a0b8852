// Small models that the tests of src/tflite share.
#pragma once
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "ir/rewrite.h"
#include "ops/binary.h"
#include "ops/shape.h"
#include "ops/unary.h"
#include "tflite/reader.h"
#include "tflite/writer.h"

namespace atl {

inline Type f32(Shape s) { return {DType::kF32, std::move(s), {}}; }

/// 0.5, 1.5, 2.5, ... + first.
inline Tensor ramp(Shape shape, float first = 0) {
  Tensor t = Tensor::make(f32(std::move(shape)));
  for (int64_t i = 0; i < t.count(); ++i) t.mutable_data<float>()[i] = first + 0.5f + float(i);
  return t;
}

inline OriginId origin(Graph& g, std::string module_path, std::string node) {
  return g.add_origin({.module_path = std::move(module_path), .source_op = "aten.op.default", .node = std::move(node)});
}

inline Model one_graph(Graph g) {
  Model m;
  m.graphs.push_back(std::move(g));
  m.signatures.push_back({"serving_default", 0});
  return m;
}

/// y = relu(reshape(x) + weight) in module "block", and the two halves of y.
inline Model small_model() {
  Graph g;
  const Value x = g.add_input("x", f32({2, 3, 4}));
  Builder b(g, origin(g, "block.fc", "view"));
  const Value flat = b.add(Reshape({6, 4}), {x});
  b.set_origin(origin(g, "block.fc", "add"));
  const Value sum = b.add(Binary(BinaryKind::kAdd), {flat, b.constant(ramp({6, 4}), "block.fc.weight")});
  b.set_origin(origin(g, "block.act", "relu"));
  const Value y = b.add(Unary(UnaryKind::kRelu), {sum});
  b.set_origin(origin(g, "", "split"));
  const Values halves = b.add_multi(Split(0, {2, 4}), {b.add(Unary(UnaryKind::kTanh), {y})}, 2);
  g.add_output("y", y);
  g.add_output("first", halves[0]);
  g.add_output("second", halves[1]);
  EXPECT_TRUE(b.status()) << format(b.status() ? Error{} : b.status().error());
  Model m = one_graph(std::move(g));
  m.description = "a small model";
  m.metadata.emplace_back("atoll", "{\"version\": 1}");
  return m;
}

inline std::vector<std::byte> bytes_of(const Model& m, const WriteOptions& options = {}) {
  auto bytes = serialize_tflite(m, options);
  EXPECT_TRUE(bytes) << format(bytes ? Error{} : bytes.error());
  return bytes ? *std::move(bytes) : std::vector<std::byte>();
}

inline Result<Model> read(std::span<const std::byte> bytes) {
  auto copy = std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end());
  return read_tflite(std::span(*copy), copy);
}

/// Fails the test with the whole error.
template <class T>
const T& value_of(const Result<T>& r) {
  if (!r) {
    ADD_FAILURE() << format(r.error());
    throw std::runtime_error("no value");
  }
  return *r;
}

}  // namespace atl
