#include "tflite/tensor_type.h"

#include <utility>

namespace atl {
namespace {

using tflite::TensorType;
constexpr std::pair<DType, TensorType> kTypes[] = {
    {DType::kF32, TensorType::FLOAT32},   {DType::kF16, TensorType::FLOAT16},       {DType::kBF16, TensorType::BFLOAT16},
    {DType::kF64, TensorType::FLOAT64},   {DType::kI4, TensorType::INT4},           {DType::kI8, TensorType::INT8},
    {DType::kU8, TensorType::UINT8},      {DType::kI16, TensorType::INT16},         {DType::kU16, TensorType::UINT16},
    {DType::kI32, TensorType::INT32},     {DType::kU32, TensorType::UINT32},        {DType::kI64, TensorType::INT64},
    {DType::kU64, TensorType::UINT64},    {DType::kBool, TensorType::BOOL},         {DType::kC64, TensorType::COMPLEX64},
    {DType::kString, TensorType::STRING}, {DType::kResource, TensorType::RESOURCE},
};

}  // namespace

Result<TensorType> to_tensor_type(DType t) {
  for (const auto& [dtype, type] : kTypes)
    if (dtype == t) return type;
  return error(Code::kUnsupportedType, fmt::format("a .tflite file has no element type for {}", name(t)));
}

DType from_tensor_type(TensorType t) {
  for (const auto& [dtype, type] : kTypes)
    if (type == t) return dtype;
  return DType::kUnknown;
}

}  // namespace atl
