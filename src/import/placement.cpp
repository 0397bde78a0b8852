#include "import/placement.h"

#include <algorithm>
#include <unordered_map>

#include "ops/index.h"
#include "ops/shape.h"

namespace atl {
namespace {

constexpr int kMaxDepth = 64;
constexpr int64_t kMaxElements = int64_t(1) << 24;

// Follows a value to its constants. A first walk decides whether it is known, so that nothing is evaluated in vain.
class Known {
 public:
  explicit Known(const Graph& graph) : graph_(graph) {}

  bool is_known(uint32_t id, int depth) {
    if (const auto it = known_.find(id); it != known_.end()) return it->second;
    const Node& n = graph_[id];
    bool known = n.constant != nullptr;
    if (!known && !n.in.empty() && depth < kMaxDepth && n.op->code != OpCode::kOpaque)
      known = std::all_of(n.in.begin(), n.in.end(), [&](Value v) { return v.valid() && is_known(v.node, depth + 1); });
    for (const Type& t : n.out) known &= is_static(t.shape) && element_count(t.shape) <= kMaxElements;
    return known_[id] = known;
  }

  std::optional<Tensor> value(Value v) {
    if (const auto it = values_.find(v.node); it != values_.end()) return it->second[v.index];
    const Node& n = graph_[v];
    Tensors out;
    if (n.constant) {
      auto t = n.constant->materialize();
      if (!t) return std::nullopt;
      out.push_back(*std::move(t));
    } else {
      Tensors in;
      for (Value operand : n.in) {
        auto t = value(operand);
        if (!t) return std::nullopt;
        in.push_back(*std::move(t));
      }
      auto result = def_of(*n.op).eval(*n.op, in);
      if (!result) return std::nullopt;
      out = *std::move(result);
    }
    return (values_[v.node] = std::move(out))[v.index];
  }

 private:
  const Graph& graph_;
  std::unordered_map<uint32_t, bool> known_;
  std::unordered_map<uint32_t, Tensors> values_;
};

bool evenly_spaced(const std::vector<int64_t>& p) {
  for (size_t i = 2; i < p.size(); ++i)
    if (p[i] - p[i - 1] != p[1] - p[0]) return false;
  return p.empty() || p.size() == 1 || p[1] != p[0];
}

}  // namespace

std::optional<Tensor> known_value(Builder& b, Value v) {
  if (!v.valid()) return std::nullopt;
  Known known(b.graph());
  if (!known.is_known(v.node, 0)) return std::nullopt;
  return known.value(v);
}

std::optional<std::vector<int64_t>> known_integers(Builder& b, Value v) {
  const auto t = known_value(b, v);
  if (!t) return std::nullopt;
  std::vector<int64_t> values;
  for (int64_t i = 0; i < t->count(); ++i) values.push_back(element_as_int(*t, i));
  return values;
}

Value index_constant(Builder& b, Shape shape, std::span<const int64_t> values) {
  const std::vector<int32_t> narrow(values.begin(), values.end());
  return b.constant(Tensor::of<int32_t>(DType::kI32, std::move(shape), narrow));
}

std::vector<int64_t> arithmetic(int64_t first, int64_t step, int64_t count) {
  std::vector<int64_t> v(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) v[size_t(i)] = first + i * step;
  return v;
}

bool listable(SourceCall& c, int64_t n) {
  if (n >= 0 && n <= kMaxPositions) return true;
  c.unsupported(fmt::format("an index into {} elements", n), "work on a smaller part of the tensor");
  return false;
}

Value take_range(Builder& b, Value x, int64_t axis, int64_t begin, int64_t count, int64_t step) {
  const Shape shape = b.shape(x);
  if (begin == 0 && count == shape[size_t(axis)] && step == 1) return x;
  Slice s(std::vector<int64_t>(shape.size(), 0), shape);
  s.begin[size_t(axis)] = count > 0 ? begin : 0;
  s.size[size_t(axis)] = count;
  s.stride[size_t(axis)] = count > 1 ? step : 1;
  return b.add(std::move(s), {x});
}

Value pick(Builder& b, Value x, int64_t axis, const std::vector<int64_t>& positions) {
  const int64_t count = int64_t(positions.size());
  if (!evenly_spaced(positions)) return b.add(Gather(axis), {x, index_constant(b, {count}, positions)});
  return take_range(b, x, axis, count > 0 ? positions[0] : 0, count, count > 1 ? positions[1] - positions[0] : 1);
}

Value overwrite(Builder& b, Value x, int64_t axis, const std::vector<int64_t>& positions, Value src) {
  const int64_t n = b.shape(x)[size_t(axis)], count = int64_t(positions.size());
  if (count == 0) return x;
  if (count == 1 || (evenly_spaced(positions) && positions[1] == positions[0] + 1)) {
    Values parts;
    if (positions[0] > 0) parts.push_back(take_range(b, x, axis, 0, positions[0]));
    parts.push_back(src);
    const int64_t end = positions[0] + count;
    if (end < n) parts.push_back(take_range(b, x, axis, end, n - end));
    return parts.size() == 1 ? src : b.add(Concat(axis), parts);
  }
  if (n > kMaxPositions) {
    b.fail(error(Code::kUnsupportedForm, fmt::format("scattered positions in {} elements", n), "write a contiguous part"));
    return {};
  }
  std::vector<int64_t> from = arithmetic(0, 1, n);
  for (int64_t i = 0; i < count; ++i) from[size_t(positions[size_t(i)])] = n + i;
  return pick(b, b.add(Concat(axis), {x, src}), axis, from);
}

Value move_axis(Builder& b, Value x, int64_t from, int64_t to) {
  if (from == to) return x;
  Perm perm = identity(b.rank(x));
  perm.erase(perm.begin() + from);
  perm.insert(perm.begin() + to, int(from));
  return b.add(Transpose(std::move(perm)), {x});
}

}  // namespace atl
