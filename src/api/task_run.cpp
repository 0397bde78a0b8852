#include "api/task_run.h"

#include <algorithm>
#include <map>

#include "edgetpu/model_cut.h"
#include "edgetpu/source_model.h"
#include "run/image.h"
#include "run/preprocess.h"
#include "support/atomic_file.h"
#include "task/draw.h"

namespace atl {
namespace {

constexpr std::string_view kPoseDecoder = "PosenetDecoderOp", kDetectionOperator = "TFLite_Detection_PostProcess";
constexpr double kMinObject = 0.5, kMinPose = 0.25, kMinPoint = 0.2;

// The picture, and what the model saw of it.
struct Scene {
  std::optional<Image> picture;
  SeenPart seen;
};

Result<Scene> look(const RunModelOptions& options, const SignatureInfo& signature, const InputArrays& inputs) {
  TRY(const PreprocessSpec spec, parse_preprocess(options.preprocess));
  Scene scene;
  if (!inputs.picture.empty()) {
    TRY(scene.picture, read_image(inputs.picture));
    TRY(scene.seen, seen_part(scene.picture->width, scene.picture->height, spec, signature.inputs[inputs.picture_input]));
    return scene;
  }
  if (!options.task->draw.empty())
    return error(Code::kInput, "there is no picture to draw on", "give the input as a picture: --input photo.jpg");
  if (signature.inputs.empty()) return scene;
  // Without a picture places stay relative; a model of another kind of input has no size.
  if (auto seen = seen_part(1, 1, {}, signature.inputs[0])) scene.seen = *seen;
  return scene;
}

class Reader {
 public:
  Reader(const TaskOptions& task, std::shared_ptr<const MappedFile> file, Scene scene)
      : task_(task), file_(std::move(file)), labels_(task.labels), scene_(std::move(scene)) {
    report_.kind = task.kind;
    report_.in_pixels = scene_.picture.has_value();
    report_.width = scene_.picture ? scene_.picture->width : scene_.seen.model_width;
    report_.height = scene_.picture ? scene_.picture->height : scene_.seen.model_height;
  }
  Status read(const std::vector<OutputValues>& outputs);
  Result<TaskReport> finish();

 private:
  Status read_classes(const std::vector<OutputValues>& outputs);
  Status read_objects(const std::vector<OutputValues>& outputs);
  Status read_regions(const std::vector<OutputValues>& outputs);
  Status read_poses(const std::vector<OutputValues>& outputs);
  void place(TaskReport::Object& o, const Box& box) const;
  std::optional<std::array<uint32_t, 4>> post_processed() const;

  const TaskOptions& task_;
  std::shared_ptr<const MappedFile> file_;
  Labels labels_;
  Scene scene_;
  TaskReport report_;
};

void Reader::place(TaskReport::Object& o, const Box& box) const {
  o.x1 = scene_.seen.x(box.x1);
  o.y1 = scene_.seen.y(box.y1);
  o.x2 = scene_.seen.x(box.x2);
  o.y2 = scene_.seen.y(box.y2);
}

Status Reader::read_classes(const std::vector<OutputValues>& outputs) {
  TRY(const auto classes, classify(outputs, task_.top));
  for (const Classified& c : classes) report_.classes.push_back({c.index, labels_.name(c.index), c.score});
  if (!task_.draw.empty()) draw_classes(*scene_.picture, classes, labels_);
  return {};
}

// The results of LiteRT's post-processing, where the file has that operator.
std::optional<std::array<uint32_t, 4>> Reader::post_processed() const {
  const auto model = edgetpu::read_source_model(file_->bytes(), file_);
  if (!model) return std::nullopt;
  for (const edgetpu::SourceOp& op : model->ops)
    if (op.name == kDetectionOperator && op.outputs.size() == 4)
      return std::array{uint32_t(op.outputs[0]), uint32_t(op.outputs[1]), uint32_t(op.outputs[2]), uint32_t(op.outputs[3])};
  return std::nullopt;
}

Status Reader::read_objects(const std::vector<OutputValues>& outputs) {
  DetectOptions o;
  o.min_score = task_.min_score.value_or(kMinObject);
  o.max_overlap = task_.max_overlap;
  o.boxes = task_.boxes;
  o.background = task_.background;
  o.width = scene_.seen.model_width;
  o.height = scene_.seen.model_height;
  o.post_processed = post_processed();
  TRY(const auto objects, detect(outputs, o));
  for (const Detected& d : objects) {
    TaskReport::Object object{{d.index, labels_.name(d.index), d.score}};
    place(object, d.box);
    report_.objects.push_back(std::move(object));
  }
  if (!task_.draw.empty()) draw_objects(*scene_.picture, scene_.seen, objects, labels_);
  return {};
}

Status Reader::read_regions(const std::vector<OutputValues>& outputs) {
  TRY(const Segmented s, segment(outputs));
  struct Extent {
    size_t pixels = 0;
    int left = 0, top = 0, right = 0, bottom = 0;
  };
  std::map<int, Extent> extents;
  for (int y = 0; y < s.height; ++y)
    for (int x = 0; x < s.width; ++x) {
      Extent& e = extents[s.classes[size_t(y) * size_t(s.width) + size_t(x)]];
      if (e.pixels++ == 0) e = {1, x, y, x, y};
      e.left = std::min(e.left, x);
      e.right = std::max(e.right, x);
      e.bottom = y;
    }
  for (const auto& [index, e] : extents) {
    const double share = double(e.pixels) / double(s.classes.size());
    TaskReport::Region region{{{size_t(index), labels_.name(size_t(index)), share}}, e.pixels};
    place(region,
          {double(e.left) / s.width, double(e.top) / s.height, double(e.right + 1) / s.width, double(e.bottom + 1) / s.height});
    report_.regions.push_back(std::move(region));
  }
  std::ranges::stable_sort(report_.regions, [](const auto& a, const auto& b) { return a.pixels > b.pixels; });
  if (!task_.draw.empty()) draw_segments(*scene_.picture, scene_.seen, s, labels_);
  return {};
}

Status Reader::read_poses(const std::vector<OutputValues>& outputs) {
  PoseOptions o;
  o.min_score = task_.min_score.value_or(kMinPose);
  o.min_point_score = task_.min_score.value_or(kMinPoint);
  o.width = scene_.seen.model_width;
  o.height = scene_.seen.model_height;
  TRY(const auto poses, find_poses(outputs, o));
  for (const Pose& p : poses) {
    TaskReport::Pose pose{p.score, {}};
    for (size_t i = 0; i < p.points.size(); ++i)
      pose.points.push_back(
          {key_point_names()[i], scene_.seen.x(p.points[i].x), scene_.seen.y(p.points[i].y), p.points[i].score});
    report_.poses.push_back(std::move(pose));
  }
  if (!task_.draw.empty()) draw_poses(*scene_.picture, scene_.seen, poses, o.min_point_score);
  return {};
}

Status Reader::read(const std::vector<OutputValues>& outputs) {
  if (task_.kind == "classify") return read_classes(outputs);
  if (task_.kind == "detect") return read_objects(outputs);
  if (task_.kind == "segment") return read_regions(outputs);
  if (task_.kind == "pose") return read_poses(outputs);
  return error(Code::kUsage, fmt::format("there is no task '{}'", task_.kind), "classify, detect, segment or pose");
}

Result<TaskReport> Reader::finish() {
  if (!task_.draw.empty()) {
    TRY(const auto png, encode_png(*scene_.picture));
    TRY_STATUS(write_file(task_.draw, png));
    report_.drawn = task_.draw;
  }
  return std::move(report_);
}

}  // namespace

Result<std::optional<std::vector<std::byte>>> without_decoder(const std::shared_ptr<const MappedFile>& file,
                                                              const TaskOptions& task) {
  std::optional<std::vector<std::byte>> none;
  if (task.kind != "pose") return none;
  const auto model = edgetpu::read_source_model(file->bytes(), file);
  if (!model || model->ops.size() < 2 || model->ops.back().name != kPoseDecoder) return none;
  TRY(const FileView view, FileView::open(file->bytes(), file));
  TRY(auto bytes, edgetpu::cut_operators(view, 0, model->ops.size() - 1));
  return std::optional(std::move(bytes));
}

Result<TaskReport> read_task(const RunModelOptions& options, const SignatureInfo& signature,
                             const std::shared_ptr<const MappedFile>& file, const InputArrays& inputs,
                             const std::vector<NamedArray>& outputs) {
  TRY(Scene scene, look(options, signature, inputs));
  TRY(const auto values, read_outputs(signature, outputs));
  Reader reader(*options.task, file, std::move(scene));
  if (auto done = reader.read(values); !done) {
    Error e = std::move(done.error());
    if (e.code == Code::kInput) e.what += fmt::format("; its outputs: {}", describe(signature));
    return e;
  }
  return reader.finish();
}

}  // namespace atl
