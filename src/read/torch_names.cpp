#include "read/torch_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace atl {
namespace {

struct NamedType {
  std::string_view name;
  ScalarType type;
};
/// torch.FloatStorage and its like; torch.storage.UntypedStorage has no type.
constexpr std::array kStorages = {
    NamedType{"ByteStorage", ScalarType::kUInt8},
    NamedType{"CharStorage", ScalarType::kInt8},
    NamedType{"ShortStorage", ScalarType::kInt16},
    NamedType{"IntStorage", ScalarType::kInt32},
    NamedType{"LongStorage", ScalarType::kInt64},
    NamedType{"HalfStorage", ScalarType::kFloat16},
    NamedType{"FloatStorage", ScalarType::kFloat32},
    NamedType{"DoubleStorage", ScalarType::kFloat64},
    NamedType{"BoolStorage", ScalarType::kBool},
    NamedType{"BFloat16Storage", ScalarType::kBFloat16},
    NamedType{"ComplexFloatStorage", ScalarType::kComplex64},
    NamedType{"ComplexDoubleStorage", ScalarType::kComplex128},
    NamedType{"UntypedStorage", ScalarType::kUnknown},
};

constexpr std::array<std::string_view, 11> kKnownGlobals = {
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor_v3",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
    "torch._tensor._rebuild_from_type_v2",
    "torch.Tensor",
    "torch.nn.parameter.Parameter",
    "torch.nn.parameter.Buffer",
    "torch.Size",
    "collections.OrderedDict",
};

}  // namespace

std::optional<ScalarType> storage_type(std::string_view name) {
  const auto it = std::find_if(kStorages.begin(), kStorages.end(), [&](const auto& s) { return s.name == name; });
  if (it == kStorages.end()) return std::nullopt;
  return it->type;
}

std::optional<ScalarType> scalar_type_named(std::string_view name) {
  for (int i = 1; i <= static_cast<int>(ScalarType::kUInt64); ++i) {
    const auto type = scalar_type_of(i);
    if (type && scalar_name(*type) == name) return type;
  }
  return std::nullopt;
}

bool is_known_global(std::string_view module, std::string_view name) {
  if (module == "torch" || module == "torch.storage") {
    if (storage_type(name)) return true;
    if (module == "torch" && scalar_type_named(name)) return true;
  }
  const std::string full = fmt::format("{}.{}", module, name);
  return std::find(kKnownGlobals.begin(), kKnownGlobals.end(), full) != kKnownGlobals.end();
}

}  // namespace atl
