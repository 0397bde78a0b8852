// ATen operators that pick elements by index. LiteRT's gathers take neither negative nor several indices: known indices are
// counted from the front here, and several are joined into one.
#include <algorithm>

#include "import/aten.h"
#include "import/index_rules.h"
#include "import/placement.h"
#include "ir/cast_op.h"
#include "ops/binary.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/unary.h"

namespace atl {

bool is_mask(DType t) { return t == DType::kBool || t == DType::kU8; }

namespace {

constexpr int kMaxDepth = 16;

// True when v holds no negative number: what ARG_MAX and TOPK give, and what is made of that.
bool never_negative(Builder& b, Value v, int depth = 0) {
  const Node& n = b.graph()[v];
  switch (n.op->code) {
    case OpCode::kArgReduce:
    case OpCode::kOneHot:
      return true;
    case OpCode::kTopK:
      return v.index == 1;
    case OpCode::kCast:
    case OpCode::kReshape:
    case OpCode::kTranspose:
    case OpCode::kSlice:
    case OpCode::kSplit:
    case OpCode::kUnpack:
    case OpCode::kBroadcastTo:
    case OpCode::kTile:
    case OpCode::kReverse:
      return depth < kMaxDepth && is_integer(b.dtype(n.in[0])) && never_negative(b, n.in[0], depth + 1);
    case OpCode::kConst: {
      const auto values = known_integers(b, v);
      return values && std::all_of(values->begin(), values->end(), [](int64_t i) { return i >= 0; });
    }
    default:
      return false;
  }
}

Positions known_positions(SourceCall& c, Shape shape, std::vector<int64_t> at) {
  const Value v = index_constant(c, shape, at);
  return {v, std::move(at), std::move(shape)};
}

// Where a known mask holds, as one list of coordinates for each of its axes.
std::vector<std::vector<int64_t>> coordinates(const Tensor& mask) {
  const Shape& s = mask.shape();
  std::vector<std::vector<int64_t>> at(s.size());
  for (int64_t i = 0; i < mask.count(); ++i) {
    if (element_as_int(mask, i) == 0) continue;
    int64_t rest = i;
    for (size_t a = s.size(); a-- > 0;) {
      at[a].push_back(rest % s[a]);
      rest /= s[a];
    }
  }
  return at;
}

// The sum of index[k] * stride[k]: one index in place of several. Known parts are summed at once.
std::optional<Positions> joined_positions(SourceCall& c, const std::vector<Positions>& parts, const Shape& sizes,
                                          const Shape& shape) {
  const int64_t total = element_count(sizes), count = element_count(shape);
  if (total >= (int64_t(1) << 31)) {
    c.unsupported(fmt::format("an index into {} elements", total), "index one axis after the other");
    return std::nullopt;
  }
  if (!listable(c, count)) return std::nullopt;
  std::vector<int64_t> known(size_t(count), 0);
  bool all_known = true, wide = false;
  for (const Positions& p : parts) wide |= !p.known && c.dtype(p.value) == DType::kI64;
  const DType t = wide ? DType::kI64 : DType::kI32;
  Value sum;
  int64_t stride = total;
  for (size_t k = 0; k < parts.size(); ++k) {
    stride = sizes[k] == 0 ? 0 : stride / sizes[k];
    const Positions& p = parts[k];
    if (p.known) {
      const Tensor part = Tensor::of<int64_t>(DType::kI64, p.shape, *p.known);
      const OpPtr op = make_op(BroadcastTo(shape));
      const auto wide_part = def_of(*op).eval(*op, {&part, 1});
      if (!wide_part) {
        c.fail(wide_part.error());
        return std::nullopt;
      }
      for (int64_t i = 0; i < count; ++i) known[size_t(i)] += stride * (*wide_part)[0].data<int64_t>()[i];
      continue;
    }
    all_known = false;
    Value v = with_rank(c, c.to_dtype(p.value, t), shape.size());
    if (stride != 1) v = c.add(Binary(BinaryKind::kMul), {v, c.scalar(double(stride), t)});
    sum = sum.valid() ? c.add(Binary(BinaryKind::kAdd), {sum, v}) : v;
  }
  if (all_known) return known_positions(c, shape, std::move(known));
  if (std::any_of(known.begin(), known.end(), [](int64_t i) { return i != 0; }))
    sum = c.add(Binary(BinaryKind::kAdd), {sum, c.to_dtype(index_constant(c, shape, known), t)});
  return Positions{broadcast_to(c, sum, shape), std::nullopt, shape};
}

// x[arange(n)[:, None...], index, ...] takes from row i what index row i says: a Gather with a batch axis.
Value batched_pick(SourceCall& c, Value x, const Values& indices) {
  if (indices.size() < 2 || !indices[0].valid() || !indices[1].valid()) return {};
  for (size_t k = 2; k < indices.size(); ++k)
    if (indices[k].valid()) return {};
  if (c.shape(x)[0] > kMaxPositions) return {};
  const auto rows = known_integers(c, indices[0]);
  const Shape s = c.shape(indices[1]), r = c.shape(indices[0]);
  const bool spread = !r.empty() && std::all_of(r.begin() + 1, r.end(), [](int64_t n) { return n == 1; });
  if (!rows || !spread || r.size() != s.size() || is_mask(c.dtype(indices[0])) || is_mask(c.dtype(indices[1]))) return {};
  const int64_t n = c.shape(x)[0];
  if (s[0] != n || *rows != arithmetic(0, 1, n) || known_value(c, indices[1])) return {};
  const auto at = positions_of(c, indices[1], c.shape(x)[1], true);
  return at ? c.add(Gather(1, 1), {x, at->value}) : Value{};
}

constexpr std::string_view kMaskHint = "use torch.where(mask, x, other), which keeps the shape";

}  // namespace

std::optional<Positions> positions_of(SourceCall& c, Value v, int64_t n, bool wraps) {
  if (!is_integer(c.dtype(v))) {
    c.unsupported(fmt::format("indices of type {}", name(c.dtype(v))), "use integer indices");
    return std::nullopt;
  }
  const Shape shape = c.shape(v);
  if (auto at = known_integers(c, v)) {
    for (int64_t& i : *at) {
      if (wraps && i < 0) i += n;
      if (i < 0 || i >= n) {
        c.unsupported(fmt::format("index {} is outside an axis of {} elements", i, n));
        return std::nullopt;
      }
    }
    return known_positions(c, shape, *std::move(at));
  }
  const DType t = c.dtype(v);
  if (t != DType::kI32 && t != DType::kI64) v = c.to_dtype(v, DType::kI32);
  // FLOOR_MOD leaves 0 .. n-1 alone and counts -n .. -1 from the end.
  if (wraps && !never_negative(c, v)) v = c.add(Binary(BinaryKind::kFloorMod), {v, c.scalar(double(n), c.dtype(v))});
  return Positions{v, std::nullopt, shape};
}

std::optional<Indexed> indexed(SourceCall& c, Value x, const Values& indices) {
  const Shape s = c.shape(x);
  std::vector<std::optional<Positions>> parts;  // one entry for each axis that the list names
  for (Value v : indices) {
    if (!v.valid()) {
      parts.emplace_back();
      continue;
    }
    if (!is_mask(c.dtype(v))) {
      if (parts.size() >= s.size()) return c.unsupported("more indices than axes"), std::nullopt;
      auto p = positions_of(c, v, s[parts.size()], true);
      if (!p) return std::nullopt;
      parts.push_back(std::move(p));
      continue;
    }
    const auto mask = known_value(c, v);
    if (!mask)
      return c.unsupported("a mask that depends on data gives a result of unknown size", std::string(kMaskHint)), std::nullopt;
    if (mask->shape().empty() || parts.size() + mask->shape().size() > s.size() ||
        !std::equal(mask->shape().begin(), mask->shape().end(), s.begin() + long(parts.size())))
      return c.unsupported("a mask of another shape than the axes it stands for"), std::nullopt;
    for (std::vector<int64_t>& at : coordinates(*mask)) {
      const int64_t count = int64_t(at.size());
      parts.push_back(known_positions(c, {count}, std::move(at)));
    }
  }
  parts.resize(std::max(parts.size(), s.size()));
  if (parts.size() > s.size()) return c.unsupported("more indices than axes"), std::nullopt;
  std::vector<Positions> given;
  std::vector<int> axes, others;
  Shape shape, sizes;
  for (size_t a = 0; a < parts.size(); ++a) {
    if (!parts[a]) {
      others.push_back(int(a));
      continue;
    }
    const auto both = broadcast(shape, parts[a]->shape);
    if (!both) return c.unsupported("indices whose shapes do not broadcast"), std::nullopt;
    shape = *both;
    axes.push_back(int(a));
    sizes.push_back(s[a]);
    given.push_back(*std::move(parts[a]));
  }
  if (given.empty()) return c.unsupported("no index"), std::nullopt;
  Indexed r;
  r.perm = identity(s.size());
  if (axes.back() - axes.front() + 1 != int(axes.size())) {
    r.perm = axes;
    r.perm.insert(r.perm.end(), others.begin(), others.end());
  } else {
    r.axis = axes.front();
  }
  r.x = is_identity(r.perm) ? x : c.add(Transpose(r.perm), {x});
  r.permuted = permuted(s, r.perm);
  const auto first = r.permuted.begin() + r.axis, last = first + long(axes.size());
  Shape joined(r.permuted.begin(), first);
  r.result_shape = joined;
  joined.push_back(element_count(sizes));
  r.result_shape.insert(r.result_shape.end(), shape.begin(), shape.end());
  joined.insert(joined.end(), last, r.permuted.end());
  r.result_shape.insert(r.result_shape.end(), last, r.permuted.end());
  if (given.size() == 1) {
    r.at = std::move(given[0]);
  } else {
    auto at = joined_positions(c, given, sizes, shape);
    if (!at) return std::nullopt;
    r.at = *std::move(at);
    r.x = reshape_value(c, r.x, joined);
  }
  return r;
}

Values bounded_indices(SourceCall& c, Value x, Values indices) {
  for (size_t a = 0; a < indices.size() && a < c.rank(x); ++a) {
    Value& v = indices[a];
    if (!v.valid() || is_mask(c.dtype(v))) continue;
    v = c.add(Binary(BinaryKind::kMaximum), {v, c.scalar(0, c.dtype(v))});
    v = c.add(Binary(BinaryKind::kMinimum), {v, c.scalar(double(c.shape(x)[a] - 1), c.dtype(v))});
  }
  return indices;
}

std::optional<Positions> flat_positions(SourceCall& c, const Shape& x, int64_t axis, Value index, bool wraps) {
  const Shape shape = c.shape(index);
  if (shape.size() != x.size()) return c.unsupported("an index of another rank"), std::nullopt;
  if (!listable(c, element_count(shape))) return std::nullopt;
  auto at = positions_of(c, index, x[size_t(axis)], wraps);
  if (!at) return std::nullopt;
  std::vector<Positions> parts;
  for (size_t a = 0; a < x.size(); ++a) {
    if (int64_t(a) == axis) {
      parts.push_back(*at);
      continue;
    }
    if (shape[a] > x[a]) return c.unsupported("an index larger than the tensor"), std::nullopt;
    Shape line(x.size(), 1);
    line[a] = shape[a];
    parts.push_back({Value{}, arithmetic(0, 1, shape[a]), std::move(line)});
  }
  return joined_positions(c, parts, x, shape);
}

Value scatter_indices(SourceCall& c, const Positions& at) {
  return reshape_value(c, c.to_dtype(at.value, DType::kI32), {element_count(at.shape), 1});
}

namespace {

void import_index(SourceCall& c) {
  const Value x = c.tensor("self");
  const Values indices = c.tensors("indices");
  if (c.failed()) return;
  if (c.rank(x) >= 2)
    if (const Value v = batched_pick(c, x, indices); v.valid() || c.failed()) return c.result(v);
  const auto r = indexed(c, x, indices);
  if (!r) return;
  c.result(c.add(Gather(r->axis), {r->x, r->at.value}));
}

// x[indices] with the indices bounded by the axes; `fill` where the mask does not hold.
void import_masked_index(SourceCall& c) {
  const Value x = c.tensor("self"), mask = c.to_dtype(c.tensor("mask"), DType::kBool);
  const Value fill = c.scalar(c.number("fill"), c.dtype(x));
  c.set_arg("indices", bounded_indices(c, x, c.tensors("indices")));
  if (c.failed()) return;
  import_index(c);
  if (!c.failed()) c.result(c.add(Select{}, {mask, c.results()[0], fill}));
}

// The index behind an index that is repeated along all axes after `axis` (x.gather(1, i[:, :, None].expand(-1, -1, n))): its
// elements pick whole slices. Invalid when it is not of that kind.
Value slice_index(SourceCall& c, Value index, int64_t axis, const Shape& x) {
  const Shape s = c.shape(index);
  if (!std::equal(s.begin(), s.begin() + axis, x.begin())) return {};
  Shape narrow(s.begin(), s.begin() + axis + 1);
  if (axis + 1 == int64_t(s.size())) return index;
  if (!std::equal(s.begin() + axis + 1, s.end(), x.begin() + axis + 1)) return {};
  if (element_count({s.begin() + axis + 1, s.end()}) == 1) return reshape_value(c, index, narrow);
  const BroadcastTo* expand = c.graph().as<BroadcastTo>(index);
  if (!expand) return {};
  const Value from = c.graph()[index].in[0];
  const Shape f = c.shape(from);
  if (f.size() != s.size() || element_count({f.begin() + axis + 1, f.end()}) != 1) return {};
  narrow[size_t(axis)] = f[size_t(axis)];
  if (!std::equal(f.begin(), f.begin() + axis, s.begin()) || f[size_t(axis)] != s[size_t(axis)]) return {};
  return reshape_value(c, from, narrow);
}

Value gather_along(SourceCall& c, Value x, int64_t axis, Value index, bool wraps = false) {
  const Shape s = c.shape(x), shape = c.shape(index);
  if (s.empty()) return reshape_value(c, x, shape);
  if (s.size() != shape.size()) return c.unsupported("an index of another rank"), Value{};
  const bool known = known_value(c, index).has_value();
  if (const Value rows = known ? Value{} : slice_index(c, index, axis, s); rows.valid()) {
    const auto at = positions_of(c, rows, s[size_t(axis)], wraps);
    return at ? c.add(Gather(axis, axis), {x, at->value}) : Value{};
  }
  const auto at = flat_positions(c, s, axis, index, wraps);
  return at ? c.add(Gather(0), {reshape_value(c, x, {element_count(s)}), at->value}) : Value{};
}

void import_gather(SourceCall& c) {
  const Value x = c.tensor("self");
  const int64_t axis = c.axis("dim", c.rank(x));
  const Value index = c.tensor("index");
  if (c.failed()) return;
  const bool scalar = c.rank(index) == 0 && c.rank(x) == 1;  // torch takes a scalar as a vector of one
  const Value v = gather_along(c, x, axis, scalar ? reshape_value(c, index, {1}) : index);
  c.result(scalar ? reshape_value(c, v, {}) : v);
}

// gather with broadcasting; without an axis, of the flat tensors.
void import_take_along_dim(SourceCall& c) {
  Value x = c.tensor("self"), index = c.tensor("indices");
  if (c.failed()) return;
  if (!c.has("dim")) {
    x = reshape_value(c, x, {element_count(c.shape(x))});
    return c.result(gather_along(c, x, 0, reshape_value(c, index, {element_count(c.shape(index))}), true));
  }
  const int64_t axis = c.axis("dim", c.rank(x));
  if (c.failed() || c.rank(x) != c.rank(index)) return c.unsupported("indices of another rank");
  Shape a = c.shape(x), b = c.shape(index);
  a[size_t(axis)] = b[size_t(axis)] = 1;
  const auto both = broadcast(a, b);
  if (!both) return c.unsupported("indices that do not broadcast");
  Shape x_shape = *both, index_shape = *both;
  x_shape[size_t(axis)] = c.shape(x)[size_t(axis)];
  index_shape[size_t(axis)] = c.shape(index)[size_t(axis)];
  c.result(gather_along(c, broadcast_to(c, x, x_shape), axis, broadcast_to(c, index, index_shape), true));
}

void import_take(SourceCall& c) {
  const Value x = c.tensor("self");
  const auto at = positions_of(c, c.tensor("index"), element_count(c.shape(x)), true);
  if (at) c.result(c.add(Gather(0), {reshape_value(c, x, {element_count(c.shape(x))}), at->value}));
}

void import_masked_select(SourceCall& c) {
  const Value x = c.tensor("self"), mask = c.tensor("mask");
  const auto known = known_value(c, mask);
  if (!known) return c.unsupported("a mask that depends on data gives a result of unknown size", std::string(kMaskHint));
  const auto shape = broadcast(c.shape(x), c.shape(mask));
  if (!shape) return c.unsupported("a mask that does not broadcast");
  const auto wide = known_value(c, broadcast_to(c, mask, *shape));
  if (!wide) return c.unsupported("a large mask");
  std::vector<int64_t> at;
  for (int64_t i = 0; i < wide->count(); ++i)
    if (element_as_int(*wide, i)) at.push_back(i);
  c.result(pick(c, reshape_value(c, broadcast_to(c, x, *shape), {element_count(*shape)}), 0, at));
}

// Where a known tensor is not zero; LiteRT's own WHERE gives a result of unknown size.
std::optional<std::vector<std::vector<int64_t>>> nonzero(SourceCall& c, std::string_view arg) {
  const auto known = known_value(c, c.tensor(arg));
  if (!known)
    return c.unsupported("the size of the result depends on data", "use torch.where(condition, x, other), topk or a mask"),
           std::nullopt;
  Tensor mask = Tensor::make(Type{DType::kBool, known->shape(), {}});
  for (int64_t i = 0; i < known->count(); ++i) mask.mutable_data<bool>()[i] = element_as_double(*known, i) != 0;
  return coordinates(mask);
}

void import_nonzero(SourceCall& c) {
  const auto at = nonzero(c, "self");
  if (!at) return;
  const int64_t rows = at->empty() ? 0 : int64_t((*at)[0].size()), axes = int64_t(at->size());
  if (axes == 0) return c.unsupported("of a scalar");
  Tensor t = Tensor::make(Type{DType::kI64, {rows, axes}, {}});
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t a = 0; a < axes; ++a) t.mutable_data<int64_t>()[i * axes + a] = (*at)[size_t(a)][size_t(i)];
  c.result(c.constant(std::move(t)));
}

void nonzero_lists(SourceCall& c, std::string_view arg) {
  const auto at = nonzero(c, arg);
  if (!at) return;
  Values lists;
  for (const auto& axis : *at) lists.push_back(c.constant(Tensor::of<int64_t>(DType::kI64, {int64_t(axis.size())}, axis)));
  c.results(std::move(lists));
}
void import_nonzero_numpy(SourceCall& c) { nonzero_lists(c, "self"); }
void import_where_condition(SourceCall& c) { nonzero_lists(c, "condition"); }

// How many sorted boundaries lie before each value: compared with all of them and counted.
void count_before(SourceCall& c, Value boundaries, Value x, bool right) {
  const DType t = is_float(c.dtype(x)) || !is_float(c.dtype(boundaries)) ? c.dtype(x) : c.dtype(boundaries);
  Shape xs = c.shape(x), bs = c.shape(boundaries);
  xs.push_back(1);
  if (bs.size() > 1) bs.insert(bs.end() - 1, 1);
  while (bs.size() < xs.size()) bs.insert(bs.begin(), 1);
  while (xs.size() < bs.size()) xs.insert(xs.begin(), 1);
  x = reshape_value(c, c.to_dtype(x, t), xs);
  boundaries = reshape_value(c, c.to_dtype(boundaries, t), bs);
  Value before = c.add(Compare(right ? CompareKind::kGreaterEqual : CompareKind::kGreater), {x, boundaries});
  if (is_float(t)) {
    // NaN goes behind all numbers.
    const Value behind = c.add(Compare(right ? CompareKind::kGreater : CompareKind::kGreaterEqual), {boundaries, x});
    before = c.add(Unary(UnaryKind::kLogicalNot), {behind});
  }
  const int64_t last = int64_t(c.rank(before)) - 1;
  const Value count = c.add(Reduce(ReduceKind::kSum, {last}, false), {c.add(Cast(DType::kI32), {before})});
  c.result(c.to_dtype(count, c.boolean("out_int32") ? DType::kI32 : DType::kI64));
}

void import_bucketize(SourceCall& c) {
  const Value boundaries = c.tensor("boundaries");
  count_before(c, boundaries, c.tensor_as("self", c.dtype(boundaries)), c.boolean("right"));
}

void import_searchsorted(SourceCall& c) {
  Value sorted = c.tensor("sorted_sequence");
  const Value x = c.tensor_as("self", c.dtype(sorted));
  if (c.has("sorter")) sorted = gather_along(c, sorted, int64_t(c.rank(sorted)) - 1, c.tensor("sorter"));
  if (c.failed()) return;
  const Shape s = c.shape(sorted), v = c.shape(x);
  if (s.size() > 1 && (s.size() != v.size() || !std::equal(s.begin(), s.end() - 1, v.begin())))
    return c.unsupported("values whose leading axes differ from the sequence's");
  count_before(c, sorted, x, c.string("side", c.boolean("right") ? "right" : "left") == "right");
}

// isin: compared with every test element.
void import_isin(SourceCall& c) {
  const bool elements_given = std::holds_alternative<Value>(*(c.arg("elements") ? c.arg("elements") : c.arg("element")));
  const std::string_view x_name = c.has("elements") ? "elements" : "element";
  const std::string_view test_name = c.has("test_elements") ? "test_elements" : "test_element";
  Value x, test;
  if (elements_given) {
    x = c.tensor(x_name);
    test = c.tensor_as(test_name, c.dtype(x));
  } else {
    test = c.tensor(test_name);
    x = c.tensor_as(x_name, c.dtype(test));
  }
  if (c.failed()) return;
  if (c.dtype(x) != c.dtype(test)) return c.unsupported("elements of different types", "convert both to one type");
  Shape wide = c.shape(x), line(wide.size(), 1);
  wide.push_back(1);
  line.push_back(element_count(c.shape(test)));
  const Value same = c.add(Compare(CompareKind::kEqual), {reshape_value(c, x, wide), reshape_value(c, test, line)});
  const Value any = c.add(Reduce(ReduceKind::kAny, {int64_t(line.size()) - 1}, false), {same});
  if (!c.boolean("invert")) return c.result(any);
  c.result(c.add(Compare(CompareKind::kEqual), {any, c.scalar(0, DType::kBool)}));
}

constexpr Import kImports[] = {
    {"aten.index.Tensor", import_index},
    {"aten.index.Tensor_hacked_twin", import_index},
    {"aten._unsafe_index.Tensor", import_index},
    {"aten._unsafe_index.Tensor_hacked_twin", import_index},
    {"aten._unsafe_masked_index.default", import_masked_index},
    {"aten._unsafe_masked_index_put_accumulate.default", import_masked_index_add},
    {"aten.index_reduce.default", import_index_reduce},
    {"aten.gather.default", import_gather},
    {"aten.take.default", import_take},
    {"aten.take_along_dim.default", import_take_along_dim},
    {"aten.masked_select.default", import_masked_select},
    {"aten.nonzero.default", import_nonzero},
    {"aten.argwhere.default", import_nonzero},
    {"aten.nonzero_numpy.default", import_nonzero_numpy},
    {"aten.where.default", import_where_condition},
    {"aten.bucketize.Tensor", import_bucketize},
    {"aten.bucketize.Scalar", import_bucketize},
    {"aten.searchsorted.Tensor", import_searchsorted},
    {"aten.searchsorted.Scalar", import_searchsorted},
    {"aten.isin.Tensor_Tensor", import_isin},
    {"aten.isin.Tensor_Scalar", import_isin},
    {"aten.isin.Scalar_Tensor", import_isin},
    {"aten.scatter.src", import_scatter_src},
    {"aten.scatter.value", import_scatter_value},
    {"aten.scatter.reduce", import_scatter_reduce},
    {"aten.scatter.value_reduce", import_scatter_value_reduce},
    {"aten.scatter_add.default", import_scatter_add},
    {"aten.scatter_reduce.two", import_scatter_reduce_two},
    {"aten.index_put.default", import_index_put},
    {"aten.index_put.hacked_twin", import_index_put},
    {"aten._unsafe_index_put.default", import_index_put},
    {"aten._unsafe_index_put.hacked_twin", import_index_put},
    {"aten._index_put_impl.default", import_index_put},
    {"aten.index_add.default", import_index_add},
    {"aten.index_copy.default", import_index_copy},
    {"aten.index_fill.int_Scalar", import_index_fill},
    {"aten.index_fill.int_Tensor", import_index_fill},
    {"aten.masked_scatter.default", import_masked_scatter},
    {"aten.put.default", import_put},
    {"aten.topk.default", import_topk},
    {"aten.sort.default", import_sort},
    {"aten.sort.stable", import_sort},
    {"aten.argsort.default", import_argsort},
    {"aten.argsort.stable", import_argsort},
    {"aten.msort.default", import_msort},
    {"aten.kthvalue.default", import_kthvalue},
};

}  // namespace

std::span<const Import> aten_index() { return kImports; }

}  // namespace atl
