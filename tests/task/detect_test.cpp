#include <algorithm>
#include <random>

#include "outputs.h"

namespace atl {
namespace {

TEST(Overlap, IsTheShareOfTheUnion) {
  EXPECT_DOUBLE_EQ(overlap({0, 0, 2, 2}, {1, 0, 3, 2}), 2.0 / 6.0);
  EXPECT_DOUBLE_EQ(overlap({0, 0, 2, 2}, {0, 0, 2, 2}), 1);
  EXPECT_EQ(overlap({0, 0, 1, 1}, {1, 0, 2, 1}), 0);
  EXPECT_EQ(overlap({1, 1, 0, 0}, {0, 0, 1, 1}), 0);
}

TEST(Detect, ReadsPostProcessedOutputsInAnyOrder) {
  const auto boxes = output("b", {1, 3, 4}, {0.1, 0.2, 0.5, 0.6, 0, 0, 1, 1, 0.3, 0.3, 0.4, 0.4});
  const auto classes = output("c", {1, 3}, {17, 2, 0}), scores = output("s", {1, 3}, {0.9, 0.7, 0.2}),
             count = output("n", {1}, {3});
  for (const auto& outputs : {std::vector{boxes, classes, scores, count}, std::vector{scores, boxes, count, classes}}) {
    const auto found = detect(outputs, {});
    ASSERT_TRUE(found) << format(found.error());
    ASSERT_EQ(found->size(), 2u);
    EXPECT_EQ((*found)[0].index, 17u);
    EXPECT_EQ((*found)[0].score, 0.9);
    EXPECT_EQ((*found)[0].box.x1, 0.2);  // the operator gives y before x
    EXPECT_EQ((*found)[0].box.y1, 0.1);
    EXPECT_EQ((*found)[0].box.x2, 0.6);
    EXPECT_EQ((*found)[0].box.y2, 0.5);
  }
  // The count cuts the list.
  EXPECT_EQ(detect({boxes, classes, scores, output("n", {1}, {1})}, {})->size(), 1u);
}

TEST(Detect, ToldWhichOutputIsWhich) {
  // Scores of one class that are whole numbers: shapes do not tell.
  auto boxes = output("b", {1, 2, 4}, {0, 0, 1, 1, 0, 0, 1, 1}), classes = output("c", {1, 2}, {1, 0}),
       scores = output("s", {1, 2}, {1, 1}), count = output("n", {1}, {2});
  boxes.tensor = 10, classes.tensor = 11, scores.tensor = 12, count.tensor = 13;
  DetectOptions o;
  o.post_processed = {10, 11, 12, 13};
  const auto found = detect({classes, count, scores, boxes}, o);
  ASSERT_TRUE(found);
  EXPECT_EQ((*found)[0].index, 1u);
  EXPECT_EQ((*found)[1].index, 0u);
}

struct RandomScene {
  std::vector<double> boxes, scores;
};

RandomScene random_scene(size_t n, size_t classes, uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> unit(0, 1);
  RandomScene s;
  for (size_t i = 0; i < n; ++i) {
    const double x = unit(random), y = unit(random);
    for (const double v : {x, y, x + 0.05 + unit(random) * 0.4, y + 0.05 + unit(random) * 0.4}) s.boxes.push_back(v);
    for (size_t c = 0; c < classes; ++c) s.scores.push_back(unit(random));
  }
  return s;
}

// What greedy suppression must give, whatever its code: kept boxes of a class do not overlap, and every box that is not kept
// overlaps a kept one with a higher score.
TEST(Detect, SuppressesWhatOverlapsClassByClass) {
  constexpr size_t kBoxes = 60, kClasses = 3;
  for (uint32_t seed = 0; seed < 20; ++seed) {
    const RandomScene s = random_scene(kBoxes, kClasses, seed);
    DetectOptions o;
    o.min_score = 0.3;
    o.max_count = 1000;
    const auto found = detect({output("s", {1, kBoxes, kClasses}, s.scores), output("b", {1, kBoxes, 4}, s.boxes)}, o);
    ASSERT_TRUE(found);
    EXPECT_TRUE(std::ranges::is_sorted(*found, std::greater<>(), &Detected::score));
    for (size_t i = 0; i < found->size(); ++i)
      for (size_t k = i + 1; k < found->size(); ++k)
        if ((*found)[i].index == (*found)[k].index) {
          EXPECT_LE(overlap((*found)[i].box, (*found)[k].box), 0.5);
        }
    size_t kept = 0;
    for (size_t i = 0; i < kBoxes; ++i)
      for (size_t c = 0; c < kClasses; ++c) {
        const double score = s.scores[i * kClasses + c];
        if (score < o.min_score) continue;
        const Box box{s.boxes[4 * i], s.boxes[4 * i + 1], s.boxes[4 * i + 2], s.boxes[4 * i + 3]};
        const bool is_kept = std::ranges::any_of(
            *found, [&](const Detected& d) { return d.index == c && d.score == score && d.box.x1 == box.x1; });
        kept += is_kept;
        const bool covered = std::ranges::any_of(
            *found, [&](const Detected& d) { return d.index == c && d.score > score && overlap(d.box, box) > o.max_overlap; });
        EXPECT_NE(is_kept, covered);
      }
    EXPECT_EQ(kept, found->size());
    EXPECT_GT(kept, 5u);
  }
}

TEST(Detect, LeavesTheBackgroundOut) {
  const auto boxes = output("b", {1, 2, 4}, {0, 0, 0.5, 0.5, 0.5, 0.5, 1, 1});
  const auto softmax = output("s", {1, 2, 2}, {0.1, 0.9, 0.8, 0.2});
  const auto found = detect({softmax, boxes}, {});
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ((*found)[0].index, 1u);
  DetectOptions all;
  all.background = -1;
  EXPECT_EQ(detect({softmax, boxes}, all)->size(), 2u);
  // Scores that do not sum up to one have no background.
  EXPECT_EQ(detect({output("s", {1, 2, 2}, {0.9, 0.9, 0.8, 0.2}), boxes}, {})->size(), 3u);
}

TEST(Detect, TakesFormsOfBoxes) {
  DetectOptions o;
  o.boxes = "cxcywh";
  o.width = 320;
  o.height = 240;
  const auto scores = output("s", {1}, {0.9});
  const auto found = detect({output("b", {1, 4}, {160, 120, 64, 24}), scores}, o);
  ASSERT_TRUE(found) << format(found.error());
  EXPECT_DOUBLE_EQ((*found)[0].box.x1, 0.4);
  EXPECT_DOUBLE_EQ((*found)[0].box.y1, 0.45);
  EXPECT_DOUBLE_EQ((*found)[0].box.x2, 0.6);
  EXPECT_DOUBLE_EQ((*found)[0].box.y2, 0.55);
  o.boxes = "yxyx";
  EXPECT_DOUBLE_EQ((*detect({output("b", {1, 4}, {0.1, 0.2, 0.3, 0.5}), scores}, o))[0].box.x2, 0.5);
  o.boxes = "xywh";
  EXPECT_EQ(detect({output("b", {1, 4}, {0, 0, 1, 1}), scores}, o).error().code, Code::kUsage);
}

TEST(Detect, RefusesOtherOutputs) {
  EXPECT_EQ(detect({output("y", {1, 10}, std::vector<double>(10))}, {}).error().code, Code::kInput);
  EXPECT_EQ(
      detect({output("a", {1, 3, 4}, std::vector<double>(12)), output("b", {1, 7}, std::vector<double>(7))}, {}).error().code,
      Code::kInput);
}

}  // namespace
}  // namespace atl
