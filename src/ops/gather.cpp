// Gather and GatherNd: slices picked by index.
#include <algorithm>

#include "ir/source_call.h"
#include "ir/target.h"
#include "ir/tflite_op.h"
#include "ops/axis.h"
#include "ops/channel_order.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/movement.h"
#include "ops/shape.h"

namespace atl {
namespace {

constexpr std::string_view kDtypes = "f32 f16 i8 u8 i16 i32 i64 bool";

bool is_index(DType t) { return t == DType::kI16 || t == DType::kI32 || t == DType::kI64; }

Error outside(int64_t index, int64_t n) {
  return error(Code::kArgument, fmt::format("index {} is outside an axis of {} elements", index, n));
}

// padding_idx, scale_grad_by_freq and sparse only matter for training.
void import_embedding(SourceCall& c) { c.result(c.add(Gather(0), {c.tensor("weight"), c.tensor("indices")})); }

void import_index_select(SourceCall& c) {
  Value x = c.tensor("self"), index = c.tensor("index");
  const int64_t axis = c.axis("dim", c.rank(x));
  const bool scalar = c.rank(x) == 0;
  if (scalar) x = c.add(Reshape({1}), {x});
  if (c.rank(index) == 0) index = c.add(Reshape({1}), {index});
  const Value picked = c.add(Gather(axis), {x, index});
  c.result(scalar ? c.add(Reshape(Shape{}), {picked}) : picked);
}

struct GatherFacts {
  static constexpr std::string_view name = "gather";
  static constexpr std::string_view summary = "slices of an axis picked by index";
  static constexpr Layout layout = Layout::kAxisAttr;
  static constexpr Quant quant = Quant::kSameScale;
  static constexpr bool moves_elements = true;

  static Result<Types> infer(const Gather& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 2, "two operands are needed, not {}", in.size());
    CHECK_OP(C2, is_index(in[1].dtype), "indices of type {}", atl::name(in[1].dtype));
    const Shape &x = in[0].shape, &k = in[1].shape;
    CHECK_OP(C3, o.axis >= 0 && o.axis < int64_t(x.size()), "axis {} is outside rank {}", o.axis, x.size());
    CHECK_OP(C4, o.batch_dims >= 0 && o.batch_dims <= o.axis && o.batch_dims <= int64_t(k.size()),
             "{} batch axes do not fit axis {} and indices {}", o.batch_dims, o.axis, to_string(k));
    CHECK_OP(C5, std::equal(x.begin(), x.begin() + o.batch_dims, k.begin()), "the batch axes of {} and {} differ", to_string(x),
             to_string(k));
    Shape shape(x.begin(), x.begin() + o.axis);
    Perm from = identity(shape.size());
    shape.insert(shape.end(), k.begin() + o.batch_dims, k.end());
    from.resize(shape.size(), -1);
    shape.insert(shape.end(), x.begin() + o.axis + 1, x.end());
    for (size_t a = size_t(o.axis) + 1; a < x.size(); ++a) from.push_back(int(a));
    auto type = moved_type(in[0], std::move(shape), from);
    CHECK_OP(C6, type, "quantization parameters for each index of axis {} cannot be picked", o.axis);
    TRY_STATUS(byte_size(*type));
    return Types{*std::move(type)};
  }

  static Result<Tensors> eval(const Gather& o, TensorsIn in) {
    TRY_STATUS(movable(name, in[0].dtype()));
    const Type types[] = {in[0].type(), in[1].type()};
    TRY(Types out, infer(o, types));
    Tensor result = Tensor::make(out[0]);
    const Shape& x = in[0].shape();
    const int64_t batch = element_count({x.begin(), x.begin() + o.batch_dims});
    const int64_t outer = element_count({x.begin() + o.batch_dims, x.begin() + o.axis}), n = x[size_t(o.axis)];
    const int64_t inner = element_count({x.begin() + o.axis + 1, x.end()}), picks = batch == 0 ? 0 : in[1].count() / batch;
    const size_t part = size_t(inner) * size_t(bits(in[0].dtype())) / 8;
    std::byte* to = result.mutable_bytes();
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t i = 0; i < outer; ++i)
        for (int64_t k = 0; k < picks; ++k, to += part) {
          const int64_t at = element_as_int(in[1], b * picks + k);
          if (at < 0 || at >= n) return outside(at, n);
          if (part > 0) std::memcpy(to, in[0].bytes() + size_t((b * outer + i) * n + at) * part, part);
        }
    return Tensors{std::move(result)};
  }

  // The axes of the indices stand together where the axis was, in any order of their own; batch axes stay in front.
  static std::optional<LayoutChoice> permuted(const Gather& o, TypesIn in, int operand, const Perm& p) {
    const int batch = int(o.batch_dims), axis = int(o.axis), x_rank = int(in[0].rank()), k_rank = int(in[1].rank());
    const int picks = k_rank - batch;  // axes of the result that come from the indices: [axis, axis + picks)
    const int known = operand == kResult ? x_rank - 1 + picks : operand == 0 ? x_rank : k_rank;
    if (!is_permutation(p, size_t(known))) return std::nullopt;
    for (int k = 0; k < batch; ++k)
      if (p[size_t(k)] != k) return std::nullopt;
    Perm x, indices = identity(size_t(batch)), out;
    if (operand == 1) {
      indices = p;
      x = identity(size_t(x_rank));
    } else if (operand == 0) {
      indices = identity(size_t(k_rank));
      x = p;
    } else {
      std::vector<int> order;  // of the operand's axes that stay
      int last = -1;
      for (int k = 0; k < known; ++k) {
        const int a = p[size_t(k)];
        if (a >= axis && a < axis + picks) {
          if (last >= 0 && last != k - 1) return std::nullopt;
          if (last < 0) x.push_back(axis);
          last = k;
          indices.push_back(a - axis + batch);
        } else {
          x.push_back(a < axis ? a : a - picks + 1);
        }
      }
      if (picks == 0) {  // the axis disappears and may stand anywhere behind the batch axes
        x = place_free_axes(x, size_t(x_rank));
        for (int k = 0; k < batch; ++k)
          if (x[size_t(k)] != k) return std::nullopt;
      }
    }
    for (int a : x) {
      if (a != axis) out.push_back(a < axis ? a : a + picks - 1);
      if (a == axis)
        for (int k = batch; k < k_rank; ++k) out.push_back(axis + indices[size_t(k)] - batch);
    }
    return LayoutChoice{make_op(Gather(physical_axis(x, axis), batch)), {x, indices}, out};
  }

  static Status legal(const Gather&, TypesIn in) { return legal_dtype("GATHER", in[0], kDtypes); }

  static Result<bool> legalize(const Gather&, Rewrite& r) { return legalize_by_cast(r, r.node().op, kDtypes, {0}); }

  static Result<TfliteOp> emit(const Gather& o, TypesIn in) {
    tflite::GatherOptionsT options;
    options.axis = int32_t(o.axis);
    options.batch_dims = int32_t(o.batch_dims);
    const DType t = in[0].dtype;
    const int version = t == DType::kI4              ? 7
                        : in[1].dtype == DType::kI16 ? 6
                        : o.batch_dims != 0          ? 5
                        : t == DType::kI16           ? 4
                        : t == DType::kBool          ? 3
                        : t == DType::kI8            ? 2
                                                     : 1;
    return TfliteOp(tflite::BuiltinOperator::GATHER, version, 2, std::move(options));
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    // Operands indices, table.
    if (n.code == tflite::BuiltinOperator::EMBEDDING_LOOKUP && is_plain(n) && n.in.size() == 2)
      return Decoded{make_op(Gather(0)), {1, 0}};
    const auto* options = n.options_as<tflite::GatherOptionsT>();
    if (n.code != tflite::BuiltinOperator::GATHER || !options || !is_plain(n) || n.in.size() != 2) return not_decoded();
    TRY(int64_t axis, normalize_axis(options->axis, n.in[0]->rank()));
    const int64_t batch = options->batch_dims < 0 ? options->batch_dims + int64_t(n.in[1]->rank()) : options->batch_dims;
    return Decoded{make_op(Gather(axis, batch)), {0, 1}};
  }

  // Channels by a convolution with weights 0 and 1, other axes by slices.
  static Result<bool> adapt(const Gather& o, Rewrite& r, const Target& target) {
    const Type& x = r.in_type(0);
    if (!target.is_coral() || o.batch_dims != 0 || !r.is_constant(1) || r.in_type(1).rank() != 1 || r.is_constant(0))
      return false;
    const auto index = r.constant_value(r.in(1));
    if (!index) return std::move(r.take_status().error());
    std::vector<int64_t> from;
    for (int64_t i = 0; i < element_count(index->shape()); ++i) {
      from.push_back(element_as_int(*index, i));
      if (from.back() < 0 || from.back() >= x.shape[size_t(o.axis)]) return false;
    }
    const bool channels = x.rank() == 4 && o.axis == 3 && x.dtype == DType::kF32;
    const Value picked = channels ? pick_channels(r, r.in(0), from) : pick_by_slices(r, r.in(0), o.axis, from);
    return picked.valid() ? r.replace(picked) : Result<bool>(false);
  }

  // Indices in even steps are a slice.
  static Result<bool> canonicalize(const Gather& o, Rewrite& r) {
    if (o.batch_dims != 0 || !r.is_constant(1) || r.in_type(1).rank() > 1 || r.is_constant(0)) return false;
    const int64_t count = element_count(r.in_type(1).shape);
    if (count == 0 || count > 65536) return false;
    const auto index = r.constant_value(r.in(1));
    if (!index) return std::move(r.take_status().error());
    const Shape x = r.in_type(0).shape;
    const int64_t n = x[size_t(o.axis)], first = element_as_int(*index, 0);
    const int64_t step = count > 1 ? element_as_int(*index, 1) - first : 1;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t at = element_as_int(*index, i);
      if (at != first + i * step || at < 0 || at >= n) return false;
    }
    if (step == 0) return false;
    Slice s(std::vector<int64_t>(x.size(), 0), x);
    s.begin[size_t(o.axis)] = first;
    s.size[size_t(o.axis)] = count;
    s.stride[size_t(o.axis)] = step;
    if (r.in_type(1).rank() == 0) s.shrink = {o.axis};
    return r.replace(r.add(std::move(s), {r.in(0)}));
  }

  static constexpr Import imports[] = {
      {"aten.embedding.default", import_embedding},
      {"aten.index_select.default", import_index_select},
  };

  static std::vector<Sample> samples() {
    const auto f32 = [](Shape s) { return Type{DType::kF32, std::move(s), {}}; };
    const Type two{DType::kI32, {2}, {}};
    const auto indices = [](Shape shape, std::vector<int32_t> v) {
      return Tensor::of<int32_t>(DType::kI32, std::move(shape), v);
    };
    const std::vector<int64_t> wide{3, 0, 3, 1, 2, 0};
    const Tensor i64 = Tensor::of<int64_t>(DType::kI64, {2, 3}, wide);
    const Type per{DType::kI8, {2, 3}, QuantParams{{1, 2, 3}, {0, 0, 0}, 1}};
    return {{.op = make_op(Gather(1)), .in = {f32({2, 4, 5}), i64.type()}, .constants = {i64}},
            {.op = make_op(Gather(2)), .in = {f32({2, 3, 4, 5}), two}, .constants = {indices({2}, {3, 1})}},
            {.op = make_op(Gather(1)), .in = {f32({2, 3, 4}), {DType::kI32, {}, {}}}, .constants = {indices({}, {2})}},
            {.op = make_op(Gather(1, 1)), .in = {f32({2, 4, 5}), i64.type()}, .constants = {i64}},
            {.op = make_op(Gather(2, 1)), .in = {f32({2, 5, 4, 7}), i64.type()}, .constants = {i64}},
            {.op = make_op(Gather(0)), .in = {f32({2})}, .bad = "C1"},
            {.op = make_op(Gather(0)), .in = {f32({2}), f32({2})}, .bad = "C2"},
            {.op = make_op(Gather(1)), .in = {f32({2}), two}, .bad = "C3"},
            {.op = make_op(Gather(0, 1)), .in = {f32({2}), two}, .bad = "C4"},
            {.op = make_op(Gather(1, 1)), .in = {f32({3, 2}), two}, .bad = "C5"},
            {.op = make_op(Gather(1)), .in = {per, two}, .bad = "C6"}};
  }
};

struct GatherNdFacts {
  static constexpr std::string_view name = "gather_nd";
  static constexpr std::string_view summary = "slices picked by vectors of indices";
  static constexpr Layout layout = Layout::kAxisAttr;
  static constexpr Quant quant = Quant::kSameScale;

  static Result<Types> infer(const GatherNd&, TypesIn in) {
    CHECK_OP(C1, in.size() == 2, "two operands are needed, not {}", in.size());
    CHECK_OP(C2, is_index(in[1].dtype), "indices of type {}", atl::name(in[1].dtype));
    const Shape &x = in[0].shape, &k = in[1].shape;
    CHECK_OP(C3, !k.empty() && k.back() >= 0 && k.back() <= int64_t(x.size()), "indices {} do not fit {}", to_string(k),
             to_string(x));
    Shape shape(k.begin(), k.end() - 1);
    std::vector<int> from(shape.size(), -1);
    for (size_t a = size_t(k.back()); a < x.size(); ++a) {
      shape.push_back(x[a]);
      from.push_back(int(a));
    }
    auto type = moved_type(in[0], std::move(shape), from);
    CHECK_OP(C4, type, "quantization parameters for each index of an axis that is picked from");
    TRY_STATUS(byte_size(*type));
    return Types{*std::move(type)};
  }

  static Result<Tensors> eval(const GatherNd& o, TensorsIn in) {
    TRY_STATUS(movable(name, in[0].dtype()));
    const Type types[] = {in[0].type(), in[1].type()};
    TRY(Types out, infer(o, types));
    Tensor result = Tensor::make(out[0]);
    const Shape& x = in[0].shape();
    const int64_t width = in[1].shape().back();
    const int64_t picks = element_count({in[1].shape().begin(), in[1].shape().end() - 1});
    const size_t part = size_t(element_count({x.begin() + width, x.end()})) * size_t(bits(in[0].dtype())) / 8;
    for (int64_t k = 0; k < picks; ++k) {
      int64_t at = 0;
      for (int64_t a = 0; a < width; ++a) {
        const int64_t i = element_as_int(in[1], k * width + a);
        if (i < 0 || i >= x[size_t(a)]) return outside(i, x[size_t(a)]);
        at = at * x[size_t(a)] + i;
      }
      if (part > 0) std::memcpy(result.mutable_bytes() + size_t(k) * part, in[0].bytes() + size_t(at) * part, part);
    }
    return Tensors{std::move(result)};
  }

  // The axes picked from stay in front of x, those of the indices in front of the result; the others move freely.
  static std::optional<LayoutChoice> permuted(const GatherNd& o, TypesIn in, int operand, const Perm& p) {
    const int x_rank = int(in[0].rank()), lead = int(in[1].rank()) - 1, width = int(in[1].shape.back());
    const int rest = x_rank - width;
    Perm x = identity(size_t(x_rank)), indices = identity(size_t(lead) + 1), out = identity(size_t(lead + rest));
    if (operand == 1) {
      if (!is_permutation(p, size_t(lead) + 1) || p.back() != lead) return std::nullopt;
      indices = p;
      for (int k = 0; k < lead; ++k) out[size_t(k)] = p[size_t(k)];
      return LayoutChoice{make_op(o), {x, indices}, out};
    }
    const int fixed = operand == kResult ? lead : width;
    if (!is_permutation(p, size_t(fixed + rest))) return std::nullopt;
    for (int k = 0; k < fixed + rest; ++k) {
      const int a = p[size_t(k)];
      if (k < fixed) {
        if (a >= fixed || (operand == 0 && a != k)) return std::nullopt;
        if (operand == kResult) out[size_t(k)] = indices[size_t(k)] = a;
      } else {
        if (a < fixed) return std::nullopt;
        x[size_t(k - fixed + width)] = a - fixed + width;
        out[size_t(k - fixed + lead)] = a - fixed + lead;
      }
    }
    return LayoutChoice{make_op(o), {x, indices}, out};
  }

  static Status legal(const GatherNd&, TypesIn in) { return legal_dtype("GATHER_ND", in[0], kDtypes); }

  static Result<bool> legalize(const GatherNd&, Rewrite& r) { return legalize_by_cast(r, r.node().op, kDtypes, {0}); }

  static Result<TfliteOp> emit(const GatherNd&, TypesIn in) {
    const int version = in[0].dtype == DType::kBool ? 5 : in[1].dtype == DType::kI16 ? 4 : in[0].dtype == DType::kI16 ? 3 : 1;
    return TfliteOp(tflite::BuiltinOperator::GATHER_ND, version, 2, tflite::GatherNdOptionsT{});
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    if (n.code != tflite::BuiltinOperator::GATHER_ND || !is_plain(n) || n.in.size() != 2) return not_decoded();
    return Decoded{make_op(GatherNd{}), {0, 1}};
  }

  static std::vector<Sample> samples() {
    const auto f32 = [](Shape s) { return Type{DType::kF32, std::move(s), {}}; };
    const std::vector<int32_t> v{1, 0, 0, 2, 1, 1};
    const Tensor k = Tensor::of<int32_t>(DType::kI32, {3, 2}, v);
    const Type per{DType::kI8, {2, 3}, QuantParams{{1, 2, 3}, {0, 0, 0}, 1}};
    return {{.op = make_op(GatherNd{}), .in = {f32({2, 3, 4, 5}), k.type()}, .constants = {k}},
            {.op = make_op(GatherNd{}), .in = {Type{DType::kI64, {2, 3}, {}}, k.type()}, .constants = {k}},
            {.op = make_op(GatherNd{}), .in = {f32({2})}, .bad = "C1"},
            {.op = make_op(GatherNd{}), .in = {f32({2}), f32({1})}, .bad = "C2"},
            {.op = make_op(GatherNd{}), .in = {f32({2}), k.type()}, .bad = "C3"},
            {.op = make_op(GatherNd{}), .in = {per, k.type()}, .bad = "C4"}};
  }
};

}  // namespace
DEFINE_OP(Gather, GatherFacts)
DEFINE_OP(GatherNd, GatherNdFacts)
}  // namespace atl
