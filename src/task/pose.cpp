// Key points. PoseNet's are decoded as "PersonLab" (Papandreou and others, 2018, arXiv 1803.08225) describes it.
#include <algorithm>
#include <cmath>

#include "task/tasks.h"

namespace atl {
namespace {

constexpr int kPoints = 17, kEdges = 16;
constexpr double kMinPeak = 0.5;  // of a point from which a pose is begun
constexpr int kRefinements = 5;   // steps along the short offsets to the middle of a point
constexpr int kPeakRadius = 1;    // cells in which a peak is the highest
// The tree along which the middle offsets lead, parent and child, in their order.
constexpr std::array<std::pair<int, int>, kEdges> kTree = {{{0, 1},
                                                            {1, 3},
                                                            {0, 2},
                                                            {2, 4},
                                                            {0, 5},
                                                            {5, 7},
                                                            {7, 9},
                                                            {5, 11},
                                                            {11, 13},
                                                            {13, 15},
                                                            {0, 6},
                                                            {6, 8},
                                                            {8, 10},
                                                            {6, 12},
                                                            {12, 14},
                                                            {14, 16}}};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

struct Point {
  double y = 0, x = 0;
};

/// PoseNet's maps on a grid of cells; offsets are in pixels of the model's input, a cell is `stride` of them.
class PoseMaps {
 public:
  PoseMaps(const OutputValues& heat, const OutputValues& offsets, const OutputValues* middle, const PoseOptions& options)
      : heat_(heat), short_(offsets), middle_(middle), height_(int(heat.dim(3))), width_(int(heat.dim(2))) {
    stride_ = height_ > 1 ? double(options.height - 1) / (height_ - 1) : 1;
  }
  int height() const { return height_; }
  int width() const { return width_; }
  bool has_middle() const { return middle_ != nullptr; }
  double score(int y, int x, int point) const { return sigmoid(at(heat_, y, x, point)); }
  /// The place of a point that this cell knows of.
  Point place(int y, int x, int point) const {
    return {y * stride_ + at(short_, y, x, point), x * stride_ + at(short_, y, x, kPoints + point)};
  }
  double score(const Point& p, int point) const { return score(cell(p.y, height_), cell(p.x, width_), point); }
  /// Along edge `e` of the tree from a point to its neighbour, refined.
  Point follow(const Point& from, int e, bool forward) const {
    const int y = cell(from.y, height_), x = cell(from.x, width_), block = forward ? 0 : 2 * kEdges;
    const int target = forward ? kTree[size_t(e)].second : kTree[size_t(e)].first;
    Point p{from.y + at(*middle_, y, x, block + e), from.x + at(*middle_, y, x, block + kEdges + e)};
    for (int i = 0; i < kRefinements; ++i) p = place(cell(p.y, height_), cell(p.x, width_), target);
    return p;
  }

 private:
  double at(const OutputValues& o, int y, int x, int channel) const {
    return o.values[size_t((int64_t(y) * width_ + x) * o.dim(1) + channel)];
  }
  int cell(double pixel, int count) const { return std::clamp(int(std::lround(pixel / stride_)), 0, count - 1); }

  const OutputValues &heat_, &short_;
  const OutputValues* middle_;
  int height_, width_;
  double stride_ = 1;
};

struct Peak {
  double score;
  int point, y, x;
};

// Cells that are the highest around, highest first.
std::vector<Peak> peaks_of(const PoseMaps& maps) {
  std::vector<Peak> peaks;
  for (int point = 0; point < kPoints; ++point)
    for (int y = 0; y < maps.height(); ++y)
      for (int x = 0; x < maps.width(); ++x) {
        const double s = maps.score(y, x, point);
        bool highest = s >= kMinPeak;
        for (int v = std::max(0, y - kPeakRadius); highest && v <= std::min(maps.height() - 1, y + kPeakRadius); ++v)
          for (int u = std::max(0, x - kPeakRadius); u <= std::min(maps.width() - 1, x + kPeakRadius); ++u)
            highest &= maps.score(v, u, point) <= s;
        if (highest) peaks.push_back({s, point, y, x});
      }
  std::ranges::stable_sort(peaks, [](const Peak& a, const Peak& b) { return a.score > b.score; });
  return peaks;
}

bool is_near(const KeyPoint& a, const Point& b, double distance) { return std::hypot(a.x - b.x, a.y - b.y) <= distance; }

// A pose from one of its points, along the tree in both directions.
Pose grow(const PoseMaps& maps, const Peak& root) {
  std::array<bool, kPoints> known{};
  std::array<Point, kPoints> places{};
  Pose pose;
  pose.points.resize(kPoints);
  const auto set = [&](int point, const Point& p, double score) {
    known[size_t(point)] = true;
    places[size_t(point)] = p;
    pose.points[size_t(point)] = {p.x, p.y, score};
  };
  set(root.point, maps.place(root.y, root.x, root.point), root.score);
  for (int e = kEdges - 1; e >= 0; --e) {
    const auto [parent, child] = kTree[size_t(e)];
    if (!known[size_t(child)] || known[size_t(parent)]) continue;
    const Point p = maps.follow(places[size_t(child)], e, false);
    set(parent, p, maps.score(p, parent));
  }
  for (int e = 0; e < kEdges; ++e) {
    const auto [parent, child] = kTree[size_t(e)];
    if (!known[size_t(parent)] || known[size_t(child)]) continue;
    const Point p = maps.follow(places[size_t(parent)], e, true);
    set(child, p, maps.score(p, child));
  }
  return pose;
}

// The best point of each kind, for models without middle offsets.
Pose single_pose(const PoseMaps& maps) {
  Pose pose;
  for (int point = 0; point < kPoints; ++point) {
    int best_y = 0, best_x = 0;
    for (int y = 0; y < maps.height(); ++y)
      for (int x = 0; x < maps.width(); ++x)
        if (maps.score(y, x, point) > maps.score(best_y, best_x, point)) best_y = y, best_x = x;
    const Point p = maps.place(best_y, best_x, point);
    pose.points.push_back({p.x, p.y, maps.score(best_y, best_x, point)});
    pose.score += pose.points.back().score / kPoints;
  }
  return pose;
}

std::vector<Pose> decode(const PoseMaps& maps, const PoseOptions& options) {
  if (!maps.has_middle()) return {single_pose(maps)};
  std::vector<Pose> poses;
  const auto taken = [&](int point, const Point& p) {
    return std::ranges::any_of(poses, [&](const Pose& o) { return is_near(o.points[size_t(point)], p, options.min_distance); });
  };
  for (const Peak& root : peaks_of(maps)) {
    if (poses.size() == options.max_count) break;
    if (taken(root.point, maps.place(root.y, root.x, root.point))) continue;
    Pose pose = grow(maps, root);
    for (int point = 0; point < kPoints; ++point) {
      const KeyPoint& k = pose.points[size_t(point)];
      if (!taken(point, {k.y, k.x})) pose.score += k.score / kPoints;
    }
    if (pose.score >= options.min_score) poses.push_back(std::move(pose));
  }
  std::ranges::stable_sort(poses, [](const Pose& a, const Pose& b) { return a.score > b.score; });
  return poses;
}

const OutputValues* with_channels(const std::vector<OutputValues>& outputs, int64_t channels) {
  const auto at = std::ranges::find_if(outputs, [&](const OutputValues& o) {
    return o.shape.size() == 4 && o.shape[0] == 1 && o.dim(1) == channels && o.shape[1] > 1 && o.shape[2] > 1;
  });
  return at == outputs.end() ? nullptr : &*at;
}

Pose read_movenet(const OutputValues& o) {
  Pose pose;
  for (size_t i = 0; i < size_t(kPoints); ++i) {
    pose.points.push_back({o.values[3 * i + 1], o.values[3 * i], o.values[3 * i + 2]});
    pose.score += pose.points.back().score / kPoints;
  }
  return pose;
}

}  // namespace

Result<std::vector<Pose>> find_poses(const std::vector<OutputValues>& outputs, const PoseOptions& options) {
  for (const OutputValues& o : outputs) {
    if (o.squeezed() != std::vector<int64_t>{kPoints, 3}) continue;
    const Pose pose = read_movenet(o);
    const bool seen = std::ranges::any_of(pose.points, [&](const KeyPoint& k) { return k.score >= options.min_point_score; });
    return seen ? std::vector{pose} : std::vector<Pose>{};
  }
  const OutputValues *heat = with_channels(outputs, kPoints), *offsets = with_channels(outputs, 2 * kPoints),
                     *middle = with_channels(outputs, 4 * kEdges);
  const auto fits = [&](const OutputValues* o) { return o && o->shape[1] == heat->shape[1] && o->shape[2] == heat->shape[2]; };
  if (!heat || !fits(offsets) || (middle && !fits(middle)))
    return error(
        Code::kInput,
        "the outputs are neither MoveNet's key points [1,1,17,3] nor PoseNet's heat maps [1,H,W,17] and offsets [1,H,W,34]",
        "let the model give its maps before they are decoded");
  std::vector<Pose> poses = decode(PoseMaps(*heat, *offsets, middle, options), options);
  for (Pose& p : poses)
    for (KeyPoint& k : p.points) k.x /= options.width, k.y /= options.height;
  return poses;
}

const std::array<std::string, 17>& key_point_names() {
  static const std::array<std::string, kPoints> names = {
      "nose",           "left eye",   "right eye",   "left ear",   "right ear",   "left shoulder",
      "right shoulder", "left elbow", "right elbow", "left wrist", "right wrist", "left hip",
      "right hip",      "left knee",  "right knee",  "left ankle", "right ankle"};
  return names;
}

const std::vector<std::pair<int, int>>& bones() {
  static const std::vector<std::pair<int, int>> pairs = {{0, 1},   {0, 2},   {1, 3},   {2, 4},  {5, 6},  {5, 7},
                                                         {7, 9},   {6, 8},   {8, 10},  {5, 11}, {6, 12}, {11, 12},
                                                         {11, 13}, {13, 15}, {12, 14}, {14, 16}};
  return pairs;
}

}  // namespace atl
