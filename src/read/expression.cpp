#include "read/expression.h"

#include <fmt/format.h>

#include <optional>
#include <vector>

namespace atl {
namespace {

constexpr int kMaxDepth = 32;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

/// A part of the result, and whether it must be put in parentheses inside a product.
struct Part {
  std::string text;
  bool is_sum = false;
};

/// Recursive descent over sympy's srepr: Name(argument, keyword=argument, ...), numbers, 'strings'.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::optional<std::string> parse() {
    auto part = expression(0);
    skip_space();
    if (!part || at_ != text_.size()) return std::nullopt;
    return std::move(part->text);
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool accept(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::string_view word() {
    skip_space();
    const size_t begin = at_;
    if (at_ < text_.size() && text_[at_] == '-') ++at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  std::optional<Part> expression(int depth) {
    if (depth > kMaxDepth) return std::nullopt;
    if (accept('\'')) {
      const auto end = text_.find('\'', at_);
      if (end == text_.npos) return std::nullopt;
      Part part{std::string(text_.substr(at_, end - at_))};
      at_ = end + 1;
      return part;
    }
    const auto name = word();
    if (name.empty()) return std::nullopt;
    if (!accept('(')) return Part{std::string(name)};
    std::vector<Part> arguments;
    while (!accept(')')) {
      if (!arguments.empty() && !accept(',')) return std::nullopt;
      auto argument = expression(depth + 1);
      if (!argument) return std::nullopt;
      if (accept('=') && !expression(depth + 1)) return std::nullopt;  // positive=True: an assumption, kept as its name
      arguments.push_back(std::move(*argument));
    }
    return combine(name, arguments);
  }

  static Part combine(std::string_view name, const std::vector<Part>& arguments) {
    if ((name == "Symbol" || name == "Integer" || name == "Float") && !arguments.empty()) return arguments[0];
    const bool sum = name == "Add", product = name == "Mul";
    Part part{{}, sum && arguments.size() > 1};
    for (size_t i = 0; i < arguments.size(); ++i) {
      if (i > 0) part.text += sum ? " + " : product ? "*" : ", ";
      part.text += product && arguments[i].is_sum ? "(" + arguments[i].text + ")" : arguments[i].text;
    }
    if (!sum && !product) part.text = fmt::format("{}({})", name, part.text);
    return part;
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::string readable_expression(std::string_view srepr) { return Parser(srepr).parse().value_or(std::string(srepr)); }

}  // namespace atl
