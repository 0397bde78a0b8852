// ATen operators that write elements by index. LiteRT's SCATTER_ND adds into zeros and has no way to overwrite, so:
// known positions become pieces joined, or a choice between old and new; a single position becomes a one-hot mask; a value
// that is the same everywhere a mask of counts; sums are SCATTER_ND and an addition, and so are positions that cannot repeat.
// The rest compares all positions with all places (dense_scatter.h).
#include <algorithm>

#include "import/arithmetic.h"
#include "import/dense_scatter.h"
#include "import/index_rules.h"
#include "import/placement.h"
#include "ir/cast_op.h"
#include "ops/binary.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace atl {
namespace {

int64_t count_of(SourceCall& c, Value v) { return element_count(c.shape(v)); }
Value flat(SourceCall& c, Value v) { return reshape_value(c, v, {count_of(c, v)}); }

// x + the rows of src [k, rest...] added at the positions of axis 0.
Value add_rows(SourceCall& c, Value x, const Positions& at, Value src) {
  if (c.dtype(x) == DType::kBool) return combine_rows(c, ScatterKind::kSum, x, flat(c, at.value), src, true);
  const Value sums = c.add(ScatterNd(c.shape(x)), {scatter_indices(c, at), src});
  return c.add(Binary(BinaryKind::kAdd), {x, sums});
}

// The slices of src along `axis` added at the positions of zeros of shape x.
Value sums_at(SourceCall& c, const Shape& x, int64_t axis, const Positions& at, Value src) {
  Shape front = x;
  front.erase(front.begin() + axis);
  front.insert(front.begin(), x[size_t(axis)]);
  return move_axis(c, c.add(ScatterNd(front), {scatter_indices(c, at), move_axis(c, src, axis, 0)}), 0, axis);
}

Value add_at(SourceCall& c, Value x, int64_t axis, const Positions& at, Value src) {
  if (c.dtype(x) == DType::kBool)
    return move_axis(c, add_rows(c, move_axis(c, x, axis, 0), at, move_axis(c, src, axis, 0)), 0, axis);
  return c.add(Binary(BinaryKind::kAdd), {x, sums_at(c, c.shape(x), axis, at, src)});
}

// A bool vector of n that holds at the positions.
Value mask_of(SourceCall& c, int64_t n, const Positions& at) {
  const int64_t k = element_count(at.shape);
  if (!listable(c, n) || !listable(c, k)) return {};
  if (at.known) {
    Tensor mask = Tensor::make(Type{DType::kBool, {n}, {}});
    std::fill_n(mask.mutable_data<bool>(), n, false);
    for (int64_t i : *at.known) mask.mutable_data<bool>()[i] = true;
    return c.constant(std::move(mask));
  }
  if (k == 1) {
    OneHot hot;
    hot.depth = n;
    return c.add(hot, {reshape_value(c, at.value, {}), c.scalar(1, DType::kBool), c.scalar(0, DType::kBool)});
  }
  const std::vector<int32_t> ones(size_t(k), 1);
  const Value counts =
      c.add(ScatterNd(Shape{n}), {scatter_indices(c, at), c.constant(Tensor::of<int32_t>(DType::kI32, {k}, ones))});
  return c.add(Compare(CompareKind::kGreater), {counts, c.scalar(0, DType::kI32)});
}

Value mask_along(SourceCall& c, const Shape& x, int64_t axis, const Positions& at) {
  Shape line(x.size(), 1);
  line[size_t(axis)] = x[size_t(axis)];
  return reshape_value(c, mask_of(c, x[size_t(axis)], at), line);
}

// True when no two elements of v are equal: the places that TOPK gives for one line, as a sort does, and what is made of them.
bool all_differ(Builder& b, Value v) {
  for (;;) {
    const Node& n = b.graph()[v];
    switch (n.op->code) {
      case OpCode::kTopK:
        return v.index == 1 && element_count(b.shape(v)) == b.shape(v).back();
      case OpCode::kCast:
        if (bits(b.dtype(v)) < 32 || !is_integer(b.dtype(v))) return false;
        break;
      case OpCode::kReshape:
      case OpCode::kTranspose:
      case OpCode::kSlice:
      case OpCode::kReverse:
        break;
      default:
        return false;
    }
    v = n.in[0];
  }
}

// x with the slices at the positions along `axis` replaced by src, which has as many; invalid after c.unsupported(...).
Value put_at(SourceCall& c, Value x, int64_t axis, const Positions& at, Value src) {
  if (at.known) return overwrite(c, x, axis, *at.known, src);
  if (element_count(at.shape) == 1) return c.add(Select{}, {mask_along(c, c.shape(x), axis, at), src, x});
  if (c.dtype(x) != DType::kBool && all_differ(c, at.value)) {
    const Value placed = sums_at(c, c.shape(x), axis, at, src);
    if (element_count(at.shape) == c.shape(x)[size_t(axis)]) return placed;
    return c.add(Select{}, {mask_along(c, c.shape(x), axis, at), placed, x});
  }
  const Value rows = overwrite_rows(c, move_axis(c, x, axis, 0), flat(c, at.value), move_axis(c, src, axis, 0));
  return rows.valid() ? move_axis(c, rows, 0, axis) : rows;
}

// x with one value (a scalar or a value of one element, of x's element type) at the positions along `axis`.
Value fill_at(SourceCall& c, Value x, int64_t axis, const Positions& at, Value value) {
  return c.add(Select{}, {mask_along(c, c.shape(x), axis, at), reshape_value(c, value, {}), x});
}

// A scalar as a vector of one.
Value vector(SourceCall& c, Value v) { return c.rank(v) == 0 ? reshape_value(c, v, {1}) : v; }

// Operands of scatter: index and src (cut to the index's shape) along an axis of self.
struct Scatter {
  Value x, index;
  int64_t axis = 0;
  Positions at;  // in the flat x
};

std::optional<Scatter> scatter_of(SourceCall& c) {
  Scatter s;
  s.x = vector(c, c.tensor("self"));
  s.axis = c.axis("dim", c.rank(s.x));
  s.index = vector(c, c.tensor("index"));
  if (c.failed()) return std::nullopt;
  if (c.rank(s.index) != c.rank(s.x)) return c.unsupported("an index of another rank"), std::nullopt;
  auto at = flat_positions(c, c.shape(s.x), s.axis, s.index);
  if (!at) return std::nullopt;
  s.at = *std::move(at);
  return s;
}

Value source_of(SourceCall& c, const Scatter& s) {
  Value src = vector(c, c.to_dtype(c.tensor("src"), c.dtype(s.x)));
  const Shape shape = c.shape(s.index), whole = c.shape(src);
  if (whole.size() != shape.size()) return c.unsupported("a source of another rank"), Value{};
  for (size_t a = 0; a < shape.size(); ++a) {
    if (shape[a] > whole[a]) return c.unsupported("an index larger than the source"), Value{};
    src = take_range(c, src, int64_t(a), 0, shape[a]);
  }
  return src;
}

// When the index names one element of every line along the axis: a mask of x's shape. Invalid otherwise.
Value line_mask(SourceCall& c, const Scatter& s) {
  Shape one = c.shape(s.x);
  one[size_t(s.axis)] = 1;
  if (s.at.known || c.shape(s.index) != one) return {};
  const auto at = positions_of(c, s.index, c.shape(s.x)[size_t(s.axis)], false);
  if (!at) return {};
  one.erase(one.begin() + s.axis);
  OneHot hot;
  hot.axis = s.axis;
  hot.depth = c.shape(s.x)[size_t(s.axis)];
  return c.add(hot, {reshape_value(c, at->value, one), c.scalar(1, DType::kBool), c.scalar(0, DType::kBool)});
}

// The result in torch's shape: a scalar was a vector of one.
void scattered(SourceCall& c, Value v) {
  if (v.valid()) c.result(c.result_type().shape.empty() && c.result_count() > 0 ? reshape_value(c, v, {}) : v);
}

void scatter_fill(SourceCall& c, const Scatter& s, Value value) {
  if (const Value mask = line_mask(c, s); mask.valid()) return scattered(c, c.add(Select{}, {mask, value, s.x}));
  const Value mask = reshape_value(c, mask_of(c, count_of(c, s.x), s.at), c.shape(s.x));
  scattered(c, c.add(Select{}, {mask, value, s.x}));
}

// Products, largest and smallest elements (and sums) of what falls onto one place.
void scatter_combine(SourceCall& c, ScatterKind kind, const Scatter& s, Value src, bool include_self) {
  if (!src.valid()) return;
  const Value v = combine_rows(c, kind, flat(c, s.x), flat(c, s.at.value), flat(c, src), include_self);
  if (v.valid()) scattered(c, reshape_value(c, v, c.shape(s.x)));
}

std::optional<ScatterKind> scatter_kind(std::string_view name) {
  if (name == "add" || name == "sum") return ScatterKind::kSum;
  if (name == "multiply" || name == "prod") return ScatterKind::kProd;
  if (name == "amax") return ScatterKind::kMax;
  if (name == "amin") return ScatterKind::kMin;
  return std::nullopt;
}

void scatter_sum(SourceCall& c, const Scatter& s, Value src) {
  if (src.valid()) scattered(c, reshape_value(c, add_rows(c, flat(c, s.x), s.at, flat(c, src)), c.shape(s.x)));
}

}  // namespace

void import_scatter_src(SourceCall& c) {
  const auto s = scatter_of(c);
  if (!s) return;
  const Value src = source_of(c, *s);
  if (!src.valid()) return;
  if (const Value mask = line_mask(c, *s); mask.valid()) return scattered(c, c.add(Select{}, {mask, src, s->x}));
  const Value v = put_at(c, flat(c, s->x), 0, s->at, flat(c, src));
  if (v.valid()) scattered(c, reshape_value(c, v, c.shape(s->x)));
}

void import_scatter_value(SourceCall& c) {
  if (const auto s = scatter_of(c)) scatter_fill(c, *s, c.scalar(c.number("value"), c.dtype(s->x)));
}

void import_scatter_add(SourceCall& c) {
  if (const auto s = scatter_of(c)) scatter_sum(c, *s, source_of(c, *s));
}

void import_scatter_reduce(SourceCall& c) {
  const std::string name = c.string("reduce", "");
  if (name == "add") return import_scatter_add(c);
  if (name != "multiply") return c.unsupported(fmt::format("reduce='{}'", name), "use reduce='add' or 'multiply'");
  if (const auto s = scatter_of(c)) scatter_combine(c, ScatterKind::kProd, *s, source_of(c, *s), true);
}

void import_scatter_value_reduce(SourceCall& c) {
  const auto kind = scatter_kind(c.string("reduce", ""));
  if (!kind || *kind == ScatterKind::kMax || *kind == ScatterKind::kMin)
    return c.unsupported(fmt::format("reduce='{}'", c.string("reduce", "")), "use reduce='add' or 'multiply'");
  const auto s = scatter_of(c);
  if (!s) return;
  const Value src = broadcast_to(c, c.scalar(c.number("value"), c.dtype(s->x)), c.shape(s->index));
  if (*kind == ScatterKind::kSum) return scatter_sum(c, *s, src);
  scatter_combine(c, *kind, *s, src, true);
}

void import_scatter_reduce_two(SourceCall& c) {
  const std::string name = c.string("reduce", "");
  const bool mean = name == "mean";
  const auto kind = scatter_kind(name);
  if (!mean && !kind) return c.unsupported(fmt::format("reduce='{}'", name), "use sum, mean, prod, amax or amin");
  auto s = scatter_of(c);
  if (!s) return;
  const Value src = source_of(c, *s);
  if (!src.valid()) return;
  const bool with_self = c.boolean("include_self", true);
  if (kind && (*kind != ScatterKind::kSum || c.dtype(s->x) == DType::kBool))
    return scatter_combine(c, *kind, *s, src, with_self);
  if (c.dtype(s->x) == DType::kBool) return c.unsupported("reduce='mean' of bool", "convert to float");
  const BinaryKind division = is_float(c.dtype(s->x)) ? BinaryKind::kDiv : BinaryKind::kFloorDiv;
  const Value x = flat(c, s->x), rows = scatter_indices(c, s->at);
  const Value sums = c.add(ScatterNd(c.shape(x)), {rows, flat(c, src)});
  if (with_self && !mean) return scattered(c, reshape_value(c, c.add(Binary(BinaryKind::kAdd), {x, sums}), c.shape(s->x)));
  const std::vector<float> ones(size_t(element_count(s->at.shape)), 1);
  const Value one = c.to_dtype(c.constant(Tensor::of<float>(DType::kF32, {int64_t(ones.size())}, ones)), c.dtype(x));
  const Value counts = c.add(ScatterNd(c.shape(x)), {rows, one});
  Value v;
  if (with_self) {
    const Value all = c.add(Binary(BinaryKind::kAdd), {counts, c.scalar(1, c.dtype(x))});
    v = c.add(Binary(division), {c.add(Binary(BinaryKind::kAdd), {x, sums}), all});
  } else {
    const Value hit = c.add(Compare(CompareKind::kGreater), {counts, c.scalar(0, c.dtype(x))});
    const Value some = c.add(Binary(BinaryKind::kMaximum), {counts, c.scalar(1, c.dtype(x))});
    v = c.add(Select{}, {hit, mean ? c.add(Binary(division), {sums, some}) : sums, x});
  }
  scattered(c, reshape_value(c, v, c.shape(s->x)));
}

namespace {

// x[mask] = value with a mask that depends on data: a choice, when the value does not vary over the mask's elements.
bool put_by_mask(SourceCall& c, Value x, const Values& indices, Value values) {
  size_t lead = 0;
  while (lead < indices.size() && !indices[lead].valid()) ++lead;
  if (lead == indices.size() || !is_mask(c.dtype(indices[lead])) || known_value(c, indices[lead])) return false;
  for (size_t k = lead + 1; k < indices.size(); ++k)
    if (indices[k].valid()) return c.unsupported("a mask together with indices"), true;
  const Shape mask = c.shape(indices[lead]), s = c.shape(x);
  const size_t axes = mask.size(), rest = s.size() - std::min(s.size(), lead + axes);
  Shape v = c.shape(values);
  while (v.size() < lead + 1 + rest) v.insert(v.begin(), 1);
  if (lead + axes > s.size() || v.size() != lead + 1 + rest || v[lead] != 1)
    return c.unsupported("values that vary over a mask that depends on data", "use torch.where(mask, values, x)"), true;
  v.insert(v.begin() + long(lead), axes - 1, 1);
  if (axes == 0) v.erase(v.begin() + long(lead));
  Shape full(lead, 1);
  full.insert(full.end(), mask.begin(), mask.end());
  full.resize(s.size(), 1);
  Value m = c.to_dtype(indices[lead], DType::kBool);
  values = reshape_value(c, values, v);
  if (c.boolean("accumulate")) values = add(c, x, values);
  c.result(c.add(Select{}, {reshape_value(c, m, full), values, x}));
  return true;
}

}  // namespace

void import_index_put(SourceCall& c) {
  const Value x = c.tensor("self");
  const Values indices = c.tensors("indices");
  Value values = c.tensor_as("values", c.dtype(x));
  if (c.failed()) return;
  values = c.to_dtype(values, c.dtype(x));
  if (put_by_mask(c, x, indices, values)) return;
  const auto r = indexed(c, x, indices);
  if (!r) return;
  const bool accumulate = c.boolean("accumulate");
  // The values as [before..., positions, behind...].
  Shape joined = c.shape(r->x);
  joined[size_t(r->axis)] = element_count(r->at.shape);
  Value v;
  if (!accumulate && !r->at.known && count_of(c, values) == 1) {
    v = fill_at(c, r->x, r->axis, r->at, values);
  } else {
    const auto fits = broadcast(c.shape(values), r->result_shape);
    if (!fits || *fits != r->result_shape) return c.unsupported("values that do not fit the indices");
    const Value src = reshape_value(c, broadcast_to(c, values, r->result_shape), joined);
    v = accumulate ? add_at(c, r->x, r->axis, r->at, src) : put_at(c, r->x, r->axis, r->at, src);
  }
  if (!v.valid()) return;
  v = reshape_value(c, v, r->permuted);
  c.result(is_identity(r->perm) ? v : c.add(Transpose(inverse(r->perm)), {v}));
}

namespace {

struct Along {
  Value x;
  int64_t axis = 0;
  Positions at;
};

// Operands of index_add, index_copy, index_fill: a vector of positions along an axis.
std::optional<Along> along(SourceCall& c) {
  Along a;
  a.x = vector(c, c.tensor("self"));
  const Value index = c.tensor("index");
  a.axis = c.axis("dim", c.rank(a.x));
  if (c.failed()) return std::nullopt;
  auto at = positions_of(c, reshape_value(c, index, {count_of(c, index)}), c.shape(a.x)[size_t(a.axis)], false);
  if (!at) return std::nullopt;
  a.at = *std::move(at);
  return a;
}

// The source with the axis that a scalar index leaves out.
Value source_along(SourceCall& c, const Along& a) {
  Shape s = c.shape(a.x);
  s[size_t(a.axis)] = element_count(a.at.shape);
  const Value src = c.to_dtype(c.tensor("source"), c.dtype(a.x));
  if (!src.valid() || count_of(c, src) != element_count(s)) return c.unsupported("a source of another shape"), Value{};
  return reshape_value(c, src, s);
}

}  // namespace

void import_index_add(SourceCall& c) {
  const auto a = along(c);
  if (!a) return;
  Value src = source_along(c, *a);
  if (!src.valid()) return;
  if (c.number("alpha", 1) != 1) src = mul(c, src, c.scalar(c.number("alpha"), c.dtype(a->x)));
  scattered(c, add_at(c, a->x, a->axis, a->at, src));
}

void import_index_copy(SourceCall& c) {
  const auto a = along(c);
  if (!a) return;
  const Value src = source_along(c, *a);
  if (src.valid()) scattered(c, put_at(c, a->x, a->axis, a->at, src));
}

void import_index_fill(SourceCall& c) {
  const auto a = along(c);
  if (a) scattered(c, fill_at(c, a->x, a->axis, a->at, c.to_dtype(c.tensor_as("value", c.dtype(a->x)), c.dtype(a->x))));
}

// The rows of source that fall onto one slice are multiplied, averaged, or the extreme one is taken.
void import_index_reduce(SourceCall& c) {
  const std::string name = c.string("reduce", "");
  const bool mean = name == "mean", with_self = c.boolean("include_self", true);
  const auto kind = mean ? ScatterKind::kSum : scatter_kind(name);
  const auto a = along(c);
  if (!a) return;
  if (!kind) return c.unsupported(fmt::format("reduce='{}'", name), "use prod, mean, amax or amin");
  const Value src = source_along(c, *a);
  if (!src.valid()) return;
  const Value x = move_axis(c, a->x, a->axis, 0), rows = move_axis(c, src, a->axis, 0), at = flat(c, a->at.value);
  Value y = combine_rows(c, *kind, x, at, rows, with_self);
  if (mean && y.valid()) {
    Shape line(c.rank(x), 1);
    line[0] = c.shape(x)[0];
    const Value counts = reshape_value(c, count_rows(c, line[0], at, c.dtype(x)), line), one = c.scalar(1, c.dtype(x));
    const Value divisor =
        with_self ? c.add(Binary(BinaryKind::kAdd), {counts, one}) : c.add(Binary(BinaryKind::kMaximum), {counts, one});
    y = c.add(Binary(is_float(c.dtype(x)) ? BinaryKind::kDiv : BinaryKind::kFloorDiv), {y, divisor});
  }
  if (y.valid()) scattered(c, move_axis(c, y, 0, a->axis));
}

// The n-th element of source goes where the mask holds for the n-th time: a running count picks it.
void import_masked_scatter(SourceCall& c) {
  Value x = c.tensor("self"), mask = c.tensor("mask");
  const Value source = flat(c, c.to_dtype(c.tensor("source"), c.dtype(x)));
  const auto shape = broadcast(c.shape(x), c.shape(mask));
  if (c.failed() || !shape) return c.unsupported("a mask that does not broadcast");
  x = broadcast_to(c, x, *shape);
  mask = c.to_dtype(broadcast_to(c, mask, *shape), DType::kBool);
  const int64_t n = element_count(*shape);
  const Value ones = c.add(Cast(DType::kI32), {reshape_value(c, mask, {n})});
  Cumsum running;
  running.exclusive = true;
  // Behind the last hit the count may be the source's size; nothing is taken there.
  const Value at =
      c.add(Binary(BinaryKind::kMinimum), {c.add(running, {ones}), c.scalar(double(count_of(c, source) - 1), DType::kI32)});
  if (count_of(c, source) == 0) return c.unsupported("an empty source");
  const Value taken = reshape_value(c, c.add(Gather(0), {source, at}), *shape);
  c.result(c.add(Select{}, {mask, taken, x}));
}

// Where the mask holds, the values are added at the indices, which are bounded by the axes.
void import_masked_index_add(SourceCall& c) {
  const Value x = c.tensor("self"), mask = c.to_dtype(c.tensor("mask"), DType::kBool);
  const Value values = c.to_dtype(c.tensor("values"), c.dtype(x));
  if (c.failed()) return;
  c.set_arg("values", c.add(Select{}, {mask, values, c.scalar(0, c.dtype(x))}));
  c.set_arg("indices", bounded_indices(c, x, c.tensors("indices")));
  c.set_arg("accumulate", true);
  import_index_put(c);
}

// put: index_put into the flat tensor.
void import_put(SourceCall& c) {
  const Value x = c.tensor("self");
  const auto at = positions_of(c, flat(c, c.tensor("index")), count_of(c, x), true);
  if (!at) return;
  const Value src = flat(c, c.to_dtype(c.tensor("source"), c.dtype(x)));
  if (count_of(c, src) != element_count(at->shape)) return c.unsupported("a source of another size");
  const Value v = c.boolean("accumulate") ? add_rows(c, flat(c, x), *at, src) : put_at(c, flat(c, x), 0, *at, src);
  if (v.valid()) c.result(reshape_value(c, v, c.shape(x)));
}

}  // namespace atl
