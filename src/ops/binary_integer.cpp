#include "ops/binary_integer.h"

#include <algorithm>

#include "ops/elementwise.h"

namespace atl {
namespace {

// Left shift of operands, which keeps fractions of a step while they are added: 32 bits hold the sum.
int shift_of(BinaryKind kind, DType t) { return kind == BinaryKind::kSquaredDifference ? 7 : t == DType::kI16 ? 15 : 20; }

// The scale of sums of two operands, both brought to it: twice the larger of theirs.
double common_scale(const Type& a, const Type& b) { return 2 * std::max(scale_of(a), scale_of(b)); }

// What the kernel multiplies its last intermediate by.
double output_factor(BinaryKind kind, const Type& a, const Type& b, const Type& out) {
  const auto scale = [](const Type& t) { return t.quant->scale[0]; };
  if (kind == BinaryKind::kMul) return double(scale(a) * scale(b) / scale(out));
  const double common = common_scale(a, b), steps = double(int64_t(1) << shift_of(kind, a.dtype));
  if (kind == BinaryKind::kSquaredDifference) return common * common / (steps * steps * scale_of(out));
  return common / (steps * scale_of(out));
}

}  // namespace

IntegerBinary::IntegerBinary(const Binary& o, const Type& a, const Type& b, const Type& out)
    : kind_(o.kind),
      zero_a_(zero_point_of(a)),
      zero_b_(zero_point_of(b)),
      zero_out_(zero_point_of(out)),
      shift_(shift_of(o.kind, a.dtype)),
      factor_a_(FixedPoint::of(scale_of(a) / common_scale(a, b))),
      factor_b_(FixedPoint::of(scale_of(b) / common_scale(a, b))),
      factor_out_(FixedPoint::of(output_factor(o.kind, a, b, out))),
      range_(activation_range(o.activation, out)) {}

int32_t IntegerBinary::operator()(int32_t a, int32_t b) const {
  if (kind_ == BinaryKind::kMaximum) return std::max(a, b);
  if (kind_ == BinaryKind::kMinimum) return std::min(a, b);
  a -= zero_a_;
  b -= zero_b_;
  int32_t v = a * b;
  if (kind_ != BinaryKind::kMul) {
    const int32_t x = scaled(int32_t(uint32_t(a) << shift_), factor_a_), y = scaled(int32_t(uint32_t(b) << shift_), factor_b_);
    v = kind_ == BinaryKind::kAdd ? x + y : x - y;
    if (kind_ == BinaryKind::kSquaredDifference) v *= v;
  }
  return std::clamp(zero_out_ + scaled(v, factor_out_), range_.low, range_.high);
}

Status IntegerBinary::legal(const Binary& o, TypesIn in, const Type& out) {
  const std::string_view name = enum_names(o.kind)[size_t(o.kind)];
  for (const Type* t : {&in[0], &in[1], &out}) {
    if (!t->quant || t->quant->scale.size() != 1 || t->dtype != in[0].dtype)
      return error(Code::kUnsupportedForm, fmt::format("an integer {} of {} and {} that gives {}", name, to_string(in[0]),
                                                       to_string(in[1]), to_string(out)));
    if (t->dtype == DType::kI16 && zero_point_of(*t) != 0)
      return error(Code::kUnsupportedForm, fmt::format("an integer {} with {}, which has a zero point", name, to_string(*t)));
  }
  if (o.kind == BinaryKind::kMaximum || o.kind == BinaryKind::kMinimum) {
    if (in[0].quant == in[1].quant && in[0].quant == out.quant) return {};
    return error(Code::kUnsupportedForm, fmt::format("an integer {} of {} and {} that gives {}: their scales must be one", name,
                                                     to_string(in[0]), to_string(in[1]), to_string(out)));
  }
  if (o.kind > BinaryKind::kMul && o.kind != BinaryKind::kSquaredDifference)
    return error(Code::kUnsupportedForm, fmt::format("LiteRT has no exact integer {}", name));
  if (!in_list(in[0].dtype, o.kind == BinaryKind::kSquaredDifference ? "i8" : "i8 u8 i16"))
    return error(Code::kUnsupportedType, fmt::format("an integer {} of {}", name, atl::name(in[0].dtype)));
  // Beyond these LiteRT stops the process (sums) or shifts bits out of 32 (products).
  const double factor = output_factor(o.kind, in[0], in[1], out);
  const double limit = o.kind == BinaryKind::kMul && in[0].dtype != DType::kI16 ? 32768 : 1;
  if (factor > 0 && factor < limit) return {};
  return error(Code::kUnsupportedForm,
               fmt::format("an integer {} of {} and {} that gives {}: the scales are too far apart", name, to_string(in[0]),
                           to_string(in[1]), to_string(out)),
               "calibrate with data that reaches the whole range of the layer");
}

}  // namespace atl
