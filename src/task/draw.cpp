#include "task/draw.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "task/canvas.h"

namespace atl {
namespace {

constexpr double kMaskOpacity = 0.55;
constexpr size_t kListed = 12;

std::string percent(double score) { return fmt::format("{:.0f}%", 100 * score); }

// Lines of text in the upper left corner, each with a swatch of its class's colour.
void list(Canvas& canvas, const std::vector<std::pair<size_t, std::string>>& lines) {
  const int scale = canvas.scale() + 1, step = Canvas::text_height(scale) + 2 * scale, margin = 2 * scale,
            swatch = step - scale;
  int width = 0;
  for (const auto& [index, text] : lines) width = std::max(width, Canvas::text_width(text, scale));
  canvas.fill(0, 0, width + swatch + 3 * margin, int(lines.size()) * step + margin, kBlack, 0.6);
  int y = margin;
  for (const auto& [index, text] : lines) {
    canvas.fill(margin, y, swatch - scale, swatch - scale, color_of(index));
    canvas.text(margin + swatch + scale, y, text, scale, kWhite);
    y += step;
  }
}

}  // namespace

std::string Labels::text(size_t index) const {
  const std::string n = name(index);
  return n.empty() ? fmt::format("class {}", index) : n;
}

void draw_classes(Image& image, const std::vector<Classified>& classes, const Labels& labels) {
  Canvas canvas(image);
  std::vector<std::pair<size_t, std::string>> lines;
  for (const Classified& c : classes)
    lines.emplace_back(c.index, c.score >= 0 && c.score <= 1 ? fmt::format("{:>4} {}", percent(c.score), labels.text(c.index))
                                                             : fmt::format("{:.3g} {}", c.score, labels.text(c.index)));
  list(canvas, lines);
}

void draw_objects(Image& image, const SeenPart& seen, const std::vector<Detected>& objects, const Labels& labels) {
  Canvas canvas(image);
  const int scale = canvas.scale();
  // The best last, over the others.
  for (auto o = objects.rbegin(); o != objects.rend(); ++o) {
    const Color color = color_of(o->index);
    const auto clamped = [](double v, int limit) { return int(std::lround(std::clamp(v, 0.0, double(limit)))); };
    const int x1 = clamped(seen.x(o->box.x1), image.width), y1 = clamped(seen.y(o->box.y1), image.height),
              x2 = clamped(seen.x(o->box.x2), image.width), y2 = clamped(seen.y(o->box.y2), image.height);
    canvas.frame(x1, y1, x2 - x1, y2 - y1, 2 * scale, color);
    canvas.plate(x1, y1 - Canvas::text_height(scale) - scale, fmt::format("{} {}", labels.text(o->index), percent(o->score)),
                 scale, color);
  }
}

void draw_segments(Image& image, const SeenPart& seen, const Segmented& segments, const Labels& labels) {
  Canvas canvas(image);
  std::map<int, size_t> counts;
  for (const int c : segments.classes) ++counts[c];
  // The class of a pixel of the picture; 0 where the model saw nothing.
  const auto class_at = [&](int x, int y) {
    const double u = (x + 0.5 - seen.left) / seen.width, v = (y + 0.5 - seen.top) / seen.height;
    if (u < 0 || v < 0 || u >= 1 || v >= 1) return 0;
    return segments.classes[size_t(v * segments.height) * size_t(segments.width) + size_t(u * segments.width)];
  };
  const int border = canvas.scale();
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x) {
      const int c = class_at(x, y);
      if (c == 0) continue;
      const bool edge =
          (x >= border && class_at(x - border, y) != c) || (x + border < image.width && class_at(x + border, y) != c) ||
          (y >= border && class_at(x, y - border) != c) || (y + border < image.height && class_at(x, y + border) != c);
      canvas.dot(x, y, edge ? kWhite : color_of(size_t(c)), edge ? 1 : kMaskOpacity);
    }
  std::vector<std::pair<size_t, std::string>> lines;
  for (const auto& [c, count] : counts)
    if (c > 0)
      lines.emplace_back(size_t(c), fmt::format("{} {:.1f}%", labels.text(size_t(c)),
                                                100.0 * double(count) / double(segments.classes.size())));
  if (lines.size() > kListed) lines.resize(kListed);
  if (!lines.empty()) list(canvas, lines);
}

void draw_poses(Image& image, const SeenPart& seen, const std::vector<Pose>& poses, double min_score) {
  Canvas canvas(image);
  const double thickness = 3.0 * canvas.scale();
  for (size_t i = 0; i < poses.size(); ++i) {
    const auto& points = poses[i].points;
    const Color color = color_of(i);
    const auto shown = [&](int k) { return size_t(k) < points.size() && points[size_t(k)].score >= min_score; };
    for (const auto& [a, b] : bones()) {
      if (!shown(a) || !shown(b)) continue;
      const KeyPoint &p = points[size_t(a)], &q = points[size_t(b)];
      canvas.line(seen.x(p.x), seen.y(p.y), seen.x(q.x), seen.y(q.y), thickness, color);
    }
    for (int k = 0; k < int(points.size()); ++k) {
      if (!shown(k)) continue;
      const KeyPoint& p = points[size_t(k)];
      canvas.disc(seen.x(p.x), seen.y(p.y), thickness + canvas.scale(), kBlack);
      canvas.disc(seen.x(p.x), seen.y(p.y), thickness, kWhite);
    }
  }
}

}  // namespace atl
