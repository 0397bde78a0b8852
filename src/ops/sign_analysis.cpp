#include "ops/sign_analysis.h"

#include <algorithm>

#include "ir/cast_op.h"
#include "ops/binary.h"
#include "ops/conv.h"
#include "ops/index.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/spatial.h"
#include "ops/unary.h"

namespace atl {
namespace {

constexpr int kMaxNodes = 64;
constexpr int64_t kMaxConstant = 1 << 18;  // elements looked at

bool clamps_below(Activation a) { return a == Activation::kRelu || a == Activation::kRelu6; }

class SignAnalysis {
 public:
  explicit SignAnalysis(const Graph& graph) : graph_(graph) {}

  bool non_negative(Value v) {
    if (!v.valid() || --nodes_left_ < 0) return false;
    const Node& n = graph_[v];
    if (n.constant) return constant(*n.constant);
    switch (n.op->code) {
      case OpCode::kUnary:
        return unary(graph_.as<Unary>(v)->kind, n);
      case OpCode::kSoftmax:
        return true;
      case OpCode::kConv2d:
        return clamps_below(graph_.as<Conv2d>(v)->activation);
      case OpCode::kTransposeConv2d:
        return clamps_below(graph_.as<TransposeConv2d>(v)->activation);
      case OpCode::kConv3d:
        return clamps_below(graph_.as<Conv3d>(v)->activation);
      case OpCode::kFullyConnected:
        return clamps_below(graph_.as<FullyConnected>(v)->activation);
      case OpCode::kBinary:
        return binary(*graph_.as<Binary>(v), n);
      case OpCode::kPool2d: {
        const Pool2d& p = *graph_.as<Pool2d>(v);
        return clamps_below(p.activation) || (p.activation == Activation::kNone && p.kind == PoolKind::kL2) || all(n.in);
      }
      case OpCode::kPad: {
        const Pad& p = *graph_.as<Pad>(v);
        return (p.mode != PadMode::kConstant || p.value >= 0) && all(n.in);
      }
      case OpCode::kSelect:
        return non_negative(n.in[1]) && non_negative(n.in[2]);
      case OpCode::kGather:
      case OpCode::kGatherNd:
        return non_negative(n.in[0]);
      // Copies, sums, means, products and extremes of operands without negative elements have none.
      case OpCode::kReduce:
      case OpCode::kBatchMatmul:
      case OpCode::kCumsum:
      case OpCode::kResize:
      case OpCode::kDepthToSpace:
      case OpCode::kSpaceToDepth:
      case OpCode::kReshape:
      case OpCode::kTranspose:
      case OpCode::kConcat:
      case OpCode::kSplit:
      case OpCode::kSlice:
      case OpCode::kBroadcastTo:
      case OpCode::kTile:
      case OpCode::kPack:
      case OpCode::kUnpack:
      case OpCode::kReverse:
        return is_float(graph_.type(v).dtype) && all(n.in);
      default:
        return false;
    }
  }

 private:
  bool all(const Values& in) {
    return std::all_of(in.begin(), in.end(), [&](Value v) { return non_negative(v); });
  }

  bool constant(const Constant& c) {
    const Type& t = c.type();
    if (c.is_lazy() || t.quant || !is_float(t.dtype) || element_count(t.shape) > kMaxConstant) return false;
    const auto values = c.materialize();
    if (!values) return false;
    for (int64_t i = 0; i < values->count(); ++i)
      if (element_as_double(*values, i) < 0) return false;
    return true;
  }

  bool unary(UnaryKind k, const Node& n) {
    switch (k) {
      case UnaryKind::kAbs:
      case UnaryKind::kSqrt:
      case UnaryKind::kRsqrt:
      case UnaryKind::kSquare:
      case UnaryKind::kExp:
      case UnaryKind::kLogistic:
      case UnaryKind::kRelu:
      case UnaryKind::kRelu6:
      case UnaryKind::kRelu0To1:
        return true;
      case UnaryKind::kTanh:
      case UnaryKind::kFloor:
      case UnaryKind::kCeil:
      case UnaryKind::kRound:
      case UnaryKind::kReluN1To1:
      case UnaryKind::kElu:
      case UnaryKind::kHardSwish:
      case UnaryKind::kSign:
        return all(n.in);
      default:
        return false;
    }
  }

  bool binary(const Binary& b, const Node& n) {
    if (clamps_below(b.activation)) return true;
    if (b.activation != Activation::kNone) return false;
    switch (b.kind) {
      case BinaryKind::kSquaredDifference:
        return true;
      case BinaryKind::kMaximum:
        return non_negative(n.in[0]) || non_negative(n.in[1]);
      case BinaryKind::kMul:
        return n.in[0] == n.in[1] || all(n.in);
      case BinaryKind::kAdd:
      case BinaryKind::kDiv:
      case BinaryKind::kMinimum:
        return all(n.in);
      default:
        return false;
    }
  }

  const Graph& graph_;
  int nodes_left_ = kMaxNodes;
};

}  // namespace

bool is_non_negative(const Graph& graph, Value v) { return SignAnalysis(graph).non_negative(v); }

}  // namespace atl
