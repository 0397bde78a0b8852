// The parts of aten_elementwise(), one a file, and what they share.
#pragma once
#include "import/arithmetic.h"
#include "import/aten.h"

namespace atl {

std::span<const Import> aten_arithmetic();        ///< aten_arithmetic.cpp: division, powers, remainders
std::span<const Import> aten_activations();       ///< aten_activations.cpp: activation functions, clamps
std::span<const Import> aten_functions();         ///< aten_functions.cpp: exponentials, logarithms, trigonometry, erf
std::span<const Import> aten_special();           ///< aten_special.cpp: gamma, error function, entropy
std::span<const Import> aten_bessel();            ///< aten_bessel.cpp: Bessel functions, Chebyshev polynomials
std::span<const Import> aten_polynomials();       ///< aten_polynomials.cpp: Hermite, Laguerre and Legendre polynomials
std::span<const Import> aten_incomplete_gamma();  ///< aten_incomplete_gamma.cpp: its lower and upper part
std::span<const Import> aten_logic();             ///< aten_logic.cpp: masks, logic, bits, classification
std::span<const Import> aten_conversions();       ///< aten_conversions.cpp: element types, copies, identities

/// v as a rank-0 constant of x's element type.
inline Value number_like(Builder& b, Value x, double v) { return b.scalar(v, b.dtype(x)); }
/// f(v, x) for a number on the left.
inline Value binary(Builder& b, BinaryKind k, double v, Value x) { return binary(b, k, number_like(b, x, v), x); }

/// The argument in torch's result type, or in f32 where that is a half float type: compositions keep f32 inside.
Value function_operand(SourceCall& c, std::string_view arg = "self");
/// Sets the result, converted to torch's result type.
void function_result(SourceCall& c, Value y);
/// An operator that is a function of "self" in floats: F builds it.
template <Value (*F)(Builder&, Value)>
void import_function(SourceCall& c) {
  const Value x = function_operand(c);
  if (!c.failed()) function_result(c, F(c, x));
}

/// x limited to [low, high]; NaN stays NaN in LiteRT's own kernels. Bounds that LiteRT has as activations become these.
Value clamp(Builder& b, Value x, std::optional<double> low, std::optional<double> high);
/// x rounded toward zero.
Value truncate(Builder& b, Value x);
/// log(1 + x) and exp(x) - 1 with full precision around zero; log(1 + exp(x)) without overflow.
Value log1p(Builder& b, Value x);
Value expm1(Builder& b, Value x);
Value softplus(Builder& b, Value x);
/// x as bool: x itself, or x != 0.
Value as_bool(Builder& b, Value x);

/// A constant of one number: `value` (a rank-0 constant) repeated to `shape`. Large ones are views with stride 0.
/// E: kTooLarge when the shape overflows.
Value uniform(Builder& b, Value value, const Shape& shape);

}  // namespace atl
