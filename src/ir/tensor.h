// A dense tensor in memory: what eval takes and gives. Row-major, contiguous, owned or borrowed.
#pragma once
#include <Eigen/Core>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>

#include "ir/type.h"

namespace atl {

using Half = Eigen::half;
using BFloat16 = Eigen::bfloat16;

/// Bytes with a type. Copies share the bytes; a tensor made with make() may be written through mutable_data() until it is
/// shared.
class Tensor {
 public:
  Tensor() = default;
  /// A new tensor with uninitialised bytes. Shapes come from infer, which has checked their size.
  static Tensor make(Type type);
  /// A view of bytes kept alive by `owner` (which may be null for static data). `data` is aligned for the element type.
  static Tensor view(Type type, const std::byte* data, std::shared_ptr<const void> owner);
  /// A tensor of one type's values: of<int32_t>(DType::kI32, {2}, {3, 4}).
  template <class T>
  static Tensor of(DType dtype, Shape shape, std::span<const T> values) {
    Tensor t = make(Type{dtype, std::move(shape), {}});
    if (!values.empty()) std::memcpy(t.mutable_bytes(), values.data(), values.size_bytes());
    return t;
  }
  static Tensor of_i32(const std::vector<int64_t>& values);  ///< a vector of int32, as LiteRT's shape operands
  static Tensor scalar_f32(float v);

  const Type& type() const { return type_; }
  const Shape& shape() const { return type_.shape; }
  DType dtype() const { return type_.dtype; }
  int64_t count() const { return element_count(type_.shape); }
  size_t byte_count() const { return (size_t(count()) * size_t(bits(type_.dtype)) + 7) / 8; }
  const std::byte* bytes() const { return data_; }
  std::byte* mutable_bytes() { return const_cast<std::byte*>(data_); }
  template <class T>
  const T* data() const {
    return reinterpret_cast<const T*>(data_);
  }
  template <class T>
  T* mutable_data() {
    return reinterpret_cast<T*>(mutable_bytes());
  }
  template <class T>
  std::span<const T> values() const {
    return {data<T>(), size_t(count())};
  }
  /// The same bytes under another shape with as many elements.
  Tensor reshaped(Shape shape) const;
  const std::shared_ptr<const void>& owner() const { return owner_; }

 private:
  Type type_;
  const std::byte* data_ = nullptr;
  std::shared_ptr<const void> owner_;
};
using Tensors = std::vector<Tensor>;

/// Calls f with a value-initialised object of the C++ type of `t`: visit(t, [&]<class T>(T) {...}). Returns false for types
/// without one.
template <class F>
bool visit(DType t, F&& f) {
  switch (t) {
    case DType::kF32:
      f(float{});
      return true;
    case DType::kF16:
      f(Half{});
      return true;
    case DType::kBF16:
      f(BFloat16{});
      return true;
    case DType::kF64:
      f(double{});
      return true;
    case DType::kI8:
      f(int8_t{});
      return true;
    case DType::kU8:
      f(uint8_t{});
      return true;
    case DType::kI16:
      f(int16_t{});
      return true;
    case DType::kU16:
      f(uint16_t{});
      return true;
    case DType::kI32:
      f(int32_t{});
      return true;
    case DType::kU32:
      f(uint32_t{});
      return true;
    case DType::kI64:
      f(int64_t{});
      return true;
    case DType::kU64:
      f(uint64_t{});
      return true;
    case DType::kBool:
      f(bool{});
      return true;
    default:
      return false;
  }
}

/// Element i as double; integers above 2^53 lose precision.
double element_as_double(const Tensor& t, int64_t i);
/// Element i as int64; floats are truncated.
int64_t element_as_int(const Tensor& t, int64_t i);
/// The same values in another element type: float to integer truncates toward zero and saturates, integers wrap (as LiteRT's
/// CAST).
Tensor cast(const Tensor& t, DType to);
/// Values copied in the order of the permuted axes.
Tensor transpose(const Tensor& t, const Perm& p);
/// Copies a strided view (offset and strides in elements) into a dense tensor.
Tensor gather_strided(const Type& type, const std::byte* base, int64_t offset, std::span<const int64_t> strides);

}  // namespace atl
