// Complex numbers as pairs of real tensors, for import rules. A call's arguments hold the real parts, its imaginary arguments
// the others.
#pragma once
#include "import/arithmetic.h"

namespace atl {

/// A complex tensor; a real one has an invalid `im`.
struct Complex {
  Value re, im;
  bool is_real() const { return !im.valid(); }
};

/// A tensor or number argument, in the element type of the call's first result's parts unless `dtype` names another.
Complex complex_operand(SourceCall& c, std::string_view arg, DType dtype = DType::kUnknown);
/// Zeros of x's type.
Value zeros_like(Builder& b, Value x);
/// x's imaginary part; zeros when it is real.
Value imaginary_part(Builder& b, const Complex& x);

Complex add(Builder& b, const Complex& x, const Complex& y);
Complex sub(Builder& b, const Complex& x, const Complex& y);
Complex conjugate(Builder& b, const Complex& x);
/// Each part times a real tensor.
Complex scale(Builder& b, const Complex& x, Value factor);
Complex mul(Builder& b, const Complex& x, const Complex& y);

/// torch.view_as_real: the parts along a new last axis; and back.
Value view_as_real(Builder& b, const Complex& x);
Complex view_as_complex(Builder& b, Value x);

/// Runs the rule that the operator has for real tensors on the real parts and again on the imaginary ones, where a real operand
/// counts as zero. Right for what only moves elements and for sums.
void import_each_part(SourceCall& c);
/// Runs the rule for real tensors on every choice of parts and sums: right for products. A "bias" is added once.
void import_product_of_parts(SourceCall& c);
/// The rule for real tensors, with zeros as imaginary part.
void import_real_number(SourceCall& c);

using ComplexRule = void (*)(SourceCall&);
/// The rule of an operator with a complex argument or result, or nullptr.
ComplexRule find_complex_rule(std::string_view target);

}  // namespace atl
