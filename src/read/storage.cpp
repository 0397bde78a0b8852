#include "read/storage.h"

#include <fmt/format.h>

#include <algorithm>

namespace atl {
namespace {

/// No tensor of a model that can be converted is larger; a broadcast one (stride 0) could claim any size.
constexpr int64_t kMaxBytes = int64_t{1} << 40;

/// a + b * c for non-negative numbers; false on overflow.
bool add_product(int64_t a, int64_t b, int64_t c, int64_t& sum) {
  int64_t product = 0;
  return !__builtin_mul_overflow(b, c, &product) && !__builtin_add_overflow(a, product, &sum);
}

}  // namespace

Result<StoredTensor> make_stored_tensor(std::string_view name, ScalarType dtype, std::vector<int64_t> sizes,
                                        std::vector<int64_t> strides, int64_t storage_offset, const Blob& storage) {
  const auto refuse = [&](std::string_view what) {
    return error(
        Code::kWeight,
        fmt::format("tensor '{}' {} (type {}, sizes [{}], strides [{}], offset {}, {} bytes stored)", name, what,
                    scalar_name(dtype), fmt::join(sizes, ", "), fmt::join(strides, ", "), storage_offset, storage.bytes.size()),
        "export and save the model again");
  };
  if (dtype == ScalarType::kUnknown) return refuse("has no known element type");
  if (sizes.size() != strides.size()) return refuse("does not have one stride for each size");
  if (storage_offset < 0) return refuse("starts before its storage");
  const auto negative = [](int64_t v) { return v < 0; };
  if (std::any_of(sizes.begin(), sizes.end(), negative)) return refuse("has a negative size");
  if (std::any_of(strides.begin(), strides.end(), negative)) return refuse("has a negative stride");
  const bool empty = std::find(sizes.begin(), sizes.end(), 0) != sizes.end();
  int64_t last = storage_offset, count = 1, end = 0;
  bool fits = true;
  for (size_t i = 0; i < sizes.size() && fits && !empty; ++i) {
    fits = add_product(last, sizes[i] - 1, strides[i], last) && !__builtin_mul_overflow(count, sizes[i], &count);
  }
  if (!empty) {
    fits = fits && add_product(0, count, scalar_size(dtype), end) && end <= kMaxBytes &&
           !__builtin_add_overflow(last, 1, &end) && !__builtin_mul_overflow(end, scalar_size(dtype), &end);
    if (!fits) return refuse("is larger than any memory");
    if (static_cast<uint64_t>(end) > storage.bytes.size()) return refuse(fmt::format("needs {} bytes", end));
  }
  return StoredTensor{dtype, std::move(sizes), std::move(strides), storage_offset, storage.bytes, storage.owner};
}

}  // namespace atl
