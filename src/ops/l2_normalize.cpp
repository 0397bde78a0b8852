#include <algorithm>
#include <cmath>

#include "ir/rewrite.h"
#include "ir/tflite_op.h"
#include "ops/axis.h"
#include "ops/elementwise.h"
#include "ops/fixed_point_functions.h"
#include "ops/integer_functions.h"
#include "ops/reduce.h"

namespace atl {
namespace {

using tflite::BuiltinOperator;

constexpr std::string_view kDtypes = "f32";
constexpr double kEpsilon = 1e-6;  // LiteRT's kernel divides by at least this

struct L2NormalizeFacts {
  static constexpr std::string_view name = "l2_normalize";
  static constexpr std::string_view summary =
      "division by the Euclidean norm along the last axis, which counts as at least 1e-6";
  static constexpr Layout layout = Layout::kAxisAttr;
  static constexpr Quant quant = Quant::kFixedOutput;

  static QuantRule quantization(const L2Normalize&, TypesIn) {
    return {.kind = Quant::kFixedOutput, .types = "i8 u8", .fixed = symmetric_unit_parameters};
  }

  static Result<Tensors> eval_integer(const L2Normalize&, TensorsIn in, TypesIn out) {
    const Tensor& x = in[0];
    const int32_t zero = zero_point_of(x.type()), out_zero = zero_point_of(out[0]);
    const IntegerRange range = integer_range(out[0].dtype);
    const bool is_unsigned = x.dtype() == DType::kU8;
    Tensor y = Tensor::make(out[0]);
    const AxisLines lines(x.shape(), int64_t(x.shape().size()) - 1);
    lines.each([&](int64_t first) {
      uint32_t sum = 0;
      for (int64_t i = 0; i < lines.size; ++i) {
        const int32_t v = integer_at(x, first + i) - zero;
        sum += uint32_t(v * v);
      }
      const FixedPoint inverse = inverse_root(int32_t(sum));
      const FixedPoint times_128{inverse.mantissa, inverse.exponent + 7};
      for (int64_t i = 0; i < lines.size; ++i) {
        const int32_t v = integer_at(x, first + i) - zero;
        const int32_t r = is_unsigned ? scaled(v * 128, inverse) : scaled(v, times_128);
        set_integer(y, first + i, std::clamp(r + out_zero, range.low, range.high));
      }
    });
    return Tensors{std::move(y)};
  }

  static Status legal_integer(const L2Normalize&, TypesIn in, TypesIn out) {
    TRY_STATUS(legal_integer_kernel(name, "i8 u8", in[0], out[0]));
    return legal_prescribed(name, symmetric_unit_parameters(out[0].dtype), out[0]);
  }

  static Result<Types> infer(const L2Normalize&, TypesIn in) {
    CHECK_OP(C1, in.size() == 1, "one operand is needed, not {}", in.size());
    CHECK_OP(C2, in[0].rank() > 0, "a scalar has no last axis");
    CHECK_OP(C3, is_float(in[0].dtype) || in[0].quant, "l2_normalize does not take {}", atl::name(in[0].dtype));
    return Types{in[0]};
  }

  static Result<Tensors> eval(const L2Normalize&, TensorsIn in) {
    Tensor result = Tensor::make(in[0].type());
    const AxisLines lines(in[0].shape(), int64_t(in[0].shape().size()) - 1);
    visit(in[0].dtype(), [&]<class T>(T) {
      const T* x = in[0].data<T>();
      T* y = result.mutable_data<T>();
      lines.each([&](int64_t first) {
        double sum = 0;
        for (int64_t i = 0; i < lines.size; ++i) sum += std::pow(static_cast<double>(x[first + i]), 2);
        const double norm = std::max(std::sqrt(sum), kEpsilon);
        for (int64_t i = 0; i < lines.size; ++i) y[first + i] = static_cast<T>(static_cast<double>(x[first + i]) / norm);
      });
    });
    return Tensors{result};
  }

  static std::optional<LayoutChoice> permuted(const L2Normalize& o, TypesIn in, int, const Perm& p) {
    if (p.back() != int(in[0].rank()) - 1) return std::nullopt;
    return LayoutChoice{make_op(o), {p}, p};
  }

  static Status legal(const L2Normalize&, TypesIn in) { return legal_dtype("l2_normalization", in[0], kDtypes); }

  static Result<TfliteOp> emit(const L2Normalize&, TypesIn in) {
    return TfliteOp(BuiltinOperator::L2_NORMALIZATION, in[0].dtype == DType::kI8 ? 2 : 1, 1, tflite::L2NormOptionsT{});
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    if (n.code != BuiltinOperator::L2_NORMALIZATION) return not_decoded();
    const auto* options = n.options_as<tflite::L2NormOptionsT>();
    if (options && options->fused_activation_function != tflite::ActivationFunctionType::NONE) return not_decoded();
    return Decoded{make_op(L2Normalize{}), {0}};
  }

  static Result<bool> legalize(const L2Normalize& o, Rewrite& r) { return legalize_by_cast(r, make_op(o), kDtypes); }

  static std::vector<Sample> samples() {
    return {
        {.op = make_op(L2Normalize{}), .in = {Type{DType::kF32, {2, 3, 4, 5}, {}}}},
        {.op = make_op(L2Normalize{}), .in = {Type{DType::kF32, {2, 7}, {}}}},
        {.op = make_op(L2Normalize{}), .in = {}, .bad = "C1"},
        {.op = make_op(L2Normalize{}), .in = {Type{DType::kF32, {}, {}}}, .bad = "C2"},
        {.op = make_op(L2Normalize{}), .in = {Type{DType::kI32, {3}, {}}}, .bad = "C3"},
    };
  }
};

}  // namespace
DEFINE_OP(L2Normalize, L2NormalizeFacts)
}  // namespace atl
