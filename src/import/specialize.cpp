#include "import/specialize.h"

#include <algorithm>

#include "import/size_expression.h"

namespace atl {
namespace {

bool is_symbolic(const SourceValue& v) {
  return v.is<SymInt>() || v.is<SymFloat>() || v.is<SymBool>() || v.is<std::vector<SymInt>>() ||
         v.is<std::vector<SymFloat>>() || v.is<std::vector<SymBool>>();
}

bool is_open(const TensorMeta& m) {
  const auto open = [](const SymDim& d) { return !d.is_static(); };
  return std::any_of(m.sizes.begin(), m.sizes.end(), open) || std::any_of(m.strides.begin(), m.strides.end(), open) ||
         open(m.storage_offset);
}

bool has_open_sizes(const SourceGraph& g) {
  for (const auto& [name, meta] : g.tensors)
    if (is_open(meta)) return true;
  for (const SourceNode& n : g.nodes) {
    if (std::any_of(n.outputs.begin(), n.outputs.end(), is_symbolic)) return true;
    for (const SourceArgument& a : n.inputs)
      if (const auto* inner = a.value.get<GraphRef>(); inner && inner->graph && has_open_sizes(*inner->graph)) return true;
  }
  return false;
}

// Specializes one graph and those inside it.
class Specializer {
 public:
  explicit Specializer(const SizeValues& values)
      : lookup_([&values](std::string_view name) -> std::optional<int64_t> {
          const auto it = values.find(std::string(name));
          return it == values.end() ? std::nullopt : std::optional(it->second);
        }) {}

  void run(SourceGraph& g);
  std::vector<Error>& errors() { return errors_; }

 private:
  // The number behind a name of the graph; nullopt when it depends on data.
  template <class T>
  std::optional<T> number(const SourceGraph& g, const std::string& name) const;
  std::optional<SizeNumber> evaluate(std::string_view expr) const;
  template <class T>
  bool resolve(const SourceGraph& g, Sym<T>& s) const;
  bool resolve(const SourceGraph& g, SourceValue& v);
  void resolve_meta(TensorMeta& meta) const;
  bool check_assertion(const SourceGraph& g, const SourceNode& n);
  void report(Error e);

  SizeLookup lookup_;
  std::vector<Error> errors_;
};

std::optional<SizeNumber> Specializer::evaluate(std::string_view expr) const {
  auto v = evaluate_size(expr, lookup_);
  return v ? std::optional(*v) : std::nullopt;
}

template <class T>
std::optional<T> Specializer::number(const SourceGraph& g, const std::string& name) const {
  std::optional<SizeNumber> v;
  if (const auto i = g.sym_ints.find(name); i != g.sym_ints.end()) {
    v = i->second.is_static() ? SizeNumber{false, i->second.value, 0} : evaluate(i->second.expr);
  } else if (const auto f = g.sym_floats.find(name); f != g.sym_floats.end()) {
    v = f->second.is_static() ? SizeNumber{true, 0, f->second.value} : evaluate(f->second.name);
  } else if (const auto b = g.sym_bools.find(name); b != g.sym_bools.end()) {
    v = b->second.is_static() ? SizeNumber{false, b->second.value, 0} : evaluate(b->second.name);
  }
  if (!v) return std::nullopt;
  if constexpr (std::is_same_v<T, bool>) return v->is_true();
  if constexpr (std::is_same_v<T, double>) return v->as_double();
  if (v->is_float && v->real != double(int64_t(v->real))) return std::nullopt;
  return T(v->is_float ? int64_t(v->real) : v->integer);
}

template <class T>
bool Specializer::resolve(const SourceGraph& g, Sym<T>& s) const {
  if (s.is_static()) return true;
  const auto v = number<T>(g, s.name);
  if (!v) return false;
  s = Sym<T>{{}, *v};
  return true;
}

// False when a number in it depends on data.
bool Specializer::resolve(const SourceGraph& g, SourceValue& v) {
  return std::visit(
      [&](auto& value) {
        using V = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<V, SymInt> || std::is_same_v<V, SymFloat> || std::is_same_v<V, SymBool>) {
          return resolve(g, value);
        } else if constexpr (std::is_same_v<V, std::vector<SymInt>> || std::is_same_v<V, std::vector<SymFloat>> ||
                             std::is_same_v<V, std::vector<SymBool>>) {
          bool all = true;
          for (auto& s : value) all = resolve(g, s) && all;
          return all;
        } else if constexpr (std::is_same_v<V, GraphRef>) {
          if (!value.graph) return true;
          auto inner = std::make_shared<SourceGraph>(*value.graph);
          run(*inner);
          value.graph = std::move(inner);
          return true;
        } else {
          return true;
        }
      },
      v.v);
}

// What depends on data keeps its name.
void Specializer::resolve_meta(TensorMeta& meta) const {
  const auto one = [&](SymDim& d) {
    if (d.is_static()) return true;
    const auto v = evaluate(d.expr);
    if (!v || (v->is_float && v->real != double(int64_t(v->real)))) return false;
    d = SymDim{v->is_float ? int64_t(v->real) : v->integer, {}};
    return true;
  };
  for (SymDim& d : meta.sizes) one(d);
  // Strides only tell copies from views; one that is not known is that of no view.
  for (SymDim& d : meta.strides)
    if (!one(d)) d = SymDim{0, {}};
  if (!one(meta.storage_offset)) meta.storage_offset = SymDim{0, {}};
}

void Specializer::report(Error e) {
  for (Error& known : errors_)
    if (known.what == e.what && known.origin == e.origin) {
      ++known.count;
      return;
    }
  errors_.push_back(std::move(e));
}

// True for an assertion that is decided; one that does not hold is reported.
bool Specializer::check_assertion(const SourceGraph& g, const SourceNode& n) {
  if (!n.target.starts_with("aten._assert_scalar.")) return false;
  const SourceValue* self = n.find("self");
  const auto* condition = self ? self->get<SymBool>() : nullptr;
  if (!condition) return false;
  const auto holds = condition->is_static() ? std::optional(condition->value) : number<bool>(g, condition->name);
  if (!holds || *holds) return holds.has_value();
  const SourceValue* message = n.find("assert_msg");
  const auto* text = message ? message->get<std::string>() : nullptr;
  report(error(Code::kSymbolic,
               fmt::format("the program's assertion does not hold for these sizes{}", text ? ": " + *text : std::string()),
               "choose sizes for which it holds with --shape")
             .at(n.origin));
  return true;
}

void Specializer::run(SourceGraph& g) {
  for (auto& [name, meta] : g.tensors)
    if (is_open(meta)) resolve_meta(meta);
  std::vector<SourceNode> nodes;
  for (SourceNode& n : g.nodes) {
    if (check_assertion(g, n)) continue;
    bool decided = !n.outputs.empty();
    for (const SourceValue& v : n.outputs) {
      SourceValue copy = v;
      decided = decided && is_symbolic(v) && resolve(g, copy);
    }
    if (decided) continue;
    for (SourceArgument& a : n.inputs) resolve(g, a.value);
    nodes.push_back(std::move(n));
  }
  g.nodes = std::move(nodes);
  for (SourceValue& v : g.outputs) resolve(g, v);
}

}  // namespace

bool has_open_sizes(const SourceProgram& program) { return has_open_sizes(program.graph); }

Result<SourceProgram> specialize(const SourceProgram& program, const SizeValues& values) {
  TRY_STATUS(check_sizes(program, values));
  SourceProgram out = program;
  Specializer s(values);
  s.run(out.graph);
  if (!s.errors().empty()) {
    Error first = std::move(s.errors().front());
    for (size_t i = 1; i < s.errors().size(); ++i) first.others.push_back(std::move(s.errors()[i]));
    return first;
  }
  // A size that is returned is a number now.
  for (size_t i = 0; i < out.outputs.size() && i < out.graph.outputs.size(); ++i) {
    SourceValue& v = out.outputs[i].value;
    if (const auto* n = out.graph.outputs[i].get<SymInt>(); n && n->is_static()) v = SourceValue{n->value};
    if (const auto* n = out.graph.outputs[i].get<SymFloat>(); n && n->is_static()) v = SourceValue{n->value};
  }
  return out;
}

}  // namespace atl
