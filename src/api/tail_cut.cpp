#include "api/tail_cut.h"

#include <algorithm>
#include <map>
#include <set>

#include "api/layer_choice.h"
#include "ir/body.h"
#include "ops/quantize.h"

namespace atl {
namespace {

/// Copies nodes of one graph into another.
class Copy {
 public:
  Copy(const Graph& from, Graph& to) : from_(from), to_(to) {}
  void bind(Value old, Value v) { values_[old] = v; }
  /// The value's counterpart; constants are copied when they are asked for.
  Value operator()(Value v) {
    if (!v.valid()) return v;
    const auto at = values_.find(v);
    if (at != values_.end()) return at->second;
    const Value c = to_.add_constant(from_.constant_ptr(v), origin(v.node));
    bind(v, c);
    return c;
  }
  Status add(uint32_t id) {
    Values in;
    for (const Value v : from_[id].in) in.push_back((*this)(v));
    TRY(const Values out, to_.add(from_[id].op, std::move(in), origin(id)));
    for (uint32_t i = 0; i < out.size(); ++i) bind({id, i}, out[i]);
    return {};
  }

 private:
  OriginId origin(uint32_t id) { return to_.add_origin(from_.origin(from_[id].origin)); }
  const Graph& from_;
  Graph& to_;
  std::map<Value, Value> values_;
};

bool is_port_or_constant(const Graph& g, uint32_t id) { return g[id].constant != nullptr || g[id].op->code == OpCode::kInput; }

// Names of ports, each one once.
class Names {
 public:
  explicit Names(const Graph& g) {
    for (const Port& p : g.inputs()) taken_.insert(p.name);
    for (const Port& p : g.outputs()) taken_.insert(p.name);
  }
  std::string of(const Origin& o) {
    const std::string base = !o.module_path.empty() ? o.module_path : !o.node.empty() ? o.node : "value";
    std::string name = base;
    for (int i = 1; !taken_.insert(name).second; ++i) name = fmt::format("{}:{}", base, i);
    return name;
  }

 private:
  std::set<std::string> taken_;
};

}  // namespace

Result<TailCut> cut_tail(const Graph& g, std::span<const std::string> patterns) {
  if (!g.states().empty()) return error(Code::kUnsupportedForm, "a model with state cannot be cut", "leave out --cut");
  TRY(const std::vector<DType> named, choose_layers(g, patterns, {}));
  const std::vector<uint32_t> order = g.topological_order();
  std::vector<bool> in_tail(g.size());
  for (const uint32_t id : order) {
    if (is_port_or_constant(g, id)) continue;
    in_tail[id] =
        named[id] == DType::kF32 || std::ranges::any_of(g[id].in, [&](Value v) { return v.valid() && in_tail[v.node]; });
  }
  TailCut cut;
  Copy head(g, cut.head), tail(g, cut.tail);
  Names names(g);
  cut.tail.name = cut.head.name = g.name;
  const auto read_by = [&](Value v, bool part) {
    return std::ranges::any_of(g.uses(v), [&](const Use& u) { return u.node != kGraphOutput && in_tail[u.node] == part; });
  };
  for (size_t i = 0; i < g.inputs().size(); ++i) {
    const Port& p = g.inputs()[i];
    if (read_by(p.value, false)) {
      head.bind(p.value, cut.head.add_input(p.name, g.type(p.value)));
      cut.head_inputs.push_back(i);
    }
    if (read_by(p.value, true)) tail.bind(p.value, cut.tail.add_input(p.name, g.type(p.value)));
  }
  const auto port_name = [&](Value v) {
    for (const Port& p : g.outputs())
      if (p.value == v) return p.name;
    return names.of(g.origin_of(v));
  };
  // All inputs of the tail come first, for one may be read by an op far behind the one that makes it.
  for (const uint32_t id : order) {
    if (is_port_or_constant(g, id) || in_tail[id]) continue;
    TRY_STATUS(head.add(id));
    for (uint32_t k = 0; k < g[id].out.size(); ++k) {
      const Value v{id, k};
      const bool is_output = std::ranges::any_of(g.outputs(), [&](const Port& p) { return p.value == v; });
      const bool crosses = read_by(v, true);
      if (!crosses && !is_output) continue;
      const std::string name = port_name(v);
      cut.head.add_output(name, head(v));
      if (crosses) tail.bind(v, cut.tail.add_input(name, g.type(v)));
    }
  }
  for (const uint32_t id : order)
    if (in_tail[id]) TRY_STATUS(tail.add(id));
  for (const Port& p : g.outputs()) {
    cut.outputs.push_back(p.name);
    if (in_tail[p.value.node]) cut.tail.add_output(p.name, tail(p.value));
  }
  if (cut.head.outputs().empty())
    return error(Code::kUsage, "--cut leaves nothing in front of the cut", "name layers further behind");
  return cut;
}

Result<Graph> take_integers(const Graph& tail, const Graph& head) {
  Graph out;
  out.name = tail.name;
  Builder b(out);
  Values inputs;
  for (const Port& p : tail.inputs()) {
    const auto from = std::ranges::find(head.outputs(), p.name, &Port::name);
    const Type& type = from == head.outputs().end() ? tail.type(p.value) : head.type(from->value);
    const Value in = out.add_input(p.name, type);
    inputs.push_back(type == tail.type(p.value) ? in : b.add(Dequantize{}, {in}));
  }
  const Values results = inline_graph(b, tail, inputs);
  if (b.failed()) return std::move(b.take_status().error());
  for (size_t i = 0; i < results.size(); ++i) out.add_output(tail.outputs()[i].name, results[i]);
  return out;
}

}  // namespace atl
