// Operators on complex tensors. Most act on each part, or are products of parts; the others have a rule here.
#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "import/aten_elementwise.h"
#include "import/complex.h"

namespace atl {
namespace {

void set(SourceCall& c, const Complex& x) {
  if (!c.failed()) c.result(x.re, imaginary_part(c, x));
}

Complex self(SourceCall& c) { return complex_operand(c, "self"); }

Value square(Builder& b, Value x) { return unary(b, UnaryKind::kSquare, x); }

Value squared_magnitude(Builder& b, const Complex& x) { return add(b, square(b, x.re), square(b, x.im)); }

// ---- Parts.

void import_real(SourceCall& c) { c.result(self(c).re); }
void import_imag(SourceCall& c) { c.result(self(c).im); }
void import_conj(SourceCall& c) { set(c, conjugate(c, self(c))); }
void import_adjoint(SourceCall& c) {
  const Complex x = conjugate(c, self(c));
  if (!c.failed()) set(c, {swap_matrix_axes(c, x.re), swap_matrix_axes(c, imaginary_part(c, x))});
}
void import_view_as_real(SourceCall& c) { c.result(view_as_real(c, self(c))); }
void import_view_as_complex(SourceCall& c) { set(c, view_as_complex(c, c.tensor("self"))); }

void import_complex(SourceCall& c) {
  Value re = c.tensor("real"), im = c.tensor("imag");
  if (c.failed()) return;
  const Shape s = c.result_type().shape;
  const auto whole = [&](Value v) { return c.shape(v) == s ? v : c.add(BroadcastTo(s), {v}); };
  re = whole(re);
  im = whole(im);
  c.result(re, im);
}

// ---- Polar form.

void import_abs(SourceCall& c) { c.result(unary(c, UnaryKind::kSqrt, squared_magnitude(c, self(c)))); }

void import_angle(SourceCall& c) {
  const Complex x = self(c);
  c.result(binary(c, BinaryKind::kAtan2, x.im, x.re));
}

Complex polar(Builder& b, Value magnitude, Value angle) {
  return {mul(b, magnitude, unary(b, UnaryKind::kCos, angle)), mul(b, magnitude, unary(b, UnaryKind::kSin, angle))};
}

void import_polar(SourceCall& c) { set(c, polar(c, c.tensor("abs"), c.tensor("angle"))); }

void import_exp(SourceCall& c) {
  const Complex x = self(c);
  if (!c.failed()) set(c, polar(c, unary(c, UnaryKind::kExp, x.re), x.im));
}

// ---- Quotients and powers.

// 1 / x = conj(x) / |x|^2.
Complex reciprocal(Builder& b, const Complex& x) {
  if (x.is_real()) return {div(b, b.scalar(1, b.dtype(x.re)), x.re), {}};
  const Value size = squared_magnitude(b, x);
  return {div(b, x.re, size), div(b, unary(b, UnaryKind::kNeg, x.im), size)};
}

void import_reciprocal(SourceCall& c) { set(c, reciprocal(c, self(c))); }

void import_div(SourceCall& c) {
  const Complex x = self(c), y = complex_operand(c, "other");
  if (c.failed()) return;
  if (y.is_real()) return set(c, {div(c, x.re, y.re), div(c, x.im, y.re)});
  const Value size = squared_magnitude(c, y);
  const Complex product = mul(c, x, conjugate(c, y));
  set(c, {div(c, product.re, size), div(c, product.im, size)});
}

void import_square(SourceCall& c) {
  const Complex x = self(c);
  if (!c.failed()) set(c, mul(c, x, x));
}

// A small whole power by repeated squares.
void import_pow(SourceCall& c) {
  constexpr double kMax = 64;
  const double exponent = c.number("exponent");
  if (c.failed()) return;
  if (exponent != std::floor(exponent) || std::abs(exponent) > kMax)
    return c.unsupported(fmt::format("a complex number to the power of {}", exponent), "write it with torch.polar");
  Complex base = self(c), y{c.scalar(1, c.result_type().dtype), {}};
  if (c.failed()) return;
  if (exponent == 0) return import_real_number(c);
  if (exponent < 0) base = reciprocal(c, base);
  bool first = true;
  for (auto n = uint64_t(std::abs(exponent)); n; n >>= 1) {
    if (n & 1) y = std::exchange(first, false) ? base : mul(c, y, base);
    if (n > 1) base = mul(c, base, base);
  }
  set(c, y);
}

constexpr Import kOwn[] = {
    {"aten.real.default", import_real},
    {"aten.imag.default", import_imag},
    {"aten.conj.default", import_conj},
    {"aten._conj.default", import_conj},
    {"aten.conj_physical.default", import_conj},
    {"aten.mH.default", import_adjoint},
    {"aten.adjoint.default", import_adjoint},
    {"aten.matrix_H.default", import_adjoint},
    {"aten.view_as_real.default", import_view_as_real},
    {"aten.view_as_real_copy.default", import_view_as_real},
    {"aten.view_as_complex.default", import_view_as_complex},
    {"aten.view_as_complex_copy.default", import_view_as_complex},
    {"aten.complex.default", import_complex},
    {"aten.polar.default", import_polar},
    {"aten.abs.default", import_abs},
    {"aten.angle.default", import_angle},
    {"aten.exp.default", import_exp},
    {"aten.reciprocal.default", import_reciprocal},
    {"aten.div.Tensor", import_div},
    {"aten.div.Scalar", import_div},
    {"aten.divide.Tensor", import_div},
    {"aten.divide.Scalar", import_div},
    {"aten.true_divide.Tensor", import_div},
    {"aten.true_divide.Scalar", import_div},
    {"aten.square.default", import_square},
    {"aten.pow.Tensor_Scalar", import_pow},
};

// Operators, in all overloads but the one that reinterprets bytes.
constexpr std::string_view kEachPart[] = {
    "view",
    "view_as",
    "view_copy",
    "reshape",
    "reshape_as",
    "_unsafe_view",
    "flatten",
    "unflatten",
    "ravel",
    "squeeze",
    "squeeze_copy",
    "unsqueeze",
    "unsqueeze_copy",
    "permute",
    "permute_copy",
    "transpose",
    "transpose_copy",
    "swapaxes",
    "swapdims",
    "t",
    "t_copy",
    "mT",
    "numpy_T",
    "movedim",
    "moveaxis",
    "slice",
    "slice_copy",
    "narrow",
    "select",
    "select_copy",
    "split",
    "split_with_sizes",
    "chunk",
    "unsafe_chunk",
    "unsafe_split",
    "tensor_split",
    "hsplit",
    "vsplit",
    "unbind",
    "unfold",
    "as_strided",
    "diagonal",
    "diag_embed",
    "expand",
    "expand_copy",
    "expand_as",
    "broadcast_to",
    "broadcast_tensors",
    "repeat",
    "tile",
    "roll",
    "rot90",
    "flip",
    "fliplr",
    "flipud",
    "cat",
    "concat",
    "concatenate",
    "stack",
    "hstack",
    "vstack",
    "dstack",
    "column_stack",
    "pad",
    "constant_pad_nd",
    "index",
    "index_select",
    "gather",
    "take_along_dim",
    "index_put",
    "where",
    "masked_fill",
    "slice_scatter",
    "select_scatter",
    "diagonal_scatter",
    "as_strided_scatter",
    "copy",
    "clone",
    "contiguous",
    "alias",
    "detach",
    "lift_fresh_copy",
    "resolve_conj",
    "resolve_neg",
    "positive",
    "dropout",
    "to",
    "_to_copy",
    "type_as",
    "zeros",
    "zeros_like",
    "new_zeros",
    "empty",
    "empty_like",
    "new_empty",
    "zero",
    "full",
    "full_like",
    "new_full",
    "fill",
    "neg",
    "add",
    "sub",
    "subtract",
    "rsub",
    "sum",
    "mean",
    "cumsum",
    "diff",
    "trace",
    "tril",
    "_assert_tensor_metadata",
    "triu",
};
constexpr std::string_view kProducts[] = {"mul",   "multiply", "matmul", "mm",     "bmm",    "mv",     "dot",        "inner",
                                          "outer", "einsum",   "linear", "conv1d", "conv2d", "conv3d", "convolution"};
constexpr std::string_view kRealNumbers[] = {"ones", "ones_like", "new_ones", "eye", "arange", "linspace", "scalar_tensor"};

std::unordered_map<std::string_view, ComplexRule> table() {
  std::unordered_map<std::string_view, ComplexRule> rules;
  for (const Import& i : kOwn) rules.emplace(i.name, i.build);
  for (const Import& i : aten_fourier()) rules.emplace(i.name, i.build);
  for (std::string_view name : kEachPart) rules.emplace(name, import_each_part);
  for (std::string_view name : kProducts) rules.emplace(name, import_product_of_parts);
  for (std::string_view name : kRealNumbers) rules.emplace(name, import_real_number);
  return rules;
}

}  // namespace

std::span<const Import> aten_complex() { return kOwn; }

ComplexRule find_complex_rule(std::string_view target) {
  static const auto kRules = table();
  if (const auto it = kRules.find(target); it != kRules.end()) return it->second;
  constexpr std::string_view kNamespace = "aten.";
  if (!target.starts_with(kNamespace) || (target.starts_with("aten.view") && target.ends_with(".dtype"))) return nullptr;
  target.remove_prefix(kNamespace.size());
  const auto it = kRules.find(target.substr(0, target.find('.')));
  return it == kRules.end() ? nullptr : it->second;
}

}  // namespace atl
