// Quantization that a program states itself: the quantize and dequantize nodes of PT2E and torchao, and torch's fake
// quantization (QAT), as QUANTIZE and DEQUANTIZE with the program's scales.
//   dequantize_per_tensor(quantize_per_tensor(x, 0.5, 3, ...), 0.5, 3, ...)  ->  dequantize(quantize {i8, 0.5, 3} (x))
//   dequantize_per_channel(weight of i8, scales, ...)                        ->  dequantize(i8 constant with parameters)
#include "import/aten_quantization.h"

#include <algorithm>
#include <cmath>

#include "import/aten_elementwise.h"
#include "import/refusal.h"
#include "ops/elementwise.h"
#include "ops/fixed_point.h"
#include "ops/quantize.h"

namespace atl {
namespace {

/// The parameters of one node.
struct Steps {
  QuantParams params;
  int64_t low = 0, high = 0;  // of the integers
  DType dtype = DType::kUnknown;
  bool by_axis() const { return params.scale.size() > 1; }
};

// A number, or the elements of a constant tensor.
std::optional<std::vector<double>> numbers(SourceCall& c, std::string_view arg) {
  const SourceArg* a = c.arg(arg);
  if (!a) return std::nullopt;
  if (const auto* d = std::get_if<double>(a)) return std::vector<double>{*d};
  if (const auto* i = std::get_if<int64_t>(a)) return std::vector<double>{double(*i)};
  const auto* v = std::get_if<Value>(a);
  const auto t = v ? c.constant_value(*v) : std::nullopt;
  if (!t) return std::nullopt;
  std::vector<double> out;
  for (int64_t i = 0; i < t->count(); ++i) out.push_back(element_as_double(*t, i));
  return out;
}

// Scales and zero points; false after a refusal.
bool read_parameters(SourceCall& c, std::string_view scale, std::string_view zero_point, QuantParams& q) {
  const auto scales = numbers(c, scale);
  const auto zeros = c.has(zero_point) ? numbers(c, zero_point) : std::vector<double>(scales ? scales->size() : 0, 0.0);
  if (!scales || !zeros || scales->empty() || scales->size() != zeros->size()) {
    c.unsupported("quantization whose scales are computed while the program runs", std::string(kDynamicQuantizationHint));
    return false;
  }
  for (size_t i = 0; i < scales->size(); ++i) {
    const double s = (*scales)[i], z = (*zeros)[i];
    if (!(std::isfinite(s) && float(s) > 0) || z != std::nearbyint(z)) {
      c.unsupported(fmt::format("quantization with scale {} and zero point {}", s, z),
                    "scales are positive and finite, zero points whole numbers");
      return false;
    }
    q.scale.push_back(float(s));
    q.zero_point.push_back(int64_t(z));
  }
  return true;
}

std::optional<Steps> steps_of(SourceCall& c, std::string_view scale, std::string_view zero_point) {
  Steps s;
  if (!read_parameters(c, scale, zero_point, s.params)) return std::nullopt;
  const auto low = numbers(c, "quant_min"), high = numbers(c, "quant_max");
  if (!low || !high || low->size() != 1 || high->size() != 1) {
    c.unsupported("quantization without constant bounds");
    return std::nullopt;
  }
  s.low = int64_t((*low)[0]);
  s.high = int64_t((*high)[0]);
  return s;
}

// Numbers, one for each index of the axis, in a shape that broadcasts against x.
Value along_axis(SourceCall& c, Value x, const Steps& s, const std::vector<double>& values) {
  if (values.size() == 1) return c.scalar(values[0]);
  Shape shape(c.rank(x), 1);
  shape[size_t(s.params.axis)] = int64_t(values.size());
  Tensor t = Tensor::make(Type{DType::kF32, std::move(shape), {}});
  for (size_t i = 0; i < values.size(); ++i) t.mutable_data<float>()[i] = float(values[i]);
  return c.constant(std::move(t));
}

Value scales(SourceCall& c, Value x, const Steps& s) {
  return along_axis(c, x, s, std::vector<double>(s.params.scale.begin(), s.params.scale.end()));
}
Value zero_points(SourceCall& c, Value x, const Steps& s) {
  return along_axis(c, x, s, std::vector<double>(s.params.zero_point.begin(), s.params.zero_point.end()));
}
// What an integer stands for.
Value bound(SourceCall& c, Value x, const Steps& s, int64_t integer) {
  std::vector<double> real;
  for (size_t i = 0; i < s.params.scale.size(); ++i)
    real.push_back(double(s.params.scale[i]) * double(integer - s.params.zero_point[i]));
  return along_axis(c, x, s, real);
}

// Of the types that LiteRT quantizes to.
std::optional<IntegerRange> bounds_of(DType t) {
  return in_list(t, "i8 u8 i16") ? std::optional(integer_range(t)) : std::nullopt;
}

bool fits_axis(SourceCall& c, Value x, const Steps& s) {
  const auto axis = size_t(s.params.axis);
  if (!s.by_axis() || (axis < c.rank(x) && c.shape(x)[axis] == int64_t(s.params.scale.size()))) return true;
  c.unsupported(fmt::format("{} scales along axis {} of {}", s.params.scale.size(), axis, to_string(c.type(x))));
  return false;
}

// LiteRT's quantized tensors: 8 bits, or 16 around zero.
bool has_quantized_type(const Steps& s) {
  const auto b = bounds_of(s.dtype);
  return b && std::ranges::all_of(s.params.zero_point,
                                  [&](int64_t z) { return s.dtype == DType::kI16 ? z == 0 : z >= b->low && z <= b->high; });
}

// The integers as floats, wherever they lie: round(x / scale) + zero point.
Value unbounded_steps(SourceCall& c, Value x, const Steps& s) {
  return add(c, unary(c, UnaryKind::kRound, div(c, x, scales(c, x, s))), zero_points(c, x, s));
}

Value counted_steps(SourceCall& c, Value x, const Steps& s) {
  return clamp(c, unbounded_steps(c, x, s), double(s.low), double(s.high));
}

Value quantized(SourceCall& c, Value x, const Steps& s) {
  if (!has_quantized_type(s)) return c.to_dtype(counted_steps(c, x, s), s.dtype);
  // Kernels use all of a type's integers; one that the program leaves out makes a difference of one step.
  const IntegerRange all = *bounds_of(s.dtype);
  if (s.low - all.low > 1) x = binary(c, BinaryKind::kMaximum, x, bound(c, x, s, s.low));
  if (all.high - s.high > 1) x = binary(c, BinaryKind::kMinimum, x, bound(c, x, s, s.high));
  Quantize q;
  q.to = s.dtype;
  q.scale = s.params.scale;
  q.zero_point = s.params.zero_point;
  q.axis = s.params.axis;
  return c.add(std::move(q), {x});
}

// The same integers less their zero points, where i8 holds those; others as they are.
Tensor symmetric(const Tensor& t, const Steps& s, QuantParams& q) {
  if (std::ranges::all_of(q.zero_point, [](int64_t z) { return z == 0; }) && t.dtype() != DType::kU8) return t;
  int64_t inner = 1;
  for (size_t a = size_t(q.axis) + 1; s.by_axis() && a < t.shape().size(); ++a) inner *= t.shape()[a];
  Tensor out = Tensor::make(Type{DType::kI8, t.shape(), {}});
  for (int64_t i = 0; i < t.count(); ++i) {
    const int64_t v = element_as_int(t, i) - q.zero_point[size_t(i / inner) % q.zero_point.size()];
    if (v < -128 || v > 127) return t;
    out.mutable_data<int8_t>()[i] = int8_t(v);
  }
  q.zero_point.assign(q.zero_point.size(), 0);
  return out;
}

// A constant of integers becomes one with parameters.
Value with_parameters(SourceCall& c, const Constant& constant, const Steps& s) {
  auto t = constant.materialize();
  if (!t) {
    c.fail(std::move(t.error()));
    return {};
  }
  QuantParams q = s.params;
  const Tensor integers = symmetric(*t, s, q);
  const Type type{integers.dtype(), integers.shape(), std::move(q)};
  return c.constant(Constant::of(Tensor::view(type, integers.bytes(), integers.owner()), constant.name()));
}

Value dequantized(SourceCall& c, Value x, const Steps& s) {
  const Type& type = c.type(x);
  if (type.quant) {
    if (type.quant->scale == s.params.scale && type.quant->zero_point == s.params.zero_point) return c.add(Dequantize(), {x});
    c.unsupported("dequantization with other parameters than the tensor was quantized with");
    return {};
  }
  const Constant* constant = c.graph().constant(x);
  if (constant && (bounds_of(type.dtype) || type.dtype == DType::kI32)) {
    const Value with = with_parameters(c, *constant, s);
    return with.valid() ? c.add(Dequantize(), {with}) : Value{};
  }
  return mul(c, sub(c, c.to_dtype(x, DType::kF32), zero_points(c, x, s)), scales(c, x, s));
}

Value real_operand(SourceCall& c, std::string_view arg) { return c.to_dtype(c.tensor(arg), DType::kF32); }

void real_result(SourceCall& c, Value y) {
  const DType wanted = c.result_type().dtype;
  if (!c.failed()) c.result(is_float(wanted) ? c.to_dtype(y, wanted) : y);
}

void quantize_with(SourceCall& c, std::optional<Steps> s, DType dtype) {
  const Value x = real_operand(c, "input");
  if (c.failed() || !s || !fits_axis(c, x, *s)) return;
  s->dtype = dtype;
  c.result(quantized(c, x, *s));
}
void dequantize_with(SourceCall& c, std::optional<Steps> s) {
  const Value x = c.tensor("input");
  if (c.failed() || !s || !fits_axis(c, x, *s)) return;
  real_result(c, dequantized(c, x, *s));
}

DType stated_dtype(SourceCall& c, std::string_view arg) {
  const DType recorded = c.result_type().dtype;
  return recorded != DType::kUnknown ? recorded : c.dtype_arg(arg, DType::kI8);
}

void import_quantize(SourceCall& c) { quantize_with(c, steps_of(c, "scale", "zero_point"), stated_dtype(c, "dtype")); }
void import_dequantize(SourceCall& c) { dequantize_with(c, steps_of(c, "scale", "zero_point")); }

std::optional<Steps> channel_steps(SourceCall& c, Value x) {
  auto s = steps_of(c, "scales", "zero_points");
  if (s && x.valid()) s->params.axis = int(c.axis("axis", c.rank(x)));
  return s;
}
void import_quantize_channels(SourceCall& c) {
  quantize_with(c, channel_steps(c, c.tensor("input")), stated_dtype(c, "dtype"));
}
void import_dequantize_channels(SourceCall& c) { dequantize_with(c, channel_steps(c, c.tensor("input"))); }

// A block is the whole tensor, or one index of one axis.
std::optional<Steps> block_steps(SourceCall& c, Value x) {
  Steps s;
  if (!x.valid() || !read_parameters(c, "scale", "zero_point", s.params)) return std::nullopt;
  const std::vector<int64_t> block = c.integers("block_size");
  const Shape& shape = c.shape(x);
  size_t cut = 0;
  for (size_t a = 0; a < shape.size() && a < block.size(); ++a) {
    if (block[a] == shape[a]) continue;
    s.params.axis = int(a);
    cut += block[a] == 1 ? 1 : 2;
  }
  if (cut > 1 || block.size() != shape.size()) {
    c.unsupported(fmt::format("quantization of {} in blocks of {}", to_string(c.type(x)), to_string(Shape(block))),
                  "LiteRT has one scale for a tensor, or one for each index of an axis: PerTensor() or PerAxis()");
    return std::nullopt;
  }
  const IntegerRange all = bounds_of(c.dtype(x)).value_or(integer_range(DType::kI8));
  s.low = int64_t(c.number("quant_min", double(all.low)));
  s.high = int64_t(c.number("quant_max", double(all.high)));
  return s;
}
void import_quantize_affine(SourceCall& c) {
  auto s = block_steps(c, c.tensor("input"));
  const DType to = stated_dtype(c, "output_dtype");
  if (s && !c.has("quant_min"))
    if (const auto all = bounds_of(to)) s->low = all->low, s->high = all->high;
  quantize_with(c, s, to);
}
void import_dequantize_affine(SourceCall& c) { dequantize_with(c, block_steps(c, c.tensor("input"))); }

DType smallest_type(const Steps& s) {
  for (const DType t : {DType::kI8, DType::kU8, DType::kI16})
    if (const IntegerRange b = integer_range(t); s.low >= b.low && s.high <= b.high) return t;
  return DType::kUnknown;
}

// Quantized and dequantized at once; the second result, where there is one, says which elements were within the bounds.
void fake_quantize(SourceCall& c, std::optional<Steps> s) {
  const Value x = real_operand(c, "self");
  if (c.failed() || !s || !fits_axis(c, x, *s)) return;
  s->dtype = smallest_type(*s);
  const Value y = has_quantized_type(*s) ? dequantized(c, quantized(c, x, *s), *s)
                                         : mul(c, sub(c, counted_steps(c, x, *s), zero_points(c, x, *s)), scales(c, x, *s));
  real_result(c, y);
  if (c.failed() || c.result_count() < 2) return;
  const Value n = unbounded_steps(c, x, *s);
  const Value inside = c.add(Logical(LogicalKind::kAnd), {compare(c, CompareKind::kGreaterEqual, n, double(s->low)),
                                                          compare(c, CompareKind::kLessEqual, n, double(s->high))});
  c.results({c.results()[0], inside});
}

// A switch that is a tensor in torch.
std::optional<bool> is_on(SourceCall& c, std::string_view arg) {
  const auto v = numbers(c, arg);
  return v && v->size() == 1 ? std::optional((*v)[0] != 0) : std::nullopt;
}

void import_fake_quantize(SourceCall& c) {
  if (c.has("fake_quant_enabled")) {
    const auto on = is_on(c, "fake_quant_enabled");
    if (!on) return c.unsupported("fake quantization that is switched while the program runs");
    if (!*on) return c.results({c.tensor("self"), uniform(c, c.scalar(1, DType::kBool), c.shape(c.tensor("self")))});
  }
  fake_quantize(c, steps_of(c, "scale", "zero_point"));
}

void import_fake_quantize_channels(SourceCall& c) {
  auto s = steps_of(c, "scale", "zero_point");
  const Value x = c.tensor("self");
  if (s && x.valid()) s->params.axis = int(c.axis("axis", c.rank(x)));
  fake_quantize(c, s);
}

void import_observed(SourceCall& c) {
  const auto observes = is_on(c, "observer_on"), on = is_on(c, "fake_quant_on");
  if (!observes || *observes || !on)
    return c.unsupported("fake quantization whose observers are still at work",
                         "export what convert_pt2e makes of the model, or switch them off first: "
                         "model.apply(torch.ao.quantization.disable_observer)");
  const Value x = c.tensor("self");
  if (!*on || !x.valid()) return c.results({x, uniform(c, c.scalar(1, DType::kBool), c.shape(x))});
  auto s = steps_of(c, "scale", "zero_point");
  if (s && s->by_axis()) s->params.axis = int(c.axis("ch_axis", c.rank(x)));
  fake_quantize(c, s);
}

void import_no_fuse(SourceCall& c) { c.result(c.to_dtype(c.tensor("input"), c.dtype_arg("dtype", DType::kF32))); }

constexpr Import kImports[] = {
    {"quantized_decomposed.quantize_per_tensor.default", import_quantize},
    {"quantized_decomposed.quantize_per_tensor.tensor", import_quantize},
    {"quantized_decomposed.quantize_per_tensor.tensor2", import_quantize},
    {"quantized_decomposed.quantize_per_channel.default", import_quantize_channels},
    {"quantized_decomposed.dequantize_per_tensor.default", import_dequantize},
    {"quantized_decomposed.dequantize_per_tensor.tensor", import_dequantize},
    {"quantized_decomposed.dequantize_per_tensor.tensor2", import_dequantize},
    {"quantized_decomposed.dequantize_per_channel.default", import_dequantize_channels},
    {"quantized_decomposed.convert_element_type.no_fuse", import_no_fuse},
    {"torchao.quantize_affine.default", import_quantize_affine},
    {"torchao.dequantize_affine.default", import_dequantize_affine},
    {"aten.fake_quantize_per_tensor_affine.default", import_fake_quantize},
    {"aten.fake_quantize_per_tensor_affine.tensor_qparams", import_fake_quantize},
    {"aten.fake_quantize_per_tensor_affine_cachemask.default", import_fake_quantize},
    {"aten._fake_quantize_per_tensor_affine_cachemask_tensor_qparams.default", import_fake_quantize},
    {"aten.fake_quantize_per_channel_affine.default", import_fake_quantize_channels},
    {"aten.fake_quantize_per_channel_affine_cachemask.default", import_fake_quantize_channels},
    {"aten.fused_moving_avg_obs_fake_quant.default", import_observed},
    {"aten._fused_moving_avg_obs_fq_helper.default", import_observed},
};

}  // namespace

std::span<const Import> aten_quantization() { return kImports; }

}  // namespace atl
