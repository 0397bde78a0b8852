// ATen operators that move elements and are more than one core op.
#include <algorithm>

#include "import/aten.h"
#include "import/placement.h"
#include "ops/elementwise.h"
#include "ops/shape.h"

namespace atl {
namespace {

// ---- Padding. torch lists (before, after) from the last axis forwards.

struct Padding {
  std::vector<int64_t> before, after;
};

std::optional<Padding> padding_of(SourceCall& c, std::string_view arg, size_t rank) {
  const std::vector<int64_t> flat = c.integers(arg);
  if (flat.size() % 2 != 0 || flat.size() > 2 * rank) {
    c.unsupported(fmt::format("{} paddings for a tensor of {} axes", flat.size(), rank));
    return std::nullopt;
  }
  Padding p{std::vector<int64_t>(rank, 0), std::vector<int64_t>(rank, 0)};
  for (size_t i = 0; i * 2 < flat.size(); ++i) {
    p.before[rank - 1 - i] = flat[2 * i];
    p.after[rank - 1 - i] = flat[2 * i + 1];
  }
  return p;
}

// Negative padding cuts.
Value cut_negative(SourceCall& c, Value x, Padding& p) {
  for (size_t a = 0; a < p.before.size(); ++a) {
    const int64_t begin = std::max<int64_t>(-p.before[a], 0), end = std::max<int64_t>(-p.after[a], 0), n = c.shape(x)[a];
    if (begin + end == 0) continue;
    if (begin + end > n) {
      c.unsupported("padding that cuts more than there is");
      return x;
    }
    x = take_range(c, x, int64_t(a), begin, n - begin - end);
    p.before[a] = std::max<int64_t>(p.before[a], 0);
    p.after[a] = std::max<int64_t>(p.after[a], 0);
  }
  return x;
}

void pad_constant(SourceCall& c, std::string_view arg, double value) {
  Value x = c.tensor("self");
  auto p = padding_of(c, arg, c.rank(x));
  if (!p) return;
  x = cut_negative(c, x, *p);
  const auto none = [](const std::vector<int64_t>& v) {
    return std::all_of(v.begin(), v.end(), [](int64_t n) { return n == 0; });
  };
  c.result(none(p->before) && none(p->after) ? x : c.add(Pad(p->before, p->after, value), {x}));
}

void pad_reflect(SourceCall& c, std::string_view arg) {
  Value x = c.tensor("self");
  auto p = padding_of(c, arg, c.rank(x));
  if (!p) return;
  x = cut_negative(c, x, *p);
  Pad op(p->before, p->after);
  op.mode = PadMode::kReflect;
  c.result(c.add(std::move(op), {x}));
}

// The ends of padded positions continued from the other end, where the cut elements of a negative padding do not count. False
// when there is more padding than elements.
bool wrap_around(std::vector<int64_t>& at, int64_t before, int64_t after) {
  const int64_t total = int64_t(at.size()), left = std::max<int64_t>(before, 0), right = std::max<int64_t>(after, 0);
  const int64_t core = total - left - right;
  if (core < left || core < right) return false;
  for (int64_t i = 0; i < left; ++i) at[size_t(i)] = at[size_t(core + i)];
  for (int64_t i = 0; i < right; ++i) at[size_t(total - right + i)] = at[size_t(left + i)];
  return true;
}

// Edges repeated (replicate) or the other end continued (circular): along each axis a choice of positions.
void pad_by_position(SourceCall& c, std::string_view arg, bool circular) {
  Value x = c.tensor("self");
  const auto p = padding_of(c, arg, c.rank(x));
  if (!p) return;
  for (size_t a = 0; a < p->before.size(); ++a) {
    const int64_t n = c.shape(x)[a], total = n + p->before[a] + p->after[a];
    if (p->before[a] == 0 && p->after[a] == 0) continue;
    if (n == 0 || total < 0) return c.unsupported("padding of an axis without elements");
    if (!listable(c, total)) return;
    std::vector<int64_t> at;
    for (int64_t i = 0; i < total; ++i) at.push_back(std::clamp<int64_t>(i - p->before[a], 0, n - 1));
    if (circular && !wrap_around(at, p->before[a], p->after[a]))
      return c.unsupported(fmt::format("circular padding of {} and {} around {} elements", p->before[a], p->after[a], n));
    x = pick(c, x, int64_t(a), at);
  }
  c.result(x);
}

void import_pad(SourceCall& c) {
  const std::string mode = c.string("mode", "constant");
  if (mode == "constant") return pad_constant(c, "pad", c.number("value", 0));
  if (mode == "reflect") return pad_reflect(c, "pad");
  if (mode == "replicate") return pad_by_position(c, "pad", false);
  if (mode == "circular") return pad_by_position(c, "pad", true);
  c.unsupported(fmt::format("mode '{}'", mode), "use constant, reflect, replicate or circular");
}

void import_pad_enum(SourceCall& c) {
  switch (c.integer("mode")) {
    case 0:
      return pad_reflect(c, "pad");
    case 1:
      return pad_by_position(c, "pad", false);
    case 2:
      return pad_by_position(c, "pad", true);
    default:
      return pad_constant(c, "pad", c.number("value", 0));
  }
}

void import_constant_pad(SourceCall& c) { pad_constant(c, "pad", c.number("value", 0)); }
void import_reflection_pad(SourceCall& c) { pad_reflect(c, "padding"); }
void import_replication_pad(SourceCall& c) { pad_by_position(c, "padding", false); }
void import_circular_pad(SourceCall& c) { pad_by_position(c, "pad", true); }

// ---- Rotations and repetitions.

void import_roll(SourceCall& c) {
  Value x = c.tensor("self");
  const Shape shape = c.shape(x);
  const std::vector<int64_t> shifts = c.integers("shifts"), dims = c.integers("dims", {});
  if (element_count(shape) == 0) return c.result(x);
  const auto shift = [&](int64_t axis, int64_t by) {
    const int64_t n = c.shape(x)[size_t(axis)], first = ((-by % n) + n) % n;
    if (first == 0 || !listable(c, n)) return;
    std::vector<int64_t> at = arithmetic(first, 1, n - first);
    for (int64_t i = 0; i < first; ++i) at.push_back(i);
    x = pick(c, x, axis, at);
  };
  if (dims.empty()) {
    if (shifts.size() != 1) return c.unsupported("several shifts without dims");
    x = reshape_value(c, x, {element_count(shape)});
    shift(0, shifts[0]);
    return c.result(reshape_value(c, x, shape));
  }
  if (dims.size() != shifts.size()) return c.unsupported("shifts and dims of different lengths");
  for (size_t i = 0; i < dims.size(); ++i) {
    const auto axis = normalize_axis(dims[i], shape.size());
    if (!axis || shape.empty()) return c.unsupported(fmt::format("axis {}", dims[i]));
    shift(*axis, shifts[i]);
  }
  c.result(x);
}

void import_rot90(SourceCall& c) {
  const Value x = c.tensor("self");
  const std::vector<int64_t> dims = c.integers("dims", {0, 1});
  const int64_t k = ((c.integer("k", 1) % 4) + 4) % 4;
  if (dims.size() != 2) return c.unsupported("dims must be two axes");
  const auto a = normalize_axis(dims[0], c.rank(x)), b = normalize_axis(dims[1], c.rank(x));
  if (!a || !b || *a == *b || c.rank(x) < 2) return c.unsupported("dims must be two axes");
  if (k == 0) return c.result(x);
  if (k == 2) return c.result(c.add(Reverse({std::min(*a, *b), std::max(*a, *b)}), {x}));
  Perm perm = identity(c.rank(x));
  std::swap(perm[size_t(*a)], perm[size_t(*b)]);
  // One turn is flip(b) and transpose; three are transpose and flip(b).
  if (k == 1) return c.result(c.add(Transpose(perm), {c.add(Reverse({*b}), {x})}));
  c.result(c.add(Reverse({*b}), {c.add(Transpose(perm), {x})}));
}

// ---- Groups of channels, windows, diagonals.

void import_channel_shuffle(SourceCall& c) {
  const Value x = c.tensor("self");
  const Shape s = c.shape(x);
  const int64_t groups = c.integer("groups");
  if (s.size() < 3 || groups < 1 || s[1] % groups != 0)
    return c.unsupported(fmt::format("{} groups of {}", groups, to_string(s)));
  Shape split = s;
  split[1] = s[1] / groups;
  split.insert(split.begin() + 1, groups);
  Perm perm = identity(split.size());
  std::swap(perm[1], perm[2]);
  c.result(c.add(Reshape(s), {c.add(Transpose(perm), {c.add(Reshape(split), {x})})}));
}

// Tensor.unfold: windows of `size` along an axis become a new last axis.
void import_unfold(SourceCall& c) {
  Value x = c.tensor("self");
  if (c.rank(x) == 0) x = c.add(Reshape({1}), {x});
  const bool scalar = c.rank(c.tensor("self")) == 0;
  const int64_t axis = c.axis("dimension", c.rank(x)), size = c.integer("size"), step = c.integer("step");
  if (c.failed()) return;
  Shape s = c.shape(x);
  const int64_t n = s[size_t(axis)];
  if (size < 0 || size > n || step < 1) return c.unsupported(fmt::format("windows of {} in steps of {}", size, step));
  const int64_t count = (n - size) / step + 1;
  if (step == size) {
    x = take_range(c, x, axis, 0, count * size);
  } else {
    if (size > 0 && !listable(c, count > kMaxPositions / size ? -1 : count * size)) return;
    std::vector<int64_t> at;
    for (int64_t w = 0; w < count; ++w)
      for (int64_t i = 0; i < size; ++i) at.push_back(w * step + i);
    x = pick(c, x, axis, at);
  }
  s[size_t(axis)] = count;
  s.insert(s.begin() + axis + 1, size);
  x = move_axis(c, c.add(Reshape(s), {x}), axis + 1, int64_t(s.size()) - 1);
  c.result(scalar ? reshape_value(c, x, {size}) : x);
}

struct Diagonal {
  int64_t first = 0, second = 0;  // axes
  int64_t begin = 0, length = 0;  // of the positions begin + i * (columns + 1) in the matrix as one axis
  int64_t rows = 0, columns = 0;
};

std::optional<Diagonal> diagonal_of(SourceCall& c, Value x, int64_t dim1, int64_t dim2) {
  Diagonal d;
  d.first = c.axis("dim1", c.rank(x), dim1);
  d.second = c.axis("dim2", c.rank(x), dim2);
  const int64_t offset = c.integer("offset", 0);
  if (c.failed() || c.rank(x) < 2 || d.first == d.second) {
    c.unsupported("a diagonal needs two axes");
    return std::nullopt;
  }
  d.rows = c.shape(x)[size_t(d.first)];
  d.columns = c.shape(x)[size_t(d.second)];
  const int64_t row = std::min(std::max<int64_t>(offset < 0 ? -offset : 0, 0), d.rows);
  const int64_t column = std::min(std::max<int64_t>(offset, 0), d.columns);
  d.length = std::max<int64_t>(std::min(d.rows - row, d.columns - column), 0);
  d.begin = d.length > 0 ? row * d.columns + column : 0;
  return d;
}

// x with the two axes of the diagonal behind all others and joined.
Value joined_matrix(SourceCall& c, Value x, const Diagonal& d, Perm& perm) {
  perm.clear();
  Shape s;
  for (int a = 0; a < int(c.rank(x)); ++a) {
    if (a == d.first || a == d.second) continue;
    perm.push_back(a);
    s.push_back(c.shape(x)[size_t(a)]);
  }
  perm.push_back(int(d.first));
  perm.push_back(int(d.second));
  s.push_back(d.rows * d.columns);
  const Value t = is_identity(perm) ? x : c.add(Transpose(perm), {x});
  return reshape_value(c, t, s);
}

void diagonal(SourceCall& c, Value x, int64_t dim1, int64_t dim2) {
  const auto d = diagonal_of(c, x, dim1, dim2);
  if (!d) return;
  Perm perm;
  const Value m = joined_matrix(c, x, *d, perm);
  c.result(take_range(c, m, int64_t(c.rank(m)) - 1, d->begin, d->length, d->columns + 1));
}
void import_diagonal(SourceCall& c) { diagonal(c, c.tensor("self"), 0, 1); }
void import_linalg_diagonal(SourceCall& c) { diagonal(c, c.tensor("A"), -2, -1); }

void import_diagonal_scatter(SourceCall& c) {
  const Value x = c.tensor("self"), src = c.tensor("src");
  const auto d = diagonal_of(c, x, 0, 1);
  if (!d || !listable(c, d->length)) return;
  Perm perm;
  const Value m = joined_matrix(c, x, *d, perm);
  const Value changed = overwrite(c, m, int64_t(c.rank(m)) - 1, arithmetic(d->begin, d->columns + 1, d->length), src);
  const Value t = reshape_value(c, changed, permuted(c.shape(x), perm));
  c.result(is_identity(perm) ? t : c.add(Transpose(inverse(perm)), {t}));
}

// The last axis as the diagonal of a matrix of zeros. Rows of n elements, each followed by n zeros but for the last, are the
// matrix: [..., n, 1] padded to [..., n, n + 1].
Value embed_diagonal(SourceCall& c, Value x, int64_t offset) {
  Shape s = c.shape(x);
  const int64_t n = s.back();
  const size_t rank = s.size();
  if (n > 65536 || offset > 65536 || offset < -65536) return c.unsupported("a matrix of that size"), Value{};
  Shape column = s;
  column.push_back(1);
  Pad tail(std::vector<int64_t>(rank + 1, 0), std::vector<int64_t>(rank + 1, 0));
  tail.after[rank] = n;
  s.back() = n * (n + 1);
  const Value flat = c.add(Reshape(s), {c.add(std::move(tail), {c.add(Reshape(column), {x})})});
  Shape square = s;
  square.back() = n;
  square.push_back(n);
  const Value m = c.add(Reshape(square), {take_range(c, flat, int64_t(rank) - 1, 0, n * n)});
  if (offset == 0) return m;
  Pad around(std::vector<int64_t>(rank + 1, 0), std::vector<int64_t>(rank + 1, 0));
  if (offset > 0) {
    around.after[rank - 1] = offset;
    around.before[rank] = offset;
  } else {
    around.before[rank - 1] = -offset;
    around.after[rank] = -offset;
  }
  return c.add(std::move(around), {m});
}

void import_diag_embed(SourceCall& c) {
  const Value x = c.tensor("self");
  const size_t rank = c.rank(x) + 1;
  if (c.rank(x) == 0) return c.unsupported("a scalar has no last axis");
  int64_t first = c.axis("dim1", rank, -2), second = c.axis("dim2", rank, -1);
  if (c.failed() || first == second) return c.unsupported("dim1 and dim2 are one axis");
  const Value m = embed_diagonal(c, x, c.integer("offset", 0));
  // Axes rank-2 and rank-1 of m go to `first` and `second`.
  Perm perm(rank, -1);
  perm[size_t(first)] = int(rank) - 2;
  perm[size_t(second)] = int(rank) - 1;
  int next = 0;
  for (int& p : perm)
    if (p < 0) p = next++;
  c.result(is_identity(perm) ? m : c.add(Transpose(perm), {m}));
}

void import_diagflat(SourceCall& c) {
  const Value x = c.tensor("self");
  c.result(embed_diagonal(c, reshape_value(c, x, {element_count(c.shape(x))}), c.integer("offset", 0)));
}

void import_diag(SourceCall& c) {
  const Value x = c.tensor("self");
  const int64_t offset = c.integer("diagonal", 0);
  if (c.rank(x) == 1) return c.result(embed_diagonal(c, x, offset));
  if (c.rank(x) != 2) return c.unsupported("a vector or a matrix is needed");
  c.set_arg("offset", offset);
  diagonal(c, x, 0, 1);
}

// ---- as_strided of a value that is dense in memory.

struct Strided {
  Shape size;
  std::vector<int64_t> stride;
  int64_t offset = 0;
};

std::optional<Strided> strided_of(SourceCall& c, Value x) {
  Strided s{c.integers("size"), c.integers("stride"), c.integer("storage_offset", 0)};
  int64_t last = s.offset;
  bool good = s.size.size() == s.stride.size() && s.offset >= 0;
  for (size_t a = 0; good && a < s.size.size(); ++a) {
    int64_t reach = 0;
    good = s.size[a] >= 0 && s.stride[a] >= 0 &&
           !__builtin_mul_overflow(std::max<int64_t>(s.size[a] - 1, 0), s.stride[a], &reach) &&
           !__builtin_add_overflow(last, reach, &last);
  }
  if (!good || !byte_size(Type{DType::kI32, s.size, {}}) || (element_count(s.size) > 0 && last >= element_count(c.shape(x))) ||
      element_count(s.size) > kMaxPositions) {
    c.unsupported("strides that leave the tensor", "use slicing, permute and reshape");
    return std::nullopt;
  }
  return s;
}

std::vector<int64_t> positions(const Strided& s) {
  std::vector<int64_t> at{s.offset};
  for (size_t a = 0; a < s.size.size(); ++a) {
    std::vector<int64_t> next;
    next.reserve(at.size() * size_t(s.size[a]));
    for (int64_t p : at)
      for (int64_t i = 0; i < s.size[a]; ++i) next.push_back(p + i * s.stride[a]);
    at = std::move(next);
  }
  return at;
}

void import_as_strided(SourceCall& c) {
  const Value x = c.tensor("self");
  const auto s = strided_of(c, x);
  if (!s) return;
  const Value flat = reshape_value(c, x, {element_count(c.shape(x))});
  // Axes by falling stride; a dense block that they cover is a reshape and a permutation.
  std::vector<int> order;
  for (int a = 0; a < int(s->size.size()); ++a)
    if (s->size[size_t(a)] != 1) order.push_back(a);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return s->stride[size_t(a)] > s->stride[size_t(b)]; });
  int64_t expected = 1;
  bool dense = true;
  for (size_t i = order.size(); i-- > 0;) {
    dense &= s->stride[size_t(order[i])] == expected;
    expected *= s->size[size_t(order[i])];
  }
  if (!dense || expected == 0) return c.result(reshape_value(c, pick(c, flat, 0, positions(*s)), s->size));
  Shape block;
  Perm to(order.size());
  std::vector<int> rising = order;
  std::sort(rising.begin(), rising.end());
  for (size_t i = 0; i < order.size(); ++i) {
    block.push_back(s->size[size_t(order[i])]);
    to[size_t(std::find(rising.begin(), rising.end(), order[i]) - rising.begin())] = int(i);
  }
  Value v = reshape_value(c, take_range(c, flat, 0, s->offset, expected), block);
  if (!is_identity(to)) v = c.add(Transpose(to), {v});
  c.result(reshape_value(c, v, s->size));
}

void import_as_strided_scatter(SourceCall& c) {
  const Value x = c.tensor("self"), src = c.tensor("src");
  const auto s = strided_of(c, x);
  if (!s) return;
  const Value flat = reshape_value(c, x, {element_count(c.shape(x))});
  const Value changed = overwrite(c, flat, 0, positions(*s), reshape_value(c, src, {element_count(s->size)}));
  c.result(reshape_value(c, changed, c.shape(x)));
}

// ---- Values written into a part.

void import_slice_scatter(SourceCall& c) {
  const Value x = c.tensor("self");
  const int64_t axis = c.axis("dim", c.rank(x), 0), step = c.integer("step", 1);
  if (c.failed() || c.rank(x) == 0 || step < 1) return c.unsupported(fmt::format("step {}", step));
  Shape part = c.shape(x);
  const int64_t n = part[size_t(axis)];
  const auto clamp = [n](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + n : i, 0, n); };
  const int64_t begin = clamp(c.integer("start", 0)), end = std::max(begin, clamp(c.integer("end", n)));
  part[size_t(axis)] = (end - begin) / step + ((end - begin) % step != 0);
  if (!listable(c, part[size_t(axis)])) return;
  const Value src = broadcast_to(c, c.to_dtype(c.tensor("src"), c.dtype(x)), part);
  c.result(overwrite(c, x, axis, arithmetic(begin, step, part[size_t(axis)]), src));
}

void import_select_scatter(SourceCall& c) {
  const Value x = c.tensor("self");
  const int64_t axis = c.axis("dim", c.rank(x));
  int64_t index = c.integer("index");
  if (c.failed() || c.rank(x) == 0) return c.unsupported("a selection from a scalar");
  Shape part = c.shape(x);
  if (index < 0) index += part[size_t(axis)];
  if (index < 0 || index >= part[size_t(axis)]) return c.unsupported(fmt::format("index {} is outside", index));
  part[size_t(axis)] = 1;
  c.result(overwrite(c, x, axis, {index}, reshape_value(c, c.to_dtype(c.tensor("src"), c.dtype(x)), part)));
}

// ---- Grids and blocks.

// meshgrid: input k runs along axis k; indexing 'xy' swaps the first two.
void import_meshgrid(SourceCall& c) {
  const Values in = c.tensors("tensors");
  const bool xy = c.string("indexing", "ij") == "xy" && in.size() >= 2;
  Shape shape;
  for (Value v : in) shape.push_back(element_count(c.shape(v)));
  if (xy) std::swap(shape[0], shape[1]);
  Values out;
  for (size_t k = 0; k < in.size(); ++k) {
    Shape line(shape.size(), 1);
    const size_t axis = xy && k < 2 ? 1 - k : k;
    line[axis] = shape[axis];
    out.push_back(broadcast_to(c, reshape_value(c, in[k], line), shape));
  }
  c.results(std::move(out));
}

void import_cartesian_prod(SourceCall& c) {
  const Values in = c.tensors("tensors");
  if (in.empty()) return c.unsupported("an empty list of tensors");
  if (in.size() == 1) return c.result(in[0]);
  Shape shape;
  for (Value v : in) shape.push_back(element_count(c.shape(v)));
  const int64_t total = element_count(shape);
  Values columns;
  for (size_t k = 0; k < in.size(); ++k) {
    Shape line(shape.size(), 1);
    line[k] = shape[k];
    columns.push_back(reshape_value(c, broadcast_to(c, reshape_value(c, in[k], line), shape), {total}));
  }
  c.result(c.add(Pack(1), columns));
}

void import_block_diag(SourceCall& c) {
  const Values in = c.tensors("tensors");
  int64_t columns = 0, before = 0;
  Values blocks;
  for (Value v : in) {
    const Shape s = c.shape(v);
    if (s.size() > 2) return c.unsupported("tensors of at most two axes are needed");
    blocks.push_back(reshape_value(c, v, s.size() == 2 ? s : Shape{1, s.empty() ? 1 : s[0]}));
    columns += c.shape(blocks.back())[1];
  }
  for (Value& v : blocks) {
    v = c.to_dtype(v, c.result_type().dtype);
    const int64_t n = c.shape(v)[1];
    if (n != columns) v = c.add(Pad({0, before}, {0, columns - before - n}), {v});
    before += n;
  }
  if (blocks.empty()) return c.unsupported("an empty list of tensors");
  c.result(blocks.size() == 1 ? blocks[0] : c.add(Concat(0), blocks));
}

Value at_least(SourceCall& c, Value v, size_t rank) {
  Shape s = c.shape(v);
  if (s.empty() && rank >= 1) s.push_back(1);
  if (s.size() == 1 && rank >= 2) s.insert(s.begin(), 1);
  if (s.size() == 2 && rank >= 3) s.push_back(1);
  return reshape_value(c, v, s);
}
template <size_t kRank>
void import_at_least(SourceCall& c) {
  c.result(at_least(c, c.tensor("self"), kRank));
}
template <size_t kRank>
void import_all_at_least(SourceCall& c) {
  Values v = c.tensors("tensors");
  for (Value& t : v) t = at_least(c, t, kRank);
  c.results(std::move(v));
}

constexpr Import kImports[] = {
    {"aten.pad.default", import_pad},
    {"aten._pad_enum.default", import_pad_enum},
    {"aten._pad_circular.default", import_circular_pad},
    {"aten.constant_pad_nd.default", import_constant_pad},
    {"aten.reflection_pad1d.default", import_reflection_pad},
    {"aten.reflection_pad2d.default", import_reflection_pad},
    {"aten.reflection_pad3d.default", import_reflection_pad},
    {"aten.replication_pad1d.default", import_replication_pad},
    {"aten.replication_pad2d.default", import_replication_pad},
    {"aten.replication_pad3d.default", import_replication_pad},
    {"aten.roll.default", import_roll},
    {"aten.rot90.default", import_rot90},
    {"aten.channel_shuffle.default", import_channel_shuffle},
    {"aten.native_channel_shuffle.default", import_channel_shuffle},
    {"aten.unfold.default", import_unfold},
    {"aten.unfold_copy.default", import_unfold},
    {"aten.diagonal.default", import_diagonal},
    {"aten.diagonal_copy.default", import_diagonal},
    {"aten.linalg_diagonal.default", import_linalg_diagonal},
    {"aten.diagonal_scatter.default", import_diagonal_scatter},
    {"aten.diagflat.default", import_diagflat},
    {"aten.diag_embed.default", import_diag_embed},
    {"aten.diag.default", import_diag},
    {"aten.as_strided.default", import_as_strided},
    {"aten.as_strided_copy.default", import_as_strided},
    {"aten.as_strided_scatter.default", import_as_strided_scatter},
    {"aten.slice_scatter.default", import_slice_scatter},
    {"aten.select_scatter.default", import_select_scatter},
    {"aten.meshgrid.default", import_meshgrid},
    {"aten.meshgrid.indexing", import_meshgrid},
    {"aten.cartesian_prod.default", import_cartesian_prod},
    {"aten.block_diag.default", import_block_diag},
    {"aten.atleast_1d.default", import_at_least<1>},
    {"aten.atleast_2d.default", import_at_least<2>},
    {"aten.atleast_3d.default", import_at_least<3>},
    {"aten.atleast_1d.Sequence", import_all_at_least<1>},
    {"aten.atleast_2d.Sequence", import_all_at_least<2>},
    {"aten.atleast_3d.Sequence", import_all_at_least<3>},
};

}  // namespace

std::span<const Import> aten_shape() { return kImports; }

}  // namespace atl
