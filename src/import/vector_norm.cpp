#include "import/vector_norm.h"

#include <cmath>

namespace atl {

Value vector_norm(SourceCall& c, Value x, double p, const std::vector<int64_t>& axes, bool keep) {
  if (p == 0) {
    const Value ones = c.to_dtype(compare(c, CompareKind::kNotEqual, x, 0), c.dtype(x));
    return reduce(c, ReduceKind::kSum, ones, axes, keep);
  }
  if (axes.empty()) return unary(c, UnaryKind::kAbs, x);
  if (p == 2) return unary(c, UnaryKind::kSqrt, reduce(c, ReduceKind::kSum, mul(c, x, x), axes, keep));
  const Value magnitude = unary(c, UnaryKind::kAbs, x);
  if (p == 1) return reduce(c, ReduceKind::kSum, magnitude, axes, keep);
  if (std::isinf(p)) return reduce(c, p > 0 ? ReduceKind::kMax : ReduceKind::kMin, magnitude, axes, keep);
  const Value sum = reduce(c, ReduceKind::kSum, binary(c, BinaryKind::kPow, magnitude, p), axes, keep);
  return binary(c, BinaryKind::kPow, sum, 1 / p);
}

}  // namespace atl
