#include "ops/control_flow.h"

#include <algorithm>

#include "ir/evaluator.h"
#include "ir/text.h"
#include "ir/tflite_op.h"
#include "ops/loop_collection.h"

namespace atl {
namespace {

using tflite::BuiltinOperator;

bool is_condition(const Type& t) { return t.dtype == DType::kBool && (t.shape.empty() || t.shape == Shape{1}); }

std::string list_text(TypesIn types) {
  std::string out;
  for (const Type& t : types) out += (out.empty() ? "" : ", ") + to_string(t);
  return "(" + out + ")";
}

bool truth(const Tensor& t) { return element_as_int(t, 0) != 0; }

Body body_of(std::string_view text) {
  auto g = parse_graph(text);
  return Body{g ? std::make_shared<const Graph>(*std::move(g)) : nullptr};
}

/// What a loop or a branch is left with: which operands and results stay, and operands that become constants inside.
struct Trim {
  std::vector<bool> operands, results;
  std::vector<ConstantPtr> bound;
  bool changes() const {
    const auto all = [](const std::vector<bool>& v) { return std::find(v.begin(), v.end(), false) == v.end(); };
    return !all(operands) || !all(results);
  }
};

Values chosen(const Values& all, const std::vector<bool>& which) {
  Values out;
  for (size_t i = 0; i < all.size(); ++i)
    if (which[i]) out.push_back(all[i]);
  return out;
}

/// A value for each result: the trimmed node's where it stays, none where nothing uses it.
Values spread(const Values& made, const std::vector<bool>& which) {
  Values out;
  size_t next = 0;
  for (const bool stays : which) out.push_back(stays ? made[next++] : Value{});
  return out;
}

struct WhileFacts {
  static constexpr std::string_view name = "while";
  static constexpr std::string_view summary = "a loop: a graph that runs on its own results as long as another one says so";
  static constexpr Layout layout = Layout::kOpaque;
  static constexpr Quant quant = Quant::kFloatOnly;

  static Result<Types> infer(const While& o, TypesIn in) {
    CHECK_OP(C1, o.cond.graph && o.body.graph, "a loop needs a condition and a body");
    CHECK_OP(C2, !in.empty(), "a loop needs a variable");
    const Types operands(in.begin(), in.end());
    const Types cond = input_types(*o.cond.graph), body = input_types(*o.body.graph);
    CHECK_OP(C3, cond == operands, "the condition takes {}, the variables are {}", list_text(cond), list_text(in));
    CHECK_OP(C4, body == operands, "the body takes {}, the variables are {}", list_text(body), list_text(in));
    const Types out = output_types(*o.body.graph);
    CHECK_OP(C5, out == operands, "the body gives {}, the variables are {}", list_text(out), list_text(in));
    const Types go_on = output_types(*o.cond.graph);
    CHECK_OP(C6, go_on.size() == 1 && is_condition(go_on[0]), "the condition gives {}, not one bool", list_text(go_on));
    return out;
  }

  static Result<Tensors> eval(const While& o, TensorsIn in) {
    Evaluator cond(*o.cond.graph, Evaluator::Constants::kKeep), body(*o.body.graph, Evaluator::Constants::kKeep);
    Tensors variables(in.begin(), in.end()), next;
    for (int64_t trips = 0;; ++trips) {
      TRY([[maybe_unused]] const bool judged, cond.run(variables, next));
      if (!truth(next[0])) return variables;
      if (EvaluationLimit::has_passed()) return error(Code::kInput, fmt::format("a loop has not ended after {} runs", trips));
      if (trips == kMaxTrips)
        return error(Code::kUnsupportedForm, fmt::format("a loop runs more than {} times", kMaxTrips),
                     "give inputs on which it ends");
      TRY([[maybe_unused]] const bool ran, body.run(variables, next));
      std::swap(variables, next);
    }
  }

  static std::optional<LayoutChoice> permuted(const While&, TypesIn, int, const Perm&) { return not_permuted(); }
  static Status legal(const While&, TypesIn) { return {}; }
  static std::vector<GraphPtr> graphs(const While& o) { return {o.cond.graph, o.body.graph}; }
  static OpPtr with_graphs(const While& o, std::vector<GraphPtr> g) {
    While out = o;
    out.cond.graph = std::move(g[0]);
    out.body.graph = std::move(g[1]);
    return make_op(std::move(out));
  }

  static Result<TfliteOp> emit(const While& o, TypesIn in) {
    TfliteOp op(BuiltinOperator::WHILE, 1, in.size(), tflite::WhileOptionsT{});
    op.graphs = graphs(o);
    op.link = [](TfliteOp& to, std::span<const int32_t> subgraphs) {
      auto* options = static_cast<tflite::WhileOptionsT*>(to.options.value);
      options->cond_subgraph_index = subgraphs[0];
      options->body_subgraph_index = subgraphs[1];
    };
    return op;
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    const auto* options = n.options_as<tflite::WhileOptionsT>();
    if (n.code != BuiltinOperator::WHILE || !options || !n.subgraph) return not_decoded();
    While op;
    TRY(op.cond.graph, n.subgraph(options->cond_subgraph_index));
    TRY(op.body.graph, n.subgraph(options->body_subgraph_index));
    std::vector<int> in;
    for (size_t i = 0; i < n.operand_count(); ++i) in.push_back(int(i));
    return Decoded{make_op(op), in};
  }

  // A variable that the body hands on unchanged is its operand, inside the loop and behind it; a constant one goes into the
  // graphs. A variable on which neither the condition nor a used result depends goes.
  static Result<bool> canonicalize(const While& o, Rewrite& r) {
    TRY(const bool read, read_last_step(o, r));
    if (read) return true;
    const Graph &cond = *o.cond.graph, &body = *o.body.graph;
    const size_t n = r.in_count();
    const auto fixed = [&](size_t i) { return body.outputs()[i].value == body.inputs()[i].value; };
    for (uint32_t i = 0; i < n; ++i)
      if (fixed(i) && !r.graph().uses(r.out(i)).empty()) TRY_STATUS(r.graph().replace(r.out(i), r.in(i)));
    Trim trim{needed_variables(o, r), {}, std::vector<ConstantPtr>(n)};
    for (size_t i = 0; i < n; ++i)
      if (fixed(i) && r.is_constant(i)) {
        trim.operands[i] = false;
        trim.bound[i] = r.graph().constant_ptr(r.in(i));
      }
    trim.results = trim.operands;
    // A loop needs a variable.
    if (!trim.changes() || std::count(trim.operands.begin(), trim.operands.end(), true) == 0) return false;
    While to;
    TRY(to.cond.graph, select_ports(cond, {trim.operands, {true}, trim.bound}));
    TRY(to.body.graph, select_ports(body, {trim.operands, trim.results, trim.bound}));
    const Values in = chosen(r.node().in, trim.operands);
    return r.replace(spread(r.add_multi(std::move(to), in, in.size()), trim.results));
  }

  static std::vector<bool> needed_variables(const While& o, const Rewrite& r) {
    std::vector<bool> needed = inputs_behind(*o.cond.graph, 0);
    std::vector<size_t> work;
    for (uint32_t i = 0; i < needed.size(); ++i) {
      if (!r.graph().uses(r.out(i)).empty()) needed[i] = true;
      if (needed[i]) work.push_back(i);
    }
    while (!work.empty()) {
      const std::vector<bool> behind = inputs_behind(*o.body.graph, work.back());
      work.pop_back();
      for (size_t i = 0; i < needed.size(); ++i)
        if (behind[i] && !needed[i]) {
          needed[i] = true;
          work.push_back(i);
        }
    }
    return needed;
  }

  static std::vector<Sample> samples() {
    const Type step{DType::kI32, {1}, {}}, x{DType::kF32, {2, 3}, {}};
    const Body below = body_of(R"(graph below
%0: i32[1] = input "step"
%1: f32[2,3] = input "x"
%2: i32[1] = const "" {3}
%3: bool[1] = compare(%0, %2) {kind=less}
output "go_on" = %3
)");
    const Body doubled = body_of(R"(graph doubled
%0: i32[1] = input "step"
%1: f32[2,3] = input "x"
%2: i32[1] = const "" {1}
%3: i32[1] = binary(%0, %2) {kind=add, activation=none}
%4: f32[2,3] = binary(%1, %1) {kind=add, activation=none}
output "step" = %3
output "x" = %4
)");
    const Body swapped = body_of(R"(graph swapped
%0: i32[1] = input "step"
%1: f32[2,3] = input "x"
output "x" = %1
output "step" = %0
)");
    const OpPtr loop = make_op(loop_of(below, doubled));
    return {
        {.op = loop, .in = {step, x}},
        {.op = make_op(While{}), .in = {step, x}, .bad = "C1"},
        {.op = loop, .in = {}, .bad = "C2"},
        {.op = loop, .in = {step, Type{DType::kF32, {3, 2}, {}}}, .bad = "C3"},
        {.op = make_op(loop_of(below, below_only(x))), .in = {step, x}, .bad = "C4"},
        {.op = make_op(loop_of(below, swapped)), .in = {step, x}, .bad = "C5"},
        {.op = make_op(loop_of(doubled, doubled)), .in = {step, x}, .bad = "C6"},
    };
  }
  static While loop_of(Body cond, Body body) {
    While o;
    o.cond = std::move(cond);
    o.body = std::move(body);
    return o;
  }
  static Body below_only(const Type& x) {
    Graph g;
    g.add_output("x", g.add_input("x", x));
    return Body{std::make_shared<const Graph>(std::move(g))};
  }
};

struct IfFacts {
  static constexpr std::string_view name = "if";
  static constexpr std::string_view summary = "one of two graphs, by a condition";
  static constexpr Layout layout = Layout::kOpaque;
  static constexpr Quant quant = Quant::kFloatOnly;

  static Result<Types> infer(const If& o, TypesIn in) {
    CHECK_OP(C1, o.then_branch.graph && o.else_branch.graph, "a choice needs two branches");
    CHECK_OP(C2, !in.empty() && is_condition(in[0]), "the condition {} is not one bool", in.empty() ? "" : to_string(in[0]));
    const Types operands(in.begin() + 1, in.end());
    const Types yes = input_types(*o.then_branch.graph), no = input_types(*o.else_branch.graph);
    CHECK_OP(C3, yes == operands && no == operands, "the branches take {} and {}, {} is given", list_text(yes), list_text(no),
             list_text(operands));
    const Types out = output_types(*o.then_branch.graph), other = output_types(*o.else_branch.graph);
    CHECK_OP(C4, out == other, "the branches give {} and {}", list_text(out), list_text(other));
    CHECK_OP(C5, !out.empty(), "the branches give nothing");
    return out;
  }

  static Result<Tensors> eval(const If& o, TensorsIn in) {
    Evaluator branch(*(truth(in[0]) ? o.then_branch : o.else_branch).graph);
    Tensors out;
    TRY([[maybe_unused]] const bool ran, branch.run(in.subspan(1), out));
    return out;
  }

  static std::optional<LayoutChoice> permuted(const If&, TypesIn, int, const Perm&) { return not_permuted(); }
  static Status legal(const If&, TypesIn) { return {}; }
  static std::vector<GraphPtr> graphs(const If& o) { return {o.then_branch.graph, o.else_branch.graph}; }
  static OpPtr with_graphs(const If& o, std::vector<GraphPtr> g) {
    If out = o;
    out.then_branch.graph = std::move(g[0]);
    out.else_branch.graph = std::move(g[1]);
    return make_op(std::move(out));
  }

  static Result<TfliteOp> emit(const If& o, TypesIn in) {
    TfliteOp op(BuiltinOperator::IF, 1, in.size(), tflite::IfOptionsT{});
    op.graphs = graphs(o);
    op.link = [](TfliteOp& to, std::span<const int32_t> subgraphs) {
      auto* options = static_cast<tflite::IfOptionsT*>(to.options.value);
      options->then_subgraph_index = subgraphs[0];
      options->else_subgraph_index = subgraphs[1];
    };
    return op;
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    const auto* options = n.options_as<tflite::IfOptionsT>();
    if (n.code != BuiltinOperator::IF || !options || !n.subgraph) return not_decoded();
    If op;
    TRY(op.then_branch.graph, n.subgraph(options->then_subgraph_index));
    TRY(op.else_branch.graph, n.subgraph(options->else_subgraph_index));
    std::vector<int> in;
    for (size_t i = 0; i < n.operand_count(); ++i) in.push_back(int(i));
    return Decoded{make_op(op), in};
  }

  // A known condition leaves one branch. Constant operands go into the branches, operands and results that nothing needs go.
  static Result<bool> canonicalize(const If& o, Rewrite& r) {
    const Graph &yes = *o.then_branch.graph, &no = *o.else_branch.graph;
    if (r.is_constant(0)) {
      const auto value = r.constant_value(r.in(0));
      if (!value) return r.replace(Values(r.node().out.size()));
      const Values in(r.node().in.begin() + 1, r.node().in.end());
      return r.replace(inline_graph(r, truth(*value) ? yes : no, in));
    }
    const size_t n = r.in_count() - 1;
    Trim trim{std::vector<bool>(n, false), {}, std::vector<ConstantPtr>(n)};
    for (uint32_t i = 0; i < r.node().out.size(); ++i) {
      trim.results.push_back(!r.graph().uses(r.out(i)).empty());
      if (!trim.results[i]) continue;
      const std::vector<bool> a = inputs_behind(yes, i), b = inputs_behind(no, i);
      for (size_t k = 0; k < n; ++k) trim.operands[k] = trim.operands[k] || a[k] || b[k];
    }
    for (size_t i = 0; i < n; ++i)
      if (trim.operands[i] && r.is_constant(i + 1)) {
        trim.operands[i] = false;
        trim.bound[i] = r.graph().constant_ptr(r.in(i + 1));
      }
    if (!trim.changes()) return false;
    If to;
    TRY(to.then_branch.graph, select_ports(yes, {trim.operands, trim.results, trim.bound}));
    TRY(to.else_branch.graph, select_ports(no, {trim.operands, trim.results, trim.bound}));
    std::vector<bool> operands = trim.operands;
    operands.insert(operands.begin(), true);
    const size_t results = size_t(std::count(trim.results.begin(), trim.results.end(), true));
    return r.replace(spread(r.add_multi(std::move(to), chosen(r.node().in, operands), results), trim.results));
  }

  static std::vector<Sample> samples() {
    const Type yes{DType::kBool, {}, {}}, x{DType::kF32, {2, 3}, {}}, y{DType::kF32, {3}, {}};
    const Body sum = body_of(R"(graph sum
%0: f32[2,3] = input "x"
%1: f32[3] = input "y"
%2: f32[2,3] = binary(%0, %1) {kind=add, activation=none}
output "z" = %2
)");
    const Body difference = body_of(R"(graph difference
%0: f32[2,3] = input "x"
%1: f32[3] = input "y"
%2: f32[2,3] = binary(%0, %1) {kind=sub, activation=none}
output "z" = %2
)");
    const Body second = body_of(R"(graph second
%0: f32[2,3] = input "x"
%1: f32[3] = input "y"
output "z" = %1
)");
    const Body nothing = body_of(R"(graph nothing
%0: f32[2,3] = input "x"
%1: f32[3] = input "y"
)");
    const OpPtr choice = make_op(choice_of(sum, difference));
    return {
        {.op = choice, .in = {yes, x, y}},
        {.op = choice, .in = {Type{DType::kBool, {1}, {}}, x, y}},
        {.op = make_op(If{}), .in = {yes, x, y}, .bad = "C1"},
        {.op = choice, .in = {x, x, y}, .bad = "C2"},
        {.op = choice, .in = {yes, y, x}, .bad = "C3"},
        {.op = make_op(choice_of(sum, second)), .in = {yes, x, y}, .bad = "C4"},
        {.op = make_op(choice_of(nothing, nothing)), .in = {yes, x, y}, .bad = "C5"},
    };
  }
  static If choice_of(Body a, Body b) {
    If o;
    o.then_branch = std::move(a);
    o.else_branch = std::move(b);
    return o;
  }
};

}  // namespace
DEFINE_OP(While, WhileFacts)
DEFINE_OP(If, IfFacts)
}  // namespace atl
