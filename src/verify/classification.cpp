#include "verify/classification.h"

#include <cmath>

namespace atl {

std::optional<int64_t> highest(const Tensor& scores) {
  std::optional<int64_t> best;
  double value = 0;
  for (int64_t i = 0; i < scores.count(); ++i) {
    const double v = element_as_double(scores, i);
    if (std::isnan(v) || (best && v <= value)) continue;
    best = i;
    value = v;
  }
  return best;
}

bool among_highest(const Tensor& scores, int64_t label, int64_t k) {
  const double own = element_as_double(scores, label);
  if (std::isnan(own)) return false;
  int64_t above = 0;
  for (int64_t i = 0; i < scores.count(); ++i) {
    const double v = element_as_double(scores, i);
    above += v > own || (v == own && i < label);
  }
  return above < k;
}

void Classification::add(const Tensor& scores, int64_t label) {
  const auto found = highest(scores);
  ++examples;
  top1 += found == label;
  top5 += among_highest(scores, label, 5);
  undecided += !found;
  ++confusion[{label, found.value_or(-1)}];
}

}  // namespace atl
