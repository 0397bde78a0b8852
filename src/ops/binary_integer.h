// Sums, differences, products, squared differences, maxima and minima of integers, as LiteRT's builtin kernels compute them.
#pragma once
#include "ops/binary.h"
#include "ops/fixed_point.h"

namespace atl {

/// One kernel: an integer of the result for one of each operand. Only for operands and results that legal() accepts.
class IntegerBinary {
 public:
  IntegerBinary(const Binary& o, const Type& a, const Type& b, const Type& out);
  int32_t operator()(int32_t a, int32_t b) const;

  /// The kernel's preconditions. E: kUnsupportedType, kUnsupportedForm.
  static Status legal(const Binary& o, TypesIn in, const Type& out);

 private:
  BinaryKind kind_;
  int32_t zero_a_, zero_b_, zero_out_;
  int shift_;  // left, of both operands before they are brought to one scale
  FixedPoint factor_a_, factor_b_, factor_out_;
  IntegerRange range_;
};

}  // namespace atl
