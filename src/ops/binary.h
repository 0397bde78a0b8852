// Elementwise ops of two or three operands, with NumPy's broadcasting.
#pragma once
#include "ops/activation.h"

namespace atl {

enum class BinaryKind { kAdd, kSub, kMul, kDiv, kPow, kFloorDiv, kFloorMod, kMaximum, kMinimum, kSquaredDifference, kAtan2 };
constexpr std::array<std::string_view, 11> enum_names(BinaryKind) {
  return {"add", "sub", "mul", "div", "pow", "floor_div", "floor_mod", "maximum", "minimum", "squared_difference", "atan2"};
}
/// Arithmetic of two operands of one element type. Integer division truncates toward zero; floor_mod has the sign of the
/// divisor. Only add, sub, mul and div take an activation.
struct Binary : OpOf<OpCode::kBinary> {
  BinaryKind kind = BinaryKind::kAdd;
  Activation activation = Activation::kNone;
  Binary() = default;
  explicit Binary(BinaryKind k, Activation a = Activation::kNone) : kind(k), activation(a) {}
  static auto fields(auto& o) { return std::tuple{field("kind", o.kind), field("activation", o.activation)}; }
};

enum class CompareKind { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };
constexpr std::array<std::string_view, 6> enum_names(CompareKind) {
  return {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"};
}
/// Comparison of two operands of one element type; the result is bool.
struct Compare : OpOf<OpCode::kCompare> {
  CompareKind kind = CompareKind::kEqual;
  Compare() = default;
  explicit Compare(CompareKind k) : kind(k) {}
  static auto fields(auto& o) { return std::tuple{field("kind", o.kind)}; }
};

enum class LogicalKind { kAnd, kOr };
constexpr std::array<std::string_view, 2> enum_names(LogicalKind) { return {"and", "or"}; }
/// Logic of two bool operands.
struct Logical : OpOf<OpCode::kLogical> {
  LogicalKind kind = LogicalKind::kAnd;
  Logical() = default;
  explicit Logical(LogicalKind k) : kind(k) {}
  static auto fields(auto& o) { return std::tuple{field("kind", o.kind)}; }
};

enum class BitwiseKind { kAnd, kXor, kShiftLeft, kShiftRight };
constexpr std::array<std::string_view, 4> enum_names(BitwiseKind) { return {"and", "xor", "shift_left", "shift_right"}; }
/// Bits of two integer operands of one element type. `and` and `shift_left` need operands of equal shape in LiteRT.
struct Bitwise : OpOf<OpCode::kBitwise> {
  BitwiseKind kind = BitwiseKind::kXor;
  Bitwise() = default;
  explicit Bitwise(BitwiseKind k) : kind(k) {}
  static auto fields(auto& o) { return std::tuple{field("kind", o.kind)}; }
};

/// Operands condition (bool), x, y: x where the condition holds, else y; all three broadcast.
struct Select : OpOf<OpCode::kSelect> {
  static auto fields(auto&) { return std::tuple{}; }
};

}  // namespace atl
