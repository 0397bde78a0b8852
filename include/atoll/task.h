// What a model for pictures has found: classes, objects, regions, poses.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "support/result.h"

namespace atl {

struct TaskOptions {
  std::string kind;                 ///< "classify", "detect", "segment" or "pose"
  std::vector<std::string> labels;  ///< names of the classes
  size_t top = 5;                   ///< classes that classify gives
  std::optional<double> min_score;  ///< of objects (0.5 without it), poses (0.25) and key points (0.2)
  double max_overlap = 0.5;         ///< of boxes of one class, before the lower one is dropped
  std::string boxes = "xyxy";       ///< how a model without post-processing states boxes: "xyxy", "yxyx" or "cxcywh"
  std::optional<int> background;    ///< a class that is no object, -1 for none; without it the first, where scores sum up to 1
  std::string draw;                 ///< a PNG file for the picture with what was found; empty: none
};

/// Places are in pixels of the picture; without a picture (the input was given as an array) relative to the model's input, 0
/// to 1.
struct TaskReport {
  struct Class {
    size_t index = 0;
    std::string label;  ///< empty without a name
    double score = 0;
  };
  struct Object : Class {
    double x1 = 0, y1 = 0, x2 = 0, y2 = 0;
  };
  /// A class of pixels; `score` is its share of them.
  struct Region : Object {
    size_t pixels = 0;  ///< of the model's output
  };
  struct Point {
    std::string name;
    double x = 0, y = 0, score = 0;
  };
  struct Pose {
    double score = 0;
    std::vector<Point> points;
  };
  std::string kind;
  bool in_pixels = false;
  int width = 0, height = 0;  ///< of the picture, or of the model's input
  std::vector<Class> classes;
  std::vector<Object> objects;
  std::vector<Region> regions;
  std::vector<Pose> poses;
  std::string drawn;
};

}  // namespace atl
