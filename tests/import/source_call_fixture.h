// Builds one source operator by its import rule and computes it with the ops' own eval.
#pragma once
#include <gtest/gtest.h>

#include <cmath>

#include "import/importer.h"
#include "ir/source_call.h"

namespace atl {

/// sin(0.7 i + seed) for i = 0, 1, ...: the operands of tests whose expected values were recorded from torch.
inline Tensor wave(Shape shape, double seed) {
  Tensor t = Tensor::make(Type{DType::kF32, std::move(shape), {}});
  for (int64_t i = 0; i < t.count(); ++i) t.mutable_data<float>()[i] = float(std::sin(0.7 * double(i) + seed));
  return t;
}

/// A graph around one call. Tensors given as arguments are constants when `constant`, else inputs.
class CallFixture {
 public:
  explicit CallFixture(std::string target) : target_(std::move(target)), call_(graph_, 0, target_) {}

  Value value(const Tensor& t, bool constant = true) {
    if (constant) return graph_.add_constant(Constant::of(t));
    inputs_.push_back(t);
    return graph_.add_input(fmt::format("x{}", inputs_.size()), t.type());
  }
  CallFixture& arg(std::string name, const Tensor& t, bool constant = true) {
    call_.set_arg(std::move(name), value(t, constant));
    return *this;
  }
  CallFixture& arg(std::string name, SourceArg a) {
    call_.set_arg(std::move(name), std::move(a));
    return *this;
  }
  CallFixture& tensors(std::string name, const std::vector<Tensor>& list) {
    Values v;
    for (const Tensor& t : list) v.push_back(value(t));
    call_.set_arg(std::move(name), std::move(v));
    return *this;
  }
  CallFixture& result_types(Types t) {
    call_.set_result_types(std::move(t));
    return *this;
  }

  /// Runs the rule; the error's text when it fails.
  std::string build() {
    const Import* rule = find_import(target_);
    if (!rule) return "no rule";
    rule->build(call_);
    return call_.failed() ? call_.take_status().error().what : std::string();
  }
  /// Runs the rule and computes result i.
  Tensor run(size_t i = 0) {
    if (!built_) {
      EXPECT_EQ(build(), "");
    }
    built_ = true;
    return result_value(i);
  }
  /// Computes result i of the rule that ran last.
  Tensor result_value(size_t i = 0) {
    if (i >= call_.results().size() || !call_.results()[i].valid()) {
      ADD_FAILURE() << "no result " << i;
      return {};
    }
    return compute(call_.results()[i]);
  }
  Graph& graph() { return graph_; }
  SourceCall& call() { return call_; }

 private:
  Tensor compute(Value v) {
    if (const auto it = values_.find(v); it != values_.end()) return it->second;
    const Node& n = graph_[v];
    if (n.constant) return values_[v] = *n.constant->materialize();
    for (size_t i = 0; i < inputs_.size(); ++i)
      if (graph_.inputs()[i].value == v) return inputs_[i];
    Tensors in;
    for (Value x : n.in) in.push_back(x.valid() ? compute(x) : Tensor::view(Type{DType::kUnknown, {}, {}}, nullptr, nullptr));
    auto out = def_of(*n.op).eval(*n.op, in);
    if (!out) {
      ADD_FAILURE() << format(out.error());
      return {};
    }
    for (uint32_t i = 0; i < out->size(); ++i) values_[{v.node, i}] = (*out)[i];
    return values_[v];
  }

  Graph graph_;
  std::string target_;
  SourceCall call_;
  std::vector<Tensor> inputs_;
  std::map<Value, Tensor> values_;
  bool built_ = false;
};

/// Compares with values that torch gave.
inline void expect_values(const Tensor& got, const Shape& shape, const std::vector<double>& expected, double tolerance = 2e-6) {
  ASSERT_EQ(got.shape(), shape);
  ASSERT_EQ(size_t(got.count()), expected.size());
  for (int64_t i = 0; i < got.count(); ++i) {
    const double e = expected[size_t(i)];
    if (std::isfinite(e))
      EXPECT_NEAR(element_as_double(got, i), e, tolerance * std::max(1.0, std::abs(e))) << "element " << i;
    else
      EXPECT_TRUE(element_as_double(got, i) == e || (std::isnan(e) && std::isnan(element_as_double(got, i))))
          << "element " << i;
  }
}

}  // namespace atl
