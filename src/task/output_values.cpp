#include "task/output_values.h"

#include <cmath>
#include <cstring>

namespace atl {
namespace {

template <class T>
void widen(const NdArray& a, std::vector<double>& out) {
  for (const T v : a.values<T>()) out.push_back(double(v));
}

float from_half(uint16_t h) {
  const int exponent = (h >> 10) & 31, fraction = h & 1023;
  const float sign = (h & 0x8000) ? -1.0f : 1.0f;
  if (exponent == 31) return fraction ? NAN : sign * INFINITY;
  return sign * (exponent == 0 ? std::ldexp(float(fraction), -24) : std::ldexp(float(fraction + 1024), exponent - 25));
}

bool widen(const NdArray& a, std::vector<double>& out) {
  switch (a.dtype) {
    case ElementType::kF32:
      widen<float>(a, out);
      return true;
    case ElementType::kF64:
      widen<double>(a, out);
      return true;
    case ElementType::kF16:
      for (const uint16_t h : a.values<uint16_t>()) out.push_back(from_half(h));
      return true;
    case ElementType::kI8:
      widen<int8_t>(a, out);
      return true;
    case ElementType::kU8:
    case ElementType::kBool:
      widen<uint8_t>(a, out);
      return true;
    case ElementType::kI16:
      widen<int16_t>(a, out);
      return true;
    case ElementType::kI32:
      widen<int32_t>(a, out);
      return true;
    case ElementType::kI64:
      widen<int64_t>(a, out);
      return true;
    default:
      return false;
  }
}

// Applies the scale of each element's index along the quantized axis.
void dequantize(const TensorQuantization& q, OutputValues& v) {
  int64_t inner = 1;
  for (size_t i = size_t(q.axis) + 1; i < v.shape.size(); ++i) inner *= v.shape[i];
  const auto n = int64_t(q.scale.size());
  for (size_t i = 0; i < v.values.size(); ++i) {
    const auto c = size_t(n == 1 ? 0 : int64_t(i) / inner % n);
    v.values[i] = (v.values[i] - double(c < q.zero_point.size() ? q.zero_point[c] : 0)) * double(q.scale[c]);
  }
}

}  // namespace

std::vector<int64_t> OutputValues::squeezed() const {
  std::vector<int64_t> s;
  for (const int64_t d : shape)
    if (d != 1) s.push_back(d);
  return s;
}

Result<OutputValues> read_output(const TensorInfo& info, const NdArray& array) {
  OutputValues v{info.name, array.shape, {}, false, info.tensor};
  if (!widen(array, v.values))
    return error(Code::kUnsupportedType, fmt::format("output '{}' is {}: no numbers", info.name, array.text()));
  const bool scaled = info.quant && !info.quant->scale.empty() && info.quant->scale[0] > 0;
  const bool real = array.dtype == ElementType::kF32 || array.dtype == ElementType::kF16 || array.dtype == ElementType::kF64;
  if (scaled && !real) dequantize(*info.quant, v);
  v.integer = !scaled && !real;
  return v;
}

Result<std::vector<OutputValues>> read_outputs(const SignatureInfo& signature, const std::vector<NamedArray>& arrays) {
  std::vector<OutputValues> all;
  for (size_t i = 0; i < arrays.size(); ++i) {
    TRY(auto one, read_output(signature.outputs[i], arrays[i].array));
    all.push_back(std::move(one));
  }
  return all;
}

std::string describe(const SignatureInfo& signature) {
  std::string s;
  for (const TensorInfo& t : signature.outputs) s += fmt::format("{}'{}' {}", s.empty() ? "" : ", ", t.name, t.text());
  return s;
}

}  // namespace atl
