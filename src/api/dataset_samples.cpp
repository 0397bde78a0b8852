#include "api/dataset_samples.h"

#include <algorithm>

namespace atl {

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

Result<std::vector<NdArray>> DatasetSamples::get(size_t index) const {
  TRY(Example example, dataset_->get(index));
  std::vector<NdArray> out;
  for (size_t i = 0; i < inputs_.size() && i < example.arrays.size(); ++i) {
    NdArray& a = example.arrays[i].array;
    const auto wanted = dense_bytes(inputs_[i].dtype, inputs_[i].shape);
    if (a.dtype != inputs_[i].dtype || !wanted || *wanted != a.bytes.size())
      return error(Code::kInput, fmt::format("input '{}' is {}, sample '{}' has {}", inputs_[i].name, inputs_[i].text(),
                                             example.name, a.text()));
    a.shape = inputs_[i].shape;
    out.push_back(permutations_[i].empty() ? std::move(a) : array_of(transpose(tensor_of(a), permutations_[i])));
  }
  if (out.size() != inputs_.size())
    return error(Code::kInput,
                 fmt::format("sample '{}' has {} arrays, the model {} inputs", example.name, out.size(), inputs_.size()));
  return out;
}

Result<std::string> DatasetSamples::name_of(size_t index) const {
  TRY(const Example example, dataset_->get(index));
  return example.name;
}

}  // namespace atl
