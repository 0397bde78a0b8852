// Axes in reverse order.
#include <algorithm>

#include "ir/source_call.h"
#include "ir/target.h"
#include "ir/tflite_op.h"
#include "ops/axis.h"
#include "ops/elementwise.h"
#include "ops/movement.h"
#include "ops/shape.h"

namespace atl {
namespace {

constexpr std::string_view kDtypes = "f32 f16 i8 u8 i16 i32 i64 bool";

void reverse_axes(SourceCall& c, std::vector<int64_t> axes) {
  const Value x = c.tensor("self");
  c.result(axes.empty() ? x : c.add(Reverse(std::move(axes)), {x}));
}

void import_flip(SourceCall& c) { reverse_axes(c, c.axes("dims", c.rank(c.tensor("self")), false)); }
template <int kAxis>
void import_flip_axis(SourceCall& c) {
  reverse_axes(c, {kAxis});
}

struct ReverseFacts {
  static constexpr std::string_view name = "reverse";
  static constexpr std::string_view summary = "axes in reverse order";
  static constexpr Layout layout = Layout::kAxisAttr;
  static constexpr Quant quant = Quant::kSameScale;
  static constexpr bool moves_elements = true;

  static Result<Types> infer(const Reverse& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 1, "one operand is needed, not {}", in.size());
    CHECK_OP(C2, valid_axes(o.axes, in[0].rank()), "the axes are not rising axes of {}", to_string(in[0]));
    CHECK_OP(C3, !in[0].quant || in[0].quant->scale.size() <= 1, "quantization parameters for each index cannot be reversed");
    return Types{in[0]};
  }

  // As a slice that runs backwards.
  static Slice as_slice(const Reverse& o, const Shape& x) {
    Slice s(std::vector<int64_t>(x.size(), 0), x);
    for (int64_t a : o.axes) {
      if (x[size_t(a)] < 2) continue;
      s.begin[size_t(a)] = x[size_t(a)] - 1;
      s.stride[size_t(a)] = -1;
    }
    return s;
  }

  static Result<Tensors> eval(const Reverse& o, TensorsIn in) {
    const OpPtr slice = make_op(as_slice(o, in[0].shape()));
    return def_of(*slice).eval(*slice, in);
  }

  static std::optional<LayoutChoice> permuted(const Reverse& o, TypesIn in, int, const Perm& p) {
    if (!is_permutation(p, in[0].rank())) return std::nullopt;
    return LayoutChoice{make_op(Reverse(physical_axes(p, o.axes))), {p}, p};
  }

  static Status legal(const Reverse& o, TypesIn in) {
    if (o.axes.size() != 1)  // older runtimes reverse the first axis alone
      return error(Code::kUnsupportedForm, "LiteRT's REVERSE_V2 takes one axis", "flip one axis after the other");
    if (in[0].rank() > 8)
      return error(Code::kUnsupportedForm, fmt::format("LiteRT's REVERSE_V2 takes 8 axes, not {}", in[0].rank()),
                   "join neighbouring axes");
    return legal_dtype("REVERSE_V2", in[0], kDtypes);
  }

  static Result<bool> legalize(const Reverse& o, Rewrite& r) {
    return r.replace(r.add(as_slice(o, r.in_type(0).shape), {r.in(0)}));
  }

  static Result<TfliteOp> emit(const Reverse& o, TypesIn in) {
    const int version = in[0].dtype == DType::kI8 ? 3 : in[0].dtype == DType::kBool ? 2 : 1;
    TfliteOp op(tflite::BuiltinOperator::REVERSE_V2, version, 1, tflite::ReverseV2OptionsT{});
    return op.constant(Tensor::of_i32(o.axes));
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    if (n.code != tflite::BuiltinOperator::REVERSE_V2 || !is_plain(n)) return not_decoded();
    TRY(auto axes, n.ints(1));
    for (int64_t& a : axes) {
      TRY(int64_t axis, normalize_axis(a, n.in[0]->rank()));
      a = axis;
    }
    std::sort(axes.begin(), axes.end());
    return Decoded{make_op(Reverse(std::move(axes))), {0}};
  }

  static Result<bool> canonicalize(const Reverse& o, Rewrite& r) {
    // LiteRT's kernel ends the process on a tensor without elements.
    if (element_count(r.in_type(0).shape) == 0) return r.replace(r.in(0));
    std::vector<int64_t> axes;
    for (int64_t a : o.axes)
      if (r.in_type(0).shape[size_t(a)] != 1) axes.push_back(a);
    if (axes.empty()) return r.replace(r.in(0));
    if (axes.size() == o.axes.size()) return false;
    return r.replace(r.add(Reverse(std::move(axes)), {r.in(0)}));
  }

  static Result<bool> adapt(const Reverse& o, Rewrite& r, const Target& target) {
    if (!target.is_coral()) return false;
    Value x = r.in(0);
    for (const int64_t a : o.axes) {
      std::vector<int64_t> from(size_t(r.shape(x)[size_t(a)]));
      for (size_t k = 0; k < from.size(); ++k) from[k] = int64_t(from.size() - 1 - k);
      x = pick_by_slices(r, x, a, from);
      if (!x.valid()) return false;
    }
    return r.replace(x);
  }

  static constexpr Import imports[] = {
      {"aten.flip.default", import_flip},
      {"aten.flipud.default", import_flip_axis<0>},
      {"aten.fliplr.default", import_flip_axis<1>},
  };

  static std::vector<Sample> samples() {
    const auto f32 = [](Shape s) { return Type{DType::kF32, std::move(s), {}}; };
    return {{.op = make_op(Reverse({2})), .in = {f32({2, 3, 4, 5})}},
            {.op = make_op(Reverse({1, 3})), .in = {f32({2, 3, 4, 5})}},
            {.op = make_op(Reverse({0})), .in = {Type{DType::kBool, {3, 4}, {}}}},
            {.op = make_op(Reverse({0})), .in = {}, .bad = "C1"},
            {.op = make_op(Reverse({1, 0})), .in = {f32({2, 3})}, .bad = "C2"},
            {.op = make_op(Reverse({0})), .in = {Type{DType::kI8, {2}, QuantParams{{1, 2}, {0, 0}, 0}}}, .bad = "C3"}};
  }
};

}  // namespace
DEFINE_OP(Reverse, ReverseFacts)
}  // namespace atl
