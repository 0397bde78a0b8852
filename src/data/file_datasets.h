// The kinds of datasets that open_dataset() tells apart.
#pragma once
#include "data/dataset.h"

namespace atl {

struct ImageFile {
  std::filesystem::path path;
  std::optional<int64_t> label;
};

/// True for the names under which labels are looked for when none is given: "labels", "label", "y".
bool is_label_name(std::string_view name);

/// Images, decoded and preprocessed when they are asked for; names are relative to `root`.
/// E: kUsage for the text of --preprocess; kInput when the model has several inputs.
Result<std::unique_ptr<Dataset>> make_image_dataset(const std::filesystem::path& root, std::vector<ImageFile> files,
                                                    std::vector<std::string> classes, const DatasetOptions& options);
/// A .npy or .npz file, whose axis 0 counts the examples. E: as open_dataset().
Result<std::unique_ptr<Dataset>> make_array_dataset(const std::filesystem::path& path, const DatasetOptions& options);
/// Files of one example each, read when they are asked for; names are relative to `root`.
Result<std::unique_ptr<Dataset>> make_array_folder(const std::filesystem::path& root, std::vector<std::filesystem::path> files,
                                                   const DatasetOptions& options);
/// Lines of numbers. Without inputs of a model an example is an f32 vector. E: as open_dataset(), kFileFormat with the line.
Result<std::unique_ptr<Dataset>> make_csv_dataset(const std::filesystem::path& path, const DatasetOptions& options);
/// Values of the model's only input, one example after the other. E: as open_dataset().
Result<std::unique_ptr<Dataset>> make_raw_dataset(const std::filesystem::path& path, const DatasetOptions& options);

/// Arrays of many examples in memory, axis 0 counts them; `labels` has one entry an example or is empty.
std::unique_ptr<Dataset> make_stacked_dataset(std::string name, std::vector<NamedArray> stacked, std::vector<int64_t> labels);

/// The shape of one example of an input: without the batch axis that TensorInfo states, where it has rank 2 and more and that
/// axis is one or open.
std::vector<int64_t> example_shape(const TensorInfo& input);

/// Brings the arrays of an example (without batch axis; an array of one example may have kept it) into the order, shapes and
/// dtypes of the model's inputs: floats of other widths are converted, integers where no value changes; floats for a quantized
/// input are quantized by its parameters. Without inputs they are given back as they are.
/// E: kInput: an input has no array, shapes differ (both stated), a value does not fit.
Result<std::vector<NamedArray>> fit_arrays(std::vector<NamedArray> arrays, const std::vector<TensorInfo>& inputs,
                                           const std::string& example);

}  // namespace atl
