#include "verify/departure.h"

#include <algorithm>
#include <cmath>

#include "verify/evaluate.h"
#include "verify/written_values.h"

namespace atl {
namespace {

using Clock = std::chrono::steady_clock;

// A result of which so little is left after cancellation, relative to its operands, carries only rounding errors.
constexpr double kRoundingOfOperands = 1e-6;
// Values of a graph that are kept to find the first node that a pass changed.
constexpr double kMaxKeptBytes = 1e9;

std::string op_text(const Graph& g, uint32_t id) {
  const OpDef& def = def_of(*g[id].op);
  const std::string fields = def.print(*g[id].op);
  return fields.empty() ? std::string(def.name) : fmt::format("{} {{{}}}", def.name, fields);
}

double largest(const Tensor& t) {
  double m = 0;
  if (!t.bytes() || !is_float(t.dtype())) return m;
  for (int64_t i = 0; i < t.count(); ++i) {
    const double v = std::abs(element_as_double(t, i));
    if (std::isfinite(v)) m = std::max(m, v);
  }
  return m;
}

// Inputs of the source as a graph takes them: as they are, or in the interface's layout when its types say so.
Tensors inputs_for(const Graph& g, const DepartureSearch& s) {
  Tensors out = to_layout(s.inputs, s.layouts.inputs);
  for (size_t i = 0; i < out.size() && i < g.inputs().size(); ++i) {
    const Type& t = g.type(g.inputs()[i].value);
    if (s.inputs[i].shape() == t.shape && out[i].shape() != t.shape) out[i] = s.inputs[i];
    if (out[i].dtype() != t.dtype) out[i] = cast(out[i], t.dtype);
  }
  return out;
}

// The first output that departs, or one that passed. The layout of an output is told by its shape.
Comparison compare_outputs(const Tensors& got, const DepartureSearch& s) {
  Comparison worst;
  worst.passed = true;
  for (size_t i = 0; i < got.size() && i < s.source_outputs.size(); ++i) {
    const Tensor& want = s.source_outputs[i];
    const Tensor& t = got[i];
    if (i < s.layouts.outputs.size() && !s.layouts.outputs[i].empty()) {
      const Comparison c = compare(want, transpose(t, inverse(s.layouts.outputs[i])), s.tolerance);
      if (c.passed) continue;
    }
    Comparison c = compare(want, t, s.tolerance);
    if (!c.passed) return c;
  }
  return worst;
}

struct Judged {
  bool agrees = true, complete = false;
  Comparison comparison;
};
Result<Judged> judge(const Graph& g, const DepartureSearch& s) {
  const Tensors inputs = inputs_for(g, s);
  TRY(const Evaluation e, evaluate(g, inputs, {.deadline = s.deadline, .observer = {}}));
  Judged j;
  j.complete = e.complete;
  if (e.complete) {
    j.comparison = compare_outputs(e.outputs, s);
    j.agrees = j.comparison.passed;
  }
  return j;
}

struct Step {
  std::string pass;
  Graph graph;
};

// The graph after each pass. Constants are shared, so a copy is small.
Result<std::vector<Step>> steps_of(const DepartureSearch& s) {
  std::vector<Step> steps;
  PipelineOptions options = *s.passes;
  options.observer = [&](size_t, std::string_view name, const Graph& g, double, bool) {
    steps.push_back({std::string(name), g});
  };
  options.track_changes = false;
  Graph g = s.source;
  TRY_STATUS(run_pipeline(g, options));
  return steps;
}

double bytes_of_values(const Graph& g) {
  double bytes = 0;
  for (uint32_t id : g.topological_order())
    if (!g[id].constant)
      for (const Type& t : g[id].out) bytes += double(element_count(t.shape)) * bits(t.dtype) / 8;
  return bytes;
}

// The first node of `after` whose value is not what the node of the same number and type gave in `before`: passes keep the
// numbers of what they do not rewrite.
Status find_changed_node(const Graph& before, const Graph& after, const DepartureSearch& s, Departure& d) {
  if (bytes_of_values(before) > kMaxKeptBytes) return {};
  std::vector<Tensors> values(before.size());
  const auto keep = [&](const EvaluatedNode& n) {
    values[n.id].assign(n.results.begin(), n.results.end());
    return true;
  };
  TRY(const Evaluation first, evaluate(before, inputs_for(before, s), {.deadline = s.deadline, .observer = keep}));
  if (!first.complete) return {};
  const auto look = [&](const EvaluatedNode& n) {
    for (size_t k = 0; k < n.results.size(); ++k) {
      if (n.id >= values.size() || k >= values[n.id].size()) continue;
      const Tensor& was = values[n.id][k];
      if (was.type() != n.results[k].type()) continue;
      const Comparison c = compare(was, n.results[k], s.tolerance);
      if (c.passed) continue;
      d.comparison = c;
      d.origin = after.origin(after[n.id].origin);
      d.op = op_text(after, n.id);
      return false;
    }
    return true;
  };
  TRY(const Evaluation second, evaluate(after, inputs_for(after, s), {.deadline = s.deadline, .observer = look}));
  return {};
}

// Compares what LiteRT has for one node with eval on LiteRT's operands.
class LocalSearch {
 public:
  LocalSearch(const Graph& g, const Tolerance& tolerance) : graph_(g), tolerance_(tolerance) {}

  /// False when the node departs.
  bool look(const WrittenValues::NodeValues& n) {
    for (uint32_t k = 0; k < n.results.size(); ++k) {
      if (!n.observed[k]) continue;
      Comparison c = compare(n.expected[k], n.results[k], tolerance_);
      if (c.passed && c.noise == 0) continue;
      if (is_rounding(n, c)) continue;
      if (!c.passed) {
        found_ = describe(n, std::move(c));
        return false;
      }
      if (!worst_ || c.snr_db() < worst_->comparison.snr_db()) worst_ = describe(n, std::move(c));
    }
    return true;
  }
  std::optional<Departure> found() const { return found_; }
  std::optional<Departure> worst() const { return worst_; }

 private:
  bool is_rounding(const WrittenValues::NodeValues& n, const Comparison& c) const {
    if (c.misplaced > 0 || c.differing == 0 || !is_float(n.expected[0].dtype())) return false;
    double m = 0;
    for (const Tensor& t : n.operands) m = std::max(m, largest(t));
    return c.max_error <= kRoundingOfOperands * m;
  }
  Departure describe(const WrittenValues::NodeValues& n, Comparison c) const {
    Departure d;
    d.origin = graph_.origin(graph_[n.id].origin);
    d.op = op_text(graph_, n.id);
    d.operator_index = int64_t(n.operator_index);
    d.comparison = std::move(c);
    return d;
  }

  const Graph& graph_;
  Tolerance tolerance_;
  std::optional<Departure> found_, worst_;
};

Result<std::optional<Departure>> find_in_file(const DepartureSearch& s, const std::shared_ptr<const LiteRtLibrary>& library) {
  TRY(const WrittenValues values, WrittenValues::open(s.written, s.file, s.run.signature));
  LocalSearch local(s.written, s.tolerance);
  bool cancelled = false;
  WrittenValues::Options options;
  options.run = s.run;
  options.cancelled = [&] { return cancelled = Clock::now() > s.deadline; };
  const Tensors inputs = inputs_for(s.written, s);
  TRY_STATUS(values.run(std::move(library), inputs, options, [&](const auto& n) { return local.look(n); }));
  std::optional<Departure> d = local.found();
  if (!d && !cancelled) {
    d = local.worst();
    if (d) d->accumulated = true;
  }
  if (!d) return d;
  const auto& op = values.file().operators()[size_t(d->operator_index)];
  if (!op.outputs.empty() && op.outputs[0] >= 0) d->tensor = values.file().tensors()[size_t(op.outputs[0])].name;
  TRY(const bool same, values.operator_agrees(size_t(d->operator_index)));
  d->cause = same ? DepartureCause::kRuntime : DepartureCause::kFile;
  return d;
}

}  // namespace

std::string_view name(DepartureCause cause) {
  constexpr std::string_view kNames[] = {"pass", "file", "runtime"};
  return kNames[size_t(cause)];
}

Tensors to_layout(std::span<const Tensor> tensors, const std::vector<Perm>& perms) {
  Tensors out(tensors.begin(), tensors.end());
  for (size_t i = 0; i < out.size() && i < perms.size(); ++i)
    if (!perms[i].empty()) out[i] = transpose(out[i], perms[i]);
  return out;
}

Tensors from_layout(std::span<const Tensor> tensors, const std::vector<Perm>& perms) {
  Tensors out(tensors.begin(), tensors.end());
  for (size_t i = 0; i < out.size() && i < perms.size(); ++i)
    if (!perms[i].empty()) out[i] = transpose(out[i], inverse(perms[i]));
  return out;
}

Result<std::optional<Departure>> find_departing_pass(const DepartureSearch& s) {
  std::optional<Departure> none;
  if (!s.passes) return none;
  TRY(const std::vector<Step> steps, steps_of(s));
  // Agrees at `good`, departs at `bad`.
  size_t good = 0, bad = steps.size() - 1;
  TRY(Judged last, judge(steps[bad].graph, s));
  if (!last.complete || last.agrees) return none;
  while (bad - good > 1) {
    const size_t middle = good + (bad - good) / 2;
    TRY(Judged j, judge(steps[middle].graph, s));
    if (!j.complete) return none;
    (j.agrees ? good : bad) = middle;
    if (!j.agrees) last = std::move(j);
  }
  Departure d;
  d.cause = DepartureCause::kPass;
  d.pass = steps[bad].pass;
  d.comparison = last.comparison;
  TRY_STATUS(find_changed_node(steps[good].graph, steps[bad].graph, s, d));
  return std::optional(std::move(d));
}

Result<std::optional<Departure>> find_departure(const DepartureSearch& s, std::shared_ptr<const LiteRtLibrary> library) {
  TRY(Judged j, judge(s.written, s));
  if (!j.complete) return std::optional<Departure>();
  if (!j.agrees) {
    TRY(std::optional<Departure> d, find_departing_pass(s));
    if (d) return d;
    Departure unnamed;
    unnamed.cause = DepartureCause::kPass;
    unnamed.comparison = std::move(j.comparison);
    return std::optional(std::move(unnamed));
  }
  return find_in_file(s, std::move(library));
}

}  // namespace atl
