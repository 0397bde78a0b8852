// ScatterNd: slices added into zeros by index.
#include <algorithm>

#include "ir/cast_op.h"
#include "ir/tflite_op.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/movement.h"

namespace atl {
namespace {

constexpr std::string_view kDtypes = "f32 i8 u8 i32 i64 bool";

struct ScatterNdFacts {
  static constexpr std::string_view name = "scatter_nd";
  static constexpr std::string_view summary = "slices added into zeros at vectors of indices";
  static constexpr Layout layout = Layout::kAxisAttr;
  static constexpr Quant quant = Quant::kFloatOnly;  // the kernel's zeros are integers, whatever the zero point is

  static Result<Tensors> eval_integer(const ScatterNd& o, TensorsIn in, TypesIn out) {
    const Tensor raw[] = {in[0], Tensor::view(Type{in[1].dtype(), in[1].shape(), {}}, in[1].bytes(), in[1].owner())};
    TRY(const Tensors sums, eval(o, raw));
    return Tensors{Tensor::view(out[0], sums[0].bytes(), sums[0].owner())};
  }

  static Result<Types> infer(const ScatterNd& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 2, "two operands are needed, not {}", in.size());
    CHECK_OP(C2, in[0].dtype == DType::kI32 || in[0].dtype == DType::kI64, "indices of type {}", atl::name(in[0].dtype));
    CHECK_OP(C3, is_static(o.shape), "the result has a dynamic size");
    const Shape& k = in[0].shape;
    CHECK_OP(C4, !k.empty() && k.back() >= 0 && k.back() <= int64_t(o.shape.size()), "indices {} do not fit {}", to_string(k),
             to_string(o.shape));
    Shape updates(k.begin(), k.end() - 1);
    updates.insert(updates.end(), o.shape.begin() + k.back(), o.shape.end());
    CHECK_OP(C5, in[1].shape == updates, "updates are {}, not {}", to_string(in[1].shape), to_string(updates));
    CHECK_OP(C6, !in[1].quant || in[1].quant->scale.size() <= 1, "updates with quantization parameters for each index");
    Type out{in[1].dtype, o.shape, in[1].quant};
    TRY_STATUS(byte_size(out));
    return Types{std::move(out)};
  }

  static Result<Tensors> eval(const ScatterNd& o, TensorsIn in) {
    TRY_STATUS(movable(name, in[1].dtype()));
    const Type types[] = {in[0].type(), in[1].type()};
    TRY(Types out, infer(o, types));
    Tensor result = Tensor::make(out[0]);
    std::memset(result.mutable_bytes(), 0, result.byte_count());
    const int64_t width = in[0].shape().back();
    const int64_t picks = element_count({in[0].shape().begin(), in[0].shape().end() - 1});
    const int64_t inner = element_count({o.shape.begin() + width, o.shape.end()});
    Status status;
    visit(in[1].dtype(), [&]<class T>(T) {
      for (int64_t k = 0; k < picks && status; ++k) {
        int64_t at = 0;
        for (int64_t a = 0; a < width; ++a) {
          const int64_t i = element_as_int(in[0], k * width + a), n = o.shape[size_t(a)];
          if (i < 0 || i >= n) {
            status = error(Code::kArgument, fmt::format("index {} is outside an axis of {} elements", i, n));
            return;
          }
          at = at * n + i;
        }
        T* to = result.mutable_data<T>() + at * inner;
        const T* from = in[1].data<T>() + k * inner;
        for (int64_t i = 0; i < inner; ++i) {
          if constexpr (std::is_same_v<T, bool>)
            to[i] = to[i] || from[i];
          else if constexpr (std::is_integral_v<T>)  // wraps, as LiteRT does
            to[i] = T(std::make_unsigned_t<T>(to[i]) + std::make_unsigned_t<T>(from[i]));
          else
            to[i] = static_cast<T>(to[i] + from[i]);
        }
      }
    });
    if (!status) return std::move(status.error());
    return Tensors{std::move(result)};
  }

  // The axes behind the indexed ones move freely.
  static std::optional<LayoutChoice> permuted(const ScatterNd& o, TypesIn in, int operand, const Perm& p) {
    const size_t lead = in[0].rank() - 1, width = size_t(in[0].shape.back()), rest = o.shape.size() - width;
    if (operand == 0) return std::nullopt;
    const size_t fixed = operand == kResult ? width : lead;
    if (!is_permutation(p, fixed + rest)) return std::nullopt;
    Perm out = identity(width + rest), updates = identity(lead + rest);
    for (size_t k = 0; k < fixed + rest; ++k) {
      if (k < fixed && p[k] != int(k)) return std::nullopt;
      if (k < fixed) continue;
      out[k - fixed + width] = p[k] - int(fixed) + int(width);
      updates[k - fixed + lead] = p[k] - int(fixed) + int(lead);
    }
    return LayoutChoice{make_op(ScatterNd(atl::permuted(o.shape, out))), {identity(lead + 1), updates}, out};
  }

  static Status legal(const ScatterNd&, TypesIn in) {
    if (in[0].dtype != DType::kI32)
      return error(Code::kUnsupportedType,
                   fmt::format("LiteRT's SCATTER_ND does not take indices of type {}", atl::name(in[0].dtype)));
    return legal_dtype("SCATTER_ND", in[1], kDtypes);
  }

  static Result<bool> legalize(const ScatterNd& o, Rewrite& r) {
    if (r.in_type(0).dtype != DType::kI32)
      return r.replace(r.add(ScatterNd(o.shape), {r.add(Cast(DType::kI32), {r.in(0)}), r.in(1)}));
    return legalize_by_cast(r, r.node().op, kDtypes, {1});
  }

  static Result<TfliteOp> emit(const ScatterNd& o, TypesIn) {
    TfliteOp op(tflite::BuiltinOperator::SCATTER_ND, 1, 2, tflite::ScatterNdOptionsT{});
    return op.constant(Tensor::of_i32(o.shape));
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    if (n.code != tflite::BuiltinOperator::SCATTER_ND || !is_plain(n)) return not_decoded();
    TRY(auto shape, n.ints(2));
    return Decoded{make_op(ScatterNd(std::move(shape))), {0, 1}};
  }

  static std::vector<Sample> samples() {
    const auto f32 = [](Shape s) { return Type{DType::kF32, std::move(s), {}}; };
    const Type k{DType::kI32, {3, 1}, {}};
    return {
        {.op = make_op(ScatterNd({4, 5})), .in = {k, f32({3, 5})}, .low = 0, .high = 3},
        {.op = make_op(ScatterNd({4})), .in = {k, Type{DType::kI32, {3}, {}}}, .low = 0, .high = 3},
        {.op = make_op(ScatterNd({4})), .in = {k}, .bad = "C1"},
        {.op = make_op(ScatterNd({4})), .in = {f32({3, 1}), f32({3})}, .bad = "C2"},
        {.op = make_op(ScatterNd({-1})), .in = {k, f32({3})}, .bad = "C3"},
        {.op = make_op(ScatterNd(Shape{})), .in = {k, f32({3})}, .bad = "C4"},
        {.op = make_op(ScatterNd({4, 5})), .in = {k, f32({3, 4})}, .bad = "C5"},
        {.op = make_op(ScatterNd({4})), .in = {k, Type{DType::kI8, {3}, QuantParams{{1, 2, 3}, {0, 0, 0}, 0}}}, .bad = "C6"}};
  }
};

}  // namespace
DEFINE_OP(ScatterNd, ScatterNdFacts)
}  // namespace atl
