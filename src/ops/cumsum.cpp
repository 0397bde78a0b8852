#include "ir/rewrite.h"
#include "ir/tflite_op.h"
#include "ops/axis.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"

namespace atl {
namespace {

using tflite::BuiltinOperator;

constexpr std::string_view kDtypes = "f32 i32 i64";

struct CumsumFacts {
  static constexpr std::string_view name = "cumsum";
  static constexpr std::string_view summary = "the running sum along an axis";
  static constexpr Layout layout = Layout::kAxisAttr;
  static constexpr Quant quant = Quant::kFloatOnly;

  static Result<Types> infer(const Cumsum& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 1, "one operand is needed, not {}", in.size());
    CHECK_OP(C2, o.axis >= 0 && o.axis < int64_t(in[0].rank()), "axis {} is outside rank {}", o.axis, in[0].rank());
    CHECK_OP(C3, in[0].dtype != DType::kBool, "a running sum does not take bool");
    return Types{in[0]};
  }

  static Result<Tensors> eval(const Cumsum& o, TensorsIn in) {
    Tensor result = Tensor::make(in[0].type());
    const AxisLines lines(in[0].shape(), o.axis);
    visit(in[0].dtype(), [&]<class T>(T) {
      using Sum = std::conditional_t<std::is_integral_v<T>, uint64_t, double>;
      const T* x = in[0].data<T>();
      T* y = result.mutable_data<T>();
      lines.each([&](int64_t first) {
        Sum sum = 0;
        for (int64_t i = 0; i < lines.size; ++i) {
          const int64_t at = first + (o.reverse ? lines.size - 1 - i : i) * lines.inner;
          const Sum before = sum;
          sum += static_cast<Sum>(x[at]);
          y[at] = static_cast<T>(o.exclusive ? before : sum);
        }
      });
    });
    return Tensors{result};
  }

  static std::optional<LayoutChoice> permuted(const Cumsum& o, TypesIn, int, const Perm& p) {
    Cumsum op = o;
    op.axis = physical_axis(p, o.axis);
    return LayoutChoice{make_op(op), {p}, p};
  }

  static Status legal(const Cumsum&, TypesIn in) { return legal_dtype("cumsum", in[0], kDtypes); }

  static Result<TfliteOp> emit(const Cumsum& o, TypesIn) {
    tflite::CumsumOptionsT options;
    options.exclusive = o.exclusive;
    options.reverse = o.reverse;
    const int32_t axis = int32_t(o.axis);
    return TfliteOp(BuiltinOperator::CUMSUM, 1, 1, std::move(options))
        .constant(Tensor::of<int32_t>(DType::kI32, {}, std::span(&axis, 1)));
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    if (n.code != BuiltinOperator::CUMSUM || !n.present(0)) return not_decoded();
    TRY(const std::vector<int64_t> axes, n.ints(1));
    if (axes.size() != 1 || n.in[0]->rank() == 0) return not_decoded();
    Cumsum op;
    TRY(op.axis, normalize_axis(axes[0], n.in[0]->rank()));
    if (const auto* options = n.options_as<tflite::CumsumOptionsT>()) {
      op.exclusive = options->exclusive;
      op.reverse = options->reverse;
    }
    return Decoded{make_op(op), {0}};
  }

  static Result<bool> legalize(const Cumsum& o, Rewrite& r) { return legalize_by_cast(r, make_op(o), kDtypes); }

  static Cumsum make(int64_t axis, bool exclusive, bool reverse) {
    Cumsum o;
    o.axis = axis;
    o.exclusive = exclusive;
    o.reverse = reverse;
    return o;
  }

  static std::vector<Sample> samples() {
    const Type f{DType::kF32, {2, 3, 5}, {}}, i{DType::kI64, {2, 3, 5}, {}};
    return {
        {.op = make_op(make(1, false, false)), .in = {f}},
        {.op = make_op(make(2, true, false)), .in = {f}},
        {.op = make_op(make(0, false, true)), .in = {f}},
        {.op = make_op(make(2, true, true)), .in = {i}, .low = -9, .high = 9},
        {.op = make_op(make(0, false, false)), .in = {}, .bad = "C1"},
        {.op = make_op(make(3, false, false)), .in = {f}, .bad = "C2"},
        {.op = make_op(make(0, false, false)), .in = {Type{DType::kBool, {3}, {}}}, .bad = "C3"},
    };
  }
};

}  // namespace
DEFINE_OP(Cumsum, CumsumFacts)
}  // namespace atl
