#include "run/model_signatures.h"

#include <cmath>

namespace atl {
namespace {

// The C functions that read the inputs of a signature, or its outputs.
struct Side {
  litert::StatusCode (*count)(litert::Signature, size_t*);
  litert::StatusCode (*name)(litert::Signature, size_t, const char**);
  litert::StatusCode (*tensor)(litert::Signature, size_t, litert::Tensor*);
};

Status check(litert::StatusCode status, const char* what) {
  if (status == litert::kOk) return {};
  return error(Code::kRuntimeFailure, fmt::format("LiteRT cannot read {}: {}", what, litert_status_text(status)));
}

std::optional<TensorQuantization> read_quantization(const litert::Api& api, litert::Tensor tensor) {
  int kind = litert::kNotQuantized;
  if (api.quantization_kind(tensor, &kind) != litert::kOk) return std::nullopt;
  if (kind == litert::kPerTensor) {
    litert::PerTensorQuantization q{};
    if (api.per_tensor_quantization(tensor, &q) != litert::kOk) return std::nullopt;
    return TensorQuantization{{q.scale}, {q.zero_point}, 0};
  }
  if (kind == litert::kPerChannel) {
    litert::PerChannelQuantization q{};
    if (api.per_channel_quantization(tensor, &q) != litert::kOk || q.scales == nullptr) return std::nullopt;
    TensorQuantization result{{q.scales, q.scales + q.count}, std::vector<int64_t>(q.count), q.axis};
    if (q.zero_points != nullptr) result.zero_point.assign(q.zero_points, q.zero_points + q.count);
    return result;
  }
  return std::nullopt;
}

Result<TensorInfo> read_tensor(const litert::Api& api, litert::Tensor tensor) {
  TensorInfo info;
  const char* tensor_name = nullptr;
  TRY_STATUS(check(api.tensor_name(tensor, &tensor_name), "a tensor's name"));
  info.tensor_name = tensor_name != nullptr ? tensor_name : "";
  TRY_STATUS(check(api.tensor_index(tensor, &info.tensor), "a tensor's index"));
  litert::RankedTensorType type{};
  TRY_STATUS(check(api.tensor_type(tensor, &type), "a tensor's type"));
  info.litert_type = type.element_type;
  info.dtype = element_type_of(type.element_type);
  if (type.layout.rank > litert::kMaxRank) {
    return error(Code::kRuntimeFailure, fmt::format("tensor '{}' has {} axes, LiteRT runs at most {}", info.tensor_name,
                                                    unsigned{type.layout.rank}, litert::kMaxRank));
  }
  info.shape.assign(type.layout.dimensions, type.layout.dimensions + type.layout.rank);
  info.quant = read_quantization(api, tensor);
  return info;
}

Result<std::vector<TensorInfo>> read_side(const litert::Api& api, const Side& side, litert::Signature signature) {
  size_t count = 0;
  TRY_STATUS(check(side.count(signature, &count), "a signature"));
  std::vector<TensorInfo> tensors;
  for (size_t i = 0; i < count; ++i) {
    litert::Tensor tensor = nullptr;
    TRY_STATUS(check(side.tensor(signature, i, &tensor), "a signature's tensor"));
    TRY(TensorInfo info, read_tensor(api, tensor));
    const char* alias = nullptr;
    TRY_STATUS(check(side.name(signature, i, &alias), "a signature's names"));
    info.name = alias != nullptr ? alias : info.tensor_name;
    tensors.push_back(std::move(info));
  }
  return tensors;
}

}  // namespace

ElementType element_type_of(int litert_type) {
  switch (litert_type) {
    case 1:
      return ElementType::kF32;
    case 2:
      return ElementType::kI32;
    case 3:
      return ElementType::kU8;
    case 4:
      return ElementType::kI64;
    case 5:
      return ElementType::kString;
    case 6:
      return ElementType::kBool;
    case 7:
      return ElementType::kI16;
    case 8:
      return ElementType::kC64;
    case 9:
      return ElementType::kI8;
    case 10:
      return ElementType::kF16;
    case 11:
      return ElementType::kF64;
    case 12:
      return ElementType::kC128;
    case 13:
      return ElementType::kU64;
    case 16:
      return ElementType::kU32;
    case 17:
      return ElementType::kU16;
    case 18:
      return ElementType::kI4;
    case 19:
      return ElementType::kBF16;
    case 20:
      return ElementType::kI2;
    default:
      return ElementType::kUnknown;
  }
}

Result<std::vector<SignatureInfo>> read_signatures(const litert::Api& api, litert::Model model) {
  const Side inputs{api.signature_input_count, api.signature_input_name, api.signature_input};
  const Side outputs{api.signature_output_count, api.signature_output_name, api.signature_output};
  size_t count = 0;
  TRY_STATUS(check(api.signature_count(model, &count), "the signatures"));
  std::vector<SignatureInfo> signatures;
  for (size_t i = 0; i < count; ++i) {
    litert::Signature signature = nullptr;
    TRY_STATUS(check(api.signature(model, i, &signature), "a signature"));
    const char* key = nullptr;
    TRY_STATUS(check(api.signature_key(signature, &key), "a signature's key"));
    SignatureInfo info;
    info.key = key != nullptr ? key : "";
    TRY(info.inputs, read_side(api, inputs, signature));
    TRY(info.outputs, read_side(api, outputs, signature));
    signatures.push_back(std::move(info));
  }
  return signatures;
}

}  // namespace atl
