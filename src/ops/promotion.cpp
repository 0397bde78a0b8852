#include "ops/promotion.h"

#include <algorithm>

namespace atl {
namespace {

// Where a type stands in the chain bool < 8 bits < 16 < 32 < 64 < half floats < f32 < f64.
int place(DType t) {
  switch (t) {
    case DType::kBool:
      return 0;
    case DType::kI8:
    case DType::kU8:
      return 1;
    case DType::kI16:
    case DType::kU16:
      return 2;
    case DType::kI32:
    case DType::kU32:
      return 3;
    case DType::kF16:
    case DType::kBF16:
      return 5;
    case DType::kF32:
      return 6;
    case DType::kF64:
      return 7;
    default:
      return 4;
  }
}

// What a group of operands of lower rank adds to the type that a group of higher rank gives.
DType combine(DType higher, DType lower) {
  if (is_float(higher)) return higher;
  if (higher == DType::kBool || is_float(lower)) return promote_types(higher, lower);
  return higher != DType::kUnknown ? higher : lower;
}

}  // namespace

DType promote_types(DType a, DType b) {
  if (a == b || b == DType::kUnknown) return a;
  if (a == DType::kUnknown) return b;
  if (place(a) < place(b)) std::swap(a, b);
  if (place(a) != place(b)) {
    // An unsigned type does not hold the negative values of a narrower signed one.
    const bool is_unsigned = a == DType::kU16 || a == DType::kU32 || a == DType::kU64;
    return is_unsigned && b != DType::kBool && b != DType::kU8 && b != DType::kU16 && b != DType::kU32 ? DType::kI64 : a;
  }
  switch (place(a)) {
    case 1:
      return DType::kI16;
    case 2:
      return DType::kI32;
    case 5:
      return DType::kF32;
    default:
      return DType::kI64;
  }
}

DType promoted_dtype(SourceCall& c, std::initializer_list<std::string_view> args) {
  DType with_axes = DType::kUnknown, without_axes = DType::kUnknown, numbers = DType::kUnknown;
  for (std::string_view name : args) {
    const SourceArg* a = c.arg(name);
    if (!a) continue;
    if (const auto* v = std::get_if<Value>(a)) {
      DType& group = c.rank(*v) > 0 ? with_axes : without_axes;
      group = promote_types(group, c.Builder::dtype(*v));
    } else if (std::holds_alternative<bool>(*a)) {
      numbers = promote_types(numbers, DType::kBool);
    } else if (std::holds_alternative<int64_t>(*a)) {
      numbers = promote_types(numbers, DType::kI64);
    } else if (std::holds_alternative<double>(*a)) {
      numbers = promote_types(numbers, DType::kF32);
    }
  }
  return combine(with_axes, combine(without_axes, numbers));
}

Values promoted(SourceCall& c, std::initializer_list<std::string_view> args, DType to) {
  if (to == DType::kUnknown) to = promoted_dtype(c, args);
  Values v;
  for (std::string_view name : args) v.push_back(c.to_dtype(c.tensor_as(name, to), to));
  return v;
}

}  // namespace atl
