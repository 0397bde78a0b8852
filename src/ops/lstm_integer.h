// An LSTM in integers, bit by bit as LiteRT's kernel for 8-bit operands of the gates and a 16-bit cell computes it.
#pragma once
#include "ops/integer_form.h"
#include "ops/matmul.h"

namespace atl {

/// What an operand of Lstm is to the integer kernel, by position.
std::span<const OperandRole> lstm_roles();
/// Inner value 0 is c.
IntegerForm lstm_integer_form(const Lstm& o, const FormRequest& request);
/// The parameters of what becomes h, by a projection or as it is; `h` is the type of result 0.
QuantParams lstm_hidden_parameters(TypesIn in, const Type& h);
/// The preconditions of the kernel, and of the one on f32 data and i8 weights. E: kUnsupportedForm, kUnsupportedType.
Status legal_integer_lstm(const Lstm& o, TypesIn in, TypesIn out);
Result<Tensors> eval_integer_lstm(const Lstm& o, TensorsIn in, TypesIn out);

}  // namespace atl
