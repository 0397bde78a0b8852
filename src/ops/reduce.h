// Reductions, scans and normalizations along axes.
#pragma once
#include "ir/op.h"

namespace atl {

enum class ReduceKind { kSum, kMean, kProd, kMax, kMin, kAny, kAll };
constexpr std::array<std::string_view, 7> enum_names(ReduceKind) { return {"sum", "mean", "prod", "max", "min", "any", "all"}; }
/// Reduction over sorted axes (>= 0, at least one); they stay with size 1 when keep_dims.
struct Reduce : OpOf<OpCode::kReduce> {
  ReduceKind kind = ReduceKind::kSum;
  std::vector<int64_t> axes;
  bool keep_dims = false;
  Reduce() = default;
  Reduce(ReduceKind k, std::vector<int64_t> a, bool keep) : kind(k), axes(std::move(a)), keep_dims(keep) {}
  static auto fields(auto& o) {
    return std::tuple{field("kind", o.kind), field("axes", o.axes), field("keep_dims", o.keep_dims)};
  }
};
enum class ArgReduceKind { kMax, kMin };
constexpr std::array<std::string_view, 2> enum_names(ArgReduceKind) { return {"max", "min"}; }
/// Index of the largest or smallest element along an axis, which disappears; the first one wins. `to` is i32 or i64.
struct ArgReduce : OpOf<OpCode::kArgReduce> {
  ArgReduceKind kind = ArgReduceKind::kMax;
  int64_t axis = 0;
  DType to = DType::kI64;
  static auto fields(auto& o) { return std::tuple{field("kind", o.kind), field("axis", o.axis), field("to", o.to)}; }
};
/// Running sum along an axis.
struct Cumsum : OpOf<OpCode::kCumsum> {
  int64_t axis = 0;
  bool exclusive = false, reverse = false;
  static auto fields(auto& o) {
    return std::tuple{field("axis", o.axis), field("exclusive", o.exclusive), field("reverse", o.reverse)};
  }
};
/// exp(beta x) / sum(exp(beta x)) along an axis. LiteRT knows only the last one.
struct Softmax : OpOf<OpCode::kSoftmax> {
  int64_t axis = -1;
  double beta = 1;
  Softmax() = default;
  explicit Softmax(int64_t a) : axis(a) {}
  static auto fields(auto& o) { return std::tuple{field("axis", o.axis), field("beta", o.beta)}; }
};
/// log(softmax(x)) along an axis. LiteRT knows only the last one.
struct LogSoftmax : OpOf<OpCode::kLogSoftmax> {
  int64_t axis = -1;
  LogSoftmax() = default;
  explicit LogSoftmax(int64_t a) : axis(a) {}
  static auto fields(auto& o) { return std::tuple{field("axis", o.axis)}; }
};
/// x / sqrt(sum(x^2)) along the last axis.
struct L2Normalize : OpOf<OpCode::kL2Normalize> {
  static auto fields(auto&) { return std::tuple{}; }
};

}  // namespace atl
