// Functions of fixed-point numbers, bit by bit as LiteRT's kernels evaluate them. "Qn" is a number of n integer bits, a sign,
// and fraction bits for the rest.
#pragma once
#include <cstdint>

#include "ops/fixed_point.h"

namespace atl {

/// tanh and the logistic function of a number in Qn of 16 bits; the result is in Q0. By exponentials in steps of 1/4 and three
/// steps of Newton's division.
int16_t fixed_tanh(int16_t x, int integer_bits);
int16_t fixed_logistic(int16_t x, int integer_bits);

/// 1 / sqrt(x) as a factor for scaled(), by five steps of Newton's method; 0 and 1 count as 1.
FixedPoint inverse_root(int32_t x);

}  // namespace atl
