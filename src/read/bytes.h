// Little-endian numbers at checked places of a byte range.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace atl {

/// True when [offset, offset + size) lies inside `total` bytes, for any values.
constexpr bool inside(uint64_t offset, uint64_t size, uint64_t total) { return offset <= total && size <= total - offset; }

/// The unsigned number of type T at `offset`, which the caller has checked. Little endian, any alignment.
template <class T>
T load(std::span<const std::byte> bytes, size_t offset) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value |= static_cast<T>(static_cast<T>(bytes[offset + i]) << (8 * i));
  return value;
}

/// True when the bytes at `offset` are `magic`.
inline bool has_magic(std::span<const std::byte> bytes, uint64_t offset, std::string_view magic) {
  return inside(offset, magic.size(), bytes.size()) && std::memcmp(bytes.data() + offset, magic.data(), magic.size()) == 0;
}

}  // namespace atl
