#include "import/example_sizes.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "import/size_expression.h"
#include "import/specialize.h"

namespace atl {
namespace {

constexpr double kSpread[] = {1, 1.4, 1.9, 0.7, 2.6};
constexpr int64_t kSmallest = 6;       // of the middle: smaller ones are the sizes of kernels and channels
constexpr int64_t kLargest = 1 << 16;  // larger upper ends are not looked at
constexpr int64_t kUnbounded = 1 << 20;
constexpr int kTries = 64;
constexpr std::string_view kCond = "higher_order.cond";

// The torch.conds of the graph that sizes decide, each with its node.
void conditions(const SourceGraph& g, std::vector<std::pair<const SymBool*, const SourceNode*>>& out) {
  for (const SourceNode& n : g.nodes) {
    if (n.target == kCond && !n.inputs.empty())
      if (const auto* taken = n.inputs[0].value.get<SymBool>()) out.emplace_back(taken, &n);
    for (const SourceArgument& a : n.inputs)
      if (const auto* inner = a.value.get<GraphRef>(); inner && inner->graph) conditions(*inner->graph, out);
  }
}

class Chooser {
 public:
  Chooser(const SourceProgram& program, const SizeValues& fixed, std::span<const DynamicSize> open)
      : program_(program), fixed_(fixed), open_(open) {
    for (const auto& [name, meta] : program.graph.tensors)
      for (const SymDim& d : meta.sizes)
        if (d.is_static()) taken_.insert(d.value);
    for (const auto& [name, value] : fixed) taken_.insert(value);
  }

  Result<ExampleSizes> run() {
    ExampleSizes out;
    for (size_t i = 0; i < std::size(kSpread); ++i) {
      auto values = find(i, kSpread[i]);
      if (values && std::find(out.sizes.begin(), out.sizes.end(), *values) == out.sizes.end())
        out.sizes.push_back(*std::move(values));
    }
    if (out.sizes.size() < 3) return too_few();
    for (const SizeValues& v : {exported(), smallest()}) add_check(v, out);
    if (auto between = find(std::size(kSpread), 1.15)) add_check(*between, out);
    add_largest(out);
    TRY_STATUS(check_branches(out));
    TRY_STATUS(check_conditions(out));
    return out;
  }

 private:
  int64_t low(const DynamicSize& s) const { return std::max<int64_t>(2, s.min); }
  int64_t high(const DynamicSize& s) const { return s.max.value_or(kUnbounded); }

  bool holds(const SizeValues& values) const { return bool(check_sizes(program_, values)); }

  // A value for every open size, about `factor` times its middle.
  std::optional<SizeValues> find(size_t example, double factor) {
    for (int64_t shift = 0; shift < kTries; ++shift) {
      SizeValues values = fixed_;
      std::set<int64_t> used = taken_;
      bool complete = true;
      for (size_t i = 0; complete && i < open_.size(); ++i) {
        const DynamicSize& s = open_[i];
        const auto v = high(s) - low(s) < 8 ? std::optional(small(s, example + size_t(shift), i))
                                            : near(s, factor, int64_t(example), shift, used);
        complete = v.has_value();
        if (!complete) break;
        values[s.symbol] = *v;
        used.insert(*v);
      }
      if (!complete || !holds(values)) continue;
      for (const DynamicSize& s : open_) taken_.insert(values[s.symbol]);
      return values;
    }
    return std::nullopt;
  }

  // All of a small range in turn; each size at its own pace.
  int64_t small(const DynamicSize& s, size_t example, size_t index) const {
    return low(s) + int64_t(example * (2 * index + 1)) % (high(s) - low(s) + 1);
  }

  // Even and odd sizes, and every remainder by four, are among the examples: what follows from a division shows.
  std::optional<int64_t> near(const DynamicSize& s, double factor, int64_t example, int64_t shift,
                              const std::set<int64_t>& used) const {
    const int64_t middle = std::clamp(std::max(s.hint.value_or(kSmallest), kSmallest), low(s), high(s));
    const int64_t target = std::clamp(int64_t(double(middle) * factor) + shift, low(s), high(s));
    for (int64_t distance = 0; distance <= high(s) - low(s) && distance < 4096; ++distance)
      for (const int64_t v : {target + distance, target - distance})
        if (v >= low(s) && v <= high(s) && !used.contains(v) && (v % 4 == example % 4 || shift >= kTries / 2)) return v;
    return std::nullopt;
  }

  SizeValues exported() const {
    SizeValues values = fixed_;
    for (const DynamicSize& s : open_)
      if (s.hint) values[s.symbol] = *s.hint;
    return values;
  }
  SizeValues smallest() const {
    SizeValues values = fixed_;
    for (const DynamicSize& s : open_) values[s.symbol] = s.min;
    return values;
  }
  void add_largest(ExampleSizes& out) const {
    const auto bounded = [&](const DynamicSize& s) { return s.max && *s.max <= kLargest && *s.max >= low(s); };
    const auto count = size_t(std::count_if(open_.begin(), open_.end(), bounded));
    if (count == 0) return;
    std::vector<SizeValues> most(count == open_.size() ? 1 : 2);
    for (size_t i = 0; i < most.size(); ++i) {
      most[i] = out.sizes[i + 1];
      for (const DynamicSize& s : open_)
        if (bounded(s)) most[i][s.symbol] = *s.max;
      if (!holds(most[i])) return;
    }
    for (const SizeValues& m : most) {
      std::erase(out.sizes, m);
      out.sizes.push_back(m);
    }
    out.largest = most.size();
  }

  void add_check(const SizeValues& values, ExampleSizes& out) const {
    const bool complete =
        std::all_of(open_.begin(), open_.end(), [&](const DynamicSize& s) { return values.contains(s.symbol); });
    if (complete && holds(values) && std::find(out.checks.begin(), out.checks.end(), values) == out.checks.end())
      out.checks.push_back(values);
  }

  Error too_few() const {
    std::string ranges;
    for (const DynamicSize& s : open_)
      ranges += fmt::format("{}{} (axis {} of '{}') from {} to {}", ranges.empty() ? "" : ", ", s.symbol, s.axis, s.input,
                            s.min, s.max ? std::to_string(*s.max) : "any");
    return error(Code::kSymbolic, fmt::format("too few sizes are left to choose from: {}", ranges));
  }

  // Every side of a Min or Max that a size within the ranges reaches must be among the examples.
  Status check_branches(const ExampleSizes& out) const {
    SizeValues low_end = smallest(), high_end = fixed_;
    for (const DynamicSize& s : open_) high_end[s.symbol] = high(s);
    const auto sides = [](const std::string& expr, const SizeValues& values) {
      return size_branches(expr, [&](std::string_view name) -> std::optional<int64_t> {
        const auto it = values.find(std::string(name));
        return it == values.end() ? std::nullopt : std::optional(it->second);
      });
    };
    std::set<std::string> seen;
    for (const auto& [name, meta] : program_.graph.tensors)
      for (const SymDim& d : meta.sizes) {
        if ((d.expr.find("Min(") == d.expr.npos && d.expr.find("Max(") == d.expr.npos) || !seen.insert(d.expr).second) continue;
        std::vector<std::vector<double>> known;
        for (const SizeValues& v : out.sizes)
          if (auto s = sides(d.expr, v)) known.push_back(*std::move(s));
        for (const SizeValues& end : {low_end, high_end}) {
          const auto s = sides(d.expr, end);
          if (!s) continue;
          for (size_t i = 0; i < s->size(); ++i) {
            const auto same_side = [&](const std::vector<double>& k) { return i < k.size() && (k[i] >= 0) == ((*s)[i] >= 0); };
            if (std::any_of(known.begin(), known.end(), same_side)) continue;
            return error(Code::kSymbolic, fmt::format("the size {} of '{}' changes its form within the range", d.expr, name),
                         "export with a narrower torch.export.Dim(name, min=, max=)");
          }
        }
      }
    return {};
  }

  // A file has one of the two branches of a torch.cond on sizes: it must be the same at all sizes.
  Status check_conditions(const ExampleSizes& out) const {
    std::vector<std::pair<const SymBool*, const SourceNode*>> open;
    conditions(program_.graph, open);
    if (open.empty()) return {};
    std::vector<SizeValues> all = out.sizes;
    SizeValues highest = fixed_;
    for (const DynamicSize& s : open_) highest[s.symbol] = std::min(high(s), kLargest);
    for (const SizeValues& v : {smallest(), highest})
      if (holds(v)) all.push_back(v);
    all.insert(all.end(), out.checks.begin(), out.checks.end());
    std::vector<std::optional<bool>> first(open.size());
    for (const SizeValues& values : all) {
      TRY(const SourceProgram at, specialize(program_, values));
      std::vector<std::pair<const SymBool*, const SourceNode*>> known;
      conditions(at.graph, known);
      for (size_t k = 0; k < known.size() && k < first.size(); ++k) {
        const auto& [taken, node] = known[k];
        if (!taken->is_static()) continue;
        if (!first[k]) first[k] = taken->value;
        if (*first[k] != taken->value)
          return error(Code::kSymbolic, "torch.cond takes one branch at some of the open sizes and the other at others")
              .at(node->origin);
      }
    }
    return {};
  }

  const SourceProgram& program_;
  const SizeValues& fixed_;
  std::span<const DynamicSize> open_;
  std::set<int64_t> taken_;
};

}  // namespace

Result<ExampleSizes> choose_example_sizes(const SourceProgram& program, const SizeValues& fixed,
                                          std::span<const DynamicSize> open) {
  return Chooser(program, fixed, open).run();
}

}  // namespace atl
