#include "support/error.h"

#include <fmt/format.h>

namespace atl {

std::span<const CodeFacts> all_codes() {
  static constexpr CodeFacts kCodes[] = {
#define CODE(number, name, sentence) {Code::name, sentence},
#include "support/codes.def"
#undef CODE
  };
  return kCodes;
}

Error error(Code code, std::string what, std::string hint, std::source_location where) {
  Error e;
  e.code = code;
  e.what = std::move(what);
  e.hint = std::move(hint);
  e.where = where;
  return e;
}

namespace {

void append(std::string& out, const Error& e) {
  out += fmt::format("error[E{}]: {}", static_cast<int>(e.code), e.what);
  if (e.count > 1) out += fmt::format(" ({} places)", e.count);
  out += '\n';
  const Origin& o = e.origin;
  if (!o.module_path.empty() || !o.file.empty() || !o.source_op.empty()) {
    out += "  -->";
    if (!o.module_path.empty()) out += " " + o.module_path;
    if (!o.file.empty()) out += fmt::format("  {}:{}", o.file, o.line);
    if (!o.text.empty()) out += "  " + o.text;
    if (!o.source_op.empty()) out += fmt::format("  [{}]", o.source_op);
    out += '\n';
  }
  for (const std::string& step : e.trail) out += "  in: " + step + '\n';
  if (!e.hint.empty()) out += "  hint: " + e.hint + '\n';
  if (e.is_bug())
    out += fmt::format("  this is a bug in Atoll ({}:{}); please report it with the command you ran\n", e.where.file_name(),
                       e.where.line());
  for (const Error& other : e.others) append(out, other);
}

}  // namespace

std::string format(const Error& e) {
  std::string out;
  append(out, e);
  return out;
}

}  // namespace atl
