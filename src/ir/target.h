// What a written file is for: the runtime that loads it, and what that runtime and its hardware take.
#pragma once
#include <cstdint>
#include <string_view>

#include "support/result.h"

namespace atl {

/// Where a file will run.
enum class TargetKind {
  kLiteRt,  ///< LiteRT 2.3.0 on any device
  kCoral,   ///< the Edge TPU, through Google's compiler 16 (TensorFlow 2.5's operators)
  kTflm,    ///< TensorFlow Lite Micro
};
/// "litert", "coral", "tflm".
std::string_view name(TargetKind kind);
/// The inverse of name(). E: kUsage with the names there are.
Result<TargetKind> target_from_name(std::string_view s);

/// A target and what the user allows for it.
struct Target {
  TargetKind kind = TargetKind::kLiteRt;
  bool allow_approximate = false;  ///< rewrites that change values a little, each with its measured cost
  bool is_coral() const { return kind == TargetKind::kCoral; }
};

}  // namespace atl
