#include <algorithm>
#include <cmath>
#include <set>

#include "api/quantization_variant.h"
#include "ops/elementwise.h"
#include "verify/range_effects.h"

namespace atl {
namespace {

constexpr size_t kSamples = 12;
// Each round gives 16 bits to the tensors that make up this share of the noise that is left.
constexpr double kShareOfARound = 0.25;
// Layers are taken back one by one at most this often.
constexpr size_t kMaxTakenBack = 24;

/// A tensor with its rounding's effect on each output, and the nodes that must have 16 bits for it to have them.
struct Candidate {
  std::set<uint32_t> nodes;
  std::vector<double> noise;  ///< by output of the graph
};

bool takes_int16(const QuantizationVariant& v, uint32_t id) {
  const NodePlan& p = v.plan.nodes[id];
  return is_integer(p.data) && in_list(DType::kI16, p.rule.types);
}

/// Who writes and who reads the members of a group; empty when one of them has no kernel for 16 bits.
std::set<uint32_t> nodes_around(const QuantizationVariant& v, const ScaleGroup& group) {
  std::set<uint32_t> out;
  for (Value m : group.members) {
    if (!v.graph.is(m, OpCode::kInput) && !v.graph.constant(m)) out.insert(m.node);
    for (const Use& u : v.graph.uses(m))
      if (u.node != kGraphOutput && is_integer(v.plan.nodes[u.node].data)) out.insert(u.node);
  }
  for (const uint32_t id : out)
    if (!takes_int16(v, id)) return {};
  return out;
}

Result<std::vector<Candidate>> candidates(const QuantizationVariant& v, const QuantizationData& data) {
  std::vector<RangeTrial> trials;
  std::vector<std::set<uint32_t>> nodes;
  for (const ScaleGroup& group : v.plan.groups) {
    if (group.sources.empty() || group.data != DType::kI8) continue;
    std::set<uint32_t> around = nodes_around(v, group);
    if (around.empty()) continue;
    trials.push_back({.sources = group.sources,
                      .candidates = {v.plan.parameters(group.sources[0], group.data)},
                      .data = group.data,
                      .effects = {},
                      .effects_by_output = {}});
    nodes.push_back(std::move(around));
  }
  RangeEffectOptions o;
  o.run.threads = data.options.threads;
  o.samples = kSamples;
  o.milliseconds = 1e9;
  if (data.options.progress)
    o.progress = [&](size_t done, size_t total) { data.options.progress("tensors", double(done), double(total)); };
  TRY_STATUS(measure_range_effects(v.graph, trials, data.samples, data.calibration, data.library, o));
  std::vector<Candidate> out;
  for (size_t i = 0; i < trials.size(); ++i)
    if (!trials[i].effects_by_output.empty()) out.push_back({std::move(nodes[i]), trials[i].effects_by_output[0]});
  return out;
}

bool reached(const std::vector<double>& snr, double wanted) {
  return std::ranges::all_of(snr, [&](double db) { return db >= wanted; });
}

Status apply(QuantizationVariant& v, const std::vector<Candidate>& all, const std::vector<bool>& chosen,
             const std::vector<DType>& before) {
  v.plan_options.node_data = before;
  v.plan_options.node_data.resize(v.graph.size(), DType::kUnknown);
  for (size_t i = 0; i < all.size(); ++i)
    if (chosen[i])
      for (const uint32_t id : all[i].nodes) v.plan_options.node_data[id] = DType::kI16;
  return v.make_plan();
}

/// The next tensors: those that do most to the outputs which miss, together a share of what is left.
void choose_more(const std::vector<Candidate>& all, const std::vector<double>& snr, double wanted, std::vector<bool>& chosen) {
  std::vector<double> weight(all.size(), 0.0);
  double left = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    if (chosen[i]) continue;
    for (size_t o = 0; o < snr.size() && o < all[i].noise.size(); ++o)
      if (snr[o] < wanted) weight[i] += all[i].noise[o] / std::pow(10, -snr[o] / 10);
    left += weight[i];
  }
  double taken = 0;
  do {
    const auto best = size_t(std::ranges::max_element(weight) - weight.begin());
    if (weight[best] <= 0) return;
    chosen[best] = true;
    taken += weight[best];
    weight[best] = 0;
  } while (taken < kShareOfARound * left);
}

std::string layer_names(const QuantizationVariant& v) {
  std::set<std::string> names;
  for (uint32_t id = 0; id < v.graph.size(); ++id)
    if (v.plan.nodes[id].data == DType::kI16) {
      const Origin& o = v.graph.origin(v.graph[id].origin);
      names.insert(o.module_path.empty() ? o.node : o.module_path);
    }
  std::string out;
  for (const std::string& n : names) out += (out.empty() ? "" : ", ") + n;
  return out;
}

}  // namespace

Status choose_int16_layers(QuantizationVariant& v, const QuantizationData& data) {
  const double wanted = *data.options.min_snr_db;
  if (!data.library)
    return error(Code::kRuntimeMissing, "a least SNR needs LiteRT to measure with", "pip install ai-edge-litert==2.3.0");
  TRY(std::vector<double> snr, v.output_snr(data, kSamples));
  if (reached(snr, wanted)) return {};
  TRY(const std::vector<Candidate> all, candidates(v, data));
  const std::vector<DType> before = v.plan_options.node_data;
  std::vector<bool> chosen(all.size(), false);
  while (!reached(snr, wanted)) {
    const std::vector<bool> last = chosen;
    choose_more(all, snr, wanted, chosen);
    if (chosen == last)
      return error(Code::kInput,
                   fmt::format("{} dB cannot be reached: with 16 bits wherever LiteRT has kernels for them it is {:.1f} dB",
                               wanted, *std::ranges::min_element(snr)),
                   "keep layers float with --keep-float, or ask for less");
    TRY_STATUS(apply(v, all, chosen, before));
    TRY(snr, v.output_snr(data, kSamples));
  }
  size_t tries = 0;
  for (size_t i = all.size(); i-- > 0 && tries < kMaxTakenBack;) {
    if (!chosen[i]) continue;
    ++tries;
    chosen[i] = false;
    TRY_STATUS(apply(v, all, chosen, before));
    TRY(snr, v.output_snr(data, kSamples));
    if (!reached(snr, wanted)) chosen[i] = true;
  }
  TRY_STATUS(apply(v, all, chosen, before));
  v.repairs.push_back(fmt::format("16 bits for {} of {} tensors, to reach {} dB: {}", std::ranges::count(chosen, true),
                                  v.plan.groups.size(), wanted, layer_names(v)));
  return {};
}

}  // namespace atl
