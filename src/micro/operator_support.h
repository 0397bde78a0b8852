// What TensorFlow Lite Micro runs. Its interpreter looks at an operator's code and not at its version; what decides is whether
// the kernel takes the operands' types and ranks. Facts from the public sources of tflite-micro (2026): the operators of
// MicroMutableOpResolver, and what the reference kernels' Prepare and Eval accept.
#pragma once
#include <schema_tables.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/type.h"

namespace atl::micro {

/// An operator of a file with the types of its operands; an absent operand has DType::kUnknown.
struct OperatorForm {
  tflite::BuiltinOperator code = tflite::BuiltinOperator::CUSTOM;
  std::string name;  ///< "CONV_2D", or the name of a custom operator
  Types inputs, outputs;
};

/// Why an operator does not run; both empty when it does.
struct Refusal {
  std::string reason;  ///< "the kernel of EXP takes f32, not i8"
  std::string hint;
  bool refused() const { return !reason.empty(); }
};

/// Judges one operator.
Refusal check(const OperatorForm& op);

/// The function of MicroMutableOpResolver that adds an operator, without its arguments: "AddConv2D"; empty where there is none.
std::string_view resolver_function(tflite::BuiltinOperator code, std::string_view custom_name);

/// A row of the table, for listings: the operator, the function that adds it and the types that its kernel takes.
struct SupportedOperator {
  tflite::BuiltinOperator code;
  std::string_view function;
  std::vector<DType> types;  ///< empty: any
};
std::vector<SupportedOperator> supported_operators();

}  // namespace atl::micro
