// The one place that decides whether a tensor's elements lie inside its storage.
#pragma once
#include <string_view>

#include "read/archive.h"
#include "read/source.h"

namespace atl {

/// A tensor over `storage`, after checking that every element lies inside it, for any sizes, strides and offset (no overflow).
/// `name` is for messages. Errors: kWeight when it does not fit, when a size, stride or the offset is negative, when the ranks
/// differ, or when the element type is unknown.
Result<StoredTensor> make_stored_tensor(std::string_view name, ScalarType dtype, std::vector<int64_t> sizes,
                                        std::vector<int64_t> strides, int64_t storage_offset, const Blob& storage);

}  // namespace atl
