// An output of a model as real numbers with its shape.
#pragma once
#include <vector>

#include "run/compiled_model.h"

namespace atl {

struct OutputValues {
  std::string name;
  std::vector<int64_t> shape;
  std::vector<double> values;
  bool integer = false;  ///< of an integer type without quantization: labels, counts
  uint32_t tensor = 0;   ///< its index in the graph
  /// The shape without axes of one element.
  std::vector<int64_t> squeezed() const;
  int64_t dim(int from_end) const { return shape[shape.size() - size_t(from_end)]; }
};

/// Dequantizes an output. E: kUnsupportedType for strings and complex numbers.
Result<OutputValues> read_output(const TensorInfo& info, const NdArray& array);

/// All outputs of a signature; `arrays` in its order.
Result<std::vector<OutputValues>> read_outputs(const SignatureInfo& signature, const std::vector<NamedArray>& arrays);

/// "scores f32[1x10], boxes ...": for messages.
std::string describe(const SignatureInfo& signature);

}  // namespace atl
