// A float graph that is spelled anew for integers: what that changes in float and in integers.
#pragma once
#include <cmath>
#include <random>

#include "calibrated_graph.h"
#include "quant/quantize_graph.h"

namespace atl {

/// So many numbers of -reach .. reach, as a graph's text has them.
inline std::string numbers(size_t count, double reach) {
  std::mt19937_64 random(count);
  std::string out;
  for (size_t i = 0; i < count; ++i)
    out += fmt::format("{}{:.4f}", i ? ", " : "", reach * (double(random() >> 11) * 0x1p-52 - 1));
  return out;
}

class SpelledGraph : public testing::Test {
 protected:
  void set(std::string_view text) {
    g = graph_of(text);
    for (uint64_t i = 0; i < 20; ++i) (i < 10 ? samples : unseen).push_back(random_inputs(g, 100 * i + 1));
    for (const Tensors& in : unseen) expected.push_back(evaluate_graph(g, in)[0]);
  }
  double float_error() const { return error_of(g); }
  QuantPlan plan() const {
    auto p = plan_quantization(g, calibrated(g, samples), {});
    EXPECT_TRUE(p) << format(p.error());
    return *std::move(p);
  }
  /// Root of the mean square error of the integer graph, in its own arithmetic, on inputs that did not calibrate.
  double integer_error() const {
    auto q = quantize_graph(g, plan());
    EXPECT_TRUE(q) << format(q.error());
    return error_of(q->graph);
  }
  double error_of(const Graph& graph) const {
    double sum = 0, count = 0;
    for (size_t s = 0; s < unseen.size(); ++s) {
      const Tensor got = evaluate_graph(graph, unseen[s])[0];
      for (int64_t i = 0; i < got.count(); ++i, ++count) {
        const double e = element_as_double(got, i) - element_as_double(expected[s], i);
        sum += e * e;
      }
    }
    return std::sqrt(sum / count);
  }
  Graph g;
  std::vector<Tensors> samples, unseen;
  Tensors expected;
};

}  // namespace atl
