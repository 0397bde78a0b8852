// What a task has found, drawn on the picture.
#pragma once
#include <string>
#include <vector>

#include "run/preprocess.h"
#include "task/tasks.h"

namespace atl {

/// Names of classes; the number stands for one without a name.
class Labels {
 public:
  Labels() = default;
  explicit Labels(std::vector<std::string> names) : names_(std::move(names)) {}
  /// The class's name; empty without one.
  std::string name(size_t index) const { return index < names_.size() ? names_[index] : std::string(); }
  /// Its name, or "class 7".
  std::string text(size_t index) const;

 private:
  std::vector<std::string> names_;
};

/// Each draws on `image`, of which the model saw the part `seen`.
void draw_classes(Image& image, const std::vector<Classified>& classes, const Labels& labels);
void draw_objects(Image& image, const SeenPart& seen, const std::vector<Detected>& objects, const Labels& labels);
/// Colours every class but the first, which is the background, and lists the classes.
void draw_segments(Image& image, const SeenPart& seen, const Segmented& segments, const Labels& labels);
/// Key points of a lower score than `min_score` are left out.
void draw_poses(Image& image, const SeenPart& seen, const std::vector<Pose>& poses, double min_score);

}  // namespace atl
