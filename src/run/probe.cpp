#include "run/probe.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "device/system_tree.h"
#include "run/litert_library.h"
#include "run/python.h"

namespace atl {
namespace {

using Status = Finding::Status;

Finding probe_litert() {
  auto library = LiteRtLibrary::find();
  if (!library) return {"LiteRT", Status::kMissing, library.error().what, library.error().hint};
  const LiteRtLibrary& l = **library;
  litert::EnvironmentOption silent{litert::kOptionLogSeverity, {litert::kAnyInt, {.integer = 4}}};
  litert::Environment environment = nullptr;
  if (auto status = l.api().create_environment(1, &silent, &environment); status != litert::kOk) {
    return {"LiteRT", Status::kMissing, fmt::format("'{}' does not start: {}", l.file().string(), litert_status_text(status)),
            "install it again: pip install --force-reinstall ai-edge-litert==2.3.0"};
  }
  l.api().destroy_environment(environment);
  if (l.version().empty()) {
    return {"LiteRT", Status::kWarning,
            fmt::format("{} ({}), version unknown; it has the functions of 2.3", l.file().string(), l.found_by()),
            "keep the folder ai_edge_litert-2.3.0.dist-info beside it, so that the version can be checked"};
  }
  return {"LiteRT", l.version() == kLiteRtVersion ? Status::kOk : Status::kWarning,
          fmt::format("{} in {} ({})", l.version(), l.file().string(), l.found_by()),
          l.version() == kLiteRtVersion
              ? ""
              : fmt::format("Atoll is tested with {}: pip install ai-edge-litert=={}", kLiteRtVersion, kLiteRtVersion)};
}

// The value after "key : " of the first line in /proc/cpuinfo that has it.
std::string cpu_field(const std::string& text, std::string_view key) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    size_t colon = line.find(':');
    if (!line.starts_with(key) || colon == std::string::npos) continue;
    if (line.find_first_not_of(" \t", key.size()) != colon) continue;
    size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return {};
}

Finding probe_cpu() {
  std::ifstream file("/proc/cpuinfo");
  std::stringstream text;
  text << file.rdbuf();
  std::istringstream words(cpu_field(text.str(), "flags") + " " + cpu_field(text.str(), "Features"));
  std::set<std::string> has;
  for (std::string w; words >> w;) has.insert(w);
  // Those that XNNPACK has kernels for, the best last.
  std::string used;
  for (const char* f : {"sse4_1", "avx", "f16c", "fma", "avx2", "avx_vnni", "avx512f", "avx512_vnni", "amx_int8", "asimd",
                        "asimdhp", "asimddp", "i8mm", "sve", "sve2", "sme"}) {
    if (has.count(f) != 0) used += fmt::format("{}{}", used.empty() ? "" : " ", f);
  }
  std::string model = cpu_field(text.str(), "model name");
  return {"CPU", Status::kOk,
          fmt::format("{}{} threads, {}", model.empty() ? "" : model + ", ", std::max(1u, std::thread::hardware_concurrency()),
                      used.empty() ? "no vector features that XNNPACK knows" : used),
          ""};
}

std::vector<Finding> probe_python() {
  std::string python = find_python();
  if (python.empty()) {
    return {{"Python", Status::kMissing, "no python3 on the PATH",
             "needed only for verify --reference torch: apt install python3"}};
  }
  const std::string names[] = {"torch", "numpy"};
  auto packages = find_python_packages(python, names);
  if (!packages) return {{"Python", Status::kWarning, packages.error().what, "set ATOLL_PYTHON to a Python that works"}};
  std::vector<Finding> findings = {{"Python", Status::kOk, python, ""}};
  for (size_t i = 0; i < std::size(names); ++i) {
    const PythonPackage& p = (*packages)[i];
    if (p.folder.empty()) {
      findings.push_back({names[i], Status::kMissing, fmt::format("not installed for {}", python),
                          fmt::format("needed only for verify --reference torch: {} -m pip install {}", python, names[i])});
    } else {
      findings.push_back(
          {names[i], Status::kOk, fmt::format("{} in {}", p.version.empty() ? "unknown version" : p.version, p.folder), ""});
    }
  }
  return findings;
}

}  // namespace

std::string_view name(Finding::Status status) {
  constexpr std::string_view kNames[] = {"ok", "warning", "missing"};
  return kNames[static_cast<int>(status)];
}

std::vector<Finding> probe() {
  std::vector<Finding> findings = {probe_litert(), probe_cpu()};
  for (Finding& f : probe_edgetpus(SystemTree::here())) findings.push_back(std::move(f));
  for (Finding& f : probe_python()) findings.push_back(std::move(f));
  return findings;
}

}  // namespace atl
