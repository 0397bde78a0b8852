#include "ir/fields.h"

#include <algorithm>
#include <charconv>

namespace atl {

void FieldText::skip_space() {
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
}

bool FieldText::take(char c) {
  skip_space();
  if (rest.empty() || rest.front() != c) return false;
  rest.remove_prefix(1);
  return true;
}

std::string_view FieldText::word() {
  skip_space();
  const size_t n = std::min(rest.find_first_of(",]} "), rest.size());
  const std::string_view w = rest.substr(0, n);
  rest.remove_prefix(n);
  return w;
}

Result<std::string> FieldText::quoted() {
  if (!take('"')) return error(Code::kGraph, "'\"' expected");
  std::string out;
  while (!rest.empty() && rest.front() != '"') {
    if (rest.front() == '\\' && rest.size() > 1) rest.remove_prefix(1);
    out += rest.front();
    rest.remove_prefix(1);
  }
  if (!take('"')) return error(Code::kGraph, "'\"' expected");
  return out;
}

void print_value(std::string& out, bool v) { out += v ? "true" : "false"; }
void print_value(std::string& out, int v) { out += std::to_string(v); }
void print_value(std::string& out, int64_t v) { out += std::to_string(v); }
void print_value(std::string& out, float v) { out += fmt::format("{}", v); }
void print_value(std::string& out, double v) { out += fmt::format("{}", v); }
void print_value(std::string& out, DType v) { out += name(v); }
void print_value(std::string& out, const std::string& v) {
  out += '"';
  for (char c : v) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

namespace {
template <class V>
Status parse_number(FieldText& in, V& v) {
  const std::string_view w = in.word();
  const auto r = std::from_chars(w.data(), w.data() + w.size(), v);
  if (r.ec != std::errc{} || r.ptr != w.data() + w.size())
    return error(Code::kGraph, fmt::format("number expected, not '{}'", w));
  return {};
}
}  // namespace

Status parse_value(FieldText& in, bool& v) {
  const std::string_view w = in.word();
  if (w != "true" && w != "false") return error(Code::kGraph, fmt::format("true or false expected, not '{}'", w));
  v = w == "true";
  return {};
}
Status parse_value(FieldText& in, int& v) { return parse_number(in, v); }
Status parse_value(FieldText& in, int64_t& v) { return parse_number(in, v); }
Status parse_value(FieldText& in, float& v) { return parse_number(in, v); }
Status parse_value(FieldText& in, double& v) { return parse_number(in, v); }
Status parse_value(FieldText& in, std::string& v) {
  TRY(v, in.quoted());
  return {};
}
Status parse_value(FieldText& in, DType& v) {
  const std::string_view w = in.word();
  const auto t = dtype_from_name(w);
  if (!t) return error(Code::kGraph, fmt::format("unknown element type '{}'", w));
  v = *t;
  return {};
}

}  // namespace atl
