#include "import/stored_tensors.h"

#include "import/importer.h"

namespace atl {

Type type_of(const TensorMeta& meta) {
  Type t{dtype_of(meta.dtype), {}, {}};
  for (const SymDim& d : meta.sizes) t.shape.push_back(d.value);
  return t;
}

Result<ConstantPtr> constant_of(const SourceTensor& t) {
  const DType dtype = dtype_of(t.data.dtype);
  if (dtype == DType::kUnknown)
    return error(Code::kUnsupportedType, fmt::format("'{}' has element type {}", t.fqn, scalar_name(t.data.dtype)),
                 "convert it to float32 before exporting");
  return Constant::view(Type{dtype, t.data.sizes, {}}, t.data.bytes.data(), t.data.storage_offset, t.data.strides, t.data.owner,
                        t.fqn);
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
