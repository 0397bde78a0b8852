// CAST is declared here because every importer needs it; its facts are in ops/cast.cpp.
#pragma once
#include "ir/op.h"

namespace atl {

/// Converts the element type. Float to integer truncates toward zero and saturates, NaN gives the largest value; integers wrap.
struct Cast : OpOf<OpCode::kCast> {
  DType to = DType::kF32;
  Cast() = default;
  explicit Cast(DType t) : to(t) {}
  static auto fields(auto& o) { return std::tuple{field("to", o.to)}; }
};

}  // namespace atl
