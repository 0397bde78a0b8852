// A strided box of elements, with axes that may disappear.
#include <algorithm>
#include <map>

#include "ir/source_call.h"
#include "ir/target.h"
#include "ir/tflite_op.h"
#include "ops/axis.h"
#include "ops/channel_order.h"
#include "ops/elementwise.h"
#include "ops/movement.h"
#include "ops/shape.h"
#include "ops/slice_version.h"

namespace atl {
namespace {

constexpr size_t kMaskBits = 31;  // STRIDED_SLICE has a bit for each axis
constexpr std::string_view kUnpackDtypes = "f32 f16 i8 u8 i16 i32 bool", kSplitDtypes = "f32 i8 u8 i16 i32 i64";
constexpr size_t kSplitRank = 6;

Slice whole(const Shape& shape) { return Slice(std::vector<int64_t>(shape.size(), 0), shape); }

bool takes_all(const Slice& o, const Shape& shape, size_t axis) {
  return o.begin[axis] == 0 && o.stride[axis] == 1 && o.size[axis] == shape[axis];
}

void import_slice(SourceCall& c) {
  const Value x = c.tensor("self");
  const int64_t axis = c.axis("dim", c.rank(x), 0), step = c.integer("step", 1);
  if (c.rank(x) == 0) return c.unsupported("a slice of a scalar");
  const int64_t n = c.shape(x)[size_t(axis)];
  if (step < 1) return c.unsupported(fmt::format("step {}", step));
  const auto clamp = [n](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + n : i, 0, n); };
  const int64_t begin = clamp(c.integer("start", 0)), end = std::max(begin, clamp(c.integer("end", n)));
  Slice s = whole(c.shape(x));
  s.begin[size_t(axis)] = begin;
  s.size[size_t(axis)] = (end - begin) / step + ((end - begin) % step != 0);
  s.stride[size_t(axis)] = s.size[size_t(axis)] > 1 ? step : 1;
  c.result(takes_all(s, c.shape(x), size_t(axis)) ? x : c.add(std::move(s), {x}));
}

void import_narrow(SourceCall& c) {
  const Value x = c.tensor("self");
  const int64_t axis = c.axis("dim", c.rank(x)), length = c.integer("length");
  if (c.rank(x) == 0) return c.unsupported("a slice of a scalar");
  const int64_t n = c.shape(x)[size_t(axis)];
  Slice s = whole(c.shape(x));
  s.begin[size_t(axis)] = c.integer("start") + (c.integer("start") < 0 ? n : 0);
  s.size[size_t(axis)] = length;
  c.result(c.add(std::move(s), {x}));
}

// x[:, index]: the axis disappears.
void import_select(SourceCall& c) {
  const Value x = c.tensor("self");
  const int64_t axis = c.axis("dim", c.rank(x)), index = c.integer("index");
  if (c.rank(x) == 0) return c.unsupported("a selection from a scalar");
  const int64_t n = c.shape(x)[size_t(axis)];
  Slice s = whole(c.shape(x));
  s.begin[size_t(axis)] = index < 0 ? index + n : index;
  s.size[size_t(axis)] = 1;
  s.shrink = {axis};
  c.result(c.add(std::move(s), {x}));
}

struct SliceFacts {
  static constexpr std::string_view name = "slice";
  static constexpr std::string_view summary = "a box of elements, in steps, with axes of one element dropped";
  static constexpr Layout layout = Layout::kAxisAttr;
  static constexpr Quant quant = Quant::kSameScale;
  static constexpr bool moves_elements = true;

  // The last index taken along an axis; nullopt when it lies outside.
  static bool inside(int64_t n, int64_t begin, int64_t size, int64_t stride) {
    if (size == 0) return begin >= 0 && begin <= n;
    int64_t last = 0;
    if (__builtin_mul_overflow(size - 1, stride, &last) || __builtin_add_overflow(last, begin, &last)) return false;
    return begin >= 0 && begin < n && last >= 0 && last < n;
  }

  static Result<Types> infer(const Slice& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 1, "one operand is needed, not {}", in.size());
    const size_t rank = in[0].rank();
    CHECK_OP(C2, o.begin.size() == rank && o.size.size() == rank && o.stride.size() == rank,
             "begin, size and stride need {} values each", rank);
    for (size_t a = 0; a < rank; ++a) {
      CHECK_OP(C3, o.size[a] >= 0 && o.stride[a] != 0 && inside(in[0].shape[a], o.begin[a], o.size[a], o.stride[a]),
               "{} elements from {} in steps of {} lie outside axis {} of {}", o.size[a], o.begin[a], o.stride[a], a,
               to_string(in[0]));
    }
    CHECK_OP(C4, valid_axes(o.shrink, rank), "the axes that shrink are not rising axes of {}", to_string(in[0]));
    Shape shape;
    std::vector<int> from;
    for (size_t a = 0; a < rank; ++a) {
      if (std::binary_search(o.shrink.begin(), o.shrink.end(), int64_t(a))) {
        CHECK_OP(C5, o.size[a] == 1, "axis {} has {} elements left and cannot shrink", a, o.size[a]);
        continue;
      }
      shape.push_back(o.size[a]);
      from.push_back(o.stride[a] > 0 || o.size[a] <= 1 ? int(a) : -1);  // a reversed axis is another one
    }
    auto type = moved_type(in[0], std::move(shape), from);
    CHECK_OP(C6, type, "quantization parameters for each index of an axis cannot be sliced along it");
    return Types{*std::move(type)};
  }

  static Result<Tensors> eval(const Slice& o, TensorsIn in) {
    TRY_STATUS(movable(name, in[0].dtype()));
    const Type x = in[0].type();
    TRY(Types out, infer(o, {&x, 1}));
    const std::vector<int64_t> step = contiguous_strides(x.shape);
    std::vector<int64_t> strides;
    int64_t offset = 0;
    for (size_t a = 0; a < step.size(); ++a) {
      offset += o.begin[a] * step[a];
      if (!std::binary_search(o.shrink.begin(), o.shrink.end(), int64_t(a))) strides.push_back(o.stride[a] * step[a]);
    }
    return Tensors{gather_strided(out[0], in[0].bytes(), offset, strides)};
  }

  static std::optional<LayoutChoice> permuted(const Slice& o, TypesIn in, int operand, const Perm& p) {
    const size_t rank = in[0].rank();
    if (!is_permutation(p, operand == kResult ? rank - o.shrink.size() : rank)) return std::nullopt;
    Perm x = p;
    if (operand == kResult) {
      // The axes that disappear may stand anywhere.
      std::vector<int> kept, order;
      for (int a = 0; a < int(rank); ++a)
        if (!std::binary_search(o.shrink.begin(), o.shrink.end(), int64_t(a))) kept.push_back(a);
      for (int a : p) order.push_back(kept[size_t(a)]);
      x = place_free_axes(order, rank);
    }
    Slice q = o;
    for (size_t k = 0; k < rank; ++k) {
      q.begin[k] = o.begin[size_t(x[k])];
      q.size[k] = o.size[size_t(x[k])];
      q.stride[k] = o.stride[size_t(x[k])];
    }
    q.shrink = physical_axes(x, o.shrink);
    return LayoutChoice{make_op(std::move(q)), {x}, without_axes(x, o.shrink)};
  }

  static Status legal(const Slice&, TypesIn in) {
    if (in[0].rank() < kMaskBits) return {};
    return error(Code::kUnsupportedForm, fmt::format("LiteRT slices at most {} axes", kMaskBits - 1), "join neighbouring axes");
  }

  static Result<TfliteOp> emit(const Slice& o, TypesIn in) {
    const DType t = in[0].dtype;
    const size_t rank = in[0].rank();
    const bool dense = o.shrink.empty() && std::all_of(o.stride.begin(), o.stride.end(), [](int64_t s) { return s == 1; });
    if (dense) {
      const int version = t == DType::kF16   ? 8
                          : t == DType::kI4  ? 7
                          : t == DType::kU32 ? 6
                          : rank > 4         ? 5
                          : t == DType::kI16 ? 4
                          : t == DType::kI8  ? 2
                                             : 1;
      TfliteOp op(tflite::BuiltinOperator::SLICE, version, 1, tflite::SliceOptionsT{});
      return op.constant(Tensor::of_i32(o.begin)).constant(Tensor::of_i32(o.size));
    }
    tflite::StridedSliceOptionsT options;
    std::vector<int64_t> begin = o.begin, end(rank), stride = o.stride;
    for (size_t a = 0; a < rank; ++a) {
      if (o.size[a] <= 1) stride[a] = 1;
      end[a] = o.size[a] == 0 ? begin[a] : begin[a] + (o.size[a] - 1) * stride[a] + (stride[a] > 0 ? 1 : -1);
      if (end[a] < 0) {  // a negative end counts from the back; the mask says "to the front"
        options.end_mask |= 1 << a;
        end[a] = 0;
      }
    }
    for (int64_t a : o.shrink) options.shrink_axis_mask |= 1 << a;
    TfliteOp op(tflite::BuiltinOperator::STRIDED_SLICE, strided_slice_version(in[0]), 1, std::move(options));
    return op.constant(Tensor::of_i32(begin)).constant(Tensor::of_i32(end)).constant(Tensor::of_i32(stride));
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    if (n.in.empty() || !is_plain(n)) return not_decoded();
    const Shape& x = n.in[0]->shape;
    if (n.code == tflite::BuiltinOperator::SLICE) {
      TRY(auto begin, n.ints(1));
      TRY(auto size, n.ints(2));
      if (begin.size() != x.size() || size.size() != x.size()) return not_decoded();
      for (size_t a = 0; a < x.size(); ++a) {
        if (size[a] == -1 && begin[a] >= 0 && begin[a] <= x[a]) size[a] = x[a] - begin[a];
        if (size[a] < 0 || !inside(x[a], begin[a], size[a], 1)) return not_decoded();
      }
      return Decoded{make_op(Slice(std::move(begin), std::move(size))), {0}};
    }
    const auto* options = n.options_as<tflite::StridedSliceOptionsT>();
    if (n.code != tflite::BuiltinOperator::STRIDED_SLICE || !options) return not_decoded();
    if (options->ellipsis_mask || options->new_axis_mask || options->offset) return not_decoded();
    TRY(auto begin, n.ints(1));
    TRY(auto end, n.ints(2));
    TRY(auto stride, n.ints(3));
    if (begin.size() > x.size() || x.size() > kMaskBits || end.size() != begin.size() || stride.size() != begin.size())
      return not_decoded();
    Slice o = whole(x);
    for (size_t a = 0; a < begin.size(); ++a) {
      const auto bit = [a](int mask) { return (mask >> a & 1) != 0; };
      if (stride[a] == 0) return not_decoded();
      const int64_t low = stride[a] > 0 ? 0 : -1, high = stride[a] > 0 ? x[a] : x[a] - 1;
      const auto clamp = [&](int64_t i) { return std::clamp(i < 0 ? i + x[a] : i, low, high); };
      int64_t from = bit(options->begin_mask) ? (stride[a] > 0 ? 0 : x[a] - 1) : clamp(begin[a]);
      const int64_t to = bit(options->end_mask) ? (stride[a] > 0 ? x[a] : -1) : clamp(end[a]);
      const int64_t span = stride[a] > 0 ? to - from : from - to, step = stride[a] > 0 ? stride[a] : -stride[a];
      o.size[a] = bit(options->shrink_axis_mask) ? 1 : span <= 0 ? 0 : (span + step - 1) / step;
      o.begin[a] = o.size[a] == 0 ? 0 : from;
      o.stride[a] = o.size[a] <= 1 ? 1 : stride[a];
      if (bit(options->shrink_axis_mask)) o.shrink.push_back(int64_t(a));
      if (!inside(x[a], o.begin[a], o.size[a], o.stride[a])) return not_decoded();
    }
    return Decoded{make_op(std::move(o)), {0}};
  }

  static Result<bool> canonicalize(const Slice& o, Rewrite& r) {
    const Shape x = r.in_type(0).shape;
    bool all = true;
    for (size_t a = 0; a < x.size(); ++a) all &= takes_all(o, x, a);
    if (all) return r.replace(o.shrink.empty() ? r.in(0) : r.add(Reshape(r.out_type().shape), {r.in(0)}));
    if (const Slice* first = r.graph().as<Slice>(r.in(0)); first && r.single_use(r.in(0)))
      return r.replace(r.add(joined(*first, o), {r.graph()[r.in(0)].in[0]}));
    if (r.graph().as<Concat>(r.in(0)))
      if (const auto [part, begin] = containing_part(o, r); part.valid()) {
        Slice s = o;
        s.begin[size_t(r.graph().as<Concat>(r.in(0))->axis)] = begin;
        return r.replace(r.add(std::move(s), {part}));
      }
    return join_parts(o, r);
  }

  // Of the tensors that make the operand by Concat, the one that has all that the slice takes, and where that begins in it.
  static std::pair<Value, int64_t> containing_part(const Slice& o, const Rewrite& r) {
    const auto axis = size_t(r.graph().as<Concat>(r.in(0))->axis);
    if (o.size[axis] == 0) return {};
    const int64_t first = o.begin[axis], last = first + (o.size[axis] - 1) * o.stride[axis];
    int64_t begin = 0;
    for (Value part : r.graph()[r.in(0)].in) {
      const int64_t end = begin + r.type(part).shape[axis];
      if (std::min(first, last) >= begin && std::max(first, last) < end) return {part, first - begin};
      begin = end;
    }
    return {};
  }

  // The slice that takes what `second` takes from the result of `first`.
  static Slice joined(const Slice& first, const Slice& second) {
    Slice s = first;
    size_t k = 0;  // the axis of the result of `first`
    for (size_t a = 0; a < first.size.size(); ++a) {
      if (std::binary_search(first.shrink.begin(), first.shrink.end(), int64_t(a))) continue;
      s.size[a] = second.size[k];
      s.begin[a] = second.size[k] == 0 ? 0 : first.begin[a] + second.begin[k] * first.stride[a];
      s.stride[a] = second.size[k] <= 1 ? 1 : first.stride[a] * second.stride[k];
      if (std::binary_search(second.shrink.begin(), second.shrink.end(), int64_t(k))) s.shrink.push_back(int64_t(a));
      ++k;
    }
    std::sort(s.shrink.begin(), s.shrink.end());
    return s;
  }

  // The axis along which a slice takes a part in steps of 1, all else whole; nullopt for other slices.
  static std::optional<size_t> cut_axis(const Slice& o, const Shape& x) {
    std::optional<size_t> axis;
    for (size_t a = 0; a < x.size(); ++a) {
      if (takes_all(o, x, a)) continue;
      if (axis || o.stride[a] != 1) return std::nullopt;
      axis = a;
    }
    const bool shrinks_there = axis && o.shrink == std::vector<int64_t>{int64_t(*axis)};
    return o.shrink.empty() || shrinks_there ? axis : std::nullopt;
  }

  // Slices that together take a whole axis, one behind the other, are one op: q, k, v = qkv[0], qkv[1], qkv[2] an Unpack,
  // x[:, :3], x[:, 3:6] a Split.
  static Result<bool> join_parts(const Slice& o, Rewrite& r) {
    const Value x = r.in(0);
    const Type type = r.type(x);
    const auto axis = r.is_constant(0) ? std::nullopt : cut_axis(o, type.shape);
    if (!axis) return false;
    const bool select = !o.shrink.empty();
    if (!in_list(type.dtype, select ? kUnpackDtypes : kSplitDtypes) || (!select && type.rank() > kSplitRank)) return false;
    std::map<int64_t, std::vector<uint32_t>> takers;  // by where the part begins
    std::map<int64_t, int64_t> size;
    for (const Use& u : r.graph().uses(x)) {
      const Slice* other = u.node == kGraphOutput ? nullptr : r.graph().as<Slice>(Value{u.node, 0});
      if (!other || other->shrink != o.shrink || cut_axis(*other, type.shape) != axis) continue;
      const int64_t begin = other->begin[*axis];
      if (!size.emplace(begin, other->size[*axis]).second && size[begin] != other->size[*axis]) return false;
      takers[begin].push_back(u.node);
    }
    std::vector<int64_t> sizes;
    int64_t end = 0;
    for (const auto& [begin, n] : size) {
      if (begin != end || n == 0) return false;
      end += n;
      sizes.push_back(n);
    }
    if (end != type.shape[*axis] || sizes.size() < 2) return false;
    // Unequal parts would be a SPLIT_V, which XNNPACK does not take; it takes the SLICEs.
    if (std::any_of(sizes.begin(), sizes.end(), [&](int64_t n) { return n != sizes[0]; })) return false;
    const size_t count = sizes.size();
    const OpPtr op = select ? make_op(Unpack(int64_t(*axis))) : make_op(Split(int64_t(*axis), std::move(sizes)));
    const Values parts = r.add_multi(op, {x}, count);
    if (r.failed()) return std::move(r.take_status().error());
    size_t i = 0;
    for (const auto& [begin, nodes] : takers) {
      for (uint32_t node : nodes) {
        TRY_STATUS(r.graph().replace(Value{node, 0}, parts[i]));
        if (node != r.id()) r.graph().release(node);
      }
      ++i;
    }
    return true;
  }

  static constexpr Import imports[] = {
      {"aten.slice.Tensor", import_slice},    {"aten.slice_copy.Tensor", import_slice},
      {"aten.narrow.default", import_narrow}, {"aten.narrow_copy.default", import_narrow},
      {"aten.select.int", import_select},     {"aten.select_copy.int", import_select},
  };

  // The Edge TPU slices without steps only: a box first, then a convolution of one pixel with these strides.
  static Result<bool> adapt(const Slice& o, Rewrite& r, const Target& target) {
    const Type& x = r.in_type(0);
    const bool steps = std::ranges::any_of(o.stride, [](int64_t s) { return s != 1; });
    const bool forward = std::ranges::all_of(o.stride, [](int64_t s) { return s >= 1; });
    if (!target.is_coral() || !steps || !forward || x.dtype != DType::kF32 || x.rank() != 4 || o.stride[0] != 1) return false;
    Slice box = o;
    box.shrink.clear();
    for (size_t a = 0; a < 4; ++a) {
      box.stride[a] = 1;
      box.size[a] = (o.size[a] - 1) * o.stride[a] + 1;
    }
    std::vector<int64_t> from;
    for (int64_t k = 0; k < o.size[3]; ++k) from.push_back(k * o.stride[3]);
    const Value picked = pick_channels(r, r.add(box, {r.in(0)}), from, {o.stride[1], o.stride[2]});
    return r.replace(o.shrink.empty() ? picked : r.add(Reshape(r.out_type().shape), {picked}));
  }

  static std::vector<Sample> samples() {
    const auto f32 = [](Shape s) { return Type{DType::kF32, std::move(s), {}}; };
    const Type per_axis{DType::kI8, {2, 3}, QuantParams{{1, 2, 3}, {0, 0, 0}, 1}};
    return {{.op = make_op(Slice({0, 1, 0, 2}, {2, 2, 4, 3})), .in = {f32({2, 3, 4, 5})}},
            {.op = make_op(Slice({0, 1, 3, 0}, {2, 1, 2, 3}, {1, 1, -2, 2})), .in = {f32({2, 3, 4, 5})}},
            {.op = make_op(Slice({0, 2, 0, 4}, {2, 1, 4, 5}, {1, 1, 1, -1}, {1})), .in = {f32({2, 3, 4, 5})}},
            {.op = make_op(Slice({1, 0, 2}, {1, 3, 1}, {}, {0, 2})), .in = {f32({2, 3, 4})}},
            {.op = make_op(Slice({1, 1}, {3, 2})), .in = {Type{DType::kI64, {5, 3}, {}}}},
            {.op = make_op(Slice({0}, {1})), .in = {}, .bad = "C1"},
            {.op = make_op(Slice({0}, {1})), .in = {f32({2, 3})}, .bad = "C2"},
            {.op = make_op(Slice({0, 2}, {2, 2})), .in = {f32({2, 3})}, .bad = "C3"},
            {.op = make_op(Slice({0, 0}, {1, 1}, {}, {1, 0})), .in = {f32({2, 3})}, .bad = "C4"},
            {.op = make_op(Slice({0, 0}, {2, 3}, {}, {1})), .in = {f32({2, 3})}, .bad = "C5"},
            {.op = make_op(Slice({0, 1}, {2, 2})), .in = {per_axis}, .bad = "C6"}};
  }
};

}  // namespace

int strided_slice_version(const Type& in) {
  return in.dtype == DType::kU32 ? 7 : in.rank() > 4 ? 4 : in.dtype == DType::kBool ? 3 : in.dtype == DType::kI8 ? 2 : 1;
}

DEFINE_OP(Slice, SliceFacts)
}  // namespace atl
