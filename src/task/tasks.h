// What the outputs of a model for pictures mean: classes, boxes, masks, key points. Places are relative to the model's input
// picture: 0 is its left or upper edge, 1 the right or lower one.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "task/output_values.h"

namespace atl {

struct Classified {
  size_t index = 0;
  double score = 0;
};

/// The classes with the highest scores, highest first, the lower index first among equals.
/// E: kInput when no output has one score for each of several classes.
Result<std::vector<Classified>> classify(const std::vector<OutputValues>& outputs, size_t count);

struct Box {
  double x1 = 0, y1 = 0, x2 = 0, y2 = 0;
};
/// Area of the common part over that of both together; 0 for empty boxes.
double overlap(const Box& a, const Box& b);

struct Detected {
  size_t index = 0;  ///< of the class
  double score = 0;
  Box box;
};

struct DetectOptions {
  double min_score = 0.5;
  double max_overlap = 0.5;  ///< of boxes of a class; the one with the lower score is dropped
  size_t max_count = 100;
  std::string boxes = "xyxy";     ///< corners "xyxy" or "yxyx", or middle and size "cxcywh"
  std::optional<int> background;  ///< a class that is no object; -1: none. Without it: 0 where every row of scores sums up to 1
  int width = 0, height = 0;      ///< of the model's input, for boxes in pixels
  /// The outputs of LiteRT's detection post-processing (boxes, classes, scores, count), as indices of tensors; found by shape
  /// without it.
  std::optional<std::array<uint32_t, 4>> post_processed;
};

/// Objects, highest scores first. Either the four outputs of LiteRT's detection post-processing, or boxes [N,4] and scores [N]
/// or [N,C], which go through non-maximum suppression class by class. E: kInput for other outputs; kUsage for an unknown form
/// of boxes.
Result<std::vector<Detected>> detect(const std::vector<OutputValues>& outputs, const DetectOptions& options);

struct Segmented {
  int width = 0, height = 0;
  std::vector<int> classes;  ///< row by row
};

/// A class for each pixel: of labels [H,W] or of the highest of scores [H,W,C] or [C,H,W] (what has the smaller axis in front).
/// E: kInput for other outputs.
Result<Segmented> segment(const std::vector<OutputValues>& outputs);

struct KeyPoint {
  double x = 0, y = 0, score = 0;
};
struct Pose {
  double score = 0;
  std::vector<KeyPoint> points;  ///< in COCO's order where there are 17
};

struct PoseOptions {
  double min_score = 0.25;       ///< of a pose of PoseNet's
  double min_point_score = 0.2;  ///< MoveNet's single pose is there when one of its points is
  size_t max_count = 20;
  double min_distance = 10;   ///< pixels: closer key points of one kind belong to one pose
  int width = 0, height = 0;  ///< of the model's input
};

/// Poses, highest scores first: of MoveNet's [17,3] (y, x, score), or of PoseNet's heat maps, short offsets and, where the
/// model has them, middle offsets; without those the best point of each kind makes one pose. E: kInput for other outputs.
Result<std::vector<Pose>> find_poses(const std::vector<OutputValues>& outputs, const PoseOptions& options);

/// COCO's names of its 17 key points ("nose", "left eye", ...), and the pairs that are drawn as bones.
const std::array<std::string, 17>& key_point_names();
const std::vector<std::pair<int, int>>& bones();

}  // namespace atl
