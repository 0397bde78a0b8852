// Pack and Unpack: a new axis from operands of one shape, and an axis taken apart.
#include <algorithm>

#include "ir/source_call.h"
#include "ir/tflite_op.h"
#include "ops/axis.h"
#include "ops/elementwise.h"
#include "ops/movement.h"
#include "ops/shape.h"

namespace atl {
namespace {

constexpr std::string_view kPackDtypes = "f32 i8 u8 i16 i32 u32 i64", kUnpackDtypes = "f32 f16 i8 u8 i16 i32 bool";

void import_stack(SourceCall& c) {
  Values parts = c.tensors("tensors");
  if (parts.empty()) return c.unsupported("an empty list of tensors");
  for (Value& v : parts) v = c.to_dtype(v, c.result_type().dtype);
  c.result(c.add(Pack(c.axis("dim", c.rank(parts[0]) + 1, 0)), parts));
}

void import_unbind(SourceCall& c) {
  const Value x = c.tensor("self");
  const int64_t axis = c.axis("dim", c.rank(x), 0);
  if (c.rank(x) == 0) return c.unsupported("unbind of a scalar");
  const int64_t n = c.shape(x)[size_t(axis)];
  if (n < 1 || n > 65536) return c.unsupported(fmt::format("unbind of {} elements", n));
  c.results(c.add_multi(Unpack(axis), {x}, size_t(n)));
}

// Physical axes of a value with the axis `axis` (of `rank` axes) when `p` orders the value without it; the axis may stand
// anywhere.
Perm with_free_axis(const Perm& p, int64_t axis, size_t rank) {
  std::vector<int> order;
  for (int a : p) order.push_back(a < axis ? a : a + 1);
  return place_free_axes(order, rank);
}

Type without_axis(const Type& t, int64_t axis) {
  Shape shape = t.shape;
  shape.erase(shape.begin() + axis);
  return Type{t.dtype, std::move(shape), t.quant};
}

bool per_axis(const Type& t) { return t.quant && t.quant->scale.size() > 1; }

struct PackFacts {
  static constexpr std::string_view name = "pack";
  static constexpr std::string_view summary = "operands of one shape, stacked along a new axis";
  static constexpr Layout layout = Layout::kAxisAttr;
  static constexpr Quant quant = Quant::kSameScale;

  static Result<Types> infer(const Pack& o, TypesIn in) {
    CHECK_OP(C1, !in.empty(), "at least one operand is needed");
    CHECK_OP(C2, o.axis >= 0 && o.axis <= int64_t(in[0].rank()), "axis {} is outside rank {}", o.axis, in[0].rank() + 1);
    for (const Type& t : in) CHECK_OP(C3, t == in[0], "{} and {} differ", to_string(in[0]), to_string(t));
    CHECK_OP(C4, !per_axis(in[0]), "operands with quantization parameters for each index of an axis cannot be stacked");
    Type out = in[0];
    out.shape.insert(out.shape.begin() + o.axis, int64_t(in.size()));
    TRY_STATUS(byte_size(out));
    return Types{std::move(out)};
  }

  static Result<Tensors> eval(const Pack& o, TensorsIn in) {
    TRY_STATUS(movable(name, in[0].dtype()));
    Types types;
    for (const Tensor& t : in) types.push_back(t.type());
    TRY(Types out, infer(o, types));
    Tensor result = Tensor::make(out[0]);
    const AxisLines l(out[0].shape, o.axis);
    const size_t part = size_t(l.inner) * size_t(bits(out[0].dtype)) / 8;
    for (int64_t i = 0; i < l.outer && part > 0; ++i)
      for (size_t k = 0; k < in.size(); ++k)
        std::memcpy(result.mutable_bytes() + (size_t(i) * in.size() + k) * part, in[k].bytes() + size_t(i) * part, part);
    return Tensors{std::move(result)};
  }

  static std::optional<LayoutChoice> permuted(const Pack& o, TypesIn in, int operand, const Perm& p) {
    const size_t rank = in[0].rank() + 1;
    if (!is_permutation(p, operand == kResult ? rank : rank - 1)) return std::nullopt;
    const Perm out = operand == kResult ? p : with_free_axis(p, o.axis, rank);
    return LayoutChoice{make_op(Pack(physical_axis(out, o.axis))), std::vector<Perm>(in.size(), without_axes(out, {o.axis})),
                        out};
  }

  static Status legal(const Pack&, TypesIn in) { return legal_dtype("PACK", in[0], kPackDtypes); }

  // Each operand with the new axis, joined.
  static Result<bool> legalize(const Pack& o, Rewrite& r) {
    Values parts;
    for (Value v : Values(r.node().in)) {
      Shape s = r.shape(v);
      s.insert(s.begin() + o.axis, 1);
      parts.push_back(r.add(Reshape(s), {v}));
    }
    return r.replace(r.add(Concat(o.axis), parts));
  }

  static Result<TfliteOp> emit(const Pack& o, TypesIn in) {
    tflite::PackOptionsT options;
    options.values_count = int32_t(in.size());
    options.axis = int32_t(o.axis);
    const DType t = in[0].dtype;
    const int version = t == DType::kU32 ? 4 : t == DType::kI16 ? 3 : t == DType::kI8 ? 2 : 1;
    return TfliteOp(tflite::BuiltinOperator::PACK, version, in.size(), std::move(options));
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    const auto* options = n.options_as<tflite::PackOptionsT>();
    if (n.code != tflite::BuiltinOperator::PACK || !options || !is_plain(n)) return not_decoded();
    TRY(int64_t axis, normalize_axis(options->axis, n.in[0]->rank() + 1));
    Decoded d{make_op(Pack(axis)), std::vector<int>(n.in.size())};
    std::iota(d.in.begin(), d.in.end(), 0);
    return d;
  }

  static Result<bool> canonicalize(const Pack&, Rewrite& r) {
    if (r.in_count() != 1) return false;
    return r.replace(r.add(Reshape(r.out_type().shape), {r.in(0)}));
  }

  static constexpr Import imports[] = {
      {"aten.stack.default", import_stack},
      {"aten._stack.default", import_stack},
  };

  static std::vector<Sample> samples() {
    const auto f32 = [](Shape s) { return Type{DType::kF32, std::move(s), {}}; };
    const Type i64{DType::kI64, {2, 3}, {}}, per{DType::kI8, {2}, QuantParams{{1, 2}, {0, 0}, 0}};
    return {{.op = make_op(Pack(1)), .in = {f32({2, 4, 5}), f32({2, 4, 5}), f32({2, 4, 5})}},
            {.op = make_op(Pack(2)), .in = {i64, i64, i64, i64}},
            {.op = make_op(Pack(0)), .in = {}, .bad = "C1"},
            {.op = make_op(Pack(3)), .in = {f32({2})}, .bad = "C2"},
            {.op = make_op(Pack(0)), .in = {f32({2}), f32({3})}, .bad = "C3"},
            {.op = make_op(Pack(0)), .in = {per, per}, .bad = "C4"}};
  }
};

struct UnpackFacts {
  static constexpr std::string_view name = "unpack";
  static constexpr std::string_view summary = "the slices along an axis, which disappears";
  static constexpr Layout layout = Layout::kAxisAttr;
  static constexpr Quant quant = Quant::kSameScale;
  static constexpr bool moves_elements = true;

  static Result<Types> infer(const Unpack& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 1, "one operand is needed, not {}", in.size());
    CHECK_OP(C2, o.axis >= 0 && o.axis < int64_t(in[0].rank()), "axis {} is outside rank {}", o.axis, in[0].rank());
    const int64_t n = in[0].shape[size_t(o.axis)];
    CHECK_OP(C3, n >= 1 && n <= 65536, "an axis of {} elements cannot be unpacked", n);
    CHECK_OP(C4, !per_axis(in[0]), "an operand with quantization parameters for each index of an axis cannot be unpacked");
    return Types(size_t(n), without_axis(in[0], o.axis));
  }

  static Result<Tensors> eval(const Unpack& o, TensorsIn in) {
    TRY_STATUS(movable(name, in[0].dtype()));
    const Type type = without_axis(in[0].type(), o.axis);
    std::vector<int64_t> strides = contiguous_strides(in[0].shape());
    const int64_t step = strides[size_t(o.axis)];
    strides.erase(strides.begin() + o.axis);
    Tensors out;
    for (int64_t i = 0; i < in[0].shape()[size_t(o.axis)]; ++i)
      out.push_back(gather_strided(type, in[0].bytes(), i * step, strides));
    return out;
  }

  static std::optional<LayoutChoice> permuted(const Unpack& o, TypesIn in, int operand, const Perm& p) {
    const size_t rank = in[0].rank();
    if (!is_permutation(p, operand == kResult ? rank - 1 : rank)) return std::nullopt;
    const Perm x = operand == kResult ? with_free_axis(p, o.axis, rank) : p;
    return LayoutChoice{make_op(Unpack(physical_axis(x, o.axis))), {x}, without_axes(x, {o.axis})};
  }

  static Status legal(const Unpack&, TypesIn in) { return legal_dtype("UNPACK", in[0], kUnpackDtypes); }

  static Slice selection(const Shape& x, int64_t axis, int64_t i) {
    Slice s(std::vector<int64_t>(x.size(), 0), x, {}, {axis});
    s.begin[size_t(axis)] = i;
    s.size[size_t(axis)] = 1;
    return s;
  }

  static Result<bool> legalize(const Unpack& o, Rewrite& r) {
    Values parts;
    const int64_t n = int64_t(r.node().out.size());
    for (int64_t i = 0; i < n; ++i) parts.push_back(r.add(selection(r.in_type(0).shape, o.axis, i), {r.in(0)}));
    return r.replace(parts);
  }

  static Result<TfliteOp> emit(const Unpack& o, TypesIn in) {
    tflite::UnpackOptionsT options;
    options.num = int32_t(in[0].shape[size_t(o.axis)]);
    options.axis = int32_t(o.axis);
    const DType t = in[0].dtype;
    const int version = t == DType::kF16                     ? 5
                        : t == DType::kI16                   ? 4
                        : t == DType::kBool                  ? 3
                        : t == DType::kI8 || t == DType::kU8 ? 2
                                                             : 1;
    return TfliteOp(tflite::BuiltinOperator::UNPACK, version, 1, std::move(options));
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    const auto* options = n.options_as<tflite::UnpackOptionsT>();
    if (n.code != tflite::BuiltinOperator::UNPACK || !options || !is_plain(n)) return not_decoded();
    TRY(int64_t axis, normalize_axis(options->axis, n.in[0]->rank()));
    return Decoded{make_op(Unpack(axis)), {0}};
  }

  // One result alone, or results of which one is used, are a reshape or a slice.
  static Result<bool> canonicalize(const Unpack& o, Rewrite& r) {
    const size_t n = r.node().out.size();
    if (n == 1) return r.replace(r.add(Reshape(r.out_type().shape), {r.in(0)}));
    size_t used = 0;
    uint32_t last = 0;
    for (uint32_t i = 0; i < n; ++i) {
      if (r.graph().uses(r.out(i)).empty()) continue;
      ++used;
      last = i;
    }
    if (used != 1) return reshape_before_parting(r, o.axis);
    Values with(n);
    with[last] = r.add(selection(r.in_type(0).shape, o.axis, last), {r.in(0)});
    return r.replace(with);
  }

  static constexpr Import imports[] = {
      {"aten.unbind.int", import_unbind},
      {"aten.unbind_copy.int", import_unbind},
  };

  static std::vector<Sample> samples() {
    const auto f32 = [](Shape s) { return Type{DType::kF32, std::move(s), {}}; };
    const Type per{DType::kI8, {2}, QuantParams{{1, 2}, {0, 0}, 0}};
    return {{.op = make_op(Unpack(1)), .in = {f32({2, 3, 4, 5})}},
            {.op = make_op(Unpack(0)), .in = {Type{DType::kI64, {3, 2}, {}}}},
            {.op = make_op(Unpack(0)), .in = {}, .bad = "C1"},
            {.op = make_op(Unpack(1)), .in = {f32({2})}, .bad = "C2"},
            {.op = make_op(Unpack(0)), .in = {f32({0, 2})}, .bad = "C3"},
            {.op = make_op(Unpack(0)), .in = {per}, .bad = "C4"}};
  }
};

}  // namespace
DEFINE_OP(Pack, PackFacts)
DEFINE_OP(Unpack, UnpackFacts)
}  // namespace atl
