#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "ir/tflite_op.h"
#include "ops/axis.h"
#include "ops/elementwise.h"
#include "ops/fixed_point.h"
#include "ops/function_table.h"
#include "ops/integer_functions.h"
#include "ops/last_axis.h"
#include "ops/reduce.h"

namespace atl {
namespace {

using tflite::BuiltinOperator;

constexpr std::string_view kDtypes = "f32";

struct LogSoftmaxFacts {
  static constexpr std::string_view name = "log_softmax";
  static constexpr std::string_view summary = "the logarithm of softmax along an axis";
  static constexpr Layout layout = Layout::kAxisAttr;
  static constexpr Quant quant = Quant::kFixedOutput;

  static QuantRule quantization(const LogSoftmax&, TypesIn) {
    return {.kind = Quant::kFixedOutput, .types = "i8 u8", .fixed = parameters};
  }

  static QuantParams parameters(DType t) { return {{16.0f / 256}, {t == DType::kU8 ? 255 : 127}, 0}; }

  // Exponentials from a table in f32; the rest in f32.
  static Result<Tensors> eval_integer(const LogSoftmax& o, TensorsIn in, TypesIn out) {
    const Tensor& x = in[0];
    TRY(const int64_t axis, normalize_axis(o.axis, x.shape().size()));
    const AxisLines lines(x.shape(), axis);
    const auto scale = float(scale_of(x.type())), out_scale = float(scale_of(out[0]));
    std::array<float, 256> table{};
    for (size_t i = 0; i < table.size(); ++i) table[i] = std::exp(-scale * float(i));
    const IntegerRange range = integer_range(out[0].dtype);
    Tensor y = Tensor::make(out[0]);
    lines.each([&](int64_t first) {
      const auto at = [&](int64_t i) { return integer_at(x, first + i * lines.inner); };
      int32_t largest = integer_range(x.dtype()).low;
      for (int64_t i = 0; i < lines.size; ++i) largest = std::max(largest, at(i));
      float sum = 0;
      for (int64_t i = 0; i < lines.size; ++i) sum += table[size_t(largest - at(i))];
      const float offset = (scale * float(largest) + std::log(sum)) / out_scale;
      for (int64_t i = 0; i < lines.size; ++i) {
        const float v = std::rint(scale / out_scale * float(at(i)) - offset) + float(zero_point_of(out[0]));
        set_integer(y, first + i * lines.inner, std::clamp(truncated(v), range.low, range.high));
      }
    });
    return Tensors{std::move(y)};
  }

  static Status legal_integer(const LogSoftmax&, TypesIn in, TypesIn out) {
    TRY_STATUS(legal_integer_kernel(name, "i8 u8", in[0], out[0]));
    return legal_prescribed(name, parameters(out[0].dtype), out[0]);
  }

  static Result<Types> infer(const LogSoftmax& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 1, "one operand is needed, not {}", in.size());
    CHECK_OP(C2, in[0].rank() > 0 && normalize_axis(o.axis, in[0].rank()), "axis {} is outside rank {}", o.axis, in[0].rank());
    CHECK_OP(C3, is_float(in[0].dtype) || in[0].quant, "log_softmax does not take {}", atl::name(in[0].dtype));
    return Types{in[0]};
  }

  static Result<Tensors> eval(const LogSoftmax& o, TensorsIn in) {
    TRY(const int64_t axis, normalize_axis(o.axis, in[0].shape().size()));
    Tensor result = Tensor::make(in[0].type());
    const AxisLines lines(in[0].shape(), axis);
    visit(in[0].dtype(), [&]<class T>(T) {
      const T* x = in[0].data<T>();
      T* y = result.mutable_data<T>();
      lines.each([&](int64_t first) {
        double largest = -std::numeric_limits<double>::infinity(), sum = 0;
        for (int64_t i = 0; i < lines.size; ++i) largest = std::max(largest, static_cast<double>(x[first + i * lines.inner]));
        for (int64_t i = 0; i < lines.size; ++i) sum += std::exp(static_cast<double>(x[first + i * lines.inner]) - largest);
        const double log_sum = std::log(sum);
        for (int64_t i = 0; i < lines.size; ++i) {
          const int64_t at = first + i * lines.inner;
          y[at] = static_cast<T>(static_cast<double>(x[at]) - largest - log_sum);
        }
      });
    });
    return Tensors{result};
  }

  static std::optional<LayoutChoice> permuted(const LogSoftmax& o, TypesIn in, int, const Perm& p) {
    return LayoutChoice{make_op(LogSoftmax(physical_axis(p, o.axis < 0 ? o.axis + int64_t(in[0].rank()) : o.axis))), {p}, p};
  }

  static Status legal(const LogSoftmax& o, TypesIn in) {
    TRY_STATUS(legal_dtype("log_softmax", in[0], kDtypes));
    return legal_last_axis("log_softmax", o.axis, in[0]);
  }

  static Result<TfliteOp> emit(const LogSoftmax&, TypesIn in) {
    return TfliteOp(BuiltinOperator::LOG_SOFTMAX, in[0].dtype == DType::kI8 ? 2 : 1, 1, tflite::LogSoftmaxOptionsT{});
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    if (n.code != BuiltinOperator::LOG_SOFTMAX || !n.present(0) || n.in[0]->rank() == 0) return not_decoded();
    return Decoded{make_op(LogSoftmax(int64_t(n.in[0]->rank()) - 1)), {0}};
  }

  static Result<bool> canonicalize(const LogSoftmax& o, Rewrite& r) {
    if (element_count(r.in_type(0).shape) == 0) return r.replace(r.in(0));
    if (o.axis >= 0) return false;
    return r.replace(r.add(LogSoftmax(o.axis + int64_t(r.in_type(0).rank())), {r.in(0)}));
  }

  static Result<bool> legalize(const LogSoftmax& o, Rewrite& r) {
    TRY(const bool moved, legalize_last_axis(o, r));
    return moved ? moved : legalize_by_cast(r, make_op(o), kDtypes);
  }

  static std::vector<Sample> samples() {
    const Type t{DType::kF32, {2, 3, 4, 5}, {}};
    return {
        {.op = make_op(LogSoftmax(3)), .in = {t}, .low = -8, .high = 8},
        {.op = make_op(LogSoftmax(1)), .in = {t}},
        {.op = make_op(LogSoftmax(-1)), .in = {Type{DType::kF32, {7}, {}}}, .low = -90, .high = 90},
        {.op = make_op(LogSoftmax(0)), .in = {}, .bad = "C1"},
        {.op = make_op(LogSoftmax(4)), .in = {t}, .bad = "C2"},
        {.op = make_op(LogSoftmax(0)), .in = {Type{DType::kI32, {3}, {}}}, .bad = "C3"},
    };
  }
};

}  // namespace
DEFINE_OP(LogSoftmax, LogSoftmaxFacts)
}  // namespace atl
