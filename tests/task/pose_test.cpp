#include <cmath>

#include "outputs.h"

namespace atl {
namespace {

constexpr int kPoints = 17, kEdges = 16, kHeight = 23, kWidth = 31;
constexpr double kStride = 16;
// Parent and child along each middle offset.
constexpr int kTree[kEdges][2] = {{0, 1},   {1, 3},   {0, 2}, {2, 4}, {0, 5},  {5, 7},  {7, 9},   {5, 11},
                                  {11, 13}, {13, 15}, {0, 6}, {6, 8}, {8, 10}, {6, 12}, {12, 14}, {14, 16}};

struct Spot {
  double x, y;
};

// A person whose points lie around `middle`, all of them apart.
std::vector<Spot> person(Spot middle) {
  std::vector<Spot> spots;
  for (int k = 0; k < kPoints; ++k) spots.push_back({middle.x + 60 * std::cos(k * 2.1), middle.y - 120 + 14.5 * k});
  return spots;
}

struct Maps {
  std::vector<double> heat, offsets, middle;
};

// What PoseNet would give for these people: heat where a point is near, and offsets that lead to the nearest one exactly.
Maps maps_of(const std::vector<std::vector<Spot>>& people) {
  Maps m{std::vector<double>(kHeight * kWidth * kPoints, -10), std::vector<double>(kHeight * kWidth * 2 * kPoints),
         std::vector<double>(kHeight * kWidth * 4 * kEdges)};
  for (int y = 0; y < kHeight; ++y)
    for (int x = 0; x < kWidth; ++x) {
      const double px = x * kStride, py = y * kStride;
      const size_t cell = size_t(y * kWidth + x);
      const auto nearest = [&](int k) {
        size_t best = 0;
        for (size_t i = 1; i < people.size(); ++i)
          if (std::hypot(people[i][size_t(k)].x - px, people[i][size_t(k)].y - py) <
              std::hypot(people[best][size_t(k)].x - px, people[best][size_t(k)].y - py))
            best = i;
        return best;
      };
      for (int k = 0; k < kPoints; ++k) {
        const Spot& s = people[nearest(k)][size_t(k)];
        const double distance = std::hypot(s.x - px, s.y - py);
        m.heat[cell * kPoints + size_t(k)] = distance < 24 ? 4 - distance / 12 : -10;
        m.offsets[cell * 2 * kPoints + size_t(k)] = s.y - py;
        m.offsets[cell * 2 * kPoints + size_t(kPoints + k)] = s.x - px;
      }
      for (int e = 0; e < kEdges; ++e)
        for (const bool forward : {true, false}) {
          const int from = kTree[e][forward ? 0 : 1], to = kTree[e][forward ? 1 : 0];
          const size_t owner = nearest(from), block = forward ? 0 : 2 * kEdges;
          const Spot &a = people[owner][size_t(from)], &b = people[owner][size_t(to)];
          m.middle[cell * 4 * kEdges + block + size_t(e)] = b.y - a.y;
          m.middle[cell * 4 * kEdges + block + size_t(kEdges + e)] = b.x - a.x;
        }
    }
  return m;
}

PoseOptions options() {
  PoseOptions o;
  o.width = int((kWidth - 1) * kStride) + 1;
  o.height = int((kHeight - 1) * kStride) + 1;
  return o;
}

double distance(const Pose& pose, const std::vector<Spot>& spots) {
  double worst = 0;
  for (size_t k = 0; k < kPoints; ++k)
    worst = std::max(
        worst, std::hypot(pose.points[k].x * options().width - spots[k].x, pose.points[k].y * options().height - spots[k].y));
  return worst;
}

TEST(PoseNet, FindsSeveralPeople) {
  const std::vector<std::vector<Spot>> people = {person({120, 200}), person({350, 180})};
  const Maps m = maps_of(people);
  const auto poses = find_poses(
      {output("heat", {1, kHeight, kWidth, kPoints}, m.heat), output("mid", {1, kHeight, kWidth, 4 * kEdges}, m.middle),
       output("short", {1, kHeight, kWidth, 2 * kPoints}, m.offsets)},
      options());
  ASSERT_TRUE(poses) << format(poses.error());
  ASSERT_EQ(poses->size(), 2u);
  for (const auto& spots : people) EXPECT_LT(std::min(distance((*poses)[0], spots), distance((*poses)[1], spots)), 1e-6);
  EXPECT_GT((*poses)[1].score, 0.8);
}

TEST(PoseNet, TakesTheBestPointsWithoutMiddleOffsets) {
  const std::vector<std::vector<Spot>> people = {person({240, 170})};
  const Maps m = maps_of(people);
  const auto poses = find_poses(
      {output("short", {1, kHeight, kWidth, 2 * kPoints}, m.offsets), output("heat", {1, kHeight, kWidth, kPoints}, m.heat)},
      options());
  ASSERT_TRUE(poses);
  ASSERT_EQ(poses->size(), 1u);
  EXPECT_LT(distance((*poses)[0], people[0]), 1e-6);
}

TEST(PoseNet, FindsNobodyInNoise) {
  const std::vector<double> cold(kHeight * kWidth * kPoints, -6);
  const auto poses =
      find_poses({output("heat", {1, kHeight, kWidth, kPoints}, cold),
                  output("short", {1, kHeight, kWidth, 2 * kPoints}, std::vector<double>(kHeight * kWidth * 2 * kPoints)),
                  output("mid", {1, kHeight, kWidth, 4 * kEdges}, std::vector<double>(kHeight * kWidth * 4 * kEdges))},
                 options());
  ASSERT_TRUE(poses);
  EXPECT_TRUE(poses->empty());
}

TEST(MoveNet, StatesPointsItself) {
  std::vector<double> values;
  for (int k = 0; k < kPoints; ++k)
    for (const double v : {0.1 + k * 0.02, 0.3 + k * 0.01, 0.5}) values.push_back(v);
  const auto poses = find_poses({output("y", {1, 1, kPoints, 3}, values)}, options());
  ASSERT_TRUE(poses);
  ASSERT_EQ(poses->size(), 1u);
  EXPECT_DOUBLE_EQ((*poses)[0].points[2].y, 0.14);
  EXPECT_DOUBLE_EQ((*poses)[0].points[2].x, 0.32);
  EXPECT_DOUBLE_EQ((*poses)[0].score, 0.5);
}

TEST(Pose, RefusesOtherOutputs) {
  EXPECT_EQ(find_poses({output("y", {1, 10}, std::vector<double>(10))}, options()).error().code, Code::kInput);
  EXPECT_EQ(find_poses({output("heat", {1, 5, 6, kPoints}, std::vector<double>(5 * 6 * kPoints)),
                        output("short", {1, 5, 7, 2 * kPoints}, std::vector<double>(5 * 7 * 2 * kPoints))},
                       options())
                .error()
                .code,
            Code::kInput);
}

TEST(Pose, NamesItsPoints) {
  EXPECT_EQ(key_point_names()[9], "left wrist");
  for (const auto& [a, b] : bones()) EXPECT_LT(std::max(a, b), kPoints);
}

}  // namespace
}  // namespace atl
