// Dataset: examples by number, from folders of images, tensor files, CSV and raw binary files; torch.utils.data's map-style
// dataset.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "run/compiled_model.h"
#include "run/nd_array.h"
#include "run/preprocess.h"
#include "support/result.h"

namespace atl {

/// One example: an array for each input, without the batch axis.
struct Example {
  std::vector<NamedArray> arrays;
  std::optional<int64_t> label;  ///< number of its class
  std::string name;              ///< where it comes from: "cats/tom.jpg", "digits.npz[3]"
};

/// Examples by number. All functions may be called from several threads at once.
class Dataset {
 public:
  virtual ~Dataset() = default;
  /// Number of examples, at least 1.
  virtual size_t size() const = 0;
  /// Example `index`. E: kInput for an index outside size(); of reading it (kImage, kFileMissing, kTensorFile, ...).
  virtual Result<Example> get(size_t index) const = 0;
  /// True when the examples are made from pictures.
  virtual bool holds_pictures() const { return false; }
  /// Names of the classes, in the order of the labels; empty where the data names none.
  const std::vector<std::string>& classes() const { return classes_; }

 protected:
  std::vector<std::string> classes_;
};

/// How a path is read as a dataset.
struct DatasetOptions {
  /// What becomes of images; see run/preprocess.h. Without `inputs` an image becomes f32 of C x H x W (torchvision's ToTensor,
  /// with scale 1/255 unless the text gives a scale; layout=nhwc: H x W x C).
  std::string preprocess;
  /// The inputs of the model that the examples are for: images take their size, arrays are matched by name and shape, raw
  /// files need them. Empty: no model is known.
  std::vector<TensorInfo> inputs;
  /// Where labels are. .npz: the array's name, CSV: the column's name or number from 0. Default: "labels", "label" or "y" where
  /// one exists. Folders of images take the names of their subfolders.
  std::string label;
};

/// Opens a dataset:
///   * a folder of images: one subfolder a class, in alphabetical order (torchvision's ImageFolder), or images alone, without
///   labels;
///   * a folder of .npy or .npz files: one example each, each array of exactly one example;
///   * .npy, .npz: axis 0 counts the examples; every array of a .npz is an input, but the labels;
///   * .csv: numbers separated by commas, one line an example, with or without a line of names;
///   * .bin, .raw: the values of one input, one example after the other; needs `inputs`;
///   * an image: one example.
/// E: kFileMissing, kFileFormat (nothing in it that is known; the message lists what is), kInput (shapes that do not fit an
/// input, arrays of different lengths; both sides are stated), kTensorFile.
Result<std::unique_ptr<Dataset>> open_dataset(const std::filesystem::path& path, const DatasetOptions& options = {});

}  // namespace atl
