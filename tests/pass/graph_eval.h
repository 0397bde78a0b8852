// Graphs as text, evaluated node by node with the ops' own eval: what a pass may not change.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "ir/text.h"
#include "ir/verifier.h"
#include "pass/pass.h"

namespace atl {

/// Reads a graph; a failure when it does not parse.
inline Graph graph_of(std::string_view text) {
  auto g = parse_graph(text);
  if (!g) {
    ADD_FAILURE() << format(g.error()) << text;
    return {};
  }
  return *std::move(g);
}

/// Numbers in [-2, 2), the same for a seed, in the type's element type; integers in 0..2.
inline Tensor random_tensor(const Type& type, uint64_t seed) {
  std::mt19937_64 random(seed);
  Tensor t = Tensor::make(type);
  visit(type.dtype, [&]<class T>(T) {
    for (int64_t i = 0; i < t.count(); ++i) {
      const double u = double(random() >> 11) * 0x1p-53;
      if constexpr (std::is_same_v<T, bool>)
        t.mutable_data<T>()[i] = u < 0.5;
      else if constexpr (std::is_integral_v<T>)
        t.mutable_data<T>()[i] = T(u * 3);
      else
        t.mutable_data<T>()[i] = T(float(u * 4 - 2));
    }
  });
  return t;
}

/// The outputs of a graph on the given inputs, in order; empty after a failure.
inline Tensors evaluate_graph(const Graph& g, const Tensors& inputs) {
  std::map<Value, Tensor> values;
  for (size_t i = 0; i < g.inputs().size(); ++i) values[g.inputs()[i].value] = inputs[i];
  for (uint32_t id : g.topological_order()) {
    const Node& n = g[id];
    if (n.op->code == OpCode::kInput) continue;
    if (n.constant) {
      auto t = n.constant->materialize();
      if (!t) {
        ADD_FAILURE() << format(t.error());
        return {};
      }
      values[Value{id, 0}] = *std::move(t);
      continue;
    }
    Tensors in;
    for (Value v : n.in) in.push_back(v.valid() ? values.at(v) : Tensor::view(Type{DType::kUnknown, {}, {}}, nullptr, nullptr));
    auto out = def_of(*n.op).eval(*n.op, in);
    if (!out) {
      ADD_FAILURE() << def_of(*n.op).name << ": " << format(out.error());
      return {};
    }
    for (uint32_t i = 0; i < out->size(); ++i) values[Value{id, i}] = (*out)[i];
  }
  Tensors outputs;
  for (const Port& p : g.outputs()) outputs.push_back(values.at(p.value));
  return outputs;
}

/// Expects equal shapes and elements; `tolerance` is relative to the larger of 1 and the expected element.
inline void expect_close(const Tensor& got, const Tensor& expected, double tolerance) {
  ASSERT_EQ(to_string(got.type()), to_string(expected.type()));
  for (int64_t i = 0; i < got.count(); ++i) {
    const double a = element_as_double(got, i), b = element_as_double(expected, i);
    if (std::isnan(a) && std::isnan(b)) continue;
    ASSERT_NEAR(a, b, tolerance * std::max(1.0, std::fabs(b))) << "element " << i;
  }
}

/// Signal to noise of `got`, in dB; 999 when equal.
inline double snr_db(const Tensor& real, const Tensor& got) {
  double signal = 0, noise = 0;
  for (int64_t i = 0; i < real.count(); ++i) {
    const double r = element_as_double(real, i), e = element_as_double(got, i) - r;
    signal += r * r;
    noise += e * e;
  }
  return noise == 0 ? 999 : 10 * std::log10(signal / noise);
}

/// Inputs for a graph by random_tensor.
inline Tensors random_inputs(const Graph& g, uint64_t seed) {
  Tensors out;
  for (const Port& p : g.inputs()) out.push_back(random_tensor(g.type(p.value), seed++));
  return out;
}

using PassFunction = Status (*)(Graph&, PassContext&);

/// A graph under test: each run() applies one pass, and checks that the graph stays consistent and computes the same.
class PassTest : public testing::Test {
 protected:
  void load(std::string_view text) {
    g = graph_of(text);
    inputs_.clear();
    for (const Port& p : g.inputs()) inputs_.push_back(random_tensor(g.type(p.value), inputs_.size() + 1));
    expected_ = evaluate_graph(g, inputs_);
    for (const Tensor& t : expected_)
      for (int64_t i = 0; i < t.count(); ++i) ASSERT_FALSE(std::isnan(element_as_double(t, i))) << "the test computes nothing";
  }

  /// Returns how many rewrites the pass made.
  int64_t run(PassFunction pass, InterfaceLayout layout = InterfaceLayout::kKeep, double tolerance = 1e-5) {
    PassContext context;
    context.interface_layout = layout;
    const Status s = pass(g, context);
    if (!s) {
      ADD_FAILURE() << format(s.error()) << print(g);
      return -1;
    }
    const Status consistent = verify(g);
    EXPECT_TRUE(consistent) << format(consistent.error()) << print(g);
    if (layout == InterfaceLayout::kKeep) check(inputs_, expected_, tolerance);
    return context.rewrites;
  }

  void check(const Tensors& inputs, const Tensors& expected, double tolerance = 1e-5) {
    const Tensors got = evaluate_graph(g, inputs);
    ASSERT_EQ(got.size(), expected.size());
    for (size_t i = 0; i < got.size(); ++i) {
      SCOPED_TRACE(print(g));
      expect_close(got[i], expected[i], tolerance);
    }
  }

  size_t count(OpCode c) const { return g.count(c); }
  Value output(size_t i = 0) const { return g.outputs()[i].value; }
  /// The op of the node behind output i, or a default one when it is not an O.
  template <class O>
  O output_op(size_t i = 0) const {
    const O* op = g.as<O>(output(i));
    EXPECT_NE(op, nullptr) << print(g);
    return op ? *op : O{};
  }

  Graph g;
  Tensors inputs_, expected_;
};

}  // namespace atl
