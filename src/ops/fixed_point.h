// LiteRT's fixed-point arithmetic, as its builtin CPU kernels do it (double rounding), so that eval_integer is bit-exact.
#pragma once
#include <cstdint>

#include "ir/tensor.h"
#include "ops/activation.h"

namespace atl {

/// A real factor as mantissa * 2^(exponent - 31); the mantissa lies in [2^30, 2^31), or is 0.
struct FixedPoint {
  int32_t mantissa = 0;
  int exponent = 0;
  /// The nearest one to a non-negative factor.
  static FixedPoint of(double factor);
};

/// The high half of 2 * a * b, rounded to nearest with ties away from zero; saturated for the one product that overflows.
int32_t high_product(int32_t a, int32_t b);
/// x / 2^exponent rounded to nearest, ties away from zero.
int32_t rounding_shift(int32_t x, int exponent);
/// x * factor: shifted left first where the exponent is positive, rounded twice otherwise.
int32_t scaled(int32_t x, FixedPoint factor);
/// The same with ties of the second rounding upwards: what LiteRT's matrix products (ruy) give.
int32_t scaled_ties_up(int32_t x, FixedPoint factor);
/// The same for accumulators of 48 bits (i16 data): rounded once, with a mantissa of 16 bits.
int32_t scaled(int64_t x, FixedPoint factor);

/// The integers that an element type holds.
struct IntegerRange {
  int32_t low = -128, high = 127;
};
IntegerRange integer_range(DType t);
/// The integers that a fused activation leaves, of a result with one scale.
IntegerRange activation_range(Activation a, const Type& out);

/// The only scale and zero point of a tensor's type.
double scale_of(const Type& t);
int32_t zero_point_of(const Type& t);

/// Element i of an i8, u8 or i16 tensor (i32 as well).
int32_t integer_at(const Tensor& t, int64_t i);
/// Stores v, which lies in the element type's range.
void set_integer(Tensor& t, int64_t i, int32_t v);

/// What LiteRT prescribes for results in [0, 1): 1/256 from the lowest integer on; i16: 1/32768 around 0.
QuantParams unit_parameters(DType t);
/// What it prescribes for results in [-1, 1): 1/128, i16: 1/32768, around the middle.
QuantParams symmetric_unit_parameters(DType t);

}  // namespace atl
