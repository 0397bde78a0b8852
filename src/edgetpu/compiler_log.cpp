#include "edgetpu/compiler_log.h"

#include <charconv>
#include <cstdlib>

namespace atl::edgetpu {
namespace {

using Failure = CompilerLog::Failure;

struct Phrase {
  std::string_view text;
  Failure failure;
};
// Failures by a part of the line that tells of them; the first that fits.
constexpr Phrase kFailures[] = {
    {"due to large activation tensors", Failure::kActivations},
    {"Internal compiler error", Failure::kInternal},
    {"Compilation failed: Internal error", Failure::kInternal},
    {"Model not quantized", Failure::kModel},
    {"Model failed in Tflite interpreter", Failure::kModel},
    {"only supports static-sized tensors", Failure::kModel},
    {"Model could not be parsed", Failure::kModel},
    {"Invalid model", Failure::kModel},
    {"doesn't match the number of input models", Failure::kModel},
};

std::string_view trimmed(std::string_view s) {
  const size_t begin = s.find_first_not_of(" \t\r");
  if (begin == s.npos) return {};
  return s.substr(begin, s.find_last_not_of(" \t\r") - begin + 1);
}

// "4.12MiB", "7.75KiB", "0.00B" in bytes.
std::optional<double> size_of_text(std::string_view text) {
  const std::string copy(text);
  char* unit = nullptr;
  const double value = std::strtod(copy.c_str(), &unit);
  if (unit == copy.c_str()) return std::nullopt;
  constexpr std::pair<std::string_view, double> kUnits[] = {{"B", 1}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}};
  for (const auto& [name, factor] : kUnits)
    if (name == unit) return value * factor;
  return std::nullopt;
}

size_t number_of(std::string_view text) {
  size_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// "CONV_2D    15    Mapped to Edge TPU"
std::optional<StatusLine> status_line(std::string_view line) {
  const size_t name = line.find_first_of(" \t");
  if (name == line.npos) return std::nullopt;
  const std::string_view rest = trimmed(line.substr(name));
  size_t count = 0;
  const auto [stop, failed] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
  const std::string_view status = trimmed(rest.substr(size_t(stop - rest.data())));
  if (failed != std::errc() || status.empty()) return std::nullopt;
  return StatusLine{std::string(line.substr(0, name)), count, std::string(status)};
}

class Reader {
 public:
  explicit Reader(CompilerLog& log) : log_(log) {}

  void read(std::string_view line) {
    if (const auto v = after(line, "Edge TPU Compiler version ")) log_.version = *v;
    read_failure(line);
    if (line.starts_with("Model compiled successfully")) log_.failure = Failure::kNone;
    if (const auto v = after(line, "Input model:")) {
      log_.models.emplace_back().input = *v;
      in_table_ = false;
    }
    if (line.starts_with("Operator") && line.find("Status") != line.npos) {
      in_table_ = true;
      return;
    }
    if (!log_.models.empty()) read_summary(line, log_.models.back());
  }

 private:
  static std::optional<std::string> after(std::string_view line, std::string_view mark) {
    if (!line.starts_with(mark)) return std::nullopt;
    return std::string(trimmed(line.substr(mark.size())));
  }

  void read_failure(std::string_view line) {
    for (const Phrase& p : kFailures) {
      if (line.find(p.text) == line.npos) continue;
      if (log_.failure != Failure::kActivations) log_.failure = p.failure;
      if (log_.words.find(line) == std::string::npos) log_.words += (log_.words.empty() ? "" : "; ") + std::string(line);
      return;
    }
  }

  void read_summary(std::string_view line, CompiledLog& m) {
    if (const auto v = after(line, "Output model:")) m.output = *v;
    if (const auto v = after(line, "On-chip memory used for caching model parameters:")) m.on_chip_used = size_of_text(*v);
    // Compilers up to 2.0 say "available", and mean both together.
    if (const auto v = after(line, "On-chip memory available for caching model parameters:")) m.on_chip_left = size_of_text(*v);
    if (const auto v = after(line, "On-chip memory remaining for caching model parameters:")) m.on_chip_left = size_of_text(*v);
    if (const auto v = after(line, "Off-chip memory used for streaming uncached model parameters:"))
      m.streamed = size_of_text(*v);
    if (const auto v = after(line, "Number of Edge TPU subgraphs:")) m.subgraphs = number_of(*v);
    if (const auto v = after(line, "Total number of operations:")) m.operators = number_of(*v);
    if (!in_table_) return;
    if (auto status = status_line(line)) m.lines.push_back(std::move(*status));
  }

  CompilerLog& log_;
  bool in_table_ = false;
};

}  // namespace

CompilerLog parse_compiler_log(std::string_view text) {
  CompilerLog log;
  Reader reader(log);
  std::string_view last;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = trimmed(text.substr(at, end - at));
    if (!line.empty()) {
      reader.read(line);
      last = line;
    }
    at = end + 1;
  }
  if (log.failure == Failure::kOther) log.words = last;
  return log;
}

}  // namespace atl::edgetpu
