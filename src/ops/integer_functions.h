// The integer kernels of LiteRT's elementwise functions of one operand, bit by bit.
#pragma once
#include "ops/unary.h"

namespace atl {

/// A kind of `unary` on a quantized operand. E: kInput where LiteRT stops (the root of a negative number);
/// kUnsupportedForm for kinds without an integer kernel.
Result<Tensor> integer_unary(UnaryKind kind, const Tensor& x, const Type& out);

/// The preconditions of these kernels. E: kUnsupportedForm, kUnsupportedType.
Status legal_integer_unary(UnaryKind kind, const Type& x, const Type& out);

/// x, or alpha * x below zero.
Tensor integer_leaky_relu(float alpha, const Tensor& x, const Type& out);

/// E: kUnsupportedType unless operand and result have one element type of `types`.
Status legal_integer_kernel(std::string_view what, std::string_view types, const Type& x, const Type& out);

/// E: kUnsupportedForm unless the result has the parameters that the kernel prescribes.
Status legal_prescribed(std::string_view what, const QuantParams& prescribed, const Type& out);

/// E: kUnsupportedForm unless `t` is not of 16 bits or has zero point 0.
Status legal_zero_point(std::string_view what, const Type& t);

}  // namespace atl
