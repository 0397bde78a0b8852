// An LSTM in integers, bit by bit as LiteRT's kernel for 8-bit operands of the gates and a 16-bit cell computes it.
#pragma once
#include <array>

#include "ops/integer_form.h"
#include "ops/matmul.h"

namespace atl {

/// What an operand of Lstm is to the integer kernel, by position.
inline constexpr std::array<OperandRole, kLstmOperands> kLstmRoles = [] {
  std::array<OperandRole, kLstmOperands> roles{};
  roles[kLstmX] = OperandRole::kData;
  for (size_t g = 0; g < 4; ++g) {
    roles[kLstmWeightIh + g] = roles[kLstmWeightHh + g] = OperandRole::kWeight;
    roles[kLstmBias + g] = OperandRole::kBias;
  }
  roles[kLstmProjection] = OperandRole::kWeight;
  roles[kLstmH0] = OperandRole::kCarried;
  roles[kLstmC0] = OperandRole::kState;
  return roles;
}();
/// The operands' types; absent_type() for a projection that is left out.
Types lstm_types(TensorsIn in);
/// Inner value 0 is c.
IntegerForm lstm_integer_form(const Lstm& o, const FormRequest& request);
/// The parameters of what becomes h, by a projection or as it is; `h` is the type of result 0.
QuantParams lstm_hidden_parameters(TypesIn in, const Type& h);
/// The preconditions of the kernel, and of the one on f32 data and i8 weights. E: kUnsupportedForm, kUnsupportedType.
Status legal_integer_lstm(const Lstm& o, TypesIn in, TypesIn out);
Result<Tensors> eval_integer_lstm(const Lstm& o, TensorsIn in, TypesIn out);

}  // namespace atl
