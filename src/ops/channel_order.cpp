#include "ops/channel_order.h"

#include <algorithm>

#include "ops/conv.h"
#include "ops/shape.h"

namespace atl {
namespace {

constexpr int kMaxChain = 8;

// Operand i of an elementwise op with the channels of its result reordered: a constant, with one element or all of them along
// the channel axis.
Value reorder_operand(Builder& b, Value v, size_t rank, size_t axis, int64_t channels, int64_t block) {
  const Shape& s = b.shape(v);
  if (!b.graph().constant(v)) return {};
  const size_t missing = rank - std::min(rank, s.size());
  if (axis < missing || s[axis - missing] == 1) return v;
  return s[axis - missing] == channels ? reorder_channels(b, v, axis - missing, block) : Value{};
}

Value absorb(Builder& b, Value v, size_t axis, int64_t block, int depth) {
  const Graph& g = b.graph();
  if (depth > kMaxChain || v.index != 0 || g.uses(v).size() != 1) return {};
  const Node node = g[v];
  const OpDef& def = def_of(*node.op);
  if (g.is(v, OpCode::kConv2d)) {
    const WeightRoles roles = def.weights(*node.op, g.types(node.in));
    // A grouped convolution's filters stay with their group.
    if (roles.weight_in_axis < 0 || roles.result_axis != int64_t(axis) || !g.constant(node.in[1])) return {};
    if (node.in.size() > 2 && node.in[2].valid() && !g.constant(node.in[2])) return {};
    Values in = node.in;
    in[1] = reorder_channels(b, in[1], size_t(roles.weight_out_axis), block);
    if (in.size() > 2 && in[2].valid()) in[2] = reorder_channels(b, in[2], 0, block);
    return b.add(node.op, std::move(in));
  }
  if (def.layout != Layout::kAny || node.out.size() != 1) return {};
  const Type& result = node.out[0];
  // One operand has the result's shape and leads back to a convolution; the others are constants.
  Values in = node.in;
  size_t data = in.size();
  for (size_t i = 0; i < in.size(); ++i)
    if (in[i].valid() && !g.constant(in[i])) {
      if (data < in.size() || b.shape(in[i]) != result.shape) return {};
      data = i;
    }
  if (data == in.size()) return {};
  for (size_t i = 0; i < in.size(); ++i) {
    if (i == data || !in[i].valid()) continue;
    in[i] = reorder_operand(b, in[i], result.rank(), axis, result.shape[axis], block);
    if (!in[i].valid()) return {};
  }
  in[data] = absorb(b, in[data], axis, block, depth + 1);
  return in[data].valid() ? b.add(node.op, std::move(in)) : Value{};
}

}  // namespace

Value reorder_channels(Builder& b, Value v, size_t axis, int64_t block) {
  const Shape s = b.shape(v);
  const int64_t area = block * block;
  Shape split(s.begin(), s.begin() + int64_t(axis));
  split.push_back(s[axis] / area);
  split.push_back(area);
  split.insert(split.end(), s.begin() + int64_t(axis) + 1, s.end());
  Perm swap = identity(split.size());
  std::swap(swap[axis], swap[axis + 1]);
  return b.add(Reshape(s), {b.add(Transpose(swap), {b.add(Reshape(split), {v})})});
}

Value absorb_channel_order(Builder& b, Value v, size_t axis, int64_t block) {
  // What a refused attempt has built stays unused and dies.
  return absorb(b, v, axis, block, 0);
}

bool feeds_convolutions(const Graph& graph, Value v) {
  const auto fits = [&](const Use& u) {
    if (u.node == kGraphOutput || u.operand != 0 || graph[u.node].op->code != OpCode::kConv2d) return false;
    return static_cast<const Conv2d&>(*graph[u.node].op).groups == 1 && graph.constant(graph[u.node].in[1]);
  };
  const auto& uses = graph.uses(v);
  return !uses.empty() && std::all_of(uses.begin(), uses.end(), fits);
}

Value pick_channels(Builder& b, Value x, std::span<const int64_t> from, std::array<int64_t, 2> stride) {
  const int64_t channels = b.shape(x)[3], picked = int64_t(from.size());
  Conv2d conv;
  conv.layout = DataLayout::kChannelsLast;
  conv.stride = stride;
  bool same = picked == channels;
  for (int64_t k = 0; k < picked; ++k) same = same && from[size_t(k)] == k;
  if (same && channels > 1) {
    conv.groups = channels;
    return b.add(conv,
                 {x, b.constant(Tensor::of<float>(DType::kF32, {1, 1, 1, channels}, std::vector<float>(size_t(channels), 1)))});
  }
  std::vector<float> weights(size_t(picked * channels), 0.0f);
  for (int64_t k = 0; k < picked; ++k) weights[size_t(k * channels + from[size_t(k)])] = 1;
  return b.add(conv, {x, b.constant(Tensor::of<float>(DType::kF32, {picked, 1, 1, channels}, weights))});
}

}  // namespace atl
