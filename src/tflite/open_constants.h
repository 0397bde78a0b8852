// Constants that differ between the sizes of a graph, as operators that compute them when the file is run.
#pragma once
#include <vector>

#include "ir/constant.h"
#include "tflite/shape_operators.h"

namespace atl {

/// RESHAPE states its shape as an operand and as a field; the field is only read without the operand, and goes.
void drop_repeated_operand(TfliteOp& op);

class OpenConstants {
 public:
  /// `largest`: so many of the last graphs of the family have every size with an upper end there.
  OpenConstants(ShapeOperators& shapes, ShapeOperators::AddOperator add_operator, ShapeOperators::AddConstant add_constant,
                size_t largest)
      : shapes_(shapes), add_operator_(std::move(add_operator)), add_constant_(std::move(add_constant)), largest_(largest) {}

  /// The tensor for a constant operand of `code` that emit made, one value a graph: shapes, begins, sizes, paddings. RESHAPE
  /// gets -1 for an only open size. E: kSymbolic for operators that LiteRT cannot size before it runs them, and for numbers
  /// without a formula.
  Result<int32_t> operand(tflite::BuiltinOperator code, const Tensors& values);

  /// The tensor for data, one value a graph: small integers by formula, one number in all places, equal steps, and what is the
  /// beginning of the largest graph's constant along each open axis. E: kSymbolic for anything else.
  Result<int32_t> data(const std::vector<ConstantPtr>& values);

 private:
  Result<int32_t> reshape_operand(const std::vector<SizeVector>& numbers);
  Result<int32_t> fixed_shape(const Tensors& values);
  Result<int32_t> open_shape(const Tensors& values);
  Result<int32_t> scalar(const Tensors& values);
  std::optional<Result<int32_t>> steps(const Tensors& values, const std::vector<SizeVector>& shape);
  Result<int32_t> beginning(const Tensors& values, const std::vector<SizeVector>& shape);
  /// An op's operator on tensors; an operand that emit makes is replaced by `given`, in order, as long as there are some.
  Result<int32_t> add(const OpPtr& op, const Types& in, const std::vector<int32_t>& operands, const std::vector<int32_t>& given,
                      const Type& result);
  Result<int32_t> with_dtype(int32_t tensor, const Type& from, DType to);
  Result<int32_t> with_shape(int32_t tensor, const Type& from, const std::vector<SizeVector>& shape);

  ShapeOperators& shapes_;
  ShapeOperators::AddOperator add_operator_;
  ShapeOperators::AddConstant add_constant_;
  size_t largest_;
};

}  // namespace atl
