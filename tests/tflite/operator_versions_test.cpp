#include "tflite/operator_versions.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace atl {
namespace {

using Op = tflite::BuiltinOperator;

TEST(OperatorVersions, AnswersByTarget) {
  EXPECT_EQ(highest_version(Op::CONV_2D, TargetKind::kLiteRt), 8);
  EXPECT_EQ(highest_version(Op::CONV_2D, TargetKind::kCoral), 5);
  EXPECT_EQ(highest_version(Op::GELU, TargetKind::kLiteRt), 3);
  EXPECT_EQ(highest_version(Op::GELU, TargetKind::kCoral), 0);
  EXPECT_EQ(highest_version(Op::CUSTOM, TargetKind::kLiteRt), 0);
}

TEST(OperatorVersions, OlderRuntimesKnowNoMore) {
  for (const OperatorVersions& v : operator_versions()) {
    EXPECT_LE(v.coral, v.litert) << tflite::EnumNameBuiltinOperator(v.code);
    EXPECT_EQ(std::ranges::count(operator_versions(), v.code, &OperatorVersions::code), 1);
  }
}

}  // namespace
}  // namespace atl
