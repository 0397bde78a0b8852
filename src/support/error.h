// Errors as values: what went wrong, where in the user's source, and what to do about it.
#pragma once
#include <cstdint>
#include <memory>
#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace atl {

/// Every error code, from codes.def. Codes of 900 and above are bugs of Atoll, all others problems of the user's model or
/// input.
enum class Code : uint16_t {
#define CODE(number, name, sentence) name = number,
#include "support/codes.def"
#undef CODE
};

/// A code, and the sentence of codes.def that explains it in general.
struct CodeFacts {
  Code code;
  std::string_view sentence;
};

/// All codes in the order of their numbers.
std::span<const CodeFacts> all_codes();

/// Where a node comes from in the user's program.
struct Origin {
  std::string module_path;  ///< dotted path of the module, such as "backbone.layer3.0.conv2"; empty for the root
  std::string module_type;  ///< the module's class, such as "torch.nn.modules.conv.Conv2d"
  std::string source_op;    ///< the operator as the source names it, such as "aten.conv2d.default"
  std::string node;         ///< the node's name in the exported graph
  std::string file;         ///< the user's file, base name only
  int line = 0;             ///< line in `file`; 0 when unknown
  std::string text;         ///< that line's source text
  bool operator==(const Origin&) const = default;
};

/// One problem. `trail` holds what was being done, innermost first; `where` is the place in Atoll's source.
struct Error {
  Code code = Code::kInternal;
  std::string what;
  std::string hint;
  Origin origin;
  int count = 1;  ///< how many places of the source have the same problem
  std::vector<std::string> trail;
  std::source_location where;
  std::vector<Error> others;  ///< further problems found in the same run (a report lists them all)

  /// Appends a step to the trail and returns the error, for `return std::move(e).in("while ...")`.
  Error&& in(std::string step) && {
    trail.push_back(std::move(step));
    return std::move(*this);
  }
  /// Fills in the origin unless an inner step already knew a closer one.
  Error&& at(const Origin& o) && {
    if (origin == Origin{}) origin = o;
    return std::move(*this);
  }
  /// True for a bug of Atoll (exit code 70), false for a problem of the user's model or input (exit code 1).
  bool is_bug() const { return static_cast<int>(code) >= 900; }
};

/// Makes an error; `hint` says what the user can do.
Error error(Code code, std::string what, std::string hint = {}, std::source_location where = std::source_location::current());

/// The error as text for a person: one block a problem, with origin and hint. No colour, ends with a newline.
std::string format(const Error& e);

}  // namespace atl
