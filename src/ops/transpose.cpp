// A permutation of axes. The layout pass treats transposes itself; no other pass removes one, but two in a row are composed.
#include <algorithm>

#include "ir/source_call.h"
#include "ir/target.h"
#include "ir/tflite_op.h"
#include "ops/channel_order.h"
#include "ops/movement.h"
#include "ops/shape.h"
#include "ops/xnnpack.h"

namespace atl {
namespace {

// The builtin kernel.
constexpr size_t kMaxRank = 8;

void transpose_by(SourceCall& c, Value x, Perm perm) {
  c.result(is_identity(perm) ? x : c.add(Transpose(std::move(perm)), {x}));
}

void import_permute(SourceCall& c) {
  const Value x = c.tensor("self");
  Perm perm;
  for (int64_t d : c.integers("dims")) {
    const auto a = normalize_axis(d, c.rank(x));
    if (!a) return c.fail(a.error());
    perm.push_back(int(*a));
  }
  transpose_by(c, x, std::move(perm));
}

void swap_axes(SourceCall& c, std::string_view first, std::string_view second) {
  const Value x = c.tensor("self");
  const int64_t a = c.axis(first, c.rank(x)), b = c.axis(second, c.rank(x));
  Perm perm = identity(c.rank(x));
  if (!c.failed() && !perm.empty()) std::swap(perm[size_t(a)], perm[size_t(b)]);
  transpose_by(c, x, std::move(perm));
}

void import_transpose(SourceCall& c) { swap_axes(c, "dim0", "dim1"); }
void import_swapaxes(SourceCall& c) { swap_axes(c, "axis0", "axis1"); }

// t, mT: the last two axes swapped (t takes up to two axes).
void import_matrix_transpose(SourceCall& c) {
  const Value x = c.tensor("self");
  Perm perm = identity(c.rank(x));
  if (perm.size() >= 2) std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
  transpose_by(c, x, std::move(perm));
}

void import_reversed_axes(SourceCall& c) {
  const Value x = c.tensor("self");
  Perm perm = identity(c.rank(x));
  std::reverse(perm.begin(), perm.end());
  transpose_by(c, x, std::move(perm));
}

void import_movedim(SourceCall& c) {
  const Value x = c.tensor("self");
  const std::vector<int64_t> from = c.integers("source"), to = c.integers("destination");
  if (from.size() != to.size()) return c.unsupported("source and destination have different lengths");
  const size_t rank = c.rank(x);
  Perm perm(rank, -1);
  std::vector<bool> moved(rank, false);
  for (size_t i = 0; i < from.size(); ++i) {
    const auto a = normalize_axis(from[i], rank), b = normalize_axis(to[i], rank);
    if (!a || !b) return c.fail(a ? b.error() : a.error());
    if (rank == 0) continue;
    if (perm[size_t(*b)] >= 0 || moved[size_t(*a)]) return c.unsupported("an axis is named twice");
    perm[size_t(*b)] = int(*a);
    moved[size_t(*a)] = true;
  }
  size_t next = 0;
  for (int& p : perm) {
    if (p >= 0) continue;
    while (moved[next]) ++next;
    p = int(next++);
  }
  transpose_by(c, x, std::move(perm));
}

// The same transposition with axes that stay side by side joined, and those of size 1 left out.
struct Merged {
  Shape shape;
  Perm perm;
};
Merged merge_axes(const Shape& shape, const Perm& perm) {
  std::vector<std::vector<int>> runs;  // in the result's order
  int last = -2;
  for (int a : perm) {
    if (shape[size_t(a)] == 1) continue;
    // Axes of size 1 between two operand axes do not keep them apart.
    int before = a - 1;
    while (before >= 0 && shape[size_t(before)] == 1) --before;
    if (!runs.empty() && before == last)
      runs.back().push_back(a);
    else
      runs.push_back({a});
    last = a;
  }
  Merged m;
  std::vector<size_t> order(runs.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::sort(order.begin(), order.end(), [&](size_t i, size_t j) { return runs[i][0] < runs[j][0]; });
  m.perm.resize(runs.size());
  for (size_t k = 0; k < order.size(); ++k) {
    int64_t n = 1;
    for (int a : runs[order[k]]) n *= shape[size_t(a)];
    m.shape.push_back(n);
    m.perm[order[k]] = int(k);
  }
  return m;
}

struct TransposeFacts {
  static constexpr std::string_view name = "transpose";
  static constexpr std::string_view summary = "the axes in another order";
  static constexpr Layout layout = Layout::kAxisAttr;
  static constexpr Quant quant = Quant::kSameScale;
  static constexpr bool moves_elements = true;

  static Result<Types> infer(const Transpose& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 1, "one operand is needed, not {}", in.size());
    CHECK_OP(C2, is_permutation(o.perm, in[0].rank()), "the axes given are not a permutation of {} axes", in[0].rank());
    return Types{*moved_type(in[0], atl::permuted(in[0].shape, o.perm), o.perm)};
  }

  static Result<Tensors> eval(const Transpose& o, TensorsIn in) {
    TRY_STATUS(movable(name, in[0].dtype()));
    return Tensors{transpose(in[0], o.perm)};
  }

  // Nothing needs to move: the result is the operand under the permutation that the two together make.
  static std::optional<LayoutChoice> permuted(const Transpose& o, TypesIn in, int operand, const Perm& p) {
    if (!is_permutation(p, in[0].rank())) return std::nullopt;
    const OpPtr same = make_op(Transpose(identity(p.size())));
    if (operand == kResult) return LayoutChoice{same, {compose(o.perm, p)}, p};
    return LayoutChoice{same, {p}, compose(inverse(o.perm), p)};
  }

  static Status legal(const Transpose& o, TypesIn in) {
    if (o.perm.size() <= kXnnpackMaxRank) return {};
    const size_t merged = merge_axes(in[0].shape, o.perm).shape.size();
    if (merged < o.perm.size() || merged > kMaxRank)
      return error(Code::kUnsupportedForm, fmt::format("LiteRT's TRANSPOSE takes {} axes, not {}", kMaxRank, merged),
                   "split the permutation into steps that keep axes together");
    return {};
  }

  static Result<bool> legalize(const Transpose& o, Rewrite& r) {
    if (r.out_type().quant && r.out_type().quant->scale.size() > 1) return false;
    const Merged m = merge_axes(r.in_type(0).shape, o.perm);
    const Shape result = r.out_type().shape;
    if (m.shape.size() < o.perm.size() && m.shape.size() <= kMaxRank) {
      const Value x = r.add(Reshape(m.shape), {r.in(0)});
      return r.replace(r.add(Reshape(result), {is_identity(m.perm) ? x : r.add(Transpose(m.perm), {x})}));
    }
    if (m.shape.size() <= kMaxRank) return false;
    // One axis after the other moves to its place: each step swaps two neighbouring blocks, [done, skipped, axis, rest].
    Value x = r.in(0);
    std::vector<int> now(m.perm.size());
    std::iota(now.begin(), now.end(), 0);
    for (size_t k = 0; k < m.perm.size(); ++k) {
      const size_t at = size_t(std::find(now.begin(), now.end(), m.perm[k]) - now.begin());
      if (at == k) continue;
      Shape blocks(4, 1);
      for (size_t i = 0; i < now.size(); ++i) blocks[i < k ? 0 : i < at ? 1 : i == at ? 2 : 3] *= m.shape[size_t(now[i])];
      x = r.add(Transpose({0, 2, 1, 3}), {r.add(Reshape(blocks), {x})});
      std::rotate(now.begin() + long(k), now.begin() + long(at), now.begin() + long(at) + 1);
    }
    return r.replace(r.add(Reshape(result), {x}));
  }

  static Result<TfliteOp> emit(const Transpose& o, TypesIn in) {
    const size_t rank = o.perm.size();
    const DType t = in[0].dtype;
    int version = 1;
    if (t == DType::kI8) version = 2;
    if (t == DType::kBool) version = 3;
    if (rank == 5) version = 4;
    if (t == DType::kI16) version = 5;
    if (rank == 6) version = 6;
    if (t == DType::kI4) version = 7;
    if (rank > 6 || t == DType::kBF16) version = 8;
    if (t == DType::kF16) version = 9;
    TfliteOp op(tflite::BuiltinOperator::TRANSPOSE, version, 1, tflite::TransposeOptionsT{});
    op.constant(Tensor::of_i32({o.perm.begin(), o.perm.end()}));
    return op;
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    if (n.code != tflite::BuiltinOperator::TRANSPOSE || !is_plain(n)) return not_decoded();
    TRY(auto axes, n.ints(1));
    Perm perm;
    for (int64_t a : axes) {
      TRY(int64_t axis, normalize_axis(a, n.in[0]->rank()));
      perm.push_back(int(axis));
    }
    if (!is_permutation(perm, n.in[0]->rank())) return not_decoded();
    return Decoded{make_op(Transpose(std::move(perm))), {0}};
  }

  static Result<bool> canonicalize(const Transpose& o, Rewrite& r) {
    if (is_identity(o.perm)) return r.replace(r.in(0));
    if (const Transpose* first = r.graph().as<Transpose>(r.in(0)))
      return r.replace(r.add(Transpose(compose(first->perm, o.perm)), {r.graph()[r.in(0)].in[0]}));
    // Where only axes of size 1 move, no byte does.
    const Type x = r.in_type(0);
    if (x.quant && x.quant->scale.size() > 1) return false;
    if (!is_static(x.shape) || !is_identity(merge_axes(x.shape, o.perm).perm)) return false;
    return r.replace(r.add(Reshape(r.out_type().shape), {r.in(0)}));
  }

  static constexpr Import imports[] = {
      {"aten.permute.default", import_permute},          {"aten.permute_copy.default", import_permute},
      {"aten.transpose.int", import_transpose},          {"aten.transpose_copy.int", import_transpose},
      {"aten.swapdims.default", import_transpose},       {"aten.swapaxes.default", import_swapaxes},
      {"aten.t.default", import_matrix_transpose},       {"aten.t_copy.default", import_matrix_transpose},
      {"aten.mT.default", import_matrix_transpose},      {"aten.mH.default", import_matrix_transpose},
      {"aten.adjoint.default", import_matrix_transpose}, {"aten.matrix_H.default", import_matrix_transpose},
      {"aten.numpy_T.default", import_reversed_axes},    {"aten.movedim.int", import_movedim},
      {"aten.movedim.intlist", import_movedim},          {"aten.moveaxis.int", import_movedim},
      {"aten.moveaxis.intlist", import_movedim},
  };

  // A channel shuffle, [N,H,W,g,c] -> [N,H,W,c,g] of channels that were just parted, has too many axes for the Edge TPU: a
  // convolution of one pixel puts the channels in their order.
  static Result<bool> adapt(const Transpose& o, Rewrite& r, const Target& target) {
    const Type& x = r.in_type(0);
    if (!target.is_coral() || o.perm != Perm{0, 1, 2, 4, 3} || x.dtype != DType::kF32 ||
        !r.graph().is(r.in(0), OpCode::kReshape))
      return false;
    const Value source = r.graph()[r.in(0)].in[0];
    const int64_t groups = x.shape[3], each = x.shape[4];
    if (r.shape(source) != Shape{x.shape[0], x.shape[1], x.shape[2], groups * each}) return false;
    std::vector<int64_t> from;
    for (int64_t c = 0; c < each; ++c)
      for (int64_t g = 0; g < groups; ++g) from.push_back(g * each + c);
    return r.replace(r.add(Reshape(r.out_type().shape), {pick_channels(r, source, from)}));
  }

  static std::vector<Sample> samples() {
    const auto f32 = [](Shape s) { return Type{DType::kF32, std::move(s), {}}; };
    return {{.op = make_op(Transpose({0, 2, 3, 1})), .in = {f32({2, 3, 4, 5})}},
            {.op = make_op(Transpose({2, 0, 1})), .in = {f32({2, 3, 4})}},
            {.op = make_op(Transpose({1, 0})), .in = {Type{DType::kBool, {3, 5}, {}}}},
            {.op = make_op(Transpose({4, 1, 3, 0, 2})), .in = {Type{DType::kI32, {2, 3, 4, 5, 6}, {}}}},
            {.op = make_op(Transpose({5, 3, 1, 4, 2, 0})), .in = {f32({2, 3, 1, 5, 4, 7})}},
            {.op = make_op(Transpose({0})), .in = {}, .bad = "C1"},
            {.op = make_op(Transpose({0, 0})), .in = {f32({2, 3})}, .bad = "C2"}};
  }
};

}  // namespace
DEFINE_OP(Transpose, TransposeFacts)
}  // namespace atl
