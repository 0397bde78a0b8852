// DynamicUpdateSlice: a box of a tensor replaced, at a place that is computed.
#include <algorithm>
#include <cstring>

#include "ir/tflite_op.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/movement.h"

namespace atl {
namespace {

constexpr std::string_view kDtypes = "f32 i8 u8 i32 i64 bool";

struct DynamicUpdateSliceFacts {
  static constexpr std::string_view name = "dynamic_update_slice";
  static constexpr std::string_view summary = "a tensor with a box replaced, at a place that is computed";
  static constexpr Layout layout = Layout::kOpaque;
  static constexpr Quant quant = Quant::kSameScale;

  // Runtimes before 2.15 have no kernel of 16 bits.
  static QuantRule quantization(const DynamicUpdateSlice&, TypesIn) { return {.kind = Quant::kSameScale, .types = "i8"}; }

  static Result<Types> infer(const DynamicUpdateSlice&, TypesIn in) {
    CHECK_OP(C1, in.size() == 3, "three operands are needed, not {}", in.size());
    CHECK_OP(C2, in[0].dtype == in[1].dtype && in[0].quant == in[1].quant, "an update {} of {}", to_string(in[1]),
             to_string(in[0]));
    bool fits = in[0].rank() == in[1].rank() && in[0].rank() > 0;
    for (size_t i = 0; fits && i < in[0].rank(); ++i) fits = in[1].shape[i] <= in[0].shape[i];
    CHECK_OP(C3, fits, "an update {} does not fit into {}", to_string(in[1].shape), to_string(in[0].shape));
    CHECK_OP(C4, (in[2].dtype == DType::kI32 || in[2].dtype == DType::kI64) && in[2].shape == Shape{int64_t(in[0].rank())},
             "a start {} for {} axes", to_string(in[2]), in[0].rank());
    return Types{in[0]};
  }

  static Result<Tensors> eval(const DynamicUpdateSlice&, TensorsIn in) {
    TRY_STATUS(movable(name, in[0].dtype()));
    const Shape &whole = in[0].shape(), &box = in[1].shape();
    Tensor result = Tensor::make(in[0].type());
    std::memcpy(result.mutable_bytes(), in[0].bytes(), result.byte_count());
    const std::vector<int64_t> strides = contiguous_strides(whole);
    int64_t base = 0;
    for (size_t a = 0; a < whole.size(); ++a)
      base += strides[a] * std::clamp<int64_t>(element_as_int(in[2], int64_t(a)), 0, whole[a] - box[a]);
    const size_t width = size_t(bits(in[0].dtype())) / 8, line = size_t(box.back()) * width;
    const int64_t lines = line == 0 ? 0 : in[1].count() / box.back();
    for (int64_t k = 0; k < lines; ++k) {
      int64_t at = base, rest = k;
      for (size_t a = box.size() - 1; a-- > 0; rest /= box[a]) at += strides[a] * (rest % box[a]);
      std::memcpy(result.mutable_bytes() + size_t(at) * width, in[1].bytes() + size_t(k) * line, line);
    }
    return Tensors{std::move(result)};
  }

  static std::optional<LayoutChoice> permuted(const DynamicUpdateSlice&, TypesIn, int, const Perm&) { return not_permuted(); }

  static Status legal(const DynamicUpdateSlice&, TypesIn in) { return legal_dtype("DYNAMIC_UPDATE_SLICE", in[0], kDtypes); }
  static Result<bool> legalize(const DynamicUpdateSlice&, Rewrite& r) {
    return legalize_by_cast(r, r.node().op, kDtypes, {0, 1});
  }

  static Result<TfliteOp> emit(const DynamicUpdateSlice&, TypesIn in) {
    const int version = in[0].dtype == DType::kI16 ? 4 : in[2].dtype == DType::kI64 ? 2 : 1;
    return TfliteOp(tflite::BuiltinOperator::DYNAMIC_UPDATE_SLICE, version, 3);
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    if (n.code != tflite::BuiltinOperator::DYNAMIC_UPDATE_SLICE || !is_plain(n) || n.version > 2) return not_decoded();
    return Decoded{make_op(DynamicUpdateSlice{}), {0, 1, 2}};
  }

  static std::vector<Sample> samples() {
    const auto f32 = [](Shape s) { return Type{DType::kF32, std::move(s), {}}; };
    const auto i32 = [](Shape s) { return Type{DType::kI32, std::move(s), {}}; };
    const OpPtr op = make_op(DynamicUpdateSlice{});
    return {{.op = op, .in = {f32({4, 3, 5}), f32({4, 1, 2}), i32({3})}, .low = -1, .high = 4},
            {.op = op, .in = {i32({4, 5}), i32({2, 3}), Type{DType::kI64, {2}, {}}}, .low = -1, .high = 4},
            {.op = op, .in = {f32({4, 5}), f32({2, 3})}, .bad = "C1"},
            {.op = op, .in = {f32({4, 5}), i32({2, 3}), i32({2})}, .bad = "C2"},
            {.op = op, .in = {f32({4, 5}), f32({2, 6}), i32({2})}, .bad = "C3"},
            {.op = op, .in = {f32({4, 5}), f32({2, 3}), i32({3})}, .bad = "C4"}};
  }
};

}  // namespace
DEFINE_OP(DynamicUpdateSlice, DynamicUpdateSliceFacts)
}  // namespace atl
