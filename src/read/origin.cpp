#include "read/origin.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

namespace atl {
namespace {

/// One line `File "net.py", line 37, in forward` of a traceback and the source line below it.
struct Frame {
  std::string_view file;
  int line = 0;
  std::string_view text;
};

std::string_view trim(std::string_view s) {
  const auto begin = s.find_first_not_of(" \t\r");
  if (begin == s.npos) return {};
  return s.substr(begin, s.find_last_not_of(" \t\r") - begin + 1);
}

std::optional<Frame> read_frame(std::string_view line) {
  constexpr std::string_view kFile = "File \"", kLine = "\", line ";
  if (!line.starts_with(kFile)) return std::nullopt;
  const auto end = line.find(kLine, kFile.size());
  if (end == line.npos) return std::nullopt;
  Frame frame{.file = line.substr(kFile.size(), end - kFile.size())};
  const std::string_view number = line.substr(end + kLine.size());
  if (std::from_chars(number.data(), number.data() + number.size(), frame.line).ec != std::errc()) return std::nullopt;
  return frame;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

/// Code of an installed package, or made at run time ("<eval_with_key>.0"), rather than the user's own.
bool is_package(std::string_view file) {
  return file.starts_with('<') || file.starts_with("site-packages/") || contains(file, "/site-packages/") ||
         contains(file, "/dist-packages/") || contains(file, "\\site-packages\\");
}
bool is_torch(std::string_view file) {
  return file.starts_with('<') || contains(file, "-packages/torch/") || contains(file, "-packages\\torch\\");
}

/// Splits "key,path,type" at the commas outside of brackets.
std::vector<std::string_view> split_entry(std::string_view entry) {
  std::vector<std::string_view> parts;
  size_t begin = 0;
  int depth = 0;
  for (size_t i = 0; i < entry.size(); ++i) {
    const char c = entry[i];
    depth += (c == '[' || c == '(') - (c == ']' || c == ')');
    if (c != ',' || depth != 0) continue;
    parts.push_back(entry.substr(begin, i - begin));
    begin = i + 1;
  }
  parts.push_back(entry.substr(begin));
  return parts;
}

/// The dotted path of a module: "stem.0" from "stem.0" or, as torch wrote it until 2.7, "getattr(L['self'].stem, '0')". A text
/// of another form comes back as it is.
std::string dotted_path(std::string_view path) {
  constexpr std::string_view kCall = "getattr(", kLocal = "L['", kLocalEnd = "']";
  std::string_view head = path;
  std::vector<std::string_view> steps;  // innermost call last
  while (head.starts_with(kCall)) {
    const size_t close = head.rfind("')"), quote = head.rfind(", '", close);
    if (close == head.npos || quote == head.npos) return std::string(path);
    if (const auto rest = head.substr(close + 2); !rest.empty()) {
      if (!rest.starts_with('.')) return std::string(path);
      steps.push_back(rest.substr(1));
    }
    steps.push_back(head.substr(quote + 3, close - quote - 3));
    head = head.substr(kCall.size(), quote - kCall.size());
  }
  if (head.starts_with(kLocal)) {
    const size_t end = head.find(kLocalEnd);
    if (end == head.npos) return std::string(path);
    head.remove_prefix(end + kLocalEnd.size());
  }
  if (head.starts_with("L__self__")) head.remove_prefix(std::string_view("L__self__").size());
  if (head.starts_with('.')) head.remove_prefix(1);
  std::string dotted(head);
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    if (!dotted.empty()) dotted += '.';
    dotted += *step;
  }
  return dotted;
}

}  // namespace

void read_module_stack(std::string_view nn_module_stack, Origin& origin) {
  const auto delimiter = nn_module_stack.rfind(';');
  const auto parts = split_entry(delimiter == nn_module_stack.npos ? nn_module_stack : nn_module_stack.substr(delimiter + 1));
  constexpr std::string_view kMadeByTorch = "_empty_nn_module_stack_from_metadata_hook";
  if (parts.size() != 3 || parts[1] == kMadeByTorch) return;
  origin.module_path = dotted_path(parts[1].substr(0, parts[1].find('@')));  // the second call of a module is "rnn@1"
  origin.module_type = parts[2];
}

void read_stack_trace(std::string_view stack_trace, Origin& origin) {
  std::optional<Frame> users, outside_torch, innermost;
  Frame* open = nullptr;
  std::optional<Frame> current;
  const auto keep = [&] {
    if (!current) return;
    innermost = current;
    if (!is_torch(current->file)) outside_torch = current;
    if (!is_package(current->file)) users = current;
    current.reset();
  };
  while (!stack_trace.empty()) {
    const auto end = stack_trace.find('\n');
    const auto line = trim(stack_trace.substr(0, end));
    stack_trace = end == stack_trace.npos ? std::string_view() : stack_trace.substr(end + 1);
    if (const auto frame = read_frame(line)) {
      keep();
      current = frame;
      open = &*current;
    } else if (open && current && !line.empty()) {
      current->text = line;
      open = nullptr;  // only the first line; "^^^^" may follow
    }
  }
  keep();
  const auto& best = users ? users : outside_torch ? outside_torch : innermost;
  if (!best) return;
  const auto slash = best->file.find_last_of("/\\");
  origin.file = slash == best->file.npos ? best->file : best->file.substr(slash + 1);
  origin.line = best->line;
  origin.text = best->text;
}

std::string_view short_target(std::string_view target) {
  constexpr std::string_view kPrefix = "torch.ops.";
  return target.starts_with(kPrefix) ? target.substr(kPrefix.size()) : target;
}

}  // namespace atl
