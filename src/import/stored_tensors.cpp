#include "import/stored_tensors.h"

#include "import/importer.h"

namespace atl {

DType dtype_of(ScalarType t) {
  switch (t) {
    case ScalarType::kUInt8:
      return DType::kU8;
    case ScalarType::kInt8:
      return DType::kI8;
    case ScalarType::kInt16:
      return DType::kI16;
    case ScalarType::kInt32:
      return DType::kI32;
    case ScalarType::kInt64:
      return DType::kI64;
    case ScalarType::kFloat16:
      return DType::kF16;
    case ScalarType::kFloat32:
      return DType::kF32;
    case ScalarType::kFloat64:
      return DType::kF64;
    case ScalarType::kBool:
      return DType::kBool;
    case ScalarType::kBFloat16:
      return DType::kBF16;
    case ScalarType::kUInt16:
      return DType::kU16;
    case ScalarType::kUInt32:
      return DType::kU32;
    case ScalarType::kUInt64:
      return DType::kU64;
    default:
      return DType::kUnknown;
  }
}

bool is_complex(ScalarType t) {
  return t == ScalarType::kComplex32 || t == ScalarType::kComplex64 || t == ScalarType::kComplex128;
}

DType part_dtype_of(ScalarType t) {
  switch (t) {
    case ScalarType::kComplex32:
      return DType::kF16;
    case ScalarType::kComplex64:
      return DType::kF32;
    case ScalarType::kComplex128:
      return DType::kF64;
    default:
      return dtype_of(t);
  }
}

Type type_of(const TensorMeta& meta) {
  Type t{part_dtype_of(meta.dtype), {}, {}};
  for (const SymDim& d : meta.sizes) t.shape.push_back(d.value);
  return t;
}

Result<std::vector<ConstantPtr>> constants_of(const SourceTensor& t) {
  const DType dtype = part_dtype_of(t.data.dtype);
  if (dtype == DType::kUnknown)
    return error(Code::kUnsupportedType, fmt::format("'{}' has element type {}", t.fqn, scalar_name(t.data.dtype)),
                 "convert it to float32 before exporting");
  const Type type{dtype, t.data.sizes, {}};
  const StoredTensor& s = t.data;
  if (!is_complex(s.dtype))
    return std::vector{Constant::view(type, s.bytes.data(), s.storage_offset, s.strides, s.owner, t.fqn)};
  // The parts alternate.
  std::vector<int64_t> strides = s.strides;
  for (int64_t& stride : strides) stride *= 2;
  return std::vector{Constant::view(type, s.bytes.data(), 2 * s.storage_offset, strides, s.owner, t.fqn + ".real"),
                     Constant::view(type, s.bytes.data(), 2 * s.storage_offset + 1, strides, s.owner, t.fqn + ".imag")};
}

std::optional<Tensor> sample_of(const SourceInput& input) {
  if (!input.sample || dtype_of(input.sample->dtype) == DType::kUnknown) return std::nullopt;
  const StoredTensor& s = *input.sample;
  const Type type{dtype_of(s.dtype), s.sizes, {}};
  auto dense = Constant::view(type, s.bytes.data(), s.storage_offset, s.strides, s.owner)->materialize();
  if (!dense) return std::nullopt;
  return *std::move(dense);
}

}  // namespace atl
