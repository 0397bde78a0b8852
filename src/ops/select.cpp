#include "ir/source_call.h"
#include "ir/tflite_op.h"
#include "ops/binary.h"
#include "ops/elementwise.h"
#include "ops/unary.h"

namespace atl {
namespace {

using tflite::BuiltinOperator;

template <class Word>
void select_words(const BroadcastWalk& walk, const bool* cond, const Tensor& x, const Tensor& y, Tensor& out) {
  const int64_t n = walk.size.back(), sc = walk.stride[0].back(), sx = walk.stride[1].back(), sy = walk.stride[2].back();
  const Word *a = x.data<Word>(), *b = y.data<Word>();
  Word* to = out.mutable_data<Word>();
  walk.rows([&](int64_t at, const std::array<int64_t, 3>& from) {
    for (int64_t i = 0; i < n; ++i) to[at + i] = cond[from[0] + i * sc] ? a[from[1] + i * sx] : b[from[2] + i * sy];
  });
}

// x > 0 ? x : x * a
struct PreluParts {
  Value x, alpha;
};
std::optional<PreluParts> match_prelu(Rewrite& r) {
  const auto* compare = r.graph().as<Compare>(r.in(0));
  if (!compare || (compare->kind != CompareKind::kGreater && compare->kind != CompareKind::kGreaterEqual)) return {};
  const Values& pair = r.graph()[r.in(0)].in;
  const Value x = r.in(1);
  if (pair[0] != x || r.type(x) != r.out_type() || !is_float(r.dtype(x)) || uniform_constant(r, pair[1]) != 0.0) return {};
  const auto* product = r.graph().as<Binary>(r.in(2));
  if (!product || product->kind != BinaryKind::kMul || product->activation != Activation::kNone) return {};
  const Values& factors = r.graph()[r.in(2)].in;
  const Value alpha = factors[0] == x ? factors[1] : factors[0];
  if ((factors[0] != x && factors[1] != x) || !r.graph().constant(alpha) || r.type(r.in(2)) != r.out_type()) return {};
  return PreluParts{x, alpha};
}

struct SelectFacts {
  static constexpr std::string_view name = "select";
  static constexpr std::string_view summary = "elements of one operand or the other by a condition, with broadcasting";
  static constexpr Layout layout = Layout::kAny;
  static constexpr Quant quant = Quant::kSameScale;

  static Result<Types> infer(const Select&, TypesIn in) {
    CHECK_OP(C1, in.size() == 3, "three operands are needed, not {}", in.size());
    CHECK_OP(C2, in[0].dtype == DType::kBool, "the condition is {}, not bool", atl::name(in[0].dtype));
    CHECK_OP(C3, in[1].dtype == in[2].dtype && in[1].quant == in[2].quant && bits(in[1].dtype) >= 8,
             "operands are {} and {}, one element type is needed", to_string(in[1]), to_string(in[2]));
    CHECK_OP(C4, broadcast_shapes(in).has_value(), "shapes {}, {} and {} do not broadcast", to_string(in[0].shape),
             to_string(in[1].shape), to_string(in[2].shape));
    TRY(Types out, broadcast_result(in, in[1].dtype));
    out[0].quant = in[1].quant;
    return out;
  }
  static Result<Tensors> eval(const Select& o, TensorsIn in) {
    const Types types{in[0].type(), in[1].type(), in[2].type()};
    TRY(const Types result, infer(o, types));
    Tensor out = Tensor::make(result[0]);
    const BroadcastWalk walk(result[0].shape, {&in[0].shape(), &in[1].shape(), &in[2].shape()});
    const bool* cond = in[0].data<bool>();
    switch (bits(in[1].dtype())) {
      case 8:
        select_words<uint8_t>(walk, cond, in[1], in[2], out);
        break;
      case 16:
        select_words<uint16_t>(walk, cond, in[1], in[2], out);
        break;
      case 32:
        select_words<uint32_t>(walk, cond, in[1], in[2], out);
        break;
      default:
        select_words<uint64_t>(walk, cond, in[1], in[2], out);
    }
    return Tensors{std::move(out)};
  }
  static std::optional<LayoutChoice> permuted(const Select& o, TypesIn in, int, const Perm& p) {
    return permuted_elementwise(make_op(o), in, p);
  }
  static Status legal(const Select&, TypesIn in) { return legal_broadcast(name, in); }
  static Result<TfliteOp> emit(const Select&, TypesIn in) {
    const int version = in[1].dtype == DType::kU32 ? 2 : 1;
    return TfliteOp(BuiltinOperator::SELECT_V2, version, 3, tflite::SelectV2OptionsT{});
  }
  static Result<Decoded> decode(const TfliteNode& n) {
    if (n.in.size() != 3 || !n.in[0] || !n.in[1] || !n.in[2] || n.in[0]->dtype != DType::kBool) return not_decoded();
    if (n.in[1]->quant != n.in[2]->quant || n.out.size() != 1 || n.out[0].quant != n.in[1]->quant) return not_decoded();
    // SELECT also takes a vector condition that picks along the first axis.
    const bool plain = n.code == BuiltinOperator::SELECT && n.in[1]->shape == n.in[2]->shape &&
                       (n.in[0]->shape == n.in[1]->shape || n.in[0]->shape.empty());
    if (n.code == BuiltinOperator::SELECT_V2 || plain) return Decoded{make_op(Select()), {0, 1, 2}};
    return not_decoded();
  }
  static Result<bool> canonicalize(const Select& o, Rewrite& r) {
    TRY(const bool changed, canonicalize_operands(r));
    if (changed) return true;
    if (const auto c = uniform_constant(r, r.in(0))) {
      const Value chosen = r.in(*c != 0 ? 1 : 2);
      if (r.type(chosen) == r.out_type()) return r.replace(chosen);
    }
    if (r.in(1) == r.in(2) && r.in_type(1) == r.out_type()) return r.replace(r.in(1));
    if (const auto* u = r.graph().as<Unary>(r.in(0)); u && u->kind == UnaryKind::kLogicalNot)
      return r.replace(r.add(o, {r.graph()[r.in(0)].in[0], r.in(2), r.in(1)}));
    if (const auto p = match_prelu(r)) return r.replace(r.add(Prelu(), {p->x, p->alpha}));
    return false;
  }
  static std::vector<Sample> samples() {
    const auto type = [](DType t, Shape s) { return Type{t, std::move(s), {}}; };
    const auto f32 = [&](Shape s) { return type(DType::kF32, std::move(s)); };
    const auto cond = [&](Shape s) { return type(DType::kBool, std::move(s)); };
    const OpPtr op = make_op(Select());
    return {{.op = op, .in = {cond({2, 3, 4, 5}), f32({2, 3, 4, 5}), f32({2, 3, 4, 5})}},
            {.op = op, .in = {cond({1, 3, 1, 5}), f32({2, 1, 4, 1}), f32({})}},
            {.op = op, .in = {cond({2, 3}), type(DType::kI64, {2, 3}), type(DType::kI64, {1, 3})}},
            {.op = op, .in = {cond({2}), f32({2})}, .bad = "C1"},
            {.op = op, .in = {f32({2}), f32({2}), f32({2})}, .bad = "C2"},
            {.op = op, .in = {cond({2}), f32({2}), type(DType::kI32, {2})}, .bad = "C3"},
            {.op = op, .in = {cond({2}), f32({3}), f32({2})}, .bad = "C4"}};
  }
};

}  // namespace
DEFINE_OP(Select, SelectFacts)
}  // namespace atl
