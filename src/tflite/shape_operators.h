// Operators that compute sizes while a file's runtime prepares it: SHAPE and what LiteRT evaluates before it runs anything, so
// that every tensor has its size by then (LiteRT's compiled models lend buffers to the outputs beforehand). STRIDED_SLICE of a
// shape, CONCATENATION, MUL and RESHAPE are such; ADD, SUB, FLOOR_DIV and PACK are not, so sums and quotients are the lengths
// of vectors.
#pragma once
#include <functional>
#include <map>
#include <vector>

#include "ir/tflite_op.h"
#include "tflite/size_formula.h"

namespace atl {

class ShapeOperators {
 public:
  /// Adds an operator on tensors of the subgraph and gives its result's tensor.
  using AddOperator = std::function<Result<int32_t>(const TfliteOp&, const std::vector<int32_t>& operands, const Type& result)>;
  using AddConstant = std::function<Result<int32_t>(const Tensor&)>;
  ShapeOperators(AddOperator add_operator, AddConstant add_constant)
      : add_operator_(std::move(add_operator)), add_constant_(std::move(add_constant)) {}

  /// Says that a tensor's axis has this size; of several tensors with equal sizes the first is used.
  void offer(const SizeVector& size, int32_t tensor, size_t axis, size_t rank);
  /// True when a number can be computed from the sizes that were offered.
  bool can_express(const SizeVector& v);
  /// The open sizes that were offered, then the products of two of them.
  std::vector<SizeVector> products() const;
  /// A tensor i32[1] that holds the number. E: kSymbolic when can_express() says no.
  Result<int32_t> number(const SizeVector& v);
  /// A tensor i32[numbers.size()].
  Result<int32_t> numbers(const std::vector<SizeVector>& v);

 private:
  struct Axis {
    int32_t tensor;
    size_t axis, rank;
  };
  const SizeFormula* find(const SizeVector& v);
  Result<int32_t> compute(const SizeFormula& f);
  Result<int32_t> size_of(const Axis& a);
  Result<int32_t> zeros(int32_t length);
  Result<int32_t> length_of(int32_t vector);
  Result<int32_t> cut(int32_t vector, int32_t begin, int64_t stride);
  Result<int32_t> vector_i32(const std::vector<int64_t>& v) { return add_constant_(Tensor::of_i32(v)); }

  AddOperator add_operator_;
  AddConstant add_constant_;
  std::vector<SizeVector> sizes_;
  std::vector<Axis> axes_;
  std::map<SizeVector, std::optional<SizeFormula>> formulas_;
  std::map<SizeVector, int32_t> numbers_;
  std::map<int32_t, int32_t> shapes_;  // SHAPE of a tensor
};

}  // namespace atl
