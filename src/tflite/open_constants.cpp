#include "tflite/open_constants.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "ir/cast_op.h"
#include "ops/binary.h"
#include "ops/movement.h"
#include "ops/shape.h"
#include "ops/slice_version.h"

namespace atl {
namespace {

using tflite::BuiltinOperator;

constexpr int64_t kMaxNumbers = 64;
constexpr size_t kMaxTableBytes = size_t{64} << 20;
constexpr double kFloatTolerance = 1e-6;

// The operators whose shape-like operand LiteRT 2.3 reads while it prepares them, when it is computed by then (measured).
constexpr BuiltinOperator kReadWhenPrepared[] = {
    BuiltinOperator::RESHAPE,
    BuiltinOperator::BROADCAST_TO,
    BuiltinOperator::FILL,
    BuiltinOperator::STRIDED_SLICE,
    BuiltinOperator::PAD,
    BuiltinOperator::TILE,
    BuiltinOperator::RESIZE_BILINEAR,
    BuiltinOperator::RESIZE_NEAREST_NEIGHBOR,
};

Error unknown_way(std::string what) {
  return error(Code::kSymbolic, fmt::format("{} follows from the open sizes in a way that LiteRT cannot compute", what));
}

std::string text_of(const SizeVector& v) { return fmt::format("{}", fmt::join(v, ", ")); }

SizeVector fixed(int64_t n, size_t count) { return SizeVector(count, n); }

std::vector<SizeVector> shape_of(const Tensors& values) {
  std::vector<SizeVector> shape(values[0].shape().size());
  for (size_t a = 0; a < shape.size(); ++a)
    for (const Tensor& t : values) shape[a].push_back(t.shape()[a]);
  return shape;
}

Shape open_shape_of(const std::vector<SizeVector>& shape) {
  Shape s;
  for (const SizeVector& v : shape) s.push_back(is_fixed(v) ? v[0] : kDynamic);
  return s;
}

// How an axis divides a tensor's bytes: `outer` times `size` blocks.
struct AxisBlocks {
  size_t outer = 1, size = 1, block = 1;
  AxisBlocks(const Tensor& t, size_t axis) : size(size_t(t.shape()[axis])), block(size_t(bits(t.dtype())) / 8) {
    for (size_t a = 0; a < t.shape().size(); ++a) {
      if (a < axis) outer *= size_t(t.shape()[a]);
      if (a > axis) block *= size_t(t.shape()[a]);
    }
  }
};

bool is_same_along(const Tensor& t, size_t axis) {
  const AxisBlocks b(t, axis);
  for (size_t o = 0; o < b.outer; ++o)
    for (size_t i = 1; i < b.size; ++i)
      if (std::memcmp(t.bytes() + o * b.size * b.block, t.bytes() + (o * b.size + i) * b.block, b.block) != 0) return false;
  return b.size > 0;
}

// The first element along the axis.
Tensor first_along(const Tensor& t, size_t axis) {
  const AxisBlocks b(t, axis);
  Shape shape = t.shape();
  shape[axis] = 1;
  Tensor out = Tensor::make(Type{t.dtype(), std::move(shape), {}});
  for (size_t o = 0; o < b.outer; ++o)
    std::memcpy(out.mutable_bytes() + o * b.block, t.bytes() + o * b.size * b.block, b.block);
  return out;
}

bool all_equal(const Tensors& values) {
  return std::all_of(values.begin(), values.end(), [&](const Tensor& t) {
    return t.type() == values[0].type() &&
           (t.byte_count() == 0 || std::memcmp(t.bytes(), values[0].bytes(), t.byte_count()) == 0);
  });
}

// True when `part` is what the first elements along each axis of `whole` are.
bool is_beginning(const Tensor& part, const Tensor& whole) {
  const size_t width = size_t(bits(part.dtype())) / 8, rank = part.shape().size();
  const auto strides = contiguous_strides(whole.shape());
  const int64_t row = rank == 0 ? 1 : part.shape()[rank - 1], rows = row == 0 ? 0 : part.count() / row;
  for (int64_t r = 0; r < rows; ++r) {
    int64_t rest = r, at = 0;
    for (size_t a = rank - 1; a-- > 0;) {
      at += rest % part.shape()[a] * strides[a];
      rest /= part.shape()[a];
    }
    if (std::memcmp(part.bytes() + size_t(r * row) * width, whole.bytes() + size_t(at) * width, size_t(row) * width) != 0)
      return false;
  }
  return true;
}

}  // namespace

void drop_repeated_operand(TfliteOp& op) {
  if (op.options.type == tflite::BuiltinOptions::ReshapeOptions && op.operands.size() > 1)
    static_cast<tflite::ReshapeOptionsT*>(op.options.value)->new_shape.clear();
}

Result<int32_t> OpenConstants::add(const OpPtr& op, const Types& in, const std::vector<int32_t>& operands,
                                   const std::vector<int32_t>& given, const Type& result) {
  TRY(TfliteOp emitted, def_of(*op).emit(*op, in));
  std::vector<int32_t> tensors;
  size_t next = 0, constant = 0;
  // The last constants are the ones that are given.
  const auto constants = size_t(std::count_if(emitted.operands.begin(), emitted.operands.end(),
                                              [](const TfliteOperand& o) { return o.kind == TfliteOperand::Kind::kConstant; }));
  for (const TfliteOperand& o : emitted.operands) {
    if (o.kind == TfliteOperand::Kind::kInput) {
      tensors.push_back(operands[size_t(o.input)]);
    } else if (o.kind == TfliteOperand::Kind::kConstant && constant++ + given.size() >= constants) {
      tensors.push_back(given[next++]);
    } else if (o.kind == TfliteOperand::Kind::kConstant) {
      TRY(const int32_t t, add_constant_(o.value));
      tensors.push_back(t);
    } else {
      tensors.push_back(-1);
    }
  }
  drop_repeated_operand(emitted);
  return add_operator_(emitted, tensors, result);
}

Result<int32_t> OpenConstants::with_dtype(int32_t tensor, const Type& from, DType to) {
  if (from.dtype == to) return tensor;
  return add(make_op(Cast(to)), {from}, {tensor}, {}, Type{to, from.shape, {}});
}

Result<int32_t> OpenConstants::with_shape(int32_t tensor, const Type& from, const std::vector<SizeVector>& shape) {
  int32_t operand = -1;
  if (shape.empty()) {
    TRY(operand, add_constant_(Tensor::of_i32({})));
  } else {
    TRY(operand, reshape_operand(shape));
  }
  return add(make_op(Reshape(Shape{})), {Type{from.dtype, {}, {}}}, {tensor}, {operand},
             Type{from.dtype, open_shape_of(shape), {}});
}

// RESHAPE finds one size itself; that is the one without a formula, or the last that is open.
Result<int32_t> OpenConstants::reshape_operand(const std::vector<SizeVector>& numbers) {
  std::vector<SizeVector> v = numbers;
  std::optional<size_t> left_out;
  for (size_t i = 0; i < v.size(); ++i)
    if (!is_fixed(v[i]) && (!left_out || shapes_.can_express(v[*left_out]))) left_out = i;
  const bool empty =
      std::any_of(v.begin(), v.end(), [](const SizeVector& n) { return std::find(n.begin(), n.end(), 0) != n.end(); });
  if (left_out && !empty) v[*left_out] = fixed(-1, v[*left_out].size());
  return shapes_.numbers(v);
}

Result<int32_t> OpenConstants::operand(BuiltinOperator code, const Tensors& values) {
  const Shape& shape = values[0].shape();
  const bool same_form =
      std::all_of(values.begin(), values.end(), [&](const Tensor& t) { return t.type() == values[0].type(); });
  const std::string name = tflite::EnumNameBuiltinOperator(code);
  if (std::find(std::begin(kReadWhenPrepared), std::end(kReadWhenPrepared), code) == std::end(kReadWhenPrepared))
    return error(Code::kSymbolic, fmt::format("LiteRT's {} needs sizes that are fixed", name));
  if (!same_form || values[0].dtype() != DType::kI32 || values[0].count() > kMaxNumbers)
    return unknown_way("an operand of " + name);
  std::vector<SizeVector> numbers(size_t(values[0].count()));
  for (size_t i = 0; i < numbers.size(); ++i)
    for (const Tensor& t : values) numbers[i].push_back(t.data<int32_t>()[i]);
  if (code == BuiltinOperator::RESHAPE) {
    auto operand = reshape_operand(numbers);
    if (!operand) return unknown_way(fmt::format("the shape of {}", name));
    return operand;
  }
  for (const SizeVector& n : numbers)
    if (!shapes_.can_express(n)) return unknown_way(fmt::format("an operand of {} ({})", name, text_of(n)));
  TRY(const int32_t flat, shapes_.numbers(numbers));
  if (shape.size() == 1) return flat;
  std::vector<SizeVector> sizes;
  for (int64_t d : shape) sizes.push_back(fixed(d, values.size()));
  return with_shape(flat, Type{DType::kI32, {values[0].count()}, {}}, sizes);
}

Result<int32_t> OpenConstants::data(const std::vector<ConstantPtr>& values) {
  const Type& first = values[0]->type();
  Tensors tensors;
  for (const ConstantPtr& c : values) {
    if (c->type().dtype != first.dtype || c->type().rank() != first.rank() || c->type().quant || bits(first.dtype) % 8 != 0 ||
        bits(first.dtype) == 0)
      return unknown_way(fmt::format("a constant of type {}", to_string(first)));
    TRY(const size_t bytes, byte_size(c->type()));
    if (bytes > kMaxTableBytes)
      return error(Code::kSymbolic,
                   fmt::format("a constant of type {} depends on the open sizes, which takes a table of up to {} MB",
                               to_string(c->type()), bytes >> 20),
                   "export with a smaller torch.export.Dim(name, max=)");
    TRY(Tensor t, c->materialize());
    tensors.push_back(std::move(t));
  }
  const bool same_shape =
      std::all_of(tensors.begin(), tensors.end(), [&](const Tensor& t) { return t.shape() == first.shape; });
  return same_shape ? fixed_shape(tensors) : open_shape(tensors);
}

Result<int32_t> OpenConstants::fixed_shape(const Tensors& values) {
  const Type& type = values[0].type();
  if (is_float(type.dtype)) return scalar(values);
  if (!is_integer(type.dtype) || values[0].count() > kMaxNumbers)
    return unknown_way(fmt::format("a constant of type {}", to_string(type)));
  std::vector<SizeVector> numbers(size_t(values[0].count()));
  for (size_t i = 0; i < numbers.size(); ++i) {
    for (const Tensor& t : values) numbers[i].push_back(element_as_int(t, int64_t(i)));
    if (!shapes_.can_express(numbers[i])) return unknown_way(fmt::format("a constant ({})", text_of(numbers[i])));
  }
  const Type flat{DType::kI32, {values[0].count()}, {}};
  TRY(int32_t tensor, shapes_.numbers(numbers));
  TRY(tensor, with_dtype(tensor, flat, type.dtype));
  if (type.rank() == 1) return tensor;
  std::vector<SizeVector> shape;
  for (int64_t d : type.shape) shape.push_back(fixed(d, values.size()));
  return with_shape(tensor, Type{type.dtype, flat.shape, {}}, shape);
}

// A float that is a constant times a power of a number of elements, or of one less: the factor of a mean, of a variance, of a
// norm, the scale of an attention.
Result<int32_t> OpenConstants::scalar(const Tensors& values) {
  const Type& type = values[0].type();
  const auto number_of = [&](size_t m) { return element_as_double(values[m], 0); };
  if (type.dtype != DType::kF32 || values[0].count() != 1)
    return (unknown_way(fmt::format("a constant of type {}", to_string(type))));
  std::vector<SizeVector> counts = shapes_.products();
  // A variance divides by one less.
  for (size_t i = 0, products = counts.size(); i < products; ++i) {
    SizeVector less = counts[i];
    for (int64_t& n : less) --n;
    if (std::ranges::all_of(less, [](int64_t n) { return n > 0; }) && shapes_.can_express(less))
      counts.push_back(std::move(less));
  }
  for (const double power : {1.0, -1.0, 0.5, -0.5}) {
    for (const SizeVector& n : counts) {
      const double factor = number_of(0) / std::pow(double(n[0]), power);
      bool fits = std::isfinite(factor) && factor != 0;
      for (size_t m = 0; fits && m < values.size(); ++m)
        fits = std::abs(factor * std::pow(double(n[m]), power) - number_of(m)) <= kFloatTolerance * std::abs(number_of(m));
      if (!fits) continue;
      const Type f32{DType::kF32, {1}, {}}, i32{DType::kI32, {1}, {}};
      TRY(int32_t tensor, shapes_.number(n));
      TRY(tensor, with_dtype(tensor, i32, DType::kF32));
      TRY(const int32_t exponent, add_constant_(Tensor::of<float>(DType::kF32, {1}, std::vector<float>{float(power)})));
      TRY(const int32_t scale, add_constant_(Tensor::of<float>(DType::kF32, {1}, std::vector<float>{float(factor)})));
      if (power != 1) {
        TRY(tensor, add(make_op(Binary(BinaryKind::kPow)), {f32, f32}, {tensor, exponent}, {}, f32));
      }
      TRY(tensor, add(make_op(Binary(BinaryKind::kMul)), {f32, f32}, {tensor, scale}, {}, f32));
      if (type.rank() == 1) return tensor;
      return with_shape(tensor, f32, std::vector<SizeVector>(type.rank(), fixed(1, values.size())));
    }
  }
  return (unknown_way(
      fmt::format("a constant ({:.6g} at one size, {:.6g} at another)", number_of(0), number_of(values.size() - 1))));
}

Result<int32_t> OpenConstants::open_shape(const Tensors& values) {
  const std::vector<SizeVector> shape = shape_of(values);
  const DType dtype = values[0].dtype();
  for (const SizeVector& s : shape)
    if (!shapes_.can_express(s)) return unknown_way(fmt::format("the size of a constant ({})", text_of(s)));
  // Along an axis on which nothing changes it is broadcast.
  Tensors narrow = values;
  for (size_t a = 0; a < shape.size(); ++a) {
    if (is_fixed(shape[a]) || !std::all_of(narrow.begin(), narrow.end(), [&](const Tensor& t) { return is_same_along(t, a); }))
      continue;
    for (Tensor& t : narrow) t = first_along(t, a);
  }
  const std::vector<SizeVector> narrow_shape = shape_of(narrow);
  const bool broadcast = narrow_shape != shape;
  const bool still_open =
      !std::all_of(narrow_shape.begin(), narrow_shape.end(), [](const SizeVector& v) { return is_fixed(v); });
  int32_t tensor = -1;
  if (all_equal(narrow)) {
    TRY(tensor, add_constant_(narrow[0]));
  } else if (!still_open) {
    TRY(tensor, fixed_shape(narrow));
  } else if (auto stepped = steps(narrow, narrow_shape)) {
    TRY(tensor, std::move(*stepped));
  } else {
    TRY(tensor, beginning(narrow, narrow_shape));
  }
  if (!broadcast) return tensor;
  TRY(const int32_t sizes, shapes_.numbers(shape));
  return add(make_op(BroadcastTo(values[0].shape())), {narrow[0].type()}, {tensor}, {sizes},
             Type{dtype, open_shape_of(shape), {}});
}

// start, start + step, ... along the only axis that is not 1.
std::optional<Result<int32_t>> OpenConstants::steps(const Tensors& values, const std::vector<SizeVector>& shape) {
  const DType dtype = values[0].dtype();
  std::optional<size_t> axis;
  for (size_t a = 0; a < shape.size(); ++a) {
    if (is_fixed(shape[a]) && shape[a][0] == 1) continue;
    if (axis || is_fixed(shape[a])) return std::nullopt;
    axis = a;
  }
  if (!axis || (dtype != DType::kI32 && dtype != DType::kI64 && dtype != DType::kF32) || values[0].count() < 2)
    return std::nullopt;
  const double start = element_as_double(values[0], 0), step = element_as_double(values[0], 1) - start;
  for (const Tensor& t : values)
    for (int64_t i = 0; i < t.count(); ++i)
      if (element_as_double(t, i) != start + double(i) * step || std::abs(start + double(i) * step) > 1 << 24)
        return std::nullopt;
  if (start != std::floor(start) || step != std::floor(step)) return std::nullopt;
  return [&]() -> Result<int32_t> {
    const Type counted{DType::kI32, {kDynamic}, {}}, type{dtype, {kDynamic}, {}}, one{dtype, {1}, {}};
    TRY(const int32_t count, shapes_.number(shape[*axis]));
    TRY(const int32_t limit, with_shape(count, Type{DType::kI32, {1}, {}}, {}));
    TRY(const int32_t zero, add_constant_(Tensor::of<int32_t>(DType::kI32, {}, std::vector<int32_t>{0})));
    TRY(const int32_t unit, add_constant_(Tensor::of<int32_t>(DType::kI32, {}, std::vector<int32_t>{1})));
    TRY(int32_t tensor,
        add_operator_(TfliteOp(BuiltinOperator::RANGE, 1, 3, tflite::RangeOptionsT{}), {zero, limit, unit}, counted));
    TRY(tensor, with_dtype(tensor, counted, dtype));
    const auto number = [&](double v) {
      return add_constant_(cast(Tensor::of<double>(DType::kF64, {1}, std::vector<double>{v}), dtype));
    };
    if (step != 1) {
      TRY(const int32_t by, number(step));
      TRY(tensor, add(make_op(Binary(BinaryKind::kMul)), {one, one}, {tensor, by}, {}, type));
    }
    if (start != 0) {
      TRY(const int32_t by, number(start));
      TRY(tensor, add(make_op(Binary(BinaryKind::kAdd)), {one, one}, {tensor, by}, {}, type));
    }
    if (shape.size() == 1) return tensor;
    return with_shape(tensor, type, shape);
  }();
}

Result<int32_t> OpenConstants::beginning(const Tensors& values, const std::vector<SizeVector>& shape) {
  const Tensor& largest = values.back();
  for (const Tensor& t : values)
    for (size_t a = 0; a < shape.size(); ++a)
      if (t.shape()[a] > largest.shape()[a])
        return unknown_way(fmt::format("a constant of type {}", to_string(values[0].type())));
  for (const Tensor& t : values)
    if (!is_beginning(t, largest)) return unknown_way(fmt::format("a constant of type {}", to_string(values[0].type())));
  const auto known = std::all_of(values.end() - ptrdiff_t(largest_), values.end(),
                                 [&](const Tensor& t) { return t.shape() == largest.shape(); });
  if (largest_ == 0 || !known)
    return error(Code::kSymbolic,
                 fmt::format("a constant of type {} depends on a size without an upper end", to_string(values[0].type())),
                 "export with torch.export.Dim(name, max=...)");
  TRY(const int32_t table, add_constant_(largest));
  TRY(const int32_t sizes, shapes_.numbers(shape));
  // Of a SLICE only constant sizes are read while LiteRT prepares it.
  TRY(const int32_t begin, add_constant_(Tensor::of_i32(std::vector<int64_t>(shape.size(), 0))));
  TRY(const int32_t stride, add_constant_(Tensor::of_i32(std::vector<int64_t>(shape.size(), 1))));
  const TfliteOp slice(BuiltinOperator::STRIDED_SLICE, strided_slice_version(largest.type()), 4,
                       tflite::StridedSliceOptionsT{});
  return add_operator_(slice, {table, begin, sizes, stride}, Type{largest.dtype(), open_shape_of(shape), {}});
}

}  // namespace atl
