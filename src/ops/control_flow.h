// Control flow: ops that run graphs.
#pragma once
#include "ir/body.h"

namespace atl {

/// Runs `body` on its own results as long as `cond` says so. Operands and results are the loop's variables, of the types of
/// body's and cond's inputs and of body's outputs; cond's only output is a bool of one element (rank 0 or 1). Without a single
/// run the results are the operands. LiteRT's WHILE.
struct While : OpOf<OpCode::kWhile> {
  Body cond, body;
  static auto fields(auto& o) { return std::tuple{field("cond", o.cond), field("body", o.body)}; }
};

/// Runs one of two graphs. Operands: a bool of one element (rank 0 or 1), then what both graphs take; the results are those of
/// the graph that ran. LiteRT's IF.
struct If : OpOf<OpCode::kIf> {
  Body then_branch, else_branch;
  static auto fields(auto& o) { return std::tuple{field("then", o.then_branch), field("else", o.else_branch)}; }
};

/// A loop that runs longer than this is not evaluated: on made up inputs it may never end.
inline constexpr int64_t kMaxTrips = 1'000'000;

}  // namespace atl
