#include "atoll/export_c.h"
#include "command.h"
#include "listing.h"
#include "terminal.h"

namespace atl::cli {
namespace {

struct Arguments {
  std::string file, output;
  ExportCOptions options;
  bool json = false;
};

void print_as_json(const ExportCReport& r) {
  nlohmann::ordered_json j{{"model", r.model}, {"name", r.name}, {"files", r.files}, {"model_bytes", r.model_bytes}};
  j["operators"] = nlohmann::ordered_json::array();
  for (const ExportedOperator& o : r.operators)
    j["operators"].push_back({{"op", o.op}, {"function", o.function}, {"count", o.count}});
  j["arena_bytes"] = r.arena_bytes;
  j["arena"] = {{"activations", r.activation_bytes},
                {"planning", r.planning_bytes},
                {"tensors", r.tensor_bytes},
                {"operators", r.operator_bytes},
                {"interpreter", r.interpreter_bytes}};
  print_json(j);
}

void print_report(const ExportCReport& r) {
  for (const std::string& f : r.files) fmt::print("{}\n", styled(printable(f), Style::kBold, stdout));
  fmt::print("  {} of model in the array '{}'\n", human_bytes(double(r.model_bytes)), r.name);
  fmt::print("  {} of arena: {} of activations, the rest for the interpreter's tables (with 64-bit pointers)\n",
             human_bytes(double(r.arena_bytes)), human_bytes(double(r.activation_bytes)));
  fmt::print("  {} kinds of operators:\n", r.operators.size());
  for (const ExportedOperator& o : r.operators) fmt::print("  {:>7}  {:<28} {}\n", o.count, printable(o.op), o.function);
}

Status run_export_c(const Arguments& a) {
  TRY(const ExportCReport report, export_c(a.file, a.output, a.options));
  if (a.json)
    print_as_json(report);
  else
    print_report(report);
  return {};
}

}  // namespace

void add_export_c(CLI::App& app, Outcome& outcome) {
  auto args = std::make_shared<Arguments>();
  CLI::App* c =
      app.add_subcommand("export-c", "Write a .tflite file as C source for TensorFlow Lite Micro, with the size of its arena");
  c->add_option("FILE", args->file, "a .tflite file, best one of `atoll convert --target tflm`")->required();
  c->add_option("-o,--output", args->output, "the .cc, .cpp or .c file to write, with a .h beside it; or a .h with everything")
      ->required();
  c->add_option("--name", args->options.name, "of the array, and the begin of all other names (default: the output's name)");
  c->add_flag("--json", args->json, "print as JSON");
  c->footer(
      "Examples:\n  atoll export-c face_int8.tflite -o face_model.cc\n"
      "  atoll export-c face_int8.tflite -o face_model.h --name face --json\n");
  c->callback([args, &outcome] { outcome.status = run_export_c(*args); });
}

}  // namespace atl::cli
