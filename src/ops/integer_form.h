// Integer forms of ops whose kernels take more weights than one, or keep values inside whose range somebody must choose: what
// QuantRule says of all other ops. Each is stated in the file of its op.
#pragma once
#include "ir/op.h"

namespace atl {

/// What an operand is to such a kernel.
enum class OperandRole {
  kData,     ///< has parameters of its own, like any tensor
  kWeight,   ///< a constant with one scale, zero point 0
  kBias,     ///< a constant of 32 bits
  kCarried,  ///< has the parameters of result 0
  kState,    ///< as `make` says
};

/// What is known of a node when its integers are chosen.
struct FormRequest {
  TypesIn in, out;                      ///< as they are in float, but for data operands and result 0: these have parameters
  std::span<const double> reach;        ///< by operand: the largest magnitude of a constant
  std::span<const double> inner_reach;  ///< by inner value: the largest magnitude that was seen
};

/// The integer types of a node's operands and results.
struct IntegerForm {
  Types in, out;
};

struct IntegerFormDef {
  std::span<const OperandRole> roles;  ///< by operand
  IntegerForm (*make)(const OpBase&, const FormRequest&);
  /// What the op computes inside and hands to nobody, whose range the kernel needs to know: for each such value all that it
  /// takes on during the run. E: eval's.
  Result<Tensors> (*inner_values)(const OpBase&, TensorsIn);
};

/// Whether operand `operand` of an op with such a form has this role.
inline bool has_role(const IntegerFormDef* form, size_t operand, OperandRole role) {
  return form && operand < form->roles.size() && form->roles[operand] == role;
}

}  // namespace atl
