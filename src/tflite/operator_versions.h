// How new an operator each runtime takes. Version numbers are TensorFlow Lite's; a file states one for each of its operators.
#pragma once
#include <schema_tables.h>

#include <span>

#include "ir/target.h"

namespace atl {

/// The highest version of an operator that is registered; 0 where the operator is not.
struct OperatorVersions {
  tflite::BuiltinOperator code;
  int litert;  ///< LiteRT 2.3.0
  int coral;   ///< TensorFlow 2.5, as Google's Edge TPU compiler 16 knows it
};

/// All operators that LiteRT registers, by their codes.
std::span<const OperatorVersions> operator_versions();

/// The highest version that a target takes; 0 when it lacks the operator. TensorFlow Lite Micro looks at types, not at versions
/// (micro/operator_support.h): for kTflm it is LiteRT's.
int highest_version(tflite::BuiltinOperator code, TargetKind target);

}  // namespace atl
