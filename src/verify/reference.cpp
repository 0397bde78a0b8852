#include "verify/reference.h"

#include <algorithm>
#include <unordered_map>

#include "run/python.h"
#include "verify/evaluate.h"
#include "verify/random_inputs.h"
#include "verify/torch_run.h"
#include "verify/written_values.h"

namespace atl {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMaxAxes = 4;  // whose permutations are tried: 24

// A tensor's shape without axes of size 1.
Shape squeezed(const Shape& s) {
  Shape out;
  for (int64_t d : s)
    if (d != 1) out.push_back(d);
  return out;
}

bool better(const Comparison& a, const Comparison& b) {
  if (a.passed != b.passed) return a.passed;
  if (a.misplaced != b.misplaced) return a.misplaced < b.misplaced;
  return a.snr_db() > b.snr_db();
}

void keep_better(std::optional<Comparison>& best, Comparison c) {
  if (!best || better(c, *best)) best = std::move(c);
}

// The values that each source node made, in one of the graphs.
class LayerTable {
 public:
  LayerTable(const SourceGraph& source, const TorchValues& torch, ReferenceReport& report) : torch_(torch), report_(report) {
    for (const SourceNode& n : source.nodes) {
      std::vector<size_t>& rows = rows_[n.origin.node];
      for (const std::string& name : result_names(n)) {
        if (!torch.values.count(name)) continue;
        rows.push_back(report.layers.size());
        report.layers.push_back({name, n.origin, {}, {}});
      }
    }
  }

  static std::vector<std::string> result_names(const SourceNode& n) {
    std::vector<std::string> out;
    for (const SourceValue& v : n.outputs) {
      if (const auto* t = v.get<TensorRef>()) out.push_back(t->name);
      if (const auto* t = v.get<TensorRefs>()) out.insert(out.end(), t->names.begin(), t->names.end());
    }
    return out;
  }

  const std::vector<size_t>* rows_of(const Graph& g, uint32_t id) const {
    const auto it = rows_.find(g.origin(g[id].origin).node);
    return it == rows_.end() || it->second.empty() ? nullptr : &it->second;
  }
  const Tensor& torch_value(size_t row) const { return torch_.values.at(report_.layers[row].value); }

 private:
  const TorchValues& torch_;
  ReferenceReport& report_;
  std::unordered_map<std::string, std::vector<size_t>> rows_;
};

// What was compared in one graph. A node that departs while something computed from it agrees is no departure: its value is
// another one than the source's node of that name gave, because the two graphs cut their layers differently.
class GraphChecks {
 public:
  GraphChecks(const Graph& g, const LayerTable& table, size_t rows) : graph_(g), table_(table), best_(rows), nodes_(rows) {
    agrees_.resize(g.size());
  }

  template <class Compare>
  void look(uint32_t id, std::span<const Tensor> results, Compare compare_values) {
    const auto* rows = table_.rows_of(graph_, id);
    if (!rows) return;
    for (size_t row : *rows)
      for (const Tensor& t : results) {
        std::optional<Comparison> c = compare_values(table_.torch_value(row), t);
        if (!c) continue;
        agrees_[id] = agrees_[id] || c->passed;
        nodes_[row].push_back(id);
        keep_better(best_[row], *std::move(c));
      }
  }

  // The comparison to show for each row, and the first row that departs.
  std::optional<size_t> conclude(std::vector<std::optional<Comparison>>& shown) {
    std::vector<bool> healthy = agrees_;
    std::vector<uint32_t> order = graph_.topological_order();
    for (auto it = order.rbegin(); it != order.rend(); ++it)
      if (healthy[*it])
        for (Value v : graph_[*it].in)
          if (v.valid()) healthy[v.node] = true;
    std::optional<size_t> first;
    for (size_t row = 0; row < best_.size(); ++row) {
      if (!best_[row]) continue;
      const bool departs = !best_[row]->passed &&
                           std::none_of(nodes_[row].begin(), nodes_[row].end(), [&](uint32_t id) { return bool(healthy[id]); });
      if (departs && !first) first = row;
      if (departs || best_[row]->passed) shown[row] = std::move(best_[row]);
    }
    return first;
  }

 private:
  const Graph& graph_;
  const LayerTable& table_;
  std::vector<std::optional<Comparison>> best_;
  std::vector<std::vector<uint32_t>> nodes_;
  std::vector<bool> agrees_;
};

class ReferenceRun {
 public:
  ReferenceRun(const ReferenceSubject& subject, std::shared_ptr<const LiteRtLibrary> library, const ReferenceOptions& options)
      : subject_(subject), library_(std::move(library)), options_(options) {}
  Result<ReferenceReport> run();

 private:
  Status choose_inputs();
  Status run_source(const LayerTable& table);
  Status run_file(const LayerTable& table);
  void compare_outputs(const Tensors& got);
  void progress(std::string_view step, double share) const {
    if (options_.progress) options_.progress(step, share);
  }

  const ReferenceSubject& subject_;
  std::shared_ptr<const LiteRtLibrary> library_;
  const ReferenceOptions& options_;
  ReferenceReport report_;
  TorchValues torch_;
  Tensors inputs_;
};

Status ReferenceRun::choose_inputs() {
  const auto& samples = subject_.samples;
  report_.sample = !options_.random && samples.size() == subject_.source.inputs().size() &&
                   std::all_of(samples.begin(), samples.end(), [](const auto& s) { return s.has_value(); });
  if (!report_.sample) {
    TRY(inputs_, random_inputs(subject_.source, samples, options_.seed));
    return {};
  }
  for (const auto& s : samples) inputs_.push_back(*s);
  return {};
}

Status ReferenceRun::run_source(const LayerTable& table) {
  GraphChecks checks(subject_.source, table, report_.layers.size());
  EvaluateOptions options;
  options.observer = [&](const EvaluatedNode& n) {
    checks.look(n.id, n.results, [&](const Tensor& reference, const Tensor& got) -> std::optional<Comparison> {
      if (reference.shape() != got.shape()) return std::nullopt;
      return compare(reference, got, options_.tolerance);
    });
    progress("eval", n.share);
    return true;
  };
  TRY(const Evaluation e, evaluate(subject_.source, inputs_, options));
  std::vector<std::optional<Comparison>> shown(report_.layers.size());
  report_.source_departs = checks.conclude(shown);
  for (size_t i = 0; i < shown.size(); ++i) report_.layers[i].source = std::move(shown[i]);
  if (!library_) compare_outputs(e.outputs);
  return {};
}

Status ReferenceRun::run_file(const LayerTable& table) {
  if (!library_) {
    report_.notes.push_back("LiteRT is not at hand: the file was not run");
    return {};
  }
  WrittenModelOptions run;
  run.threads = options_.threads;
  run.signature = options_.signature;
  TRY(WrittenModel model, WrittenModel::load(library_, subject_.file, subject_.source, subject_.layouts, run));
  TRY(const Tensors outputs, model.run(inputs_));
  compare_outputs(outputs);
  const auto values = WrittenValues::open(subject_.written, subject_.file, options_.signature);
  if (!values) {
    report_.notes.push_back(values.error().what);
    return {};
  }
  GraphChecks checks(subject_.written, table, report_.layers.size());
  WrittenValues::Options options;
  options.run = run;
  options.expected = false;
  const double operators = double(values->file().operators().size());
  Tensors inputs = to_layout(inputs_, subject_.layouts.inputs);
  const auto visit = [&](const WrittenValues::NodeValues& n) {
    Tensors observed;
    for (size_t k = 0; k < n.results.size(); ++k)
      if (n.observed[k]) observed.push_back(n.results[k]);
    checks.look(n.id, observed, [&](const Tensor& reference, const Tensor& got) {
      return compare_up_to_layout(reference, got, options_.tolerance);
    });
    progress("LiteRT", double(n.operator_index + 1) / operators);
    return true;
  };
  TRY_STATUS(values->run(library_, inputs, options, visit));
  std::vector<std::optional<Comparison>> shown(report_.layers.size());
  report_.file_departs = checks.conclude(shown);
  for (size_t i = 0; i < shown.size(); ++i) report_.layers[i].file = std::move(shown[i]);
  return {};
}

void ReferenceRun::compare_outputs(const Tensors& got) {
  const auto& ports = subject_.source.outputs();
  report_.passed = torch_.outputs.size() == got.size();
  if (!report_.passed)
    report_.notes.push_back(fmt::format("torch gives {} outputs, Atoll {}", torch_.outputs.size(), got.size()));
  for (size_t i = 0; i < got.size() && i < torch_.outputs.size(); ++i) {
    Comparison c = compare(torch_.outputs[i], got[i], options_.tolerance);
    report_.passed = report_.passed && c.passed;
    report_.outputs.push_back({ports[i].name, torch_.outputs[i].type(), std::move(c)});
  }
}

Result<ReferenceReport> ReferenceRun::run() {
  const auto start = Clock::now();
  TRY_STATUS(choose_inputs());
  std::vector<std::string> names;
  for (const SourceNode& n : subject_.program.graph.nodes)
    for (std::string& name : LayerTable::result_names(n)) names.push_back(std::move(name));
  report_.python = options_.python.empty() ? find_python() : options_.python;
  TorchRunOptions torch{report_.python, options_.timeout_seconds, [&](double share) { progress("torch", share); },
                        options_.cancelled};
  TRY(torch_, run_torch(subject_.program.path, inputs_, names, subject_.program.torch_version, torch));
  report_.torch_version = torch_.version;
  const LayerTable table(subject_.program.graph, torch_, report_);
  TRY_STATUS(run_source(table));
  TRY_STATUS(run_file(table));
  report_.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return std::move(report_);
}

}  // namespace

std::optional<Comparison> compare_up_to_layout(const Tensor& reference, const Tensor& got, const Tolerance& tolerance) {
  if (reference.count() != got.count()) return std::nullopt;
  const Shape from = squeezed(reference.shape()), to = squeezed(got.shape());
  const Shape flat{got.count()};
  const Tensor a = reference.reshaped(from), b = got.reshaped(flat);
  std::optional<Comparison> best;
  Perm p = identity(from.size());
  if (from.size() == to.size() && from.size() <= kMaxAxes) {
    do {
      if (permuted(from, p) != to) continue;
      keep_better(best, compare(is_identity(p) ? a.reshaped(flat) : transpose(a, p).reshaped(flat), b, tolerance));
    } while (!(best && best->passed) && std::next_permutation(p.begin(), p.end()));
  }
  if (!best) best = compare(a.reshaped(flat), b, tolerance);
  return best;
}

Result<ReferenceReport> compare_with_torch(const ReferenceSubject& subject, std::shared_ptr<const LiteRtLibrary> library,
                                           const ReferenceOptions& options) {
  return ReferenceRun(subject, std::move(library), options).run();
}

}  // namespace atl
