// 64-bit integer arithmetic that LiteRT has no kernel for, exactly, from kernels that it has.
#pragma once
#include "ir/rewrite.h"

namespace atl {

/// True when every element of the integer value v is known to fit into 32 bits from the ops that made it: positions that
/// ARG_MAX and TOPK give, narrower types widened, constants, remainders, and what is made of these by moving elements. Looks at
/// a bounded number of nodes, so that false may also mean "not found out".
bool fits_i32(const Graph& graph, Value v);

/// x / y of i64 rounded down, or toward zero; y is not 0.
Value divide_i64(Builder& b, Value x, Value y, bool round_down);
/// |x| and the sign of x, of i64.
Value abs_i64(Builder& b, Value x);
Value sign_i64(Builder& b, Value x);

}  // namespace atl
