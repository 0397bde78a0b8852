#include "verify/weight_learning.h"

#include <algorithm>

namespace atl {
namespace {

struct Layer {
  uint32_t id = 0;
  DataMoments moments;
};

Result<WeightRepair> repair_of(const Graph& g, const QuantPlan& plan, const QuantizeGraphOptions& options, const Layer& layer) {
  const QuantRule& rule = plan.nodes[layer.id].rule;
  WeightRepair repair;
  TRY(repair.scales, scales_of_node(g, plan, layer.id, options));
  TRY(const Tensor weight, g.constant(g[layer.id].in[size_t(rule.weight)])->materialize());
  TRY(repair.integers, round_weight(weight, repair.scales, rule.weight_axis, layer.moments));
  return repair;
}

}  // namespace

Result<std::map<uint32_t, WeightRepair>> learn_weights(const Graph& g, const QuantPlan& plan,
                                                       const QuantizeGraphOptions& options, const SampleSource& samples,
                                                       std::span<const size_t> which,
                                                       const std::shared_ptr<const LiteRtLibrary>& library,
                                                       const WeightLearningOptions& learning) {
  std::vector<uint32_t> wanted;
  for (uint32_t id : g.topological_order()) {
    const NodePlan& p = plan.nodes[id];
    if (is_integer(p.data) && p.rule.kind == Quant::kWeighted && p.rule.weight == 1 && p.rule.weight_axis >= 0 &&
        !g.constant(g[id].in[0]) && g.constant(g[id].in[1]))
      wanted.push_back(id);
  }
  TRY(const WrittenFileSource file, written_in_memory(g));
  std::map<uint32_t, WeightRepair> out;
  for (size_t next = 0; next < wanted.size();) {
    std::vector<Layer> layers;
    std::vector<Value> values;
    for (size_t bytes = 0; next < wanted.size(); ++next) {
      auto moments = DataMoments::of(g, wanted[next]);
      if (!moments) continue;
      if (!layers.empty() && bytes + moments->bytes() > learning.kept_bytes) break;
      bytes += moments->bytes();
      if (std::ranges::find(values, g[wanted[next]].in[0]) == values.end()) values.push_back(g[wanted[next]].in[0]);
      layers.push_back({wanted[next], *std::move(moments)});
    }
    if (layers.empty()) break;
    TRY(ExposedModel model, ExposedModel::open(library, g, file, values, learning.run));
    for (const size_t i : which) {
      TRY(const auto arrays, samples.get(i));
      TRY_STATUS(model.run(arrays, [&](size_t k, std::span<const std::byte> bytes) -> Status {
        const std::span x(reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float));
        for (Layer& layer : layers)
          if (g[layer.id].in[0] == model.values()[k]) layer.moments.observe(x);
        return {};
      }));
    }
    for (const Layer& layer : layers) {
      if (learning.progress) learning.progress(out.size(), wanted.size());
      TRY(out[layer.id], repair_of(g, plan, options, layer));
    }
  }
  return out;
}

}  // namespace atl
