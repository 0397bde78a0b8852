#include "quant/mask_floors.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "ops/binary.h"
#include "ops/reduce.h"

namespace atl {
namespace {

// The step of a softmax's integers.
constexpr double kSoftmaxStep = 1.0 / 256;

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
    if (u.node == kGraphOutput) return std::optional<double>();
    const Node& n = g_[u.node];
    if (const auto* softmax = g_.as<Softmax>(Value{u.node, 0})) return behind_softmax(*softmax, v);
    const auto result = n.out.size() == 1 ? floors_.find({u.node, 0}) : floors_.end();
    if (result == floors_.end()) return std::optional<double>();
    if (const auto* sum = g_.as<Binary>(Value{u.node, 0});
        sum && sum->kind == BinaryKind::kAdd && sum->activation == Activation::kNone) {
      TRY(const Statistics other, statistics(n.in[1 - u.operand]));
      return std::optional(result->second - other.extremes().high);
    }
    const Types types = g_.types(n.in);
    if (def_of(*n.op).quantization(*n.op, types).kind != Quant::kSameScale) return std::optional<double>();
    return std::optional(result->second);
  }

  // A row's largest score may be the lowest of all that are not masked; exp(-x) of a whole row of masked ones beside it counts
  // for nothing.
  std::optional<double> behind_softmax(const Softmax& softmax, Value v) const {
    const auto it = calibration_.values.find(v);
    if (it == calibration_.values.end() || it->second.empty() || softmax.beta <= 0) return std::nullopt;
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

Result<std::map<Value, double>> mask_floors(const Graph& g, const Calibration& calibration) {
  bool masked = false;
  for (const auto& [v, s] : calibration.values) masked |= s.masked() > 0;
  if (!masked) return std::map<Value, double>();
  return FloorFinder(g, calibration).run();
}

}  // namespace atl
