// Operators that make tensors from numbers: all become constants.
#include <cmath>

#include "import/aten_elementwise.h"
#include "ops/index.h"

namespace atl {
namespace {

// A constant that is written element by element has at most this many; uniform ones may be larger.
constexpr int64_t kMaxElements = int64_t(1) << 28;

// The element type of the result: what torch recorded, else the argument, else `otherwise`.
DType created_dtype(SourceCall& c, DType otherwise) {
  const DType recorded = c.result_type().dtype;
  return recorded != DType::kUnknown ? recorded : c.dtype_arg("dtype", otherwise);
}

// The shape of the result: the argument "size", or self's shape.
Shape created_shape(SourceCall& c) { return c.has("size") || !c.has("self") ? c.integers("size") : c.shape(c.tensor("self")); }

Status check_shape(const Shape& s) {
  for (int64_t d : s)
    if (d < 0) return error(Code::kArgument, fmt::format("a tensor of shape {} cannot be made", to_string(s)));
  TRY(const size_t bytes, byte_size(Type{DType::kF64, s, {}}));
  (void)bytes;
  return {};
}

void create(SourceCall& c, Value number, const Shape& shape) {
  if (c.failed()) return;
  if (!visit(c.dtype(number), [](auto) {}))
    return c.unsupported("an element type that LiteRT has not", "use a real element type");
  if (auto s = check_shape(shape); !s) return c.fail(std::move(s.error()));
  c.result(uniform(c, number, shape));
}

DType self_dtype(SourceCall& c) { return c.has("self") ? c.dtype(c.tensor("self")) : DType::kF32; }

template <int N>
void import_number(SourceCall& c) {
  create(c, c.scalar(N, created_dtype(c, self_dtype(c))), created_shape(c));
}

DType number_dtype(const SourceArg* a) {
  if (a && std::holds_alternative<bool>(*a)) return DType::kBool;
  if (a && std::holds_alternative<int64_t>(*a)) return DType::kI64;
  return DType::kF32;
}

void import_full(SourceCall& c) {
  const DType t = created_dtype(c, c.has("self") ? self_dtype(c) : number_dtype(c.arg("fill_value")));
  const Value number = c.to_dtype(c.tensor_as("fill_value", t), t);
  create(c, number, created_shape(c));
}

void import_scalar_tensor(SourceCall& c) {
  const DType t = created_dtype(c, number_dtype(c.arg("s")));
  c.result(c.to_dtype(c.tensor_as("s", t), t));
}

// A new constant of at most kMaxElements elements whose bytes `fill` writes; an invalid tensor after an error.
std::optional<Tensor> new_tensor(SourceCall& c, DType t, Shape shape) {
  if (c.failed()) return std::nullopt;
  if (auto s = check_shape(shape); !s) {
    c.fail(std::move(s.error()));
    return std::nullopt;
  }
  if (element_count(shape) > kMaxElements || !visit(t, [](auto) {})) {
    c.fail(error(Code::kTooLarge, fmt::format("{}: a constant of {} elements of {}", c.target(), element_count(shape), name(t)),
                 "store it as a buffer of the module"));
    return std::nullopt;
  }
  return Tensor::make(Type{t, std::move(shape), {}});
}

// A vector of n elements value(i), converted to element type t.
template <class V, class F>
void create_vector(SourceCall& c, DType t, DType computed, int64_t n, F value) {
  auto v = new_tensor(c, computed, {n});
  if (!v) return;
  for (int64_t i = 0; i < n; ++i) v->mutable_data<V>()[i] = value(i);
  c.result(c.constant(cast(*v, t)));
}

bool is_whole(const SourceArg* a) { return !a || !std::holds_alternative<double>(*a); }

void import_arange(SourceCall& c) {
  const bool whole = is_whole(c.arg("start")) && is_whole(c.arg("end")) && is_whole(c.arg("step"));
  const DType t = created_dtype(c, whole ? DType::kI64 : DType::kF32);
  const double start = c.number("start", 0), end = c.number("end"), step = c.number("step", 1);
  if (c.failed()) return;
  const double count = std::ceil((end - start) / step);
  if (step == 0 || !std::isfinite(count) || count < 0)
    return c.fail(error(Code::kArgument, fmt::format("arange from {} to {} in steps of {}", start, end, step)));
  if (count > double(kMaxElements)) return c.fail(error(Code::kTooLarge, fmt::format("arange of {} elements", count)));
  const auto n = int64_t(count);
  if (whole) {
    const int64_t first = c.integer("start", 0), by = c.integer("step", 1);
    return create_vector<int64_t>(c, t, DType::kI64, n,
                                  [&](int64_t i) { return int64_t(uint64_t(first) + uint64_t(i) * uint64_t(by)); });
  }
  create_vector<double>(c, t, DType::kF64, n, [&](int64_t i) { return start + double(i) * step; });
}

// Element i of `steps` evenly spaced numbers, counted from the nearer end as torch does.
double spaced(double start, double end, int64_t steps, int64_t i) {
  const double by = steps > 1 ? (end - start) / double(steps - 1) : 0;
  return i < steps / 2 || steps == 1 ? start + double(i) * by : end - double(steps - 1 - i) * by;
}

void import_linspace(SourceCall& c) {
  const double start = c.number("start"), end = c.number("end");
  const int64_t steps = c.integer("steps");
  const DType t = created_dtype(c, DType::kF32);
  create_vector<double>(c, t, DType::kF64, steps, [&](int64_t i) { return spaced(start, end, steps, i); });
}

void import_logspace(SourceCall& c) {
  const double start = c.number("start"), end = c.number("end"), base = c.number("base", 10);
  const int64_t steps = c.integer("steps");
  const DType t = created_dtype(c, DType::kF32);
  create_vector<double>(c, t, DType::kF64, steps, [&](int64_t i) { return std::pow(base, spaced(start, end, steps, i)); });
}

void import_eye(SourceCall& c) {
  const int64_t n = c.integer("n"), m = c.integer("m", n);
  const DType t = created_dtype(c, DType::kF32);
  auto v = new_tensor(c, DType::kBool, {n, m});
  if (!v) return;
  for (int64_t i = 0; i < n * m; ++i) v->mutable_data<bool>()[i] = i / m == i % m;
  c.result(c.constant(cast(*v, t)));
}

// Keeps the elements on one side of a diagonal: column - row <= diagonal (lower) or >= diagonal (upper).
template <bool kLower>
void import_triangle(SourceCall& c) {
  const Value x = c.tensor("self");
  const int64_t diagonal = c.integer("diagonal", 0);
  if (c.failed()) return;
  const size_t rank = c.rank(x);
  if (rank < 2) return c.unsupported("an operand of less than two axes");
  Shape shape(rank, 1);
  const int64_t rows = shape[rank - 2] = c.shape(x)[rank - 2], columns = shape[rank - 1] = c.shape(x)[rank - 1];
  auto mask = new_tensor(c, DType::kBool, std::move(shape));
  if (!mask) return;
  for (int64_t r = 0, i = 0; r < rows; ++r)
    for (int64_t k = 0; k < columns; ++k, ++i) mask->mutable_data<bool>()[i] = kLower ? k - r <= diagonal : k - r >= diagonal;
  c.result(select(c, c.constant(*std::move(mask)), x, number_like(c, x, 0)));
}

template <bool kLower>
void import_triangle_indices(SourceCall& c) {
  const int64_t rows = c.integer("row"), columns = c.integer("col"), offset = c.integer("offset", 0);
  if (c.failed()) return;
  if (auto s = check_shape({rows, columns}); !s) return c.fail(std::move(s.error()));
  if (rows > (1 << 14) || columns > (1 << 14)) return c.unsupported("more than 16384 rows or columns");
  std::vector<int64_t> at[2];
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t k = 0; k < columns; ++k)
      if (kLower ? k - r <= offset : k - r >= offset) {
        at[0].push_back(r);
        at[1].push_back(k);
      }
  const auto n = int64_t(at[0].size());
  auto v = new_tensor(c, DType::kI64, {2, n});
  if (!v) return;
  for (size_t a = 0; a < 2; ++a) std::copy(at[a].begin(), at[a].end(), v->mutable_data<int64_t>() + int64_t(a) * n);
  c.result(c.constant(cast(*v, created_dtype(c, DType::kI64))));
}

void import_one_hot(SourceCall& c) {
  const Value x = c.tensor("self");
  OneHot op;
  op.axis = -1;
  op.depth = c.integer("num_classes", -1);
  if (op.depth < 0 && !c.result_type().shape.empty()) op.depth = c.result_type().shape.back();
  if (op.depth < 0) return c.unsupported("one_hot without num_classes", "give num_classes");
  c.result(c.add(op, {x, c.scalar(1, DType::kI64), c.scalar(0, DType::kI64)}));
}

void refuse_random(SourceCall& c) {
  c.unsupported("random numbers", "pass them as an input, or store fixed ones as a buffer of the module");
}

constexpr Import kImports[] = {
    {"aten.full.default", import_full},
    {"aten.full_like.default", import_full},
    {"aten.new_full.default", import_full},
    {"aten.zeros.default", import_number<0>},
    {"aten.zeros_like.default", import_number<0>},
    {"aten.new_zeros.default", import_number<0>},
    {"aten.ones.default", import_number<1>},
    {"aten.ones_like.default", import_number<1>},
    {"aten.new_ones.default", import_number<1>},
    {"aten.empty.memory_format", import_number<0>},
    {"aten.empty_like.default", import_number<0>},
    {"aten.empty_permuted.default", import_number<0>},
    {"aten.empty_strided.default", import_number<0>},
    {"aten.new_empty.default", import_number<0>},
    {"aten.new_empty_strided.default", import_number<0>},
    {"aten.scalar_tensor.default", import_scalar_tensor},
    {"aten.arange.default", import_arange},
    {"aten.arange.start", import_arange},
    {"aten.arange.start_step", import_arange},
    {"aten.linspace.default", import_linspace},
    {"aten.logspace.default", import_logspace},
    {"aten.eye.default", import_eye},
    {"aten.eye.m", import_eye},
    {"aten.tril.default", import_triangle<true>},
    {"aten.triu.default", import_triangle<false>},
    {"aten.tril_indices.default", import_triangle_indices<true>},
    {"aten.triu_indices.default", import_triangle_indices<false>},
    {"aten.one_hot.default", import_one_hot},
    {"aten.rand.default", refuse_random},
    {"aten.rand_like.default", refuse_random},
    {"aten.randn.default", refuse_random},
    {"aten.randn_like.default", refuse_random},
    {"aten.randint.default", refuse_random},
    {"aten.randint.low", refuse_random},
    {"aten.randint_like.default", refuse_random},
    {"aten.randint_like.low_dtype", refuse_random},
    {"aten.randperm.default", refuse_random},
    {"aten.bernoulli.default", refuse_random},
    {"aten.bernoulli.p", refuse_random},
    {"aten.multinomial.default", refuse_random},
    {"aten.normal_functional.default", refuse_random},
    {"aten.uniform.default", refuse_random},
};

}  // namespace

std::span<const Import> aten_create() { return kImports; }

}  // namespace atl
