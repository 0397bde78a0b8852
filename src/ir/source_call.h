// One call of a source operator while a program is imported: its arguments by their schema names, and a Builder for the nodes
// that take its place. An op's `imports` and the rules in import/ are functions of a SourceCall. Complex tensors are pairs of
// real ones.
#pragma once
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "ir/rewrite.h"

namespace atl {

/// An argument of a source operator with its tensors resolved. monostate is None.
using SourceArg = std::variant<std::monostate, Value, Values, bool, int64_t, double, std::string, std::vector<int64_t>,
                               std::vector<double>, std::vector<bool>, DType>;

class SourceCall : public Builder {
 public:
  SourceCall(Graph& graph, OriginId origin, std::string_view target) : Builder(graph, origin), target_(target) {}

  std::string_view target() const { return target_; }
  void set_arg(std::string name, SourceArg a) { args_.insert_or_assign(std::move(name), std::move(a)); }
  /// The imaginary part of a complex argument, of the same kind as its real part, which set_arg() gives. In a list of tensors
  /// the real ones have invalid values.
  void set_imaginary(std::string name, SourceArg a) { imaginary_.insert_or_assign(std::move(name), std::move(a)); }
  /// The types that the source recorded for its results; an entry is kUnknown where it recorded none. A complex one has the
  /// type of its parts and is marked in `complex`.
  void set_result_types(Types t, std::vector<bool> complex = {}) {
    result_types_ = std::move(t);
    complex_results_ = std::move(complex);
  }

  bool has(std::string_view arg) const;  ///< given and not None
  const SourceArg* arg(std::string_view name) const;
  /// A tensor argument. A number becomes a rank-0 constant of `scalar_dtype` (default: the first result's element type).
  /// E: kArgument when missing or of another kind; the result is then invalid.
  Value tensor(std::string_view arg);
  Value tensor_as(std::string_view arg, DType scalar_dtype);
  /// A tensor argument that may be None: an invalid Value then.
  Value optional_tensor(std::string_view arg);
  Values tensors(std::string_view arg);
  int64_t integer(std::string_view arg);
  int64_t integer(std::string_view arg, int64_t otherwise);
  double number(std::string_view arg);
  double number(std::string_view arg, double otherwise);
  bool boolean(std::string_view arg, bool otherwise = false);
  std::string string(std::string_view arg, std::string otherwise);
  DType dtype_arg(std::string_view arg, DType otherwise);
  using Builder::dtype;
  std::vector<int64_t> integers(std::string_view arg);
  std::vector<int64_t> integers(std::string_view arg, std::vector<int64_t> otherwise);
  /// A list of `n` ints where the source may give one for all: stride=2 for stride=[2,2]. Missing or empty: `otherwise` n
  /// times.
  std::vector<int64_t> repeated(std::string_view arg, size_t n, int64_t otherwise);
  /// An axis argument, counted from the front.
  int64_t axis(std::string_view arg, size_t rank);
  int64_t axis(std::string_view arg, size_t rank, int64_t otherwise);
  /// A list of axes counted from the front (a single int is accepted); None or empty: all axes when `all_if_empty`.
  std::vector<int64_t> axes(std::string_view arg, size_t rank, bool all_if_empty);

  using Arguments = std::map<std::string, SourceArg, std::less<>>;
  const Arguments& arguments() const { return args_; }
  const Arguments& imaginary_arguments() const { return imaginary_; }
  /// True when an argument or a result is complex.
  bool is_complex() const;
  /// The imaginary part of a tensor or number argument; invalid when it is real.
  Value imaginary(std::string_view arg);

  /// The recorded type of result i (kUnknown when not recorded).
  const Type& result_type(size_t i = 0) const;
  const Types& result_types() const { return result_types_; }
  bool result_is_complex(size_t i = 0) const { return i < complex_results_.size() && complex_results_[i]; }
  size_t result_count() const { return result_types_.size(); }
  /// v converted to an element type with CAST where it differs.
  Value to_dtype(Value v, DType t);

  void result(Value v) { results_ = {v}; }
  void results(Values v) { results_ = std::move(v); }
  const Values& results() const { return results_; }
  /// A complex result, or the imaginary parts of all results.
  void result(Value re, Value im) {
    results_ = {re};
    imaginary_results_ = {im};
  }
  void imaginary_results(Values v) { imaginary_results_ = std::move(v); }
  const Values& imaginary_results() const { return imaginary_results_; }
  /// Fails with kUnsupportedForm: the operator cannot be converted with these arguments.
  void unsupported(std::string what, std::string hint = {});

 private:
  std::string_view target_;
  Arguments args_, imaginary_;
  Types result_types_;
  std::vector<bool> complex_results_;
  Values results_, imaginary_results_;
};

}  // namespace atl
