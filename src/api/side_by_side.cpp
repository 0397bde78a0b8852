#include "api/side_by_side.h"

#include <algorithm>

#include "ops/window.h"
#include "verify/written_model.h"

namespace atl {
namespace {

bool same_quantization(const TensorInfo& a, const TensorInfo& b) {
  if (a.quant.has_value() != b.quant.has_value()) return false;
  return !a.quant || (a.quant->scale == b.quant->scale && a.quant->zero_point == b.quant->zero_point);
}

bool same_inputs(const std::vector<TensorInfo>& a, const std::vector<TensorInfo>& b) {
  return std::ranges::equal(a, b, [](const TensorInfo& x, const TensorInfo& y) {
    return x.name == y.name && x.dtype == y.dtype && x.shape == y.shape && same_quantization(x, y);
  });
}

Perm channels_first_perm(size_t rank) { return inverse(channels_last_perm(rank)); }

// The first example shows whether shapes fit; one that cannot be read for another reason shows nothing.
Status fits(const Dataset& dataset) {
  auto example = dataset.get(0);
  if (!example && example.error().code == Code::kInput) return std::move(example.error());
  return {};
}

}  // namespace

Result<SideBySide::Part> SideBySide::open_part(const std::string& path, const DatasetOptions& options,
                                               const std::vector<TensorInfo>& inputs) {
  Part part;
  part.inputs = inputs;
  part.moved.resize(inputs.size());
  std::optional<Error> first_error;
  using Move = Perm (*)(size_t);
  for (const Move move : {Move{}, Move{channels_last_perm}, Move{channels_first_perm}}) {
    DatasetOptions as = options;
    as.inputs = inputs;
    bool moved = !move;
    for (size_t i = 0; i < inputs.size() && move; ++i) {
      if (inputs[i].shape.size() < 4) continue;
      part.moved[i] = move(inputs[i].shape.size());
      as.inputs[i].shape = permuted(inputs[i].shape, inverse(part.moved[i]));
      moved = true;
    }
    if (!moved) break;
    auto dataset = open_dataset(path, as);
    if (!dataset && dataset.error().code != Code::kInput) return std::move(dataset.error());
    Status status = dataset ? fits(**dataset) : Status(std::move(dataset.error()));
    if (status) {
      part.dataset = std::move(*dataset);
      return part;
    }
    if (!first_error) first_error = std::move(status.error());
  }
  return std::move(*first_error);
}

Result<std::shared_ptr<const SideBySide>> SideBySide::open(const std::string& path, const DatasetOptions& options,
                                                           const std::vector<std::vector<TensorInfo>>& inputs,
                                                           const std::vector<std::string>& names) {
  auto out = std::make_shared<SideBySide>();
  size_t arrays = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto same = std::ranges::find_if(out->parts_, [&](const Part& p) { return same_inputs(p.inputs, inputs[i]); });
    if (same != out->parts_.end()) {
      Part part = *same;
      part.same_as = same->same_as;
      out->parts_.push_back(std::move(part));
    } else {
      auto part = open_part(path, options, inputs[i]);
      if (!part) {
        Error e = std::move(part.error());
        if (e.code == Code::kInput && inputs.size() > 1) e.what = fmt::format("for '{}': {}", names[i], e.what);
        return e;
      }
      part->same_as = i;
      out->parts_.push_back(std::move(*part));
    }
    out->parts_.back().first_array = arrays;
    arrays += inputs[i].size();
  }
  out->classes_ = out->parts_[0].dataset->classes();
  return std::shared_ptr<const SideBySide>(std::move(out));
}

Result<Example> SideBySide::get(size_t index) const {
  Example out;
  for (size_t p = 0; p < parts_.size(); ++p) {
    const Part& part = parts_[p];
    if (part.same_as != p) {
      const size_t first = parts_[part.same_as].first_array;
      for (size_t i = 0; i < part.inputs.size(); ++i) out.arrays.push_back(out.arrays[first + i]);
      continue;
    }
    TRY(Example example, part.dataset->get(index));
    for (size_t i = 0; i < part.inputs.size(); ++i) {
      NdArray a = std::move(example.arrays[i].array);
      const Perm& moved = part.moved[i];
      const std::vector<int64_t> read = moved.empty() ? part.inputs[i].shape : permuted(part.inputs[i].shape, inverse(moved));
      if (dense_bytes(a.dtype, read) != a.bytes.size())
        return error(Code::kInput, fmt::format("input '{}' is {}, example '{}' has {}", part.inputs[i].name,
                                               part.inputs[i].text(), example.name, a.text()));
      a.shape = read;
      out.arrays.push_back({part.inputs[i].name, moved.empty() ? std::move(a) : array_of(transpose(tensor_of(a), moved))});
    }
    if (p == 0) {
      out.label = example.label;
      out.name = std::move(example.name);
    }
  }
  return out;
}

}  // namespace atl
