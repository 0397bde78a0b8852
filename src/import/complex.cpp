#include "import/complex.h"

#include <algorithm>
#include <array>

#include "import/aten_elementwise.h"
#include "import/importer.h"

namespace atl {

Complex complex_operand(SourceCall& c, std::string_view arg, DType dtype) {
  if (dtype == DType::kUnknown) dtype = c.result_type().dtype;
  const Value re = c.to_dtype(c.tensor_as(arg, dtype), dtype), im = c.imaginary(arg);
  return {re, im.valid() ? c.to_dtype(im, dtype) : Value{}};
}

Value zeros_like(Builder& b, Value x) { return uniform(b, b.scalar(0, b.dtype(x)), b.shape(x)); }

Value imaginary_part(Builder& b, const Complex& x) { return x.is_real() ? zeros_like(b, x.re) : x.im; }

Complex add(Builder& b, const Complex& x, const Complex& y) {
  const Value re = add(b, x.re, y.re);
  if (x.is_real() && y.is_real()) return {re, {}};
  return {re, add(b, imaginary_part(b, x), imaginary_part(b, y))};
}

Complex sub(Builder& b, const Complex& x, const Complex& y) {
  const Value re = sub(b, x.re, y.re);
  if (x.is_real() && y.is_real()) return {re, {}};
  return {re, sub(b, imaginary_part(b, x), imaginary_part(b, y))};
}

Complex conjugate(Builder& b, const Complex& x) { return {x.re, x.is_real() ? Value{} : unary(b, UnaryKind::kNeg, x.im)}; }

Complex scale(Builder& b, const Complex& x, Value factor) {
  return {mul(b, x.re, factor), x.is_real() ? Value{} : mul(b, x.im, factor)};
}

Complex mul(Builder& b, const Complex& x, const Complex& y) {
  if (y.is_real()) return scale(b, x, y.re);
  if (x.is_real()) return scale(b, y, x.re);
  return {sub(b, mul(b, x.re, y.re), mul(b, x.im, y.im)), add(b, mul(b, x.re, y.im), mul(b, x.im, y.re))};
}

Value view_as_real(Builder& b, const Complex& x) { return b.add(Pack(int64_t(b.rank(x.re))), {x.re, imaginary_part(b, x)}); }

Complex view_as_complex(Builder& b, Value x) {
  const Values parts = b.add_multi(Unpack(int64_t(b.rank(x)) - 1), {x}, 2);
  return {parts[0], parts[1]};
}

namespace {

// Arguments whose values the results consist of; the others say where and how.
constexpr std::array<std::string_view, 10> kData = {"self", "input",  "other", "tensor", "tensors",
                                                    "src",  "source", "value", "values", "fill_value"};

Values run_rule(SourceCall& c, const SourceCall::Arguments& arguments) {
  const Import* rule = find_import(c.target());
  SourceCall part(c.graph(), c.origin(), c.target());
  for (const auto& [name, value] : arguments) part.set_arg(name, value);
  part.set_result_types(c.result_types());
  if (c.failed() || !rule) return {};
  rule->build(part);
  if (part.failed()) {
    Status status = part.take_status();
    c.fail(std::move(status.error()));
  }
  return part.results();
}

// The imaginary part of an argument, where real tensors and numbers are zero.
SourceArg imaginary_or_zero(SourceCall& c, const SourceArg& re, const SourceArg* im) {
  if (const auto* v = std::get_if<Value>(&re)) return im ? *im : SourceArg(zeros_like(c, *v));
  if (const auto* list = std::get_if<Values>(&re)) {
    Values parts = im ? std::get<Values>(*im) : Values(list->size());
    for (size_t i = 0; i < parts.size(); ++i)
      if (!parts[i].valid() && (*list)[i].valid()) parts[i] = zeros_like(c, (*list)[i]);
    return parts;
  }
  if (std::holds_alternative<int64_t>(re) || std::holds_alternative<double>(re)) return im ? *im : SourceArg(0.0);
  return re;
}

const SourceArg* find(const SourceCall::Arguments& arguments, const std::string& name) {
  const auto it = arguments.find(name);
  return it == arguments.end() ? nullptr : &it->second;
}

// One complex factor of a product: an argument, or an element of a list.
struct Factor {
  std::string name;
  size_t element;
};

std::vector<Factor> complex_factors(const SourceCall& c) {
  std::vector<Factor> factors;
  for (const auto& [name, im] : c.imaginary_arguments()) {
    if (name == "bias") continue;
    const auto* list = std::get_if<Values>(&im);
    for (size_t i = 0; i < (list ? list->size() : 1); ++i)
      if (!list || (*list)[i].valid()) factors.push_back({name, i});
  }
  return factors;
}

// i^n times y, added to the sum of terms.
void add_term(Builder& b, Complex& sum, Value y, size_t n) {
  Value& part = n % 2 ? sum.im : sum.re;
  const bool negative = n % 4 >= 2;
  if (part.valid())
    part = negative ? sub(b, part, y) : add(b, part, y);
  else
    part = negative ? unary(b, UnaryKind::kNeg, y) : y;
}

// 2^4 products.
constexpr size_t kMaxComplexFactors = 4;

}  // namespace

void import_each_part(SourceCall& c) {
  const Values re = run_rule(c, c.arguments());
  if (c.failed()) return;
  bool complex = true;
  for (size_t i = 0; i < re.size(); ++i) complex = complex && c.result_is_complex(i);
  c.results(re);
  // What remains of a conversion to a real type.
  if (!complex && is_float(c.result_type().dtype)) return;
  if (!complex) return c.unsupported(fmt::format("complex numbers as {}", name(c.result_type().dtype)));
  SourceCall::Arguments parts = c.arguments();
  for (auto& [name, value] : parts)
    if (std::find(kData.begin(), kData.end(), name) != kData.end())
      value = imaginary_or_zero(c, value, find(c.imaginary_arguments(), name));
  c.imaginary_results(run_rule(c, parts));
}

void import_product_of_parts(SourceCall& c) {
  const std::vector<Factor> factors = complex_factors(c);
  if (factors.size() > kMaxComplexFactors)
    return c.unsupported(fmt::format("a product of {} complex tensors", factors.size()), "multiply them in steps");
  Complex sum;
  for (size_t choice = 0; choice < size_t(1) << factors.size() && !c.failed(); ++choice) {
    SourceCall::Arguments parts = c.arguments();
    size_t imaginary = 0;
    for (size_t i = 0; i < factors.size(); ++i) {
      if (!(choice >> i & 1)) continue;
      ++imaginary;
      const SourceArg& im = c.imaginary_arguments().find(factors[i].name)->second;
      if (const auto* list = std::get_if<Values>(&im))
        std::get<Values>(parts[factors[i].name])[factors[i].element] = (*list)[factors[i].element];
      else
        parts[factors[i].name] = im;
    }
    if (choice > 0) parts.erase("bias");
    const SourceArg* bias = find(c.imaginary_arguments(), "bias");
    if (choice == 1 && bias) parts["bias"] = *bias;
    const Values y = run_rule(c, parts);
    if (!c.failed() && y.size() == 1) add_term(c, sum, y[0], imaginary);
  }
  if (c.failed()) return;
  c.result(sum.re, imaginary_part(c, sum));
}

void import_real_number(SourceCall& c) {
  const Values re = run_rule(c, c.arguments());
  if (!c.failed() && re.size() == 1) c.result(re[0], zeros_like(c, re[0]));
}

}  // namespace atl
