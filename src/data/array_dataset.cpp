#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "data/file_datasets.h"
#include "run/tensor_file.h"

namespace atl {
namespace {

constexpr std::array<std::string_view, 3> kLabelNames = {"labels", "label", "y"};

Result<std::vector<int64_t>> labels_of(const NdArray& array, const std::string& name) {
  std::vector<int64_t> out;
  const auto take = [&]<class T>(T) {
    for (const T v : array.values<T>()) out.push_back(int64_t(v));
  };
  switch (array.dtype) {
    case ElementType::kI64:
      take(int64_t{});
      break;
    case ElementType::kI32:
      take(int32_t{});
      break;
    case ElementType::kI16:
      take(int16_t{});
      break;
    case ElementType::kI8:
      take(int8_t{});
      break;
    case ElementType::kU8:
      take(uint8_t{});
      break;
    case ElementType::kU16:
      take(uint16_t{});
      break;
    case ElementType::kU32:
      take(uint32_t{});
      break;
    default:
      return error(Code::kInput, fmt::format("the labels '{}' are {}", name, array.text()),
                   "labels are integers, one for each example");
  }
  return out;
}

class StackedDataset : public Dataset {
 public:
  StackedDataset(std::string name, std::vector<NamedArray> stacked, std::vector<int64_t> labels)
      : name_(std::move(name)), stacked_(std::move(stacked)), labels_(std::move(labels)) {}
  size_t size() const override { return size_t(stacked_[0].array.shape[0]); }
  Result<Example> get(size_t index) const override {
    if (index >= size()) return error(Code::kInput, fmt::format("example {} of {} is asked for", index, size()));
    Example out;
    for (const NamedArray& a : stacked_) out.arrays.push_back({a.name, a.array.item(index)});
    if (!labels_.empty()) out.label = labels_[index];
    out.name = fmt::format("{}[{}]", name_, index);
    return out;
  }

 private:
  std::string name_;
  std::vector<NamedArray> stacked_;
  std::vector<int64_t> labels_;
};

class ArrayFolder : public Dataset {
 public:
  ArrayFolder(std::filesystem::path root, std::vector<std::filesystem::path> files, DatasetOptions options)
      : root_(std::move(root)), files_(std::move(files)), options_(std::move(options)) {}
  size_t size() const override { return files_.size(); }
  Result<Example> get(size_t index) const override {
    if (index >= files_.size()) return error(Code::kInput, fmt::format("example {} of {} is asked for", index, files_.size()));
    const auto& path = files_[index];
    Example out;
    out.name = path.lexically_relative(root_).generic_string();
    TRY(auto arrays, read_tensor_file(path));
    for (NamedArray& a : arrays) {
      const bool is_label = options_.label.empty() ? is_label_name(a.name) : a.name == options_.label;
      if (!is_label) {
        out.arrays.push_back(std::move(a));
        continue;
      }
      TRY(const auto labels, labels_of(a.array, a.name));
      if (labels.size() != 1)
        return error(Code::kInput, fmt::format("{} holds {} labels, one is needed", out.name, labels.size()));
      out.label = labels[0];
    }
    TRY(out.arrays, fit_arrays(std::move(out.arrays), options_.inputs, out.name));
    return out;
  }

 private:
  std::filesystem::path root_;
  std::vector<std::filesystem::path> files_;
  DatasetOptions options_;
};

// Takes the labels out of the arrays of a file.
Result<std::vector<int64_t>> take_labels(std::vector<NamedArray>& arrays, const std::string& wanted, const std::string& file) {
  auto at = arrays.end();
  if (!wanted.empty()) {
    at = std::ranges::find(arrays, wanted, &NamedArray::name);
    if (at == arrays.end()) return error(Code::kInput, fmt::format("{} has no array '{}' for the labels", file, wanted));
  }
  for (const std::string_view name : kLabelNames)
    if (at == arrays.end() && arrays.size() > 1) at = std::ranges::find(arrays, name, &NamedArray::name);
  if (at == arrays.end()) return std::vector<int64_t>();
  TRY(auto labels, labels_of(at->array, at->name));
  arrays.erase(at);
  return labels;
}

bool put(NdArray& array, size_t i, double v) {
  const auto store = [&]<class T>(T) {
    array.mutable_values<T>()[i] = static_cast<T>(v);
    return static_cast<double>(array.values<T>()[i]) == v;
  };
  switch (array.dtype) {
    case ElementType::kF32:
      store(float{});
      return true;
    case ElementType::kF64:
      return store(double{});
    case ElementType::kI64:
      return std::abs(v) < 9e15 && store(int64_t{});
    case ElementType::kI32:
      return std::abs(v) < 4e9 && store(int32_t{});
    case ElementType::kI16:
      return std::abs(v) < 4e9 && store(int16_t{});
    case ElementType::kI8:
      return std::abs(v) < 4e9 && store(int8_t{});
    case ElementType::kU8:
    case ElementType::kBool:
      return v >= 0 && v < 4e9 && store(uint8_t{});
    default:
      return false;
  }
}

bool is_floating(ElementType t) { return t == ElementType::kF32 || t == ElementType::kF64; }

// Bounds of the integers that quantized inputs take.
std::pair<double, double> bounds_of(ElementType t) {
  if (t == ElementType::kU8) return {0, 255};
  return t == ElementType::kI16 ? std::pair{-32768.0, 32767.0} : std::pair{-128.0, 127.0};
}

// Floats for an integer input with a scale are quantized by it: nearest, ties to even, saturated.
bool is_quantized(const NdArray& array, const TensorInfo& input) {
  const bool integer = input.dtype == ElementType::kI8 || input.dtype == ElementType::kU8 || input.dtype == ElementType::kI16;
  return integer && is_floating(array.dtype) && input.quant && input.quant->scale.size() == 1 && input.quant->scale[0] > 0;
}

Result<NdArray> quantized(const NdArray& array, const TensorInfo& input, const std::string& example) {
  TRY(NdArray out, NdArray::zeros(input.dtype, array.shape));
  const double scale = double(input.quant->scale[0]);
  const double zero = input.quant->zero_point.empty() ? 0 : double(input.quant->zero_point[0]);
  const auto [low, high] = bounds_of(input.dtype);
  const size_t n = element_count_of(array.shape).value_or(0);
  for (size_t i = 0; i < n; ++i) {
    TRY(const double v, array.number(i));
    if (std::isnan(v)) return error(Code::kInput, fmt::format("{}: a value for input '{}' is NaN", example, input.name));
    put(out, i, std::clamp(std::nearbyint(v / scale) + zero, low, high));
  }
  return out;
}

Result<NdArray> converted(const NdArray& array, const TensorInfo& input, const std::string& example) {
  if (is_quantized(array, input)) return quantized(array, input, example);
  TRY(NdArray out, NdArray::zeros(input.dtype, array.shape));
  const size_t n = element_count_of(array.shape).value_or(0);
  for (size_t i = 0; i < n; ++i) {
    TRY(const double v, array.number(i));
    if (!put(out, i, v))
      return error(Code::kInput, fmt::format("{}: input '{}' is {}, {} is given and its value {} does not fit", example,
                                             input.name, input.text(), array.text(), v));
  }
  return out;
}

}  // namespace

bool is_label_name(std::string_view name) { return std::ranges::find(kLabelNames, name) != kLabelNames.end(); }

std::vector<int64_t> example_shape(const TensorInfo& input) {
  std::vector<int64_t> shape = input.shape;
  if (shape.size() >= 2 && (shape[0] == 1 || shape[0] < 0)) shape.erase(shape.begin());
  return shape;
}

Result<std::vector<NamedArray>> fit_arrays(std::vector<NamedArray> arrays, const std::vector<TensorInfo>& inputs,
                                           const std::string& example) {
  if (inputs.empty()) return arrays;
  std::vector<NamedArray> out;
  for (const TensorInfo& input : inputs) {
    auto at = std::ranges::find(arrays, input.name, &NamedArray::name);
    if (at == arrays.end() && inputs.size() == 1 && arrays.size() == 1) at = arrays.begin();
    if (at == arrays.end()) {
      std::string names;
      for (const NamedArray& a : arrays) names += fmt::format("{}'{}'", names.empty() ? "" : ", ", a.name);
      return error(Code::kInput, fmt::format("{} has no array '{}'", example, input.name),
                   fmt::format("its arrays: {}", names.empty() ? "none" : names));
    }
    NdArray array = std::move(at->array);
    const std::vector<int64_t> wanted = example_shape(input);
    const auto fits = [&](std::span<const int64_t> shape) {
      return std::ranges::equal(shape, wanted, [](int64_t is, int64_t w) { return w < 0 || is == w; });
    };
    if (!fits(array.shape) && array.shape.size() == wanted.size() + 1 && array.shape[0] == 1 &&
        fits(std::span(array.shape).subspan(1)))
      array.shape.erase(array.shape.begin());
    if (!fits(array.shape))
      return error(Code::kInput,
                   fmt::format("{}: input '{}' takes {} for one example, {} is given", example, input.name,
                               tensor_text(input.dtype, wanted), array.text()),
                   "axis 0 of an array counts the examples; the other axes stand in the model's order");
    if (array.dtype != input.dtype) {
      TRY(array, converted(array, input, example));
    }
    out.push_back({input.name, std::move(array)});
  }
  return out;
}

std::unique_ptr<Dataset> make_stacked_dataset(std::string name, std::vector<NamedArray> stacked, std::vector<int64_t> labels) {
  return std::make_unique<StackedDataset>(std::move(name), std::move(stacked), std::move(labels));
}

Result<std::unique_ptr<Dataset>> make_array_dataset(const std::filesystem::path& path, const DatasetOptions& options) {
  const std::string file = path.filename().string();
  TRY(auto arrays, read_tensor_file(path));
  TRY(auto labels, take_labels(arrays, options.label, file));
  if (arrays.empty()) return error(Code::kFileFormat, fmt::format("{} holds no arrays", file));
  if (!options.inputs.empty() && arrays.size() > 1) {
    // What is named as no input (recorded answers) is not part of an example.
    std::erase_if(arrays, [&](const NamedArray& a) {
      return std::ranges::find(options.inputs, a.name, &TensorInfo::name) == options.inputs.end();
    });
    if (arrays.empty()) return error(Code::kInput, fmt::format("{} has no array '{}'", file, options.inputs[0].name));
  }
  for (const NamedArray& a : arrays) {
    if (a.array.shape.empty() || a.array.shape[0] == 0)
      return error(Code::kInput, fmt::format("{}: array '{}' is {}: it has no examples", file, a.name, a.array.text()));
    if (a.array.shape[0] != arrays[0].array.shape[0])
      return error(Code::kInput, fmt::format("{}: array '{}' is {}, '{}' is {}: axis 0 counts the examples", file,
                                             arrays[0].name, arrays[0].array.text(), a.name, a.array.text()));
  }
  const auto examples = size_t(arrays[0].array.shape[0]);
  if (!labels.empty() && labels.size() != examples)
    return error(Code::kInput, fmt::format("{} has {} labels for {} examples", file, labels.size(), examples));
  if (!options.inputs.empty()) {
    // One example is fitted to check shapes, then all of them at once.
    std::vector<NamedArray> first;
    for (const NamedArray& a : arrays) first.push_back({a.name, a.array.item(0)});
    TRY(const auto fitted, fit_arrays(first, options.inputs, file));
    std::vector<NamedArray> stacked;
    for (size_t i = 0; i < fitted.size(); ++i) {
      auto at = std::ranges::find(arrays, fitted[i].name, &NamedArray::name);
      if (at == arrays.end()) at = arrays.begin();
      NdArray all = std::move(at->array);
      if (all.dtype != options.inputs[i].dtype) {
        TRY(all, converted(all, options.inputs[i], file));
      }
      all.shape = fitted[i].array.shape;
      all.shape.insert(all.shape.begin(), int64_t(examples));
      stacked.push_back({fitted[i].name, std::move(all)});
    }
    arrays = std::move(stacked);
  }
  return make_stacked_dataset(file, std::move(arrays), std::move(labels));
}

Result<std::unique_ptr<Dataset>> make_array_folder(const std::filesystem::path& root, std::vector<std::filesystem::path> files,
                                                   const DatasetOptions& options) {
  return std::make_unique<ArrayFolder>(root, std::move(files), options);
}

Result<std::unique_ptr<Dataset>> make_raw_dataset(const std::filesystem::path& path, const DatasetOptions& options) {
  const std::string file = path.filename().string();
  if (options.inputs.size() != 1)
    return error(Code::kInput, fmt::format("{} holds nothing but values: it is for a model with one input", file),
                 "write a .npz with named arrays");
  const TensorInfo& input = options.inputs[0];
  std::vector<int64_t> shape = example_shape(input);
  const auto one = dense_bytes(input.dtype, shape);
  std::error_code e;
  const uint64_t bytes = std::filesystem::file_size(path, e);
  if (e) return error(Code::kFileMissing, fmt::format("'{}' cannot be read: {}", path.string(), e.message()));
  if (!one || *one == 0 || bytes == 0 || bytes % *one != 0)
    return error(Code::kInput, fmt::format("{} has {} bytes, an example of input '{}' ({}) has {}", file, bytes, input.name,
                                           tensor_text(input.dtype, shape), one.value_or(0)));
  shape.insert(shape.begin(), int64_t(bytes / *one));
  TRY(NdArray array, read_raw(path, input.dtype, std::move(shape)));
  std::vector<NamedArray> stacked;
  stacked.push_back({input.name, std::move(array)});
  return make_stacked_dataset(file, std::move(stacked), {});
}

}  // namespace atl
