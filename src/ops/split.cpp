// Parts along an axis.
#include <algorithm>

#include "ir/source_call.h"
#include "ir/tflite_op.h"
#include "ops/axis.h"
#include "ops/elementwise.h"
#include "ops/movement.h"
#include "ops/shape.h"
#include "ops/xnnpack.h"

namespace atl {
namespace {

constexpr std::string_view kDtypes = "f32 i8 u8 i16 i32 i64", kUnpackDtypes = "f32 i8 u8 i16 i32";

// The part of an operand that result i of a split is.
Slice part(const Shape& shape, int64_t axis, int64_t begin, int64_t size) {
  Slice s(std::vector<int64_t>(shape.size(), 0), shape);
  s.begin[size_t(axis)] = begin;
  s.size[size_t(axis)] = size;
  return s;
}

void split_into(SourceCall& c, Value x, int64_t axis, std::vector<int64_t> sizes) {
  if (c.failed()) return;
  if (sizes.size() == 1) return c.result(x);
  const size_t n = sizes.size();
  c.results(c.add_multi(Split(axis, std::move(sizes)), {x}, n));
}

// Equal parts of `step`, the last one perhaps smaller.
std::vector<int64_t> steps(int64_t n, int64_t step) {
  std::vector<int64_t> sizes;
  for (int64_t at = 0; at < n && step > 0; at += step) sizes.push_back(std::min(step, n - at));
  if (sizes.empty()) sizes.push_back(n);
  return sizes;
}

int64_t extent(SourceCall& c, Value x, int64_t axis) { return c.rank(x) == 0 ? 1 : c.shape(x)[size_t(axis)]; }

void import_split_tensor(SourceCall& c) {
  const Value x = c.tensor("self");
  const int64_t axis = c.axis("dim", c.rank(x), 0), step = c.integer("split_size");
  if (step < 0 || c.rank(x) == 0) return c.unsupported(fmt::format("split_size {} of a tensor of rank {}", step, c.rank(x)));
  split_into(c, x, axis, steps(extent(c, x, axis), step));
}

void import_split_sizes(SourceCall& c) {
  const Value x = c.tensor("self");
  const int64_t axis = c.axis("dim", c.rank(x), 0);
  std::vector<int64_t> sizes = c.has("split_sizes") ? c.integers("split_sizes") : c.integers("split_size");
  if (sizes.empty() || c.rank(x) == 0) return c.unsupported("a split into no parts");
  split_into(c, x, axis, std::move(sizes));
}

void import_chunk(SourceCall& c) {
  const Value x = c.tensor("self");
  const int64_t axis = c.axis("dim", c.rank(x), 0), chunks = c.integer("chunks");
  if (chunks < 1 || c.rank(x) == 0) return c.unsupported(fmt::format("{} chunks of a tensor of rank {}", chunks, c.rank(x)));
  const int64_t n = extent(c, x, axis);
  if (n == 0) return split_into(c, x, axis, std::vector<int64_t>(size_t(std::min<int64_t>(chunks, 65536)), 0));
  split_into(c, x, axis, steps(n, (n + chunks - 1) / chunks));
}

// tensor_split: sections whose sizes differ by one at most, or cuts before the given indices.
void split_sections(SourceCall& c, int64_t axis, int64_t sections) {
  const Value x = c.tensor("self");
  const int64_t n = extent(c, x, axis);
  if (sections < 1 || sections > 65536 || c.rank(x) == 0) return c.unsupported(fmt::format("{} sections", sections));
  std::vector<int64_t> sizes;
  for (int64_t i = 0; i < sections; ++i) sizes.push_back(n / sections + (i < n % sections));
  split_into(c, x, axis, std::move(sizes));
}

void split_at(SourceCall& c, int64_t axis, const std::vector<int64_t>& cuts) {
  const Value x = c.tensor("self");
  if (c.rank(x) == 0) return c.unsupported("a split of a scalar");
  const int64_t n = extent(c, x, axis);
  std::vector<int64_t> sizes;
  int64_t at = 0;
  for (size_t i = 0; i <= cuts.size(); ++i) {
    const int64_t cut = i == cuts.size() ? n : cuts[i] < 0 ? std::max<int64_t>(cuts[i] + n, 0) : std::min(cuts[i], n);
    if (cut < at) return c.unsupported("indices that do not rise", "sort the indices");
    sizes.push_back(cut - at);
    at = cut;
  }
  split_into(c, x, axis, std::move(sizes));
}

void import_tensor_split_sections(SourceCall& c) {
  split_sections(c, c.axis("dim", c.rank(c.tensor("self")), 0), c.integer("sections"));
}
void import_tensor_split_indices(SourceCall& c) {
  split_at(c, c.axis("dim", c.rank(c.tensor("self")), 0), c.integers("indices"));
}
// torch.hsplit cuts vectors along their only axis.
int64_t nsplit_axis(SourceCall& c, int64_t axis) { return axis == 1 && c.rank(c.tensor("self")) == 1 ? 0 : axis; }
template <int kAxis>
void import_nsplit_int(SourceCall& c) {
  const int64_t axis = nsplit_axis(c, kAxis);
  if (axis >= int64_t(c.rank(c.tensor("self")))) return c.unsupported("too few axes");
  split_sections(c, axis, c.integer("sections"));
}
template <int kAxis>
void import_nsplit_array(SourceCall& c) {
  const int64_t axis = nsplit_axis(c, kAxis);
  if (axis >= int64_t(c.rank(c.tensor("self")))) return c.unsupported("too few axes");
  split_at(c, axis, c.integers("indices"));
}

struct SplitFacts {
  static constexpr std::string_view name = "split";
  static constexpr std::string_view summary = "parts of given sizes along an axis";
  static constexpr Layout layout = Layout::kAxisAttr;
  static constexpr Quant quant = Quant::kSameScale;
  static constexpr bool moves_elements = true;

  static Result<Types> infer(const Split& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 1, "one operand is needed, not {}", in.size());
    CHECK_OP(C2, o.axis >= 0 && o.axis < int64_t(in[0].rank()), "axis {} is outside rank {}", o.axis, in[0].rank());
    CHECK_OP(C3, !o.sizes.empty() && std::all_of(o.sizes.begin(), o.sizes.end(), [](int64_t n) { return n >= 0; }),
             "parts need sizes that are not negative");
    int64_t rest = in[0].shape[size_t(o.axis)];
    Types out;
    for (int64_t n : o.sizes) {
      CHECK_OP(C4, n <= rest, "the parts are larger than axis {} of {}", o.axis, to_string(in[0]));
      rest -= n;
      Shape shape = in[0].shape;
      shape[size_t(o.axis)] = n;
      auto type = resized_type(in[0], std::move(shape));
      CHECK_OP(C5, type, "quantization parameters for each index of axis {} cannot be split along it", o.axis);
      out.push_back(*std::move(type));
    }
    CHECK_OP(C6, rest == 0, "the parts leave {} of axis {} over", rest, o.axis);
    return out;
  }

  static Result<Tensors> eval(const Split& o, TensorsIn in) {
    TRY_STATUS(movable(name, in[0].dtype()));
    const Type x = in[0].type();
    TRY(Types out, infer(o, {&x, 1}));
    const std::vector<int64_t> strides = contiguous_strides(x.shape);
    Tensors parts;
    int64_t at = 0;
    for (size_t i = 0; i < out.size(); ++i) {
      parts.push_back(gather_strided(out[i], in[0].bytes(), at * strides[size_t(o.axis)], strides));
      at += o.sizes[i];
    }
    return parts;
  }

  static std::optional<LayoutChoice> permuted(const Split& o, TypesIn in, int, const Perm& p) {
    if (!is_permutation(p, in[0].rank())) return std::nullopt;
    return LayoutChoice{make_op(Split(physical_axis(p, o.axis), o.sizes)), {p}, p};
  }

  static Status legal(const Split&, TypesIn in) {
    if (in[0].rank() > kXnnpackMaxRank)
      return error(Code::kUnsupportedForm, fmt::format("LiteRT's SPLIT takes {} axes, not {}", kXnnpackMaxRank, in[0].rank()),
                   "join neighbouring axes before the split");
    return legal_dtype("SPLIT", in[0], kDtypes);
  }

  static Result<bool> legalize(const Split& o, Rewrite& r) { return r.replace(slices(o, r)); }

  static Values slices(const Split& o, Rewrite& r) {
    Values parts;
    int64_t at = 0;
    for (int64_t n : o.sizes) {
      parts.push_back(r.add(part(r.in_type(0).shape, o.axis, at, n), {r.in(0)}));
      at += n;
    }
    return parts;
  }

  static Result<TfliteOp> emit(const Split& o, TypesIn in) {
    const DType t = in[0].dtype;
    const Tensor axis = Tensor::of_i32({o.axis}).reshaped({});
    if (std::equal(o.sizes.begin() + 1, o.sizes.end(), o.sizes.begin())) {
      tflite::SplitOptionsT options;
      options.num_splits = int32_t(o.sizes.size());
      TfliteOp op(tflite::BuiltinOperator::SPLIT, t == DType::kI8 ? 2 : t == DType::kI32 ? 3 : t == DType::kI16 ? 4 : 1, 0);
      op.options.Set(std::move(options));
      return op.constant(axis).input(0);
    }
    tflite::SplitVOptionsT options;
    options.num_splits = int32_t(o.sizes.size());
    TfliteOp op(tflite::BuiltinOperator::SPLIT_V, t == DType::kI8 ? 2 : 1, 1, std::move(options));
    return op.constant(Tensor::of_i32(o.sizes)).constant(axis);
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    const bool even = n.code == tflite::BuiltinOperator::SPLIT;
    if ((!even && n.code != tflite::BuiltinOperator::SPLIT_V) || !is_plain(n)) return not_decoded();
    const int data = even ? 1 : 0;
    TRY(auto axes, n.ints(even ? 0 : 2));
    if (axes.size() != 1 || n.in.size() <= size_t(data)) return not_decoded();
    TRY(int64_t axis, normalize_axis(axes[0], n.in[size_t(data)]->rank()));
    Split o(axis, {});
    for (const Type& t : n.out) {
      if (axis >= int64_t(t.rank())) return not_decoded();
      o.sizes.push_back(t.shape[size_t(axis)]);
    }
    return Decoded{make_op(std::move(o)), {data}};
  }

  // One part alone, or parts of which one is used, are slices.
  static Result<bool> canonicalize(const Split& o, Rewrite& r) {
    if (o.sizes.size() == 1) return r.replace(r.in(0));
    size_t used = 0;
    uint32_t last = 0;
    int64_t begin = 0, at = 0;
    for (uint32_t i = 0; i < o.sizes.size(); ++i) {
      if (!r.graph().uses(r.out(i)).empty()) {
        ++used;
        last = i;
        begin = at;
      }
      at += o.sizes[i];
    }
    if (used != 1) {
      // UNPACK knows fewer element types than SPLIT.
      const bool equal = std::equal(o.sizes.begin() + 1, o.sizes.end(), o.sizes.begin());
      return equal && in_list(r.in_type(0).dtype, kUnpackDtypes) ? reshape_before_parting(r, o.axis) : false;
    }
    Values with(o.sizes.size());
    with[last] = r.add(part(r.in_type(0).shape, o.axis, begin, o.sizes[last]), {r.in(0)});
    return r.replace(with);
  }

  static constexpr Import imports[] = {
      {"aten.split.Tensor", import_split_tensor},
      {"aten.split_copy.Tensor", import_split_tensor},
      {"aten.unsafe_split.Tensor", import_split_tensor},
      {"aten.split.sizes", import_split_sizes},
      {"aten.split.default", import_split_sizes},
      {"aten.split_with_sizes.default", import_split_sizes},
      {"aten.split_with_sizes_copy.default", import_split_sizes},
      {"aten.unsafe_split_with_sizes.default", import_split_sizes},
      {"aten.chunk.default", import_chunk},
      {"aten.unsafe_chunk.default", import_chunk},
      {"aten.tensor_split.sections", import_tensor_split_sections},
      {"aten.tensor_split.indices", import_tensor_split_indices},
      {"aten.hsplit.int", import_nsplit_int<1>},
      {"aten.vsplit.int", import_nsplit_int<0>},
      {"aten.dsplit.int", import_nsplit_int<2>},
      {"aten.hsplit.array", import_nsplit_array<1>},
      {"aten.vsplit.array", import_nsplit_array<0>},
      {"aten.dsplit.array", import_nsplit_array<2>},
  };

  static std::vector<Sample> samples() {
    const auto f32 = [](Shape s) { return Type{DType::kF32, std::move(s), {}}; };
    const Type per_axis{DType::kI8, {2, 3}, QuantParams{{1, 2, 3}, {0, 0, 0}, 1}};
    return {{.op = make_op(Split(1, {2, 2, 2})), .in = {f32({3, 6, 4, 5})}},
            {.op = make_op(Split(2, {1, 3})), .in = {f32({2, 3, 4, 5})}},
            {.op = make_op(Split(0, {3, 3})), .in = {Type{DType::kI32, {6, 4}, {}}}},
            {.op = make_op(Split(0, {3})), .in = {}, .bad = "C1"},
            {.op = make_op(Split(2, {3})), .in = {f32({2, 3})}, .bad = "C2"},
            {.op = make_op(Split(1, {4, -1})), .in = {f32({2, 3})}, .bad = "C3"},
            {.op = make_op(Split(1, {2, 2})), .in = {f32({2, 3})}, .bad = "C4"},
            {.op = make_op(Split(1, {1, 2})), .in = {per_axis}, .bad = "C5"},
            {.op = make_op(Split(1, {1, 1})), .in = {f32({2, 3})}, .bad = "C6"}};
  }
};

}  // namespace
DEFINE_OP(Split, SplitFacts)
}  // namespace atl
