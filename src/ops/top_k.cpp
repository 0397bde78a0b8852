// The largest elements of the last axis.
#include <algorithm>
#include <cmath>

#include "ir/tflite_op.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/movement.h"

namespace atl {
namespace {

constexpr std::string_view kDtypes = "f32 i8 u8 i16 i32 i64";

// Larger elements first; NaN comes last, as in LiteRT 2.3.0.
template <class T>
bool comes_before(T a, T b) {
  if constexpr (!std::is_integral_v<T>) {
    const bool a_nan = a != a, b_nan = b != b;
    if (a_nan || b_nan) return !a_nan;
  }
  return b < a;
}

struct TopKFacts {
  static constexpr std::string_view name = "top_k";
  static constexpr std::string_view summary = "the largest elements of the last axis and their indices";
  static constexpr Layout layout = Layout::kAxisAttr;
  static constexpr Quant quant = Quant::kSameScale;

  static QuantRule quantization(const TopK&, TypesIn) {
    return {.kind = Quant::kSameScale, .types = "i8 u8 i16", .selects = false};
  }

  static Result<Types> infer(const TopK& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 1, "one operand is needed, not {}", in.size());
    CHECK_OP(C2, in[0].rank() >= 1, "a scalar has no last axis");
    CHECK_OP(C3, o.k >= 0 && o.k <= in[0].shape.back(), "{} elements of an axis of {}", o.k, in[0].shape.back());
    Shape shape = in[0].shape;
    shape.back() = o.k;
    auto type = resized_type(in[0], shape);
    CHECK_OP(C4, type && (!type->quant || type->quant->scale.size() <= 1), "quantization parameters for each index");
    return Types{*std::move(type), Type{DType::kI32, std::move(shape), {}}};
  }

  static Result<Tensors> eval(const TopK& o, TensorsIn in) {
    TRY_STATUS(movable(name, in[0].dtype()));
    const Type x = in[0].type();
    TRY(Types out, infer(o, {&x, 1}));
    Tensor values = Tensor::make(out[0]), indices = Tensor::make(out[1]);
    const int64_t n = x.shape.back(), rows = n == 0 ? 0 : in[0].count() / n;
    std::vector<int32_t> order(static_cast<size_t>(n));
    visit(x.dtype, [&]<class T>(T) {
      for (int64_t r = 0; r < rows; ++r) {
        const T* row = in[0].data<T>() + r * n;
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return comes_before(row[a], row[b]); });
        for (int64_t i = 0; i < o.k; ++i) {
          values.mutable_data<T>()[r * o.k + i] = row[order[size_t(i)]];
          indices.mutable_data<int32_t>()[r * o.k + i] = order[size_t(i)];
        }
      }
    });
    return Tensors{std::move(values), std::move(indices)};
  }

  static std::optional<LayoutChoice> permuted(const TopK& o, TypesIn in, int, const Perm& p) {
    if (!is_permutation(p, in[0].rank()) || size_t(p.back()) + 1 != p.size()) return std::nullopt;
    return LayoutChoice{make_op(o), {p}, p};
  }

  static Status legal(const TopK&, TypesIn in) { return legal_dtype("TOPK_V2", in[0], kDtypes); }

  static Result<bool> legalize(const TopK&, Rewrite& r) { return legalize_by_cast(r, r.node().op, kDtypes, {0}); }

  static Result<TfliteOp> emit(const TopK& o, TypesIn in) {
    const int version = in[0].dtype == DType::kI16 ? 3 : in[0].dtype == DType::kI8 ? 2 : 1;
    TfliteOp op(tflite::BuiltinOperator::TOPK_V2, version, 1, tflite::TopKV2OptionsT{});
    return op.constant(Tensor::of_i32({o.k}).reshaped({}));
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    if (n.code != tflite::BuiltinOperator::TOPK_V2 || !is_plain(n)) return not_decoded();
    if (n.out.size() != 2 || n.out[1].dtype != DType::kI32) return not_decoded();
    TRY(auto k, n.ints(1));
    if (k.size() != 1) return not_decoded();
    return Decoded{make_op(TopK(k[0])), {0}};
  }

  static std::vector<Sample> samples() {
    const auto f32 = [](Shape s) { return Type{DType::kF32, std::move(s), {}}; };
    return {{.op = make_op(TopK(3)), .in = {f32({2, 3, 7})}},
            {.op = make_op(TopK(5)), .in = {Type{DType::kI32, {3, 5}, {}}}},
            {.op = make_op(TopK(1)), .in = {}, .bad = "C1"},
            {.op = make_op(TopK(1)), .in = {f32({})}, .bad = "C2"},
            {.op = make_op(TopK(4)), .in = {f32({2, 3})}, .bad = "C3"},
            {.op = make_op(TopK(2)), .in = {Type{DType::kI8, {2}, QuantParams{{1, 2}, {0, 0}, 0}}}, .bad = "C4"}};
  }
};

}  // namespace
DEFINE_OP(TopK, TopKFacts)
}  // namespace atl
