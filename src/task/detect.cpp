#include <algorithm>
#include <cmath>

#include "task/tasks.h"

namespace atl {
namespace {

constexpr double kSumTolerance = 0.02;
constexpr double kRelativeLimit = 4;  // boxes with larger numbers are in pixels

bool is_boxes(const OutputValues& o) { return !o.integer && o.shape.size() >= 2 && o.dim(1) == 4; }

/// The four outputs of LiteRT's post-processing.
struct PostProcessed {
  const OutputValues *boxes, *classes, *scores, *count;
};

bool descends(const std::vector<double>& v) { return std::ranges::is_sorted(v, std::greater<>()); }
bool are_whole(const std::vector<double>& v) {
  return std::ranges::all_of(v, [](double x) { return x == std::floor(x); });
}

const OutputValues* by_tensor(const std::vector<OutputValues>& outputs, uint32_t tensor) {
  const auto at = std::ranges::find(outputs, tensor, &OutputValues::tensor);
  return at == outputs.end() ? nullptr : &*at;
}

// By shape: a number, N boxes, and two lists of N, of which the scores descend and the classes are whole numbers.
std::optional<PostProcessed> by_shape(const std::vector<OutputValues>& outputs) {
  if (outputs.size() != 4) return std::nullopt;
  PostProcessed p{};
  std::vector<const OutputValues*> lists;
  for (const OutputValues& o : outputs) {
    if (o.values.size() == 1 && !p.count)
      p.count = &o;
    else if (is_boxes(o) && !p.boxes)
      p.boxes = &o;
    else
      lists.push_back(&o);
  }
  if (!p.count || !p.boxes || lists.size() != 2) return std::nullopt;
  const size_t n = p.boxes->values.size() / 4;
  if (lists[0]->values.size() != n || lists[1]->values.size() != n) return std::nullopt;
  const bool second = are_whole(lists[0]->values) && (!are_whole(lists[1]->values) || descends(lists[1]->values));
  p.scores = lists[second ? 1 : 0];
  p.classes = lists[second ? 0 : 1];
  return p;
}

std::optional<PostProcessed> post_processed(const std::vector<OutputValues>& outputs, const DetectOptions& options) {
  if (!options.post_processed) return by_shape(outputs);
  const auto& t = *options.post_processed;
  const PostProcessed p{by_tensor(outputs, t[0]), by_tensor(outputs, t[1]), by_tensor(outputs, t[2]), by_tensor(outputs, t[3])};
  if (!p.boxes || !p.classes || !p.scores || !p.count) return std::nullopt;
  return p;
}

std::vector<Detected> read_post_processed(const PostProcessed& p, const DetectOptions& options) {
  std::vector<Detected> found;
  const auto n = size_t(std::clamp(p.count->values[0], 0.0, double(p.scores->values.size())));
  for (size_t i = 0; i < n && 4 * i + 3 < p.boxes->values.size() && i < p.classes->values.size(); ++i) {
    const double* b = &p.boxes->values[4 * i];
    if (p.scores->values[i] < options.min_score) continue;
    found.push_back({size_t(std::max(0.0, p.classes->values[i])), p.scores->values[i], {b[1], b[0], b[3], b[2]}});
  }
  std::ranges::stable_sort(found, [](const Detected& a, const Detected& b) { return a.score > b.score; });
  if (found.size() > options.max_count) found.resize(options.max_count);
  return found;
}

Result<Box> box_of(const double* v, const std::string& form) {
  if (form == "xyxy") return Box{v[0], v[1], v[2], v[3]};
  if (form == "yxyx") return Box{v[1], v[0], v[3], v[2]};
  if (form == "cxcywh") return Box{v[0] - v[2] / 2, v[1] - v[3] / 2, v[0] + v[2] / 2, v[1] + v[3] / 2};
  return error(Code::kUsage, fmt::format("boxes cannot be '{}'", form), "xyxy, yxyx or cxcywh");
}

bool rows_sum_to_one(const OutputValues& scores, size_t classes) {
  for (size_t i = 0; i + classes <= scores.values.size(); i += classes) {
    double sum = 0;
    for (size_t c = 0; c < classes; ++c) sum += scores.values[i + c];
    if (std::abs(sum - 1) > kSumTolerance) return false;
  }
  return true;
}

// Keeps the highest of boxes that overlap; `candidates` are of one class and sorted.
void suppress(std::vector<Detected>& candidates, const DetectOptions& options, std::vector<Detected>& kept) {
  const size_t begin = kept.size();
  for (const Detected& c : candidates) {
    const bool free = std::none_of(kept.begin() + ptrdiff_t(begin), kept.end(),
                                   [&](const Detected& k) { return overlap(k.box, c.box) > options.max_overlap; });
    if (free) kept.push_back(c);
    if (kept.size() - begin == options.max_count) return;
  }
}

Result<std::vector<Detected>> from_boxes_and_scores(const OutputValues& boxes, const OutputValues& scores,
                                                    const DetectOptions& options) {
  const size_t n = boxes.values.size() / 4, classes = scores.values.size() / n;
  int background = options.background.value_or(-1);
  if (!options.background && classes > 1 && rows_sum_to_one(scores, classes)) background = 0;
  double largest = 0;
  for (const double v : boxes.values) largest = std::max(largest, std::abs(v));
  const bool in_pixels = largest > kRelativeLimit && options.width > 0 && options.height > 0;
  std::vector<Detected> kept;
  for (size_t c = 0; c < classes; ++c) {
    if (int(c) == background) continue;
    std::vector<Detected> candidates;
    for (size_t i = 0; i < n; ++i) {
      const double score = scores.values[i * classes + c];
      if (!(score >= options.min_score)) continue;
      TRY(Box box, box_of(&boxes.values[4 * i], options.boxes));
      if (in_pixels) box = {box.x1 / options.width, box.y1 / options.height, box.x2 / options.width, box.y2 / options.height};
      candidates.push_back({c, score, box});
    }
    std::ranges::stable_sort(candidates, [](const Detected& a, const Detected& b) { return a.score > b.score; });
    suppress(candidates, options, kept);
  }
  std::ranges::stable_sort(kept, [](const Detected& a, const Detected& b) { return a.score > b.score; });
  if (kept.size() > options.max_count) kept.resize(options.max_count);
  return kept;
}

}  // namespace

double overlap(const Box& a, const Box& b) {
  const double width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1), height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  if (width <= 0 || height <= 0) return 0;
  const double common = width * height;
  return common / ((a.x2 - a.x1) * (a.y2 - a.y1) + (b.x2 - b.x1) * (b.y2 - b.y1) - common);
}

Result<std::vector<Detected>> detect(const std::vector<OutputValues>& outputs, const DetectOptions& options) {
  if (options.boxes != "xyxy" && options.boxes != "yxyx" && options.boxes != "cxcywh")
    return error(Code::kUsage, fmt::format("boxes cannot be '{}'", options.boxes), "xyxy, yxyx or cxcywh");
  if (const auto p = post_processed(outputs, options)) return read_post_processed(*p, options);
  if (outputs.size() == 2) {
    // N boxes and N rows of scores; with four classes the boxes come first.
    for (const size_t b : {size_t{0}, size_t{1}}) {
      const OutputValues &boxes = outputs[b], &scores = outputs[1 - b];
      const size_t n = boxes.values.size() / 4;
      if (!is_boxes(boxes) || n == 0 || scores.values.empty() || scores.values.size() % n != 0) continue;
      if (is_boxes(scores) && b == 1) continue;
      return from_boxes_and_scores(boxes, scores, options);
    }
  }
  return error(Code::kInput,
               "the outputs are neither those of LiteRT's detection post-processing nor boxes [N,4] and scores [N,C]",
               "let the model give boxes and scores apart: of all boxes, before non-maximum suppression");
}

}  // namespace atl
