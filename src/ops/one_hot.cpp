// A new axis that is on at one index and off elsewhere.
#include "ir/source_call.h"
#include "ir/tflite_op.h"
#include "ops/axis.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/movement.h"

namespace atl {
namespace {

constexpr std::string_view kDtypes = "f32 i8 u8 i32 i64 bool";

// num_classes -1 (take the largest index) depends on data; torch.export has then recorded the result's shape.
void import_one_hot(SourceCall& c) {
  OneHot o;
  o.depth = c.integer("num_classes", -1);
  const Shape& recorded = c.result_type().shape;
  if (o.depth < 0 && !recorded.empty()) o.depth = recorded.back();
  if (o.depth < 1) return c.unsupported("one_hot without num_classes", "give num_classes");
  c.result(c.add(o, {c.tensor("self"), c.scalar(1, DType::kI64), c.scalar(0, DType::kI64)}));
}

struct OneHotFacts {
  static constexpr std::string_view name = "one_hot";
  static constexpr std::string_view summary = "a new axis that is on at the index and off elsewhere";
  static constexpr Layout layout = Layout::kAxisAttr;
  static constexpr Quant quant = Quant::kSameScale;

  static QuantRule quantization(const OneHot&, TypesIn) { return {.kind = Quant::kSameScale, .types = "i8 u8"}; }

  static int64_t axis_of(const OneHot& o, const Type& indices) { return o.axis < 0 ? int64_t(indices.rank()) : o.axis; }

  static Result<Types> infer(const OneHot& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 3, "three operands are needed, not {}", in.size());
    CHECK_OP(C2, in[0].dtype == DType::kI32 || in[0].dtype == DType::kI64, "indices of type {}", atl::name(in[0].dtype));
    CHECK_OP(C3, o.axis >= -1 && o.axis <= int64_t(in[0].rank()), "axis {} is outside rank {}", o.axis, in[0].rank() + 1);
    CHECK_OP(C4, o.depth >= 0, "depth {}", o.depth);
    CHECK_OP(C5, in[1] == in[2] && in[1].rank() == 0, "on and off values are {} and {}, not scalars of one type",
             to_string(in[1]), to_string(in[2]));
    Type out{in[1].dtype, in[0].shape, in[1].quant};
    out.shape.insert(out.shape.begin() + axis_of(o, in[0]), o.depth);
    TRY_STATUS(byte_size(out));
    return Types{std::move(out)};
  }

  static Result<Tensors> eval(const OneHot& o, TensorsIn in) {
    TRY_STATUS(movable(name, in[1].dtype()));
    const Type types[] = {in[0].type(), in[1].type(), in[2].type()};
    TRY(Types out, infer(o, types));
    Tensor result = Tensor::make(out[0]);
    const AxisLines l(out[0].shape, axis_of(o, types[0]));
    visit_width(in[1].dtype(), [&]<class W>(W) {
      W* to = result.mutable_data<W>();
      for (int64_t i = 0; i < l.outer; ++i)
        for (int64_t d = 0; d < l.size; ++d)
          for (int64_t k = 0; k < l.inner; ++k)
            *to++ = *(element_as_int(in[0], i * l.inner + k) == d ? in[1] : in[2]).template data<W>();
    });
    return Tensors{std::move(result)};
  }

  static std::optional<LayoutChoice> permuted(const OneHot& o, TypesIn in, int operand, const Perm& p) {
    const size_t rank = in[0].rank() + 1;
    const int64_t axis = axis_of(o, in[0]);
    if ((operand != 0 && operand != kResult) || !is_permutation(p, operand == 0 ? rank - 1 : rank)) return std::nullopt;
    Perm out = p;
    if (operand == 0) {
      std::vector<int> order;
      for (int a : p) order.push_back(a < axis ? a : a + 1);
      out = place_free_axes(order, rank);
    }
    OneHot q = o;
    q.axis = physical_axis(out, axis);
    return LayoutChoice{make_op(q), {without_axes(out, {axis}), {}, {}}, out};
  }

  static Status legal(const OneHot&, TypesIn in) { return legal_dtype("ONE_HOT", in[1], kDtypes); }

  static Result<bool> legalize(const OneHot&, Rewrite& r) { return legalize_by_cast(r, r.node().op, kDtypes, {1, 2}); }

  static Result<TfliteOp> emit(const OneHot& o, TypesIn in) {
    tflite::OneHotOptionsT options;
    options.axis = int32_t(axis_of(o, in[0]));
    TfliteOp op(tflite::BuiltinOperator::ONE_HOT, 1, 1, std::move(options));
    return op.constant(Tensor::of_i32({o.depth}).reshaped({})).input(1).input(2);
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    const auto* options = n.options_as<tflite::OneHotOptionsT>();
    if (n.code != tflite::BuiltinOperator::ONE_HOT || !options || !is_plain(n) || n.in.size() != 4) return not_decoded();
    TRY(auto depth, n.ints(1));
    if (depth.size() != 1 || options->axis < -1) return not_decoded();
    OneHot o;
    o.axis = options->axis;
    o.depth = depth[0];
    return Decoded{make_op(o), {0, 2, 3}};
  }

  static constexpr Import imports[] = {{"aten.one_hot.default", import_one_hot}};

  static std::vector<Sample> samples() {
    const auto make = [](int64_t axis, int64_t depth) {
      OneHot o;
      o.axis = axis;
      o.depth = depth;
      return make_op(o);
    };
    const Type k{DType::kI32, {2, 3}, {}}, one{DType::kF32, {}, {}}, wide{DType::kI64, {}, {}};
    return {{.op = make(-1, 4), .in = {k, one, one}, .low = 0, .high = 3},
            {.op = make(1, 5), .in = {Type{DType::kI64, {2, 3}, {}}, wide, wide}, .low = 0, .high = 4},
            {.op = make(0, 4), .in = {k, one}, .bad = "C1"},
            {.op = make(0, 4), .in = {one, one, one}, .bad = "C2"},
            {.op = make(3, 4), .in = {k, one, one}, .bad = "C3"},
            {.op = make(0, -4), .in = {k, one, one}, .bad = "C4"},
            {.op = make(0, 4), .in = {k, one, wide}, .bad = "C5"}};
  }
};

}  // namespace
DEFINE_OP(OneHot, OneHotFacts)
}  // namespace atl
