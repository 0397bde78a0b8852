#include "api/quantization_report.h"

#include "ops/fixed_point.h"

namespace atl {

std::vector<FloatException> float_exceptions(const Graph& g, const QuantPlan& plan) {
  std::vector<FloatException> out;
  for (uint32_t id : g.topological_order()) {
    const NodePlan& p = plan.nodes[id];
    if (p.data != DType::kF32) continue;
    const Origin& o = g.origin(g[id].origin);
    out.push_back(
        {o.module_path, o.source_op.empty() ? std::string(def_of(*g[id].op).name) : o.source_op, p.reason, o.file, o.line});
  }
  return out;
}

std::vector<std::string> interface_lines(const Graph& quantized) {
  std::vector<std::string> out;
  const auto describe = [&](std::string_view kind, const Port& port) {
    const Type& t = quantized.type(port.value);
    if (!t.quant) {
      out.push_back(fmt::format("{} '{}' {}", kind, port.name, to_string(t)));
      return;
    }
    const double scale = scale_of(t), zero = zero_point_of(t);
    const IntegerRange r = integer_range(t.dtype);
    out.push_back(fmt::format("{} '{}' {}: value = {:.9g} * (integer - {}), from {:.6g} to {:.6g}", kind, port.name,
                              to_string(Type{t.dtype, t.shape, {}}), scale, zero, scale * (r.low - zero),
                              scale * (r.high - zero)));
  };
  for (const Port& p : quantized.inputs()) describe("input", p);
  for (const Port& p : quantized.outputs()) describe("output", p);
  return out;
}

}  // namespace atl
