// Operators that rearrange, flag or recombine elements and belong to no other topic: parts of complex numbers that are real,
// chunks, changes of size, backward formulas that appear in forward programs.
#include <algorithm>
#include <limits>
#include <numbers>

#include "import/aten_elementwise.h"
#include "import/placement.h"
#include "ops/elementwise.h"
#include "ops/index.h"

namespace atl {
namespace {

// ---- Real numbers as complex ones.

void import_same(SourceCall& c) { c.result(c.tensor("self")); }

void import_isreal(SourceCall& c) { c.result(uniform(c, c.scalar(1, DType::kBool), c.shape(c.tensor("self")))); }

// pi below zero, else 0; NaN stays.
void import_angle(SourceCall& c) {
  const Value x = c.to_dtype(c.tensor("self"), c.result_type().dtype);
  if (c.failed()) return;
  const Value zero = number_like(c, x, 0);
  const Value y = select(c, compare(c, CompareKind::kLess, x, 0.0), number_like(c, x, std::numbers::pi), zero);
  c.result(select(c, compare(c, CompareKind::kEqual, x, x), y, x));
}

// ---- Sizes.

// The sum over the axes that `size` lacks or has as one.
void import_sum_to_size(SourceCall& c) {
  const Value x = c.tensor("self");
  const Shape size = c.integers("size"), s = c.shape(x);
  if (c.failed()) return;
  if (size.size() > s.size()) return c.unsupported(fmt::format("{} as a sum of {}", to_string(size), to_string(s)));
  const size_t lead = s.size() - size.size();
  std::vector<int64_t> axes;
  for (size_t a = 0; a < s.size(); ++a)
    if (a < lead || (size[a - lead] == 1 && s[a] != 1)) axes.push_back(int64_t(a));
  const Value typed = axes.empty() ? x : c.to_dtype(x, c.result_type().dtype);
  c.result(reshape(c, reduce(c, ReduceKind::kSum, typed, axes, true), size));
}

// The first elements under another shape; what grows has no defined values.
void resize(SourceCall& c, const Shape& size) {
  const Value x = c.tensor("self");
  if (c.failed()) return;
  const int64_t have = element_count(c.shape(x)), want = element_count(size);
  if (want > have) return c.unsupported(fmt::format("{} elements as {}", have, want), "resizing does not define new elements");
  c.result(reshape(c, take_range(c, reshape(c, x, {have}), 0, 0, want), size));
}
void import_resize(SourceCall& c) { resize(c, c.integers("size")); }
void import_resize_as(SourceCall& c) { resize(c, c.shape(c.tensor("the_template"))); }

// Each tensor padded along `dim` to equal chunks; the chunks of all tensors side by side: [lead..., chunks, rest].
void import_chunk_cat(SourceCall& c) {
  const Values tensors = c.tensors("tensors");
  const int64_t chunks = c.integer("num_chunks");
  if (c.failed() || tensors.empty() || chunks < 1) return c.unsupported("no chunks");
  Values parts;
  int64_t axis = 0;
  for (Value x : tensors) {
    Shape s = c.shape(x);
    axis = c.axis("dim", s.size());
    if (c.failed() || s.empty()) return c.unsupported("a scalar in chunks");
    const int64_t n = s[size_t(axis)], length = (n + chunks - 1) / chunks;
    if (length * chunks > n) {
      std::vector<int64_t> before(s.size(), 0), after(s.size(), 0);
      after[size_t(axis)] = length * chunks - n;
      x = c.add(Pad(before, after, 0), {x});
    }
    Shape flat(s.begin(), s.begin() + axis);
    const int64_t rest = element_count({s.begin() + axis + 1, s.end()});
    flat.push_back(chunks);
    flat.push_back(length * rest);
    parts.push_back(c.to_dtype(reshape(c, x, flat), c.result_type().dtype));
  }
  c.result(parts.size() == 1 ? parts[0] : c.add(Concat(axis + 1), parts));
}

// 1, x, x^2, ... along a new last axis; torch.vander has them from the highest on, where it is not told otherwise.
void import_vander(SourceCall& c) {
  const Value x = c.to_dtype(c.tensor("x"), c.result_type().dtype);
  if (c.failed() || c.rank(x) == 0) return c.unsupported("the powers of a scalar");
  const int64_t n = c.integer("N", c.shape(x).back());
  constexpr int64_t kMaxPowers = 1024;
  if (n < 1 || n > kMaxPowers) return c.unsupported(fmt::format("{} powers", n));
  Values powers{uniform(c, number_like(c, x, 1), c.shape(x))};
  while (int64_t(powers.size()) < n && !c.failed()) powers.push_back(powers.size() == 1 ? x : mul(c, powers.back(), x));
  if (c.target() == "aten.vander.default" && !c.boolean("increasing")) std::reverse(powers.begin(), powers.end());
  Shape s = c.shape(x);
  s.push_back(1);
  for (Value& p : powers) p = reshape(c, p, s);
  c.result(powers.size() == 1 ? powers[0] : c.add(Concat(int64_t(s.size()) - 1), powers));
}

// ---- Elements repeated and chosen.

void repeat_each(SourceCall& c, const std::vector<int64_t>& repeats) {
  Value x = c.tensor("self");
  if (!c.has("dim")) x = reshape(c, x, {element_count(c.shape(x))});
  const int64_t axis = c.axis("dim", c.rank(x), 0);
  if (c.failed() || c.rank(x) == 0) return c.unsupported("repeat_interleave of a scalar along an axis");
  const int64_t n = c.shape(x)[size_t(axis)];
  if (repeats.size() != 1 && int64_t(repeats.size()) != n)
    return c.unsupported("a number of repeats for each element is needed");
  std::vector<int64_t> at;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t times = repeats.size() == 1 ? repeats[0] : repeats[size_t(i)];
    if (times < 0 || times > kMaxPositions - int64_t(at.size())) return c.unsupported(fmt::format("{} repeats", times));
    at.insert(at.end(), size_t(times), i);
  }
  c.result(pick(c, x, axis, at));
}

// Repeats that depend on data, `size` in all: where element i of the result comes from, which is where the running sum passes
// i. Invalid after c.unsupported(...).
Value repeated_positions(SourceCall& c, Value repeats, int64_t n, int64_t size) {
  if (c.failed() || n < 1 || element_count(c.shape(repeats)) != n || !listable(c, n) || !listable(c, size) ||
      !listable(c, n * std::max<int64_t>(size, 1)))
    return c.unsupported("a number of repeats for each element is needed"), Value{};
  const Value ends = c.add(Cumsum{}, {c.to_dtype(reshape(c, repeats, {n}), DType::kI32)});
  const Value number = index_constant(c, {size, 1}, arithmetic(0, 1, size));
  const Value passed = compare(c, CompareKind::kGreaterEqual, number, reshape(c, ends, {1, n}));
  const Value from = reduce(c, ReduceKind::kSum, c.to_dtype(passed, DType::kI32), {1}, false);
  // The sums are the caller's promise; what is behind them is the last element.
  return binary(c, BinaryKind::kMinimum, from, double(n - 1));
}

void repeat_to_size(SourceCall& c, Value repeats, int64_t size) {
  Value x = c.tensor("self");
  if (!c.has("dim")) x = reshape(c, x, {element_count(c.shape(x))});
  const int64_t axis = c.axis("dim", c.rank(x), 0);
  if (c.failed() || c.rank(x) == 0) return c.unsupported("repeat_interleave of a scalar along an axis");
  const Value from = repeated_positions(c, repeats, c.shape(x)[size_t(axis)], size);
  if (from.valid()) c.result(c.add(Gather(axis), {x, from}));
}

// The numbers of the elements, repeated.
void import_repeat_interleave_numbers(SourceCall& c) {
  const Value repeats = c.tensor("repeats");
  if (c.failed()) return;
  const int64_t n = element_count(c.shape(repeats));
  Value from;
  if (const auto known = known_integers(c, repeats)) {
    std::vector<int64_t> at;
    for (int64_t i = 0; i < n; ++i) {
      const int64_t times = (*known)[size_t(i)];
      if (times < 0 || times > kMaxPositions - int64_t(at.size())) return c.unsupported(fmt::format("{} repeats", times));
      at.insert(at.end(), size_t(times), i);
    }
    from = index_constant(c, {int64_t(at.size())}, at);
  } else if (c.has("output_size")) {
    from = repeated_positions(c, repeats, n, c.integer("output_size"));
  } else {
    return c.unsupported("repeats that depend on data", "give output_size, or repeats as a constant tensor");
  }
  if (from.valid()) c.result(c.to_dtype(from, c.dtype(repeats)));
}

void import_repeat_interleave_int(SourceCall& c) { repeat_each(c, {c.integer("repeats")}); }
void import_repeat_interleave_tensor(SourceCall& c) {
  const Value repeats = c.tensor("repeats");
  if (const auto known = known_integers(c, repeats)) return repeat_each(c, *known);
  if (c.has("output_size")) return repeat_to_size(c, repeats, c.integer("output_size"));
  c.unsupported("repeats that depend on data", "give output_size, or repeats as a number or a constant tensor");
}

// All choices of r elements of a vector, as rows, in the order of their positions.
void import_combinations(SourceCall& c) {
  const Value x = c.tensor("self");
  const int64_t r = c.integer("r", 2);
  const bool repeats = c.boolean("with_replacement");
  if (c.failed()) return;
  const int64_t n = c.rank(x) == 1 ? c.shape(x)[0] : -1;
  if (n < 0 || r < 0 || !listable(c, r)) return c.unsupported(fmt::format("{} of the elements of {}", r, to_string(c.type(x))));
  if (r == 0) return c.result(c.constant(Tensor::make(Type{c.dtype(x), {0}, {}})));
  std::vector<int64_t> at, row(static_cast<size_t>(r));
  for (int64_t i = 0; i < r; ++i) row[size_t(i)] = repeats ? 0 : i;
  const auto limit = [&](int64_t i) { return repeats ? n - 1 : n - r + i; };
  for (bool more = n > 0 && row.back() < n; more;) {
    if (!listable(c, int64_t(at.size()) + r)) return;
    at.insert(at.end(), row.begin(), row.end());
    int64_t i = r - 1;
    while (i >= 0 && row[size_t(i)] == limit(i)) --i;
    more = i >= 0;
    if (!more) break;
    ++row[size_t(i)];
    for (int64_t k = i + 1; k < r; ++k) row[size_t(k)] = row[size_t(k - 1)] + (repeats ? 0 : 1);
  }
  const int64_t rows = int64_t(at.size()) / r;
  if (rows == 0) return c.result(c.constant(Tensor::make(Type{c.dtype(x), {0, r}, {}})));
  c.result(c.add(Gather(0), {x, index_constant(c, {rows, r}, at)}));
}

// ---- Positions of what is not zero, as many as the caller names; the rest is fill_value.
void import_nonzero_static(SourceCall& c) {
  const Value x = c.tensor("self");
  const int64_t size = c.integer("size"), fill = c.integer("fill_value", -1);
  if (c.failed()) return;
  const Shape s = c.shape(x);
  const int64_t n = element_count(s);
  constexpr int64_t kMaxComparisons = int64_t(1) << 22;
  if (size == 0) return c.result(c.constant(Tensor::make(Type{DType::kI64, {0, int64_t(s.size())}, {}})));
  if (s.empty()) return c.result(c.constant(Tensor::make(Type{DType::kI64, {size, 0}, {}})));
  if (n == 0 || size < 1 || size > kMaxComparisons / n)
    return c.unsupported(fmt::format("{} positions in {}", size, to_string(s)), "ask for fewer positions of a smaller tensor");
  const Value set = reshape(c, as_bool(c, x), {1, n});
  Cumsum running;
  running.axis = 1;
  const Value count = c.add(running, {c.to_dtype(set, DType::kI32)});
  const Value wanted = index_constant(c, {size, 1}, arithmetic(1, 1, size));
  const Value hit = c.add(Logical(LogicalKind::kAnd), {compare(c, CompareKind::kEqual, count, wanted), set});
  const Value number = index_constant(c, {1, n}, arithmetic(0, 1, n));
  const Value at = reduce(c, ReduceKind::kMax, select(c, hit, number, c.scalar(-1, DType::kI32)), {1}, true);
  const Value found = compare(c, CompareKind::kGreaterEqual, at, 0.0);
  Value rest = binary(c, BinaryKind::kMaximum, at, 0.0);
  Values columns;
  int64_t stride = n;
  for (int64_t d : s) {
    stride /= d;
    columns.push_back(stride == 1 ? rest : binary(c, BinaryKind::kFloorDiv, rest, double(stride)));
    if (stride != 1) rest = binary(c, BinaryKind::kFloorMod, rest, double(stride));
  }
  const Value rows = columns.size() == 1 ? columns[0] : c.add(Concat(1), columns);
  c.result(c.to_dtype(select(c, found, rows, c.scalar(double(fill), DType::kI32)), DType::kI64));
}

// ---- Backward formulas.

void import_softmax_backward(SourceCall& c) {
  const DType t = c.result_type().dtype;
  const Value grad = c.to_dtype(c.tensor("grad_output"), t), y = c.to_dtype(c.tensor("output"), t);
  if (c.failed()) return;
  if (c.rank(y) == 0) return c.result(mul(c, y, sub(c, grad, mul(c, grad, y))));
  const int64_t axis = c.axis("dim", c.rank(y));
  if (c.failed()) return;
  const Value product = mul(c, grad, y);
  c.result(sub(c, product, mul(c, y, reduce(c, ReduceKind::kSum, product, {axis}, true))));
}

void import_dropout_backward(SourceCall& c) {
  const DType t = c.result_type().dtype;
  const Value product = mul(c, c.to_dtype(c.tensor("grad_output"), t), c.to_dtype(c.tensor("mask"), t));
  c.result(binary(c, BinaryKind::kMul, product, c.number("scale", 1)));
}

// ---- Sequences between ends that depend on data.

/// From start to end, counted from the nearer end as torch does.
Value spaced(SourceCall& c, int64_t steps) {
  const Value start = c.to_dtype(c.tensor_as("start", DType::kF32), DType::kF32);
  const Value end = c.to_dtype(c.tensor_as("end", DType::kF32), DType::kF32);
  constexpr int64_t kMaxSteps = int64_t(1) << 24;
  if (c.failed()) return {};
  if (steps < 0 || steps > kMaxSteps || c.rank(start) != 0 || c.rank(end) != 0)
    return c.unsupported(fmt::format("{} steps", steps)), Value{};
  std::vector<float> from_start, from_end;
  std::vector<uint8_t> first_half;
  for (int64_t i = 0; i < steps; ++i) {
    from_start.push_back(float(i));
    from_end.push_back(float(steps - 1 - i));
    first_half.push_back(i < steps / 2 || steps == 1);
  }
  const auto constant = [&](const std::vector<float>& v) { return c.constant(Tensor::of<float>(DType::kF32, {steps}, v)); };
  const Value step = binary(c, BinaryKind::kMul, sub(c, end, start), steps > 1 ? 1.0 / double(steps - 1) : 0.0);
  const Value low = add(c, start, mul(c, step, constant(from_start)));
  const Value high = sub(c, end, mul(c, step, constant(from_end)));
  const Value half = c.to_dtype(c.constant(Tensor::of<uint8_t>(DType::kU8, {steps}, first_half)), DType::kBool);
  return select(c, half, low, high);
}

void import_linspace(SourceCall& c) {
  const Value y = spaced(c, c.integer("steps"));
  if (y.valid()) c.result(c.to_dtype(y, c.result_type().dtype));
}
void import_logspace(SourceCall& c) {
  const Value y = spaced(c, c.integer("steps"));
  if (y.valid()) c.result(c.to_dtype(binary(c, BinaryKind::kPow, c.number("base", 10), y), c.result_type().dtype));
}

constexpr Import kImports[] = {
    {"aten.real.default", import_same},
    {"aten.conj.default", import_same},
    {"aten.conj_physical.default", import_same},
    {"aten.isreal.default", import_isreal},
    {"aten.angle.default", import_angle},
    {"aten.sum_to_size.default", import_sum_to_size},
    {"aten.resize.default", import_resize},
    {"aten.resize_as.default", import_resize_as},
    {"aten._chunk_cat.default", import_chunk_cat},
    {"aten.linalg_vander.default", import_vander},
    {"aten.vander.default", import_vander},
    {"aten.nonzero_static.default", import_nonzero_static},
    {"aten.combinations.default", import_combinations},
    {"aten.repeat_interleave.self_int", import_repeat_interleave_int},
    {"aten.repeat_interleave.self_Tensor", import_repeat_interleave_tensor},
    {"aten.repeat_interleave.Tensor", import_repeat_interleave_numbers},
    {"aten._softmax_backward_data.default", import_softmax_backward},
    {"aten.native_dropout_backward.default", import_dropout_backward},
    {"aten.linspace.Tensor_Tensor", import_linspace},
    {"aten.linspace.Tensor_Scalar", import_linspace},
    {"aten.linspace.Scalar_Tensor", import_linspace},
    {"aten.logspace.Tensor_Tensor", import_logspace},
    {"aten.logspace.Tensor_Scalar", import_logspace},
    {"aten.logspace.Scalar_Tensor", import_logspace},
};

}  // namespace

std::span<const Import> aten_rearrange() { return kImports; }

}  // namespace atl
