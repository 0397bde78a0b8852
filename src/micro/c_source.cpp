#include "micro/c_source.h"

#include <fmt/format.h>

#include <cctype>
#include <iterator>

namespace atl::micro {
namespace {

constexpr size_t kBytesALine = 20;

std::string array_body(std::span<const std::byte> bytes) {
  std::string text;
  text.reserve(bytes.size() * 4 + bytes.size() / kBytesALine * 3);
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i % kBytesALine == 0) text += "\n ";
    fmt::format_to(std::back_inserter(text), " {},", unsigned(bytes[i]));
  }
  return text + "\n";
}

// What the model takes and gives may be named with anything; a comment ends with its line.
std::string one_line(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == '\\') c = ' ';
  return text;
}

std::string opening(const CSource& s) {
  return fmt::format("// Made by `atoll export-c` (Atoll " ATOLL_VERSION ") from {}. Do not edit.\n", one_line(s.model));
}

std::string resolver_text(const CSource& s) {
  std::string text = fmt::format(
      "#ifdef __cplusplus\n"
      "// Adds the model's operators to a tflite::MicroMutableOpResolver<{0}_operator_count>; 0 when all were taken.\n"
      "template <class Resolver>\n"
      "int {0}_add_operators(Resolver& resolver) {{\n"
      "  int failed = 0;\n",
      s.name);
  for (const std::string_view adder : s.adders) text += fmt::format("  failed |= int(resolver.{}());\n", adder);
  if (s.adders.empty()) text += "  (void)resolver;\n";
  return text + "  return failed;\n}\n#endif\n";
}

}  // namespace

std::string identifier(std::string_view text) {
  std::string out;
  for (const char c : text) out += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  if (out.empty() || std::isdigit(static_cast<unsigned char>(out[0])) != 0) out.insert(0, "_");
  return out;
}

std::string header_text(const CSource& s, bool whole) {
  std::string text = opening(s);
  for (const std::string& line : s.comments) text += "// " + one_line(line) + "\n";
  text += "#pragma once\n";
  text += fmt::format(
      "\n"
      "enum {{\n"
      "  {0}_size = {1},  // bytes of the model\n"
      "  {0}_operator_count = {2},\n"
      "  // Bytes of the tensor arena: {3} of activations at their planned places, as reference kernels need them (or {4} for\n"
      "  // the planner before that), {5} for tensors, {6} for operators, {7} for the interpreter; with 64-bit pointers.\n"
      "  {0}_arena_size = {8}\n"
      "}};\n\n",
      s.name, s.bytes.size(), s.adders.size(), s.arena.activations, s.arena.planning, s.arena.tensors, s.arena.operators,
      s.arena.interpreter, s.arena.total());
  if (whole)
    text += fmt::format(
        "#ifdef __cplusplus\nalignas(16)\n#else\n_Alignas(16)\n#endif\nstatic const unsigned char {}[{}] = {{{}}};\n\n", s.name,
        s.bytes.size(), array_body(s.bytes));
  else
    text += fmt::format(
        "// Aligned to 16 bytes.\n#ifdef __cplusplus\nextern \"C\"\n#else\nextern\n#endif\nconst unsigned char {}[{}];\n\n",
        s.name, s.bytes.size());
  return text + resolver_text(s);
}

std::string source_text(const CSource& s, const std::string& header, bool cpp) {
  return fmt::format("{}#include \"{}\"\n\n{} const unsigned char {}[{}] = {{{}}};\n", opening(s), header,
                     cpp ? "alignas(16)" : "_Alignas(16)", s.name, s.bytes.size(), array_body(s.bytes));
}

}  // namespace atl::micro
