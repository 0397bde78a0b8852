// Element types, shapes, permutations and quantization parameters: the type of a value.
#pragma once
#include <cstdint>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/result.h"

namespace atl {

/// Element types, named as in the text form ("f32"). kI4 packs two elements a byte, low nibble first.
enum class DType : uint8_t {
  kF32,
  kF16,
  kBF16,
  kF64,
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
  kString,
  kResource,
  kUnknown
};

/// "f32", "i64", "bool", ...
std::string_view name(DType t);
/// The inverse of name(); nullopt for an unknown name.
std::optional<DType> dtype_from_name(std::string_view s);
/// Bits of one element; 0 for strings, resources and unknown types.
int bits(DType t);
bool is_float(DType t);
bool is_integer(DType t);

/// Sizes of the axes, outermost first. kDynamic marks an axis whose size is only known at run time (files that Atoll did not
/// write).
using Shape = std::vector<int64_t>;
inline constexpr int64_t kDynamic = -1;

/// A permutation of axes: axis k of the result is axis perm[k] of the operand (as in TRANSPOSE and torch.permute).
using Perm = std::vector<int>;

/// Number of elements; 1 for a scalar, 0 when an axis is empty. Dynamic axes count as 1.
int64_t element_count(const Shape& s);
bool is_static(const Shape& s);
Shape permuted(const Shape& s, const Perm& p);
Perm inverse(const Perm& p);
/// The permutation that applies `first` and then `then`: permuted(permuted(s, first), then) == permuted(s, compose(first,
/// then)).
Perm compose(const Perm& first, const Perm& then);
Perm identity(size_t rank);
bool is_identity(const Perm& p);
/// True when p holds each of 0..rank-1 once.
bool is_permutation(const Perm& p, size_t rank);
/// Row-major strides in elements.
std::vector<int64_t> contiguous_strides(const Shape& s);
/// NumPy's broadcasting of two shapes; nullopt when they do not fit.
std::optional<Shape> broadcast(const Shape& a, const Shape& b);
/// "1x3x224x224"; "scalar" for rank 0; "?" for a dynamic axis.
std::string to_string(const Shape& s);

/// Affine quantization: real = scale * (integer - zero_point). One entry, or one for each index of `axis`.
struct QuantParams {
  std::vector<float> scale;
  std::vector<int64_t> zero_point;
  int axis = 0;
  bool operator==(const QuantParams&) const = default;
};

/// The type of a value.
struct Type {
  DType dtype = DType::kF32;
  Shape shape;
  std::optional<QuantParams> quant;
  bool operator==(const Type&) const = default;
  size_t rank() const { return shape.size(); }
};
using Types = std::vector<Type>;

/// The type of an operand that is left out, and of what nobody knows: kUnknown.
const Type& absent_type();

/// "f32[1,3,224,224]", with "q(scale,zero_point)" behind it when quantized.
std::string to_string(const Type& t);
/// Bytes of a dense tensor of this type; an error when the product overflows.
Result<size_t> byte_size(const Type& t);

/// An axis counted from the end when negative, checked against the rank. E: kArgument.
Result<int64_t> normalize_axis(int64_t axis, size_t rank);

}  // namespace atl
