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

/// A conversion report as text, with `layers` those sorted by damage; or as JSON.
void print_conversion(const ConvertReport& report, bool layers);
nlohmann::ordered_json conversion_json(const ConvertReport& report);

/// How `convert` and `quantize` report.
struct ReportArguments {
  bool json = false, quiet = false, explain = false, layers = false;
};
/// Adds --shape, the sizes of a program's open axes.
void add_shape_option(CLI::App& command, std::vector<std::string>& shapes, const std::string& description);
/// Adds --target and --allow-approximate, and what says how the report is shown.
void add_target_options(CLI::App& command, ConvertOptions& options, ReportArguments& report);
/// Shows what became of a file, for the Edge TPU with its placement. E: place_model()'s.
Status show_conversion(const ConvertReport& report, const ConvertOptions& options, const ReportArguments& how);

}  // namespace atl::cli
