// Conversion between real and quantized values.
#pragma once
#include "ir/rewrite.h"

namespace atl {

/// Real to integer (or integer to integer of other parameters): the result's type, with its parameters, is a field. With
/// `same_integers` an i8 or u8 operand's integers stay, as i16, whatever they stood for (LiteRT's CAST).
struct Quantize : OpOf<OpCode::kQuantize> {
  DType to = DType::kI8;
  std::vector<float> scale;
  std::vector<int64_t> zero_point;
  int64_t axis = 0;
  bool same_integers = false;
  static auto fields(auto& o) {
    return std::tuple{field("to", o.to), field("scale", o.scale), field("zero_point", o.zero_point), field("axis", o.axis),
                      field("same_integers", o.same_integers)};
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
/// Adds what takes a quantized value to another quantized type of its shape: QUANTIZE, or, from 8 bits to 16, which older
/// runtimes have no QUANTIZE for (tflite-runtime 2.14), CAST and an ADD that takes the zero point out and has the new scale.
Value requantized(Builder& b, Value v, const Type& type);

/// Integer to f32 by the operand's parameters (or f16 to f32).
struct Dequantize : OpOf<OpCode::kDequantize> {
  static auto fields(auto&) { return std::tuple{}; }
};

}  // namespace atl
