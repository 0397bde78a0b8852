#include "ir/source_call.h"

#include <algorithm>

#include "ir/cast_op.h"

namespace atl {

const SourceArg* SourceCall::arg(std::string_view name) const {
  const auto it = args_.find(name);
  return it == args_.end() ? nullptr : &it->second;
}

bool SourceCall::has(std::string_view name) const {
  const SourceArg* a = arg(name);
  return a && !std::holds_alternative<std::monostate>(*a);
}

namespace {

Error wrong_argument(std::string_view target, std::string_view arg, std::string_view expected, bool given) {
  return error(Code::kArgument, given ? fmt::format("{}: argument '{}' is not {}", target, arg, expected)
                                      : fmt::format("{}: argument '{}' ({}) is missing", target, arg, expected));
}

std::optional<double> as_number(const SourceArg* a) {
  if (!a) return std::nullopt;
  if (auto* i = std::get_if<int64_t>(a)) return double(*i);
  if (auto* d = std::get_if<double>(a)) return *d;
  if (auto* b = std::get_if<bool>(a)) return double(*b);
  return std::nullopt;
}

std::optional<std::vector<int64_t>> as_integers(const SourceArg* a) {
  if (!a) return std::nullopt;
  if (auto* v = std::get_if<std::vector<int64_t>>(a)) return *v;
  if (auto* i = std::get_if<int64_t>(a)) return std::vector<int64_t>{*i};
  if (auto* v = std::get_if<std::vector<double>>(a); v && v->empty()) return std::vector<int64_t>{};
  if (auto* v = std::get_if<Values>(a); v && v->empty()) return std::vector<int64_t>{};
  return std::nullopt;
}

}  // namespace

Value SourceCall::tensor(std::string_view name) {
  const DType t = result_types_.empty() ? DType::kF32 : result_types_[0].dtype;
  return tensor_as(name, t);
}

Value SourceCall::tensor_as(std::string_view name, DType scalar_dtype) {
  const SourceArg* a = arg(name);
  if (a && std::holds_alternative<Value>(*a)) return std::get<Value>(*a);
  if (auto* i = a ? std::get_if<int64_t>(a) : nullptr; i && is_integer(scalar_dtype)) {
    Tensor t = Tensor::of<int64_t>(DType::kI64, {}, std::span<const int64_t>(i, 1));
    return constant(cast(t, scalar_dtype));
  }
  if (const auto n = as_number(a)) return scalar(*n, scalar_dtype);
  fail(wrong_argument(target_, name, "a tensor", has(name)));
  return {};
}

Value SourceCall::optional_tensor(std::string_view name) { return has(name) ? tensor(name) : Value{}; }

Values SourceCall::tensors(std::string_view name) {
  const SourceArg* a = arg(name);
  if (a && std::holds_alternative<Values>(*a)) return std::get<Values>(*a);
  fail(wrong_argument(target_, name, "a list of tensors", has(name)));
  return {};
}

int64_t SourceCall::integer(std::string_view name) {
  const SourceArg* a = arg(name);
  if (a) {
    if (auto* i = std::get_if<int64_t>(a)) return *i;
    if (auto* b = std::get_if<bool>(a)) return *b;
  }
  fail(wrong_argument(target_, name, "an integer", has(name)));
  return 0;
}

int64_t SourceCall::integer(std::string_view name, int64_t otherwise) { return has(name) ? integer(name) : otherwise; }

double SourceCall::number(std::string_view name) {
  if (const auto n = as_number(arg(name))) return *n;
  fail(wrong_argument(target_, name, "a number", has(name)));
  return 0;
}

double SourceCall::number(std::string_view name, double otherwise) { return has(name) ? number(name) : otherwise; }

bool SourceCall::boolean(std::string_view name, bool otherwise) {
  if (!has(name)) return otherwise;
  if (const auto n = as_number(arg(name))) return *n != 0;
  fail(wrong_argument(target_, name, "a bool", true));
  return otherwise;
}

std::string SourceCall::string(std::string_view name, std::string otherwise) {
  if (!has(name)) return otherwise;
  if (auto* s = std::get_if<std::string>(arg(name))) return *s;
  fail(wrong_argument(target_, name, "a string", true));
  return otherwise;
}

DType SourceCall::dtype_arg(std::string_view name, DType otherwise) {
  if (!has(name)) return otherwise;
  if (auto* d = std::get_if<DType>(arg(name))) return *d;
  fail(wrong_argument(target_, name, "an element type", true));
  return otherwise;
}

std::vector<int64_t> SourceCall::integers(std::string_view name) {
  if (auto v = as_integers(arg(name))) return *std::move(v);
  fail(wrong_argument(target_, name, "a list of integers", has(name)));
  return {};
}

std::vector<int64_t> SourceCall::integers(std::string_view name, std::vector<int64_t> otherwise) {
  return has(name) ? integers(name) : std::move(otherwise);
}

std::vector<int64_t> SourceCall::repeated(std::string_view name, size_t n, int64_t otherwise) {
  std::vector<int64_t> v = integers(name, {});
  if (v.empty()) v.assign(n, otherwise);
  if (v.size() == 1 && n > 1) v.assign(n, int64_t(v[0]));
  if (v.size() != n) {
    fail(error(Code::kArgument, fmt::format("{}: argument '{}' has {} values, {} are needed", target_, name, v.size(), n)));
    v.assign(n, otherwise);
  }
  return v;
}

int64_t SourceCall::axis(std::string_view name, size_t rank) {
  auto a = normalize_axis(integer(name), rank);
  if (a) return *a;
  fail(std::move(a.error()));
  return 0;
}

int64_t SourceCall::axis(std::string_view name, size_t rank, int64_t otherwise) {
  if (has(name)) return axis(name, rank);
  auto a = normalize_axis(otherwise, rank);
  return a ? *a : 0;
}

std::vector<int64_t> SourceCall::axes(std::string_view name, size_t rank, bool all_if_empty) {
  std::vector<int64_t> v = integers(name, {});
  if (v.empty() && all_if_empty)
    for (size_t i = 0; i < rank; ++i) v.push_back(int64_t(i));
  for (int64_t& a : v) {
    auto n = normalize_axis(a, rank);
    if (!n) {
      fail(std::move(n.error()));
      return {};
    }
    a = *n;
  }
  std::sort(v.begin(), v.end());
  v.erase(std::unique(v.begin(), v.end()), v.end());
  if (rank == 0) v.clear();
  return v;
}

bool SourceCall::is_complex() const {
  return !imaginary_.empty() || std::find(complex_results_.begin(), complex_results_.end(), true) != complex_results_.end();
}

Value SourceCall::imaginary(std::string_view name) {
  const auto it = imaginary_.find(name);
  if (it == imaginary_.end()) return {};
  if (const auto* v = std::get_if<Value>(&it->second)) return *v;
  if (const auto n = as_number(&it->second)) return scalar(*n, result_type().dtype);
  fail(wrong_argument(target_, name, "a complex tensor", true));
  return {};
}

const Type& SourceCall::result_type(size_t i) const { return i < result_types_.size() ? result_types_[i] : absent_type(); }

Value SourceCall::to_dtype(Value v, DType t) {
  if (!v.valid() || dtype(v) == t || t == DType::kUnknown) return v;
  if (const auto value = graph().constant(v) ? constant_value(v) : std::nullopt; value && value->count() <= 65536)
    return constant(cast(*value, t), graph().constant(v)->name());
  return add(Cast(t), {v});
}

void SourceCall::unsupported(std::string what, std::string hint) {
  fail(error(Code::kUnsupportedForm, fmt::format("{}: {}", target_, what), std::move(hint)));
}

}  // namespace atl
