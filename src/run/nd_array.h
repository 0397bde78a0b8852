// NdArray: a dense tensor in memory as tensor files and LiteRT's buffers hold it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/result.h"

namespace atl {

/// Element types of LiteRT's tensors, with the names that the whole project uses ("f32"). kI4 and kI2 pack several elements a
/// byte.
enum class ElementType : uint8_t {
  kF32,
  kF16,
  kBF16,
  kF64,
  kI2,
  kI4,
  kI8,
  kU8,
  kI16,
  kU16,
  kI32,
  kU32,
  kI64,
  kU64,
  kBool,
  kC64,
  kC128,
  kString,
  kUnknown
};

/// "f32", "i64", "bool", ...
std::string_view name(ElementType t);
/// The inverse of name(); nullopt for an unknown name.
std::optional<ElementType> element_type_from_name(std::string_view s);
/// Bits of one element; 0 for strings and unknown types.
int bits(ElementType t);

/// "1x3x224x224"; "scalar" for rank 0; "?" for a dynamic axis (any negative size).
std::string shape_text(std::span<const int64_t> shape);
/// "f32[1x3x224x224]".
std::string tensor_text(ElementType t, std::span<const int64_t> shape);
/// Number of elements; nullopt when an axis is negative or the product overflows.
std::optional<size_t> element_count_of(std::span<const int64_t> shape);
/// Bytes of a dense row-major tensor; nullopt as above and for types without a size.
std::optional<size_t> dense_bytes(ElementType t, std::span<const int64_t> shape);

/// A dense row-major tensor, little endian.
struct NdArray {
  ElementType dtype = ElementType::kF32;
  std::vector<int64_t> shape;
  std::vector<std::byte> bytes;
  bool operator==(const NdArray&) const = default;

  /// An array of zeros. E: kTensorFile when the size overflows or the type has none.
  static Result<NdArray> zeros(ElementType dtype, std::vector<int64_t> shape);
  /// The values as T; T must be the C++ type of `dtype`.
  template <class T>
  std::span<const T> values() const {
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  template <class T>
  std::span<T> mutable_values() {
    return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  /// Element `i` of the first axis: an array of the other axes. The first axis must be there and longer than `i`.
  NdArray item(size_t i) const;
  /// Value `i` in row-major order as the nearest double. E: kInput for a type that C++ has no number for (f16, bf16, i4,
  /// complex, strings).
  Result<double> number(size_t i) const;
  std::string text() const { return tensor_text(dtype, shape); }
};

/// An array under the name of its signature input or output, or of its .npz member.
struct NamedArray {
  std::string name;
  NdArray array;
};

}  // namespace atl
