#include "ops/variable_operands.h"

#include <algorithm>
#include <cstring>

#include "ir/basic_ops.h"
#include "ir/tflite_op.h"
#include "ops/binary.h"
#include "ops/opaque.h"
#include "ops/quantize.h"
#include "ops/shape.h"

namespace atl {
namespace {

struct Place {
  uint32_t node, operand;
};
using Places = std::vector<Place>;

/// The operands of a node that are variables, and its results that stay in them.
struct Variables {
  std::vector<uint32_t> operands, results;
};

Variables variables_of(const Graph& g, uint32_t id) {
  const Node& n = g[id];
  if (n.dead || n.constant || n.op->code == OpCode::kInput || n.op->code == OpCode::kOpaque || n.out.empty()) return {};
  if (n.out[0].dtype != DType::kF32 && !n.out[0].quant) return {};
  const Types types = g.types(n.in);
  const auto op = def_of(*n.op).emit(*n.op, types);
  if (!op) return {};
  Variables out;
  for (const TfliteOperand& o : op->operands)
    if (o.kind == TfliteOperand::Kind::kInput && o.variable) out.operands.push_back(uint32_t(o.input));
  for (size_t k = n.out.size() - op->updated.size(); k < n.out.size(); ++k) out.results.push_back(uint32_t(k));
  return out;
}

bool is_filled(const Graph& g, Value v) {
  return is_variable_of_file(g, v) || (g.is(v, OpCode::kUnpack) && g.uses(v).size() == 1);
}

// A SELECT that always chooses its first value.
bool is_guard(const Graph& g, const Use& u) {
  if (u.node == kGraphOutput || u.operand != 1 || !g.as<Select>({u.node, 0})) return false;
  const Constant* condition = g.constant(g[u.node].in[0]);
  if (!condition || element_count(condition->type().shape) != 1) return false;
  const auto t = condition->materialize();
  return t && element_as_int(*t, 0) != 0;
}

// The type of the variable for an operand: that of the operand, in integers without a leading axis of size 1 where the node
// does not mind (TensorFlow Lite Micro's kernels and the Edge TPU's compiler know states of two axes).
Type variable_type(const Graph& g, uint32_t id, uint32_t operand) {
  const Node& n = g[id];
  const Type& type = g.type(n.in[operand]);
  if (!type.quant || type.rank() != 3 || type.shape[0] != 1) return type;
  Types types = g.types(n.in);
  types[operand].shape.erase(types[operand].shape.begin());
  const auto results = def_of(*n.op).infer(*n.op, types);
  return results && *results == n.out ? types[operand] : type;
}

Status unpack_into(Builder& b, Value all, const Places& places) {
  const Values parts = b.add_multi(Unpack(0), {all}, places.size());
  if (b.failed()) return b.take_status();
  for (size_t i = 0; i < places.size(); ++i) TRY_STATUS(b.graph().set_operand(places[i].node, places[i].operand, parts[i]));
  return {};
}

Status fill_with_constants(Builder& b, Type type, const Places& places) {
  type.shape.insert(type.shape.begin(), int64_t(places.size()));
  Tensor all = Tensor::make(type);
  std::byte* to = all.mutable_bytes();
  for (const Place& p : places) {
    TRY(const Tensor state, b.graph().constant(b.graph()[p.node].in[p.operand])->materialize());
    std::memcpy(to, state.bytes(), state.byte_count());
    to += state.byte_count();
  }
  return unpack_into(b, b.constant(std::move(all)), places);
}

Status fill_with_value(Builder& b, Value state, const Places& places) {
  Shape one = b.shape(state);
  one.insert(one.begin(), 1);
  return unpack_into(b, places.size() == 1 ? b.add(Reshape(one), {state}) : b.add(Pack(0), Values(places.size(), state)),
                     places);
}

// What fills a variable operand, where that is plain to see: `v` is a result of an UNPACK.
Result<Value> filling(Graph& g, Value v) {
  const Value all = g[v].in[0];
  if (g.as<Unpack>(v)->axis != 0) return v;
  if (const Constant* c = g.constant(all)) {
    TRY(const Tensor t, c->materialize());
    const Type& type = g.type(v);
    Tensor part = Tensor::make(type);
    if (part.byte_count()) std::memcpy(part.mutable_bytes(), t.bytes() + v.index * part.byte_count(), part.byte_count());
    return g.add_constant(Constant::of(std::move(part)), g[v].origin);
  }
  const Node& from = g[all];
  const bool stacked = g.as<Pack>(all) && g.as<Pack>(all)->axis == 0;
  if (!stacked && !g.is(all, OpCode::kReshape)) return v;
  const Value part = from.in[stacked ? v.index : 0];
  return g.type(part) == g.type(v) ? part : v;
}

bool is_zero(const Tensor& t) {
  const int64_t zero = t.type().quant ? t.type().quant->zero_point[0] : 0;
  for (int64_t i = 0; i < t.count(); ++i)
    if (element_as_double(t, i) != double(zero)) return false;
  return true;
}

}  // namespace

Status fill_variable_operands(Graph& g) {
  std::vector<std::pair<Type, Places>> constant;
  std::vector<std::pair<Value, Places>> computed;
  const auto put = [](auto& groups, const auto& key, Place p) {
    auto it = std::find_if(groups.begin(), groups.end(), [&](const auto& group) { return group.first == key; });
    if (it == groups.end()) it = groups.insert(groups.end(), {key, {}});
    it->second.push_back(p);
  };
  OriginId origin = 0;
  for (uint32_t id : g.topological_order())
    for (uint32_t operand : variables_of(g, id).operands) {
      const Value v = g[id].in[operand];
      origin = g[id].origin;
      if (g.constant(v))
        put(constant, variable_type(g, id, operand), {id, operand});
      else if (!is_filled(g, v))
        put(computed, v, {id, operand});
    }
  Builder b(g, origin);
  for (const auto& [type, places] : constant) TRY_STATUS(fill_with_constants(b, type, places));
  for (const auto& [state, places] : computed) {
    b.set_origin(g[places[0].node].origin);
    TRY_STATUS(fill_with_value(b, state, places));
  }
  return b.take_status();
}

namespace {

Value constant_true(Builder& b, size_t rank) {
  const uint8_t yes = 1;
  return b.constant(Tensor::of<uint8_t>(DType::kBool, Shape(rank, 1), std::span(&yes, 1)));
}

Value guarded(Builder& b, Value always, Value state, Value sequence) {
  const size_t rank = b.rank(state);
  Slice corner(std::vector<int64_t>(b.rank(sequence), 0), std::vector<int64_t>(b.rank(sequence), 1));
  for (size_t a = rank; a < b.rank(sequence); ++a) corner.shrink.push_back(int64_t(a - rank));
  Value other = b.add(corner, {sequence});
  const Type type = b.type(state);
  if (type.quant && !b.failed() && (b.type(other).dtype != type.dtype || b.type(other).quant != type.quant))
    other = b.add(quantize_to(type), {other});
  return b.add(Select{}, {always, state, other});
}

}  // namespace

Value guarded_state(Builder& b, Value state, Value sequence) {
  return guarded(b, constant_true(b, b.rank(state)), state, sequence);
}

Status guard_states(Graph& g) {
  std::map<size_t, Value> always;  // by rank
  for (uint32_t id : g.topological_order())
    for (uint32_t k : variables_of(g, id).results) {
      const Value state{id, k};
      const auto& uses = g.uses(state);
      if (uses.empty() || std::ranges::all_of(uses, [&](const Use& u) { return is_guard(g, u); })) continue;
      Builder b(g, g[id].origin);
      const uint32_t first_new = g.size();
      const auto [condition, added] = always.try_emplace(b.rank(state));
      if (added) condition->second = constant_true(b, b.rank(state));
      const Value guard = guarded(b, condition->second, state, {id, 0});
      if (b.failed()) return b.take_status();
      TRY_STATUS(g.replace(state, guard, first_new));
    }
  return {};
}

Result<std::map<Value, Value>> bypass_variables(Graph& g) {
  std::map<Value, Value> guards;
  for (uint32_t id : g.topological_order()) {
    const Variables variables = variables_of(g, id);
    for (uint32_t operand : variables.operands) {
      const Value v = g[id].in[operand];
      if (!g.is(v, OpCode::kUnpack)) continue;
      TRY(const Value with, filling(g, v));
      if (with != v) TRY_STATUS(g.set_operand(id, operand, with));
    }
    for (uint32_t k : variables.results) {
      const std::vector<Use> uses = g.uses({id, k});
      for (const Use& u : uses) {
        if (!is_guard(g, u)) continue;
        guards[{id, k}] = {u.node, 0};
        TRY_STATUS(g.replace({u.node, 0}, {id, k}));
      }
    }
  }
  g.remove_dead_nodes();
  return guards;
}

Result<std::optional<Graph>> without_variables(const Graph& g) {
  const bool any = std::ranges::any_of(g.topological_order(), [&](uint32_t id) {
    const Variables v = variables_of(g, id);
    return !v.operands.empty() || !v.results.empty();
  });
  if (!any) return std::optional<Graph>();
  Graph copy = g;
  TRY([[maybe_unused]] const auto guards, bypass_variables(copy));
  return std::optional<Graph>(std::move(copy));
}

bool is_variable_of_file(const Graph& g, Value v) {
  const auto* kept = g.as<Opaque>(v);
  return kept && kept->builtin == Opaque::kFileTensor;
}

Result<size_t> keep_states_between_runs(Graph& g) {
  size_t changed = 0;
  for (uint32_t id : g.topological_order()) {
    bool kept = false;
    for (uint32_t operand : variables_of(g, id).operands) {
      const Value v = g[id].in[operand];
      if (!g.is(v, OpCode::kUnpack)) continue;
      TRY(const Value with, filling(g, v));
      const Constant* c = g.constant(with);
      if (!c) continue;
      TRY(const Tensor t, c->materialize());
      if (!is_zero(t)) continue;
      TRY(const Values variable, g.add(make_op(make_variable(variable_type(g, id, operand))), {}, g[id].origin));
      TRY_STATUS(g.set_operand(id, operand, variable[0]));
      kept = true;
    }
    changed += kept;
  }
  g.remove_dead_nodes();
  return changed;
}

}  // namespace atl
