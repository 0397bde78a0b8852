#include "quant/mask_floors.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "ops/binary.h"
#include "ops/reduce.h"
#include "quant/changed_constant.h"

namespace atl {
namespace {

// The step of a softmax's integers.
constexpr double kSoftmaxStep = 1.0 / 256;
// Scores of a softmax are thousands of times smaller.
constexpr float kLowestScore = -1e4F;
// As good as -inf; two of them are still a number.
constexpr float kMasked = -1e38F;

/// Where a use hands the elements of its value on.
enum class MaskPath { kNone, kSoftmax, kSum, kElements };

MaskPath path_of(const Graph& g, const Use& u) {
  if (u.node == kGraphOutput) return MaskPath::kNone;
  const Node& n = g[u.node];
  const Value result{u.node, 0};
  if (const auto* softmax = g.as<Softmax>(result)) return softmax->beta > 0 ? MaskPath::kSoftmax : MaskPath::kNone;
  if (n.out.size() != 1) return MaskPath::kNone;
  if (const auto* sum = g.as<Binary>(result); sum && sum->kind == BinaryKind::kAdd && sum->activation == Activation::kNone)
    return MaskPath::kSum;
  const QuantRule rule = def_of(*n.op).quantization(*n.op, g.types(n.in));
  return rule.kind == Quant::kSameScale ? MaskPath::kElements : MaskPath::kNone;
}

/// By node: whether all of its result leads to the operands of softmaxes.
std::vector<bool> lead_to_softmax(const Graph& g, std::span<const uint32_t> order) {
  std::vector<bool> leads(g.size(), false);
  for (auto id = order.rbegin(); id != order.rend(); ++id) {
    if (g[*id].out.size() != 1) continue;
    const auto& uses = g.uses({*id, 0});
    leads[*id] = !uses.empty() && std::ranges::all_of(uses, [&](const Use& u) {
      const MaskPath path = path_of(g, u);
      return path == MaskPath::kSoftmax || (path != MaskPath::kNone && leads[u.node]);
    });
  }
  return leads;
}

class FloorFinder {
 public:
  FloorFinder(const Graph& g, const Calibration& calibration) : g_(g), calibration_(calibration) {}

  Result<std::map<Value, double>> run() {
    const std::vector<uint32_t> order = g_.topological_order();
    for (auto id = order.rbegin(); id != order.rend(); ++id)
      for (uint32_t k = 0; k < g_[*id].out.size(); ++k) {
        const Value v{*id, k};
        if (g_.type(v).dtype != DType::kF32 || g_.type(v).quant) continue;
        TRY(const Statistics seen, statistics(v));
        if (seen.masked() == 0 || seen.not_finite() > 0) continue;
        TRY(const auto floor, floor_of(v));
        if (floor) floors_[v] = *floor;
      }
    return std::move(floors_);
  }

 private:
  Result<Statistics> statistics(Value v) const {
    if (const Constant* c = g_.constant(v)) {
      return is_read_as_mask(v) ? constant_statistics(*c) : Statistics();
    }
    const auto it = calibration_.values.find(v);
    return it == calibration_.values.end() ? Statistics() : it->second;
  }

  /// Spares the evaluation of weights.
  bool is_read_as_mask(Value v) const {
    const auto& uses = g_.uses(v);
    return std::any_of(uses.begin(), uses.end(), [&](const Use& u) {
      return u.node != kGraphOutput && floors_.count({u.node, 0}) > 0;
    });
  }

  /// The highest level that every use of v takes for -inf; nothing where a use is not one of a mask.
  Result<std::optional<double>> floor_of(Value v) const {
    std::optional<double> floor;
    for (const Use& u : g_.uses(v)) {
      TRY(const auto wanted, floor_for(v, u));
      if (!wanted) return std::optional<double>();
      floor = floor ? std::min(*floor, *wanted) : *wanted;
    }
    return floor;
  }

  Result<std::optional<double>> floor_for(Value v, const Use& u) const {
    const MaskPath path = path_of(g_, u);
    if (path == MaskPath::kNone) return std::optional<double>();
    if (path == MaskPath::kSoftmax) return behind_softmax(*g_.as<Softmax>(Value{u.node, 0}), v);
    const auto result = floors_.find({u.node, 0});
    if (result == floors_.end()) return std::optional<double>();
    if (path == MaskPath::kElements) return std::optional(result->second);
    TRY(const Statistics other, statistics(g_[u.node].in[1 - u.operand]));
    return std::optional(result->second - other.extremes().high);
  }

  // A row's largest score may be the lowest of all that are not masked; exp(-x) of a whole row of masked ones beside it counts
  // for nothing.
  std::optional<double> behind_softmax(const Softmax& softmax, Value v) const {
    const auto it = calibration_.values.find(v);
    if (it == calibration_.values.end() || it->second.empty()) return std::nullopt;
    const Shape& shape = g_.type(v).shape;
    const int64_t axis = softmax.axis < 0 ? softmax.axis + int64_t(shape.size()) : softmax.axis;
    const double length = double(std::max<int64_t>(shape[size_t(axis)], 1));
    return it->second.extremes().low - std::log(2 * length / kSoftmaxStep) / softmax.beta;
  }

  const Graph& g_;
  const Calibration& calibration_;
  std::map<Value, double> floors_;
};

}  // namespace

Result<Statistics> constant_statistics(const Constant& c) {
  TRY(const Tensor t, c.materialize());
  Statistics s;
  s.observe({t.data<float>(), size_t(t.count())});
  return s;
}

Result<size_t> deepen_masks(Graph& g) {
  const std::vector<uint32_t> order = g.topological_order();
  const std::vector<bool> leads = lead_to_softmax(g, order);
  size_t count = 0;
  for (const uint32_t id : order) {
    const Value v{id, 0};
    const Constant* c = g.constant(v);
    if (!c || !leads[id] || g.type(v).dtype != DType::kF32) continue;
    const auto is_low = [](float x) { return x <= kLowestScore && x > -kBeyondScales; };
    TRY(const Tensor mask, c->materialize());
    if (std::ranges::none_of(mask.values<float>(), is_low)) continue;
    TRY(ConstantPtr deep, changed(*c, [&](float x) { return is_low(x) ? kMasked : x; }));
    TRY_STATUS(g.replace(v, g.add_constant(std::move(deep))));
    ++count;
  }
  g.remove_dead_nodes();
  return count;
}

Result<std::map<Value, double>> mask_floors(const Graph& g, const Calibration& calibration) {
  bool masked = false;
  for (const auto& [v, s] : calibration.values) masked |= s.masked() > 0;
  if (!masked) return std::map<Value, double>();
  return FloorFinder(g, calibration).run();
}

}  // namespace atl
