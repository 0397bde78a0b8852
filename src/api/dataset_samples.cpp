#include "api/dataset_samples.h"

#include <algorithm>
#include <cmath>

namespace atl {
namespace {

// So many of the samples that were left out are named.
constexpr size_t kNamedSamples = 10;

Status check_finite(const NdArray& a, const std::string& input, const std::string& sample) {
  if (a.dtype != ElementType::kF32) return {};
  const auto values = a.values<float>();
  const auto bad = std::ranges::count_if(values, [](float v) { return !std::isfinite(v); });
  if (bad == 0) return {};
  return error(Code::kInput, fmt::format("sample '{}' has {} NaN or infinite values of {} for input '{}'", sample, bad,
                                         values.size(), input));
}

}  // namespace

std::vector<TensorInfo> input_infos(const Graph& g) {
  std::vector<TensorInfo> out;
  for (size_t i = 0; i < g.inputs().size(); ++i) {
    if (g.is_state_input(i)) continue;
    const Type& type = g.type(g.inputs()[i].value);
    TensorInfo info;
    info.name = info.tensor_name = g.inputs()[i].name;
    info.dtype = element_type_of(type.dtype);
    info.shape = type.shape;
    out.push_back(std::move(info));
  }
  return out;
}

Result<DatasetSamples> DatasetSamples::open(const Graph& g, std::span<const Perm> permutations, const std::string& path,
                                            const std::string& preprocess) {
  DatasetSamples samples;
  samples.path_ = path;
  samples.preprocess_ = preprocess;
  samples.inputs_ = input_infos(g);
  samples.permutations_.resize(samples.inputs_.size());
  const std::vector<TensorInfo> own = samples.inputs_;
  bool moved = false;
  for (size_t i = 0; i < samples.inputs_.size() && i < permutations.size(); ++i) {
    if (permutations[i].empty()) continue;
    samples.permutations_[i] = permutations[i];
    samples.inputs_[i].shape = permuted(own[i].shape, inverse(permutations[i]));
    moved = true;
  }
  const auto open_for = [&](const std::vector<TensorInfo>& inputs) {
    return open_dataset(path, {.preprocess = preprocess, .inputs = inputs, .label = {}});
  };
  auto dataset = open_for(samples.inputs_);
  if (!dataset && moved && dataset.error().code == Code::kInput) {
    if (auto as_is = open_for(own)) {
      dataset = std::move(as_is);
      samples.inputs_ = own;
      samples.permutations_.assign(own.size(), Perm{});
    }
  }
  if (!dataset) return std::move(dataset.error());
  samples.dataset_ = std::move(*dataset);
  if (samples.dataset_->holds_pictures()) {
    TRY(const PreprocessSpec spec, parse_preprocess(preprocess));
    if (const auto range = pixel_range(spec)) samples.picture_range_ = Range{range->first, range->second};
  }
  return samples;
}

Status DatasetSamples::take_pixels(const PixelNormalization& normalization) {
  inputs_[0].normalization = normalization;
  TRY(dataset_, open_dataset(path_, {.preprocess = preprocess_, .inputs = inputs_, .label = {}}));
  picture_range_ = Range{0, 255};
  return {};
}

Result<size_t> DatasetSamples::channel_axis(size_t input) const {
  TRY(const PreprocessSpec spec, parse_preprocess(preprocess_));
  TRY(const size_t axis, atl::channel_axis(inputs_[input], spec));
  const Perm& perm = permutations_[input];
  return perm.empty() ? axis : size_t(std::ranges::find(perm, int64_t(axis)) - perm.begin());
}

Result<std::vector<NdArray>> DatasetSamples::get(size_t index) const {
  TRY(Example example, dataset_->get(index));
  std::vector<NdArray> out;
  for (size_t i = 0; i < inputs_.size() && i < example.arrays.size(); ++i) {
    NdArray& a = example.arrays[i].array;
    const auto wanted = dense_bytes(inputs_[i].dtype, inputs_[i].shape);
    if (a.dtype != inputs_[i].dtype || !wanted || *wanted != a.bytes.size())
      return error(Code::kInput, fmt::format("input '{}' is {}, sample '{}' has {}", inputs_[i].name, inputs_[i].text(),
                                             example.name, a.text()));
    TRY_STATUS(check_finite(a, inputs_[i].name, example.name));
    a.shape = inputs_[i].shape;
    out.push_back(permutations_[i].empty() ? std::move(a) : array_of(transpose(tensor_of(a), permutations_[i])));
  }
  if (out.size() != inputs_.size())
    return error(Code::kInput,
                 fmt::format("sample '{}' has {} arrays, the model {} inputs", example.name, out.size(), inputs_.size()));
  if (const auto states = states_.find(index); states != states_.end())
    out.insert(out.end(), states->second.begin(), states->second.end());
  return out;
}

Result<std::vector<size_t>> DatasetSamples::choose(size_t most, bool strict, std::vector<std::string>& warnings) const {
  const size_t used = std::min(size(), most);
  std::vector<size_t> chosen;
  std::vector<Error> errors;
  for (size_t i = 0; i < used; ++i) {
    const size_t index = i * size() / used;
    auto arrays = get(index);
    if (arrays) {
      chosen.push_back(index);
    } else if (strict) {
      return std::move(arrays.error());
    } else {
      errors.push_back(std::move(arrays.error()));
    }
  }
  if (chosen.empty()) {
    Error e = error(Code::kInput, fmt::format("none of the {} samples of '{}' can be used", used, path_));
    if (!errors.empty()) e.others.push_back(std::move(errors[0]));
    return e;
  }
  if (errors.empty()) return chosen;
  warnings.push_back(fmt::format("{} of {} samples were left out", errors.size(), used));
  for (size_t i = 0; i < std::min(errors.size(), kNamedSamples); ++i) warnings.push_back("left out: " + errors[i].what);
  if (errors.size() > kNamedSamples)
    warnings.push_back(fmt::format("and {} others were left out", errors.size() - kNamedSamples));
  return chosen;
}

}  // namespace atl
