// Parametric activations, and the activation that LiteRT fuses into arithmetic ops.
#pragma once
#include "ir/op.h"

namespace atl {

/// Activation applied to an op's result inside the kernel.
enum class Activation : int { kNone, kRelu, kReluN1To1, kRelu6 };
constexpr std::array<std::string_view, 4> enum_names(Activation) { return {"none", "relu", "relu_n1_to_1", "relu6"}; }

/// The op that computes an activation by itself; null for none.
OpPtr activation_op(Activation a);

/// x for x >= 0, alpha * x below.
struct LeakyRelu : OpOf<OpCode::kLeakyRelu> {
  double alpha = 0.01;
  LeakyRelu() = default;
  explicit LeakyRelu(double a) : alpha(a) {}
  static auto fields(auto& o) { return std::tuple{field("alpha", o.alpha)}; }
};
/// Gaussian error linear unit, exact (erf) or by the tanh approximation.
struct Gelu : OpOf<OpCode::kGelu> {
  bool approximate = false;
  Gelu() = default;
  explicit Gelu(bool a) : approximate(a) {}
  static auto fields(auto& o) { return std::tuple{field("approximate", o.approximate)}; }
};
/// Operands x and alpha; alpha broadcasts to x's trailing axes (in NCHW graphs its shape is [C,1,1]).
struct Prelu : OpOf<OpCode::kPrelu> {
  static auto fields(auto&) { return std::tuple{}; }
};

}  // namespace atl
