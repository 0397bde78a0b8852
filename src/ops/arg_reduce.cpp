#include "ir/rewrite.h"
#include "ir/tflite_op.h"
#include "ops/axis.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"

namespace atl {
namespace {

using tflite::BuiltinOperator;

constexpr std::string_view kDtypes = "f32 i32 bool";

struct ArgReduceFacts {
  static constexpr std::string_view name = "arg_reduce";
  static constexpr std::string_view summary = "the index of the largest or smallest element along an axis";
  static constexpr Layout layout = Layout::kAxisAttr;
  static constexpr Quant quant = Quant::kSameScale;

  static QuantRule quantization(const ArgReduce&, TypesIn) {
    return {.kind = Quant::kSameScale, .types = "i8 u8", .selects = false};
  }

  static Result<Types> infer(const ArgReduce& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 1, "one operand is needed, not {}", in.size());
    CHECK_OP(C2, o.axis >= 0 && o.axis < int64_t(in[0].rank()), "axis {} is outside rank {}", o.axis, in[0].rank());
    CHECK_OP(C3, in[0].shape[size_t(o.axis)] != 0, "axis {} is empty: there is no largest element", o.axis);
    CHECK_OP(C4, o.to == DType::kI32 || o.to == DType::kI64, "indices are i32 or i64, not {}", atl::name(o.to));
    Type out{o.to, in[0].shape, {}};
    out.shape.erase(out.shape.begin() + o.axis);
    return Types{out};
  }

  static Result<Tensors> eval(const ArgReduce& o, TensorsIn in) {
    const Type type = in[0].type();
    TRY(Types out, infer(o, TypesIn(&type, 1)));
    Tensor result = Tensor::make(out[0]);
    const AxisLines lines(in[0].shape(), o.axis);
    visit(in[0].dtype(), [&]<class T>(T) {
      const T* x = in[0].data<T>();
      int64_t next = 0;
      lines.each([&](int64_t first) {
        int64_t best = 0;
        for (int64_t i = 1; i < lines.size; ++i) {
          const T a = x[first + i * lines.inner], b = x[first + best * lines.inner];
          if (o.kind == ArgReduceKind::kMax ? a > b : a < b) best = i;
        }
        if (o.to == DType::kI32)
          result.mutable_data<int32_t>()[next++] = int32_t(best);
        else
          result.mutable_data<int64_t>()[next++] = best;
      });
    });
    return Tensors{result};
  }

  static std::optional<LayoutChoice> permuted(const ArgReduce& o, TypesIn in, int operand, const Perm& p) {
    const Perm x = operand == kResult ? with_axes(p, {o.axis}, in[0].rank()) : p;
    ArgReduce op = o;
    op.axis = physical_axis(x, o.axis);
    return LayoutChoice{make_op(op), {x}, without_axes(x, {o.axis})};
  }

  static Status legal(const ArgReduce&, TypesIn in) { return legal_dtype("arg_max", in[0], kDtypes); }

  static Result<TfliteOp> emit(const ArgReduce& o, TypesIn in) {
    const int version = in[0].dtype == DType::kBool ? 3 : in[0].dtype == DType::kI8 ? 2 : 1;
    const auto type = o.to == DType::kI32 ? tflite::TensorType::INT32 : tflite::TensorType::INT64;
    const int32_t axis = int32_t(o.axis);
    const Tensor axes = Tensor::of<int32_t>(DType::kI32, {}, std::span(&axis, 1));
    if (o.kind == ArgReduceKind::kMax) {
      tflite::ArgMaxOptionsT options;
      options.output_type = type;
      return TfliteOp(BuiltinOperator::ARG_MAX, version, 1, std::move(options)).constant(axes);
    }
    tflite::ArgMinOptionsT options;
    options.output_type = type;
    return TfliteOp(BuiltinOperator::ARG_MIN, version, 1, std::move(options)).constant(axes);
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    const bool max = n.code == BuiltinOperator::ARG_MAX;
    if ((!max && n.code != BuiltinOperator::ARG_MIN) || !n.present(0) || n.out.size() != 1) return not_decoded();
    TRY(const std::vector<int64_t> axes, n.ints(1));
    if (axes.size() != 1 || n.in[0]->rank() == 0) return not_decoded();
    ArgReduce op;
    op.kind = max ? ArgReduceKind::kMax : ArgReduceKind::kMin;
    TRY(op.axis, normalize_axis(axes[0], n.in[0]->rank()));
    op.to = n.out[0].dtype;
    return Decoded{make_op(op), {0}};
  }

  static Result<bool> legalize(const ArgReduce& o, Rewrite& r) { return legalize_by_cast(r, make_op(o), kDtypes); }

  static ArgReduce make(ArgReduceKind kind, int64_t axis, DType to) {
    ArgReduce o;
    o.kind = kind;
    o.axis = axis;
    o.to = to;
    return o;
  }

  static std::vector<Sample> samples() {
    const Type t{DType::kF32, {2, 3, 4, 5}, {}};
    return {
        {.op = make_op(make(ArgReduceKind::kMax, 1, DType::kI64)), .in = {t}},
        {.op = make_op(make(ArgReduceKind::kMin, 3, DType::kI32)), .in = {t}},
        {.op = make_op(make(ArgReduceKind::kMax, 0, DType::kI32)), .in = {Type{DType::kI32, {7}, {}}}, .low = -9, .high = 9},
        {.op = make_op(ArgReduce{}), .in = {}, .bad = "C1"},
        {.op = make_op(make(ArgReduceKind::kMax, 4, DType::kI32)), .in = {t}, .bad = "C2"},
        {.op = make_op(make(ArgReduceKind::kMax, 0, DType::kI32)), .in = {Type{DType::kF32, {0, 3}, {}}}, .bad = "C3"},
        {.op = make_op(make(ArgReduceKind::kMax, 0, DType::kF32)), .in = {t}, .bad = "C4"},
    };
  }
};

}  // namespace
DEFINE_OP(ArgReduce, ArgReduceFacts)
}  // namespace atl
