#include "data/file_datasets.h"

namespace atl {
namespace {

// torchvision's ToTensor.
constexpr double kToTensorScale = 1.0 / 255;

// What an image becomes where no model asks for anything: f32, its own size.
TensorInfo free_image(const PreprocessSpec& spec) {
  TensorInfo info;
  info.name = "image";
  info.dtype = ElementType::kF32;
  const int64_t channels = spec.gray ? 1 : 3;
  if (spec.layout == PreprocessSpec::Layout::kNhwc) {
    info.shape = {-1, -1, channels};
  } else {
    info.shape = {channels, -1, -1};
  }
  return info;
}

class ImageDataset : public Dataset {
 public:
  ImageDataset(std::filesystem::path root, std::vector<ImageFile> files, std::vector<std::string> classes, PreprocessSpec spec,
               TensorInfo input)
      : root_(std::move(root)), files_(std::move(files)), spec_(std::move(spec)), input_(std::move(input)) {
    classes_ = std::move(classes);
  }
  size_t size() const override { return files_.size(); }
  bool holds_pictures() const override { return true; }
  Result<Example> get(size_t index) const override {
    if (index >= files_.size()) return error(Code::kInput, fmt::format("example {} of {} is asked for", index, files_.size()));
    const ImageFile& file = files_[index];
    TRY(const Image image, read_image(file.path));
    TRY(NdArray array, preprocess(image, spec_, input_));
    if (array.shape.size() == 4) array.shape.erase(array.shape.begin());
    return Example{{{input_.name, std::move(array)}}, file.label, file.path.lexically_relative(root_).generic_string()};
  }

 private:
  std::filesystem::path root_;
  std::vector<ImageFile> files_;
  PreprocessSpec spec_;
  TensorInfo input_;
};

}  // namespace

Result<std::unique_ptr<Dataset>> make_image_dataset(const std::filesystem::path& root, std::vector<ImageFile> files,
                                                    std::vector<std::string> classes, const DatasetOptions& options) {
  TRY(PreprocessSpec spec, parse_preprocess(options.preprocess));
  if (options.inputs.size() > 1)
    return error(Code::kInput, fmt::format("the model has {} inputs, images are for one", options.inputs.size()),
                 "give a folder of .npz files, each with an array for every input");
  if (options.inputs.empty() && !spec.scale && spec.mean.empty() && spec.std.empty()) spec.scale = kToTensorScale;
  TensorInfo input = options.inputs.empty() ? free_image(spec) : options.inputs[0];
  if (options.inputs.empty() && spec.layout == PreprocessSpec::Layout::kAuto) spec.layout = PreprocessSpec::Layout::kNchw;
  return std::make_unique<ImageDataset>(root, std::move(files), std::move(classes), std::move(spec), std::move(input));
}

}  // namespace atl
