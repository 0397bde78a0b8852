#include "import/importer.h"

#include <algorithm>
#include <set>
#include <utility>

#include "import/alias_table.h"
#include "import/aten.h"
#include "import/carry_nan.h"
#include "import/changed_buffers.h"
#include "import/complex.h"
#include "import/data_dependence.h"
#include "import/higher_order.h"
#include "import/known_numbers.h"
#include "import/plain_argument.h"
#include "import/refusal.h"
#include "import/source_results.h"
#include "import/stored_tensors.h"
#include "import/view_operators.h"
#include "ops/opaque.h"
#include "ops/shape.h"

namespace atl {
namespace {

constexpr int kMaxGraphDepth = 64;

// Imports one program: keeps what each source value is at the moment, and all problems found.
class Importer {
 public:
  explicit Importer(const SourceProgram& program) : program_(program) {}
  Result<ImportedProgram> run();

 private:
  // What a source value is: one real tensor, or the two parts of a complex one.
  using Parts = Values;
  using Env = std::unordered_map<std::string, Parts>;
  struct Bound {
    SourceArg re, im;  // `im` is monostate for what is real
  };
  struct Scope {
    const SourceGraph& source;
    Env env;
    AliasTable aliases;
    KnownNumbers numbers;
    std::set<std::string> fixed;  // values that must not be changed in place: stored tensors and user inputs
  };

  Status add_inputs(Scope& scope);
  Status add_states(Scope& scope);
  Status end_states(Scope& scope);
  Status add_outputs(Scope& scope);
  /// The value of that name; kUnsupportedForm when the rule of the node that makes it gave none.
  static Result<Parts> parts_of(const Scope& scope, const std::string& name);
  /// The same of what must be real, such as an output.
  static Result<Value> value_of(const Scope& scope, const std::string& name);
  void run_node(Scope& scope, const SourceNode& node, int depth);
  bool pass_over(Scope& scope, const SourceNode& node);
  void run_operator(Scope& scope, const SourceNode& node);
  void run_higher_order(Scope& scope, const SourceNode& node, int depth);
  Body import_body(const GraphRef& graph, const SourceNode& node, const Types& types, int depth);
  void run_inlined(Scope& scope, const SourceNode& node, const GraphRef& graph, int depth);
  std::vector<Parts> build(Scope& scope, const SourceNode& node, const std::string& target);
  bool bind_arguments(Scope& scope, const SourceNode& node, SourceCall& call);
  Result<Bound> argument(Scope& scope, const SourceValue& value);
  /// The same for operators that take no complex numbers.
  Result<SourceArg> real_argument(Scope& scope, const SourceValue& value);
  void bind_results(Scope& scope, const SourceNode& node, const std::vector<Parts>& results);
  void mutate(Scope& scope, const SourceNode& node, const std::string& name, const Parts& v);
  Value scatter_into_base(Scope& scope, const View& view, Value base, Value changed);
  std::vector<Parts> placeholders(Scope& scope, const SourceNode& node);
  void report(Error e);
  bool is_state(const std::string& fqn) const {
    const auto& states = out_.graph.states();
    return std::any_of(states.begin(), states.end(), [&](const State& s) { return s.name == fqn; });
  }

  const SourceProgram& program_;
  ImportedProgram out_;
  Graph* graph_ = &out_.graph;  // the one that nodes are added to: the program's, or that of a branch or loop
  const std::set<std::string> changed_ = changed_buffers(program_);
  std::vector<std::string> state_values_;  // value names of the states, in their order
  std::vector<Error> errors_;
  int problems_ = 0;  // reported, also those that are one error with a count
  DataDependence unknown_;
  OriginId origin_ = 0;
};

// Problems of one kind are reported once, with a count.
void Importer::report(Error e) {
  ++problems_;
  for (Error& known : errors_)
    if (known.code == e.code && known.what == e.what) {
      ++known.count;
      return;
    }
  errors_.push_back(std::move(e));
}

Status Importer::add_inputs(Scope& scope) {
  for (const SourceInput& input : program_.inputs) {
    switch (input.kind) {
      case InputKind::kUser: {
        const TensorMeta* meta = scope.source.find(input.value);
        if (!meta)
          return error(Code::kSymbolic, fmt::format("input '{}' is a number, not a tensor", input.name),
                       "pass it as a tensor, or fix it before exporting");
        if (!meta->is_static())
          return error(Code::kSymbolic, fmt::format("input '{}' has a dynamic shape", input.name), "fix it with --shape");
        const Type type = type_of(*meta);
        if (type.dtype == DType::kUnknown || is_complex(meta->dtype))
          return error(Code::kUnsupportedType,
                       fmt::format("input '{}' has element type {}", input.name, scalar_name(meta->dtype)),
                       "cast it to a real type inside the module");
        scope.env[input.value] = {out_.graph.add_input(input.name, type)};
        scope.fixed.insert(input.value);
        out_.samples.push_back(sample_of(input));
        break;
      }
      case InputKind::kStored: {
        if (changed_.count(input.value)) break;
        TRY(const auto constants, constants_of(program_.tensors[size_t(input.tensor)]));
        Origin o;
        o.module_path = program_.tensors[size_t(input.tensor)].fqn;
        const OriginId origin = out_.graph.add_origin(std::move(o));
        for (const ConstantPtr& c : constants) scope.env[input.value].push_back(out_.graph.add_constant(c, origin));
        scope.fixed.insert(input.value);
        break;
      }
      case InputKind::kCustomObject:
        return error(Code::kUnsupportedOp, fmt::format("input '{}' is a script object", input.value),
                     "export a module that takes and keeps only tensors");
      case InputKind::kUserConstant:
      case InputKind::kToken:
        break;
    }
  }
  return {};
}

Result<Importer::Parts> Importer::parts_of(const Scope& scope, const std::string& name) {
  const auto it = scope.env.find(name);
  if (it == scope.env.end() || it->second.empty() || !it->second[0].valid()) return without_value(scope.source, name);
  return it->second;
}

Result<Value> Importer::value_of(const Scope& scope, const std::string& name) {
  TRY(const Parts parts, parts_of(scope, name));
  if (parts.size() == 1) return parts[0];
  return error(Code::kUnsupportedType, fmt::format("'{}' is complex where a real tensor is needed", name),
               "use torch.view_as_real() of it, or its real and imag");
}

// Buffers that the program changes are inputs behind the user's, and outputs behind the user's.
Status Importer::add_states(Scope& scope) {
  std::vector<State> states;
  for (const SourceInput& input : program_.inputs) {
    if (input.kind != InputKind::kStored || !changed_.count(input.value)) continue;
    const std::string& name = program_.tensors[size_t(input.tensor)].fqn;
    TRY(const auto constants, constants_of(program_.tensors[size_t(input.tensor)]));
    if (constants.size() != 1)
      return error(Code::kUnsupportedType, fmt::format("buffer '{}' is complex and changes", name),
                   "keep torch.view_as_real() of it");
    const ConstantPtr& initial = constants[0];
    TRY(Tensor value, initial->materialize());
    states.push_back({name, uint32_t(out_.graph.inputs().size()), 0, initial});
    scope.env[input.value] = {out_.graph.add_input(name, initial->type())};
    out_.samples.push_back(std::move(value));
    state_values_.push_back(input.value);
  }
  out_.graph.set_states(std::move(states));
  return {};
}

Status Importer::end_states(Scope& scope) {
  std::vector<State> states = out_.graph.states();
  for (size_t i = 0; i < states.size(); ++i) {
    Value v = scope.env.at(state_values_[i])[0];
    for (const SourceOutput& output : program_.outputs)
      if (const auto* t = output.value.get<TensorRef>();
          t && output.kind == OutputKind::kBufferMutation && output.target == states[i].name) {
        TRY(v, value_of(scope, t->name));
      }
    const Type &is = out_.graph.type(v), &was = states[i].initial->type();
    if (is != was)
      return error(Code::kMutation,
                   fmt::format("buffer '{}' is {} and becomes {}", states[i].name, to_string(was), to_string(is)),
                   "keep the buffer's type and shape");
    states[i].output = uint32_t(out_.graph.outputs().size());
    out_.graph.add_output(states[i].name, v);
  }
  out_.graph.set_states(std::move(states));
  return {};
}

Status Importer::add_outputs(Scope& scope) {
  for (const SourceOutput& output : program_.outputs) {
    switch (output.kind) {
      case OutputKind::kBufferMutation:
        if (is_state(output.target)) continue;
        return error(Code::kMutation, fmt::format("the program changes '{}' in place", output.target),
                     "return the new value as an output and pass it in as an input, or call .eval() before exporting");
      case OutputKind::kUser:
      case OutputKind::kLoss:
        break;
      case OutputKind::kToken:
        continue;
      case OutputKind::kGradient:
        return error(Code::kMutation, fmt::format("the program computes a gradient of '{}'", output.target),
                     "export the module in eval mode");
      default:
        return error(Code::kMutation, fmt::format("the program changes '{}' in place", output.target),
                     "return the new value as an output and pass it in as an input, or call .eval() before exporting");
    }
    if (const auto* t = output.value.get<TensorRef>()) {
      TRY(const Value v, value_of(scope, t->name));
      out_.graph.add_output(output.name, v);
    } else if (const auto* i = output.value.get<int64_t>()) {
      Builder b(out_.graph);
      out_.graph.add_output(output.name, b.constant(Tensor::of<int64_t>(DType::kI64, {}, std::span(i, 1))));
    } else if (const auto* d = output.value.get<double>()) {
      Builder b(out_.graph);
      out_.graph.add_output(output.name, b.scalar(*d));
    } else if (!output.value.is_none()) {
      return error(Code::kUnsupportedForm, fmt::format("output '{}' is {}", output.name, kind_name(output.value)),
                   "return only tensors");
    }
  }
  if (out_.graph.outputs().empty())
    return error(Code::kGraph, "the program returns no tensor", "return at least one tensor from forward()");
  return end_states(scope);
}

Result<Importer::Bound> Importer::argument(Scope& scope, const SourceValue& value) {
  if (const auto* t = value.get<TensorRef>()) {
    if (t->name.empty()) return Bound{Value{}, {}};
    TRY(const Parts parts, parts_of(scope, t->name));
    return Bound{parts[0], parts.size() == 2 ? SourceArg(parts[1]) : SourceArg()};
  }
  if (const auto* t = value.get<TensorRefs>()) {
    Values re, im;
    bool complex = false;
    for (const std::string& name : t->names) {
      Parts parts{Value{}};
      if (!name.empty()) {
        TRY(parts, parts_of(scope, name));
      }
      re.push_back(parts[0]);
      im.push_back(parts.size() == 2 ? parts[1] : Value{});
      complex = complex || parts.size() == 2;
    }
    return Bound{std::move(re), complex ? SourceArg(std::move(im)) : SourceArg()};
  }
  if (const auto* z = value.get<std::complex<double>>()) return Bound{z->real(), z->imag()};
  TRY(SourceArg plain, plain_argument(value, scope.numbers));
  return Bound{std::move(plain), {}};
}

Result<SourceArg> Importer::real_argument(Scope& scope, const SourceValue& value) {
  TRY(Bound bound, argument(scope, value));
  if (std::holds_alternative<std::monostate>(bound.im)) return std::move(bound.re);
  return error(Code::kUnsupportedForm, "complex numbers cannot be passed to control flow", "pass torch.view_as_real() of them");
}

bool Importer::bind_arguments(Scope& scope, const SourceNode& node, SourceCall& call) {
  for (const SourceArgument& a : node.inputs) {
    auto arg = argument(scope, a.value);
    if (!arg) {
      report(std::move(arg.error()).at(node.origin));
      return false;
    }
    call.set_arg(a.name, std::move(arg->re));
    if (!std::holds_alternative<std::monostate>(arg->im)) call.set_imaginary(a.name, std::move(arg->im));
  }
  return true;
}

// Stands for the results of a node that could not be imported, so that the nodes behind it are looked at too.
std::vector<Importer::Parts> Importer::placeholders(Scope& scope, const SourceNode& node) {
  Opaque op;
  const ResultTypes types = result_types(scope.source, node);
  for (size_t i = 0; i < types.parts.size(); ++i)
    op.types.insert(op.types.end(), types.complex[i] ? 2 : 1, to_string(types.parts[i]));
  const auto v = graph_->add(make_op(std::move(op)), {}, origin_);
  std::vector<Parts> results;
  for (size_t i = 0, next = 0; i < types.parts.size(); ++i) {
    Parts& parts = results.emplace_back();
    for (int k = types.complex[i] ? 2 : 1; k > 0; --k) parts.push_back(v ? (*v)[next++] : Value{});
  }
  return results;
}

void Importer::bind_results(Scope& scope, const SourceNode& node, const std::vector<Parts>& results) {
  size_t i = 0;
  const auto bind = [&](const std::string& name) {
    if (!name.empty()) scope.env[name] = i < results.size() ? results[i] : Parts{Value{}};
    ++i;
  };
  for (const SourceValue& v : node.outputs) {
    if (const auto* t = v.get<TensorRef>()) bind(t->name);
    if (const auto* t = v.get<TensorRefs>())
      for (const std::string& name : t->names) bind(name);
  }
}

std::vector<Importer::Parts> Importer::build(Scope& scope, const SourceNode& node, const std::string& target) {
  SourceCall call(*graph_, origin_, target);
  if (!bind_arguments(scope, node, call)) return placeholders(scope, node);
  // dropout_(self) is dropout(input): in-place schemas name their first operand otherwise.
  if (target != node.target)
    if (const SourceArg* self = call.arg("self")) call.set_arg("input", SourceArg(*self));
  const ResultTypes types = result_types(scope.source, node);
  call.set_result_types(types.parts, types.complex);
  const Import* const rule = find_import(target);
  const ComplexRule run = call.is_complex() ? find_complex_rule(target) : rule ? rule->build : nullptr;
  if (run)
    run(call);
  else if (call.is_complex())
    call.unsupported("complex numbers", "compute with torch.view_as_real() of them");
  if (call.failed()) {
    Status status = call.take_status();
    report(std::move(status.error()).at(node.origin));
    return placeholders(scope, node);
  }
  auto results = checked_results(call);
  if (results) return *std::move(results);
  report(std::move(results.error()).at(node.origin));
  return placeholders(scope, node);
}

// The value of `base` after its view `view` has become `changed`.
Value Importer::scatter_into_base(Scope& scope, const View& view, Value base, Value changed) {
  const SourceNode& node = *view.node;
  SourceCall call(*graph_, origin_, node.target);
  if (!bind_arguments(scope, node, call)) return {};
  const std::string_view t = node.target;
  const Shape& shape = graph_->type(base).shape;
  const auto starts = [&](std::string_view prefix) { return t.substr(0, prefix.size()) == prefix; };
  std::string scatter;
  if (starts("aten.slice.")) scatter = "aten.slice_scatter.default";
  if (starts("aten.select.")) scatter = "aten.select_scatter.default";
  if (starts("aten.diagonal.")) scatter = "aten.diagonal_scatter.default";
  if (starts("aten.as_strided.")) scatter = "aten.as_strided_scatter.default";
  if (const Import* rule = scatter.empty() ? nullptr : find_import(scatter)) {
    call.set_arg("self", base);
    call.set_arg("input", base);
    call.set_arg("src", changed);
    call.set_result_types({graph_->type(base)});
    rule->build(call);
    if (!call.failed() && !call.results().empty()) return call.results()[0];
  } else if (const auto perm = view_permutation(call, t, shape.size())) {
    return is_permutation(*perm, shape.size()) ? call.add(Transpose(inverse(*perm)), {changed}) : Value{};
  } else if (keeps_order(t) && element_count(graph_->type(changed).shape) == element_count(shape)) {
    return graph_->type(changed).shape == shape ? changed : call.add(Reshape(shape), {changed});
  }
  return {};
}

// `name` now has the value v: the tensors that share its storage change with it.
void Importer::mutate(Scope& scope, const SourceNode& node, const std::string& name, const Parts& v) {
  if (v.empty() || !v[0].valid()) return;
  if (scope.fixed.count(name) && repeats_without_effect(node.target)) {
    scope.env[name] = v;
    return;
  }
  if (scope.fixed.count(name)) {
    const SourceTensor* stored = program_.find_tensor(name);
    report(error(Code::kMutation,
                 fmt::format("{} changes {} in place", node.target,
                             stored ? fmt::format("{} '{}'", stored->kind == TensorKind::kParameter ? "parameter" : "buffer",
                                                  stored->fqn)
                                    : fmt::format("input '{}'", name)),
                 "return the new value as an output and pass it in as an input, or call .eval() before exporting")
               .at(node.origin));
    return;
  }
  scope.env[name] = v;
  // Downwards: views of this value are taken again from the new value.
  std::vector<std::string> work = scope.aliases.views_on(name);
  for (size_t i = 0; i < work.size(); ++i) {
    const View* view = scope.aliases.view_of(work[i]);
    if (!find_import(view->node->target)) continue;
    const auto results = build(scope, *view->node, view->node->target);
    if (view->output < results.size()) scope.env[work[i]] = results[view->output];
    for (const std::string& next : scope.aliases.views_on(work[i])) work.push_back(next);
  }
  // Upwards: the value that this one is a view of.
  const View* view = scope.aliases.view_of(name);
  if (!view) return;
  const auto base = scope.env.find(view->base);
  if (base == scope.env.end() || base->second.empty()) return;
  Parts whole;
  if (base->second.size() == v.size())
    for (size_t i = 0; i < v.size(); ++i) whole.push_back(scatter_into_base(scope, *view, base->second[i], v[i]));
  if (whole.empty() || !whole[0].valid()) {
    report(error(Code::kUnsupportedForm, fmt::format("{} changes a view made by {} in place", node.target, view->node->target),
                 "write it without the in-place form: y = torch.where(...), torch.cat(...) or index_put")
               .at(node.origin));
    return;
  }
  mutate(scope, node, view->base, whole);
}

// torch.no_grad() and autocast regions inside a module: their body is part of the graph.
void Importer::run_inlined(Scope& scope, const SourceNode& node, const GraphRef& graph, int depth) {
  if (!graph.graph || depth >= kMaxGraphDepth)
    return report(error(Code::kGraph, "graphs are nested too deeply").at(node.origin));
  std::vector<Parts> args;
  bool after = false;
  for (const SourceArgument& a : node.inputs) {
    if (after) {
      auto arg = argument(scope, a.value);
      if (!arg) return report(std::move(arg.error()).at(node.origin));
      const auto *im = std::get_if<Value>(&arg->im), *re = std::get_if<Value>(&arg->re);
      if (re) args.push_back(im ? Parts{*re, *im} : Parts{*re});
    }
    after |= a.value.is<GraphRef>();
  }
  Scope inner{*graph.graph, {}, {}, {}, {}};
  size_t next = 0;
  for (const SourceValue& in : graph.graph->inputs)
    if (const auto* t = in.get<TensorRef>()) {
      inner.env[t->name] = next < args.size() ? args[next] : Parts{Value{}};
      inner.fixed.insert(t->name);
      ++next;
    }
  for (const SourceNode& n : graph.graph->nodes) run_node(inner, n, depth + 1);
  std::vector<Parts> results;
  for (const SourceValue& o : graph.graph->outputs)
    if (const auto* t = o.get<TensorRef>()) {
      const auto it = inner.env.find(t->name);
      results.push_back(it == inner.env.end() ? Parts{Value{}} : it->second);
    }
  bind_results(scope, node, results);
}

// The graph of a branch or a loop. An empty Body after an error, which is reported.
Body Importer::import_body(const GraphRef& source, const SourceNode& node, const Types& types, int depth) {
  const auto fail = [&](Error e) {
    report(std::move(e).at(node.origin));
    return Body{};
  };
  if (!source.graph || depth >= kMaxGraphDepth) return fail(error(Code::kGraph, "graphs are nested too deeply"));
  if (source.graph->inputs.size() != types.size())
    return fail(error(Code::kGraph, fmt::format("'{}' takes {} values, {} are given", source.name, source.graph->inputs.size(),
                                                types.size())));
  Graph inner;
  inner.name = source.name;
  Graph* const outer = std::exchange(graph_, &inner);
  const OriginId outer_origin = origin_;
  Scope scope{*source.graph, {}, {}, {}, {}};
  const size_t errors = errors_.size();
  for (size_t i = 0; i < types.size(); ++i)
    if (const auto* t = source.graph->inputs[i].get<TensorRef>()) {
      scope.env[t->name] = {inner.add_input(t->name, types[i])};
      scope.fixed.insert(t->name);
    } else {
      report(error(Code::kUnsupportedForm, fmt::format("'{}' takes {}", source.name, kind_name(source.graph->inputs[i])),
                   "pass only tensors to control flow")
                 .at(node.origin));
    }
  for (const SourceNode& n : source.graph->nodes) run_node(scope, n, depth + 1);
  for (const SourceValue& o : source.graph->outputs) {
    const auto* t = o.get<TensorRef>();
    const auto it = t ? scope.env.find(t->name) : scope.env.end();
    if (it != scope.env.end() && it->second.size() == 1 && it->second[0].valid())
      inner.add_output(t->name, it->second[0]);
    else if (errors_.size() == errors)
      report(error(Code::kUnsupportedForm, fmt::format("'{}' returns {}", source.name, kind_name(o)),
                   "return only tensors from control flow")
                 .at(node.origin));
  }
  graph_ = outer;
  origin_ = outer_origin;
  if (errors_.size() != errors) return {};
  inner.remove_dead_nodes();
  return Body{std::make_shared<const Graph>(std::move(inner))};
}

// torch.cond, while_loop, scan, map.
void Importer::run_higher_order(Scope& scope, const SourceNode& node, int depth) {
  HigherOrderCall call{node, {}, {}, [&](const GraphRef& g, const Types& types) { return import_body(g, node, types, depth); }};
  Builder b(*graph_, origin_);
  for (const SourceArgument& a : node.inputs) {
    if (const auto* g = a.value.get<GraphRef>()) {
      call.graphs.push_back(g);
      continue;
    }
    auto arg = real_argument(scope, a.value);
    if (!arg) {
      report(std::move(arg.error()).at(node.origin));
      return bind_results(scope, node, placeholders(scope, node));
    }
    Values list;
    if (auto* v = std::get_if<Value>(&*arg)) list = {*v};
    if (auto* v = std::get_if<Values>(&*arg)) list = *v;
    if (auto* v = std::get_if<bool>(&*arg)) list = {b.scalar(*v, DType::kBool)};  // of sizes: the branch is known
    const auto* numbers = std::get_if<std::vector<int64_t>>(&*arg);
    const bool empty = std::holds_alternative<std::monostate>(*arg) || (numbers && numbers->empty());
    if (list.empty() && !std::holds_alternative<Values>(*arg) && !empty) list.emplace_back();  // not a tensor
    call.operands.push_back(std::move(list));
  }
  const size_t errors = errors_.size();
  const Values results = build_higher_order(b, call);
  const bool failed = b.failed() || errors_.size() != errors;
  if (b.failed()) {
    Status status = b.take_status();
    report(std::move(status.error()).at(node.origin));
  }
  if (failed) return bind_results(scope, node, placeholders(scope, node));
  std::vector<Parts> parts;
  for (Value v : results) parts.push_back({v});
  bind_results(scope, node, parts);
}

// What depends on a value that was refused is not looked at, but for operators without a rule. True when that is so for the
// node.
bool Importer::pass_over(Scope& scope, const SourceNode& node) {
  auto refused = never_computed(node);
  const bool reached = unknown_.reaches(node);
  if (!reached && !refused) return false;
  const bool known = find_import(node.target) || !functional_name(node.target).empty() || is_higher_order(node.target);
  if (!reached)
    report(std::move(*refused).at(node.origin));
  else if (!known && !refused && gives_tensor(node))
    report(without_form(node.target).at(node.origin));
  unknown_.mark(node);
  bind_results(scope, node, placeholders(scope, node));
  return true;
}

void Importer::run_node(Scope& scope, const SourceNode& node, int depth) {
  origin_ = graph_->add_origin(node.origin);
  if (pass_over(scope, node)) return;
  Builder b(*graph_, origin_);
  const auto value = [&](const std::string& name) {
    const auto v = value_of(scope, name);
    return v ? *v : Value{};
  };
  if (!gives_tensor(node) && scope.numbers.compute(b, node, value)) return;
  if (node.target == "higher_order.wrap_with_set_grad_enabled" || node.target == "higher_order.wrap_with_autocast") {
    for (const SourceArgument& a : node.inputs)
      if (const auto* g = a.value.get<GraphRef>()) return run_inlined(scope, node, *g, depth);
  }
  const int problems = problems_;
  if (is_higher_order(node.target))
    run_higher_order(scope, node, depth);
  else if (const auto inner = node_with_effects(node)) {
    // What gives no tensor is a check or a message.
    if (gives_tensor(*inner)) run_operator(scope, *inner);
  } else {
    run_operator(scope, node);
  }
  // Views are taken again when their base changes: the table keeps the node.
  if (!gives_copy(scope.source, node)) scope.aliases.add_node(node);
  if (problems_ != problems && DataDependence::begins_at(scope.source, node)) unknown_.mark(node);
}

void Importer::run_operator(Scope& scope, const SourceNode& node) {
  const std::string functional = find_import(node.target) ? std::string() : functional_name(node.target);
  const std::string target = functional.empty() ? node.target : functional;
  if (!find_import(target)) {
    report(without_form(node.target).at(node.origin));
    return bind_results(scope, node, placeholders(scope, node));
  }
  const auto results = build(scope, node, target);
  bind_results(scope, node, results);
  if (!functional.empty()) {
    const SourceValue* self = node.find("self");
    const auto* name = self ? self->get<TensorRef>() : nullptr;
    if (name && !results.empty()) mutate(scope, node, name->name, results[0]);
    if (name && !node.outputs.empty())
      if (const auto* out = node.outputs[0].get<TensorRef>(); out && out->name != name->name)
        scope.aliases.add_alias(out->name, name->name);
  }
}

Result<ImportedProgram> Importer::run() {
  Scope scope{program_.graph, {}, {}, {}, {}};
  TRY_STATUS(add_inputs(scope));
  TRY_STATUS(add_states(scope));
  for (const SourceNode& node : program_.graph.nodes) run_node(scope, node, 0);
  if (errors_.empty()) {
    TRY_STATUS(add_outputs(scope));
    if (holds_nan(out_.samples)) TRY_STATUS(carry_nan(out_.graph));
    out_.graph.remove_dead_nodes();
    return std::move(out_);
  }
  Error first = std::move(errors_.front());
  for (size_t i = 1; i < errors_.size(); ++i) first.others.push_back(std::move(errors_[i]));
  return first;
}

}  // namespace

Result<ImportedProgram> import_program(const SourceProgram& program) { return Importer(program).run(); }

}  // namespace atl
