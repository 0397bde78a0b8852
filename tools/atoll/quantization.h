// What `quantize` and `convert --quantize` share: options, and how the report is shown.
#pragma once
#include "atoll/quantize.h"
#include "command.h"

namespace atl::cli {

/// Options as they stand on the command line.
struct QuantizeArguments {
  std::string mode, io;
  QuantizeOptions options;
  double min_snr = 0;
  std::string effort = "normal";
};

/// Adds the options; `mode_flag` is what names the mode ("--mode", "--quantize").
void add_quantize_options(CLI::App& command, QuantizeArguments& arguments, const std::string& mode_flag);
/// What they say. E: kUsage.
Result<QuantizeOptions> quantize_options(const QuantizeArguments& arguments);

nlohmann::ordered_json quantization_json(const QuantizeReport& report);
/// Outputs, exceptions, repairs, warnings, and with `layers` the layers sorted by damage.
void print_quantization(const QuantizeReport& report, bool layers);

/// Layers sorted by damage, as a table; as a JSON list in the order of the graph.
void print_damage(const std::vector<QuantizedLayer>& layers);
nlohmann::ordered_json damage_json(const std::vector<QuantizedLayer>& layers);

/// What was rewritten for a target.
void print_adaptations(const std::vector<AdaptedLayer>& layers);

/// A conversion report as text, or as JSON.
void print_conversion(const ConvertReport& report);
nlohmann::ordered_json conversion_json(const ConvertReport& report);

}  // namespace atl::cli
