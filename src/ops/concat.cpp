// Operands joined along an axis.
#include <algorithm>
#include <cmath>

#include "ir/source_call.h"
#include "ir/tflite_op.h"
#include "ops/axis.h"
#include "ops/elementwise.h"
#include "ops/fixed_point.h"
#include "ops/movement.h"
#include "ops/shape.h"

namespace atl {
namespace {

constexpr std::string_view kDtypes = "f32 f16 i8 u8 i16 i32 u32 i64 bool";
// XNNPACK accepts more axes than this and then fails the whole model.
constexpr size_t kMaxRank = 6;

// torch.cat passes over empty vectors, whatever the rank of the others, and promotes element types.
void concat_along(SourceCall& c, const Values& parts, std::string_view axis_arg, int64_t otherwise) {
  Values kept;
  for (Value v : parts)
    if (c.shape(v) != Shape{0}) kept.push_back(v);
  if (kept.empty()) kept = parts;
  if (kept.empty() || c.failed()) return c.unsupported("an empty list of tensors");
  const DType t = c.result_type().dtype;
  for (Value& v : kept) v = c.to_dtype(v, t);
  const int64_t axis = axis_arg.empty() ? otherwise : c.axis(axis_arg, c.rank(kept[0]), otherwise);
  c.result(kept.size() == 1 ? kept[0] : c.add(Concat(axis), std::move(kept)));
}

void import_cat(SourceCall& c) { concat_along(c, c.tensors("tensors"), "dim", 0); }

// Every operand with at least `rank` axes, as torch.atleast_1d, _2d, _3d.
Values at_least(SourceCall& c, Values parts, size_t rank) {
  for (Value& v : parts) {
    Shape s = c.shape(v);
    if (s.size() >= rank) continue;
    if (s.empty()) s.push_back(1);
    if (s.size() == 1 && rank >= 2) s.insert(s.begin(), 1);
    if (s.size() == 2 && rank >= 3) s.push_back(1);
    v = c.add(Reshape(s), {v});
  }
  return parts;
}

void import_hstack(SourceCall& c) {
  const Values parts = at_least(c, c.tensors("tensors"), 1);
  concat_along(c, parts, {}, parts.empty() || c.rank(parts[0]) == 1 ? 0 : 1);
}
void import_vstack(SourceCall& c) { concat_along(c, at_least(c, c.tensors("tensors"), 2), {}, 0); }
void import_dstack(SourceCall& c) { concat_along(c, at_least(c, c.tensors("tensors"), 3), {}, 2); }
void import_column_stack(SourceCall& c) {
  Values parts = c.tensors("tensors");
  for (Value& v : parts)
    if (c.rank(v) <= 1) v = c.add(Reshape({element_count(c.shape(v)), 1}), {v});
  concat_along(c, parts, {}, 1);
}

struct ConcatFacts {
  static constexpr std::string_view name = "concat";
  static constexpr std::string_view summary = "operands joined along an axis";
  static constexpr Layout layout = Layout::kAxisAttr;
  static constexpr Quant quant = Quant::kSameScale;

  static Result<Types> infer(const Concat& o, TypesIn in) {
    CHECK_OP(C1, !in.empty(), "at least one operand is needed");
    const size_t rank = in[0].rank();
    CHECK_OP(C2, o.axis >= 0 && o.axis < int64_t(rank), "axis {} is outside rank {}", o.axis, rank);
    Shape shape = in[0].shape;
    CHECK_OP(C3, shape[size_t(o.axis)] != kDynamic, "a dynamic size cannot be joined");
    for (const Type& t : in.subspan(1)) {
      CHECK_OP(C4, t.dtype == in[0].dtype && t.quant == in[0].quant, "{} and {} differ in element type or parameters",
               to_string(in[0]), to_string(t));
      CHECK_OP(C5, t.rank() == rank, "{} and {} differ in rank", to_string(in[0]), to_string(t));
      for (size_t a = 0; a < rank; ++a) {
        CHECK_OP(C6, (int64_t(a) == o.axis && t.shape[a] != kDynamic) || t.shape[a] == in[0].shape[a],
                 "{} and {} differ in axis {}", to_string(in[0]), to_string(t), a);
      }
      if (__builtin_add_overflow(shape[size_t(o.axis)], t.shape[size_t(o.axis)], &shape[size_t(o.axis)]))
        return error(Code::kTooLarge, "a tensor's size overflows");
    }
    auto type = resized_type(in[0], std::move(shape));
    CHECK_OP(C7, type, "operands with quantization parameters for each index of axis {} cannot be joined along it", o.axis);
    TRY_STATUS(byte_size(*type));
    return Types{*std::move(type)};
  }

  static Result<Tensors> eval(const Concat& o, TensorsIn in) {
    TRY_STATUS(movable(name, in[0].dtype()));
    Types types;
    for (const Tensor& t : in) types.push_back(t.type());
    TRY(Types out, infer(o, types));
    Tensor result = Tensor::make(out[0]);
    const size_t width = size_t(bits(out[0].dtype)) / 8;
    const AxisLines whole(out[0].shape, o.axis);
    const size_t row = size_t(whole.size * whole.inner) * width;
    size_t at = 0;
    for (const Tensor& t : in) {
      const size_t part = size_t(t.shape()[size_t(o.axis)] * whole.inner) * width;
      if (part > 0)
        for (int64_t i = 0; i < whole.outer; ++i)
          std::memcpy(result.mutable_bytes() + size_t(i) * row + at, t.bytes() + size_t(i) * part, part);
      at += part;
    }
    return Tensors{std::move(result)};
  }

  // Only the kernel of u8 brings operands to the result's parameters.
  static Result<Tensors> eval_integer(const Concat& o, TensorsIn in, TypesIn out) {
    Tensors parts;
    for (const Tensor& t : in) {
      const Type raw{t.dtype(), t.shape(), {}};
      const bool copied = t.dtype() != DType::kU8 || t.type().quant == out[0].quant;
      parts.push_back(copied ? Tensor::view(raw, t.bytes(), t.owner()) : rescaled(t, raw, out[0]));
    }
    TRY(const Tensors joined, eval(o, parts));
    return Tensors{Tensor::view(out[0], joined[0].bytes(), joined[0].owner())};
  }

  static Tensor rescaled(const Tensor& x, const Type& raw, const Type& out) {
    const float scale = float(scale_of(x.type())) * (1.0f / float(scale_of(out)));
    const float bias = float(-zero_point_of(x.type())) * scale;
    Tensor y = Tensor::make(raw);
    for (int64_t i = 0, n = x.count(); i < n; ++i) {
      const auto v = int32_t(std::round(float(integer_at(x, i)) * scale + bias)) + zero_point_of(out);
      set_integer(y, i, std::clamp(v, 0, 255));
    }
    return y;
  }

  static Status legal_integer(const Concat&, TypesIn in, TypesIn out) {
    for (const Type& t : in)
      if (t.dtype != out[0].dtype || t.quant != out[0].quant)
        return error(Code::kUnsupportedForm,
                     fmt::format("{} and {} are joined only with equal parameters", to_string(t), to_string(out[0])));
    return {};
  }

  static std::optional<LayoutChoice> permuted(const Concat& o, TypesIn in, int, const Perm& p) {
    if (!is_permutation(p, in[0].rank())) return std::nullopt;
    return LayoutChoice{make_op(Concat(physical_axis(p, o.axis))), std::vector<Perm>(in.size(), p), p};
  }

  static Status legal(const Concat&, TypesIn in) {
    if (in[0].rank() > kMaxRank)
      return error(Code::kUnsupportedForm, fmt::format("LiteRT's CONCATENATION takes {} axes, not {}", kMaxRank, in[0].rank()),
                   "join neighbouring axes before torch.cat");
    return legal_dtype("CONCATENATION", in[0], kDtypes);
  }

  static Result<bool> legalize(const Concat& o, Rewrite& r) {
    if (r.in_type(0).rank() > kMaxRank) {
      // All that lies before and behind the axis is one axis each.
      const Shape result = r.out_type().shape;
      Values parts;
      for (Value v : Values(r.node().in)) {
        const AxisLines l(r.shape(v), o.axis);
        parts.push_back(r.add(Reshape({l.outer, l.size, l.inner}), {v}));
      }
      return r.replace(r.add(Reshape(result), {r.add(Concat(1), parts)}));
    }
    return legalize_by_cast(r, r.node().op, kDtypes);
  }

  static Result<TfliteOp> emit(const Concat& o, TypesIn in) {
    tflite::ConcatenationOptionsT options;
    options.axis = int32_t(o.axis);
    const DType t = in[0].dtype;
    const int version = t == DType::kI8    ? 2
                        : t == DType::kI16 ? 3
                        : t == DType::kU32 ? 4
                        : t == DType::kI4  ? 5
                        : t == DType::kF16 ? 6
                                           : 1;
    return TfliteOp(tflite::BuiltinOperator::CONCATENATION, version, in.size(), std::move(options));
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    const auto* options = n.options_as<tflite::ConcatenationOptionsT>();
    if (n.code != tflite::BuiltinOperator::CONCATENATION || !options || !is_plain(n)) return not_decoded();
    if (options->fused_activation_function != tflite::ActivationFunctionType::NONE) return not_decoded();
    TRY(int64_t axis, normalize_axis(options->axis, n.in[0]->rank()));
    Decoded d{make_op(Concat(axis)), std::vector<int>(n.in.size())};
    std::iota(d.in.begin(), d.in.end(), 0);
    return d;
  }

  static Result<bool> canonicalize(const Concat& o, Rewrite& r) {
    if (r.in_count() == 1) return r.replace(r.in(0));
    // Operands without elements, and operands that are themselves joined along the axis for this node alone.
    Values flat;
    bool changed = false;
    for (Value v : Values(r.node().in)) {
      const Concat* inner = r.graph().as<Concat>(v);
      if (inner && inner->axis == o.axis && r.single_use(v)) {
        const Values& parts = r.graph()[v].in;
        flat.insert(flat.end(), parts.begin(), parts.end());
        changed = true;
      } else if (r.shape(v)[size_t(o.axis)] == 0 && r.out_type().shape[size_t(o.axis)] != 0) {
        changed = true;
      } else {
        flat.push_back(v);
      }
    }
    if (!changed) return false;
    return r.replace(flat.size() == 1 ? flat[0] : r.add(Concat(o.axis), flat));
  }

  static constexpr Import imports[] = {
      {"aten.cat.default", import_cat},         {"aten.concat.default", import_cat},
      {"aten.concatenate.default", import_cat}, {"aten.hstack.default", import_hstack},
      {"aten.vstack.default", import_vstack},   {"aten.row_stack.default", import_vstack},
      {"aten.dstack.default", import_dstack},   {"aten.column_stack.default", import_column_stack},
  };

  static std::vector<Sample> samples() {
    const auto f32 = [](Shape s) { return Type{DType::kF32, std::move(s), {}}; };
    const Type i64{DType::kI64, {2, 3}, {}};
    const Type per_axis{DType::kI8, {2, 3}, QuantParams{{1, 2, 3}, {0, 0, 0}, 1}};
    return {{.op = make_op(Concat(1)), .in = {f32({2, 3, 4, 5}), f32({2, 6, 4, 5}), f32({2, 1, 4, 5})}},
            {.op = make_op(Concat(0)), .in = {i64, i64}},
            {.op = make_op(Concat(2)), .in = {f32({3, 2, 4}), f32({3, 2, 5})}},
            {.op = make_op(Concat(0)), .in = {}, .bad = "C1"},
            {.op = make_op(Concat(2)), .in = {f32({2, 3})}, .bad = "C2"},
            {.op = make_op(Concat(0)), .in = {f32({-1, 3})}, .bad = "C3"},
            {.op = make_op(Concat(0)), .in = {f32({2, 3}), i64}, .bad = "C4"},
            {.op = make_op(Concat(0)), .in = {f32({2, 3}), f32({2})}, .bad = "C5"},
            {.op = make_op(Concat(0)), .in = {f32({2, 3}), f32({2, 4})}, .bad = "C6"},
            {.op = make_op(Concat(1)), .in = {per_axis, per_axis}, .bad = "C7"}};
  }
};

}  // namespace
DEFINE_OP(Concat, ConcatFacts)
}  // namespace atl
