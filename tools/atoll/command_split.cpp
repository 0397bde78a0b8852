#include "atoll/split.h"
#include "command.h"
#include "listing.h"
#include "terminal.h"

namespace atl::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Arguments {
  std::string file;
  SplitOptions options;
  bool no_verify = false, json = false;
};

Json json_of(const SplitReport& r) {
  Json j{{"model", r.model}, {"quantized", r.quantized}};
  if (r.quantized) j["usb3_ms"] = r.usb3_ms;
  j["proven"] = r.proven;
  if (!r.not_proven.empty()) j["not_proven"] = r.not_proven;
  j["segments"] = Json::array();
  for (const SplitSegment& s : r.segments) {
    Json segment{{"file", s.file}, {"first", s.first}, {"last", s.last}};
    if (r.quantized) {
      segment["mapped"] = s.mapped;
      segment["parameter_bytes"] = s.parameter_bytes;
      segment["on_chip_bytes"] = s.on_chip_bytes;
      segment["streamed_bytes"] = s.streamed_bytes;
      segment["usb3_ms"] = s.usb3_ms;
    }
    segment["inputs"] = s.inputs;
    segment["outputs"] = s.outputs;
    j["segments"].push_back(std::move(segment));
  }
  return j;
}

// Other converters put several names into one, the first of which is the layer's.
std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& n : names) out += (out.empty() ? "" : ", ") + printable(n.substr(0, n.find(';')));
  return out;
}

void print_report(const SplitReport& r) {
  fmt::print("{}: {} segments\n", styled(printable(r.model), Style::kBold, stdout), r.segments.size());
  for (const SplitSegment& s : r.segments) {
    fmt::print("  {}\n", printable(s.file));
    if (r.quantized)
      fmt::print("    operators {} to {}, {} on the Edge TPU; parameters {} on the chip, {} sent; {:.1f} ms over USB 3\n",
                 s.first, s.last - 1, s.mapped, human_bytes(double(s.on_chip_bytes)), human_bytes(double(s.streamed_bytes)),
                 s.usb3_ms);
    else
      fmt::print("    operators {} to {}\n", s.first, s.last - 1);
    fmt::print("    {} -> {}\n", joined(s.inputs), joined(s.outputs));
  }
  if (r.quantized)
    fmt::print("  predicted for the whole on one Edge TPU: {:.1f} ms over USB 3\n", r.usb3_ms);
  else
    fmt::print("  not quantized: nothing of it runs on an Edge TPU\n");
  if (r.proven > 0)
    fmt::print("  proven: the same bits as the whole on {} sets of inputs\n", r.proven);
  else
    fmt::print("  {}: not proven: {}\n", styled("warning", Style::kYellow, stdout), r.not_proven);
}

Status run_split(Arguments a, Outcome&) {
  a.options.verify = !a.no_verify;
  TRY(const SplitReport report, split_model(a.file, a.options));
  if (a.json)
    print_json(json_of(report));
  else
    print_report(report);
  return {};
}

}  // namespace

void add_split(CLI::App& app, Outcome& outcome) {
  auto args = std::make_shared<Arguments>();
  SplitOptions& o = args->options;
  CLI::App* c = app.add_subcommand("split", "Cut a .tflite file into segments for a pipeline of Edge TPUs");
  c->add_option("FILE", args->file, "a .tflite file, before edgetpu_compiler")->required();
  auto* segments = c->add_option("-n,--segments", o.segments, "how many")->check(CLI::Range(1, 1024))->capture_default_str();
  c->add_option("--at", o.at, "cut behind these tensors (names) instead of where segments take equally long")
      ->delimiter(',')
      ->excludes(segments);
  c->add_option("-o,--output", o.folder, "folder for FILE_segment_I_of_N.tflite (default: beside FILE)");
  c->add_option("--compiler", o.compiler, "whose rules the prediction follows: 2.0, 2.1, 15 or 16")->capture_default_str();
  c->add_flag("--no-verify", args->no_verify, "do not compare the segments with the whole");
  c->add_option("--litert", o.litert, "libLiteRt.so or its folder (also ATOLL_LITERT)");
  c->add_flag("--json", args->json, "print as JSON");
  c->footer(
      "Examples:\n  atoll split resnet50_int8.tflite --segments 3\n"
      "  atoll run --pipeline resnet50_int8_segment_*_of_3.tflite --each -i x=photos.npy -o out.npz\n"
      "  atoll split net.tflite --at backbone.layer3,backbone.layer4 -o parts\n");
  c->callback([args, &outcome] { outcome.status = run_split(*args, outcome); });
}

}  // namespace atl::cli
