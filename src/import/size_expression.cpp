#include "import/size_expression.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace atl {
namespace {

constexpr int kMaxDepth = 64;
constexpr std::string_view kGuardedSize = ".size()[";

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

SizeNumber integer(int64_t v) { return {false, v, 0}; }
SizeNumber real(double v) { return {true, 0, v}; }
SizeNumber truth(bool v) { return integer(v ? 1 : 0); }

Error cannot(std::string what) { return error(Code::kSymbolic, std::move(what)); }
Error overflow() { return cannot("a size does not fit 64 bits"); }

int compare(const SizeNumber& a, const SizeNumber& b) {
  if (!a.is_float && !b.is_float) return a.integer < b.integer ? -1 : a.integer > b.integer;
  const double x = a.as_double(), y = b.as_double();
  return x < y ? -1 : x > y;
}

Result<SizeNumber> rounded(double v) {
  if (!(std::abs(v) < 9e18)) return overflow();
  return integer(int64_t(v));
}

enum class Sign { kAdd, kSub, kMul, kDiv, kFloorDiv, kMod };

Result<SizeNumber> combine_floats(Sign sign, double x, double y) {
  if (sign != Sign::kAdd && sign != Sign::kSub && sign != Sign::kMul && y == 0) return cannot("a division by zero");
  switch (sign) {
    case Sign::kAdd:
      return real(x + y);
    case Sign::kSub:
      return real(x - y);
    case Sign::kMul:
      return real(x * y);
    case Sign::kDiv:
      return real(x / y);
    case Sign::kFloorDiv:
      return real(std::floor(x / y));
    default:
      return real(x - std::floor(x / y) * y);
  }
}

Result<SizeNumber> combine(Sign sign, const SizeNumber& a, const SizeNumber& b) {
  if (a.is_float || b.is_float || sign == Sign::kDiv) return combine_floats(sign, a.as_double(), b.as_double());
  const int64_t x = a.integer, y = b.integer;
  int64_t r = 0;
  switch (sign) {
    case Sign::kAdd:
      if (__builtin_add_overflow(x, y, &r)) return overflow();
      return integer(r);
    case Sign::kSub:
      if (__builtin_sub_overflow(x, y, &r)) return overflow();
      return integer(r);
    case Sign::kMul:
      if (__builtin_mul_overflow(x, y, &r)) return overflow();
      return integer(r);
    default:
      break;
  }
  if (y == 0) return cannot("a division by zero");
  if (y == -1) {
    if (sign == Sign::kMod) return integer(0);
    if (__builtin_sub_overflow(int64_t(0), x, &r)) return overflow();
    return integer(r);
  }
  const int64_t quotient = x / y - ((x % y != 0 && (x < 0) != (y < 0)) ? 1 : 0);
  return integer(sign == Sign::kFloorDiv ? quotient : x - quotient * y);
}

Result<SizeNumber> power(const SizeNumber& a, const SizeNumber& b) {
  if (a.is_float || b.is_float || b.integer < 0) return real(std::pow(a.as_double(), b.as_double()));
  SizeNumber r = integer(1);
  if (b.integer > 64 && a.integer != 0 && std::abs(a.integer) != 1) return overflow();
  for (int64_t i = 0; i < std::min<int64_t>(b.integer, 65); ++i) {
    TRY(r, combine(Sign::kMul, r, a));
  }
  return std::abs(a.integer) == 1 && b.integer > 64 ? integer(a.integer == 1 || b.integer % 2 == 0 ? 1 : -1) : r;
}

// Recursive descent over Python's operators: or, and, not, comparisons, + -, * / // %, unary -, **.
class Evaluator {
 public:
  Evaluator(std::string_view text, const SizeLookup& lookup, std::vector<double>* branches)
      : text_(text), lookup_(lookup), branches_(branches) {}

  Result<SizeNumber> run() {
    TRY(SizeNumber v, disjunction());
    skip_space();
    if (at_ != text_.size()) return not_understood();
    return v;
  }

 private:
  Error not_understood() const { return cannot(fmt::format("the size expression '{}' is not understood", text_)); }
  void skip_space() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool accept(std::string_view s) {
    skip_space();
    if (text_.substr(at_, s.size()) != s) return false;
    at_ += s.size();
    return true;
  }
  bool accept_word(std::string_view s) {
    skip_space();
    const size_t end = at_ + s.size();
    if (text_.substr(at_, s.size()) != s || (end < text_.size() && (is_letter(text_[end]) || is_digit(text_[end]))))
      return false;
    at_ = end;
    return true;
  }

  Result<SizeNumber> disjunction() {
    if (++depth_ > kMaxDepth) return not_understood();
    TRY(SizeNumber v, conjunction());
    while (accept_word("or")) {
      TRY(const SizeNumber other, conjunction());
      v = truth(v.is_true() || other.is_true());
    }
    --depth_;
    return v;
  }

  Result<SizeNumber> conjunction() {
    TRY(SizeNumber v, negation());
    while (accept_word("and")) {
      TRY(const SizeNumber other, negation());
      v = truth(v.is_true() && other.is_true());
    }
    return v;
  }

  Result<SizeNumber> negation() {
    bool negate = false;
    while (accept_word("not")) negate = !negate;
    TRY(const SizeNumber v, comparison());
    return negate ? truth(!v.is_true()) : v;
  }

  Result<SizeNumber> comparison() {
    TRY(SizeNumber left, sum());
    std::optional<bool> all;
    for (;;) {
      const auto sign = accept("==")   ? "=="
                        : accept("!=") ? "!="
                        : accept("<=") ? "<="
                        : accept(">=") ? ">="
                        : accept("<")  ? "<"
                        : accept(">")  ? ">"
                                       : "";
      if (!*sign) return all ? truth(*all) : left;
      TRY(const SizeNumber right, sum());
      all = all.value_or(true) && relation(sign, left, right);
      left = right;
    }
  }

  static bool relation(std::string_view sign, const SizeNumber& a, const SizeNumber& b) {
    const int c = compare(a, b);
    if (sign == "==") return c == 0;
    if (sign == "!=") return c != 0;
    if (sign == "<=") return c <= 0;
    if (sign == ">=") return c >= 0;
    return sign == "<" ? c < 0 : c > 0;
  }

  Result<SizeNumber> sum() {
    TRY(SizeNumber v, product());
    for (;;) {
      const bool plus = accept("+");
      if (!plus && !accept("-")) return v;
      TRY(const SizeNumber other, product());
      TRY(v, combine(plus ? Sign::kAdd : Sign::kSub, v, other));
    }
  }

  Result<SizeNumber> product() {
    TRY(SizeNumber v, signed_factor());
    for (;;) {
      skip_space();
      if (text_.substr(at_, 2) == "**") return v;
      Sign sign;
      if (accept("//"))
        sign = Sign::kFloorDiv;
      else if (accept("*"))
        sign = Sign::kMul;
      else if (accept("/"))
        sign = Sign::kDiv;
      else if (accept("%"))
        sign = Sign::kMod;
      else
        return v;
      TRY(const SizeNumber other, signed_factor());
      TRY(v, combine(sign, v, other));
    }
  }

  Result<SizeNumber> signed_factor() {
    bool negative = false;
    for (;;) {
      if (accept("-"))
        negative = !negative;
      else if (!accept("+"))
        break;
    }
    TRY(SizeNumber v, atom());
    if (accept("**")) {
      if (++depth_ > kMaxDepth) return not_understood();
      TRY(const SizeNumber exponent, signed_factor());
      --depth_;
      TRY(v, power(v, exponent));
    }
    return negative ? combine(Sign::kSub, integer(0), v) : Result<SizeNumber>(v);
  }

  Result<SizeNumber> atom() {
    skip_space();
    if (at_ >= text_.size()) return not_understood();
    if (accept("(")) {
      TRY(const SizeNumber v, disjunction());
      if (!accept(")")) return not_understood();
      return v;
    }
    if (is_digit(text_[at_]) || text_[at_] == '.') return number();
    if (text_.substr(at_, 2) == "L[") return guarded_size();
    if (!is_letter(text_[at_])) return not_understood();
    const size_t begin = at_;
    while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]) || text_[at_] == '.')) ++at_;
    const std::string_view name = text_.substr(begin, at_ - begin);
    if (accept("(")) return call(name);
    if (name == "True" || name == "true") return truth(true);
    if (name == "False" || name == "false") return truth(false);
    return value_of(name);
  }

  Result<SizeNumber> value_of(std::string_view name) {
    const auto v = lookup_(name);
    if (!v) return cannot(fmt::format("the size '{}' is not known", name));
    return integer(*v);
  }

  Result<SizeNumber> number() {
    const char *begin = text_.data() + at_, *end = text_.data() + text_.size();
    int64_t i = 0;
    double d = 0;
    const auto as_integer = std::from_chars(begin, end, i);
    const auto as_real = std::from_chars(begin, end, d);
    if (as_real.ec != std::errc{}) return not_understood();
    at_ += size_t(as_real.ptr - begin);
    if (as_integer.ec == std::errc{} && as_integer.ptr == as_real.ptr) return integer(i);
    return real(d);
  }

  // L['x'].size()[1], L['args'][0].size()[1]: up to the bracket behind size().
  Result<SizeNumber> guarded_size() {
    const size_t begin = at_, size = text_.find(kGuardedSize, at_);
    const size_t end = size == text_.npos ? size : text_.find(']', size + kGuardedSize.size());
    if (end == text_.npos) return not_understood();
    at_ = end + 1;
    return value_of(text_.substr(begin, at_ - begin));
  }

  Result<SizeNumber> call(std::string_view name) {
    std::vector<SizeNumber> a;
    while (!accept(")")) {
      if (!a.empty() && !accept(",")) return not_understood();
      TRY(const SizeNumber v, disjunction());
      a.push_back(v);
    }
    auto v = apply(name, a);
    if (!v) return cannot(fmt::format("the function '{}' of {} sizes is not known", name, a.size()));
    return *std::move(v);
  }

  std::optional<Result<SizeNumber>> apply(std::string_view f, const std::vector<SizeNumber>& a) {
    if (a.size() == 1) return apply_one(f, a[0]);
    const auto is = [&](auto... names) { return ((f == names) || ...); };
    if (is("Max", "max", "Min", "min") && !a.empty()) return extreme(is("Max", "max"), a);
    if (is("And")) return truth(std::all_of(a.begin(), a.end(), [](const SizeNumber& n) { return n.is_true(); }));
    if (is("Or")) return truth(std::any_of(a.begin(), a.end(), [](const SizeNumber& n) { return n.is_true(); }));
    if (is("Where") && a.size() == 3) return a[0].is_true() ? a[1] : a[2];
    if (a.size() != 2) return std::nullopt;
    if (is("FloorDiv", "CleanDiv")) return combine(Sign::kFloorDiv, a[0], a[1]);
    if (is("Mod", "PythonMod")) return combine(Sign::kMod, a[0], a[1]);
    if (is("Rational", "IntTrueDiv", "FloatTrueDiv", "TrueDiv")) return combine(Sign::kDiv, a[0], a[1]);
    if (is("Pow", "PowByNatural", "FloatPow")) return power(a[0], a[1]);
    if (is("CeilDiv")) {
      auto minus = combine(Sign::kFloorDiv, a[0], integer(a[1].is_float ? 0 : -a[1].integer));
      if (!minus) return std::optional<Result<SizeNumber>>(std::move(minus));
      return combine(Sign::kSub, integer(0), *minus);
    }
    if (is("Eq", "Equality")) return truth(compare(a[0], a[1]) == 0);
    if (is("Ne", "Unequality")) return truth(compare(a[0], a[1]) != 0);
    if (is("Lt", "StrictLessThan")) return truth(compare(a[0], a[1]) < 0);
    if (is("Le", "LessThan")) return truth(compare(a[0], a[1]) <= 0);
    if (is("Gt", "StrictGreaterThan")) return truth(compare(a[0], a[1]) > 0);
    if (is("Ge", "GreaterThan")) return truth(compare(a[0], a[1]) >= 0);
    return std::nullopt;
  }

  Result<SizeNumber> extreme(bool greatest, const std::vector<SizeNumber>& a) {
    SizeNumber best = a[0];
    for (size_t i = 1; i < a.size(); ++i) {
      if (branches_) branches_->push_back(best.as_double() - a[i].as_double());
      if ((compare(a[i], best) > 0) == greatest && compare(a[i], best) != 0) best = a[i];
    }
    return best;
  }

  static std::optional<Result<SizeNumber>> apply_one(std::string_view f, const SizeNumber& a) {
    const auto is = [&](auto... names) { return ((f == names) || ...); };
    const double d = a.as_double();
    if (is("Integer", "Identity", "Max", "Min", "max", "min", "And", "Or")) return a;
    if (is("Float", "ToFloat", "float")) return real(d);
    if (is("Not")) return truth(!a.is_true());
    if (is("floor", "FloorToInt")) return a.is_float ? rounded(std::floor(d)) : Result<SizeNumber>(a);
    if (is("ceiling", "ceil", "CeilToInt")) return a.is_float ? rounded(std::ceil(d)) : Result<SizeNumber>(a);
    if (is("TruncToInt", "trunc", "int")) return a.is_float ? rounded(std::trunc(d)) : Result<SizeNumber>(a);
    if (is("RoundToInt", "round")) return a.is_float ? rounded(std::nearbyint(d)) : Result<SizeNumber>(a);
    if (is("TruncToFloat")) return real(std::trunc(d));
    if (is("OpaqueUnaryFn_sqrt", "sqrt", "math.sqrt")) return real(std::sqrt(d));
    if (is("OpaqueUnaryFn_log", "log")) return real(std::log(d));
    if (is("OpaqueUnaryFn_log2", "log2")) return real(std::log2(d));
    if (is("OpaqueUnaryFn_exp", "exp")) return real(std::exp(d));
    if (is("Abs", "abs"))
      return a.is_float ? Result<SizeNumber>(real(std::abs(d))) : combine(Sign::kMul, a, integer(a.integer < 0 ? -1 : 1));
    return std::nullopt;
  }

  std::string_view text_;
  const SizeLookup& lookup_;
  std::vector<double>* branches_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Result<SizeNumber> evaluate_size(std::string_view text, const SizeLookup& lookup) {
  return Evaluator(text, lookup, nullptr).run();
}

std::vector<std::string> size_names(std::string_view text) {
  std::vector<std::string> names;
  const auto keep = [&](std::string_view name) {
    for (const std::string_view word : {"or", "and", "not", "True", "False", "true", "false"})
      if (name == word) return;
    if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
  };
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    if (text.substr(at, 2) == "L[") {
      const size_t size = text.find(kGuardedSize, at),
                   end = size == text.npos ? size : text.find(']', size + kGuardedSize.size());
      if (end == text.npos) return names;
      at = end + 1;
      keep(text.substr(begin, at - begin));
    } else if (is_digit(text[at])) {
      while (at < text.size() && (is_letter(text[at]) || is_digit(text[at]) || text[at] == '.')) ++at;
    } else if (is_letter(text[at])) {
      while (at < text.size() && (is_letter(text[at]) || is_digit(text[at]) || text[at] == '.')) ++at;
      if (text.substr(at, 1) != "(") keep(text.substr(begin, at - begin));
    } else {
      ++at;
    }
  }
  return names;
}

Result<std::vector<double>> size_branches(std::string_view text, const SizeLookup& lookup) {
  std::vector<double> branches;
  TRY_STATUS([&]() -> Status {
    auto v = Evaluator(text, lookup, &branches).run();
    return v ? Status() : std::move(v.error());
  }());
  return branches;
}

}  // namespace atl
