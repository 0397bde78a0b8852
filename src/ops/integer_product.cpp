#include "ops/integer_product.h"

#include <algorithm>
#include <cmath>

#include "ops/elementwise.h"
#include "ops/quantized.h"

namespace atl {

SumScaling::SumScaling(const Type& data, const Type& weight, const Type& out, ScaleProduct product, Sums sums, Activation a)
    : sums_(sums), zero_(zero_point_of(out)), range_(activation_range(a, out)) {
  for (const float w : weight.quant->scale) {
    const float d = data.quant->scale[0];
    const double scale = product == ScaleProduct::kInDouble ? double(d) * double(w) : double(d * w);
    factors_.push_back(scale / scale_of(out));
    fixed_.push_back(FixedPoint::of(factors_.back()));
  }
}

int32_t SumScaling::operator()(int64_t channel, int64_t sum) const {
  const size_t c = factors_.size() == 1 ? 0 : size_t(channel);
  if (sums_ == Sums::kReal)
    return int32_t(std::clamp(std::round(double(sum) * factors_[c]) + zero_, double(range_.low), double(range_.high)));
  const FixedPoint f = fixed_[c];
  const auto narrow = int32_t(uint32_t(uint64_t(sum)));
  const int32_t v = sums_ == Sums::kWide   ? scaled(sum, f)
                    : sums_ == Sums::kGemm ? scaled_ties_up(narrow, f)
                                           : scaled(narrow, f);
  return std::clamp(v + zero_, range_.low, range_.high);
}

Tensor centered(const Tensor& t) {
  if (t.dtype() == DType::kI4) {
    Type steps = t.type();
    steps.quant = QuantParams{{1.0f}, {0}, 0};
    return cast(real_values(Tensor::view(steps, t.bytes(), t.owner())), DType::kF64);
  }
  Tensor out = Tensor::make(Type{DType::kF64, t.shape(), {}});
  const double zero = zero_point_of(t.type());
  double* to = out.mutable_data<double>();
  visit(t.dtype(), [&]<class T>(T) {
    const T* in = t.data<T>();
    for (int64_t i = 0, n = t.count(); i < n; ++i) to[i] = double(in[i]) - zero;
  });
  return out;
}

Tensor scale_sums(const Tensor& sums, size_t channel_axis, const Tensor& bias, const SumScaling& scaling, const Type& out) {
  Tensor result = Tensor::make(out);
  const Shape& s = sums.shape();
  int64_t inner = 1;
  for (size_t a = channel_axis + 1; a < s.size(); ++a) inner *= s[a];
  const double* from = sums.data<double>();
  for (int64_t i = 0, n = sums.count(), lines = inner ? n / inner : 0; i < lines; ++i) {
    const int64_t channel = i % s[channel_axis];
    const int64_t b = bias.bytes() ? element_as_int(bias, channel) : 0;
    for (int64_t k = i * inner; k < (i + 1) * inner; ++k)
      set_integer(result, k, scaling(channel, int64_t(uint64_t(int64_t(from[k])) + uint64_t(b))));
  }
  return result;
}

namespace {

bool zero_points_are_zero(const Type& t) {
  return std::all_of(t.quant->zero_point.begin(), t.quant->zero_point.end(), [](int64_t z) { return z == 0; });
}

Status legal_bias(const WeightedForm& form, TypesIn in) {
  const Type &data = in[0], &weight = in[1];
  if (in.size() < 3 || in[2].dtype == DType::kUnknown) {
    if (!form.needs_bias) return {};
    return error(Code::kUnsupportedForm, fmt::format("an integer {} needs a bias", form.name));
  }
  const Type& bias = in[2];
  if (!in_list(bias.dtype, data.dtype == DType::kI16 ? form.wide_biases : "i32"))
    return error(Code::kUnsupportedType, fmt::format("a bias of {} beside data of {}", name(bias.dtype), name(data.dtype)));
  if (!bias.quant || bias.quant->scale.size() != weight.quant->scale.size() || !zero_points_are_zero(bias))
    return error(Code::kUnsupportedForm,
                 fmt::format("bias {} of an integer {} with the weight {}", to_string(bias), form.name, to_string(weight)));
  for (size_t c = 0; c < bias.quant->scale.size(); ++c) {
    const double wanted = scale_of(data) * double(weight.quant->scale[c]);
    if (std::fabs(double(bias.quant->scale[c]) - wanted) > 1e-6 * wanted)
      return error(Code::kUnsupportedForm,
                   fmt::format("the bias of an integer {} has the scale {} and not {} * {}, the product of data and weight",
                               form.name, bias.quant->scale[c], scale_of(data), weight.quant->scale[c]));
  }
  return {};
}

}  // namespace

Status legal_factor(std::string_view what, double factor) {
  // XNNPACK fails the whole model from 256 on; below 2^-31 the multiplier of the builtin kernels is 0.
  if (factor > 0 && factor < 256) return {};
  return error(Code::kUnsupportedForm, fmt::format("an integer {} whose sums are multiplied by {}", what, factor),
               "calibrate with data that reaches the whole range of the layer");
}

Status legal_weighted(const WeightedForm& form, TypesIn in, const Type& out) {
  const Type &data = in[0], &weight = in[1];
  const bool u8 = data.dtype == DType::kU8;
  if (!data.quant || !weight.quant || !out.quant || data.quant->scale.size() != 1 || out.quant->scale.size() != 1 ||
      data.dtype != out.dtype)
    return error(Code::kUnsupportedForm, fmt::format("an integer {} of {} and {} that gives {}", form.name, to_string(data),
                                                     to_string(weight), to_string(out)));
  if (!in_list(data.dtype, "i8 u8 i16") || weight.dtype != (u8 ? DType::kU8 : DType::kI8))
    return error(Code::kUnsupportedType,
                 fmt::format("an integer {} of {} and weights of {}", form.name, name(data.dtype), name(weight.dtype)));
  const size_t scales = weight.quant->scale.size();
  if (scales > 1 && (u8 || weight.quant->axis != form.weight_axis))
    return error(Code::kUnsupportedForm,
                 fmt::format("the weight {} of an integer {} of {}", to_string(weight), form.name, name(data.dtype)));
  if (!u8 && !zero_points_are_zero(weight))
    return error(Code::kUnsupportedForm, fmt::format("a weight {} with a zero point", to_string(weight)));
  if (data.dtype == DType::kI16 && (zero_point_of(data) != 0 || zero_point_of(out) != 0))
    return error(Code::kUnsupportedForm, fmt::format("an integer {} of i16 with a zero point", form.name));
  if (data.dtype != DType::kI16 && form.depth > kMaxProducts)
    return error(Code::kUnsupportedForm,
                 fmt::format("an integer {} that adds up {} products, which 32 bits do not hold", form.name, form.depth),
                 "keep the layer float");
  for (const float w : weight.quant->scale) TRY_STATUS(legal_factor(form.name, scale_of(data) * double(w) / scale_of(out)));
  return legal_bias(form, in);
}

}  // namespace atl
