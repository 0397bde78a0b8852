#include "atoll/convert.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <deque>
#include <filesystem>
#include <future>

#include "api/conversion_proof.h"
#include "api/entry_point.h"
#include "api/metadata.h"
#include "api/open_refusal.h"
#include "api/quantization.h"
#include "api/quantization_as_stated.h"
#include "api/tail_cut.h"
#include "api/target_check.h"
#include "edgetpu/model_cut.h"
#include "ir/text.h"
#include "ops/opaque.h"
#include "ops/variable_operands.h"
#include "pass/pipeline.h"
#include "read/program.h"
#include "support/atomic_file.h"
#include "support/mapped_file.h"
#include "support/sha256.h"
#include "tflite/file_view.h"
#include "tflite/reader.h"
#include "tflite/writer.h"

namespace atl {
namespace {

using Clock = std::chrono::steady_clock;
double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// A file name beside the destination that is removed unless it was renamed into place.
class Draft {
 public:
  explicit Draft(const std::string& destination)
      : destination_(destination), path_(fmt::format("{}.draft-{}", destination, ::getpid())) {}
  ~Draft() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  const std::string& path() const { return path_; }
  /// An error in writing the draft, told of the destination.
  Error renamed(Error e) const {
    if (const size_t at = e.what.find(path_); at != std::string::npos) e.what.replace(at, path_.size(), destination_);
    return e;
  }
  Status put_in_place() {
    // Swapping the names is as atomic as replacing one, and spares ext4 writing the new file out at once.
    if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, destination_.c_str(), RENAME_EXCHANGE) == 0) {
      ::unlink(path_.c_str());
      path_.clear();
      return {};
    }
    std::error_code e;
    std::filesystem::rename(path_, destination_, e);
    if (e) return error(Code::kWrite, fmt::format("cannot write '{}': {}", destination_, e.message()));
    path_.clear();
    return {};
  }

 private:
  std::string destination_, path_;
};

// Whether the output can be written is known before the work, not after it.
Status check_destination(const std::string& source, const std::string& destination) {
  std::error_code e;
  if (std::filesystem::equivalent(source, destination, e))
    return error(Code::kWrite, fmt::format("cannot write '{}': it is the source program", destination),
                 "name another file with -o");
  const auto status = std::filesystem::status(destination, e);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
    return error(Code::kWrite, fmt::format("cannot write '{}': it is not a regular file", destination), "name a file with -o");
  TRY(AtomicFile probe, AtomicFile::create(destination));
  return {};
}

// The observer of the pipeline: dumps, printed graphs and times, as the options ask.
class Tracer {
 public:
  explicit Tracer(const ConvertOptions& options) : options_(options) {}
  void operator()(size_t index, std::string_view pass, const Graph& graph, double seconds, bool changed) {
    if (options_.progress) options_.progress("passes", double(index), double(pipeline().size()));
    if (options_.trace && (options_.print_after == "all" || options_.print_after == pass)) {
      options_.trace(fmt::format("// after {}{}\n{}", pass, changed ? "" : " (unchanged)", print(graph)));
    }
    if (options_.trace && options_.time_passes && index > 0)
      options_.trace(fmt::format("{:8.2f} ms  {}{}\n", seconds * 1e3, pass, changed ? "" : " (unchanged)"));
    if (!options_.dump_dir.empty() && changed && status_) {
      const std::string text = print(graph);
      status_ = write_file(fmt::format("{}/{:02}-{}.txt", options_.dump_dir, index, pass), std::as_bytes(std::span(text)));
    }
  }
  Status take_status() { return std::move(status_); }

 private:
  const ConvertOptions& options_;
  Status status_;
};

PipelineOptions pipeline_options(const ConvertOptions& options, const Target& target) {
  PipelineOptions p;
  p.interface_layout = options.nhwc ? InterfaceLayout::kNhwc : InterfaceLayout::kKeep;
  p.rewrite_limit = options.rewrite_limit;
  p.target = target;
  return p;
}

// Checks what the options for debugging name.
Status prepare_debugging(const ConvertOptions& options) {
  if (!options.dump_dir.empty()) {
    std::error_code e;
    std::filesystem::create_directories(options.dump_dir, e);
    if (e) return error(Code::kWrite, fmt::format("cannot make folder '{}': {}", options.dump_dir, e.message()));
  }
  if (options.print_after.empty() || options.print_after == "all") return {};
  bool known = options.print_after == "import";
  std::string names = "import";
  for (const Pass& p : pipeline()) {
    known |= p.name == options.print_after;
    if (names.find(p.name) == std::string::npos) names += ", " + std::string(p.name);
  }
  if (known) return {};
  return error(Code::kUsage, fmt::format("there is no pass '{}'", options.print_after), "the passes are " + names);
}

/// What is known before any pass runs.
struct Setting {
  ConvertOptions options;
  Target target;
  bool quantized = false;  ///< the program states its quantization itself
};

void report_adaptations(std::vector<Approximation> approximations, std::vector<Adaptation> adaptations, ConvertReport& report) {
  const auto add = [&](auto& a, std::optional<double> error) {
    report.adaptations.push_back(
        {a.origin.module_path, std::move(a.before), std::move(a.after), a.origin.file, a.origin.line, error});
  };
  for (Approximation& a : approximations) add(a, a.largest_error);
  for (Adaptation& a : adaptations) add(a, {});
}

Result<EntryPoint> optimize(const SourceProgram& program, const SignaturePlan& plan, const Setting& setting,
                            ConvertReport& report) {
  const ConvertOptions& options = setting.options;
  Tracer tracer(options);
  PipelineOptions p = pipeline_options(options, setting.target);
  std::vector<Adaptation> adaptations;
  p.adaptations = &adaptations;
  p.verify_each = options.verify_graph;
  p.track_changes = !options.dump_dir.empty() || !options.print_after.empty() || options.time_passes;
  p.observer = [&](size_t i, std::string_view n, const Graph& g, double s, bool c) { tracer(i, n, g, s, c); };
  auto entry = make_entry_point(program, plan, p, options.verify || setting.quantized);
  if (!entry) return explain_open_refusal(std::move(entry.error()), program, plan, p);
  TRY_STATUS(tracer.take_status());
  report_adaptations(std::move(entry->approximations), std::move(adaptations), report);
  return entry;
}

// Operators of the written file, those of subgraphs and those that compute sizes included.
void count_ops(const std::string& file, ConvertReport& report) {
  report.ops.clear();
  report.op_count = 0;
  const auto mapped = MappedFile::open(file);
  if (!mapped) return;
  const auto view = FileView::open((*mapped)->bytes(), *mapped);
  if (!view) return;
  const tflite::Model& model = view->model();
  for (const tflite::SubGraph* g : *model.subgraphs())
    for (size_t i = 0; i < size_of(g->operators()); ++i) {
      const auto* code = model.operator_codes()->Get(g->operators()->Get(flatbuffers::uoffset_t(i))->opcode_index());
      const bool custom = code->builtin_code() == tflite::BuiltinOperator::CUSTOM;
      ++report.ops[custom ? to_text(code->custom_code()) : tflite::EnumNameBuiltinOperator(code->builtin_code())];
      ++report.op_count;
    }
}

Result<Target> target_of(const ConvertOptions& options) {
  Target target{.kind = TargetKind::kLiteRt, .allow_approximate = options.allow_approximate};
  TRY(target.kind, target_from_name(options.target));
  if (target.kind == TargetKind::kLiteRt) return target;
  if (!options.quantize)
    return error(Code::kInput,
                 fmt::format("the target {} takes integers, which need samples to calibrate with", options.target),
                 "name a folder of images or arrays, or a .npz, with --calibrate");
  if (options.quantize->mode != QuantizeMode::kInt8)
    return error(Code::kInput, fmt::format("the target {} takes int8, not {}", options.target, name(options.quantize->mode)),
                 "leave --quantize out, or ask for int8");
  return target;
}

// A program that is quantized already needs no other word for it. The Edge TPU reads channels-last; TensorFlow 2.5, on which
// its tools are built, takes one scale for a fully connected weight.
Result<ConvertOptions> options_for(const ConvertOptions& given, bool quantized) {
  ConvertOptions options = given;
  TRY(const TargetKind kind, target_from_name(options.target));
  if (quantized && !given.quantize && !given.drop_quantization) {
    auto own = std::make_shared<QuantizeOptions>();
    own->litert = given.litert;
    own->threads = given.threads;
    own->progress = given.progress;
    options.quantize = std::move(own);
  }
  if (kind == TargetKind::kLiteRt) return options;
  options.nhwc = true;
  if (!options.quantize) return options;
  auto quantize = std::make_shared<QuantizeOptions>(*options.quantize);
  quantize->per_channel_dense = false;
  options.quantize = std::move(quantize);
  return options;
}

Result<Setting> setting_of(const ConvertOptions& given, const SourceProgram& program) {
  Setting s;
  TRY(s.quantized, states_quantization(program));
  TRY(s.options, options_for(given, s.quantized));
  TRY(s.target, target_of(s.options));
  TRY_STATUS(prepare_debugging(s.options));
  return s;
}

// Types of the graph; permutations of the ports are there already.
void describe(const Graph& graph, ConvertReport& report) {
  const auto ports = [&](const std::vector<Port>& from, std::vector<PortReport>& to) {
    to.resize(from.size() - graph.states().size());
    for (size_t i = 0; i < to.size(); ++i) {
      to[i].name = from[i].name;
      to[i].type = to_string(graph.type(from[i].value));
    }
  };
  ports(graph.inputs(), report.inputs);
  ports(graph.outputs(), report.outputs);
  report.states.clear();
  for (const State& s : graph.states()) report.states.push_back({s.name, to_string(s.initial->type()), {}});
}

std::vector<PortReport> report_ports(const EntryPoint& e, const std::vector<Port>& (Graph::*ports)() const,
                                     const std::vector<Perm>& permutations) {
  const std::vector<Type> types = port_types(e, ports);
  std::vector<PortReport> out;
  for (size_t i = 0; i < types.size(); ++i) out.push_back({(e.graph.*ports)()[i].name, to_string(types[i]), permutations[i]});
  return out;
}

ConvertedSignature report_of(const EntryPoint& e) {
  ConvertedSignature s{
      e.plan.key, report_ports(e, &Graph::inputs, e.layouts.inputs), report_ports(e, &Graph::outputs, e.layouts.outputs), {}};
  for (const DynamicSize& size : e.plan.open)
    s.open_sizes.push_back(fmt::format("axis {} of '{}': {}", size.axis, size.input,
                                       size.max       ? fmt::format("{} to {}", size.min, *size.max)
                                       : size.min > 1 ? fmt::format("at least {}", size.min)
                                                      : "any"));
  return s;
}

// Such a file is written all the same: LiteRT's Python interpreter runs it.
void warn_of_empty_inputs(const Graph& graph, ConvertReport& report) {
  for (const Port& p : graph.inputs()) {
    const Type& type = graph.type(p.value);
    if (std::ranges::find(type.shape, 0) == type.shape.end()) continue;
    report.warnings.push_back(fmt::format(
        "input '{}' ({}) has no elements: LiteRT's C API does not run the file, nor does `atoll run`; export with an "
        "example that has some",
        p.name, to_string(type)));
  }
}

// "input 'x'", "tensor 'conv.weight'"; the results of operators have their origin said behind the message.
std::string describe_value(const Graph& g, uint32_t id) {
  for (const Port& p : g.inputs())
    if (p.value.node == id) return fmt::format("input '{}'", p.name);
  if (g[id].constant) return fmt::format("tensor '{}'", g[id].constant->name());
  return "a result";
}

bool has_variables(const Graph& g) {
  return std::ranges::any_of(g.topological_order(), [&](uint32_t id) {
    const auto* o = g.as<Opaque>({id, 0});
    return o && tflite::BuiltinOperator(o->builtin) == tflite::BuiltinOperator::VAR_HANDLE;
  });
}

// A float model with one graph is what can be quantized.
Status check_quantizable(const Model& model, const std::string& source) {
  if (std::ranges::any_of(model.graphs, has_variables))
    return error(Code::kUnsupportedForm, fmt::format("'{}' keeps values in variables; such a file is not quantized", source),
                 "quantize the program that it was made from (.pt2), whose states become integers");
  if (model.graphs.size() != 1)
    return error(Code::kUnsupportedForm, fmt::format("'{}' has {} graphs; one is quantized", source, model.graphs.size()),
                 "convert each signature into a file of its own");
  const Graph& g = model.graphs[0];
  for (const Port& p : g.inputs())
    if (!is_static(g.type(p.value).shape))
      return error(Code::kUnsupportedForm,
                   fmt::format("input '{}' of '{}' is {}; a model with fixed sizes is quantized", p.name, source,
                               to_string(g.type(p.value))),
                   "convert it with --shape");
  for (uint32_t id : g.topological_order())
    for (const Type& t : g[id].out)
      if (t.quant)
        return error(Code::kInput,
                     fmt::format("'{}' is quantized already: {} is {}", source, describe_value(g, id), to_string(t)),
                     "quantize the float model")
            .at(g.origin(g[id].origin));
  return {};
}

Status check_quantizable(const SourceProgram& program, const std::vector<SignaturePlan>& plans) {
  if (plans.size() > 1)
    return error(Code::kUnsupportedForm, fmt::format("{} signatures are asked for; one is quantized", plans.size()),
                 "give --shape once for each input");
  for (const DynamicSize& s : plans[0].open)
    return error(Code::kUnsupportedForm,
                 fmt::format("axis {} of input '{}' is open; a model with fixed sizes is quantized", s.axis, s.input),
                 "fix the sizes: " + shape_option(program, plans[0]));
  return {};
}

Status write_model(const Model& model, const WriteOptions& write_options, const Draft& draft, const ConvertOptions& options,
                   ConvertReport& report) {
  if (options.progress) options.progress("writing", 0, 1);
  auto written = write_tflite(model, draft.path(), write_options);
  if (!written) return draft.renamed(std::move(written.error()));
  report.bytes = written->bytes;
  report.constant_bytes = written->constant_bytes;
  count_ops(draft.path(), report);
  return {};
}

// The entry point that cannot be written says which of its sizes are to blame.
Error explain_writing(Error e, const SourceProgram& program, const std::deque<EntryPoint>& entries,
                      const PipelineOptions& passes) {
  if (e.code != Code::kSymbolic) return e;
  for (const EntryPoint& entry : entries) {
    Model alone;
    alone.graphs.push_back(entry.graph);
    WriteOptions options;
    options.open_sizes.push_back(entry.open);
    if (auto status = check_writable(alone, options); !status)
      return explain_open_refusal(std::move(status.error()), program, entry.plan, passes);
  }
  return e;
}

// "net.tflite" -> "net_tail.tflite".
std::string tail_path(const std::string& destination) {
  const std::filesystem::path path(destination);
  return (path.parent_path() / (path.stem().string() + "_tail" + path.extension().string())).string();
}

// Of the ports that report has, those that the cut leaves in front.
void keep_ports(const Graph& whole, const TailCut& cut, ConvertReport& report) {
  std::vector<PortReport> inputs, outputs;
  for (const size_t i : cut.head_inputs) inputs.push_back(report.inputs[i]);
  for (const Port& p : cut.head.outputs()) {
    const auto at = std::ranges::find(whole.outputs(), p.name, &Port::name);
    outputs.push_back(at == whole.outputs().end() ? PortReport{} : report.outputs[size_t(at - whole.outputs().begin())]);
  }
  report.inputs = std::move(inputs);
  report.outputs = std::move(outputs);
}

// The Edge TPU's compiler has been seen to take LSTMs whose states are variables that nothing fills. Filled ones would stay on
// the CPU, and what reads them.
Status keep_states(Graph& graph, std::vector<std::string>& warnings) {
  TRY(const size_t changed, keep_states_between_runs(graph));
  if (changed > 0)
    warnings.push_back(
        fmt::format("{} LSTM layers keep their states from one run to the next, as the Edge TPU runs them: reset the variables "
                    "before each sequence (reset_all_variables() of LiteRT's interpreter; `atoll run` does so)",
                    changed));
  return {};
}

// The float model has been written and proven: its graph becomes integers and takes its place. With a cut, what lies behind it
// becomes a float file of its own, whose draft is returned.
Result<std::unique_ptr<Draft>> quantize_written(Model& model, const Draft& draft, const ConvertOptions& options,
                                                const OwnQuantization* own, ConvertReport& report) {
  if (const std::vector<State>& states = model.graphs[0].states(); !options.quantize->cut.empty() && !states.empty())
    return error(Code::kUnsupportedForm,
                 fmt::format("'{}' keeps its value from run to run; such a model is not cut", states[0].name),
                 "make it an input and an output of the model");
  if (own && !options.quantize->cut.empty())
    return error(Code::kUnsupportedForm, "a program that is quantized already is not cut",
                 "leave --cut away, or export the float model");
  std::optional<TailCut> cut;
  if (!options.quantize->cut.empty()) {
    TRY(cut, cut_tail(model.graphs[0], options.quantize->cut));
    keep_ports(model.graphs[0], *cut, report);
    model.graphs[0] = std::move(cut->head);
    model.metadata.emplace_back(edgetpu::kSegmentEntry, edgetpu::segment_entry(0, 2, cut->outputs));
  }
  std::vector<Perm> permutations;
  for (const PortReport& p : report.inputs) permutations.push_back(p.permutation);
  TRY(QuantizedModel quantized, own ? quantize_as_stated(*own, permutations, *options.quantize)
                                    : quantize_model(model.graphs[0], permutations, *options.quantize));
  model.graphs[0] = std::move(quantized.graph);
  if (!quantized.output_sources.empty()) {
    std::vector<PortReport> outputs;
    for (const size_t i : quantized.output_sources) outputs.push_back(report.outputs[i]);
    report.outputs = std::move(outputs);
  }
  TRY(const TargetKind target, target_from_name(options.target));
  if (target == TargetKind::kCoral) TRY_STATUS(keep_states(model.graphs[0], report.warnings));
  TRY_STATUS(check_target(model.graphs[0], target, report.warnings));
  report.quantization = std::move(quantized.report);
  WriteOptions write_options;
  write_options.threads = options.threads;
  std::unique_ptr<Draft> tail_draft;
  if (cut) {
    Model tail;
    TRY(Graph graph, take_integers(cut->tail, model.graphs[0]));
    tail.graphs.push_back(std::move(graph));
    tail.signatures.push_back({model.signatures.empty() ? "serving_default" : model.signatures[0].key, 0});
    tail.description = model.description;
    tail.metadata.emplace_back(edgetpu::kSegmentEntry, edgetpu::segment_entry(1, 2, cut->outputs));
    tail_draft = std::make_unique<Draft>(report.tail);
    ConvertReport of_tail;
    TRY_STATUS(write_model(tail, write_options, *tail_draft, options, of_tail));
    report.tail_ops = std::move(of_tail.ops);
    report.tail_bytes = of_tail.bytes;
  }
  describe(model.graphs[0], report);
  TRY_STATUS(write_model(model, write_options, draft, options, report));
  if (target == TargetKind::kCoral) TRY_STATUS(check_compilable(draft.path()));
  report.signatures = {{model.signatures.empty() ? std::string() : model.signatures[0].key, report.inputs, report.outputs, {}}};
  return tail_draft;
}

// Where the tail goes, if there is one.
Status check_tail(const std::string& source, const ConvertOptions& options, ConvertReport& report) {
  if (!options.quantize || options.quantize->cut.empty()) return {};
  report.tail = tail_path(report.destination);
  return check_destination(source, report.tail);
}

// A file of another converter may state what one operator does in several. Its inputs and outputs stay as they are.
Status simplify(Graph& graph, const ConvertOptions& options, ConvertReport& report) {
  TRY(const Target target, target_of(options));
  TRY(auto approximations, approximate(graph, target));
  std::vector<Adaptation> adaptations;
  TRY_STATUS(run_pipeline(graph, {.target = target, .adaptations = &adaptations}));
  report_adaptations(std::move(approximations), std::move(adaptations), report);
  return {};
}

}  // namespace

Result<ConvertReport> convert(const std::string& source, const std::string& destination, const ConvertOptions& given) {
  const auto start = Clock::now();
  ConvertReport report;
  report.source = source;
  report.destination = destination;
  TRY_STATUS(check_destination(source, destination));
  TRY_STATUS(check_tail(source, given, report));
  TRY(const auto file, MappedFile::open(source));
  report.source_bytes = file->bytes().size();
  auto digest = std::async(std::launch::async, [file] { return sha256(file->bytes()); });
  TRY(const SourceProgram program, read_program(file));
  TRY(const Setting setting, setting_of(given, program));
  const ConvertOptions& options = setting.options;
  TRY(const std::vector<SignaturePlan> plans, plan_signatures(program, options.shapes));

  Model model;
  if (options.quantize || setting.quantized) TRY_STATUS(check_quantizable(program, plans));
  WriteOptions write_options;
  write_options.threads = options.threads;
  std::deque<EntryPoint> entries;
  std::optional<OwnQuantization> own;
  for (const SignaturePlan& plan : plans) {
    TRY(EntryPoint entry, optimize(program, plan, setting, report));
    if (setting.quantized) {
      TRY(own, take_quantization(entry.graph, entry.imported.graph));
    }
    entries.push_back(std::move(entry));
    const EntryPoint& e = entries.back();
    report.signatures.push_back(report_of(e));
    model.signatures.push_back({e.plan.key, model.graphs.size()});
    model.graphs.push_back(e.graph);
    if (plans.size() > 1) model.graphs.back().name = e.plan.key;
    write_options.open_sizes.push_back(e.open);
  }
  report.inputs = report.signatures[0].inputs;
  report.outputs = report.signatures[0].outputs;
  for (const State& s : model.graphs[0].states()) report.states.push_back({s.name, to_string(s.initial->type()), {}});
  warn_of_empty_inputs(model.graphs[0], report);

  model.description = "Converted by Atoll " ATOLL_VERSION;
  // Filled in when the digest and the proof are there; both take their time beside or after the writing.
  model.metadata.emplace_back(kMetadataName, metadata_text({}, report));
  Draft draft(destination);
  const PipelineOptions passes = pipeline_options(options, setting.target);
  if (auto status = write_model(model, write_options, draft, options, report); !status)
    return explain_writing(std::move(status.error()), program, entries, passes);
  if (options.verify) {
    TRY_STATUS(prove_file(program, entries, draft.path(), passes, options, report));
  } else {
    report.proof.reason = "switched off";
  }
  std::unique_ptr<Draft> tail;
  if (options.quantize) {
    TRY(tail, quantize_written(model, draft, options, own ? &*own : nullptr, report));
  }
  TRY(const std::string sha, digest.get());
  TRY_STATUS(replace_metadata(draft.path(), metadata_text(sha, report)));
  if (tail) TRY_STATUS(tail->put_in_place());
  TRY_STATUS(draft.put_in_place());
  report.seconds = since(start);
  return report;
}

Result<ConvertReport> quantize(const std::string& source, const std::string& destination, const QuantizeOptions& options,
                               const ConvertOptions& convert_options) {
  TRY(const auto file, MappedFile::open(source));
  ConvertOptions with = convert_options;
  with.quantize = std::make_shared<const QuantizeOptions>(options);
  const auto head = file->bytes().subspan(0, std::min<size_t>(8, file->bytes().size()));
  const bool tflite = head.size() == 8 && std::memcmp(head.data() + 4, "TFL3", 4) == 0;
  if (!tflite) return convert(source, destination, with);
  if (!with.shapes.empty())
    return error(Code::kUsage, fmt::format("sizes are given for '{}', which is a .tflite file already", source),
                 "give them where the program is converted");
  TRY(with, options_for(with, false));

  const auto start = Clock::now();
  ConvertReport report;
  report.source = source;
  report.destination = destination;
  report.source_bytes = file->bytes().size();
  TRY_STATUS(check_destination(source, destination));
  TRY_STATUS(check_tail(source, with, report));
  TRY(Model model, read_tflite(file));
  TRY_STATUS(check_quantizable(model, source));
  TRY_STATUS(simplify(model.graphs[0], with, report));
  model.description = "Quantized by Atoll " ATOLL_VERSION;
  std::erase_if(model.metadata, [](const auto& entry) { return entry.first == kMetadataName; });
  model.metadata.emplace_back(kMetadataName, metadata_text({}, report));
  Draft draft(destination);
  report.inputs.resize(model.graphs[0].inputs().size());
  report.outputs.resize(model.graphs[0].outputs().size());
  report.proof.reason = "the source is the float model itself";
  TRY(const std::unique_ptr<Draft> tail, quantize_written(model, draft, with, nullptr, report));
  TRY(const std::string sha, sha256(file->bytes()));
  TRY_STATUS(replace_metadata(draft.path(), metadata_text(sha, report)));
  if (tail) TRY_STATUS(tail->put_in_place());
  TRY_STATUS(draft.put_in_place());
  report.seconds = since(start);
  return report;
}

}  // namespace atl
