#include "api/quantization_variant.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "quant/bias_correction.h"
#include "quant/equalize_channels.h"
#include "quant/finer_log_softmax.h"
#include "quant/mixed_joins.h"
#include "quant/softmax_pairs.h"
#include "quant/split_activations.h"
#include "verify/mean_errors.h"
#include "verify/quantization_damage.h"
#include "verify/range_effects.h"
#include "verify/weight_learning.h"

namespace atl {
namespace {

// Scales that differ by less are the same choice.
constexpr double kAlikeScales = 0.03;
// Another method than the default must bring this much of its noise down: less is chance, with a few samples.
constexpr double kWorthwhile = 0.9;
// A variant must be this much better than the plain one, in dB, for the same reason.
constexpr double kClearlyBetter = 0.3;
// The same for biases moved by measured means, which only add what all layers show.
constexpr double kBetterMeans = 0.15;
// Of the multiplications of all layers, so many may be done twice without being asked for the best.
constexpr double kCheapShare = 0.15;
constexpr size_t kScoreSamples = 6, kBestSamples = 24;
constexpr double kTrialMs = 400, kBestTrialMs = 60000;
// With fewer samples than this, the same ones calibrate and judge a trial.
constexpr size_t kHalvedSamples = 8;
// Share of a channel's values that must pass the activation for its bias to be corrected.
constexpr double kActiveShare = 0.2;

WrittenModelOptions run_options(const QuantizationData& data) {
  WrittenModelOptions o;
  o.threads = data.options.threads;
  return o;
}

void tell(const QuantizationData& data, std::string_view step, size_t done, size_t total) {
  if (data.options.progress) data.options.progress(step, double(done), double(total));
}

// At most `count` of the samples, spread over them.
std::vector<size_t> spread(const std::vector<size_t>& samples, size_t count) {
  std::vector<size_t> out;
  count = std::min(count, samples.size());
  for (size_t i = 0; i < count; ++i) out.push_back(samples[i * samples.size() / count]);
  return out;
}

// One half of the samples; all of them where they are too few.
std::vector<size_t> half_of(const std::vector<size_t>& samples, size_t which) {
  if (samples.size() < kHalvedSamples) return samples;
  std::vector<size_t> out;
  for (size_t i = 0; i < samples.size(); ++i)
    if (half_of_sample(i, samples.size()) == which) out.push_back(samples[i]);
  return out;
}

bool may_equalize(const QuantizationVariant& v, const QuantizationData& data) {
  return data.options.best_effort || has_depthwise_layers(v.graph);
}

/// True when there is no variant to choose from, or nothing to choose with.
Result<bool> is_alone(const QuantizationVariant& v, const QuantizationData& data) {
  if (!data.library) return true;
  Graph copy = v.graph;
  TRY(const size_t count, split_activations(copy));
  return count == 0 && !may_equalize(v, data);
}

/// The variant with the channels of its tensors equalized; nothing where there is nothing to equalize, or hardly to gain.
Result<std::optional<QuantizationVariant>> equalized(const QuantizationVariant& from, const QuantizationData& data) {
  if (!may_equalize(from, data)) return std::optional<QuantizationVariant>();
  QuantizationVariant v = from;
  v.quantize_options.repairs.clear();
  TRY(const size_t count, equalize_channels(v.graph, v.calibration));
  if (!count) return std::optional<QuantizationVariant>();
  v.repairs.push_back(fmt::format("the channels of {} tensors equalized", count));
  TRY_STATUS(v.calibrate(data));
  return std::optional(std::move(v));
}

/// Leaky activations in the kernels' terms: with their layers, as long as these do no more than `share` of all multiplications.
/// Layers that the user has chosen a type for stay as they are. Returns how many were computed with their layers.
Result<size_t> split(QuantizationVariant& v, double share) {
  std::vector<bool> chosen;
  for (const DType t : v.plan_options.node_data) chosen.push_back(t != DType::kUnknown);
  TRY(const size_t count, split_activations(v.graph, share, chosen));
  v.plan_options.node_data.resize(v.graph.size(), DType::kUnknown);
  if (count)
    v.repairs.push_back(
        fmt::format("{} layers before a PReLU or leaky ReLU are computed twice, to spare a rounding between", count));
  return count;
}

Status refine_log_softmax(QuantizationVariant& v, const QuantizationData& data) {
  if (v.graph.count(OpCode::kLogSoftmax) == 0 || v.plan_options.data != DType::kI8) return {};
  TRY_STATUS(v.calibrate(data));
  TRY(const size_t count, refine_log_softmax(v.graph, v.calibration));
  v.plan_options.node_data.resize(v.graph.size(), DType::kUnknown);
  if (count) v.repairs.push_back(fmt::format("{} log_softmax computed in finer steps than LiteRT's kernel has, 1/16", count));
  return {};
}

void move_bias(QuantizationVariant& v, uint32_t id, const std::vector<ChannelError>& channels) {
  std::vector<float>& shift = v.quantize_options.repairs[id].bias_shift;
  shift.resize(channels.size());
  for (size_t c = 0; c < channels.size(); ++c) {
    const ChannelError& e = channels[c];
    // A mean that the samples' spread explains is no error; nor can a bias help where an activation cuts most values off.
    const double square = e.mean * e.mean;
    if (square <= e.variance || e.active < kActiveShare) continue;
    shift[c] += float(e.mean * (1 - e.variance / square) / e.active);
  }
}

std::string_view in_words(RangeMethod m) {
  switch (m) {
    case RangeMethod::kMse:
      return "least square error";
    case RangeMethod::kMinMax:
      return "the extremes";
    case RangeMethod::kAverage:
      return "the mean of the samples' extremes";
    default:
      return enum_names(m)[size_t(m)];
  }
}

/// The methods' proposals for a group that are not alike, the default's first. Those that clip more than the default are not
/// among them: what they gain on some samples they lose on others.
std::pair<RangeTrial, std::vector<RangeMethod>> trial_of(const ScaleGroup& group, const Statistics& statistics,
                                                         RangeMethod base) {
  RangeTrial trial{.sources = group.sources, .candidates = {}, .data = group.data, .effects = {}};
  std::vector<RangeMethod> tried;
  for (const RangeMethod m :
       {base, RangeMethod::kMse, RangeMethod::kMinMax, RangeMethod::kWide, RangeMethod::kPercentile, RangeMethod::kEntropy}) {
    const QuantParams q = parameters_of(choose_range(statistics, m, group.data), group.data);
    const auto alike = [&](const QuantParams& other) {
      return std::fabs(double(other.scale[0]) / double(q.scale[0]) - 1) < kAlikeScales;
    };
    if (std::ranges::any_of(trial.candidates, alike)) continue;
    if (!tried.empty() && q.scale[0] < trial.candidates[0].scale[0]) continue;
    trial.candidates.push_back(q);
    tried.push_back(m);
  }
  return {std::move(trial), std::move(tried)};
}

}  // namespace

Status QuantizationVariant::calibrate(const QuantizationData& data) {
  CalibrateOptions o;
  o.threads = data.options.threads;
  o.progress = [&](size_t done, size_t total) { tell(data, "calibration", done, total); };
  TRY(auto made, calibrate_halves(graph, data.samples, data.calibration, data.library, o));
  calibration = std::move(made[0]);
  calibration.merge(made[1]);
  half.reset();
  if (data.calibration.size() >= kHalvedSamples) half = std::move(made[1]);
  return make_plan();
}

Status QuantizationVariant::make_plan() {
  quantize_options.repairs.clear();
  TRY(plan, plan_quantization(graph, calibration, plan_options));
  for (const auto& [id, repair] : learned) {
    if (!is_integer(plan.nodes[id].data)) continue;
    TRY(const std::vector<float> scales, scales_of_node(graph, plan, id, quantize_options));
    if (scales == repair.scales) quantize_options.repairs[id] = repair;
  }
  TRY([[maybe_unused]] const size_t corrected, correct_biases(graph, plan, calibration, quantize_options));
  return {};
}

Result<std::vector<double>> QuantizationVariant::output_snr(const QuantizationData& data, size_t count) const {
  TRY(const QuantizedGraph quantized, quantize_graph(graph, plan, quantize_options));
  const std::vector<size_t> some = spread(data.scoring, count);
  DamageOptions o;
  o.layers = false;
  o.run = run_options(data);
  TRY(const DamageReport damage, measure_damage(graph, quantized, data.samples, some, data.library, o));
  std::vector<double> out;
  for (size_t i = 0; i < damage.outputs.size(); ++i)
    if (damage.outputs[i].count > 0 && !graph.is_state_output(i)) out.push_back(damage.outputs[i].mean_snr_db());
  return out;
}

Result<double> QuantizationVariant::score(const QuantizationData& data, size_t count) const {
  TRY(const std::vector<double> snr, output_snr(data, count));
  return snr.empty() ? 0 : std::accumulate(snr.begin(), snr.end(), 0.0) / double(snr.size());
}

Status widen_mixed_joins(QuantizationVariant& v) {
  const std::vector<MixedJoin> joins = mixed_joins(v.graph, v.plan, v.calibration);
  if (joins.empty()) return {};
  std::vector<DType>& chosen = v.plan_options.node_data;
  chosen.resize(v.graph.size(), DType::kUnknown);
  for (const MixedJoin& join : joins) {
    for (const uint32_t id : join.tail) chosen[id] = DType::kI16;
    const Origin& o = v.graph.origin(v.graph[join.node].origin);
    v.repairs.push_back(
        fmt::format("'{}' joins values up to {:.4g} and up to {:.4g}, which one scale of 8 bits cannot carry: joined in 16 "
                    "bits (--split-outputs gives them apart)",
                    o.node, join.widest_reach, join.narrow_reach));
  }
  return v.make_plan();
}

Result<QuantizationVariant> choose_repairs(QuantizationVariant plain, const QuantizationData& data) {
  // All variants are calibrated with the same few samples and judged on as many others; the one that is chosen then sees all.
  const std::vector<size_t> some = spread(data.calibration, 2 * (data.options.best_effort ? kBestSamples : kScoreSamples));
  QuantizationData few = data;
  few.calibration = half_of(some, 1);
  few.scoring = half_of(some, 0);
  TRY_STATUS(refine_log_softmax(plain, few));
  if (plain.plan_options.data == DType::kI8) TRY_STATUS(centre_softmax_pairs(plain.graph));
  TRY(const bool alone, is_alone(plain, data));
  QuantizationVariant apart = plain;
  TRY(const size_t always_apart, split(plain, 0));
  TRY_STATUS(plain.calibrate(alone ? data : few));
  if (plain.plan_options.data == DType::kI8) TRY_STATUS(widen_mixed_joins(plain));
  if (alone) return plain;
  struct Candidate {
    QuantizationVariant variant;
    QuantizationVariant* equalized_from = nullptr;
  };
  std::vector<Candidate> candidates;
  TRY(auto even, equalized(plain, few));
  if (even) candidates.push_back({*std::move(even), &plain});
  TRY(const size_t apart_count, split(apart, data.options.best_effort ? 1 : kCheapShare));
  if (apart_count > always_apart) {
    TRY_STATUS(apart.calibrate(few));
    if (apart.plan_options.data == DType::kI8) TRY_STATUS(widen_mixed_joins(apart));
    candidates.push_back({apart});
    TRY(auto both, equalized(apart, few));
    if (both) candidates.push_back({*std::move(both), &apart});
  }
  double best = 0;
  if (!candidates.empty()) {
    TRY(best, plain.score(few, few.scoring.size()));
    best += kClearlyBetter;
  }
  Candidate* chosen = nullptr;
  for (Candidate& c : candidates) {
    tell(data, "repairs", size_t(&c - candidates.data()), candidates.size());
    TRY(const double score, c.variant.score(few, few.scoring.size()));
    if (score <= best) continue;
    best = score;
    chosen = &c;
  }
  QuantizationVariant& taken = !chosen ? plain : chosen->equalized_from ? *chosen->equalized_from : chosen->variant;
  TRY_STATUS(taken.calibrate(data));
  if (!chosen || !chosen->equalized_from) return std::move(taken);
  TRY(auto anew, equalized(taken, data));
  return anew ? *std::move(anew) : std::move(taken);
}

Status choose_base_method(QuantizationVariant& v, const QuantizationData& data) {
  if (!data.library || !v.half || v.plan_options.data != DType::kI8) return {};
  constexpr size_t kMethods = 3;
  QuantizationData others = data;
  others.scoring = spread(half_of(data.calibration, 0), data.options.best_effort ? kBestSamples : kScoreSamples);
  // Float and integers are run.
  TRY(const double cost, estimated_milliseconds(v.graph, 2 * others.scoring.size()));
  if (kMethods * cost > (data.options.best_effort ? kBestTrialMs : kTrialMs)) return {};
  std::optional<double> best;
  RangeMethod chosen = v.plan_options.method;
  for (const RangeMethod m : std::array<RangeMethod, kMethods>{chosen, RangeMethod::kMinMax, RangeMethod::kAverage}) {
    QuantizationVariant trial = v;
    trial.calibration = *v.half;
    trial.plan_options.method = m;
    TRY_STATUS(trial.make_plan());
    TRY(const double score, trial.score(others, others.scoring.size()));
    if (best && score <= *best + (chosen == v.plan_options.method ? kClearlyBetter : 0)) continue;
    best = score;
    chosen = m;
  }
  if (chosen == v.plan_options.method) return {};
  v.plan_options.method = chosen;
  v.repairs.push_back(fmt::format("ranges chosen by {}, which does clearly better than least square error", in_words(chosen)));
  return v.make_plan();
}

Status choose_range_methods(QuantizationVariant& v, const QuantizationData& data) {
  if (!data.library) return {};
  std::vector<RangeTrial> trials;
  std::vector<std::vector<RangeMethod>> methods;
  std::optional<QuantPlan> of_half;
  if (v.half) {
    TRY(of_half, plan_quantization(v.graph, *v.half, v.plan_options));
  }
  for (size_t i = 0; i < v.plan.groups.size(); ++i) {
    const ScaleGroup& group = v.plan.groups[i];
    if (group.fixed || group.known || group.sources.empty() || group.data != DType::kI8) continue;
    auto [trial, tried] = trial_of(group, of_half ? of_half->groups[i].statistics : group.statistics, v.plan_options.method);
    if (tried.size() < 2) continue;
    trials.push_back(std::move(trial));
    methods.push_back(std::move(tried));
  }
  if (trials.empty()) return {};
  RangeEffectOptions o;
  o.run = run_options(data);
  o.milliseconds = data.options.best_effort ? kBestTrialMs : kTrialMs;
  if (data.options.best_effort) o.samples = kBestSamples;
  o.progress = [&](size_t done, size_t total) { tell(data, "ranges", done, total); };
  const std::vector<size_t> others = half_of(data.calibration, 0);
  TRY_STATUS(measure_range_effects(v.graph, trials, data.samples, others, data.library, o));
  size_t changed = 0, measured = 0;
  for (size_t i = 0; i < trials.size(); ++i) {
    const auto& effects = trials[i].effects;
    if (effects.empty()) continue;
    ++measured;
    const auto best = size_t(std::ranges::min_element(effects) - effects.begin());
    if (best == 0 || effects[best] > kWorthwhile * effects[0]) continue;
    v.plan_options.methods[trials[i].sources[0]] = methods[i][best];
    ++changed;
  }
  v.repairs.push_back(fmt::format("ranges of {} of {} tensors chosen by their effect on the outputs: {} not by {}", measured,
                                  trials.size(), changed, in_words(v.plan_options.method)));
  return changed ? v.make_plan() : Status{};
}

Status offset_logits(QuantizationVariant& v) {
  if (v.plan_options.data != DType::kI8) return {};
  TRY(const size_t count, offset_softmax_pairs(v.graph, v.plan));
  if (!count) return {};
  v.plan_options.node_data.resize(v.graph.size(), DType::kUnknown);
  v.repairs.push_back(
      fmt::format("the two logits of {} layers round at different places, so that they differ in steps half as large", count));
  return v.make_plan();
}

Status round_weights(QuantizationVariant& v, const QuantizationData& data) {
  if (!data.library) return {};
  WeightLearningOptions o;
  o.run = run_options(data);
  o.progress = [&](size_t done, size_t total) { tell(data, "weights", done, total); };
  const auto learn = [&](QuantizationVariant& of, const std::vector<size_t>& samples) -> Status {
    QuantizeGraphOptions plain = of.quantize_options;
    plain.repairs.clear();
    TRY(of.learned, learn_weights(of.graph, of.plan, plain, data.samples, samples, data.library, o));
    return of.make_plan();
  };
  QuantizationData others = data;
  others.scoring = half_of(data.calibration, 0);
  TRY(const double before, v.score(others, kBestSamples));
  QuantizationVariant trial = v;
  TRY_STATUS(learn(trial, half_of(data.calibration, 1)));
  TRY(const double after, trial.score(others, kBestSamples));
  if (trial.learned.empty() || after <= before) return {};
  TRY_STATUS(learn(v, data.calibration));
  v.repairs.push_back(fmt::format("weights of {} layers rounded together, by what their data looks like", v.learned.size()));
  return {};
}

namespace {

// The variant with biases moved by what `samples` show, layer by layer from the inputs on.
Result<QuantizationVariant> with_measured_means(const QuantizationVariant& v, const QuantizationData& data,
                                                const std::vector<std::vector<uint32_t>>& rounds,
                                                const std::vector<size_t>& samples) {
  std::vector<Value> values;
  for (const auto& round : rounds)
    for (const uint32_t id : round) values.push_back({id, 0});
  TRY(const MeanErrors errors,
      MeanErrors::open(v.graph, v.plan, values, data.samples, samples, data.library, run_options(data)));
  QuantizationVariant moved = v;
  for (size_t i = 0; i < rounds.size(); ++i) {
    tell(data, "biases", i, rounds.size());
    std::vector<Value> of_round;
    for (const uint32_t id : rounds[i]) of_round.push_back({id, 0});
    TRY(const QuantizedGraph quantized, quantize_graph(moved.graph, moved.plan, moved.quantize_options));
    TRY(const auto measured, errors.measure(quantized, of_round));
    for (const auto& [value, channels] : measured) move_bias(moved, value.node, channels);
  }
  return moved;
}

}  // namespace

Status correct_measured_means(QuantizationVariant& v, const QuantizationData& data) {
  if (!data.library) return {};
  const std::vector<std::vector<uint32_t>> rounds = weighted_layers(v.graph, v.plan);
  QuantizationData others = data;
  others.scoring = half_of(data.calibration, 0);
  TRY(const double before, v.score(others, kBestSamples));
  TRY(const QuantizationVariant trial, with_measured_means(v, data, rounds, half_of(data.calibration, 1)));
  TRY(const double after, trial.score(others, kBestSamples));
  if (after <= before + kBetterMeans) return {};
  TRY(v, with_measured_means(v, data, rounds, data.calibration));
  size_t count = 0;
  for (const auto& round : rounds) count += round.size();
  v.repairs.push_back(fmt::format("biases of {} layers moved by the mean errors that the integer model shows", count));
  return {};
}

}  // namespace atl
