#include <algorithm>

#include "task/tasks.h"

namespace atl {

Result<std::vector<Classified>> classify(const std::vector<OutputValues>& outputs, size_t count) {
  const auto scores = std::ranges::find_if(
      outputs, [](const OutputValues& o) { return !o.integer && o.squeezed().size() == 1 && o.values.size() > 1; });
  if (scores == outputs.end())
    return error(Code::kInput, "the model has no output with a score for each class, such as [1,1000]",
                 "--task detect, segment or pose may fit");
  std::vector<Classified> all;
  for (size_t i = 0; i < scores->values.size(); ++i) all.push_back({i, scores->values[i]});
  std::ranges::stable_sort(all, [](const Classified& a, const Classified& b) { return a.score > b.score; });
  all.resize(std::min(count, all.size()));
  return all;
}

}  // namespace atl
