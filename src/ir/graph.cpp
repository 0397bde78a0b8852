#include "ir/graph.h"

#include <algorithm>

#include "ir/basic_ops.h"

namespace atl {

Types Graph::types(const Values& values) const {
  Types out;
  out.reserve(values.size());
  for (const Value v : values) out.push_back(v.valid() ? type(v) : absent_type());
  return out;
}

Result<Values> Graph::add(OpPtr op, Values in, OriginId origin) {
  for (Value v : in)
    if (v.valid() && (v.node >= nodes_.size() || v.index >= nodes_[v.node].out.size()))
      return error(Code::kInternal, "an operand does not exist");
  const Types types = this->types(in);
  const OpDef& def = def_of(*op);
  auto out = def.infer(*op, types);
  if (!out) {
    std::string step = fmt::format("while adding {} {{{}}} on", def.name, def.print(*op));
    for (const Type& t : types) step += ' ' + to_string(t);
    return std::move(out.error()).at(origins_[origin]).in(std::move(step));
  }
  const uint32_t id = uint32_t(nodes_.size());
  uses_.emplace_back(out->size());
  places_.emplace_back(in.size());
  for (uint32_t i = 0; i < in.size(); ++i)
    if (in[i].valid()) add_use(in[i], {id, i});
  Values result;
  for (uint32_t i = 0; i < out->size(); ++i) result.push_back({id, i});
  nodes_.push_back({std::move(op), std::move(in), std::move(*out), origin, nullptr, false});
  return result;
}

Value Graph::add_constant(ConstantPtr c, OriginId origin) {
  static const OpPtr kOp = make_op(Const{});
  const Value v{uint32_t(nodes_.size()), 0};
  uses_.emplace_back(1);
  places_.emplace_back();
  nodes_.push_back({kOp, {}, {c->type()}, origin, std::move(c), false});
  return v;
}

Value Graph::add_input(std::string name, Type type) {
  static const OpPtr kOp = make_op(Input{});
  const Value v{uint32_t(nodes_.size()), 0};
  uses_.emplace_back(1);
  places_.emplace_back();
  nodes_.push_back({kOp, {}, {std::move(type)}, 0, nullptr, false});
  inputs_.push_back({std::move(name), v});
  return v;
}

void Graph::add_output(std::string name, Value v) {
  output_places_.push_back(0);
  add_use(v, {kGraphOutput, uint32_t(outputs_.size())});
  outputs_.push_back({std::move(name), v});
}

bool Graph::is_state_input(size_t i) const {
  return std::any_of(states_.begin(), states_.end(), [&](const State& s) { return s.input == i; });
}

bool Graph::is_state_output(size_t i) const {
  return std::any_of(states_.begin(), states_.end(), [&](const State& s) { return s.output == i; });
}

std::vector<uint32_t> Graph::topological_order() const {
  std::vector<uint32_t> order;
  std::vector<uint8_t> state(nodes_.size(), 0);
  for (const Port& p : inputs_) {
    state[p.value.node] = 2;
    order.push_back(p.value.node);
  }
  std::vector<std::pair<uint32_t, uint32_t>> stack;
  for (const Port& p : outputs_) {
    if (state[p.value.node] == 0) stack.push_back({p.value.node, 0});
    while (!stack.empty()) {
      auto& [id, next] = stack.back();
      state[id] = 1;
      const Values& in = nodes_[id].in;
      while (next < in.size() && (!in[next].valid() || state[in[next].node] != 0)) ++next;
      if (next < in.size()) {
        stack.push_back({in[next].node, 0});
        continue;
      }
      state[id] = 2;
      order.push_back(id);
      stack.pop_back();
    }
  }
  return order;
}

size_t Graph::remove_dead_nodes() {
  std::vector<bool> live(nodes_.size(), false);
  for (uint32_t id : topological_order()) live[id] = true;
  size_t died = 0;
  for (uint32_t id = 0; id < nodes_.size(); ++id) {
    if (live[id] || nodes_[id].dead) continue;
    release(id);
    ++died;
  }
  return died;
}

void Graph::release(uint32_t id) {
  Node& n = nodes_[id];
  n.dead = true;
  for (uint32_t i = 0; i < n.in.size(); ++i)
    if (n.in[i].valid()) remove_use(n.in[i], {id, i});
  n.in.clear();
  n.constant.reset();
}

size_t Graph::count(OpCode c) const {
  return size_t(std::count_if(nodes_.begin(), nodes_.end(), [&](const Node& n) { return !n.dead && n.op->code == c; }));
}

OriginId Graph::add_origin(Origin o) {
  std::string key = o.module_path + '\0' + o.node + '\0' + o.source_op + '\0' + o.file + std::to_string(o.line);
  const auto [it, added] = origin_ids_.try_emplace(std::move(key), OriginId(origins_.size()));
  if (added) origins_.push_back(std::move(o));
  return it->second;
}

void Graph::add_use(Value v, Use use) {
  auto& list = uses_[v.node][v.index];
  place_of(use) = uint32_t(list.size());
  list.push_back(use);
}

void Graph::remove_use(Value v, Use use) {
  auto& list = uses_[v.node][v.index];
  const uint32_t place = place_of(use);
  list[place] = list.back();
  place_of(list[place]) = place;
  list.pop_back();
}

Status Graph::replace(Value from, Value to, uint32_t exempt) {
  if (from == to) return {};
  if (type(from) != type(to))
    return error(Code::kInternal, fmt::format("a rewrite changes the type of a value from {} to {}", to_string(type(from)),
                                              to_string(type(to))));
  for (const Use& u : std::vector<Use>(uses(from))) {
    if (u.node != kGraphOutput && (u.node == to.node || u.node >= exempt)) continue;
    if (u.node == kGraphOutput)
      outputs_[u.operand].value = to;
    else
      nodes_[u.node].in[u.operand] = to;
    remove_use(from, u);
    add_use(to, u);
  }
  return {};
}

Status Graph::set_operand(uint32_t id, uint32_t operand, Value v) {
  Node& n = nodes_[id];
  Values in = n.in;
  in[operand] = v;
  TRY(const Types out, def_of(*n.op).infer(*n.op, types(in)));
  if (out != n.out) return error(Code::kInternal, "a changed operand changes the result's type");
  if (n.in[operand].valid()) remove_use(n.in[operand], {id, operand});
  n.in[operand] = v;
  add_use(v, {id, operand});
  return {};
}

Status Graph::set_input_type(size_t i, Type type) {
  const Value v = inputs_[i].value;
  if (!uses(v).empty()) return error(Code::kInternal, "an input's type changes while it is used");
  nodes_[v.node].out[0] = std::move(type);
  return {};
}

void Graph::set_output(size_t i, Value v) {
  remove_use(outputs_[i].value, {kGraphOutput, uint32_t(i)});
  outputs_[i].value = v;
  add_use(v, {kGraphOutput, uint32_t(i)});
}

}  // namespace atl
