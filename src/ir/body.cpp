#include "ir/body.h"

#include <unordered_map>

#include "ir/text.h"

namespace atl {
namespace {

bool equal_ports(const Graph& a, const Graph& b, const std::unordered_map<uint32_t, uint32_t>& twin) {
  if (a.inputs().size() != b.inputs().size() || a.outputs().size() != b.outputs().size()) return false;
  for (size_t i = 0; i < a.inputs().size(); ++i)
    if (a.inputs()[i].name != b.inputs()[i].name) return false;
  for (size_t i = 0; i < a.outputs().size(); ++i) {
    const Port &x = a.outputs()[i], &y = b.outputs()[i];
    if (x.name != y.name || twin.at(x.value.node) != y.value.node || x.value.index != y.value.index) return false;
  }
  return true;
}

bool equal_graphs(const Graph& a, const Graph& b) {
  const auto left = a.topological_order(), right = b.topological_order();
  if (a.name != b.name || left.size() != right.size()) return false;
  std::unordered_map<uint32_t, uint32_t> twin;
  for (size_t i = 0; i < left.size(); ++i) {
    const Node &x = a[left[i]], &y = b[right[i]];
    twin[left[i]] = right[i];
    if (x.op->code != y.op->code || x.out != y.out || x.in.size() != y.in.size()) return false;
    if (x.constant || y.constant) {
      if (!x.constant || !y.constant || !x.constant->same_content(*y.constant)) return false;
      continue;
    }
    if (!def_of(*x.op).equal(*x.op, *y.op)) return false;
    for (size_t k = 0; k < x.in.size(); ++k) {
      if (x.in[k].valid() != y.in[k].valid()) return false;
      if (x.in[k].valid() && (twin.at(x.in[k].node) != y.in[k].node || x.in[k].index != y.in[k].index)) return false;
    }
  }
  return equal_ports(a, b, twin);
}

}  // namespace

bool Body::operator==(const Body& o) const { return graph == o.graph || (graph && o.graph && equal_graphs(*graph, *o.graph)); }

void print_value(std::string& out, const Body& v) {
  out += '{';
  if (v.graph) {
    const std::string text = print(*v.graph, true);
    std::string_view rest = text;
    while (!rest.empty()) {
      const size_t end = std::min(rest.find('\n'), rest.size() - 1);
      out += "\n  ";
      out += rest.substr(0, end);
      rest.remove_prefix(end + 1);
    }
    out += '\n';
  }
  out += '}';
}

size_t closing_brace(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{') {
      ++depth;
    } else if (c == '}' && depth-- == 0) {
      return i;
    } else if (text.substr(i, 4) == "  //") {
      // A comment, up to the end of its line.
      i = std::min(text.find('\n', i), text.size());
    }
  }
  return std::string_view::npos;
}

Status parse_value(FieldText& in, Body& v) {
  if (!in.take('{')) return error(Code::kGraph, "'{' expected");
  const size_t end = closing_brace(in.rest);
  if (end == std::string_view::npos) return error(Code::kGraph, "'}' expected");
  const std::string_view text = in.rest.substr(0, end);
  in.rest.remove_prefix(end + 1);
  v.graph = nullptr;
  if (text.find_first_not_of(" \n") == std::string_view::npos) return {};
  TRY(Graph g, parse_graph(text));
  v.graph = std::make_shared<const Graph>(std::move(g));
  return {};
}

Types input_types(const Graph& g) {
  Types types;
  for (const Port& p : g.inputs()) types.push_back(g.type(p.value));
  return types;
}

Types output_types(const Graph& g) {
  Types types;
  for (const Port& p : g.outputs()) types.push_back(g.type(p.value));
  return types;
}

std::vector<bool> inputs_behind(const Graph& g, size_t output) {
  std::vector<bool> seen(g.size(), false);
  std::vector<uint32_t> work{g.outputs()[output].value.node};
  while (!work.empty()) {
    const uint32_t id = work.back();
    work.pop_back();
    if (seen[id]) continue;
    seen[id] = true;
    for (Value v : g[id].in)
      if (v.valid()) work.push_back(v.node);
  }
  std::vector<bool> out;
  for (const Port& p : g.inputs()) out.push_back(seen[p.value.node]);
  return out;
}

namespace {

/// Copies nodes of one graph into another.
class Copier {
 public:
  Copier(const Graph& from, Graph& to, OriginId origin) : from_(from), to_(to), origin_(origin) {}
  void set(Value from, Value to) { made_[from] = to; }

  Result<Value> value(Value v) {
    const auto it = made_.find(v);
    if (it != made_.end()) return it->second;
    return error(Code::kInternal, "a graph needs an input that is to go");
  }

  /// Copies what is behind the outputs for which `wanted` says so.
  Status copy(const std::vector<bool>& wanted) {
    std::vector<bool> needed(from_.size(), false);
    std::vector<uint32_t> work;
    for (size_t i = 0; i < from_.outputs().size(); ++i)
      if (wanted[i]) work.push_back(from_.outputs()[i].value.node);
    while (!work.empty()) {
      const uint32_t id = work.back();
      work.pop_back();
      if (needed[id]) continue;
      needed[id] = true;
      for (Value v : from_[id].in)
        if (v.valid()) work.push_back(v.node);
    }
    for (uint32_t id : from_.topological_order())
      if (needed[id] && from_[id].op->code != OpCode::kInput) TRY_STATUS(copy_node(id));
    return {};
  }

 private:
  Status copy_node(uint32_t id) {
    const Node& n = from_[id];
    const OriginId origin = n.origin ? to_.add_origin(from_.origin(n.origin)) : origin_;
    if (n.constant) {
      made_[{id, 0}] = to_.add_constant(n.constant, origin);
      return {};
    }
    Values in;
    for (Value v : n.in) {
      in.emplace_back();
      if (!v.valid()) continue;
      TRY(in.back(), value(v));
    }
    TRY(const Values out, to_.add(n.op, std::move(in), origin));
    for (uint32_t i = 0; i < out.size(); ++i) made_[{id, i}] = out[i];
    return {};
  }

  const Graph& from_;
  Graph& to_;
  OriginId origin_;
  std::map<Value, Value> made_;
};

}  // namespace

Result<GraphPtr> select_ports(const Graph& g, const PortSelection& selection) {
  Graph to;
  to.name = g.name;
  Copier copier(g, to, 0);
  for (size_t i = 0; i < g.inputs().size(); ++i) {
    const Port& p = g.inputs()[i];
    if (selection.inputs[i])
      copier.set(p.value, to.add_input(p.name, g.type(p.value)));
    else if (i < selection.bound.size() && selection.bound[i])
      copier.set(p.value, to.add_constant(selection.bound[i]));
  }
  TRY_STATUS(copier.copy(selection.outputs));
  for (size_t i = 0; i < g.outputs().size(); ++i) {
    if (!selection.outputs[i]) continue;
    TRY(const Value v, copier.value(g.outputs()[i].value));
    to.add_output(g.outputs()[i].name, v);
  }
  return std::make_shared<const Graph>(std::move(to));
}

Values inline_graph(Builder& b, const Graph& g, const Values& inputs) {
  Values out(g.outputs().size());
  if (b.failed()) return out;
  Copier copier(g, b.graph(), b.origin());
  for (size_t i = 0; i < g.inputs().size(); ++i) copier.set(g.inputs()[i].value, inputs[i]);
  Status copied = copier.copy(std::vector<bool>(g.outputs().size(), true));
  for (size_t i = 0; copied && i < out.size(); ++i) {
    auto v = copier.value(g.outputs()[i].value);
    if (v)
      out[i] = *v;
    else
      copied = std::move(v.error());
  }
  if (!copied) b.fail(std::move(copied.error()));
  return out;
}

}  // namespace atl
