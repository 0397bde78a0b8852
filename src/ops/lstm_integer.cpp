#include "ops/lstm_integer.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "ops/elementwise.h"
#include "ops/fixed_point_functions.h"
#include "ops/integer_product.h"

namespace atl {
namespace {

// Gates are computed in Q3: steps of 2^-12.
constexpr float kGateScale = 1.0f / 4096;
constexpr int kGateIntegerBits = 3;
// Of o * tanh(c), whose magnitude is below 1, before a projection.
constexpr float kHiddenScale = 1.0f / 128;
// The kernel's tanh takes c with so many integer bits at most, and gives nothing beyond.
constexpr int kMaxCellIntegerBits = 6;
// Room for values of c beyond those of a few samples: 16 bits have steps to spare.
constexpr double kCellHeadRoom = 2;
constexpr double kWeightSteps = 127;
// Biases go up to this many steps, which leaves room in 32 bits for the sums.
constexpr double kMaxBiasSteps = double(int64_t(1) << 30);

bool absent(const Type& t) { return t.dtype == DType::kUnknown; }
bool absent(const Tensor& t) { return !t.bytes() || absent(t.type()); }

float scale32(const Type& t) { return float(scale_of(t)); }

Type with(DType dtype, const Type& like, float scale, int64_t zero = 0) {
  return {dtype, like.shape, QuantParams{{scale}, {zero}, 0}};
}

// The exponent of a power of two; nothing for another scale.
std::optional<int> power_of_two(double scale) {
  int exponent = 0;
  if (!(scale > 0) || std::frexp(scale, &exponent) != 0.5) return std::nullopt;
  return exponent - 1;
}

/// How the sums of a matrix product become integers.
struct Scaling {
  float data = 1, weight = 1, result = 1;
  // The kernel multiplies and divides in f32.
  float factor() const { return weight * data / result; }
};

Scaling input_scaling(TypesIn in, size_t gate) { return {scale32(in[kLstmX]), scale32(in[kLstmWeightIh + gate]), kGateScale}; }
Scaling recurrent_scaling(TypesIn in, size_t gate) {
  return {scale32(in[kLstmH0]), scale32(in[kLstmWeightHh + gate]), kGateScale};
}
Scaling projection_scaling(TypesIn in, float hidden) { return {hidden, scale32(in[kLstmProjection]), scale32(in[kLstmH0])}; }
float hidden_factor(float hidden) { return float(std::ldexp(1.0, -15) / double(hidden) * std::ldexp(1.0, -15)); }

/// A weight with what its product with a vector of integers starts from: the bias, less the zero point's share.
class Product {
 public:
  Product(const Tensor& weight, int32_t zero_point, const Tensor* bias, float factor)
      : weight_(weight.data<int8_t>()), rows_(weight.shape()[0]), columns_(weight.shape()[1]), factor_(FixedPoint::of(factor)) {
    for (int64_t r = 0; r < rows_; ++r) {
      uint32_t sum = 0;
      for (int64_t c = 0; c < columns_; ++c) sum += uint32_t(int32_t(weight_[r * columns_ + c]));
      const uint32_t start = bias ? uint32_t(bias->data<int32_t>()[r]) : 0;
      start_.push_back(int32_t(start + sum * uint32_t(zero_point)));
    }
  }
  int64_t rows() const { return rows_; }
  int32_t operator()(int64_t row, const int8_t* x) const {
    auto sum = uint32_t(start_[size_t(row)]);
    for (int64_t c = 0; c < columns_; ++c) sum += uint32_t(int32_t(weight_[row * columns_ + c]) * int32_t(x[c]));
    return scaled(int32_t(sum), factor_);
  }

 private:
  const int8_t* weight_;
  int64_t rows_, columns_;
  FixedPoint factor_;
  std::vector<int32_t> start_;
};

int16_t saturated(int32_t v) { return int16_t(std::clamp(v, -32768, 32767)); }

/// The layer, and its states while the sequence runs.
class IntegerCell {
 public:
  IntegerCell(const Lstm& o, TensorsIn in, TypesIn types) : hidden_(lstm_hidden_parameters(types, types[kLstmH0])) {
    const int32_t x_zero = zero_point_of(types[kLstmX]);
    h_zero_ = zero_point_of(types[kLstmH0]);
    for (size_t g = 0; g < 4; ++g) {
      input_.emplace_back(in[kLstmWeightIh + g], -x_zero, &in[kLstmBias + g], input_scaling(types, g).factor());
      recurrent_.emplace_back(in[kLstmWeightHh + g], -h_zero_, nullptr, recurrent_scaling(types, g).factor());
    }
    hidden_factor_ = FixedPoint::of(hidden_factor(hidden_.scale[0]));
    if (!absent(in[kLstmProjection]))
      projection_.emplace_back(in[kLstmProjection], 0, nullptr, projection_scaling(types, hidden_.scale[0]).factor());
    cell_exponent_ = *power_of_two(scale_of(types[kLstmC0]));
    if (o.cell_clip > 0) clip_ = int16_t(std::min(std::max(o.cell_clip / scale32(types[kLstmC0]), -32768.0f), 32767.0f));
  }

  /// One step of one batch entry.
  void step(const int8_t* x, int8_t* h, int16_t* c) const {
    const int64_t cells = input_[0].rows();
    std::vector<int8_t> next;
    for (int64_t i = 0; i < cells; ++i) {
      std::array<int16_t, 4> gate{};
      for (size_t g = 0; g < 4; ++g) {
        const auto sum = saturated(int32_t(uint32_t(int32_t(saturated(input_[g](i, x)))) + uint32_t(recurrent_[g](i, h))));
        gate[g] = g == 2 ? fixed_tanh(sum, kGateIntegerBits) : fixed_logistic(sum, kGateIntegerBits);
      }
      const auto kept = int16_t(rounding_shift(int32_t(gate[1]) * int32_t(c[i]), 15));
      const auto added = int16_t(rounding_shift(int32_t(gate[0]) * int32_t(gate[2]), 30 + cell_exponent_));
      c[i] = saturated(int32_t(kept) + int32_t(added));
      if (clip_ > 0) c[i] = std::clamp(c[i], int16_t(-clip_), clip_);
      const int32_t product = int32_t(gate[3]) * int32_t(fixed_tanh(c[i], 15 + cell_exponent_));
      const auto zero = int32_t(hidden_.zero_point[0]);
      next.push_back(int8_t(std::clamp(scaled(product, hidden_factor_) + zero, -128, 127)));
    }
    if (projection_.empty()) {
      std::copy(next.begin(), next.end(), h);
      return;
    }
    for (int64_t i = 0; i < projection_[0].rows(); ++i)
      h[i] = int8_t(std::clamp(projection_[0](i, next.data()) + h_zero_, -128, 127));
  }

 private:
  std::vector<Product> input_, recurrent_, projection_;
  QuantParams hidden_;
  FixedPoint hidden_factor_;
  int32_t h_zero_ = 0;
  int cell_exponent_ = 0;
  int16_t clip_ = 0;
};

Status legal_weights(TypesIn in, bool symmetric_only) {
  for (size_t i = 0; i < kLstmOperands; ++i) {
    if (kLstmRoles[i] != OperandRole::kWeight || absent(in[i])) continue;
    if (in[i].dtype != DType::kI8 || !in[i].quant || in[i].quant->scale.size() != 1)
      return error(Code::kUnsupportedForm, fmt::format("an integer LSTM with the weight {}", to_string(in[i])),
                   "its weights have 8 bits and one scale each");
    if (symmetric_only && zero_point_of(in[i]) != 0)
      return error(Code::kUnsupportedForm, fmt::format("a weight {} with a zero point", to_string(in[i])));
  }
  return {};
}

Status legal_biases(TypesIn in) {
  for (size_t g = 0; g < 4; ++g) {
    const Type& bias = in[kLstmBias + g];
    const double wanted = scale_of(in[kLstmX]) * scale_of(in[kLstmWeightIh + g]);
    if (bias.dtype != DType::kI32 || !bias.quant || zero_point_of(bias) != 0 ||
        std::fabs(scale_of(bias) - wanted) > 1e-6 * wanted)
      return error(Code::kUnsupportedForm,
                   fmt::format("an integer LSTM with the bias {}; its scale is the product of those of data and weight, {}",
                               to_string(bias), wanted));
  }
  return {};
}

Status legal_states(const Lstm& o, TypesIn in, TypesIn out) {
  const Type &h0 = in[kLstmH0], &c0 = in[kLstmC0];
  const auto same = [](const Type& a, const Type& b) { return a.dtype == b.dtype && a.quant == b.quant; };
  if (!same(h0, out[0]) || (o.last_h && !same(out[1], out[0])))
    return error(Code::kUnsupportedForm,
                 fmt::format("an integer LSTM whose state {} and result {} differ", to_string(h0), to_string(out[0])));
  const auto exponent = power_of_two(scale_of(c0));
  if (c0.dtype != DType::kI16 || !c0.quant || zero_point_of(c0) != 0 || !exponent || *exponent < -15 ||
      *exponent > kMaxCellIntegerBits - 15 || (o.last_c && !same(out.back(), c0)))
    return error(Code::kUnsupportedForm, fmt::format("an integer LSTM with the cell state {}", to_string(c0)),
                 "the cell has 16 bits and a scale from 2^-15 to 2^-9, a power of two");
  return {};
}

}  // namespace

Types lstm_types(TensorsIn in) {
  Types types;
  for (const Tensor& t : in) types.push_back(t.bytes() ? t.type() : absent_type());
  return types;
}

// Runtimes disagree on the sign of the zero point before a projection, so that it is 0 there.
QuantParams lstm_hidden_parameters(TypesIn in, const Type& h) {
  return absent(in[kLstmProjection]) ? *h.quant : QuantParams{{kHiddenScale}, {0}, 0};
}

IntegerForm lstm_integer_form(const Lstm& o, const FormRequest& f) {
  IntegerForm form{{f.in.begin(), f.in.end()}, {f.out.begin(), f.out.end()}};
  const Type &x = f.in[kLstmX], &h = f.out[0];
  for (size_t i = 0; i < f.in.size(); ++i) {
    if (kLstmRoles[i] != OperandRole::kWeight || absent(f.in[i])) continue;
    double scale = (f.reach[i] > 0 ? f.reach[i] : 1) / kWeightSteps;
    if (i >= kLstmWeightIh && i < kLstmWeightHh)
      scale = std::max(scale, f.reach[kLstmBias + i - kLstmWeightIh] / (scale_of(x) * kMaxBiasSteps));
    form.in[i] = with(DType::kI8, f.in[i], float(scale));
  }
  for (size_t g = 0; g < 4; ++g)
    form.in[kLstmBias + g] = with(DType::kI32, f.in[kLstmBias + g], float(scale_of(x) * scale_of(form.in[kLstmWeightIh + g])));
  form.in[kLstmH0] = with(DType::kI8, f.in[kLstmH0], scale32(h), zero_point_of(h));
  int bits = 0;
  while (bits < kMaxCellIntegerBits && std::ldexp(1.0, bits) < kCellHeadRoom * f.inner_reach[0]) ++bits;
  form.in[kLstmC0] = with(DType::kI16, f.in[kLstmC0], std::ldexp(1.0f, bits - 15));
  if (o.last_h) form.out[1] = with(DType::kI8, f.out[1], scale32(h), zero_point_of(h));
  if (o.last_c) form.out.back() = with(DType::kI16, f.out.back(), std::ldexp(1.0f, bits - 15));
  return form;
}

Status legal_integer_lstm(const Lstm& o, TypesIn in, TypesIn out) {
  if (in[kLstmX].dtype == DType::kF32) return legal_weights(in, true);
  if (in[kLstmX].dtype != DType::kI8 || out[0].dtype != DType::kI8 || !in[kLstmX].quant || !out[0].quant)
    return error(Code::kUnsupportedType,
                 fmt::format("an integer LSTM of {} that gives {}", name(in[kLstmX].dtype), name(out[0].dtype)),
                 "LiteRT registers an integer LSTM of i8 data only: --keep-float leaves the layer in float");
  TRY_STATUS(legal_weights(in, true));
  TRY_STATUS(legal_biases(in));
  TRY_STATUS(legal_states(o, in, out));
  if (std::max(in[kLstmX].shape[2], in[kLstmWeightHh].shape[1]) > kMaxProducts)
    return error(Code::kUnsupportedForm, "an integer LSTM that adds up more products than 32 bits hold",
                 "keep the layer float");
  const QuantParams hidden = lstm_hidden_parameters(in, out[0]);
  // The gates' sums become steps of 2^-12, so that large factors are usual.
  const auto check = [](double factor) -> Status {
    if (factor > 0 && factor < double(1 << 30)) return {};
    return error(Code::kUnsupportedForm, fmt::format("an integer LSTM whose sums are multiplied by {}", factor),
                 "calibrate with data that reaches the whole range of the layer");
  };
  for (size_t g = 0; g < 4; ++g) {
    TRY_STATUS(check(double(input_scaling(in, g).factor())));
    TRY_STATUS(check(double(recurrent_scaling(in, g).factor())));
  }
  TRY_STATUS(check(double(hidden_factor(hidden.scale[0]))));
  return absent(in[kLstmProjection]) ? Status{} : check(double(projection_scaling(in, hidden.scale[0]).factor()));
}

Result<Tensors> eval_integer_lstm(const Lstm& o, TensorsIn in, TypesIn out) {
  const Types types = lstm_types(in);
  TRY_STATUS(legal_integer_lstm(o, types, out));
  const Shape& shape = types[kLstmX].shape;
  const int64_t steps = shape[o.time_major ? 0 : 1], batch = shape[o.time_major ? 1 : 0], features = shape[2];
  const int64_t outputs = out[0].shape[2], cells = types[kLstmC0].shape.back();
  const IntegerCell cell(o, in, types);
  std::vector<int8_t> h(in[kLstmH0].data<int8_t>(), in[kLstmH0].data<int8_t>() + in[kLstmH0].count());
  std::vector<int16_t> c(in[kLstmC0].data<int16_t>(), in[kLstmC0].data<int16_t>() + in[kLstmC0].count());
  Tensors results;
  for (const Type& t : out) results.push_back(Tensor::make(t));
  for (int64_t t = 0; t < steps; ++t)
    for (int64_t b = 0; b < batch; ++b) {
      const int64_t line = o.time_major ? t * batch + b : b * steps + t;
      int8_t* state = h.data() + b * outputs;
      cell.step(in[kLstmX].data<int8_t>() + line * features, state, c.data() + b * cells);
      std::copy(state, state + outputs, results[0].mutable_data<int8_t>() + line * outputs);
    }
  if (o.last_h) std::copy(h.begin(), h.end(), results[1].mutable_data<int8_t>());
  if (o.last_c) std::copy(c.begin(), c.end(), results.back().mutable_data<int16_t>());
  return results;
}

}  // namespace atl
