#include "ops/movement.h"

#include <algorithm>

#include "ir/tflite_op.h"
#include "ops/shape.h"

namespace atl {

Perm place_free_axes(const std::vector<int>& order, size_t rank) {
  std::vector<bool> fixed(rank, false);
  for (int a : order) fixed[size_t(a)] = true;
  const auto fits = [&](const Perm& p) {
    size_t next = 0;
    for (int a : p)
      if (fixed[size_t(a)] && order[next++] != a) return false;
    return true;
  };
  if (fits(identity(rank))) return identity(rank);
  if (rank >= 3) {
    Perm last = identity(rank);
    std::rotate(last.begin() + 1, last.begin() + 2, last.end());
    if (fits(last)) return last;
    if (fits(inverse(last))) return inverse(last);
  }
  Perm p(rank);
  size_t next = 0;
  for (size_t a = 0; a < rank; ++a) p[a] = fixed[a] ? order[next++] : int(a);
  return p;
}

std::optional<Type> moved_type(const Type& t, Shape shape, const std::vector<int>& from) {
  Type out{t.dtype, std::move(shape), t.quant};
  if (!out.quant || out.quant->scale.size() <= 1) return out;
  const int axis = t.quant->axis;
  for (size_t k = 0; k < from.size(); ++k)
    if (from[k] == axis && size_t(axis) < t.rank() && out.shape[k] == t.shape[size_t(axis)]) {
      out.quant->axis = int(k);
      return out;
    }
  return std::nullopt;
}

std::optional<Type> resized_type(const Type& t, Shape shape) {
  const Perm same = identity(shape.size());
  return moved_type(t, std::move(shape), same);
}

Status movable(std::string_view what, DType t) {
  const int b = bits(t);
  if (b == 8 || b == 16 || b == 32 || b == 64) return {};
  return error(Code::kUnsupportedType, fmt::format("{} of {} cannot be evaluated", what, name(t)));
}

Result<bool> reshape_before_parting(Rewrite& r, int64_t axis) {
  Graph& g = r.graph();
  const Shape x = r.in_type(0).shape;
  const size_t parts = r.node().out.size();
  const Reshape* first = nullptr;
  std::vector<std::pair<uint32_t, uint32_t>> reshapes;  // the node, and which part it takes
  for (uint32_t i = 0; i < parts; ++i) {
    const auto& uses = g.uses(r.out(i));
    if (uses.empty()) continue;
    const auto* reshape = uses.size() == 1 && uses[0].node != kGraphOutput ? g.as<Reshape>({uses[0].node, 0}) : nullptr;
    if (!reshape || (first && reshape->shape != first->shape)) return false;
    first = reshape;
    reshapes.push_back({uses[0].node, i});
  }
  if (reshapes.size() < 2 || element_count(x) == 0 || (r.in_type(0).quant && r.in_type(0).quant->scale.size() > 1))
    return false;
  // The new axis stands behind as many elements as the old one.
  const int64_t before = element_count({x.begin(), x.begin() + axis});
  Shape shape = first->shape;
  size_t at = 0;
  for (int64_t n = 1; n != before; n *= shape[at++])
    if (at == shape.size()) return false;
  shape.insert(shape.begin() + long(at), int64_t(parts));
  const Values out = r.add_multi(Unpack(int64_t(at)), {r.add(Reshape(shape), {r.in(0)})}, parts);
  if (r.failed()) return std::move(r.take_status().error());
  for (const auto& [node, i] : reshapes) {
    TRY_STATUS(g.replace({node, 0}, out[i]));
    g.release(node);
  }
  return true;
}

Value pick_by_slices(Builder& b, Value x, int64_t axis, std::span<const int64_t> from) {
  constexpr size_t kMostRuns = 256;
  const auto a = size_t(axis);
  Values runs;
  for (size_t k = 0; k < from.size() && runs.size() <= kMostRuns;) {
    size_t end = k + 1;
    while (end < from.size() && from[end] == from[end - 1] + 1) ++end;
    const Shape shape = b.shape(x);
    Slice run(std::vector<int64_t>(shape.size(), 0), shape);
    run.begin[a] = from[k];
    run.size[a] = int64_t(end - k);
    runs.push_back(b.add(std::move(run), {x}));
    k = end;
  }
  if (runs.empty() || runs.size() > kMostRuns) return {};
  return runs.size() == 1 ? runs[0] : b.add(Concat(axis), std::move(runs));
}

bool is_plain(const TfliteNode& n) {
  for (const auto& t : n.in)
    if (!t || !is_static(t->shape)) return false;
  for (const Type& t : n.out)
    if (!is_static(t.shape)) return false;
  return !n.in.empty() && !n.out.empty();
}

}  // namespace atl
