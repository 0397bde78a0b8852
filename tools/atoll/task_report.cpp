#include "task_report.h"

#include <cmath>

#include "listing.h"
#include "terminal.h"

namespace atl::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kShownPoint = 0.2;

// Two decimals are a hundredth of a pixel.
double rounded(double v, double digits) { return std::round(v * digits) / digits; }

Json json_of_class(const TaskReport::Class& c) {
  Json j{{"index", c.index}};
  if (!c.label.empty()) j["label"] = c.label;
  return j;
}

std::string name_of(const TaskReport::Class& c) {
  return c.label.empty() ? fmt::format("class {}", c.index) : printable(c.label);
}

// Places in pixels are shown whole, relative ones with three decimals.
std::string place(double v, bool in_pixels) { return in_pixels ? fmt::format("{:.0f}", v) : fmt::format("{:.3f}", v); }

}  // namespace

Json json_of(const TaskReport& r) {
  const double digits = r.in_pixels ? 100 : 1e6;
  const auto box = [&](const TaskReport::Object& o) {
    return Json{rounded(o.x1, digits), rounded(o.y1, digits), rounded(o.x2, digits), rounded(o.y2, digits)};
  };
  Json j{{"kind", r.kind}, {"unit", r.in_pixels ? "pixel" : "relative"}, {"width", r.width}, {"height", r.height}};
  if (r.kind == "classify") {
    j["classes"] = Json::array();
    for (const auto& c : r.classes) {
      Json one = json_of_class(c);
      one["score"] = c.score;
      j["classes"].push_back(std::move(one));
    }
  } else if (r.kind == "detect") {
    j["objects"] = Json::array();
    for (const auto& o : r.objects) {
      Json one = json_of_class(o);
      one["score"] = o.score;
      one["box"] = box(o);
      j["objects"].push_back(std::move(one));
    }
  } else if (r.kind == "segment") {
    j["regions"] = Json::array();
    for (const auto& o : r.regions) {
      Json one = json_of_class(o);
      one["pixels"] = o.pixels;
      one["share"] = o.score;
      one["box"] = box(o);
      j["regions"].push_back(std::move(one));
    }
  } else {
    j["poses"] = Json::array();
    for (const auto& p : r.poses) {
      Json one{{"score", p.score}, {"points", Json::array()}};
      for (const auto& k : p.points)
        one["points"].push_back(
            {{"name", k.name}, {"x", rounded(k.x, digits)}, {"y", rounded(k.y, digits)}, {"score", k.score}});
      j["poses"].push_back(std::move(one));
    }
  }
  if (!r.drawn.empty()) j["drawn"] = r.drawn;
  return j;
}

void print_task(const TaskReport& r) {
  const auto at = [&](double v) { return place(v, r.in_pixels); };
  for (const auto& c : r.classes) fmt::print("  {:>10}  {} ({})\n", number_text(c.score), name_of(c), c.index);
  for (const auto& o : r.objects)
    fmt::print("  {:>6.1f} %  {:<20} {}, {} to {}, {}\n", 100 * o.score, name_of(o), at(o.x1), at(o.y1), at(o.x2), at(o.y2));
  for (const auto& o : r.regions)
    fmt::print("  {:>6.1f} %  {:<20} {}, {} to {}, {}\n", 100 * o.score, name_of(o), at(o.x1), at(o.y1), at(o.x2), at(o.y2));
  for (size_t i = 0; i < r.poses.size(); ++i) {
    fmt::print("  pose {} ({:.0f} %)\n", i, 100 * r.poses[i].score);
    for (const auto& k : r.poses[i].points)
      if (k.score >= kShownPoint) fmt::print("  {:>6.1f} %  {:<20} {}, {}\n", 100 * k.score, k.name, at(k.x), at(k.y));
  }
  if (r.kind == "detect" && r.objects.empty()) fmt::print("  nothing found\n");
  if (r.kind == "pose" && r.poses.empty()) fmt::print("  nobody found\n");
  if (!r.drawn.empty()) fmt::print("  drawn on {}\n", printable(r.drawn));
}

}  // namespace atl::cli
