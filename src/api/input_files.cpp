#include "api/input_files.h"

#include <algorithm>
#include <filesystem>

#include "api/loaded_model.h"
#include "read/sniff.h"
#include "run/image.h"
#include "run/preprocess.h"
#include "run/tensor_file.h"

namespace atl {
namespace {

std::string wanted_inputs(const SignatureInfo& signature) {
  std::string out;
  for (const TensorInfo& t : signature.inputs) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", t.name, type_text(t));
  return out.empty() ? "none" : out;
}

class InputReader {
 public:
  InputReader(const SignatureInfo& signature, const RunModelOptions& options)
      : signature_(signature), options_(options), given_(signature.inputs.size()) {}
  Status add(const std::string& argument);
  /// Fills what is missing and adds or drops axes of one element. E: kInput.
  Result<InputArrays> take(const std::string& file);

 private:
  Status add_arrays(std::optional<size_t> input, const std::string& path);
  Status add_image(size_t input, const std::string& path);
  Status set(size_t input, NdArray array);
  Result<size_t> only_input(const std::string& path) const;
  Result<NdArray> fitted(size_t input, NdArray array) const;
  std::optional<size_t> find(std::string_view name) const;

  const SignatureInfo& signature_;
  const RunModelOptions& options_;
  std::vector<std::optional<NdArray>> given_;
  std::string picture_;
  size_t picture_input_ = 0;
};

std::optional<size_t> InputReader::find(std::string_view name) const {
  for (size_t i = 0; i < signature_.inputs.size(); ++i)
    if (signature_.inputs[i].name == name) return i;
  return std::nullopt;
}

Status InputReader::set(size_t input, NdArray array) {
  const std::string& name = signature_.inputs[input].name;
  if (given_[input]) return error(Code::kInput, fmt::format("input '{}' is given twice", name));
  given_[input] = std::move(array);
  return {};
}

Result<size_t> InputReader::only_input(const std::string& path) const {
  if (signature_.inputs.size() == 1) return size_t{0};
  return error(Code::kInput, fmt::format("'{}' may be for any of {} inputs", path, signature_.inputs.size()),
               fmt::format("--input NAME={}; the inputs: {}", path, wanted_inputs(signature_)));
}

Status InputReader::add_arrays(std::optional<size_t> input, const std::string& path) {
  TRY(auto arrays, read_tensor_file(path));
  if (arrays.size() == 1 && (input || signature_.inputs.size() == 1)) return set(input.value_or(0), std::move(arrays[0].array));
  std::string names;
  bool any = false;
  for (NamedArray& a : arrays) {
    names += fmt::format("{}'{}'", names.empty() ? "" : ", ", a.name);
    const auto at = find(a.name);
    if (!at || (input && *input != *at)) continue;
    TRY_STATUS(set(*at, std::move(a.array)));
    any = true;
  }
  if (any) return {};
  const std::string wanted =
      input ? fmt::format("array '{}'", signature_.inputs[*input].name) : "array that is named as an input";
  return error(Code::kInput, fmt::format("'{}' has no {}", path, wanted),
               fmt::format("its arrays: {}; the inputs: {}", names.empty() ? "none" : names, wanted_inputs(signature_)));
}

Status InputReader::add_image(size_t input, const std::string& path) {
  TRY(const PreprocessSpec spec, parse_preprocess(options_.preprocess));
  TRY(const Image image, read_image(path));
  TRY(NdArray array, preprocess(image, spec, signature_.inputs[input]));
  if (options_.each) array.shape.insert(array.shape.begin(), 1);
  if (picture_.empty()) {
    picture_ = path;
    picture_input_ = input;
  }
  return set(input, std::move(array));
}

Status InputReader::add(const std::string& argument) {
  std::string path = argument;
  std::optional<size_t> input;
  if (const size_t equals = argument.find('='); equals != std::string::npos) {
    input = find(std::string_view(argument).substr(0, equals));
    if (input) {
      path = argument.substr(equals + 1);
    } else if (std::error_code e; !std::filesystem::exists(argument, e)) {
      return error(Code::kInput, fmt::format("signature '{}' has no input '{}'", signature_.key, argument.substr(0, equals)),
                   fmt::format("its inputs: {}", wanted_inputs(signature_)));
    }
  }
  TRY(const auto file, MappedFile::open(path));
  const auto kind = sniff(file);
  if (kind && (*kind == FileKind::kNpy || *kind == FileKind::kNpz)) return add_arrays(input, path);
  if (!input) {
    TRY(input, only_input(path));
  }
  if (is_image(file->bytes())) return add_image(*input, path);
  const TensorInfo& info = signature_.inputs[*input];
  std::vector<int64_t> shape = info.shape;
  if (options_.each) {
    const size_t item = dense_bytes(info.dtype, shape).value_or(0);
    const size_t items = item > 0 ? file->bytes().size() / item : 0;
    shape.insert(shape.begin(), int64_t(std::max<size_t>(items, 1)));
  }
  TRY(NdArray array, read_raw(path, info.dtype, shape));
  return set(*input, std::move(array));
}

// Leading axes of one element are added or dropped to get the rank that the model has.
Result<NdArray> InputReader::fitted(size_t input, NdArray array) const {
  const TensorInfo& info = signature_.inputs[input];
  std::vector<int64_t> wanted = info.shape;
  std::span<const int64_t> item = array.shape;
  if (options_.each) {
    if (array.shape.empty())
      return error(Code::kInput,
                   fmt::format("--each: input '{}' is given as a scalar, without an axis to run along", info.name));
    item = item.subspan(1);
  }
  if (std::ranges::equal(item, wanted) || !std::ranges::equal(without_leading_ones(item), without_leading_ones(wanted)))
    return array;
  if (options_.each) wanted.insert(wanted.begin(), array.shape[0]);
  array.shape = std::move(wanted);
  return array;
}

Result<InputArrays> InputReader::take(const std::string& file) {
  std::string missing;
  for (size_t i = 0; i < given_.size(); ++i)
    if (!given_[i]) missing += fmt::format("{}'{}'", missing.empty() ? "" : ", ", signature_.inputs[i].name);
  if (!missing.empty() && !options_.random)
    return error(Code::kInput, fmt::format("no values are given for {}", missing),
                 fmt::format("--input [NAME=]FILE (.npy, .npz, an image or raw values), or --random SEED; the inputs: {}",
                             wanted_inputs(signature_)));
  std::vector<NdArray> random;
  if (!missing.empty()) {
    TRY(random, random_arrays(file, signature_, *options_.random));
  }
  InputArrays out;
  out.picture = picture_;
  out.picture_input = picture_input_;
  for (size_t i = 0; i < given_.size(); ++i) {
    if (given_[i]) {
      const size_t rank = given_[i]->shape.size();
      TRY(NdArray array, fitted(i, *std::move(given_[i])));
      out.along_batch |= options_.each && array.shape.size() > rank;
      out.arrays.push_back(std::move(array));
    } else {
      out.arrays.push_back(std::move(random[i]));
      if (options_.each) out.arrays.back().shape.insert(out.arrays.back().shape.begin(), 1);
    }
  }
  return out;
}

}  // namespace

std::span<const int64_t> without_leading_ones(std::span<const int64_t> shape) {
  while (!shape.empty() && shape[0] == 1) shape = shape.subspan(1);
  return shape;
}

Result<InputArrays> read_inputs(const std::string& file, const SignatureInfo& signature, const RunModelOptions& options) {
  InputReader reader(signature, options);
  for (const std::string& argument : options.inputs) TRY_STATUS(reader.add(argument));
  return reader.take(file);
}

}  // namespace atl
