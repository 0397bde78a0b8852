#include "api/quantization_settings.h"

#include "verify/random_inputs.h"
#include "verify/written_model.h"

namespace atl {

Result<InterfaceType> interface_type(const std::string& text, std::string_view which) {
  if (text.empty() || text == "int8" || text == "int16") return InterfaceType::kInt8;
  if (text == "uint8") return InterfaceType::kUint8;
  if (text == "float32") return InterfaceType::kFloat32;
  return error(Code::kUsage, fmt::format("there is no type '{}' for the {}", text, which),
               "the types are float32, int8, uint8 and int16");
}

Result<RangeMethod> range_method(const std::string& text) {
  if (text == "auto") return RangeMethod::kMse;
  const auto names = enum_names(RangeMethod{});
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] == text) return RangeMethod(i);
  return error(Code::kUsage, fmt::format("there is no range method '{}'", text),
               "the methods are auto, minmax, wide, percentile, mse, entropy and average");
}

Result<std::vector<NdArray>> RandomSamples::get(size_t index) const {
  TRY(const Tensors tensors, random_inputs(g_, {}, seed_ + index));
  std::vector<NdArray> out;
  for (size_t i = 0; i < tensors.size(); ++i)
    if (!g_.is_state_input(i)) out.push_back(array_of(tensors[i]));
  return out;
}

}  // namespace atl
