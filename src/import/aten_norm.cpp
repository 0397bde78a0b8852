// Normalizations as elementwise arithmetic and reductions. The scale and shift of a batch norm are arithmetic on constants,
// which folding turns into constants and fusion into the convolution before them.
#include <cmath>

#include "import/arithmetic.h"
#include "import/aten.h"
#include "import/vector_norm.h"

namespace atl {
namespace {

/// A per-channel vector [C] beside x [N,C,...].
Value along_channels(SourceCall& c, Value v, Value x) {
  Shape shape(c.rank(x), 1);
  if (shape.size() > 1) shape[1] = element_count(c.shape(v));
  return reshape(c, v, std::move(shape));
}

struct Standardized {
  Value y, mean, rstd;  ///< mean and 1 / sqrt(var + eps) with kept axes
};

/// (x - mean) / sqrt(var + eps) over `axes` and `last_axes`, two-pass: the variance is the mean of squared deviations.
/// `last_axes` are averaged after the others: in channels-last layout one reduction over both is strided, and several times
/// slower.
Standardized standardize(SourceCall& c, Value x, const std::vector<int64_t>& axes, double eps,
                         const std::vector<int64_t>& last_axes = {}) {
  const auto mean_of = [&](Value v) {
    const Value m = reduce(c, ReduceKind::kMean, v, axes, true);
    return last_axes.empty() ? m : reduce(c, ReduceKind::kMean, m, last_axes, true);
  };
  const Value mean = mean_of(x);
  const Value centered = sub(c, x, mean);
  const Value variance = mean_of(mul(c, centered, centered));
  const Value rstd = unary(c, UnaryKind::kRsqrt, binary(c, BinaryKind::kAdd, variance, eps));
  return {mul(c, centered, rstd), mean, rstd};
}

/// x * weight + bias, each optional.
Value scale_and_shift(SourceCall& c, Value x, Value weight, Value bias) {
  if (weight.valid()) x = mul(c, x, weight);
  if (bias.valid()) x = add(c, x, bias);
  return x;
}

/// Normalization in a float type that the arithmetic has; the result goes back to torch's type.
Value computed(SourceCall& c, Value x) { return c.dtype(x) == DType::kBF16 ? c.to_dtype(x, DType::kF32) : x; }

Value parameter(SourceCall& c, std::string_view name, Value x) {
  const Value v = c.optional_tensor(name);
  return v.valid() ? c.to_dtype(v, c.dtype(x)) : v;
}

std::vector<int64_t> axes_but_channels(size_t rank) {
  std::vector<int64_t> axes;
  for (size_t a = 0; a < rank; ++a)
    if (a != 1) axes.push_back(int64_t(a));
  return axes;
}

/// Running statistics that the model keeps would change with every run in training mode. Ones that the caller passes in stay
/// the caller's: the result does not depend on them.
bool keeps_statistics(SourceCall& c, Value mean, Value var) {
  const auto stored = [&](Value v) { return v.valid() && c.graph().constant(v); };
  return stored(mean) || stored(var);
}

/// A saved statistic as torch gives it: per channel, or without elements where nothing was computed.
Value saved(SourceCall& c, size_t i, Value v) {
  if (i >= c.result_count()) return {};
  const Type& t = c.result_type(i);
  if (v.valid() && element_count(t.shape) == element_count(c.shape(v))) return reshape(c, v, t.shape);
  return element_count(t.shape) == 0 ? c.constant(Tensor::make(t)) : Value{};
}

void batch_norm(SourceCall& c, bool use_batch_statistics, double eps) {
  const Value x = computed(c, c.tensor("input"));
  if (c.failed()) return;
  if (c.rank(x) < 2) return c.unsupported(fmt::format("an operand of {} axes", c.rank(x)));
  const Value weight = parameter(c, "weight", x), bias = parameter(c, "bias", x);
  const Value mean = parameter(c, "running_mean", x), var = parameter(c, "running_var", x);
  if (use_batch_statistics || !mean.valid() || !var.valid()) {
    if (keeps_statistics(c, mean, var))
      return c.unsupported("batch normalization in training mode changes its running statistics",
                           "call model.eval() before torch.export.export()");
    const Standardized s = standardize(c, x, axes_but_channels(c.rank(x)), eps);
    const Value y = scale_and_shift(c, s.y, weight.valid() ? along_channels(c, weight, x) : weight,
                                    bias.valid() ? along_channels(c, bias, x) : bias);
    return c.results({c.to_dtype(y, c.dtype(c.tensor("input"))), saved(c, 1, s.mean), saved(c, 2, s.rstd), saved(c, 3, {})});
  }
  Value scale = unary(c, UnaryKind::kRsqrt, binary(c, BinaryKind::kAdd, var, eps));
  if (weight.valid()) scale = mul(c, scale, weight);
  Value shift = mul(c, mean, scale);
  shift = bias.valid() ? sub(c, bias, shift) : unary(c, UnaryKind::kNeg, shift);
  const Value y = scale_and_shift(c, x, along_channels(c, scale, x), along_channels(c, shift, x));
  c.results({c.to_dtype(y, c.dtype(c.tensor("input"))), saved(c, 1, {}), saved(c, 2, {}), saved(c, 3, {})});
}

void import_batch_norm(SourceCall& c) { batch_norm(c, c.boolean("training"), c.number("eps")); }
void import_training_batch_norm(SourceCall& c) { batch_norm(c, true, c.number("eps")); }
void import_inference_batch_norm(SourceCall& c) { batch_norm(c, false, c.number("eps")); }
void import_device_batch_norm(SourceCall& c) { batch_norm(c, c.boolean("training"), c.number("epsilon")); }

void import_layer_norm(SourceCall& c) {
  const Value input = c.tensor("input"), x = computed(c, input);
  const size_t normalized = c.integers("normalized_shape").size(), rank = c.rank(x);
  if (c.failed()) return;
  if (normalized == 0 || normalized > rank) return c.unsupported("normalized_shape has more axes than the operand");
  std::vector<int64_t> axes;
  for (size_t a = rank - normalized; a < rank; ++a) axes.push_back(int64_t(a));
  const Standardized s = standardize(c, x, axes, c.number("eps", 1e-5));
  const Value y = scale_and_shift(c, s.y, parameter(c, "weight", x), parameter(c, "bias", x));
  c.results({c.to_dtype(y, c.dtype(input)), s.mean, s.rstd});
}

void import_rms_norm(SourceCall& c) {
  const Value input = c.tensor("input"), x = computed(c, input);
  const size_t normalized = c.integers("normalized_shape").size(), rank = c.rank(x);
  if (c.failed()) return;
  if (normalized == 0 || normalized > rank) return c.unsupported("normalized_shape has more axes than the operand");
  std::vector<int64_t> axes;
  for (size_t a = rank - normalized; a < rank; ++a) axes.push_back(int64_t(a));
  const double machine = c.dtype(x) == DType::kF64 ? 0x1p-52 : c.dtype(x) == DType::kF16 ? 0x1p-10 : 0x1p-23;
  const Value square = reduce(c, ReduceKind::kMean, mul(c, x, x), axes, true);
  const Value y = mul(c, x, unary(c, UnaryKind::kRsqrt, binary(c, BinaryKind::kAdd, square, c.number("eps", machine))));
  c.result(c.to_dtype(scale_and_shift(c, y, parameter(c, "weight", x), {}), c.dtype(input)));
}

/// x [N,C,...] normalized over each of `groups` groups of channels and all axes behind them, which are one axis there: kernels
/// of older runtimes broadcast four axes.
Standardized group_norm(SourceCall& c, Value x, int64_t groups, double eps) {
  const Shape shape = c.shape(x);
  const int64_t channels = shape[1];
  std::vector<int64_t> spatial;
  for (int64_t a = 2; a < int64_t(shape.size()); ++a) spatial.push_back(a);
  if (groups == channels && !spatial.empty()) return standardize(c, x, spatial, eps);
  if (groups == 1) {
    spatial.insert(spatial.begin(), 1);
    return standardize(c, x, spatial, eps);
  }
  Shape grouped{shape[0], groups, channels / groups};
  if (!spatial.empty()) grouped.push_back(element_count(Shape(shape.begin() + 2, shape.end())));
  Standardized s = spatial.empty() ? standardize(c, reshape(c, x, grouped), {2}, eps)
                                   : standardize(c, reshape(c, x, grouped), {3}, eps, {2});
  s.y = reshape(c, s.y, shape);
  return s;
}

void import_group_norm(SourceCall& c) {
  const Value input = c.tensor("input"), x = computed(c, input);
  const int64_t groups = c.has("group") ? c.integer("group") : c.integer("num_groups");
  if (c.failed()) return;
  if (c.rank(x) < 2 || groups < 1 || c.shape(x)[1] % groups != 0)
    return c.unsupported(fmt::format("{} groups for {}", groups, to_string(c.shape(x))));
  const Value weight = parameter(c, "weight", x), bias = parameter(c, "bias", x);
  const Standardized s = group_norm(c, x, groups, c.number("eps", 1e-5));
  if (c.failed()) return;
  const Value y = scale_and_shift(c, s.y, weight.valid() ? along_channels(c, weight, x) : weight,
                                  bias.valid() ? along_channels(c, bias, x) : bias);
  const Shape per_group{c.shape(x)[0], groups};
  c.results({c.to_dtype(y, c.dtype(input)), reshape(c, s.mean, per_group), reshape(c, s.rstd, per_group)});
}

void import_instance_norm(SourceCall& c) {
  const Value input = c.tensor("input"), x = computed(c, input);
  if (!c.boolean("use_input_stats")) return batch_norm(c, false, c.number("eps"));
  if (c.failed()) return;
  if (c.rank(x) < 3) return c.unsupported("an operand without spatial axes");
  if (keeps_statistics(c, c.optional_tensor("running_mean"), c.optional_tensor("running_var")))
    return c.unsupported("instance normalization in training mode changes its running statistics",
                         "call model.eval() before torch.export.export()");
  const Value weight = parameter(c, "weight", x), bias = parameter(c, "bias", x);
  const Value y =
      scale_and_shift(c, group_norm(c, x, c.shape(x)[1], c.number("eps")).y,
                      weight.valid() ? along_channels(c, weight, x) : weight, bias.valid() ? along_channels(c, bias, x) : bias);
  c.result(c.to_dtype(y, c.dtype(input)));
}

/// The p-norm of v over all axes but `dim` (over all when dim is -1), which keep size 1.
Value norm_except(SourceCall& c, Value v, int64_t dim, double p) {
  std::vector<int64_t> axes;
  for (int64_t a = 0; a < int64_t(c.rank(v)); ++a)
    if (a != dim) axes.push_back(a);
  return vector_norm(c, v, p, axes, true);
}

void import_weight_norm(SourceCall& c) {
  const Value v = c.tensor("v"), g = c.tensor("g");
  int64_t dim = c.integer("dim", 0);
  if (dim != -1) dim = c.axis("dim", c.rank(v), 0);
  if (c.failed()) return;
  const Value norm = norm_except(c, v, dim, 2);
  c.results({mul(c, v, div(c, g, norm)), c.result_count() > 1 ? reshape(c, norm, c.shape(g)) : Value{}});
}

void import_norm_except_dim(SourceCall& c) {
  const Value v = c.tensor("v");
  const double power = double(c.integer("pow", 2));
  int64_t dim = c.integer("dim", 0);
  if (dim == -1) {
    const Value y = norm_except(c, v, -1, power);
    return c.result(reshape(c, y, {}));
  }
  dim = c.axis("dim", c.rank(v), 0);
  if (!c.failed()) c.result(norm_except(c, v, dim, power));
}

// Slices along `dim` whose p-norm is above maxnorm are scaled down to it.
void import_renorm(SourceCall& c) {
  const Value x = c.tensor("self");
  const double p = c.number("p"), limit = c.number("maxnorm");
  const int64_t dim = c.axis("dim", c.rank(x));
  if (c.failed()) return;
  const Value norm = norm_except(c, x, dim, p);
  const Value factor = div(c, c.scalar(limit, c.dtype(x)), binary(c, BinaryKind::kAdd, norm, 1e-7));
  const Value above = compare(c, CompareKind::kGreater, norm, limit);
  c.result(mul(c, x, select(c, above, factor, c.scalar(1, c.dtype(x)))));
}

constexpr Import kImports[] = {
    {"aten.batch_norm.default", import_batch_norm},
    {"aten._batch_norm_impl_index.default", import_batch_norm},
    {"aten.native_batch_norm.default", import_batch_norm},
    {"aten._native_batch_norm_legit.default", import_batch_norm},
    {"aten._native_batch_norm_legit.no_stats", import_batch_norm},
    {"aten._native_batch_norm_legit_no_training.default", import_inference_batch_norm},
    {"aten._batch_norm_with_update.default", import_training_batch_norm},
    {"aten._batch_norm_no_update.default", import_inference_batch_norm},
    {"aten.cudnn_batch_norm.default", import_device_batch_norm},
    {"aten.miopen_batch_norm.default", import_device_batch_norm},
    {"aten.layer_norm.default", import_layer_norm},
    {"aten.native_layer_norm.default", import_layer_norm},
    {"aten.rms_norm.default", import_rms_norm},
    {"aten._fused_rms_norm.default", import_rms_norm},
    {"aten.group_norm.default", import_group_norm},
    {"aten.native_group_norm.default", import_group_norm},
    {"aten.instance_norm.default", import_instance_norm},
    {"aten._weight_norm.default", import_weight_norm},
    {"aten._weight_norm_interface.default", import_weight_norm},
    {"aten.norm_except_dim.default", import_norm_except_dim},
    {"aten.renorm.default", import_renorm},
};

}  // namespace

std::span<const Import> aten_norm() { return kImports; }

}  // namespace atl
