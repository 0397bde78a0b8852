#include <algorithm>

#include "task/tasks.h"

namespace atl {
namespace {

// Sizes that stand for height, width and classes of one output.
struct Layout {
  int64_t height = 0, width = 0, classes = 1;
  bool classes_first = false;
};

std::optional<Layout> layout_of(const OutputValues& o) {
  std::vector<int64_t> s = o.shape;
  if (s.size() > 2 && s[0] == 1) s.erase(s.begin());
  if (o.integer && s.size() == 3 && (s[0] == 1 || s[2] == 1)) s.erase(s[0] == 1 ? s.begin() : s.end() - 1);
  if (o.integer) return s.size() == 2 ? std::optional(Layout{s[0], s[1], 1, false}) : std::nullopt;
  if (s.size() != 3) return std::nullopt;
  const bool first = s[0] < s[2];
  return first ? Layout{s[1], s[2], s[0], true} : Layout{s[0], s[1], s[2], false};
}

}  // namespace

Result<Segmented> segment(const std::vector<OutputValues>& outputs) {
  for (const OutputValues& o : outputs) {
    const auto l = layout_of(o);
    if (!l || l->height < 2 || l->width < 2) continue;
    Segmented s{int(l->width), int(l->height), {}};
    const int64_t pixels = l->height * l->width;
    s.classes.resize(size_t(pixels));
    for (int64_t p = 0; p < pixels; ++p) {
      if (o.integer) {
        s.classes[size_t(p)] = int(o.values[size_t(p)]);
        continue;
      }
      // One score a pixel is the probability of class 1.
      if (l->classes == 1) {
        s.classes[size_t(p)] = o.values[size_t(p)] > 0.5 ? 1 : 0;
        continue;
      }
      const auto score = [&](int64_t c) { return o.values[size_t(l->classes_first ? c * pixels + p : p * l->classes + c)]; };
      int64_t best = 0;
      for (int64_t c = 1; c < l->classes; ++c)
        if (score(c) > score(best)) best = c;
      s.classes[size_t(p)] = int(best);
    }
    return s;
  }
  return error(Code::kInput,
               "the model has no output with a class or with scores for each pixel, such as [1,513,513] or [1,65,65,21]",
               "--task classify or detect may fit");
}

}  // namespace atl
