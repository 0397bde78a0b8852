#include "verify/random_inputs.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>

#include "ops/binary.h"
#include "ops/index.h"

namespace atl {
namespace {

constexpr int kMaxDepth = 64;
constexpr int64_t kMaxIndex = std::numeric_limits<int32_t>::max();

using MaybeRange = std::optional<IndexBounds>;

// Both limits hold. Where they exclude each other (an index that is wrapped when negative), the one without negative values.
MaybeRange both(MaybeRange a, MaybeRange b) {
  if (!a) return b;
  if (!b) return a;
  const IndexBounds r{std::max(a->low, b->low), std::min(a->high, b->high)};
  if (r.low <= r.high) return r;
  return a->low >= 0 ? a : b;
}

MaybeRange axis_range(int64_t size) {
  if (size <= 0) return std::nullopt;
  return IndexBounds{0, size - 1};
}

class RangeFinder {
 public:
  explicit RangeFinder(const Graph& g) : graph_(g) {}

  MaybeRange of(Value v, int depth) {
    MaybeRange r;
    if (depth > kMaxDepth || !is_integer(graph_.type(v).dtype)) return r;
    for (const Use& use : graph_.uses(v))
      if (use.node != kGraphOutput && !graph_[use.node].dead) r = both(r, of_use(graph_[use.node], use, depth));
    return r;
  }

 private:
  MaybeRange of_use(const Node& n, const Use& use, int depth) {
    switch (n.op->code) {
      case OpCode::kGather: {
        const auto& op = static_cast<const Gather&>(*n.op);
        const Shape& x = graph_.type(n.in[0]).shape;
        if (use.operand != 1) return results(use.node, depth);
        const int64_t axis = op.axis < 0 ? op.axis + int64_t(x.size()) : op.axis;
        return axis >= 0 && size_t(axis) < x.size() ? axis_range(x[size_t(axis)]) : std::nullopt;
      }
      case OpCode::kGatherNd:
        return use.operand == 1 ? leading_axes(graph_.type(n.in[0]).shape, n.in[1]) : results(use.node, depth);
      case OpCode::kScatterNd:
        return use.operand == 0 ? leading_axes(static_cast<const ScatterNd&>(*n.op).shape, n.in[0]) : std::nullopt;
      case OpCode::kOneHot:
        return use.operand == 0 ? axis_range(static_cast<const OneHot&>(*n.op).depth) : std::nullopt;
      case OpCode::kBinary:
        return through_binary(n, use, depth);
      case OpCode::kSelect:
        if (use.operand == 0) return std::nullopt;
        return results(use.node, depth);
      case OpCode::kCast:
      case OpCode::kReshape:
      case OpCode::kTranspose:
      case OpCode::kConcat:
      case OpCode::kSplit:
      case OpCode::kSlice:
      case OpCode::kPad:
      case OpCode::kBroadcastTo:
      case OpCode::kTile:
      case OpCode::kPack:
      case OpCode::kUnpack:
      case OpCode::kReverse:
        return results(use.node, depth);
      default:
        return std::nullopt;
    }
  }

  MaybeRange results(uint32_t node, int depth) {
    MaybeRange r;
    for (uint32_t i = 0; i < graph_[node].out.size(); ++i) r = both(r, of({node, i}, depth + 1));
    return r;
  }

  // Indices [..., k] into the first k axes: what fits all of them.
  MaybeRange leading_axes(const Shape& shape, Value indices) {
    const Shape& s = graph_.type(indices).shape;
    if (s.empty() || s.back() < 0) return std::nullopt;
    MaybeRange r;
    for (size_t k = 0; k < size_t(s.back()) && k < shape.size(); ++k) r = both(r, axis_range(shape[k]));
    return r;
  }

  MaybeRange through_binary(const Node& n, const Use& use, int depth) {
    MaybeRange r = results(use.node, depth);
    const Constant* other = n.in.size() == 2 ? graph_.constant(n.in[1 - use.operand]) : nullptr;
    if (!r || !other || element_count(other->type().shape) == 0 || element_count(other->type().shape) > kMaxElements) return r;
    const auto value = other->materialize();
    if (!value) return r;
    MaybeRange all;
    for (int64_t i = 0; i < value->count(); ++i) {
      const int64_t c = element_as_int(*value, i);
      if (c > kMaxIndex || c < -kMaxIndex) return std::nullopt;
      all = both(all, before(static_cast<const Binary&>(*n.op).kind, *r, c, use.operand == 0));
    }
    return all;
  }

  // What an operand may be when the result of an operation with c lies in r. Conservative for the operations that limit.
  static MaybeRange before(BinaryKind kind, IndexBounds r, int64_t c, bool left) {
    switch (kind) {
      case BinaryKind::kAdd:
        return IndexBounds{r.low - c, r.high - c};
      case BinaryKind::kSub:
        return left ? IndexBounds{r.low + c, r.high + c} : IndexBounds{c - r.high, c - r.low};
      case BinaryKind::kMul:
        return c > 0 ? IndexBounds{(r.low + c - 1) / c, r.high / c} : r;
      case BinaryKind::kFloorMod:
        return std::nullopt;
      default:
        return r;
    }
  }

  static constexpr int64_t kMaxElements = 4096;
  const Graph& graph_;
};

// Numbers that do not depend on the standard library's distributions.
class Generator {
 public:
  explicit Generator(uint64_t seed) : bits_(seed) {}
  /// In [0, 1).
  double uniform() { return double(bits_() >> 11) * 0x1p-53; }
  double normal() {
    const double u = 1 - uniform(), v = uniform();
    return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
  }
  int64_t integer(IndexBounds r) {
    const uint64_t span = uint64_t(r.high) - uint64_t(r.low) + 1;
    return span == 0 ? int64_t(bits_()) : int64_t(uint64_t(r.low) + bits_() % span);
  }

 private:
  std::mt19937_64 bits_;
};

// Mean, deviation and range of a sample's finite elements.
struct Moments {
  double mean = 0, deviation = 0, low = 0, high = 0;
};
std::optional<Moments> moments(const Tensor& t) {
  Moments m{.low = std::numeric_limits<double>::infinity(), .high = -std::numeric_limits<double>::infinity()};
  double sum = 0, squares = 0, count = 0;
  for (int64_t i = 0; i < t.count(); ++i) {
    const double v = element_as_double(t, i);
    if (!std::isfinite(v)) continue;
    ++count;
    sum += v;
    squares += v * v;
    m.low = std::min(m.low, v);
    m.high = std::max(m.high, v);
  }
  if (count == 0) return std::nullopt;
  m.mean = sum / count;
  m.deviation = std::sqrt(std::max(0.0, squares / count - m.mean * m.mean));
  return m;
}

template <class T>
IndexBounds clamp_to(IndexBounds r) {
  if constexpr (sizeof(T) < 8) {
    r.low = std::clamp<int64_t>(r.low, int64_t(std::numeric_limits<T>::min()), int64_t(std::numeric_limits<T>::max()));
    r.high = std::clamp<int64_t>(r.high, int64_t(std::numeric_limits<T>::min()), int64_t(std::numeric_limits<T>::max()));
  }
  return r;
}

IndexBounds range_for(const Graph& g, size_t i, const std::optional<Tensor>& sample) {
  if (const MaybeRange r = index_range(g, i)) return *r;
  if (!sample || sample->count() == 0) return {};
  IndexBounds r{std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()};
  for (int64_t k = 0; k < sample->count(); ++k) {
    const int64_t v = element_as_int(*sample, k);
    r = {std::min(r.low, v), std::max(r.high, v)};
  }
  return r;
}

template <class T>
void fill(Tensor& t, const Graph& g, size_t input, const std::optional<Tensor>& sample, Generator& random) {
  T* out = t.mutable_data<T>();
  const int64_t n = t.count();
  if constexpr (std::is_same_v<T, bool>) {
    const auto m = sample ? moments(*sample) : std::nullopt;
    const double share = m ? std::clamp(m->mean, 0.25, 0.75) : 0.5;
    for (int64_t i = 0; i < n; ++i) out[i] = random.uniform() < share;
  } else if constexpr (std::is_integral_v<T>) {
    const IndexBounds r = clamp_to<T>(range_for(g, input, sample));
    for (int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(random.integer(r));
  } else {
    auto m = sample ? moments(*sample) : std::nullopt;
    if (!m || m->deviation == 0)
      m = Moments{0, 1, -std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
    for (int64_t i = 0; i < n; ++i)
      out[i] = static_cast<T>(std::clamp(m->mean + m->deviation * random.normal(), m->low, m->high));
  }
}

}  // namespace

std::optional<IndexBounds> index_range(const Graph& graph, size_t i) {
  MaybeRange r = RangeFinder(graph).of(graph.inputs()[i].value, 0);
  if (r) r->low = std::max<int64_t>(r->low, std::min<int64_t>(0, r->high));
  return r;
}

Result<Tensors> random_inputs(const Graph& graph, std::span<const std::optional<Tensor>> samples, uint64_t seed) {
  Tensors out;
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    const Port& port = graph.inputs()[i];
    const Type& type = graph.type(port.value);
    const std::optional<Tensor> sample = i < samples.size() ? samples[i] : std::nullopt;
    // Each input has its own sequence, so that one input's size does not change the values of the next.
    Generator random(seed * 0x9e3779b97f4a7c15u + i);
    if (!is_static(type.shape))
      return error(Code::kSymbolic, fmt::format("input '{}' has an open axis: {}", port.name, to_string(type)));
    Tensor t = Tensor::make(Type{type.dtype, type.shape, {}});
    if (!visit(type.dtype, [&]<class T>(T) { fill<T>(t, graph, i, sample, random); }))
      return error(Code::kUnsupportedType,
                   fmt::format("no random values for input '{}' of type {}", port.name, to_string(type)));
    out.push_back(std::move(t));
  }
  return out;
}

}  // namespace atl
