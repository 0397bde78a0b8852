#include "run/nd_array.h"

#include <array>

namespace atl {
namespace {

struct TypeFact {
  ElementType type;
  std::string_view name;
  int bits;
};

constexpr std::array<TypeFact, 19> kTypes = {{{ElementType::kF32, "f32", 32},
                                              {ElementType::kF16, "f16", 16},
                                              {ElementType::kBF16, "bf16", 16},
                                              {ElementType::kF64, "f64", 64},
                                              {ElementType::kI2, "i2", 2},
                                              {ElementType::kI4, "i4", 4},
                                              {ElementType::kI8, "i8", 8},
                                              {ElementType::kU8, "u8", 8},
                                              {ElementType::kI16, "i16", 16},
                                              {ElementType::kU16, "u16", 16},
                                              {ElementType::kI32, "i32", 32},
                                              {ElementType::kU32, "u32", 32},
                                              {ElementType::kI64, "i64", 64},
                                              {ElementType::kU64, "u64", 64},
                                              {ElementType::kBool, "bool", 8},
                                              {ElementType::kC64, "c64", 64},
                                              {ElementType::kC128, "c128", 128},
                                              {ElementType::kString, "string", 0},
                                              {ElementType::kUnknown, "unknown", 0}}};

}  // namespace

std::string_view name(ElementType t) { return kTypes[static_cast<size_t>(t)].name; }

std::optional<ElementType> element_type_from_name(std::string_view s) {
  for (const TypeFact& f : kTypes) {
    if (f.name == s) return f.type;
  }
  return std::nullopt;
}

int bits(ElementType t) { return kTypes[static_cast<size_t>(t)].bits; }

std::string shape_text(std::span<const int64_t> shape) {
  if (shape.empty()) return "scalar";
  std::string s;
  for (int64_t d : shape) {
    if (!s.empty()) s += 'x';
    s += d < 0 ? "?" : std::to_string(d);
  }
  return s;
}

std::string tensor_text(ElementType t, std::span<const int64_t> shape) {
  return shape.empty() ? fmt::format("{} scalar", name(t)) : fmt::format("{}[{}]", name(t), shape_text(shape));
}

std::optional<size_t> element_count_of(std::span<const int64_t> shape) {
  // A zero anywhere makes the count zero, yet the other axes must still multiply without overflow for strides to make sense.
  size_t count = 1;
  bool empty = false;
  for (int64_t d : shape) {
    if (d < 0) return std::nullopt;
    if (d == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(count, static_cast<size_t>(d), &count)) {
      return std::nullopt;
    }
  }
  return empty ? 0 : count;
}

std::optional<size_t> dense_bytes(ElementType t, std::span<const int64_t> shape) {
  auto count = element_count_of(shape);
  size_t total = 0;
  if (!count || bits(t) == 0 || __builtin_mul_overflow(*count, static_cast<size_t>(bits(t)), &total)) return std::nullopt;
  return total / 8 + (total % 8 != 0);
}

Result<NdArray> NdArray::zeros(ElementType dtype, std::vector<int64_t> shape) {
  auto size = dense_bytes(dtype, shape);
  if (!size || *size > PTRDIFF_MAX) {
    return error(Code::kTensorFile, fmt::format("a tensor of type {} has no size in memory", tensor_text(dtype, shape)));
  }
  return NdArray{dtype, std::move(shape), std::vector<std::byte>(*size)};
}

NdArray NdArray::item(size_t i) const {
  const size_t size = bytes.size() / size_t(shape[0]);
  const auto begin = bytes.begin() + ptrdiff_t(i * size);
  return {dtype, {shape.begin() + 1, shape.end()}, {begin, begin + ptrdiff_t(size)}};
}

Result<double> NdArray::number(size_t i) const {
  switch (dtype) {
    case ElementType::kF64:
      return values<double>()[i];
    case ElementType::kF32:
      return double(values<float>()[i]);
    case ElementType::kI64:
      return double(values<int64_t>()[i]);
    case ElementType::kU64:
      return double(values<uint64_t>()[i]);
    case ElementType::kI32:
      return double(values<int32_t>()[i]);
    case ElementType::kU32:
      return double(values<uint32_t>()[i]);
    case ElementType::kI16:
      return double(values<int16_t>()[i]);
    case ElementType::kU16:
      return double(values<uint16_t>()[i]);
    case ElementType::kI8:
      return double(values<int8_t>()[i]);
    case ElementType::kU8:
    case ElementType::kBool:
      return double(values<uint8_t>()[i]);
    default:
      return error(Code::kInput, fmt::format("values of {} cannot be converted", name(dtype)));
  }
}

}  // namespace atl
