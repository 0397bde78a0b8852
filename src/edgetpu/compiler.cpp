#include "edgetpu/compiler.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace atl::edgetpu {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProgram = "edgetpu_compiler";
constexpr const char* kVariable = "ATOLL_EDGETPU_COMPILER";
constexpr const char* kGetHint =
    "it runs on x86-64 Linux only: add Coral's package list (coral.ai/docs/edgetpu/compiler), then sudo apt install "
    "edgetpu-compiler; or set ATOLL_EDGETPU_COMPILER to the program";
// Its own timer ends before ours, so that it can still say so.
constexpr std::chrono::seconds kGrace{15};
constexpr std::chrono::seconds kItsOwnLimit{180};

bool is_program(const fs::path& p) {
  std::error_code ignored;
  return fs::is_regular_file(p, ignored) && access(p.c_str(), X_OK) == 0;
}

std::vector<std::string> command_of(const std::string& program, const std::string& input, const std::string& folder,
                                    const CompilerOptions& o) {
  std::vector<std::string> c = {program, "-s", "-o", folder};
  const auto add = [&](std::initializer_list<std::string> more) { c.insert(c.end(), more); };
  if (o.limit != kItsOwnLimit) add({"-t", std::to_string(o.limit.count())});
  if (o.min_runtime > 0) add({"-m", std::to_string(o.min_runtime)});
  if (o.segments > 1) add({"-n", std::to_string(o.segments)});
  if (o.search_step > 0) add({"-d", "-k", std::to_string(o.search_step)});
  if (o.multiple_subgraphs) add({"-a"});
  if (!o.intermediate_tensors.empty()) add({"-i", o.intermediate_tensors});
  c.push_back(input);
  return c;
}

std::vector<std::string> written_models(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code failed;
  for (fs::directory_iterator it(folder, failed), end; !failed && it != end; it.increment(failed))
    if (it->path().filename().string().ends_with("_edgetpu.tflite")) files.push_back(it->path().string());
  std::ranges::sort(files);
  return files;
}

// How the attempt ended, in a sentence; empty when it succeeded.
std::string failure_of(const ProcessResult& r, const CompilerRun& run, const CompilerOptions& o) {
  if (r.timed_out) return fmt::format("it did not end within {} s and was killed", o.limit.count());
  if (r.signal != 0) return fmt::format("it crashed (signal {})", r.signal);
  if (run.log.failure != CompilerLog::Failure::kNone)
    return run.log.words.empty() ? fmt::format("it ended with status {} and no word", r.status) : run.log.words;
  if (r.status != 0) return fmt::format("it ended with status {}", r.status);
  if (run.outputs.empty()) return "it says that it succeeded, and wrote no model";
  return {};
}

// Whether another attempt could end in another way.
bool may_differ(const ProcessResult& r, const CompilerLog& log) {
  using Failure = CompilerLog::Failure;
  return r.timed_out || r.signal != 0 || log.failure == Failure::kInternal || log.failure == Failure::kOther ||
         log.failure == Failure::kNone;
}

}  // namespace

Result<std::string> find_compiler() {
  if (const char* named = std::getenv(kVariable); named && *named) {
    if (is_program(named)) return std::string(named);
    return error(Code::kCompiler, fmt::format("{} names '{}', which is no program", kVariable, named), kGetHint);
  }
  const char* path = std::getenv("PATH");
  const std::string folders = path ? path : "";
  for (size_t at = 0; at < folders.size();) {
    const size_t end = std::min(folders.find(':', at), folders.size());
    if (const fs::path p = fs::path(folders.substr(at, end - at)) / kProgram; is_program(p)) return p.string();
    at = end + 1;
  }
  return error(Code::kCompiler, "Google's edgetpu_compiler is not installed", kGetHint);
}

Result<CompilerRun> run_compiler(const std::string& program, const std::string& input, const ScratchFolder& scratch,
                                 const CompilerOptions& options) {
  CompilerRun run;
  ProcessOptions process;
  process.limit = options.limit + kGrace;
  process.folder = scratch.path();
  process.own_group = true;
  process.cancelled = options.cancelled;
  while (run.attempts < std::max(1, options.attempts)) {
    ++run.attempts;
    std::error_code ignored;
    for (const std::string& left : written_models(scratch.path())) fs::remove(left, ignored);
    auto result = run_process(command_of(program, input, scratch.path(), options), process);
    if (!result) return error(Code::kCompiler, std::move(result.error().what), kGetHint);
    if (result->cancelled) return error(Code::kCompiler, "the compilation was cancelled");
    run.text = result->out + result->err;
    run.log = parse_compiler_log(run.text);
    run.outputs = written_models(scratch.path());
    run.failure = failure_of(*result, run, options);
    if (run.failure.empty() || !may_differ(*result, run.log)) break;
  }
  return run;
}

}  // namespace atl::edgetpu
