// Elementwise functions of one operand without parameters.
#pragma once
#include "ir/op.h"

namespace atl {

enum class UnaryKind {
  kAbs,
  kNeg,
  kSign,
  kSqrt,
  kRsqrt,
  kSquare,
  kExp,
  kLog,
  kSin,
  kCos,
  kFloor,
  kCeil,
  kRound,
  kTanh,
  kLogistic,
  kRelu,
  kRelu6,
  kReluN1To1,
  kRelu0To1,
  kElu,
  kHardSwish,
  kLogicalNot
};
constexpr std::array<std::string_view, 22> enum_names(UnaryKind) {
  return {"abs",   "neg",          "sign",        "sqrt", "rsqrt",      "square",     "exp",      "log",
          "sin",   "cos",          "floor",       "ceil", "round",      "tanh",       "logistic", "relu",
          "relu6", "relu_n1_to_1", "relu_0_to_1", "elu",  "hard_swish", "logical_not"};
}

/// One of LiteRT's unary builtins. Rounds half to even; ELU has alpha 1; hard_swish is x * relu6(x + 3) / 6.
struct Unary : OpOf<OpCode::kUnary> {
  UnaryKind kind = UnaryKind::kRelu;
  Unary() = default;
  explicit Unary(UnaryKind k) : kind(k) {}
  static auto fields(auto& o) { return std::tuple{field("kind", o.kind)}; }
};

}  // namespace atl
