#include "quantization.h"

#include <algorithm>

#include "terminal.h"

namespace atl::cli {

void add_quantize_options(CLI::App& c, QuantizeArguments& a, const std::string& mode_flag) {
  auto* group = c.add_option_group("Quantization");
  group->add_option(mode_flag, a.mode,
                    "int8: integers throughout; int16x8: 16-bit activations; dynamic: 8-bit weights, float activations;\n"
                    "weight-only: 8-bit weights made float when loaded; float16");
  group->add_option("--calibrate", a.options.data,
                    "samples: a folder of images or arrays, .npy, .npz, .csv (needed for int8 and int16x8)");
  group->add_option("--preprocess", a.options.preprocess, "what becomes of images, as in `atoll run --help`");
  group->add_option("--max-samples", a.options.max_samples, "samples to take, spread over the data")->capture_default_str();
  group->add_flag("--strict", a.options.strict, "a sample that cannot be read is an error");
  group->add_option("--io", a.io, "type of inputs and outputs: float32, int8, uint8, int16 (default: the model's integers)");
  group->add_option("--inputs", a.options.inputs, "type of the inputs alone");
  group->add_option("--outputs", a.options.outputs, "type of the outputs alone");
  group->add_option("--keep-float", a.options.keep_float, "layers that stay float, by name: 'head.*'");
  group->add_option("--keep-int16", a.options.keep_int16, "layers that get 16 bits, by name: 'decoder.*'");
  group->add_option("--cut", a.options.cut,
                    "cut the model in front of these layers ('detect*'): they and all behind them become FILE_tail.tflite,\n"
                    "float, for the CPU; `atoll run --pipeline` runs both");
  group->add_flag("--split-outputs", a.options.split_outputs,
                  "an output that joins branches which one scale cannot carry (boxes and scores) becomes one for each branch");
  group->add_option("--min-snr", a.min_snr, "dB that every output must reach: finds the fewest layers to give 16 bits");
  group
      ->add_option("--ranges", a.options.ranges, "how ranges are chosen: auto, minmax, wide, percentile, mse, entropy, average")
      ->capture_default_str();
  group->add_option("--effort", a.effort, "best: slower repairs, layer by layer")->check(CLI::IsMember({"normal", "best"}));
  group->add_option("--weight-bits", a.options.weight_bits, "of weight-only")->check(CLI::IsMember({4, 8}));
  group->add_flag("!--per-tensor", a.options.per_channel, "one scale for each weight, not one for each channel");
}

Result<QuantizeOptions> quantize_options(const QuantizeArguments& a) {
  QuantizeOptions o = a.options;
  TRY(o.mode, quantize_mode_from_name(a.mode.empty() ? "int8" : a.mode));
  if (!a.io.empty()) {
    if (o.inputs.empty()) o.inputs = a.io;
    if (o.outputs.empty()) o.outputs = a.io;
  }
  if (a.min_snr > 0) o.min_snr_db = a.min_snr;
  o.best_effort = a.effort == "best";
  return o;
}

nlohmann::ordered_json damage_json(const std::vector<QuantizedLayer>& layers) {
  auto out = nlohmann::ordered_json::array();
  for (const QuantizedLayer& l : layers) {
    nlohmann::ordered_json e{{"module", l.module}, {"op", l.op},         {"node", l.tensor},
                             {"type", l.type},     {"snr_db", l.snr_db}, {"saturated", l.saturated},
                             {"used", l.used}};
    if (!l.range_method.empty()) e["ranges"] = l.range_method;
    if (!l.file.empty()) e["file"] = l.file, e["line"] = l.line;
    out.push_back(std::move(e));
  }
  return out;
}

void print_damage(const std::vector<QuantizedLayer>& layers) {
  std::vector<const QuantizedLayer*> sorted;
  for (const QuantizedLayer& l : layers) sorted.push_back(&l);
  std::ranges::stable_sort(sorted, {}, &QuantizedLayer::snr_db);
  fmt::print("  {:>9} {:>6} {:>5} {:<4} {:<10}  layer\n", "SNR dB", "clip %", "use %", "type", "range");
  for (const QuantizedLayer* l : sorted)
    fmt::print("  {:>9.1f} {:>6.2f} {:>5.0f} {:<4} {:<10}  {} {}{}\n", l->snr_db, 100 * l->saturated, 100 * l->used, l->type,
               l->range_method, l->module.empty() ? "(top)" : l->module, l->op,
               l->file.empty() ? "" : fmt::format("  {}:{}", l->file, l->line));
}

nlohmann::ordered_json quantization_json(const QuantizeReport& r) {
  nlohmann::ordered_json j{{"mode", r.mode},
                           {"calibration_samples", r.calibration_samples},
                           {"judging_samples", r.judging_samples},
                           {"judged_on_calibration", r.judged_on_calibration},
                           {"seconds", r.seconds}};
  j["outputs"] = nlohmann::ordered_json::array();
  for (const QuantizedOutput& o : r.outputs) {
    j["outputs"].push_back({{"name", o.name}, {"type", o.type}, {"snr_db", o.snr_db}, {"max_error", o.max_error}});
    if (o.max_steps) j["outputs"].back()["max_steps"] = *o.max_steps;
  }
  if (r.stated_tensors > 0) j["stated_tensors"] = r.stated_tensors, j["derived_tensors"] = r.derived_tensors;
  j["interface"] = r.interface;
  j["layers"] = damage_json(r.layers);
  j["float_layers"] = nlohmann::ordered_json::array();
  for (const FloatException& e : r.exceptions) {
    nlohmann::ordered_json o{{"module", e.module}, {"op", e.op}, {"reason", e.reason}};
    if (!e.file.empty()) o["file"] = e.file, o["line"] = e.line;
    j["float_layers"].push_back(std::move(o));
  }
  j["repairs"] = r.repairs;
  j["warnings"] = r.warnings;
  return j;
}

void print_quantization(const QuantizeReport& r, bool layers) {
  const bool calibrated = r.calibration_samples > 0;
  if (r.stated_tensors > 0)
    fmt::print("  {} tensors with the program's own scales{}; compared with the program as it rounds\n", r.stated_tensors,
               r.derived_tensors ? fmt::format(", {} with scales that follow", r.derived_tensors) : "");
  fmt::print("  {}{} in {}, judged on {}{}\n", styled(r.mode, Style::kBold, stdout),
             calibrated ? fmt::format(" from {} samples", r.calibration_samples) : "", human_seconds(r.seconds),
             r.judging_samples,
             !calibrated               ? " samples"
             : r.judged_on_calibration ? " of them (too few to keep some apart)"
                                       : " others");
  for (const QuantizedOutput& o : r.outputs)
    fmt::print("    {:<24} SNR {:>9}   largest error {:.2g}{}\n", o.name,
               o.snr_db >= 999 ? "equal" : fmt::format("{:.1f} dB", o.snr_db), o.max_error,
               o.max_steps ? fmt::format(" ({:.2f} steps)", *o.max_steps) : "");
  for (const std::string& line : r.interface) fmt::print("  {}\n", line);
  if (r.exceptions.empty() && (r.mode == "int8" || r.mode == "int16x8"))
    fmt::print("  {}\n", styled("integers throughout", Style::kGreen, stdout));
  for (const FloatException& e : r.exceptions)
    fmt::print("  {}: {} {}{}: {}\n", styled("float", Style::kYellow, stdout), e.module.empty() ? "(top)" : e.module, e.op,
               e.file.empty() ? "" : fmt::format("  {}:{}", e.file, e.line), e.reason);
  for (const std::string& s : r.repairs) fmt::print("  repair: {}\n", s);
  for (const std::string& w : r.warnings) fmt::print("  {}: {}\n", styled("warning", Style::kYellow, stdout), w);
  if (layers) print_damage(r.layers);
}

}  // namespace atl::cli
