#include "ops/wide_integers.h"

#include <algorithm>
#include <limits>

#include "ir/cast_op.h"
#include "ops/binary.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/unary.h"

namespace atl {
namespace {

constexpr int kMaxNodes = 64;
constexpr int64_t kMaxConstant = 65536;  // elements looked at

class RangeAnalysis {
 public:
  explicit RangeAnalysis(const Graph& graph) : graph_(graph) {}

  bool fits(Value v) {
    if (!v.valid() || --nodes_left_ < 0) return false;
    const DType t = graph_.type(v).dtype;
    if (t == DType::kBool || (is_integer(t) && bits(t) <= 32 && t != DType::kU32)) return true;
    if (!is_integer(t)) return false;
    const Node& n = graph_[v];
    if (n.constant) return constant(*n.constant);
    switch (n.op->code) {
      case OpCode::kArgReduce:
        return true;
      case OpCode::kTopK:
        return v.index == 1 || fits(n.in[0]);
      case OpCode::kCast:
      case OpCode::kReshape:
      case OpCode::kTranspose:
      case OpCode::kSlice:
      case OpCode::kSplit:
      case OpCode::kUnpack:
      case OpCode::kBroadcastTo:
      case OpCode::kTile:
      case OpCode::kReverse:
      case OpCode::kGather:
      case OpCode::kGatherNd:
        return fits(n.in[0]);
      case OpCode::kConcat:
      case OpCode::kPack:
        return all(n.in, 0);
      case OpCode::kSelect:
        return all(n.in, 1);
      case OpCode::kBinary:
        return binary(graph_.as<Binary>(v)->kind, n);
      case OpCode::kReduce:
        return reduce(graph_.as<Reduce>(v)->kind, n);
      default:
        return false;
    }
  }

 private:
  bool all(const Values& values, size_t from) {
    return std::all_of(values.begin() + int64_t(from), values.end(), [&](Value v) { return fits(v); });
  }
  bool binary(BinaryKind k, const Node& n) {
    if (k == BinaryKind::kFloorMod) return fits(n.in[1]);
    if (k == BinaryKind::kDiv || k == BinaryKind::kFloorDiv) return fits(n.in[0]) && !may_be_lowest(n.in[0]);
    return (k == BinaryKind::kMaximum || k == BinaryKind::kMinimum) && all(n.in, 0);
  }
  // The lowest number divided by -1 does not fit.
  bool may_be_lowest(Value v) { return graph_[v].constant != nullptr; }
  bool reduce(ReduceKind k, const Node& n) {
    if (k == ReduceKind::kMax || k == ReduceKind::kMin || k == ReduceKind::kMean) return fits(n.in[0]);
    // A count of what holds.
    const Node& from = graph_[n.in[0]];
    return k == ReduceKind::kSum && from.op->code == OpCode::kCast && graph_.type(from.in[0]).dtype == DType::kBool &&
           element_count(graph_.type(n.in[0]).shape) <= std::numeric_limits<int32_t>::max();
  }
  static bool constant(const Constant& c) {
    if (element_count(c.type().shape) > kMaxConstant) return false;
    const auto t = c.materialize();
    for (int64_t i = 0; t && i < t->count(); ++i) {
      const int64_t v = element_as_int(*t, i);
      if (v < std::numeric_limits<int32_t>::min() || v > std::numeric_limits<int32_t>::max()) return false;
    }
    return bool(t);
  }

  const Graph& graph_;
  int nodes_left_ = kMaxNodes;
};

Value compute(Builder& b, BinaryKind k, Value x, Value y) { return b.add(Binary(k), {x, y}); }
Value test(Builder& b, CompareKind k, Value x) { return b.add(Compare(k), {x, b.scalar(0, DType::kI64)}); }

}  // namespace

bool fits_i32(const Graph& graph, Value v) { return RangeAnalysis(graph).fits(v); }

// The remainder of x's sign taken off x leaves a multiple of y, without overflow. Its quotient in f32 is right to 22 bits, and
// so is that of what is then left: three rounds make 63 bits, and the last of them is exact.
Value divide_i64(Builder& b, Value x, Value y, bool round_down) {
  const Value rest = compute(b, BinaryKind::kFloorMod, x, y);
  const auto below = [&](Value v) { return b.add(Cast(DType::kI32), {test(b, CompareKind::kLess, v)}); };
  const Value apart = b.add(Compare(CompareKind::kNotEqual), {below(x), below(y)});
  const Value rounded = b.add(Logical(LogicalKind::kAnd), {apart, test(b, CompareKind::kNotEqual, rest)});
  const Value own_sign = b.add(Select{}, {rounded, compute(b, BinaryKind::kSub, rest, y), rest});
  Value left = compute(b, BinaryKind::kSub, x, own_sign), quotient;
  const Value divisor = b.add(Cast(DType::kF32), {y});
  constexpr int kRounds = 3;
  for (int i = 0; i < kRounds; ++i) {
    const Value ratio = compute(b, BinaryKind::kDiv, b.add(Cast(DType::kF32), {left}), divisor);
    const Value part = b.add(Cast(DType::kI64), {b.add(Unary(UnaryKind::kRound), {ratio})});
    quotient = i == 0 ? part : compute(b, BinaryKind::kAdd, quotient, part);
    if (i + 1 < kRounds) left = compute(b, BinaryKind::kSub, left, compute(b, BinaryKind::kMul, part, y));
  }
  return round_down ? compute(b, BinaryKind::kSub, quotient, b.add(Cast(DType::kI64), {rounded})) : quotient;
}

Value abs_i64(Builder& b, Value x) {
  return compute(b, BinaryKind::kMaximum, x, compute(b, BinaryKind::kSub, b.scalar(0, DType::kI64), x));
}

Value sign_i64(Builder& b, Value x) {
  return compute(b, BinaryKind::kSub, b.add(Cast(DType::kI64), {test(b, CompareKind::kGreater, x)}),
                 b.add(Cast(DType::kI64), {test(b, CompareKind::kLess, x)}));
}

}  // namespace atl
