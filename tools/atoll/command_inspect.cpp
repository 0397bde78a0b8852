#include "atoll/inspect.h"
#include "command.h"
#include "listing.h"
#include "terminal.h"

namespace atl::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Arguments {
  std::string file;
  InspectOptions options;
  bool json = false;
};

Json json_of_layers(const std::vector<ExecutableReport::Layer>& layers) {
  Json j = Json::array();
  for (const auto& l : layers)
    j.push_back({{"name", l.name},
                 {"data_type", l.data_type},
                 {"y", l.y},
                 {"x", l.x},
                 {"z", l.z},
                 {"scale", l.scale},
                 {"zero_point", l.zero_point}});
  return j;
}

Json json_of_package(const PackageReport& p) {
  Json j{{"op", p.op},
         {"compiler", p.compiler},
         {"compiler_release", p.compiler_release},
         {"chip", p.chip},
         {"min_runtime_version", p.min_runtime_version},
         {"bytes", p.bytes},
         {"cached_bytes", p.cached_bytes},
         {"streamed_bytes", p.streamed_bytes},
         {"scratch_bytes", p.scratch_bytes},
         {"instruction_bytes", p.instruction_bytes},
         {"executables", Json::array()}};
  for (const ExecutableReport& e : p.executables)
    j["executables"].push_back({{"kind", e.kind},
                                {"parameter_bytes", e.parameter_bytes},
                                {"instruction_bytes", e.instruction_bytes},
                                {"scratch_bytes", e.scratch_bytes},
                                {"narrow_bytes_per_tile", e.narrow_bytes_per_tile},
                                {"input_bytes", e.input_bytes},
                                {"output_bytes", e.output_bytes},
                                {"caching_token", e.caching_token},
                                {"inputs", json_of_layers(e.inputs)},
                                {"outputs", json_of_layers(e.outputs)}});
  return j;
}

Json json_of_tflite(const TfliteReport& t) {
  Json j{{"schema_version", t.schema_version}, {"description", t.description}, {"constant_bytes", t.constant_bytes}};
  j["subgraphs"] = Json::array();
  for (const auto& s : t.subgraphs)
    j["subgraphs"].push_back({{"name", s.name}, {"operators", s.operators}, {"tensors", s.tensors}});
  j["metadata"] = Json::array();
  for (const auto& [name, bytes] : t.metadata) j["metadata"].push_back({{"name", name}, {"bytes", bytes}});
  for (const PackageReport& p : t.packages) j["edgetpu"].push_back(json_of_package(p));
  if (!t.atoll) return j;
  j["atoll"] = {{"version", t.atoll->version}, {"source_sha256", t.atoll->source_sha256}, {"proof", t.atoll->proof}};
  if (t.atoll->proof_inputs > 0) j["atoll"]["proof_inputs"] = t.atoll->proof_inputs;
  if (t.atoll->proof_min_snr_db) j["atoll"]["proof_min_snr_db"] = *t.atoll->proof_min_snr_db;
  return j;
}

Json json_of_program(const ProgramReport& p) {
  Json j{{"torch_version", p.torch_version},         {"model", p.model_name},     {"parameters", p.parameters},
         {"parameter_tensors", p.parameter_tensors}, {"buffers", p.buffers},      {"constants", p.constants},
         {"stored_bytes", p.stored_bytes},           {"has_sample", p.has_sample}};
  if (!p.states.empty()) j["states"] = p.states;
  if (!p.mutations.empty()) j["mutations"] = p.mutations;
  return j;
}

void add_lists(const InspectReport& r, const Arguments& a, Json& j) {
  if (a.options.operators) {
    j["operators"] = Json::array();
    for (const OperatorReport& o : r.operators) {
      Json op{{"subgraph", o.subgraph}, {"index", o.index}, {"name", o.name}};
      if (o.version > 0) op["version"] = o.version;
      op["origin"] = o.origin;
      op["inputs"] = o.inputs;
      op["outputs"] = json_of(o.outputs);
      j["operators"].push_back(std::move(op));
    }
  }
  if (a.options.tensors) {
    j["tensors"] = Json::array();
    for (const TensorReport& t : r.tensors)
      j["tensors"].push_back(
          {{"subgraph", t.subgraph}, {"name", t.name}, {"type", t.type}, {"role", t.role}, {"bytes", t.bytes}});
  }
  if (a.options.graph) j["graph"] = r.graph;
}

void print_as_json(const InspectReport& r, const Arguments& a) {
  Json j{{"file", r.path}, {"kind", r.kind}, {"summary", r.summary}, {"bytes", r.bytes}};
  if (!r.hint.empty()) j["hint"] = r.hint;
  if (r.tflite) j["tflite"] = json_of_tflite(*r.tflite);
  if (r.program) j["program"] = json_of_program(*r.program);
  if (!r.arrays.empty()) {
    j["arrays"] = Json::array();
    for (const ArrayReport& x : r.arrays) j["arrays"].push_back({{"name", x.name}, {"type", x.type}, {"bytes", x.bytes}});
  }
  if (!r.signatures.empty()) {
    j["signatures"] = Json::array();
    for (const SignatureReport& s : r.signatures)
      j["signatures"].push_back(
          {{"key", s.key}, {"subgraph", s.subgraph}, {"inputs", json_of(s.inputs)}, {"outputs", json_of(s.outputs)}});
    j["operator_count"] = r.operator_count;
    j["operator_counts"] = Json::array();
    for (const OperatorCount& c : r.operator_counts) {
      Json op{{"name", c.name}, {"count", c.count}};
      if (c.version > 0) op["version"] = c.version;
      if (c.custom) op["custom"] = true;
      if (r.program) op["supported"] = c.supported;
      j["operator_counts"].push_back(std::move(op));
    }
  }
  add_lists(r, a, j);
  print_json(j);
}

void print_layers(std::string_view kind, const std::vector<ExecutableReport::Layer>& layers) {
  for (const auto& l : layers)
    fmt::print("      {:<7} {:<32} {} {}x{}x{}, scale {}, zero point {}\n", kind, printable(l.name), l.data_type, l.y, l.x, l.z,
               number_text(l.scale), l.zero_point);
}

void print_package(const PackageReport& p) {
  fmt::print("  for the Edge TPU (operator {}): {}, compiler {} ({}), runtime {} or newer, chip {}\n", p.op,
             human_bytes(double(p.bytes)), printable(p.compiler_release), printable(p.compiler), p.min_runtime_version,
             printable(p.chip));
  fmt::print("    parameters {} cached on the chip, {} sent with each inference; instructions {}, scratch {}\n",
             human_bytes(double(p.cached_bytes)), human_bytes(double(p.streamed_bytes)),
             human_bytes(double(p.instruction_bytes)), human_bytes(double(p.scratch_bytes)));
  for (const ExecutableReport& e : p.executables) {
    fmt::print("    {:<18} instructions {}, parameters {}, in {}, out {}, token {}\n", e.kind,
               human_bytes(double(e.instruction_bytes)), human_bytes(double(e.parameter_bytes)),
               human_bytes(double(e.input_bytes)), human_bytes(double(e.output_bytes)), e.caching_token);
    print_layers("input", e.inputs);
    print_layers("output", e.outputs);
  }
}

void print_tflite(const TfliteReport& t) {
  if (t.atoll) {
    std::string proof = t.atoll->proof;
    if (t.atoll->proof_inputs > 0)
      proof += fmt::format(" on {} set{} of inputs", t.atoll->proof_inputs, t.atoll->proof_inputs == 1 ? "" : "s");
    if (t.atoll->proof_min_snr_db)
      proof += *t.atoll->proof_min_snr_db >= 999 ? ", equal" : fmt::format(", at least {} dB", *t.atoll->proof_min_snr_db);
    fmt::print("  written by Atoll {}, proof: {}\n", printable(t.atoll->version), printable(proof));
    fmt::print("  source  sha256 {}\n", printable(t.atoll->source_sha256));
  } else if (!t.description.empty()) {
    fmt::print("  {}\n", printable(t.description));
  }
  fmt::print("  weights {}\n", human_bytes(double(t.constant_bytes)));
  if (t.subgraphs.size() > 1)
    for (size_t i = 0; i < t.subgraphs.size(); ++i)
      fmt::print("  subgraph {} {:<20} {} operators, {} tensors\n", i, printable(t.subgraphs[i].name), t.subgraphs[i].operators,
                 t.subgraphs[i].tensors);
  for (const PackageReport& p : t.packages) print_package(p);
  for (const auto& [name, bytes] : t.metadata)
    if (name != "atoll" || !t.atoll) fmt::print("  metadata {:<22} {}\n", printable(name), human_bytes(double(bytes)));
}

void print_program(const ProgramReport& p) {
  fmt::print("  written by torch {}\n", p.torch_version.empty() ? "2.4 or earlier" : printable(p.torch_version));
  fmt::print("  {} parameters in {} tensors, {} buffers, {} constants: {}\n", p.parameters, p.parameter_tensors, p.buffers,
             p.constants, human_bytes(double(p.stored_bytes)));
  if (!p.has_sample)
    fmt::print("  no example inputs are stored{}\n", p.sample_problem.empty() ? "" : ": " + printable(p.sample_problem));
  for (const std::string& s : p.states) fmt::print("  state   {}\n", printable(s));
  for (const std::string& m : p.mutations)
    fmt::print("  {}: it changes '{}' in place, which cannot be converted\n", styled("warning", Style::kYellow, stdout),
               printable(m));
}

void print_counts(const InspectReport& r) {
  fmt::print("  {} operator{}\n", r.operator_count, r.operator_count == 1 ? "" : "s");
  for (const OperatorCount& c : r.operator_counts) {
    const std::string version = c.version > 0 ? fmt::format("v{}", c.version) : "";
    const std::string remark = c.custom       ? styled("custom", Style::kYellow, stdout)
                               : !c.supported ? styled("not supported by Atoll", Style::kRed, stdout)
                                              : "";
    std::string line = fmt::format("    {:>5}  {:<44} {:<4} {}", c.count, printable(c.name), version, remark);
    line.erase(line.find_last_not_of(' ') + 1);
    fmt::print("{}\n", line);
  }
}

void print_lists(const InspectReport& r, const Arguments& a) {
  if (a.options.operators) {
    fmt::print("\n");
    for (const OperatorReport& o : r.operators) {
      std::string results;
      for (const PortReport& p : o.outputs) results += (results.empty() ? "" : ", ") + p.type;
      fmt::print(
          "{:>6}  {:<26} {:<26} {}\n",
          r.tflite && r.tflite->subgraphs.size() > 1 ? fmt::format("{}.{}", o.subgraph, o.index) : std::to_string(o.index),
          printable(o.version > 1 ? fmt::format("{} v{}", o.name, o.version) : o.name), printable(results),
          printable(o.origin));
    }
  }
  if (a.options.tensors) {
    fmt::print("\n");
    for (const TensorReport& t : r.tensors)
      fmt::print("{:<10} {:<26} {:>10}  {}\n", t.role, printable(t.type), t.bytes > 0 ? human_bytes(double(t.bytes)) : "",
                 printable(t.name));
  }
  if (a.options.graph) fmt::print("\n{}", r.graph);
}

void print_report(const InspectReport& r, const Arguments& a) {
  fmt::print("{}: {}, {}\n", styled(r.path, Style::kBold, stdout), r.summary, human_bytes(double(r.bytes)));
  if (r.tflite) print_tflite(*r.tflite);
  if (r.program) print_program(*r.program);
  for (const ArrayReport& x : r.arrays)
    fmt::print("  {:<24} {:<24} {}\n", x.name.empty() ? "array" : printable(x.name), x.type, human_bytes(double(x.bytes)));
  for (const SignatureReport& s : r.signatures) {
    if (r.tflite && s.key.empty()) fmt::print("  no signature\n");
    if (!s.key.empty())
      fmt::print("  signature '{}'{}\n", printable(s.key), s.subgraph > 0 ? fmt::format(" (subgraph {})", s.subgraph) : "");
    print_ports("input", s.inputs);
    print_ports("output", s.outputs);
  }
  if (!r.signatures.empty()) print_counts(r);
  print_lists(r, a);
  if (!r.hint.empty()) fmt::print("  hint: {}\n", r.hint);
}

Status run_inspect(const Arguments& a) {
  TRY(const InspectReport report, inspect(a.file, a.options));
  if (a.json)
    print_as_json(report, a);
  else
    print_report(report, a);
  return {};
}

}  // namespace

void add_inspect(CLI::App& app, Outcome& outcome) {
  auto args = std::make_shared<Arguments>();
  CLI::App* c = app.add_subcommand("inspect", "Show what is in a file: .tflite, .pt2, .npy, .npz, an image, or anything else");
  c->add_option("FILE", args->file, "the file to look into")->required();
  c->add_flag("--ops", args->options.operators, "list every operator");
  c->add_flag("--tensors", args->options.tensors, "list every tensor (of a .pt2: its parameters)");
  c->add_flag("--graph", args->options.graph, "print the graph in its text form");
  c->add_flag("--json", args->json, "print as JSON");
  c->footer("Examples:\n  atoll inspect face.tflite\n  atoll inspect face.pt2 --ops\n  atoll inspect face.tflite --json\n");
  c->callback([args, &outcome] { outcome.status = run_inspect(*args); });
}

}  // namespace atl::cli
