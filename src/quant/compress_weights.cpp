#include "quant/compress_weights.h"

#include <algorithm>
#include <cmath>

#include "ir/rewrite.h"
#include "ops/cast.h"
#include "ops/elementwise.h"
#include "ops/integer_form.h"
#include "ops/quantize.h"
#include "ops/quantized.h"

namespace atl {
namespace {

// Steps on each side of zero.
constexpr double kInt8Steps = 127, kInt4Steps = 7;

class Compressor {
 public:
  Compressor(const Graph& g, const CompressOptions& options) : g_(g), options_(options), b_(made_.graph) {}

  Result<QuantizedGraph> run() {
    made_.graph.name = g_.name;
    for (const Port& p : g_.inputs()) made_.values[p.value] = made_.graph.add_input(p.name, g_.type(p.value));
    for (uint32_t id : g_.topological_order()) {
      if (g_[id].op->code == OpCode::kInput) continue;
      b_.set_origin(made_.graph.add_origin(g_.origin(g_[id].origin)));
      if (g_[id].constant)
        made_.values[{id, 0}] = b_.constant(g_[id].constant);
      else
        TRY_STATUS(add_node(id));
    }
    for (const Port& p : g_.outputs()) made_.graph.add_output(p.name, made_.values.at(p.value));
    made_.graph.set_states(g_.states());
    made_.graph.remove_dead_nodes();
    if (b_.failed()) return b_.take_status().error();
    return std::move(made_);
  }

 private:
  Status add_node(uint32_t id);
  Result<Value> compressed(uint32_t id, size_t operand, const QuantRule& rule);
  Result<ConstantPtr> integers(const ConstantPtr& c, int axis, DType dtype) const;
  bool is_hybrid(const Node& n, const QuantRule& rule) const;
  static bool is_weight(const Node& n, const QuantRule& rule, size_t operand) {
    return has_role(def_of(*n.op).integer_form, operand, OperandRole::kWeight) ||
           (rule.kind == Quant::kWeighted && int(operand) == rule.weight);
  }
  bool is_large_float(Value v) const {
    const Type& t = g_.type(v);
    return g_.constant(v) && t.dtype == DType::kF32 && !t.quant && element_count(t.shape) >= kMinCompressedElements;
  }

  const Graph& g_;
  const CompressOptions& options_;
  QuantizedGraph made_;
  Builder b_;
  std::map<std::pair<Value, int>, Value> done_;  // constant and axis: what stands for it
};

Result<ConstantPtr> Compressor::integers(const ConstantPtr& c, int axis, DType dtype) const {
  TRY(std::vector<float> scales, weight_scales(*c, options_.per_channel ? axis : -1));
  if (dtype == DType::kI4)
    for (float& s : scales) s = float(double(s) * kInt8Steps / kInt4Steps);
  Quantize q;
  q.to = dtype;
  q.zero_point.assign(scales.size(), 0);
  q.axis = scales.size() > 1 ? axis : 0;
  q.scale = std::move(scales);
  Type type{dtype, c->type().shape, QuantParams{q.scale, q.zero_point, int(q.axis)}};
  return Constant::lazy(make_op(std::move(q)), {c}, std::move(type), c->name());
}

// What stands for a large constant operand; an invalid value where it stays.
Result<Value> Compressor::compressed(uint32_t id, size_t operand, const QuantRule& rule) {
  const Value v = g_[id].in[operand];
  if (!is_large_float(v)) return Value{};
  const bool weight = is_weight(g_[id], rule, operand);
  // A table that is gathered from; other large constants (anchors, positions) are values of the model as much as its
  // activations.
  const bool table = operand == 0 && def_of(*g_[id].op).moves_elements;
  if (!weight && !table && options_.form != WeightForm::kFloat16) return Value{};
  const int axis = weight ? rule.weight_axis : -1;
  const auto known = done_.find({v, axis});
  if (known != done_.end()) return known->second;
  ConstantPtr c = g_.constant_ptr(v);
  if (options_.form == WeightForm::kFloat16) {
    Type half{DType::kF16, c->type().shape, {}};
    c = Constant::lazy(make_op(Cast(DType::kF16)), {c}, std::move(half), c->name());
  } else {
    // Tables have one scale.
    TRY(c, integers(c, axis, options_.form == WeightForm::kInt4 ? DType::kI4 : DType::kI8));
  }
  return done_[{v, axis}] = b_.add(Dequantize(), {b_.constant(c)});
}

// Whether a node gets weights of 8 bits beside its float data: all of them constants, one of them large.
bool Compressor::is_hybrid(const Node& n, const QuantRule& rule) const {
  if (options_.form != WeightForm::kHybrid || !in_list(DType::kI8, rule.hybrid)) return false;
  bool large = false;
  for (size_t i = 0; i < n.in.size(); ++i) {
    if (!is_weight(n, rule, i) || !n.in[i].valid()) continue;
    if (i == 0 || !g_.constant(n.in[i]) || g_.type(n.in[i]).dtype != DType::kF32) return false;
    large |= is_large_float(n.in[i]);
  }
  return large;
}

Status Compressor::add_node(uint32_t id) {
  const Node& n = g_[id];
  const Types types = g_.types(n.in);
  const QuantRule rule = def_of(*n.op).quantization(*n.op, types);
  const bool keep = id < options_.keep.size() && options_.keep[id];
  Values in;
  for (size_t i = 0; i < n.in.size(); ++i) {
    Value made;
    if (!keep && n.in[i].valid() && options_.form != WeightForm::kHybrid) {
      TRY(made, compressed(id, i, rule));
    }
    in.push_back(made.valid() || !n.in[i].valid() ? made : made_.values.at(n.in[i]));
  }
  OpPtr op = n.op;
  if (!keep && is_hybrid(n, rule)) {
    for (size_t w = 0; w < n.in.size(); ++w) {
      if (!is_weight(n, rule, w) || !n.in[w].valid()) continue;
      TRY(const ConstantPtr c, integers(g_.constant_ptr(n.in[w]), rule.weight_axis, DType::kI8));
      in[w] = b_.constant(c);
    }
    Quantized q;
    q.op = {op};
    q.out = n.out;
    op = make_op(std::move(q));
  }
  const Values results = b_.add_multi(std::move(op), std::move(in), n.out.size());
  if (b_.failed()) return b_.take_status();
  for (uint32_t i = 0; i < n.out.size(); ++i) made_.values[{id, i}] = results[i];
  return {};
}

}  // namespace

Result<QuantizedGraph> compress_weights(const Graph& g, const CompressOptions& options) { return Compressor(g, options).run(); }

}  // namespace atl
