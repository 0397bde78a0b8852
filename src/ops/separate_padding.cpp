#include "ops/separate_padding.h"

#include <algorithm>
#include <limits>

#include "ops/sign_analysis.h"
#include "ops/spatial.h"
#include "ops/window.h"

namespace atl {
namespace {

template <class O>
std::vector<int64_t> padding_of(const O& o) {
  const bool strided = std::any_of(o.stride.begin(), o.stride.end(), [](int64_t n) { return n > 1; });
  return strided ? std::vector<int64_t>(o.padding.begin(), o.padding.end()) : std::vector<int64_t>();
}

template <class O>
Result<bool> separate(Rewrite& r, const O& o, const std::vector<int64_t>& padding, double value) {
  const size_t spatial = o.stride.size(), first = spatial_begin(o.layout);
  std::vector<int64_t> before(spatial + 2, 0), after(spatial + 2, 0);
  for (size_t i = 0; i < spatial; ++i) {
    before[first + i] = padding[2 * i];
    after[first + i] = padding[2 * i + 1];
  }
  O valid = o;
  valid.padding = {};
  if constexpr (requires { valid.count_include_pad; }) valid.count_include_pad = false;
  Values in = r.node().in;
  in[0] = r.add(Pad(std::move(before), std::move(after), value), {in[0]});
  const Value result = r.add(std::move(valid), std::move(in));
  if (!r.failed() && r.type(result) != r.out_type()) return false;
  return r.replace(result);
}

}  // namespace

std::vector<int64_t> strided_padding(const Graph& graph, uint32_t node) {
  const Value v{node, 0};
  if (const auto* conv = graph.as<Conv2d>(v)) return padding_of(*conv);
  if (const auto* conv = graph.as<Conv3d>(v)) return padding_of(*conv);
  const auto* pool = graph.as<Pool2d>(v);
  if (!pool || pool->kind == PoolKind::kL2 || (pool->kind == PoolKind::kAverage && !pool->count_include_pad)) return {};
  return padding_of(*pool);
}

Result<bool> separate_padding(Graph& graph, uint32_t node, const std::vector<int64_t>& padding) {
  Rewrite r(graph, node);
  const Value v{node, 0};
  Result<bool> changed = false;
  if (const auto* conv = graph.as<Conv2d>(v)) {
    changed = separate(r, Conv2d(*conv), padding, 0);
  } else if (const auto* conv3 = graph.as<Conv3d>(v)) {
    changed = separate(r, Conv3d(*conv3), padding, 0);
  } else if (const auto* pool = graph.as<Pool2d>(v)) {
    const bool zero = pool->kind == PoolKind::kAverage || is_non_negative(graph, r.in(0));
    changed = separate(r, Pool2d(*pool), padding, zero ? 0 : double(std::numeric_limits<float>::lowest()));
  }
  if (changed && *changed) graph.release(node);
  return changed;
}

}  // namespace atl
