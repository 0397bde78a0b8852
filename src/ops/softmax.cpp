#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "ir/rewrite.h"
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

constexpr std::string_view kDtypes = "f32 f16";

// Operands of 8 bits: exponentials from a table in f32, summed and divided in f32.
void softmax_by_table(float beta, const Tensor& x, const AxisLines& lines, Tensor& y) {
  std::array<float, 256> table{};
  const float scale = -float(scale_of(x.type())) * beta;
  for (size_t i = 0; i < table.size(); ++i) table[i] = std::exp(scale * float(i));
  const auto out_scale = float(scale_of(y.type()));
  const int32_t out_zero = zero_point_of(y.type());
  const IntegerRange range = integer_range(y.dtype());
  lines.each([&](int64_t first) {
    int32_t largest = integer_range(x.dtype()).low;
    for (int64_t i = 0; i < lines.size; ++i) largest = std::max(largest, integer_at(x, first + i * lines.inner));
    const auto exponential = [&](int64_t i) { return table[size_t(largest - integer_at(x, first + i * lines.inner))]; };
    float sum = 0;
    for (int64_t i = 0; i < lines.size; ++i) sum += exponential(i);
    const float inverse = 1.0f / (sum * out_scale);
    for (int64_t i = 0; i < lines.size; ++i) {
      const float v = exponential(i) * inverse;
      const int32_t rounded = y.dtype() == DType::kU8 ? truncated(v + 0.5f) : truncated(std::round(v)) + out_zero;
      set_integer(y, first + i * lines.inner, std::clamp(rounded, range.low, range.high));
    }
  });
}

// Operands of 16 bits: exponentials of [-10, 0] and 1 / (1 + x) from interpolated tables, all in 15 fraction bits.
void softmax_in_16_bits(float beta, const Tensor& x, const AxisLines& lines, Tensor& y) {
  constexpr double kRange = 65535;
  static const auto kExponentials =
      InterpolatedTable::of<double>(10.0 / kRange, 32767, 2.0 / kRange, 0, [](double v) { return std::exp(v); });
  static const auto kInverses =
      InterpolatedTable::of<double>(1.0 / kRange, -32768, 2.0 / kRange, 0, [](double v) { return 1.0 / (1.0 + v); });
  const FixedPoint factor = FixedPoint::of(double(float(scale_of(x.type())) * beta) / (10.0 / kRange));
  const int16_t* in = x.data<int16_t>();
  int16_t* out = y.mutable_data<int16_t>();
  const auto saturated = [](int32_t v) { return int16_t(std::clamp(v, -32768, 32767)); };
  lines.each([&](int64_t first) {
    int32_t largest = -32768, sum = 0;
    for (int64_t i = 0; i < lines.size; ++i) largest = std::max<int32_t>(largest, in[first + i * lines.inner]);
    for (int64_t i = 0; i < lines.size; ++i) {
      const int64_t at = first + i * lines.inner;
      out[at] = kExponentials(saturated(scaled(in[at] - largest, factor) + 32767));
      sum += out[at];
    }
    // The sum is 2^(16 - zeros) * (1 + a fraction of 16 bits).
    const int zeros = std::countl_zero(uint32_t(sum));
    const auto shifted = int32_t(((int64_t(sum) << (zeros - 1)) + (1 << 13)) >> 14);
    const int64_t inverse = kInverses(saturated(shifted - (1 << 15) - (1 << 16)));
    const int shift = 31 - zeros;
    for (int64_t i = 0; i < lines.size; ++i) {
      int16_t& v = out[first + i * lines.inner];
      v = int16_t(std::clamp<int64_t>((v * inverse + (int64_t(1) << (shift - 1))) >> shift, 0, 32767));
    }
  });
}

struct SoftmaxFacts {
  static constexpr std::string_view name = "softmax";
  static constexpr std::string_view summary = "exponentials along an axis, divided by their sum";
  static constexpr Layout layout = Layout::kAxisAttr;
  static constexpr Quant quant = Quant::kFixedOutput;

  static QuantRule quantization(const Softmax&, TypesIn) {
    return {.kind = Quant::kFixedOutput, .types = "i8 u8 i16", .fixed = unit_parameters};
  }

  static Result<Tensors> eval_integer(const Softmax& o, TensorsIn in, TypesIn out) {
    TRY(const int64_t axis, normalize_axis(o.axis, in[0].shape().size()));
    Tensor y = Tensor::make(out[0]);
    const AxisLines lines(in[0].shape(), axis);
    (in[0].dtype() == DType::kI16 ? softmax_in_16_bits : softmax_by_table)(float(o.beta), in[0], lines, y);
    return Tensors{std::move(y)};
  }

  static Status legal_integer(const Softmax&, TypesIn in, TypesIn out) {
    TRY_STATUS(legal_integer_kernel(name, "i8 u8 i16", in[0], out[0]));
    TRY_STATUS(legal_zero_point(name, in[0]));
    return legal_prescribed(name, unit_parameters(out[0].dtype), out[0]);
  }

  static Result<Types> infer(const Softmax& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 1, "one operand is needed, not {}", in.size());
    CHECK_OP(C2, in[0].rank() > 0 && normalize_axis(o.axis, in[0].rank()), "axis {} is outside rank {}", o.axis, in[0].rank());
    CHECK_OP(C3, is_float(in[0].dtype) || in[0].quant, "softmax does not take {}", atl::name(in[0].dtype));
    return Types{in[0]};
  }

  static Result<Tensors> eval(const Softmax& o, TensorsIn in) {
    TRY(const int64_t axis, normalize_axis(o.axis, in[0].shape().size()));
    Tensor result = Tensor::make(in[0].type());
    const AxisLines lines(in[0].shape(), axis);
    std::vector<double> e(static_cast<size_t>(lines.size));
    visit(in[0].dtype(), [&]<class T>(T) {
      const T* x = in[0].data<T>();
      T* y = result.mutable_data<T>();
      lines.each([&](int64_t first) {
        double largest = -std::numeric_limits<double>::infinity(), sum = 0;
        for (int64_t i = 0; i < lines.size; ++i) {
          e[size_t(i)] = o.beta * static_cast<double>(x[first + i * lines.inner]);
          largest = e[size_t(i)] > largest ? e[size_t(i)] : largest;
        }
        for (double& v : e) sum += v = std::exp(v - largest);
        for (int64_t i = 0; i < lines.size; ++i) y[first + i * lines.inner] = static_cast<T>(e[size_t(i)] / sum);
      });
    });
    return Tensors{result};
  }

  static std::optional<LayoutChoice> permuted(const Softmax& o, TypesIn in, int, const Perm& p) {
    Softmax op = o;
    op.axis = physical_axis(p, o.axis < 0 ? o.axis + int64_t(in[0].rank()) : o.axis);
    return LayoutChoice{make_op(op), {p}, p};
  }

  static Status legal(const Softmax& o, TypesIn in) {
    TRY_STATUS(legal_dtype("softmax", in[0], kDtypes));
    return legal_last_axis("softmax", o.axis, in[0]);
  }

  static Result<TfliteOp> emit(const Softmax& o, TypesIn in) {
    const DType t = in[0].dtype;
    tflite::SoftmaxOptionsT options;
    options.beta = float(o.beta);
    const int version = t == DType::kF16 ? 4 : t == DType::kI16 ? 3 : t == DType::kI8 ? 2 : 1;
    return TfliteOp(BuiltinOperator::SOFTMAX, version, 1, std::move(options));
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    if (n.code != BuiltinOperator::SOFTMAX || !n.present(0) || n.in[0]->rank() == 0) return not_decoded();
    Softmax op(int64_t(n.in[0]->rank()) - 1);
    if (const auto* options = n.options_as<tflite::SoftmaxOptionsT>()) op.beta = options->beta;
    return Decoded{make_op(op), {0}};
  }

  static Result<bool> canonicalize(const Softmax& o, Rewrite& r) {
    if (element_count(r.in_type(0).shape) == 0) return r.replace(r.in(0));
    if (o.axis >= 0) return false;
    Softmax op = o;
    op.axis += int64_t(r.in_type(0).rank());
    return r.replace(r.add(op, {r.in(0)}));
  }

  static Result<bool> legalize(const Softmax& o, Rewrite& r) {
    TRY(const bool moved, legalize_last_axis(o, r));
    return moved ? moved : legalize_by_cast(r, make_op(o), kDtypes);
  }

  static std::vector<Sample> samples() {
    const Type t{DType::kF32, {2, 3, 4, 5}, {}};
    Softmax sharp(3);
    sharp.beta = 2.5;
    return {
        {.op = make_op(Softmax(3)), .in = {t}, .low = -8, .high = 8},
        {.op = make_op(sharp), .in = {t}},
        {.op = make_op(Softmax(1)), .in = {t}},
        {.op = make_op(Softmax(-1)), .in = {Type{DType::kF32, {7}, {}}}, .low = -90, .high = 90},
        {.op = make_op(Softmax(0)), .in = {}, .bad = "C1"},
        {.op = make_op(Softmax(4)), .in = {t}, .bad = "C2"},
        {.op = make_op(Softmax(0)), .in = {Type{DType::kF32, {}, {}}}, .bad = "C2"},
        {.op = make_op(Softmax(0)), .in = {Type{DType::kI32, {3}, {}}}, .bad = "C3"},
    };
  }
};

}  // namespace
DEFINE_OP(Softmax, SoftmaxFacts)
}  // namespace atl
