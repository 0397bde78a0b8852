// What XNNPACK's kernels take, where it is less than what the operator allows.
#pragma once
#include <cstddef>

namespace atl {

/// The most axes. XNNPACK accepts most operators on more at first and then fails the whole model.
inline constexpr size_t kXnnpackMaxRank = 6;

}  // namespace atl
