// Matrix products as import rules build them.
#pragma once
#include "import/arithmetic.h"

namespace atl {

/// torch.matmul: vectors are given an axis of size 1 that the result loses again; leading axes broadcast.
Value matmul(Builder& b, Value x, Value y);
/// x [..., I] by weight [O, I], plus bias [O] (may be invalid).
Value fully_connected(Builder& b, Value x, Value weight, Value bias = {});
/// The summed product over the axes `x_axes` of x and `y_axes` of y (in pairs), for each index of the axes `x_batch` and
/// `y_batch` (in pairs). Result axes: batch, the other axes of x, the other axes of y.
Value contract(Builder& b, Value x, Value y, const std::vector<int64_t>& x_axes, const std::vector<int64_t>& y_axes,
               const std::vector<int64_t>& x_batch = {}, const std::vector<int64_t>& y_batch = {});

}  // namespace atl
