#include "import/window_argmax.h"

#include <algorithm>

#include "import/placement.h"
#include "ops/binary.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace atl {
namespace {

constexpr int64_t kMaxSteps = 256;

int64_t largest(const Windows& windows) {
  size_t most = 0;
  for (const auto& window : windows) most = std::max(most, window.size());
  return int64_t(most);
}

bool covers_all(const Windows& windows, int64_t in) { return windows.size() == 1 && int64_t(windows[0].size()) == in; }

// Compares the windows' elements one after another: the first of every window, the second of every window, ...
class Search {
 public:
  Search(SourceCall& c, Value x, const std::vector<Windows>& axes)
      : c_(c), axes_(axes), lead_(c.rank(x) - axes.size()), in_(c.shape(x)) {}

  Value run(Value x) {
    visit(x, 0, {0});
    Shape full = c_.shape(best_);
    if (c_.shape(index_) != full) index_ = c_.add(BroadcastTo(std::move(full)), {index_});
    return c_.to_dtype(index_, DType::kI64);
  }

 private:
  /// `places` are those of the elements chosen so far, for all windows of the axes before `axis`.
  void visit(Value x, size_t axis, const std::vector<int64_t>& places) {
    if (c_.failed()) return;
    if (axis == axes_.size()) return compare(x, places);
    const int64_t in = in_[lead_ + axis];
    for (int64_t k = 0; k < largest(axes_[axis]); ++k) {
      // A window that has no k-th element repeats its last one, which is never larger than itself.
      std::vector<int64_t> positions, next;
      for (const auto& window : axes_[axis]) positions.push_back(window[std::min(size_t(k), window.size() - 1)]);
      for (int64_t place : places)
        for (int64_t position : positions) next.push_back(place * in + position);
      visit(pick(c_, x, int64_t(lead_ + axis), positions), axis + 1, next);
    }
  }

  void compare(Value x, const std::vector<int64_t>& places) {
    Shape shape(lead_, 1);
    for (const Windows& windows : axes_) shape.push_back(int64_t(windows.size()));
    const Value index = index_constant(c_, std::move(shape), places);
    if (!best_.valid()) {
      best_ = x;
      index_ = index;
      return;
    }
    index_ = c_.add(Select(), {c_.add(Compare(CompareKind::kGreater), {x, best_}), index, index_});
    best_ = c_.add(Binary(BinaryKind::kMaximum), {x, best_});
  }

  SourceCall& c_;
  const std::vector<Windows>& axes_;
  const size_t lead_;
  const Shape in_;
  Value best_, index_;
};

}  // namespace

Value window_argmax(SourceCall& c, Value x, const std::vector<Windows>& axes) {
  if (c.failed() || c.rank(x) < axes.size()) return {};
  const Shape s = c.shape(x);
  const size_t lead = s.size() - axes.size();
  int64_t steps = 1, elements = 1, results = 1;
  bool all = true;
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto is_empty = [](const auto& window) { return window.empty(); };
    if (axes[i].empty() || std::any_of(axes[i].begin(), axes[i].end(), is_empty)) return {};
    steps = std::min(steps * largest(axes[i]), kMaxSteps + 1);
    if (__builtin_mul_overflow(elements, s[lead + i], &elements) ||
        __builtin_mul_overflow(results, int64_t(axes[i].size()), &results))
      return {};
    all = all && covers_all(axes[i], s[lead + i]);
  }
  constexpr int64_t kMaxPlace = (int64_t{1} << 31) - 1;
  if (elements > kMaxPlace || results > kMaxPositions) return {};
  if (all) {
    Shape flat(s.begin(), s.begin() + std::ptrdiff_t(lead)), out = flat;
    flat.push_back(elements);
    out.resize(s.size(), 1);
    ArgReduce largest_of_all;
    largest_of_all.kind = ArgReduceKind::kMax;
    largest_of_all.axis = int64_t(lead);
    const Value index = c.add(std::move(largest_of_all), {c.add(Reshape(flat), {x})});
    return c.to_dtype(c.add(Reshape(out), {index}), DType::kI64);
  }
  if (steps > kMaxSteps) return {};
  return Search(c, x, axes).run(x);
}

}  // namespace atl
