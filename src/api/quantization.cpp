#include "api/quantization.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "api/layer_choice.h"
#include "api/normalized_input.h"
#include "api/quantization_report.h"
#include "api/quantization_settings.h"
#include "api/quantization_variant.h"
#include "quant/compress_weights.h"
#include "quant/integer_spellings.h"
#include "quant/mask_floors.h"
#include "quant/mixed_joins.h"
#include "verify/quantization_damage.h"
#include "verify/state_sequence.h"

namespace atl {
namespace {

// With fewer samples than this, all of them calibrate and judge.
constexpr size_t kFewSamples = 4;
// Below so many, those that judged take part in the final calibration.
constexpr size_t kManySamples = 24;
// A zero point this close to a whole number of steps is one.
constexpr double kExactZero = 0.01;
// Below so many dB, little is left of an output.
constexpr double kLittleLeft = 10;
// A state that all runs take so many times as far as half of them has not come to rest.
constexpr double kGrowth = 1.25;
// One sample of so many is kept from calibration for judging.
constexpr size_t kJudgingShare = 4;

/// The work of quantize_model, step by step.
class Quantization {
 public:
  Quantization(const Graph& g, std::span<const Perm> permutations, const QuantizeOptions& options)
      : permutations_(permutations), options_(options) {
    v_.graph = g;
  }

  Result<QuantizedModel> run();

 private:
  Result<DatasetSamples> open_data();
  void find_library(QuantizationData& data);
  Result<QuantizedModel> compress();
  Status choose_samples(QuantizationData& data);
  Status set_options();
  Status take_in_normalization(DatasetSamples& samples);
  Status split_outputs(const QuantizationData& data);
  Status take_apart_states(DatasetSamples& samples, std::vector<size_t> which,
                           const std::shared_ptr<const LiteRtLibrary>& library);
  Status judge_sequence(const Graph& integers, const SampleSource& samples, size_t last,
                        const std::shared_ptr<const LiteRtLibrary>& library);
  void take_camera_bytes(const DatasetSamples& samples);
  Status judge(const QuantizedGraph& quantized, const SampleSource& samples, std::span<const size_t> which,
               const std::shared_ptr<const LiteRtLibrary>& library);
  Status take_in_judging_samples(const QuantizationData& data);
  void warn_of_data(const QuantizationData& data);
  void step(std::string_view what, double done, double total) const {
    if (options_.progress) options_.progress(what, done, total);
  }

  const std::span<const Perm> permutations_;
  const QuantizeOptions& options_;
  std::shared_ptr<QuantizeReport> report_ = std::make_shared<QuantizeReport>();
  QuantizationVariant v_;
  std::vector<size_t> output_sources_;
};

Result<QuantizedModel> Quantization::run() {
  const auto start = std::chrono::steady_clock::now();
  report_->mode = name(options_.mode);
  if (options_.mode != QuantizeMode::kInt8 && options_.mode != QuantizeMode::kInt16x8) return compress();
  TRY_STATUS(deepen_masks(v_.graph));
  TRY_STATUS(spell_for_integers(v_.graph, options_.mode == QuantizeMode::kInt8 ? DType::kI8 : DType::kI16));
  TRY(DatasetSamples samples, open_data());
  TRY_STATUS(take_in_normalization(samples));
  QuantizationData data{samples, {}, {}, {}, nullptr, options_};
  find_library(data);
  TRY_STATUS(choose_samples(data));
  TRY_STATUS(set_options());
  std::vector<size_t> chosen = data.calibration;
  chosen.insert(chosen.end(), data.judging.begin(), data.judging.end());
  TRY_STATUS(take_apart_states(samples, chosen, data.library));
  take_camera_bytes(samples);
  if (options_.split_outputs) TRY_STATUS(split_outputs(data));
  data.scoring = data.calibration;
  if (options_.ranges == "auto") {
    TRY(v_, choose_repairs(std::move(v_), data));
    TRY_STATUS(choose_base_method(v_, data));
    TRY_STATUS(choose_range_methods(v_, data));
    TRY_STATUS(offset_logits(v_));
    if (options_.best_effort) {
      TRY_STATUS(round_weights(v_, data));
      TRY_STATUS(correct_measured_means(v_, data));
    }
  } else {
    TRY_STATUS(v_.calibrate(data));
    if (options_.mode == QuantizeMode::kInt8) TRY_STATUS(widen_mixed_joins(v_));
  }
  warn_of_data(data);
  if (options_.min_snr_db) TRY_STATUS(choose_int16_layers(v_, data));
  TRY(QuantizedGraph quantized, quantize_graph(v_.graph, v_.plan, v_.quantize_options));
  if (data.library) TRY_STATUS(judge(quantized, data.samples, data.judging, data.library));
  if (!report_->judged_on_calibration && data.calibration.size() + data.judging.size() < kManySamples) {
    TRY_STATUS(take_in_judging_samples(data));
    TRY(quantized, quantize_graph(v_.graph, v_.plan, v_.quantize_options));
  }
  if (!v_.plan_options.states.empty()) {
    v_.graph.set_states(v_.plan_options.states);
    TRY(quantized, quantize_graph(v_.graph, v_.plan, v_.quantize_options));
    if (data.library) TRY_STATUS(judge_sequence(quantized.graph, samples, std::ranges::max(chosen), data.library));
  }
  report_->repairs = v_.repairs;
  report_->exceptions = float_exceptions(v_.graph, v_.plan);
  report_->interface = interface_lines(quantized.graph);
  report_->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return QuantizedModel{std::move(quantized.graph), report_, std::move(output_sources_)};
}

Result<DatasetSamples> Quantization::open_data() {
  if (options_.data.empty())
    return error(Code::kInput, fmt::format("{} needs samples to calibrate with", name(options_.mode)),
                 "name a folder of images or arrays, or a .npz, with --calibrate");
  return DatasetSamples::open(v_.graph, permutations_, options_.data, options_.preprocess);
}

// Without LiteRT calibration still works, by the ops' own eval; nothing is judged then.
void Quantization::find_library(QuantizationData& data) {
  if (auto library = LiteRtLibrary::find(options_.litert)) {
    data.library = *library;
  } else {
    report_->warnings.push_back("not judged: " + library.error().what);
  }
}

// Weights alone: nothing is calibrated; judged on the data, or on random inputs where there is none.
Result<QuantizedModel> Quantization::compress() {
  const auto start = std::chrono::steady_clock::now();
  const Graph& g = v_.graph;
  TRY(const std::vector<DType> chosen, choose_layers(g, options_.keep_float, options_.keep_int16));
  CompressOptions o;
  o.per_channel = options_.per_channel;
  for (const DType t : chosen) o.keep.push_back(t == DType::kF32);
  o.form = options_.mode == QuantizeMode::kFloat16   ? WeightForm::kFloat16
           : options_.mode == QuantizeMode::kDynamic ? WeightForm::kHybrid
           : options_.weight_bits == 4               ? WeightForm::kInt4
                                                     : WeightForm::kInt8;
  std::optional<DatasetSamples> given;
  std::vector<size_t> which;
  if (!options_.data.empty()) {
    TRY(given, open_data());
    TRY(which, given->choose(options_.max_samples, options_.strict, report_->warnings));
  }
  const std::vector<State> states = g.states();
  auto library = LiteRtLibrary::find(options_.litert);
  if (given) TRY_STATUS(take_apart_states(*given, which, library ? *library : nullptr));
  TRY(QuantizedGraph compressed, compress_weights(g, o));
  const RandomSamples random(g, options_.seed);
  const SampleSource& samples = given ? static_cast<const SampleSource&>(*given) : random;
  for (size_t i = 0; !given && i < random.size(); ++i) which.push_back(i);
  if (!given && !states.empty()) {
    report_->warnings.push_back("not judged: what a model with states holds is not random; --calibrate names inputs of runs");
  } else if (library) {
    TRY_STATUS(judge(compressed, samples, which, *library));
    report_->judging_samples = which.size();
    if (!given) report_->warnings.push_back("judged on random inputs: --calibrate names real ones");
  } else {
    report_->warnings.push_back("not judged: " + library.error().what);
  }
  compressed.graph.set_states(states);
  report_->interface = interface_lines(compressed.graph);
  report_->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return QuantizedModel{std::move(compressed.graph), report_, {}};
}

Status Quantization::choose_samples(QuantizationData& data) {
  TRY(const std::vector<size_t> chosen, data.samples.choose(options_.max_samples, options_.strict, report_->warnings));
  if (chosen.size() < kFewSamples) {
    data.calibration = data.judging = chosen;
    report_->judged_on_calibration = true;
    return {};
  }
  for (size_t i = 0; i < chosen.size(); ++i)
    (i % kJudgingShare == kJudgingShare - 1 ? data.judging : data.calibration).push_back(chosen[i]);
  return {};
}

void Quantization::warn_of_data(const QuantizationData& data) {
  report_->calibration_samples = data.calibration.size();
  report_->judging_samples = data.judging.size();
  for (const Port& port : v_.graph.inputs()) {
    const auto it = v_.calibration.values.find(port.value);
    if (it == v_.calibration.values.end() || it->second.empty()) continue;
    const Range r = it->second.extremes();
    if (r.width() == 0)
      report_->warnings.push_back(
          fmt::format("input '{}' is {} in every sample: a range chosen from that fits nothing else", port.name, r.low));
  }
  if (data.samples.classes().size() == 1)
    report_->warnings.push_back(fmt::format("all samples are of one class, '{}': ranges chosen from them may not fit others",
                                            data.samples.classes()[0]));
  if (data.calibration.size() == 1)
    report_->warnings.push_back("one sample calibrates: ranges chosen from it may not fit others");
}

Status Quantization::set_options() {
  v_.plan_options.data = options_.mode == QuantizeMode::kInt16x8 ? DType::kI16 : DType::kI8;
  v_.plan_options.per_channel = options_.per_channel;
  TRY(v_.plan_options.method, range_method(options_.ranges));
  TRY(v_.plan_options.node_data, choose_layers(v_.graph, options_.keep_float, options_.keep_int16));
  TRY(v_.quantize_options.inputs, interface_type(options_.inputs, "inputs"));
  TRY(v_.quantize_options.outputs, interface_type(options_.outputs, "outputs"));
  v_.quantize_options.per_channel = options_.per_channel;
  v_.quantize_options.per_channel_dense = options_.per_channel_dense;
  return {};
}

// Where means and deviations differ between channels, no scale of the input can carry them: the model takes pixels then.
Status Quantization::take_in_normalization(DatasetSamples& samples) {
  TRY(const PreprocessSpec spec, parse_preprocess(options_.preprocess));
  const auto normalization = channel_normalization(spec);
  TRY(const InterfaceType inputs, interface_type(options_.inputs, "inputs"));
  const bool integers = options_.mode == QuantizeMode::kInt8 && inputs != InterfaceType::kFloat32;
  if (!normalization || !integers) return {};
  const size_t before = v_.graph.count(OpCode::kBinary);
  TRY(const bool taken, take_pixels(v_.graph, samples, *normalization));
  if (!taken) return {};
  report_->pixel_mean = normalization->mean;
  report_->pixel_std = normalization->std;
  const size_t now = v_.graph.count(OpCode::kBinary);
  v_.repairs.push_back(fmt::format("the input takes pixels as they are: {} went into {}", normalization_text(*normalization),
                                   now == before       ? "the first layer"
                                   : now == before + 1 ? "the first layer and, since that is padded, an addition in front of it"
                                                       : "two operators in front of the model"));
  return {};
}

// Pictures have 256 values a channel: with these as the input's integers, a camera's bytes go in as they are.
void Quantization::take_camera_bytes(const DatasetSamples& samples) {
  const auto range = samples.picture_range();
  if (!range || range->low > 0 || range->high < 0 || v_.graph.inputs().empty()) return;
  const Value input = v_.graph.inputs()[0].value;
  v_.plan_options.ranges[input] = *range;
  const QuantParams q = parameters_of(*range, DType::kU8);
  const double off = range->low + double(q.scale[0]) * double(q.zero_point[0]);
  v_.repairs.push_back(
      std::fabs(off) < kExactZero * double(q.scale[0])
          ? std::string("the input's integers are the bytes of a picture (uint8: as they are; int8: less 128)")
          : fmt::format(
                "the input's integers are the bytes of a picture but for {:.2f} of a step, since its mean is no whole number",
                off / double(q.scale[0])));
}

// While the model is calibrated and judged, its states are inputs and outputs like others, and each sample comes with what the
// float model's states hold before it.
Status Quantization::take_apart_states(DatasetSamples& samples, std::vector<size_t> which,
                                       const std::shared_ptr<const LiteRtLibrary>& library) {
  if (v_.graph.states().empty()) return {};
  v_.plan_options.states = v_.graph.states();
  std::ranges::sort(v_.plan_options.states, {}, &State::input);
  v_.graph.set_states({});
  std::ranges::sort(which);
  which.erase(std::unique(which.begin(), which.end()), which.end());
  TRY(auto states, states_before(v_.graph, v_.plan_options.states, samples, which, library, {.threads = options_.threads}));
  const bool integers = options_.mode == QuantizeMode::kInt8 || options_.mode == QuantizeMode::kInt16x8;
  for (size_t k = 0; k < v_.plan_options.states.size() && integers; ++k) {
    double last = 0, before = 0;
    size_t seen = 0;
    for (const auto& [index, values] : states) {
      if (values[k].dtype != ElementType::kF32) continue;
      for (const float v : values[k].values<float>()) last = std::max(last, std::fabs(double(v)));
      if (2 * ++seen <= states.size()) before = last;
    }
    if (last > kGrowth * before)
      report_->warnings.push_back(fmt::format(
          "a state, '{}', reaches {:.4g} in half of the runs and {:.4g} in all: more runs may leave the range that is "
          "chosen from them; --keep-float spares what computes it",
          v_.plan_options.states[k].name, before, last));
  }
  samples.put_states(std::move(states));
  return {};
}

// Errors that add up from run to run are in no sample that is judged by itself.
Status Quantization::judge_sequence(const Graph& integers, const SampleSource& samples, size_t last,
                                    const std::shared_ptr<const LiteRtLibrary>& library) {
  TRY(const std::vector<double> snr, sequence_snr(v_.graph, integers, samples, last, library, {.threads = options_.threads}));
  for (size_t i = 0; i < snr.size(); ++i)
    for (QuantizedOutput& o : report_->outputs)
      if (o.name == v_.graph.outputs()[i].name) o.snr_db = std::min(o.snr_db, snr[i]);
  return {};
}

Status Quantization::split_outputs(const QuantizationData& data) {
  if (!v_.plan_options.states.empty()) {
    report_->warnings.push_back("no output was split: the model keeps states");
    return {};
  }
  QuantizationVariant whole = v_;
  TRY_STATUS(whole.calibrate(data));
  const std::vector<MixedJoin> joins = mixed_joins(whole.graph, whole.plan, whole.calibration);
  std::vector<std::string> names;
  for (const Port& p : v_.graph.outputs()) names.push_back(p.name);
  TRY(output_sources_, split_joined_outputs(v_.graph, joins));
  if (output_sources_.empty()) {
    report_->warnings.push_back("no output was split: none is a join of branches that one scale cannot carry");
    return {};
  }
  for (size_t i = 0; i < names.size(); ++i)
    if (const auto parts = std::ranges::count(output_sources_, i); parts > 1)
      v_.repairs.push_back(
          fmt::format("output '{}' is given as its {} branches, each with a scale of its own", names[i], parts));
  return {};
}

Status Quantization::judge(const QuantizedGraph& quantized, const SampleSource& samples, std::span<const size_t> which,
                           const std::shared_ptr<const LiteRtLibrary>& library) {
  const Graph& g = v_.graph;
  DamageOptions o;
  o.run.threads = options_.threads;
  o.progress = [&](size_t done, size_t total) { step("judging", double(done), double(total)); };
  TRY(const DamageReport damage, measure_damage(g, quantized, samples, which, library, o));
  for (size_t i = 0; i < damage.outputs.size(); ++i) {
    const bool is_state = std::ranges::any_of(v_.plan_options.states, [&](const State& s) { return s.output == i; });
    if (is_state || damage.outputs[i].count == 0) continue;
    const ValueDamage& d = damage.outputs[i];
    report_->outputs.push_back({g.outputs()[i].name, to_string(d.type), d.mean_snr_db(), d.max_error});
    if (d.mean_snr_db() < kLittleLeft)
      report_->warnings.push_back(fmt::format(
          "little is left of output '{}': {:.1f} dB; --layers shows where it is lost, --min-snr and --keep-float spare "
          "layers",
          g.outputs()[i].name, d.mean_snr_db()));
  }
  for (const ValueDamage& d : damage.values) {
    const Origin& o = g.origin_of(d.value);
    const DType t = d.type.dtype;
    const auto method = is_integer(t) ? v_.plan.method(d.value, t) : std::nullopt;
    report_->layers.push_back({o.module_path, o.source_op.empty() ? std::string(def_of(*g[d.value].op).name) : o.source_op,
                               o.node, o.file, o.line, std::string(name(t)), d.snr_db(), d.saturated_share(), d.used_share(),
                               method ? std::string(enum_names(*method)[size_t(*method)]) : std::string()});
  }
  return {};
}

// With few samples each one tells something of the ranges. What was judged is the model without them, which is no better.
Status Quantization::take_in_judging_samples(const QuantizationData& data) {
  CalibrateOptions o;
  o.threads = options_.threads;
  TRY(const Calibration more, calibrate(v_.graph, data.samples, data.judging, data.library, o));
  v_.calibration.merge(more);
  v_.repairs.push_back(fmt::format("the {} samples that judged were calibrated with afterwards", data.judging.size()));
  // Means that were measured stay: they belong to the layers and hardly change with the ranges.
  std::map<uint32_t, WeightRepair> measured = std::move(v_.quantize_options.repairs);
  TRY_STATUS(v_.make_plan());
  if (options_.best_effort)
    for (auto& [id, repair] : measured) v_.quantize_options.repairs[id].bias_shift = std::move(repair.bias_shift);
  return {};
}

}  // namespace

std::string_view name(QuantizeMode mode) {
  constexpr std::array<std::string_view, 5> kNames = {"float16", "dynamic", "weight-only", "int8", "int16x8"};
  return kNames[size_t(mode)];
}

Result<QuantizeMode> quantize_mode_from_name(std::string_view s) {
  for (int i = 0; i < 5; ++i)
    if (name(QuantizeMode(i)) == s) return QuantizeMode(i);
  return error(Code::kUsage, fmt::format("there is no quantization '{}'", s),
               "the modes are float16, dynamic, weight-only, int8 and int16x8");
}

Result<QuantizedModel> quantize_model(const Graph& g, std::span<const Perm> input_permutations,
                                      const QuantizeOptions& options) {
  return Quantization(g, input_permutations, options).run();
}

}  // namespace atl
