// Masks, logic, bits and the classification of floats.
#include <cmath>
#include <limits>

#include "import/aten_elementwise.h"
#include "ops/index.h"
#include "ops/promotion.h"

namespace atl {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Value both(Builder& b, Value x, Value y) { return b.add(Logical(LogicalKind::kAnd), {x, y}); }
Value either(Builder& b, Value x, Value y) { return b.add(Logical(LogicalKind::kOr), {x, y}); }
Value differ(Builder& b, Value x, Value y) { return compare(b, CompareKind::kNotEqual, x, y); }

void import_where(SourceCall& c) {
  const Values in = promoted(c, {"self", "other"}, c.result_type().dtype);
  c.result(select(c, as_bool(c, c.tensor("condition")), in[0], in[1]));
}

void import_masked_fill(SourceCall& c) {
  const Value x = c.to_dtype(c.tensor("self"), c.result_type().dtype);
  const Value value = c.to_dtype(c.tensor_as("value", c.dtype(x)), c.dtype(x));
  c.result(select(c, as_bool(c, c.tensor("mask")), value, x));
}

template <Value (*F)(Builder&, Value, Value)>
void import_logical(SourceCall& c) {
  const Value x = as_bool(c, c.tensor_as("self", DType::kBool)), y = as_bool(c, c.tensor_as("other", DType::kBool));
  c.result(F(c, x, y));
}

void import_logical_not(SourceCall& c) {
  const Value x = c.tensor("self");
  if (c.dtype(x) == DType::kBool) return c.result(unary(c, UnaryKind::kLogicalNot, x));
  c.result(compare(c, CompareKind::kEqual, x, 0.0));
}

enum class Bits { kAnd, kOr, kXor };

template <Bits K>
void import_bitwise(SourceCall& c) {
  const Values in = promoted(c, {"self", "other"}, c.result_type().dtype);
  if (c.failed()) return;
  const Value x = in[0], y = in[1];
  if (c.dtype(x) == DType::kBool)
    return c.result(K == Bits::kAnd ? both(c, x, y) : K == Bits::kOr ? either(c, x, y) : differ(c, x, y));
  if (K == Bits::kXor) return c.result(c.add(Bitwise(BitwiseKind::kXor), {x, y}));
  const Value common = c.add(Bitwise(BitwiseKind::kAnd), {x, y});
  // x | y = x + y - (x & y)
  c.result(K == Bits::kAnd ? common : sub(c, add(c, x, y), common));
}

// ~x = -1 - x
void import_bitwise_not(SourceCall& c) {
  const Value x = c.tensor("self");
  if (c.dtype(x) == DType::kBool) return c.result(unary(c, UnaryKind::kLogicalNot, x));
  const Value ones = c.to_dtype(c.scalar(-1, DType::kI64), c.dtype(x));
  c.result(sub(c, ones, x));
}

template <BitwiseKind K>
void import_shift(SourceCall& c) {
  const Values in = promoted(c, {"self", "other"}, c.result_type().dtype);
  if (c.failed()) return;
  // By a number of places, left is a product, which LiteRT has for more element types.
  const auto places = c.uniform_value(in[1]);
  if (K == BitwiseKind::kShiftLeft && places && *places >= 0 && *places < bits(c.dtype(in[0])) - 1)
    return c.result(binary(c, BinaryKind::kMul, in[0], std::ldexp(1.0, int(*places))));
  if (c.dtype(in[0]) != DType::kI64) return c.result(c.add(Bitwise(K), in));
  // LiteRT shifts no 64 bits: powers of two from a table. The last one is the lowest number; x >> 63 is the sign.
  constexpr int kPlaces = 63;
  std::vector<int64_t> powers;
  for (int i = 0; i <= kPlaces; ++i) powers.push_back(int64_t(uint64_t(1) << i));
  const Value table = c.constant(Tensor::of<int64_t>(DType::kI64, {kPlaces + 1}, powers)), places64 = in[1];
  const Value bounded = binary(c, BinaryKind::kMaximum, binary(c, BinaryKind::kMinimum, places64, kPlaces), 0);
  const Value power = c.add(Gather(0), {table, bounded});
  if (K == BitwiseKind::kShiftLeft) return c.result(mul(c, in[0], power));
  const Value sign = sub(c, number_like(c, in[0], 0), c.to_dtype(compare(c, CompareKind::kLess, in[0], 0), DType::kI64));
  const Value last = compare(c, CompareKind::kEqual, bounded, kPlaces);
  // The divisor stays positive, which rounds down as the shift does.
  const Value divisor = select(c, last, number_like(c, in[0], 1), power);
  c.result(select(c, last, sign, binary(c, BinaryKind::kFloorDiv, in[0], divisor)));
}

// Integers are finite numbers: the answer is no.
template <Value (*F)(Builder&, Value)>
void import_float_test(SourceCall& c) {
  const Value x = c.tensor("self");
  if (is_float(c.dtype(x))) return c.result(F(c, x));
  c.result(uniform(c, c.scalar(0, DType::kBool), c.shape(x)));
}
Value is_nan(Builder& b, Value x) { return differ(b, x, x); }
Value is_infinite(Builder& b, Value x) { return compare(b, CompareKind::kEqual, unary(b, UnaryKind::kAbs, x), kInfinity); }
Value is_positive_infinity(Builder& b, Value x) { return compare(b, CompareKind::kEqual, x, kInfinity); }
Value is_negative_infinity(Builder& b, Value x) { return compare(b, CompareKind::kEqual, x, -kInfinity); }

// Below infinity, which NaN is not.
void import_isfinite(SourceCall& c) {
  const Value x = c.tensor("self");
  if (!is_float(c.dtype(x))) return c.result(uniform(c, c.scalar(1, DType::kBool), c.shape(x)));
  c.result(compare(c, CompareKind::kLess, unary(c, UnaryKind::kAbs, x), kInfinity));
}

// Negative zero shows in its reciprocal.
Value is_negative(Builder& b, Value x) {
  const Value below = compare(b, CompareKind::kLess, x, 0.0);
  if (!is_float(b.dtype(x))) return below;
  return either(b, below, compare(b, CompareKind::kLess, binary(b, BinaryKind::kDiv, 1.0, x), 0.0));
}

void import_signbit(SourceCall& c) { c.result(is_negative(c, c.tensor("self"))); }

void import_copysign(SourceCall& c) {
  const Values in = promoted(c, {"self", "other"}, c.result_type().dtype);
  if (c.failed()) return;
  const Value size = unary(c, UnaryKind::kAbs, in[0]);
  if (const auto sign = c.uniform_value(in[1]); sign && c.shape(in[0]) == broadcast(c.shape(in[0]), c.shape(in[1])))
    return c.result(std::signbit(*sign) ? unary(c, UnaryKind::kNeg, size) : size);
  c.result(select(c, is_negative(c, in[1]), unary(c, UnaryKind::kNeg, size), size));
}

void import_heaviside(SourceCall& c) {
  const Values in = promoted(c, {"self", "values"}, c.result_type().dtype);
  if (c.failed()) return;
  const Value step = c.to_dtype(compare(c, CompareKind::kGreater, in[0], 0.0), c.dtype(in[0]));
  c.result(select(c, compare(c, CompareKind::kEqual, in[0], 0.0), in[1], step));
}

void import_nan_to_num(SourceCall& c) {
  Value x = c.tensor("self");
  if (!is_float(c.dtype(x))) return c.result(x);
  const double largest = c.dtype(x) == DType::kF64    ? std::numeric_limits<double>::max()
                         : c.dtype(x) == DType::kF16  ? 65504
                         : c.dtype(x) == DType::kBF16 ? 3.3895313892515355e38
                                                      : std::numeric_limits<float>::max();
  x = select(c, is_nan(c, x), number_like(c, x, c.number("nan", 0)), x);
  // The default of an infinity is the largest number: a bound. Another one must not touch numbers.
  if (c.has("posinf"))
    x = select(c, is_positive_infinity(c, x), number_like(c, x, c.number("posinf")), x);
  else
    x = binary(c, BinaryKind::kMinimum, largest, x);
  if (c.has("neginf"))
    x = select(c, is_negative_infinity(c, x), number_like(c, x, c.number("neginf")), x);
  else
    x = binary(c, BinaryKind::kMaximum, -largest, x);
  c.result(x);
}

void import_isclose(SourceCall& c) {
  const Values in = promoted(c, {"self", "other"});
  if (c.failed()) return;
  const bool equal_nan = c.boolean("equal_nan");
  Value close = compare(c, CompareKind::kEqual, in[0], in[1]);
  if (is_float(c.dtype(in[0]))) {
    const Value gap = unary(c, UnaryKind::kAbs, sub(c, in[0], in[1]));
    const Value part = binary(c, BinaryKind::kMul, unary(c, UnaryKind::kAbs, in[1]), c.number("rtol", 1e-5));
    const Value allowed = binary(c, BinaryKind::kAdd, part, c.number("atol", 1e-8));
    const Value finite = compare(c, CompareKind::kLess, allowed, kInfinity);
    close = either(c, close, both(c, finite, compare(c, CompareKind::kLessEqual, gap, allowed)));
    if (equal_nan) close = either(c, close, both(c, is_nan(c, in[0]), is_nan(c, in[1])));
  } else if (c.number("rtol", 1e-5) >= 1e-4 || c.number("atol", 1e-8) >= 1) {
    return c.unsupported("isclose of integers with these tolerances", "convert the operands to float");
  }
  c.result(close);
}

constexpr Import kImports[] = {
    {"aten.where.self", import_where},
    {"aten.where.ScalarOther", import_where},
    {"aten.where.ScalarSelf", import_where},
    {"aten.where.Scalar", import_where},
    {"aten.masked_fill.Scalar", import_masked_fill},
    {"aten.masked_fill.Tensor", import_masked_fill},
    {"aten.logical_and.default", import_logical<both>},
    {"aten.logical_or.default", import_logical<either>},
    {"aten.logical_xor.default", import_logical<differ>},
    {"aten.logical_not.default", import_logical_not},
    {"aten.bitwise_and.Tensor", import_bitwise<Bits::kAnd>},
    {"aten.bitwise_and.Scalar", import_bitwise<Bits::kAnd>},
    {"aten.bitwise_and.Scalar_Tensor", import_bitwise<Bits::kAnd>},
    {"aten.__and__.Tensor", import_bitwise<Bits::kAnd>},
    {"aten.__and__.Scalar", import_bitwise<Bits::kAnd>},
    {"aten.bitwise_or.Tensor", import_bitwise<Bits::kOr>},
    {"aten.bitwise_or.Scalar", import_bitwise<Bits::kOr>},
    {"aten.bitwise_or.Scalar_Tensor", import_bitwise<Bits::kOr>},
    {"aten.__or__.Tensor", import_bitwise<Bits::kOr>},
    {"aten.__or__.Scalar", import_bitwise<Bits::kOr>},
    {"aten.bitwise_xor.Tensor", import_bitwise<Bits::kXor>},
    {"aten.bitwise_xor.Scalar", import_bitwise<Bits::kXor>},
    {"aten.bitwise_xor.Scalar_Tensor", import_bitwise<Bits::kXor>},
    {"aten.__xor__.Tensor", import_bitwise<Bits::kXor>},
    {"aten.__xor__.Scalar", import_bitwise<Bits::kXor>},
    {"aten.bitwise_not.default", import_bitwise_not},
    {"aten.bitwise_left_shift.Tensor", import_shift<BitwiseKind::kShiftLeft>},
    {"aten.bitwise_left_shift.Tensor_Scalar", import_shift<BitwiseKind::kShiftLeft>},
    {"aten.bitwise_left_shift.Scalar_Tensor", import_shift<BitwiseKind::kShiftLeft>},
    {"aten.__lshift__.Tensor", import_shift<BitwiseKind::kShiftLeft>},
    {"aten.__lshift__.Scalar", import_shift<BitwiseKind::kShiftLeft>},
    {"aten.bitwise_right_shift.Tensor", import_shift<BitwiseKind::kShiftRight>},
    {"aten.bitwise_right_shift.Tensor_Scalar", import_shift<BitwiseKind::kShiftRight>},
    {"aten.bitwise_right_shift.Scalar_Tensor", import_shift<BitwiseKind::kShiftRight>},
    {"aten.__rshift__.Tensor", import_shift<BitwiseKind::kShiftRight>},
    {"aten.__rshift__.Scalar", import_shift<BitwiseKind::kShiftRight>},
    {"aten.isnan.default", import_float_test<is_nan>},
    {"aten.isinf.default", import_float_test<is_infinite>},
    {"aten.isposinf.default", import_float_test<is_positive_infinity>},
    {"aten.isneginf.default", import_float_test<is_negative_infinity>},
    {"aten.isfinite.default", import_isfinite},
    {"aten.isclose.default", import_isclose},
    {"aten.signbit.default", import_signbit},
    {"aten.copysign.Tensor", import_copysign},
    {"aten.copysign.Scalar", import_copysign},
    {"aten.heaviside.default", import_heaviside},
    {"aten.nan_to_num.default", import_nan_to_num},
};

}  // namespace

std::span<const Import> aten_logic() { return kImports; }

}  // namespace atl
