#include "ir/target.h"

#include <array>

namespace atl {
namespace {
constexpr std::array<std::string_view, 3> kNames = {"litert", "coral", "tflm"};
}

std::string_view name(TargetKind kind) { return kNames[size_t(kind)]; }

Result<TargetKind> target_from_name(std::string_view s) {
  for (size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == s) return TargetKind(i);
  return error(Code::kUsage, fmt::format("there is no target '{}'", s), "the targets are litert, coral and tflm");
}

}  // namespace atl
