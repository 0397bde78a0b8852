// Reductions, scans and softmax.
#include <cmath>
#include <limits>

#include "import/aten.h"
#include "import/vector_norm.h"
#include "ops/index.h"
#include "ops/promotion.h"

namespace atl {
namespace {

/// The argument in torch's result type, which is also the type that torch accumulates in.
Value operand(SourceCall& c, std::string_view name = "self") {
  const Value v = c.tensor(name);
  return c.to_dtype(v, c.result_type().dtype);
}

bool keep_dims(SourceCall& c) { return c.boolean("keepdim"); }

/// v != 0 as bool.
Value truth(SourceCall& c, Value v) { return c.dtype(v) == DType::kBool ? v : compare(c, CompareKind::kNotEqual, v, 0); }

template <ReduceKind K>
void import_reduce(SourceCall& c) {
  const Value x = operand(c);
  if (c.failed()) return;
  c.result(reduce(c, K, x, c.axes("dim", c.rank(x), true), keep_dims(c)));
}

template <ReduceKind K>
void import_extreme(SourceCall& c) {
  const Value x = c.tensor("self");
  if (c.failed()) return;
  c.result(reduce(c, K, x, c.axes("dim", c.rank(x), true), keep_dims(c)));
}

template <ReduceKind K>
void import_logical(SourceCall& c) {
  const Value x = c.tensor("self");
  if (c.failed()) return;
  const Value y = reduce(c, K, truth(c, x), c.axes("dim", c.rank(x), true), keep_dims(c));
  c.result(c.to_dtype(y, c.result_type().dtype));
}

/// LiteRT's ARG_MAX has no 64 bits: the first position of the extreme value.
Value first_extreme(SourceCall& c, ArgReduceKind kind, Value x, int64_t axis) {
  const int64_t n = c.shape(x)[size_t(axis)];
  const Value best = reduce(c, kind == ArgReduceKind::kMax ? ReduceKind::kMax : ReduceKind::kMin, x, {axis}, true);
  Shape line(c.rank(x), 1);
  line[size_t(axis)] = n;
  std::vector<int32_t> numbers(static_cast<size_t>(n));
  std::iota(numbers.begin(), numbers.end(), 0);
  const Value number = c.constant(Tensor::of<int32_t>(DType::kI32, line, numbers));
  const Value at = select(c, compare(c, CompareKind::kEqual, x, best), number, c.scalar(double(n), DType::kI32));
  return c.to_dtype(reduce(c, ReduceKind::kMin, at, {axis}, false), DType::kI64);
}

/// The index along an axis; with keep_dims the axis stays with size 1.
Value arg_reduce(SourceCall& c, ArgReduceKind kind, Value x, int64_t axis, bool keep) {
  if (c.dtype(x) == DType::kF64) x = c.to_dtype(x, DType::kF32);
  Shape kept = c.shape(x);
  ArgReduce op;
  op.kind = kind;
  op.axis = axis;
  if (c.rank(x) == 0) return reshape(c, c.scalar(0, DType::kI64), {});
  const Value y = c.dtype(x) == DType::kI64 ? first_extreme(c, kind, x, axis) : c.add(op, {x});
  if (!keep || c.failed()) return y;
  kept[size_t(axis)] = 1;
  return reshape(c, y, std::move(kept));
}

// max.dim, min.dim: values and indices.
template <ReduceKind K>
void import_extreme_with_index(SourceCall& c) {
  const Value x = c.tensor("self");
  const int64_t axis = c.axis("dim", c.rank(x));
  if (c.failed()) return;
  if (c.rank(x) == 0) return c.results({x, c.scalar(0, DType::kI64)});
  const auto kind = K == ReduceKind::kMax ? ArgReduceKind::kMax : ArgReduceKind::kMin;
  c.results({reduce(c, K, x, {axis}, keep_dims(c)), arg_reduce(c, kind, x, axis, keep_dims(c))});
}

void import_aminmax(SourceCall& c) {
  const Value x = c.tensor("self");
  if (c.failed()) return;
  const auto axes = c.axes("dim", c.rank(x), true);
  c.results({reduce(c, ReduceKind::kMin, x, axes, keep_dims(c)), reduce(c, ReduceKind::kMax, x, axes, keep_dims(c))});
}

template <ArgReduceKind K>
void import_arg_reduce(SourceCall& c) {
  const Value x = c.tensor("self");
  if (c.failed()) return;
  if (c.has("dim")) return c.result(arg_reduce(c, K, x, c.axis("dim", c.rank(x)), keep_dims(c)));
  const Value y = arg_reduce(c, K, reshape(c, x, {element_count(c.shape(x))}), 0, false);
  c.result(keep_dims(c) ? reshape(c, y, Shape(c.rank(x), 1)) : y);
}

void import_count_nonzero(SourceCall& c) {
  const Value x = c.tensor("self");
  if (c.failed()) return;
  const Value ones = c.to_dtype(truth(c, x), DType::kI64);
  c.result(reduce(c, ReduceKind::kSum, ones, c.axes("dim", c.rank(x), true), false));
}

/// Mean and variance of x over `axes`, in two passes. `correction` as in torch.var; both with kept axes.
struct Moments {
  Value mean, variance;
};
Moments moments(SourceCall& c, Value x, const std::vector<int64_t>& axes, double correction) {
  double n = 1;
  for (int64_t a : axes) n *= double(c.shape(x)[size_t(a)]);
  const Value mean = reduce(c, ReduceKind::kMean, x, axes, true);
  const Value centered = sub(c, x, mean);
  const Value square = mul(c, centered, centered);
  if (correction == 0) return {mean, reduce(c, ReduceKind::kMean, square, axes, true)};
  const double divisor = std::max(0.0, n - correction);
  const Value sum = reduce(c, ReduceKind::kSum, square, axes, true);
  return {mean, binary(c, BinaryKind::kMul, sum, divisor > 0 ? 1 / divisor : std::numeric_limits<double>::infinity())};
}

Value without_kept(SourceCall& c, Value v, const std::vector<int64_t>& axes, bool keep) {
  if (keep) return v;
  Shape shape;
  for (int64_t a = 0; a < int64_t(c.rank(v)); ++a)
    if (std::find(axes.begin(), axes.end(), a) == axes.end()) shape.push_back(c.shape(v)[size_t(a)]);
  return reshape(c, v, std::move(shape));
}

template <bool kRoot, bool kMean>
void import_variance(SourceCall& c) {
  const Value x = operand(c);
  if (c.failed()) return;
  const auto axes = c.axes("dim", c.rank(x), true);
  const double correction = c.has("correction") ? c.number("correction") : c.boolean("unbiased", true) ? 1 : 0;
  if (axes.empty()) {
    // A single number: 0 / max(0, 1 - correction).
    const Value zero = sub(c, x, x);
    const Value y = correction < 1 ? zero : div(c, zero, c.scalar(0, c.dtype(x)));
    return kMean ? c.results({y, x}) : c.result(y);
  }
  const Moments m = moments(c, x, axes, correction);
  const Value y = kRoot ? unary(c, UnaryKind::kSqrt, m.variance) : m.variance;
  if (kMean)
    c.results({without_kept(c, y, axes, keep_dims(c)), without_kept(c, m.mean, axes, keep_dims(c))});
  else
    c.result(without_kept(c, y, axes, keep_dims(c)));
}

void import_logsumexp(SourceCall& c) {
  const Value x = operand(c);
  if (c.failed()) return;
  const auto axes = c.axes("dim", c.rank(x), true);
  if (axes.empty()) return c.result(x);
  // A line of -inf alone must not give inf - inf.
  const Value largest =
      binary(c, BinaryKind::kMaximum, reduce(c, ReduceKind::kMax, x, axes, true), double(std::numeric_limits<float>::lowest()));
  const Value sum = reduce(c, ReduceKind::kSum, unary(c, UnaryKind::kExp, sub(c, x, largest)), axes, true);
  c.result(without_kept(c, add(c, unary(c, UnaryKind::kLog, sum), largest), axes, keep_dims(c)));
}

void import_norm(SourceCall& c) {
  const Value x = operand(c);
  if (c.failed()) return;
  const double p = c.has("ord") ? c.number("ord") : c.number("p", 2);
  c.result(vector_norm(c, x, p, c.axes("dim", c.rank(x), true), keep_dims(c)));
}

// linalg.norm: without ord the 2-norm of all elements; with ord and two axes a matrix norm. linalg.matrix_norm is always one,
// over the last two axes unless told otherwise.
void import_linalg_norm(SourceCall& c) {
  const Value x = operand(c);
  if (c.failed()) return;
  const int64_t rank = int64_t(c.rank(x));
  const bool matrix = c.target().find("matrix_norm") != std::string_view::npos;
  std::vector<int64_t> pair = c.integers("dim", matrix ? std::vector<int64_t>{-2, -1} : all_axes(c, x));
  for (int64_t& a : pair) {
    if (a < 0) a += rank;
    if (a < 0 || a >= rank) return c.unsupported("an axis outside the operand");
  }
  std::vector<int64_t> axes = pair;
  std::sort(axes.begin(), axes.end());
  if (!c.has("ord")) return c.result(vector_norm(c, x, 2, axes, keep_dims(c)));
  if (const auto* name = std::get_if<std::string>(c.arg("ord"))) {
    if (*name != "fro") return c.unsupported(fmt::format("the matrix norm ord='{}'", *name), "ord='fro' converts");
    return c.result(vector_norm(c, x, 2, axes, keep_dims(c)));
  }
  const double p = c.number("ord");
  if (pair.size() < 2) return c.result(vector_norm(c, x, p, axes, keep_dims(c)));
  if (pair.size() != 2) return c.unsupported("a matrix norm over more than two axes");
  if (std::abs(p) != 1 && !std::isinf(p))
    return c.unsupported(fmt::format("the matrix norm ord={}", p), "ord='fro', 1 and inf convert");
  // The axes are an ordered pair: columns are summed for 1, rows for inf.
  const int64_t summed = std::abs(p) == 1 ? pair[0] : pair[1], other = std::abs(p) == 1 ? pair[1] : pair[0];
  const Value sums = reduce(c, ReduceKind::kSum, unary(c, UnaryKind::kAbs, x), {summed}, true);
  const Value y = reduce(c, p > 0 ? ReduceKind::kMax : ReduceKind::kMin, sums, {other}, true);
  c.result(without_kept(c, y, pair, keep_dims(c)));
}

void import_pairwise_distance(SourceCall& c) {
  const Value x = operand(c, "x1"), y = operand(c, "x2");
  const Value d = binary(c, BinaryKind::kAdd, sub(c, x, y), c.number("eps", 1e-6));
  if (!c.failed()) c.result(vector_norm(c, d, c.number("p", 2), {int64_t(c.rank(d)) - 1}, keep_dims(c)));
}

void import_dist(SourceCall& c) {
  const Value d = sub(c, operand(c, "self"), operand(c, "other"));
  if (!c.failed()) c.result(vector_norm(c, d, c.number("p", 2), all_axes(c, d), false));
}

// Distances of every row of x1 to every row of x2, from their differences (no cancellation).
void import_cdist(SourceCall& c) {
  const Value x = operand(c, "x1"), y = operand(c, "x2");
  if (c.failed()) return;
  Shape xs = c.shape(x), ys = c.shape(y);
  if (xs.size() < 2 || ys.size() < 2) return c.unsupported("operands that are not matrices");
  xs.insert(xs.end() - 1, 1);
  ys.insert(ys.end() - 2, 1);
  const Value a = reshape(c, x, xs), b = reshape(c, y, ys);
  const double p = c.number("p", 2);
  const int64_t axis = int64_t(std::max(xs.size(), ys.size())) - 1;
  if (p != 2) return c.result(vector_norm(c, sub(c, a, b), p, {axis}, false));
  const Value squares = binary(c, BinaryKind::kSquaredDifference, a, b);
  c.result(unary(c, UnaryKind::kSqrt, reduce(c, ReduceKind::kSum, squares, {axis}, false)));
}

void import_cosine_similarity(SourceCall& c) {
  Value x = operand(c, "x1"), y = operand(c, "x2");
  if (c.failed()) return;
  auto shape = broadcast(c.shape(x), c.shape(y));
  if (!shape) return c.unsupported("operands that do not broadcast");
  if (shape->empty()) shape = Shape{1};
  const int64_t axis = c.axis("dim", shape->size(), 1);
  const double eps = c.number("eps", 1e-8);
  if (c.failed()) return;
  for (Value* v : {&x, &y}) {
    if (c.rank(*v) == 0) *v = reshape(c, *v, Shape(shape->size(), 1));
    if (c.shape(*v) != *shape) *v = c.add(BroadcastTo(*shape), {*v});
  }
  auto length = [&](Value v) { return binary(c, BinaryKind::kMaximum, vector_norm(c, v, 2, {axis}, false), eps); };
  const Value dot = reduce(c, ReduceKind::kSum, mul(c, x, y), {axis}, false);
  const Value cosine = div(c, dot, mul(c, length(x), length(y)));
  c.result(cosine);
}

/// x with NaN replaced by 0, and a mask of what is a number.
std::pair<Value, Value> split_nan(SourceCall& c, Value x) {
  const Value valid = compare(c, CompareKind::kEqual, x, x);
  return {select(c, valid, x, c.scalar(0, c.dtype(x))), valid};
}

template <bool kMean>
void import_nan_reduce(SourceCall& c) {
  const Value x = operand(c);
  if (c.failed()) return;
  const auto axes = c.axes("dim", c.rank(x), true);
  if (!is_float(c.dtype(x))) return c.result(reduce(c, ReduceKind::kSum, x, axes, keep_dims(c)));
  const auto [clean, valid] = split_nan(c, x);
  const Value sum = reduce(c, ReduceKind::kSum, clean, axes, keep_dims(c));
  if (!kMean) return c.result(sum);
  c.result(div(c, sum, reduce(c, ReduceKind::kSum, c.to_dtype(valid, c.dtype(x)), axes, keep_dims(c))));
}

void import_cumsum(SourceCall& c) {
  const Value x = operand(c);
  if (c.failed()) return;
  if (c.rank(x) == 0) return c.result(x);
  Cumsum op;
  op.axis = c.axis("dim", c.rank(x));
  c.result(c.add(op, {x}));
}

/// An inclusive scan by doubling: after step k each element holds the result of the 2^k elements up to it.
template <class Combine>
Value scan(SourceCall& c, Value x, int64_t axis, double neutral, Combine combine) {
  const int64_t n = c.shape(x)[size_t(axis)];
  for (int64_t k = 1; k < n && !c.failed(); k *= 2) {
    std::vector<int64_t> before(c.rank(x), 0), after(c.rank(x), 0);
    before[size_t(axis)] = k;
    const Value shifted = c.add(Pad(before, after, neutral), {slice(c, x, axis, 0, n - k)});
    x = combine(x, shifted);
  }
  return x;
}

void import_cumprod(SourceCall& c) {
  const Value x = operand(c);
  if (c.failed()) return;
  if (c.rank(x) == 0) return c.result(x);
  const int64_t axis = c.axis("dim", c.rank(x));
  if (!c.failed()) c.result(scan(c, x, axis, 1, [&](Value a, Value b) { return mul(c, a, b); }));
}

// log(cumsum(exp(x))) by doubling: each step joins two partial results a and b as max + log1p(exp(-|a - b|)).
void import_logcumsumexp(SourceCall& c) {
  const Value x = operand(c);
  if (c.failed()) return;
  if (c.rank(x) == 0) return c.result(x);
  const int64_t axis = c.axis("dim", c.rank(x));
  const double lowest = double(std::numeric_limits<float>::lowest());
  if (c.failed()) return;
  c.result(scan(c, x, axis, lowest, [&](Value a, Value b) {
    const Value distance = unary(c, UnaryKind::kAbs, sub(c, a, b));
    const Value rest = unary(c, UnaryKind::kExp, unary(c, UnaryKind::kNeg, distance));
    return add(c, binary(c, BinaryKind::kMaximum, a, b), unary(c, UnaryKind::kLog, binary(c, BinaryKind::kAdd, rest, 1)));
  }));
}

// Differences of neighbours along an axis, n times; bool differs by !=.
void import_diff(SourceCall& c) {
  Value x = c.tensor("self");
  const int64_t axis = c.axis("dim", c.rank(x), -1), n = c.integer("n", 1);
  if (c.failed()) return;
  if (n == 0) return c.result(x);
  if (c.rank(x) == 0) return c.unsupported("the differences of a scalar");
  const DType t = c.result_type().dtype == DType::kUnknown ? c.dtype(x) : c.result_type().dtype;
  Values parts;
  for (std::string_view name : {"prepend", "self", "append"})
    if (c.has(name)) parts.push_back(c.to_dtype(c.tensor(name), t));
  x = parts.size() == 1 ? parts[0] : c.add(Concat(axis), parts);
  for (int64_t i = 0; i < n && !c.failed(); ++i) {
    const int64_t size = c.shape(x)[size_t(axis)];
    if (size <= 1) return c.unsupported("an empty difference");
    const Value a = slice(c, x, axis, 1, size - 1), b = slice(c, x, axis, 0, size - 1);
    x = t == DType::kBool ? compare(c, CompareKind::kNotEqual, a, b) : sub(c, a, b);
  }
  c.result(x);
}

/// The lower median along an axis, as the smallest of the largest n - (n-1)/2 elements, and its index.
std::pair<Value, Value> median(SourceCall& c, Value x, int64_t axis) {
  const int64_t rank = int64_t(c.rank(x)), n = c.shape(x)[size_t(axis)];
  Perm p = identity(size_t(rank));
  std::swap(p[size_t(axis)], p.back());
  const int64_t k = n - (n - 1) / 2;
  const Values top = c.add_multi(TopK(k), {transpose(c, x, p)}, 2);
  auto last = [&](Value v) { return transpose(c, slice(c, v, rank - 1, k - 1, 1), p); };
  return {last(top[0]), c.to_dtype(last(top[1]), DType::kI64)};
}

void import_median(SourceCall& c) {
  const Value x = c.tensor("self");
  if (c.failed()) return;
  if (element_count(c.shape(x)) == 0) return c.unsupported("the median of nothing");
  const Value flat = reshape(c, x, {element_count(c.shape(x))});
  c.result(reshape(c, median(c, flat, 0).first, {}));
}

void import_median_dim(SourceCall& c) {
  const Value x = c.tensor("self");
  const int64_t axis = c.axis("dim", c.rank(x));
  if (c.failed()) return;
  if (c.rank(x) == 0) return c.results({x, c.scalar(0, DType::kI64)});
  if (c.shape(x)[size_t(axis)] == 0) return c.unsupported("the median of nothing");
  const auto [value, index] = median(c, x, axis);
  c.results({without_kept(c, value, {axis}, keep_dims(c)), without_kept(c, index, {axis}, keep_dims(c))});
}

// The largest (or smallest) element so far; its index is the last position where a new extreme was reached.
template <bool kMax>
void import_cumulative_extreme(SourceCall& c) {
  const Value x = c.tensor("self");
  if (c.failed()) return;
  if (c.rank(x) == 0) return c.results({x, c.scalar(0, DType::kI64)});
  const int64_t axis = c.axis("dim", c.rank(x));
  if (c.failed()) return;
  const DType t = c.dtype(x);
  const Value v = is_float(t) || t == DType::kI64 ? x : c.to_dtype(x, DType::kI32);
  // Casts of the infinities saturate.
  const double neutral = (kMax ? -1.0 : 1.0) * std::numeric_limits<double>::infinity();
  const auto kind = kMax ? BinaryKind::kMaximum : BinaryKind::kMinimum;
  const Value y = scan(c, v, axis, neutral, [&](Value a, Value b) { return binary(c, kind, a, b); });
  const int64_t n = c.shape(x)[size_t(axis)];
  Shape along(c.rank(x), 1);
  along[size_t(axis)] = n;
  Tensor numbers = Tensor::make(Type{DType::kF32, along, {}});
  for (int64_t i = 0; i < n; ++i) numbers.mutable_data<float>()[i] = float(i);
  const Value reached = select(c, compare(c, CompareKind::kEqual, v, y), c.constant(std::move(numbers)), c.scalar(-1));
  const Value index = scan(c, reached, axis, -1, [&](Value a, Value b) { return binary(c, BinaryKind::kMaximum, a, b); });
  c.results({c.to_dtype(y, t), c.to_dtype(index, DType::kI64)});
}

void import_trace(SourceCall& c) {
  const Value x = operand(c);
  if (c.failed()) return;
  const Shape s = c.shape(x);
  if (s.size() != 2) return c.unsupported("the trace of an operand that is not a matrix");
  const int64_t n = std::min(s[0], s[1]);
  if (n == 0) return c.result(c.scalar(0, c.dtype(x)));
  // The diagonal is every (columns + 1)-th element.
  const Value flat = reshape(c, x, {s[0] * s[1]});
  const Value diagonal = c.add(Slice({0}, {n}, {s[1] + 1}), {flat});
  c.result(reduce(c, ReduceKind::kSum, diagonal, {0}, false));
}

template <class Op>
void import_softmax(SourceCall& c) {
  const Value x = operand(c);
  if (c.failed()) return;
  if (c.rank(x) == 0) return c.result(reshape(c, c.add(Op(0), {reshape(c, x, {1})}), {}));
  const int64_t axis = c.axis("dim", c.rank(x));
  c.result(c.add(Op(axis), {x}));
}

// Lines of -inf alone give 0 instead of NaN. Sums in LiteRT stop at the lowest finite float, which counts as -inf here.
void import_safe_softmax(SourceCall& c) {
  const Value x = operand(c);
  if (c.failed()) return;
  if (c.rank(x) == 0) return import_softmax<Softmax>(c);
  const int64_t axis = c.axis("dim", c.rank(x));
  const Value masked = compare(c, CompareKind::kLessEqual, x, double(std::numeric_limits<float>::lowest()));
  const Value empty = reduce(c, ReduceKind::kAll, masked, {axis}, true);
  c.result(select(c, empty, c.scalar(0, c.dtype(x)), c.add(Softmax(axis), {x})));
}

constexpr Import kImports[] = {
    {"aten.sum.default", import_reduce<ReduceKind::kSum>},
    {"aten.sum.dim_IntList", import_reduce<ReduceKind::kSum>},
    {"aten.mean.default", import_reduce<ReduceKind::kMean>},
    {"aten.mean.dim", import_reduce<ReduceKind::kMean>},
    {"aten.prod.default", import_reduce<ReduceKind::kProd>},
    {"aten.prod.dim_int", import_reduce<ReduceKind::kProd>},
    {"aten.amax.default", import_extreme<ReduceKind::kMax>},
    {"aten.amin.default", import_extreme<ReduceKind::kMin>},
    {"aten.max.default", import_extreme<ReduceKind::kMax>},
    {"aten.min.default", import_extreme<ReduceKind::kMin>},
    {"aten.max.dim", import_extreme_with_index<ReduceKind::kMax>},
    {"aten.min.dim", import_extreme_with_index<ReduceKind::kMin>},
    {"aten.aminmax.default", import_aminmax},
    {"aten.all.default", import_logical<ReduceKind::kAll>},
    {"aten.all.dim", import_logical<ReduceKind::kAll>},
    {"aten.all.dims", import_logical<ReduceKind::kAll>},
    {"aten.any.default", import_logical<ReduceKind::kAny>},
    {"aten.any.dim", import_logical<ReduceKind::kAny>},
    {"aten.any.dims", import_logical<ReduceKind::kAny>},
    {"aten.argmax.default", import_arg_reduce<ArgReduceKind::kMax>},
    {"aten.argmin.default", import_arg_reduce<ArgReduceKind::kMin>},
    {"aten.count_nonzero.default", import_count_nonzero},
    {"aten.count_nonzero.dim_IntList", import_count_nonzero},
    {"aten.var.default", import_variance<false, false>},
    {"aten.var.dim", import_variance<false, false>},
    {"aten.var.correction", import_variance<false, false>},
    {"aten.std.default", import_variance<true, false>},
    {"aten.std.dim", import_variance<true, false>},
    {"aten.std.correction", import_variance<true, false>},
    {"aten.var_mean.default", import_variance<false, true>},
    {"aten.var_mean.dim", import_variance<false, true>},
    {"aten.var_mean.correction", import_variance<false, true>},
    {"aten.std_mean.default", import_variance<true, true>},
    {"aten.std_mean.dim", import_variance<true, true>},
    {"aten.std_mean.correction", import_variance<true, true>},
    {"aten.logsumexp.default", import_logsumexp},
    {"aten.special_logsumexp.default", import_logsumexp},
    {"aten.norm.Scalar", import_norm},
    {"aten.norm.ScalarOpt_dim", import_norm},
    {"aten.norm.ScalarOpt_dtype", import_norm},
    {"aten.norm.ScalarOpt_dim_dtype", import_norm},
    {"aten.linalg_vector_norm.default", import_norm},
    {"aten.frobenius_norm.dim", import_norm},
    {"aten.linalg_norm.default", import_linalg_norm},
    {"aten.linalg_norm.ord_str", import_linalg_norm},
    {"aten.linalg_matrix_norm.default", import_linalg_norm},
    {"aten.linalg_matrix_norm.str_ord", import_linalg_norm},
    {"aten.pairwise_distance.default", import_pairwise_distance},
    {"aten.dist.default", import_dist},
    {"aten.cdist.default", import_cdist},
    {"aten._cdist_forward.default", import_cdist},
    {"aten.cosine_similarity.default", import_cosine_similarity},
    {"aten.nansum.default", import_nan_reduce<false>},
    {"aten.nanmean.default", import_nan_reduce<true>},
    {"aten.cumsum.default", import_cumsum},
    {"aten.cumprod.default", import_cumprod},
    {"aten.logcumsumexp.default", import_logcumsumexp},
    {"aten._logcumsumexp.default", import_logcumsumexp},
    {"aten.cummax.default", import_cumulative_extreme<true>},
    {"aten.cummin.default", import_cumulative_extreme<false>},
    {"aten.diff.default", import_diff},
    {"aten.median.default", import_median},
    {"aten.median.dim", import_median_dim},
    {"aten.trace.default", import_trace},
    {"aten.softmax.int", import_softmax<Softmax>},
    {"aten._softmax.default", import_softmax<Softmax>},
    {"aten.special_softmax.default", import_softmax<Softmax>},
    {"aten._safe_softmax.default", import_safe_softmax},
    {"aten.log_softmax.int", import_softmax<LogSoftmax>},
    {"aten._log_softmax.default", import_softmax<LogSoftmax>},
    {"aten.special_log_softmax.default", import_softmax<LogSoftmax>},
};

}  // namespace

std::span<const Import> aten_reduce() { return kImports; }

}  // namespace atl
