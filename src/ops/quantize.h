// Conversion between real and quantized values.
#pragma once
#include "ir/op.h"

namespace atl {

/// Real to integer (or integer to integer of other parameters): the result's type, with its parameters, is a field.
struct Quantize : OpOf<OpCode::kQuantize> {
  DType to = DType::kI8;
  std::vector<float> scale;
  std::vector<int64_t> zero_point;
  int64_t axis = 0;
  static auto fields(auto& o) {
    return std::tuple{field("to", o.to), field("scale", o.scale), field("zero_point", o.zero_point), field("axis", o.axis)};
  }
};
/// The conversion to a quantized type.
inline Quantize quantize_to(const Type& type) {
  Quantize q;
  q.to = type.dtype;
  q.scale = type.quant->scale;
  q.zero_point = type.quant->zero_point;
  q.axis = type.quant->axis;
  return q;
}
/// Integer to f32 by the operand's parameters (or f16 to f32).
struct Dequantize : OpOf<OpCode::kDequantize> {
  static auto fields(auto&) { return std::tuple{}; }
};

}  // namespace atl
