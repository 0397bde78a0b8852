#include "atoll/compile.h"

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "edgetpu/compiler.h"
#include "edgetpu/failure_search.h"
#include "edgetpu/model_cut.h"
#include "edgetpu/source_model.h"
#include "support/atomic_file.h"
#include "support/mapped_file.h"

namespace atl {
namespace {

namespace fs = std::filesystem;
using edgetpu::CompilerLog;
using edgetpu::CompilerRun;

constexpr std::string_view kMapped = "Mapped to Edge TPU";
constexpr int kMinRuntime = 10, kMaxRuntime = 14;

Status check(const CompileOptions& o) {
  if (o.min_runtime != 0 && (o.min_runtime < kMinRuntime || o.min_runtime > kMaxRuntime))
    return error(Code::kUsage, fmt::format("--min-runtime cannot be {}", o.min_runtime), "10 to 14");
  if (o.segments > 1 && o.multiple_subgraphs)
    return error(Code::kUsage, "--segments and --multiple-subgraphs cannot be used together", "leave one out");
  return {};
}

edgetpu::CompilerOptions compiler_options(const CompileOptions& o) {
  edgetpu::CompilerOptions c;
  c.limit = std::chrono::seconds(o.timeout_seconds);
  c.attempts = o.attempts;
  c.min_runtime = o.min_runtime;
  c.segments = o.segments;
  c.search_step = o.search_step;
  c.multiple_subgraphs = o.multiple_subgraphs;
  c.intermediate_tensors = o.intermediate_tensors;
  c.cancelled = o.cancelled;
  return c;
}

std::string hint_for(const CompilerLog& log, const std::string& failure) {
  switch (log.failure) {
    case CompilerLog::Failure::kActivations:
      return "make the input smaller, or reduce it earlier in the model; atoll place says how much memory activations take";
    case CompilerLog::Failure::kModel:
      return "atoll place names the tensors that the compiler does not take";
    case CompilerLog::Failure::kInternal:
      return "--search-delegate 10 leaves operators off at the end until it compiles; change the part that fails, or its size";
    default:
      return failure.find("did not end") != failure.npos ? "give it more time: --timeout 600"
                                                         : "try again, or another version of it";
  }
}

// ---------------------------------------------------------------- whose status is it

std::string shape_text(const Shape& shape) {
  std::string s;
  for (const int64_t d : shape) s += (s.empty() ? "" : ",") + std::to_string(d);
  return "[" + s + "]";
}

std::string describe(const edgetpu::SourceModel& m, const edgetpu::SourceOp& op, const std::string& layer) {
  std::string inputs;
  for (size_t i = 0; i < op.inputs.size(); ++i)
    if (const auto* t = m.input(op, i); t && t->shape.size() > 1)
      inputs += (inputs.empty() ? "" : " x ") + shape_text(t->shape);
  return fmt::format("{} {} -> {}  {}", op.name, inputs, shape_text(m.output(op).shape), layer);
}

// Gives the operators of one kind that stayed on the CPU to the log's lines about them: first to lines that say what is
// predicted for them, then the others in order.
void distribute(const std::vector<const PlacedOp*>& left, const std::vector<CompiledStatus*>& lines) {
  std::vector<const PlacedOp*> rest;
  const auto take = [](CompiledStatus& line, const PlacedOp& op) {
    line.operators.push_back(op.index);
    line.layers.push_back(op.layer);
  };
  for (const PlacedOp* op : left) {
    const auto line = std::ranges::find_if(
        lines, [&](const CompiledStatus* l) { return l->status == op->status && l->operators.size() < l->count; });
    if (line == lines.end())
      rest.push_back(op);
    else
      take(**line, *op);
  }
  for (CompiledStatus* line : lines) {
    line->certain = lines.size() == 1;
    while (line->operators.size() < line->count && !rest.empty()) {
      take(*line, *rest.front());
      rest.erase(rest.begin());
    }
  }
}

std::vector<CompiledStatus> statuses_of(const edgetpu::CompiledLog& log, const PlaceReport& placed) {
  std::vector<bool> there;  // on the Edge TPU, in fact
  for (const PlacedOp& op : placed.ops) there.push_back(op.edgetpu);
  if (placed.comparison)
    for (const PlacementDifference& d : placed.comparison->differences) there[d.index] = d.compiled;
  std::vector<CompiledStatus> statuses;
  for (const edgetpu::StatusLine& line : log.lines) statuses.push_back({line.op, line.count, line.status, {}, {}, true});
  for (CompiledStatus& s : statuses) {
    if (s.status != kMapped) continue;
    for (const PlacedOp& op : placed.ops) {
      if (op.op != s.op || op.dead || !there[op.index]) continue;
      s.operators.push_back(op.index);
      s.layers.push_back(op.layer);
    }
  }
  for (const CompiledStatus& s : statuses) {
    if (s.status == kMapped) continue;
    std::vector<const PlacedOp*> left;
    std::vector<CompiledStatus*> lines;
    for (const PlacedOp& op : placed.ops)
      if (op.op == s.op && !op.dead && !there[op.index]) left.push_back(&op);
    for (CompiledStatus& l : statuses)
      if (l.op == s.op && l.status != kMapped) lines.push_back(&l);
    if (lines.front() == &s) distribute(left, lines);
  }
  return statuses;
}

// ---------------------------------------------------------------- what fails

// Cuts the model down to the smallest part that fails in the same way.
Result<FailingPart> find_failing_part(const std::shared_ptr<const MappedFile>& file, const std::string& program,
                                      const CompilerRun& whole, const CompileOptions& options, const PlaceReport& prediction) {
  TRY(const FileView view, FileView::open(file->bytes(), file));
  TRY(const auto model, edgetpu::read_source_model(file->bytes(), file));
  edgetpu::CompilerOptions once = compiler_options({});
  once.limit = std::chrono::seconds(options.timeout_seconds);
  once.min_runtime = options.min_runtime;
  once.attempts = 1;
  once.cancelled = options.cancelled;
  size_t done = 0, expected = 2;
  for (size_t n = model.ops.size(); n > 1; n /= 2) expected += 2;
  const auto fails = [&](size_t first, size_t last) -> Result<bool> {
    if (options.progress) options.progress("looking for what fails", double(done++), double(expected));
    TRY(const ScratchFolder scratch, ScratchFolder::create());
    TRY(const auto part, edgetpu::cut_operators(view, first, last));
    const std::string path = scratch.file("part.tflite");
    TRY_STATUS(write_file(path, part));
    TRY(const CompilerRun run, edgetpu::run_compiler(program, path, scratch, once));
    return !run.failure.empty() && run.log.failure == whole.log.failure;
  };
  TRY(const auto range, edgetpu::smallest_failing_range(model.ops.size(), fails));
  FailingPart part{range.first, range.last, {}, range.trials};
  for (size_t i = range.first; i < range.last; ++i)
    part.operators.push_back(describe(model, model.ops[i], prediction.ops[i].layer));
  return part;
}

// ---------------------------------------------------------------- what was written

Status put_in_place(const CompilerRun& run, const fs::path& folder, CompileReport& report) {
  for (const std::string& made : run.outputs) {
    TRY(const auto file, MappedFile::open(made));
    const fs::path target = folder / fs::path(made).filename();
    TRY_STATUS(write_file(target, file->bytes()));
    report.outputs.push_back(target.string());
  }
  return {};
}

Status describe_success(const CompilerRun& run, const std::string& file, const CompileOptions& options, CompileReport& report) {
  if (run.log.models.empty()) return {};
  for (const auto& m : run.log.models) {
    if (m.on_chip_used) report.on_chip_bytes = report.on_chip_bytes.value_or(0) + *m.on_chip_used;
    if (m.streamed) report.streamed_bytes = report.streamed_bytes.value_or(0) + *m.streamed;
    report.subgraphs += m.subgraphs;
  }
  if (run.outputs.size() != 1 || run.log.models.size() != 1) return {};
  TRY(const PlaceReport placed, place_model(file, {options.rules, report.outputs[0]}));
  report.comparison = placed.comparison;
  report.statuses = statuses_of(run.log.models[0], placed);
  return {};
}

}  // namespace

Result<CompileReport> compile_model(const std::string& file, const CompileOptions& options) {
  TRY_STATUS(check(options));
  const auto start = std::chrono::steady_clock::now();
  CompileReport report;
  report.model = file;
  TRY(report.prediction, place_model(file, {options.rules, ""}));
  const auto program = edgetpu::find_compiler();
  if (!program) {
    report.failure = program.error().what;
    report.hint = program.error().hint;
    return report;
  }
  report.compiler = *program;
  if (options.progress) options.progress("compiling", 0, 1);
  TRY(const ScratchFolder scratch, ScratchFolder::create());
  std::error_code failed;
  const fs::path source = fs::absolute(file, failed);
  TRY(const CompilerRun run, edgetpu::run_compiler(*program, source.string(), scratch, compiler_options(options)));
  report.version = run.log.version;
  report.attempts = run.attempts;
  report.failure = run.failure;
  report.succeeded = run.failure.empty();
  if (report.succeeded) {
    TRY_STATUS(put_in_place(run, options.folder.empty() ? source.parent_path() : fs::path(options.folder), report));
    TRY_STATUS(describe_success(run, file, options, report));
  } else {
    report.hint = hint_for(run.log, run.failure);
    if (options.find_failure && run.log.failure != CompilerLog::Failure::kModel) {
      TRY(const auto mapped, MappedFile::open(file));
      TRY(report.failing, find_failing_part(mapped, *program, run, options, report.prediction));
    }
  }
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace atl
