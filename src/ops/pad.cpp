// Elements around a tensor: a constant or a mirror image.
#include <algorithm>
#include <cmath>
#include <limits>

#include "ir/source_call.h"
#include "ir/target.h"
#include "ir/tflite_op.h"
#include "ops/binary.h"
#include "ops/elementwise.h"
#include "ops/fixed_point.h"
#include "ops/movement.h"
#include "ops/shape.h"
#include "ops/spatial.h"
#include "ops/window.h"

namespace atl {
namespace {

constexpr std::string_view kDtypes = "f32 f16 i8 u8 i16 i32 i64 bool";
constexpr size_t kMaxRank = 5;
constexpr double kLargestValue = 1e6;  // that may be taken off and added without losing what was there

bool is_zero(const std::vector<int64_t>& v) {
  return std::all_of(v.begin(), v.end(), [](int64_t n) { return n == 0; });
}

// The element of an axis of n elements that stands at position i before its begin or behind its end.
int64_t mirrored(int64_t i, int64_t n, bool symmetric) {
  if (i < 0) return symmetric ? -i - 1 : -i;
  if (i >= n) return symmetric ? 2 * n - 1 - i : 2 * n - 2 - i;
  return i;
}

struct PadFacts {
  static constexpr std::string_view name = "pad";
  static constexpr std::string_view summary = "elements around a tensor, a constant or a mirror image";
  static constexpr Layout layout = Layout::kAxisAttr;
  static constexpr Quant quant = Quant::kSameScale;
  static bool homogeneous(const Pad& o) { return o.value == 0; }

  static Result<Types> infer(const Pad& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 1, "one operand is needed, not {}", in.size());
    const size_t rank = in[0].rank();
    CHECK_OP(C2, o.before.size() == rank && o.after.size() == rank, "before and after need {} values each", rank);
    Shape shape = in[0].shape;
    for (size_t a = 0; a < rank; ++a) {
      const int64_t n = shape[a];
      CHECK_OP(C3, o.before[a] >= 0 && o.after[a] >= 0, "padding of axis {} is negative", a);
      CHECK_OP(C4, n != kDynamic || (o.before[a] == 0 && o.after[a] == 0), "axis {} has a dynamic size", a);
      const int64_t most = o.mode == PadMode::kReflect ? std::max<int64_t>(n - 1, 0) : n;
      CHECK_OP(C5, o.mode == PadMode::kConstant || (o.before[a] <= most && o.after[a] <= most),
               "axis {} of {} elements cannot be mirrored {} before and {} after", a, n, o.before[a], o.after[a]);
      if (__builtin_add_overflow(shape[a], o.before[a], &shape[a]) || __builtin_add_overflow(shape[a], o.after[a], &shape[a]))
        return error(Code::kTooLarge, "a tensor's size overflows");
    }
    auto type = resized_type(in[0], std::move(shape));
    CHECK_OP(C6, type, "an axis with quantization parameters for each index cannot be padded");
    TRY_STATUS(byte_size(*type));
    return Types{*std::move(type)};
  }

  static Result<Tensors> eval(const Pad& o, TensorsIn in) {
    TRY_STATUS(movable(name, in[0].dtype()));
    const Type x = in[0].type();
    TRY(Types types, infer(o, {&x, 1}));
    Tensor out = Tensor::make(types[0]);
    const size_t rank = x.rank();
    const int64_t n = out.count(), row = rank == 0 ? 1 : out.shape()[rank - 1];
    const std::vector<int64_t> strides = contiguous_strides(x.shape);
    const Tensor value = fill(o, x);
    visit(x.dtype, [&]<class T>(T) {
      std::vector<int64_t> index(rank, 0);
      T* to = out.mutable_data<T>();
      for (int64_t i = 0; i < n; i += row) {
        // Where the row lies in the operand; outside when an outer axis is in the padding of constants.
        int64_t base = 0;
        bool outside = false;
        for (size_t a = 0; a + 1 < rank; ++a) base += source(o, a, index[a], x.shape[a], outside) * strides[a];
        for (int64_t k = 0; k < row; ++k) {
          bool edge = outside;
          const int64_t at = rank == 0 ? 0 : source(o, rank - 1, k, x.shape[rank - 1], edge);
          to[i + k] = edge ? value.data<T>()[0] : in[0].data<T>()[base + at];
        }
        size_t a = rank > 0 ? rank - 1 : 0;
        while (a > 0 && ++index[a - 1] == out.shape()[a - 1]) index[--a] = 0;
      }
    });
    return Tensors{std::move(out)};
  }

  // The constant around a tensor of type x. Of a quantized one, the integer nearest to it.
  static Tensor fill(const Pad& o, const Type& x) {
    double v = o.value;
    const bool quantized = x.quant && !x.quant->scale.empty();
    if (quantized) {
      const IntegerRange r = integer_range(x.dtype);
      v = std::clamp(std::round(v / scale_of(x)) + zero_point_of(x), double(r.low), double(r.high));
    }
    const Tensor t = cast(Tensor::of<double>(DType::kF64, {}, std::span<const double>(&v, 1)), x.dtype);
    return quantized ? Tensor::view(Type{x.dtype, {}, x.quant}, t.bytes(), t.owner()) : t;
  }

  // The operand's index behind index i of the result's axis; sets `outside` when there is none.
  static int64_t source(const Pad& o, size_t axis, int64_t i, int64_t n, bool& outside) {
    const int64_t at = i - o.before[axis];
    if (at >= 0 && at < n) return at;
    if (o.mode != PadMode::kConstant) return mirrored(at, n, o.mode == PadMode::kSymmetric);
    outside = true;
    return 0;
  }

  static std::optional<LayoutChoice> permuted(const Pad& o, TypesIn in, int, const Perm& p) {
    if (!is_permutation(p, in[0].rank())) return std::nullopt;
    Pad q = o;
    for (size_t k = 0; k < p.size(); ++k) {
      q.before[k] = o.before[size_t(p[k])];
      q.after[k] = o.after[size_t(p[k])];
    }
    return LayoutChoice{make_op(std::move(q)), {p}, p};
  }

  static Status legal(const Pad& o, TypesIn in) {
    if (o.mode != PadMode::kConstant) return {};
    if (in[0].rank() > kMaxRank)
      return error(Code::kUnsupportedForm, fmt::format("LiteRT's PAD takes {} axes, not {}", kMaxRank, in[0].rank()),
                   "join axes that are not padded");
    return legal_dtype("PAD", in[0], kDtypes);
  }

  // Neighbouring axes without padding become one.
  static Result<bool> legalize(const Pad& o, Rewrite& r) {
    const Type x = r.in_type(0);
    const Shape result = r.out_type().shape;
    if (x.rank() > kMaxRank) {
      Shape shape;
      Pad q({}, {}, o.value);
      bool open = false;  // the last axis of `shape` may take one more
      for (size_t a = 0; a < x.rank(); ++a) {
        const bool free = o.before[a] == 0 && o.after[a] == 0;
        if (free && open) {
          shape.back() *= x.shape[a];
          continue;
        }
        shape.push_back(x.shape[a]);
        q.before.push_back(o.before[a]);
        q.after.push_back(o.after[a]);
        open = free;
      }
      if (shape.size() > kMaxRank) return false;
      return r.replace(r.add(Reshape(result), {r.add(std::move(q), {r.add(Reshape(shape), {r.in(0)})})}));
    }
    return legalize_by_cast(r, r.node().op, kDtypes, {0});
  }

  // Mirror images and copies of the edge are slices. Other values than zero go away for the time of the padding. Beyond four
  // axes, the last one that is padded takes in those behind it, which are not.
  static Result<bool> adapt(const Pad& o, Rewrite& r, const Target& target) {
    const Type x = r.in_type(0);
    if (!target.is_coral() || x.dtype != DType::kF32) return false;
    if (o.mode != PadMode::kConstant)
      return pad_by_slices(o, r, [&](int64_t i, int64_t n) { return mirrored(i, n, o.mode == PadMode::kSymmetric); });
    if (o.value <= std::numeric_limits<float>::lowest() && feeds_maximum_pools(r, o))
      return pad_by_slices(o, r, [](int64_t i, int64_t n) { return std::clamp<int64_t>(i, 0, n - 1); });
    if (o.value != 0 && std::abs(o.value) < kLargestValue) {
      Pad zeros = o;
      zeros.value = 0;
      const auto add = [&](Value v, double by) { return r.add(Binary(BinaryKind::kAdd), {v, r.scalar(by)}); };
      return r.replace(add(r.add(std::move(zeros), {add(r.in(0), -o.value)}), o.value));
    }
    return o.value == 0 && x.rank() > 4 ? pad_joined_axes(o, r) : Result<bool>(false);
  }

  template <class F>
  static Result<bool> pad_by_slices(const Pad& o, Rewrite& r, F at) {
    Value x = r.in(0);
    for (size_t a = 0; a < o.before.size(); ++a) {
      if (o.before[a] == 0 && o.after[a] == 0) continue;
      const int64_t n = r.shape(x)[a];
      std::vector<int64_t> from;
      for (int64_t i = -o.before[a]; i < n + o.after[a]; ++i) from.push_back(at(i, n));
      x = pick_by_slices(r, x, int64_t(a), from);
      if (!x.valid()) return false;
    }
    return r.replace(x);
  }

  // Whether only maximum pools read the result, each of whose windows covers an element of the operand: copies of the edge do
  // as well then as the lowest value.
  static bool feeds_maximum_pools(const Rewrite& r, const Pad& o) {
    const Graph& g = r.graph();
    for (const Use& use : g.uses(r.out())) {
      const Pool2d* pool = use.node == kGraphOutput ? nullptr : g.as<Pool2d>({use.node, 0});
      if (!pool || pool->kind != PoolKind::kMax || pool->padding != std::array<int64_t, 4>{0, 0, 0, 0}) return false;
      const size_t first = spatial_begin(pool->layout);
      for (size_t a = 0; a < o.before.size(); ++a) {
        const bool spatial = a >= first && a < first + 2;
        if (!spatial && (o.before[a] != 0 || o.after[a] != 0)) return false;
        if (!spatial) continue;
        const int64_t last = (g[use.node].out[0].shape[a] - 1) * pool->stride[a - first];
        if (o.before[a] >= pool->window[a - first] || last - o.before[a] >= r.in_type(0).shape[a]) return false;
      }
    }
    return true;
  }

  static Result<bool> pad_joined_axes(const Pad& o, Rewrite& r) {
    const Shape &x = r.in_type(0).shape, result = r.out_type().shape;
    size_t padded = 0;
    for (size_t a = 0; a < x.size(); ++a)
      if (o.before[a] != 0 || o.after[a] != 0) padded = a;
    for (size_t a = 0; a < padded; ++a)
      if (o.before[a] != 0 || o.after[a] != 0) return false;
    const int64_t outer = element_count(Shape(x.begin(), x.begin() + ptrdiff_t(padded)));
    const int64_t inner = element_count(Shape(x.begin() + ptrdiff_t(padded) + 1, x.end()));
    const Value rows = r.add(Reshape({outer, x[padded] * inner}), {r.in(0)});
    const Value wide = r.add(Pad({0, o.before[padded] * inner}, {0, o.after[padded] * inner}), {rows});
    return r.replace(r.add(Reshape(result), {wide}));
  }

  static Result<TfliteOp> emit(const Pad& o, TypesIn in) {
    const DType t = in[0].dtype;
    const int64_t rank = int64_t(in[0].rank());
    std::vector<int64_t> flat;
    for (size_t a = 0; a < size_t(rank); ++a) {
      flat.push_back(o.before[a]);
      flat.push_back(o.after[a]);
    }
    const Tensor pads = Tensor::of_i32(flat).reshaped({rank, 2});
    if (o.mode != PadMode::kConstant) {
      tflite::MirrorPadOptionsT options;
      options.mode = o.mode == PadMode::kReflect ? tflite::MirrorPadMode::REFLECT : tflite::MirrorPadMode::SYMMETRIC;
      TfliteOp op(tflite::BuiltinOperator::MIRROR_PAD, t == DType::kI8 ? 2 : t == DType::kI16 ? 3 : 1, 1, std::move(options));
      return op.constant(pads);
    }
    const int version = t == DType::kBool ? 5 : rank > 4 ? 4 : t == DType::kI16 ? 3 : t == DType::kI8 ? 2 : 1;
    if (o.value == 0) return TfliteOp(tflite::BuiltinOperator::PAD, version, 1, tflite::PadOptionsT{}).constant(pads);
    return TfliteOp(tflite::BuiltinOperator::PADV2, version, 1, tflite::PadV2OptionsT{})
        .constant(pads)
        .constant(fill(o, in[0]));
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    using tflite::BuiltinOperator;
    const bool mirror = n.code == BuiltinOperator::MIRROR_PAD;
    if ((!mirror && n.code != BuiltinOperator::PAD && n.code != BuiltinOperator::PADV2) || !is_plain(n)) return not_decoded();
    TRY(auto pads, n.ints(1));
    if (pads.size() != 2 * n.in[0]->rank()) return not_decoded();
    Pad o;
    for (size_t a = 0; a < n.in[0]->rank(); ++a) {
      o.before.push_back(pads[2 * a]);
      o.after.push_back(pads[2 * a + 1]);
    }
    if (mirror) {
      const auto* options = n.options_as<tflite::MirrorPadOptionsT>();
      if (!options) return not_decoded();
      o.mode = options->mode == tflite::MirrorPadMode::REFLECT ? PadMode::kReflect : PadMode::kSymmetric;
    }
    if (n.code == BuiltinOperator::PADV2) {
      if (n.constants.size() < 3 || !n.constants[2] || n.constants[2]->count() != 1 || n.in[2]->dtype != n.in[0]->dtype ||
          n.in[2]->quant != n.in[0]->quant)
        return not_decoded();
      const Tensor& value = *n.constants[2];
      o.value = value.type().quant ? scale_of(value.type()) * (integer_at(value, 0) - zero_point_of(value.type()))
                                   : element_as_double(value, 0);
    }
    return Decoded{make_op(std::move(o)), {0}};
  }

  static Result<bool> canonicalize(const Pad& o, Rewrite& r) {
    if (is_zero(o.before) && is_zero(o.after)) return r.replace(r.in(0));
    const Pad* first = r.graph().as<Pad>(r.in(0));
    if (!first || o.mode != PadMode::kConstant || first->mode != o.mode || first->value != o.value) return false;
    if (!r.single_use(r.in(0))) return false;
    Pad both = o;
    for (size_t a = 0; a < o.before.size(); ++a) {
      both.before[a] += first->before[a];
      both.after[a] += first->after[a];
    }
    return r.replace(r.add(std::move(both), {r.graph()[r.in(0)].in[0]}));
  }

  static std::vector<Sample> samples() {
    const auto f32 = [](Shape s) { return Type{DType::kF32, std::move(s), {}}; };
    const auto mirror = [](std::vector<int64_t> b, std::vector<int64_t> a, PadMode m) {
      Pad p(std::move(b), std::move(a));
      p.mode = m;
      return make_op(std::move(p));
    };
    const Type per_axis{DType::kI8, {2, 3}, QuantParams{{1, 2, 3}, {0, 0, 0}, 1}};
    return {{.op = make_op(Pad({0, 0, 1, 2}, {0, 0, 3, 4})), .in = {f32({2, 3, 4, 5})}},
            {.op = make_op(Pad({1, 0, 2}, {0, 1, 3}, -1.5)), .in = {f32({2, 3, 4})}},
            {.op = make_op(Pad({1, 0}, {0, 2}, 7)), .in = {Type{DType::kI32, {2, 3}, {}}}},
            {.op = make_op(Pad({1, 0}, {0, 2}, -0.75)), .in = {Type{DType::kI8, {2, 3}, QuantParams{{0.25f}, {5}, 0}}}},
            {.op = mirror({0, 1, 2}, {0, 2, 3}, PadMode::kReflect), .in = {f32({2, 3, 4})}},
            {.op = mirror({0, 3, 1}, {2, 1, 4}, PadMode::kSymmetric), .in = {f32({2, 3, 4})}},
            {.op = make_op(Pad({1}, {1})), .in = {}, .bad = "C1"},
            {.op = make_op(Pad({1}, {1})), .in = {f32({2, 3})}, .bad = "C2"},
            {.op = make_op(Pad({1}, {-1})), .in = {f32({2})}, .bad = "C3"},
            {.op = make_op(Pad({1}, {1})), .in = {f32({-1})}, .bad = "C4"},
            {.op = mirror({3}, {0}, PadMode::kReflect), .in = {f32({3})}, .bad = "C5"},
            {.op = make_op(Pad({0, 1}, {0, 0})), .in = {per_axis}, .bad = "C6"}};
  }
};

}  // namespace
DEFINE_OP(Pad, PadFacts)
}  // namespace atl
