// Parts of a model as models of their own.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "tflite/file_view.h"

namespace atl::edgetpu {

/// The operators `first` to `last` - 1 of subgraph 0 with their constants. Its inputs are the tensors that they read and do not
/// make, its outputs those that others read, or nobody, or the model gives; all keep their names. Signatures and metadata are
/// left out. E: kTflite, kUnsupportedForm where a tensor's size is not fixed.
Result<std::vector<std::byte>> cut_operators(const FileView& file, size_t first, size_t last);

/// The same as segment `index` of `count` of a pipeline: a signature, with the key of the model's, names its inputs and
/// outputs, so that an output has the name of the input that it feeds: the name in the model's signature where the tensor is
/// the model's input or output, else the tensor's, or "tensor_N" where that is empty or not the only one. The metadata entry
/// kSegmentEntry says which segment it is and names the model's outputs in their order.
Result<std::vector<std::byte>> cut_segment(const FileView& file, size_t first, size_t last, size_t index, size_t count);

/// Name of a segment's metadata entry.
inline constexpr const char* kSegmentEntry = "atoll_segment";
/// The entry: JSON {"index": 0, "of": 2, "outputs": ["scores", "boxes"]}.
std::string segment_entry(size_t index, size_t count, const std::vector<std::string>& outputs);

}  // namespace atl::edgetpu
