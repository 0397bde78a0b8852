// Parts of a model as models of their own.
#pragma once
#include <cstddef>
#include <vector>

#include "tflite/file_view.h"

namespace atl::edgetpu {

/// The operators `first` to `last` - 1 of subgraph 0 with their constants. Its inputs are the tensors that they read and do not
/// make, its outputs those that others read, or nobody, or the model gives; all keep their names. Signatures and metadata are
/// left out. E: kTflite, kUnsupportedForm where a tensor's size is not fixed.
Result<std::vector<std::byte>> cut_operators(const FileView& file, size_t first, size_t last);

}  // namespace atl::edgetpu
