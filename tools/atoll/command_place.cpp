#include <charconv>

#include "atoll/place.h"
#include "command.h"
#include "listing.h"
#include "placement.h"
#include "terminal.h"

namespace atl::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Arguments {
  std::string file, require;
  PlaceOptions options;
  bool all = false, json = false;
};

// "95%" or "95" or "0.95" as a share.
Result<double> share_of(const std::string& text) {
  double v = 0;
  const char* end = text.data() + text.size();
  const auto [stop, e] = std::from_chars(text.data(), end, v);
  const bool percent = stop != end && *stop == '%' && stop + 1 == end;
  if (e != std::errc() || (stop != end && !percent) || v < 0 || v > 100)
    return error(Code::kUsage, fmt::format("--require: '{}' is no share", text), "for example --require 95%");
  return percent || v > 1 ? v / 100 : v;
}

Json json_of(const PlaceReport& r) {
  Json j{{"model", r.model}, {"compiler", r.compiler}};
  j["mapped"] = r.mapped;
  j["total"] = r.total;
  j["ops"] = Json::array();
  for (const PlacedOp& o : r.ops) {
    Json op{{"index", o.index}, {"op", o.op}, {"edgetpu", o.edgetpu}, {"status", o.status}, {"reason", o.reason}};
    if (!o.change.empty()) op["change"] = o.change;
    op["layer"] = o.layer;
    op["outputs"] = o.outputs;
    op["macs"] = o.macs;
    op["parameter_bytes"] = o.parameter_bytes;
    if (o.dead) op["dead"] = true;
    j["ops"].push_back(std::move(op));
  }
  j["macs"] = r.macs;
  j["mapped_macs"] = r.mapped_macs;
  j["weight_bytes"] = r.weight_bytes;
  j["mapped_weight_bytes"] = r.mapped_weight_bytes;
  j["parameter_bytes"] = r.parameter_bytes;
  j["on_chip_bytes"] = r.on_chip_bytes;
  j["streamed_bytes"] = r.streamed_bytes;
  j["activation_bytes_per_tile"] = r.activation_bytes_per_tile;
  j["instruction_bytes"] = r.instruction_bytes;
  j["input_bytes"] = r.input_bytes;
  j["output_bytes"] = r.output_bytes;
  j["latency_ms"] = latency_json(r);
  if (r.first_blocker) j["first_blocker"] = *r.first_blocker;
  j["warnings"] = r.warnings;
  if (r.comparison) {
    j["against"] = {
        {"file", r.comparison->file}, {"parameter_bytes", r.comparison->parameter_bytes}, {"differences", Json::array()}};
    for (const PlacementDifference& d : r.comparison->differences)
      j["against"]["differences"].push_back(
          {{"index", d.index}, {"op", d.op}, {"predicted", d.predicted}, {"compiled", d.compiled}});
  }
  return j;
}

std::string percent(uint64_t part, uint64_t whole) {
  return whole == 0 ? "0 %" : fmt::format("{:.4g} %", 100 * double(part) / double(whole));
}

void print_op(const PlacedOp& o) {
  fmt::print("  {:>5}  {:<24} {}\n", o.index, printable(o.op), printable(o.layer));
  if (o.edgetpu) return;
  fmt::print("         {}\n", styled(o.status, Style::kYellow, stdout));
  fmt::print("         {}\n", printable(o.reason));
  if (!o.change.empty()) fmt::print("         hint: {}\n", printable(o.change));
}

void print_blocked(const PlaceReport& r) {
  const auto is_shown = [&](const PlacedOp& o) {
    return !o.edgetpu && !o.dead && o.status != "More than one subgraph is not supported";
  };
  size_t waiting = 0;
  bool any = false;
  if (r.first_blocker) {
    fmt::print("\nthe first operator that stays on the CPU:\n");
    print_op(r.ops[*r.first_blocker]);
  }
  for (const PlacedOp& o : r.ops) {
    if (o.edgetpu || o.dead || (r.first_blocker && o.index == *r.first_blocker)) continue;
    if (!is_shown(o)) {
      ++waiting;
      continue;
    }
    if (!any) fmt::print("\n{}on the CPU:\n", r.first_blocker ? "also " : "");
    any = true;
    print_op(o);
  }
  if (waiting > 0)
    fmt::print("\n{} further operator{} could run on the Edge TPU, but wait{} for one on the CPU\n", waiting,
               waiting == 1 ? "" : "s", waiting == 1 ? "s" : "");
}

void print_report(const PlaceReport& r, bool all) {
  fmt::print("{}: {} of {} operators on the Edge TPU (compiler {})\n", styled(printable(r.model), Style::kBold, stdout),
             r.mapped, r.total, r.compiler);
  fmt::print("  {} of multiplications, {} of weights\n", percent(r.mapped_macs, r.macs),
             percent(r.mapped_weight_bytes, r.weight_bytes));
  fmt::print("  parameters {} in the package, {} on the chip, {} sent with each inference\n",
             human_bytes(double(r.parameter_bytes)), human_bytes(double(r.on_chip_bytes)),
             human_bytes(double(r.streamed_bytes)));
  fmt::print("  activations {} in each of 16 tiles; about {} of instructions; {} in, {} out\n",
             human_bytes(double(r.activation_bytes_per_tile)), human_bytes(double(r.instruction_bytes)),
             human_bytes(double(r.input_bytes)), human_bytes(double(r.output_bytes)));
  if (r.mapped > 0)
    fmt::print(
        "  predicted for that part: {:.2f} ms over USB 3, {:.2f} ms over USB 2 (+-{:.0f} %), {:.2f} ms over PCIe (+-{:.0f} "
        "%)\n",
        r.usb3_ms, r.usb2_ms, 100 * r.latency_error, r.pcie_ms, 100 * r.pcie_error);
  for (const std::string& w : r.warnings) fmt::print("  {}: {}\n", styled("warning", Style::kYellow, stdout), w);
  if (all) {
    fmt::print("\n");
    for (const PlacedOp& o : r.ops)
      fmt::print("  {:>5}  {:<24} {:<9} {}\n", o.index, printable(o.op), o.edgetpu ? "Edge TPU" : "CPU", printable(o.layer));
  }
  print_blocked(r);
  if (!r.comparison) return;
  fmt::print("\nagainst {}: {} difference{}; {} of parameters there\n", printable(r.comparison->file),
             r.comparison->differences.size(), r.comparison->differences.size() == 1 ? "" : "s",
             human_bytes(double(r.comparison->parameter_bytes)));
  for (const PlacementDifference& d : r.comparison->differences)
    fmt::print("  {:>5}  {:<24} predicted {}, compiled for {}\n", d.index, printable(d.op), d.predicted ? "Edge TPU" : "CPU",
               d.compiled ? "Edge TPU" : "CPU");
}

Status run_place(const Arguments& a, Outcome& outcome) {
  double required = 0;
  if (!a.require.empty()) {
    TRY(required, share_of(a.require));
  }
  TRY(const PlaceReport report, place_model(a.file, a.options));
  if (a.json)
    print_json(json_of(report));
  else
    print_report(report, a.all);
  if (report.share() < required) {
    if (!a.json)
      fmt::print(stderr, "{} of the operators run on the Edge TPU, {} are required\n", percent(report.mapped, report.total),
                 a.require);
    outcome.exit_code = kUserError;
  }
  return {};
}

}  // namespace

void add_place(CLI::App& app, Outcome& outcome) {
  auto args = std::make_shared<Arguments>();
  CLI::App* c =
      app.add_subcommand("place", "Show what of a quantized .tflite file runs on the Edge TPU, and why the rest does not");
  c->add_option("FILE", args->file, "a quantized .tflite file, before edgetpu_compiler")->required();
  c->add_option("--compiler", args->options.compiler,
                "whose rules: 2.0, 2.1, 15 or 16 (default: 16; with --against, of the compiler that made that file)");
  c->add_option("--against", args->options.against, "compare with what Google's compiler made of the file");
  c->add_option("--require", args->require, "share of operators that must run on the Edge TPU (95%); else exit 1");
  c->add_flag("--ops", args->all, "list every operator");
  c->add_flag("--json", args->json, "print as JSON");
  c->footer(
      "Examples:\n  atoll place face_int8.tflite\n  atoll place face_int8.tflite --require 95%\n"
      "  atoll place face_int8.tflite --against face_int8_edgetpu.tflite --json\n");
  c->callback([args, &outcome] { outcome.status = run_place(*args, outcome); });
}

}  // namespace atl::cli
