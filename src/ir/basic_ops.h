// The ops that every graph has.
#pragma once
#include "ir/op.h"

namespace atl {

/// A graph input; its type is given when it is added.
struct Input : OpOf<OpCode::kInput> {
  static auto fields(auto&) { return std::tuple{}; }
};
/// A constant; its value is in the node.
struct Const : OpOf<OpCode::kConst> {
  static auto fields(auto&) { return std::tuple{}; }
};

}  // namespace atl
