#include "api/quantization.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "api/dataset_samples.h"
#include "api/layer_choice.h"
#include "ops/elementwise.h"
#include "run/litert_library.h"
#include "verify/quantization_damage.h"

namespace atl {
namespace {

// With fewer samples than this, all of them calibrate and judge.
constexpr size_t kFewSamples = 4;
// One sample of so many is kept from calibration for judging.
constexpr size_t kJudgingShare = 4;

Result<InterfaceType> interface_type(const std::string& text, std::string_view which) {
  if (text.empty() || text == "int8" || text == "int16") return InterfaceType::kInt8;
  if (text == "uint8") return InterfaceType::kUint8;
  if (text == "float32") return InterfaceType::kFloat32;
  return error(Code::kUsage, fmt::format("there is no type '{}' for the {}", text, which),
               "the types are float32, int8, uint8 and int16");
}

Result<RangeMethod> range_method(const std::string& text) {
  if (text == "auto") return RangeMethod::kMse;
  const auto names = enum_names(RangeMethod{});
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] == text) return RangeMethod(i);
  return error(Code::kUsage, fmt::format("there is no range method '{}'", text),
               "the methods are auto, minmax, percentile, mse and entropy");
}

/// The work of quantize_model, step by step.
class Quantization {
 public:
  Quantization(const Graph& g, std::span<const Perm> permutations, const QuantizeOptions& options)
      : g_(g), permutations_(permutations), options_(options) {}

  Result<QuantizedModel> run() {
    const auto start = std::chrono::steady_clock::now();
    report_ = std::make_shared<QuantizeReport>();
    report_->mode = name(options_.mode);
    if (options_.mode != QuantizeMode::kInt8 && options_.mode != QuantizeMode::kInt16x8)
      return error(Code::kUnsupportedForm, fmt::format("{} is not written yet", name(options_.mode)), "use int8 or int16x8");
    TRY_STATUS(open_data());
    TRY_STATUS(calibrate_graph());
    TRY_STATUS(make_plan());
    TRY(QuantizedGraph quantized, quantize_graph(g_, plan_, quantize_options_));
    TRY_STATUS(judge(quantized));
    report_exceptions();
    report_interface(quantized.graph);
    report_->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return QuantizedModel{std::move(quantized.graph), report_};
  }

 private:
  Status open_data();
  Status calibrate_graph();
  Status make_plan();
  Status judge(const QuantizedGraph& quantized);
  void report_exceptions();
  void report_interface(const Graph& quantized);
  void warn_of_data();
  void step(std::string_view what, double done, double total) const {
    if (options_.progress) options_.progress(what, done, total);
  }

  const Graph& g_;
  const std::span<const Perm> permutations_;
  const QuantizeOptions& options_;
  std::shared_ptr<QuantizeReport> report_;
  std::shared_ptr<const LiteRtLibrary> library_;
  std::optional<DatasetSamples> samples_;
  std::vector<size_t> calibration_samples_, judging_samples_;
  Calibration calibration_;
  PlanOptions plan_options_;
  QuantPlan plan_;
  QuantizeGraphOptions quantize_options_;
};

Status Quantization::open_data() {
  if (options_.data.empty())
    return error(Code::kInput, fmt::format("{} needs samples to calibrate with", name(options_.mode)),
                 "name a folder of images or arrays, or a .npz, with --calibrate");
  TRY(samples_, DatasetSamples::open(g_, permutations_, options_.data, options_.preprocess));
  // Without LiteRT calibration still works, by the ops' own eval; judging does not.
  if (auto library = LiteRtLibrary::find(options_.litert)) {
    library_ = *library;
  } else {
    report_->warnings.push_back("not judged: " + library.error().what);
  }
  const size_t n = samples_->size(), used = std::min(n, options_.max_samples);
  std::vector<size_t> chosen;
  for (size_t i = 0; i < used; ++i) chosen.push_back(i * n / used);
  if (chosen.size() < kFewSamples) {
    calibration_samples_ = judging_samples_ = chosen;
    report_->judged_on_calibration = true;
    return {};
  }
  for (size_t i = 0; i < chosen.size(); ++i)
    (i % kJudgingShare == kJudgingShare - 1 ? judging_samples_ : calibration_samples_).push_back(chosen[i]);
  return {};
}

Status Quantization::calibrate_graph() {
  CalibrateOptions o;
  o.threads = options_.threads;
  o.progress = [&](size_t done, size_t total) { step("calibration", double(done), double(total)); };
  if (!options_.strict)
    o.skip = [&](size_t index, const Error& e) {
      report_->warnings.push_back(fmt::format("sample {} was left out: {}", index, e.what));
    };
  TRY(calibration_, calibrate(g_, *samples_, calibration_samples_, library_, o));
  std::vector<size_t> readable;
  for (const size_t i : judging_samples_) {
    const auto arrays = samples_->get(i);
    if (arrays) {
      readable.push_back(i);
    } else if (options_.strict) {
      return arrays.error();
    } else if (!report_->judged_on_calibration) {
      report_->warnings.push_back(fmt::format("sample {} was left out: {}", i, arrays.error().what));
    }
  }
  judging_samples_ = std::move(readable);
  if (judging_samples_.empty()) {
    judging_samples_ = calibration_samples_;
    report_->judged_on_calibration = true;
  }
  report_->calibration_samples = calibration_samples_.size();
  report_->judging_samples = judging_samples_.size();
  warn_of_data();
  return {};
}

void Quantization::warn_of_data() {
  for (const Port& port : g_.inputs()) {
    const auto it = calibration_.values.find(port.value);
    if (it == calibration_.values.end() || it->second.empty()) continue;
    const Range r = it->second.extremes();
    if (r.width() == 0)
      report_->warnings.push_back(
          fmt::format("input '{}' is {} in every sample: a range chosen from that fits nothing else", port.name, r.low));
  }
  if (calibration_samples_.size() == 1)
    report_->warnings.push_back("one sample calibrates: ranges chosen from it may not fit others");
}

Status Quantization::make_plan() {
  plan_options_.data = options_.mode == QuantizeMode::kInt16x8 ? DType::kI16 : DType::kI8;
  plan_options_.per_channel = options_.per_channel;
  TRY(plan_options_.method, range_method(options_.ranges));
  TRY(plan_options_.node_data, choose_layers(g_, options_.keep_float, options_.keep_int16));
  TRY(quantize_options_.inputs, interface_type(options_.inputs, "inputs"));
  TRY(quantize_options_.outputs, interface_type(options_.outputs, "outputs"));
  quantize_options_.per_channel = options_.per_channel;
  TRY(plan_, plan_quantization(g_, calibration_, plan_options_));
  return {};
}

Status Quantization::judge(const QuantizedGraph& quantized) {
  if (!library_) return {};
  DamageOptions o;
  o.run.threads = options_.threads;
  o.progress = [&](size_t done, size_t total) { step("judging", double(done), double(total)); };
  TRY(const DamageReport damage, measure_damage(g_, quantized, *samples_, judging_samples_, library_, o));
  for (size_t i = 0; i < damage.outputs.size(); ++i) {
    if (g_.is_state_output(i) || damage.outputs[i].count == 0) continue;
    const ValueDamage& d = damage.outputs[i];
    report_->outputs.push_back({g_.outputs()[i].name, to_string(d.type), d.mean_snr_db(), d.max_error});
  }
  for (const ValueDamage& d : damage.values) {
    const Origin& o = g_.origin_of(d.value);
    const DType t = d.type.dtype;
    const auto method = is_integer(t) ? plan_.method(d.value, t) : std::nullopt;
    report_->layers.push_back({o.module_path, o.source_op.empty() ? std::string(def_of(*g_[d.value].op).name) : o.source_op,
                               o.node, o.file, o.line, std::string(name(t)), d.snr_db(), d.saturated_share(), d.used_share(),
                               method ? std::string(enum_names(*method)[size_t(*method)]) : std::string()});
  }
  return {};
}

void Quantization::report_exceptions() {
  for (uint32_t id : g_.topological_order()) {
    const NodePlan& p = plan_.nodes[id];
    if (p.data != DType::kF32) continue;
    const Origin& o = g_.origin(g_[id].origin);
    report_->exceptions.push_back(
        {o.module_path, o.source_op.empty() ? std::string(def_of(*g_[id].op).name) : o.source_op, p.reason, o.file, o.line});
  }
}

void Quantization::report_interface(const Graph& quantized) {
  const auto describe = [&](std::string_view kind, const Port& port) {
    const Type& t = quantized.type(port.value);
    if (!t.quant) {
      report_->interface.push_back(fmt::format("{} '{}' {}", kind, port.name, to_string(t)));
      return;
    }
    const double scale = double(t.quant->scale[0]);
    const auto zero = double(t.quant->zero_point.empty() ? 0 : t.quant->zero_point[0]);
    const double low = t.dtype == DType::kI16 ? -32768 : t.dtype == DType::kU8 ? 0 : -128;
    const double high = t.dtype == DType::kI16 ? 32767 : t.dtype == DType::kU8 ? 255 : 127;
    report_->interface.push_back(fmt::format("{} '{}' {}: value = {:.9g} * (integer - {}), from {:.6g} to {:.6g}", kind,
                                             port.name, to_string(Type{t.dtype, t.shape, {}}), scale, zero,
                                             scale * (low - zero), scale * (high - zero)));
  };
  for (const Port& p : quantized.inputs()) describe("input", p);
  for (const Port& p : quantized.outputs()) describe("output", p);
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
