// BroadcastTo and Tile: elements repeated.
#include <algorithm>

#include "ir/source_call.h"
#include "ir/tflite_op.h"
#include "ops/movement.h"
#include "ops/shape.h"

namespace atl {
namespace {

void broadcast_value(SourceCall& c, Value x, const Shape& shape) {
  if (c.failed() || c.shape(x) == shape) return c.result(x);
  c.result(element_count(shape) == element_count(c.shape(x)) && element_count(shape) > 0 ? c.add(Reshape(shape), {x})
                                                                                         : c.add(BroadcastTo(shape), {x}));
}

void import_expand(SourceCall& c) {
  const Value x = c.tensor("self");
  Shape shape = c.integers("size");
  const Shape& s = c.shape(x);
  if (shape.size() < s.size()) return c.unsupported("fewer sizes than axes");
  for (size_t i = 0; i < s.size(); ++i) {
    int64_t& n = shape[shape.size() - s.size() + i];
    if (n == -1) n = s[i];
  }
  broadcast_value(c, x, shape);
}
void import_expand_as(SourceCall& c) { broadcast_value(c, c.tensor("self"), c.shape(c.tensor("other"))); }

// repeat, tile: multiples may have more values than the operand has axes (repeat) or fewer (tile).
void import_repeat(SourceCall& c) {
  Value x = c.tensor("self");
  std::vector<int64_t> times = c.has("repeats") ? c.integers("repeats") : c.integers("dims", {});
  Shape s = c.shape(x);
  while (times.size() < s.size()) times.insert(times.begin(), 1);
  while (s.size() < times.size()) s.insert(s.begin(), 1);
  if (s != c.shape(x)) x = c.add(Reshape(s), {x});
  const bool same = std::all_of(times.begin(), times.end(), [](int64_t n) { return n == 1; });
  c.result(same ? x : c.add(Tile(std::move(times)), {x}));
}

void import_broadcast_tensors(SourceCall& c) {
  const Values in = c.tensors("tensors");
  Shape shape;
  for (Value v : in) {
    const auto both = broadcast(shape, c.shape(v));
    if (!both) return c.unsupported("shapes that do not broadcast");
    shape = *both;
  }
  Values out;
  for (Value v : in) {
    broadcast_value(c, v, shape);
    out.push_back(c.results().empty() ? Value{} : c.results()[0]);
  }
  c.results(std::move(out));
}

struct BroadcastToFacts {
  static constexpr std::string_view name = "broadcast_to";
  static constexpr std::string_view summary = "axes of one element repeated to another size";
  static constexpr Layout layout = Layout::kAxisAttr;
  static constexpr Quant quant = Quant::kSameScale;
  static constexpr bool moves_elements = true;

  static Result<Types> infer(const BroadcastTo& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 1, "one operand is needed, not {}", in.size());
    CHECK_OP(C2, is_static(in[0].shape) && is_static(o.shape), "a dynamic size cannot be broadcast");
    const auto shape = broadcast(in[0].shape, o.shape);
    CHECK_OP(C3, shape && *shape == o.shape, "{} does not broadcast to {}", to_string(in[0].shape), to_string(o.shape));
    std::vector<int> from(o.shape.size(), -1);
    for (size_t a = 0; a < in[0].rank(); ++a) from[o.shape.size() - in[0].rank() + a] = int(a);
    auto type = moved_type(in[0], o.shape, from);
    CHECK_OP(C4, type, "an axis with quantization parameters for each index cannot be repeated");
    TRY_STATUS(byte_size(*type));
    return Types{*std::move(type)};
  }

  static Result<Tensors> eval(const BroadcastTo& o, TensorsIn in) {
    TRY_STATUS(movable(name, in[0].dtype()));
    const Type x = in[0].type();
    TRY(Types out, infer(o, {&x, 1}));
    const std::vector<int64_t> step = contiguous_strides(x.shape);
    std::vector<int64_t> strides(o.shape.size(), 0);
    for (size_t a = 0; a < step.size(); ++a)
      if (x.shape[a] != 1) strides[o.shape.size() - step.size() + a] = step[a];
    return Tensors{gather_strided(out[0], in[0].bytes(), 0, strides)};
  }

  static std::optional<LayoutChoice> permuted(const BroadcastTo& o, TypesIn in, int operand, const Perm& p) {
    const size_t rank = o.shape.size(), x = in[0].rank(), lead = rank - x;
    if (!is_permutation(p, operand == kResult ? rank : x)) return std::nullopt;
    Perm out = p, operand_perm;
    if (operand != kResult) {
      out = identity(lead);
      for (int a : p) out.push_back(a + int(lead));
      operand_perm = p;
    } else if (element_count(in[0].shape) != 1 || x == rank) {
      // The axes that are new must stay in front.
      for (size_t k = 0; k < rank; ++k) {
        if (k < lead && size_t(p[k]) >= lead) return std::nullopt;
        if (k >= lead) operand_perm.push_back(p[k] - int(lead));
      }
    }
    return LayoutChoice{make_op(BroadcastTo(atl::permuted(o.shape, out))), {operand_perm}, out};
  }

  static Status legal(const BroadcastTo& o, TypesIn) {
    if (o.shape.size() <= 8) return {};
    return error(Code::kUnsupportedForm, fmt::format("LiteRT's BROADCAST_TO takes 8 axes, not {}", o.shape.size()),
                 "join neighbouring axes before expand");
  }

  static Result<TfliteOp> emit(const BroadcastTo& o, TypesIn in) {
    const int version = in[0].dtype == DType::kI8 || in[0].dtype == DType::kI16 ? 3 : 2;
    TfliteOp op(tflite::BuiltinOperator::BROADCAST_TO, version, 1, tflite::BroadcastToOptionsT{});
    return op.constant(Tensor::of_i32(o.shape));
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    if (n.code != tflite::BuiltinOperator::BROADCAST_TO || !is_plain(n) || n.constants.size() < 2 || !n.constants[1])
      return not_decoded();
    return Decoded{make_op(BroadcastTo(n.out[0].shape)), {0}};
  }

  // Elementwise users broadcast by themselves; where nothing is repeated, it is a Reshape.
  static Result<bool> canonicalize(const BroadcastTo& o, Rewrite& r) {
    const Type x = r.in_type(0);
    if (x.shape == o.shape) return r.replace(r.in(0));
    if (element_count(x.shape) == element_count(o.shape) && element_count(x.shape) > 0)
      return r.replace(r.add(Reshape(o.shape), {r.in(0)}));
    Value narrow = r.in(0);
    Shape full(o.shape.size() - x.rank(), 1);
    full.insert(full.end(), x.shape.begin(), x.shape.end());
    bool changed = false;
    for (const Use& u : std::vector<Use>(r.graph().uses(r.out()))) {
      if (u.node == kGraphOutput || !broadcasts(r.graph()[u.node])) continue;
      if (r.shape(narrow) != full) narrow = r.add(Reshape(full), {r.in(0)});
      if (!r.status()) return std::move(r.take_status().error());
      changed |= bool(r.graph().set_operand(u.node, u.operand, narrow));
    }
    return changed;
  }

  // Operands of unequal shape are what the op is made for.
  static bool broadcasts(const Node& n) {
    switch (n.op->code) {
      case OpCode::kBinary:
      case OpCode::kCompare:
      case OpCode::kLogical:
      case OpCode::kSelect:
        return true;
      default:
        return false;
    }
  }

  static constexpr Import imports[] = {
      {"aten.expand.default", import_expand},
      {"aten.expand_copy.default", import_expand},
      {"aten.broadcast_to.default", import_expand},
      {"aten.expand_as.default", import_expand_as},
      {"aten.broadcast_tensors.default", import_broadcast_tensors},
  };

  static std::vector<Sample> samples() {
    const auto f32 = [](Shape s) { return Type{DType::kF32, std::move(s), {}}; };
    return {
        {.op = make_op(BroadcastTo({2, 3, 4, 5})), .in = {f32({2, 1, 4, 1})}},
        {.op = make_op(BroadcastTo({2, 3, 4})), .in = {f32({3, 1})}},
        {.op = make_op(BroadcastTo({2, 3})), .in = {Type{DType::kI64, {1, 3}, {}}}},
        {.op = make_op(BroadcastTo({2})), .in = {}, .bad = "C1"},
        {.op = make_op(BroadcastTo({2, -1})), .in = {f32({2, 1})}, .bad = "C2"},
        {.op = make_op(BroadcastTo({2, 3})), .in = {f32({2, 4})}, .bad = "C3"},
        {.op = make_op(BroadcastTo({3, 2})), .in = {Type{DType::kI8, {1, 2}, QuantParams{{1, 2}, {0, 0}, 0}}}, .bad = "C4"}};
  }
};

struct TileFacts {
  static constexpr std::string_view name = "tile";
  static constexpr std::string_view summary = "the operand repeated along its axes";
  static constexpr Layout layout = Layout::kAxisAttr;
  static constexpr Quant quant = Quant::kSameScale;
  static constexpr bool moves_elements = true;

  // Runtimes before 2.15 have no kernel of 16 bits.
  static QuantRule quantization(const Tile&, TypesIn) { return {.kind = Quant::kSameScale, .types = "i8 u8"}; }

  static Result<Types> infer(const Tile& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 1, "one operand is needed, not {}", in.size());
    CHECK_OP(C2, o.multiples.size() == in[0].rank(), "{} multiples are needed, not {}", in[0].rank(), o.multiples.size());
    CHECK_OP(C3, is_static(in[0].shape), "a dynamic size cannot be repeated");
    Shape shape = in[0].shape;
    for (size_t a = 0; a < shape.size(); ++a) {
      CHECK_OP(C4, o.multiples[a] >= 0, "multiple {} of axis {} is negative", o.multiples[a], a);
      if (__builtin_mul_overflow(shape[a], o.multiples[a], &shape[a]))
        return error(Code::kTooLarge, "a tensor's size overflows");
    }
    auto type = resized_type(in[0], std::move(shape));
    CHECK_OP(C5, type, "an axis with quantization parameters for each index cannot be repeated");
    TRY_STATUS(byte_size(*type));
    return Types{*std::move(type)};
  }

  // The result seen as [multiple 0, axis 0, multiple 1, axis 1, ...], of which the multiples have stride 0.
  static Result<Tensors> eval(const Tile& o, TensorsIn in) {
    TRY_STATUS(movable(name, in[0].dtype()));
    const Type x = in[0].type();
    TRY(Types out, infer(o, {&x, 1}));
    const std::vector<int64_t> step = contiguous_strides(x.shape);
    Type wide{x.dtype, {}, {}};
    std::vector<int64_t> strides;
    for (size_t a = 0; a < step.size(); ++a) {
      wide.shape.insert(wide.shape.end(), {o.multiples[a], x.shape[a]});
      strides.insert(strides.end(), {0, step[a]});
    }
    const Tensor t = gather_strided(wide, in[0].bytes(), 0, strides);
    return Tensors{Tensor::view(out[0], t.bytes(), t.owner())};
  }

  static std::optional<LayoutChoice> permuted(const Tile& o, TypesIn in, int, const Perm& p) {
    if (!is_permutation(p, in[0].rank())) return std::nullopt;
    return LayoutChoice{make_op(Tile(atl::permuted(o.multiples, p))), {p}, p};
  }

  static Status legal(const Tile&, TypesIn) { return {}; }

  static Result<TfliteOp> emit(const Tile& o, TypesIn in) {
    TfliteOp op(tflite::BuiltinOperator::TILE, in[0].dtype == DType::kI8 ? 3 : 1, 1, tflite::TileOptionsT{});
    return op.constant(Tensor::of_i32(o.multiples));
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    if (n.code != tflite::BuiltinOperator::TILE || !is_plain(n)) return not_decoded();
    TRY(auto multiples, n.ints(1));
    return Decoded{make_op(Tile(std::move(multiples))), {0}};
  }

  // Where only axes of one element are repeated, it is a broadcast.
  static Result<bool> canonicalize(const Tile& o, Rewrite& r) {
    bool same = true, broadcast = true;
    for (size_t a = 0; a < o.multiples.size(); ++a) {
      same &= o.multiples[a] == 1;
      broadcast &= o.multiples[a] == 1 || r.in_type(0).shape[a] == 1;
    }
    if (same) return r.replace(r.in(0));
    if (!broadcast) return false;
    return r.replace(r.add(BroadcastTo(r.out_type().shape), {r.in(0)}));
  }

  static constexpr Import imports[] = {
      {"aten.repeat.default", import_repeat},
      {"aten.tile.default", import_repeat},
  };

  static std::vector<Sample> samples() {
    const auto f32 = [](Shape s) { return Type{DType::kF32, std::move(s), {}}; };
    return {{.op = make_op(Tile({1, 2, 1, 3})), .in = {f32({2, 3, 4, 5})}},
            {.op = make_op(Tile({2, 1})), .in = {Type{DType::kI64, {3, 4}, {}}}},
            {.op = make_op(Tile({2})), .in = {}, .bad = "C1"},
            {.op = make_op(Tile({2})), .in = {f32({2, 3})}, .bad = "C2"},
            {.op = make_op(Tile({2})), .in = {f32({-1})}, .bad = "C3"},
            {.op = make_op(Tile({-2})), .in = {f32({2})}, .bad = "C4"},
            {.op = make_op(Tile({2})), .in = {Type{DType::kI8, {2}, QuantParams{{1, 2}, {0, 0}, 0}}}, .bad = "C5"}};
  }
};

}  // namespace
DEFINE_OP(BroadcastTo, BroadcastToFacts)
DEFINE_OP(Tile, TileFacts)
}  // namespace atl
