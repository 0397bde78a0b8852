// Where in its data each window of a pooling has its largest element.
#pragma once
#include <vector>

#include "ir/source_call.h"

namespace atl {

/// The positions along one axis that each window covers, inside the axis and in increasing order.
using Windows = std::vector<std::vector<int64_t>>;

/// For data x [..., in...] and the windows along its last axes: i64 [..., out...], the place of each window's first largest
/// element among the elements of those axes in row-major order. An invalid Value when a window covers nothing, or when the
/// windows are so large that the graph would be: the importer refuses a program that uses it.
Value window_argmax(SourceCall& c, Value x, const std::vector<Windows>& axes);

}  // namespace atl
