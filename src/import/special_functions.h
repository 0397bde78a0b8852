// Building blocks of special functions, shared by aten_functions.cpp and the files aten_special*.cpp. All are compositions of
// LiteRT's operators for floats, exact to a few units in the last place of f32 unless stated otherwise.
#pragma once
#include "import/aten_elementwise.h"

namespace atl {

using Coefficients = std::span<const double>;  ///< highest power first

inline Value scale(Builder& b, Value x, double by) { return binary(b, BinaryKind::kMul, x, by); }
inline Value shift(Builder& b, Value x, double by) { return binary(b, BinaryKind::kAdd, x, by); }
inline Value square(Builder& b, Value x) { return unary(b, UnaryKind::kSquare, x); }
inline Value root(Builder& b, Value x) { return unary(b, UnaryKind::kSqrt, x); }
inline Value exponential(Builder& b, Value x) { return unary(b, UnaryKind::kExp, x); }
inline Value logarithm(Builder& b, Value x) { return unary(b, UnaryKind::kLog, x); }
inline Value magnitude(Builder& b, Value x) { return unary(b, UnaryKind::kAbs, x); }
inline Value negative(Builder& b, Value x) { return unary(b, UnaryKind::kNeg, x); }
/// number - x and number / x
inline Value minus(Builder& b, double number, Value x) { return binary(b, BinaryKind::kSub, number, x); }
inline Value over(Builder& b, double number, Value x) { return binary(b, BinaryKind::kDiv, number, x); }
/// a where x < bound, else b
inline Value where_below(Builder& b, Value x, double bound, Value below, Value otherwise) {
  return select(b, compare(b, CompareKind::kLess, x, bound), below, otherwise);
}

/// The polynomial in x, by Horner's scheme.
Value polynomial(Builder& b, Value x, Coefficients c);
/// sin(pi x), exactly zero at integers.
Value sin_pi(Builder& b, Value x);
/// log |gamma(x)|, infinite at zero and negative integers.
Value lgamma(Builder& b, Value x);
Value erfc(Builder& b, Value x);
/// exp(x^2) erfc(x) for x >= 0
Value erfcx_of_positive(Builder& b, Value x);

}  // namespace atl
