// A dataset as the samples of a graph: arrays in the order, shapes and element types of its inputs.
#pragma once
#include <map>

#include "data/dataset.h"
#include "ir/graph.h"
#include "verify/calibration.h"

namespace atl {

class DatasetSamples : public SampleSource {
 public:
  /// Opens a dataset (data/dataset.h) for the graph's inputs, but for its states. Where an input was laid out anew (axis k is
  /// the source's axis perm[k]), examples are read in the source's layout and brought into the graph's; examples that fit only
  /// the graph's own are taken as they are. E: open_dataset's, kInput where an example does not fit.
  static Result<DatasetSamples> open(const Graph& g, std::span<const Perm> permutations, const std::string& path,
                                     const std::string& preprocess);
  /// The numbers of at most `most` samples, spread over the dataset, that can be read: decoded, of the right shapes, without
  /// NaN and infinity. The others are told in `warnings`, their count first. E: of the first one that cannot be read where
  /// `strict`; kInput when none can.
  Result<std::vector<size_t>> choose(size_t most, bool strict, std::vector<std::string>& warnings) const;
  size_t size() const override { return dataset_->size(); }
  /// Names of the data's classes; empty where it names none.
  const std::vector<std::string>& classes() const { return dataset_->classes(); }
  Result<std::vector<NdArray>> get(size_t index) const override;
  /// What the graph's states hold before each sample comes behind its own arrays from now on (states_before()).
  void put_states(std::map<size_t, std::vector<NdArray>> states) { states_ = std::move(states); }
  /// True for a folder of pictures.
  bool holds_pictures() const { return dataset_->holds_pictures(); }
  /// The axis of the graph's input `input` with the channels of pictures. E: kInput.
  Result<size_t> channel_axis(size_t input) const;
  /// The first input takes the pixels of pictures from now on, which the graph normalizes itself. E: open_dataset's.
  Status take_pixels(const PixelNormalization& normalization);
  /// What a picture's darkest and brightest pixels become as values of the model's input; nullopt for arrays, and where means
  /// and deviations differ between channels.
  std::optional<Range> picture_range() const { return picture_range_; }

 private:
  std::string path_, preprocess_;
  std::shared_ptr<const Dataset> dataset_;
  std::vector<TensorInfo> inputs_;  // as the examples are read
  std::optional<Range> picture_range_;
  std::map<size_t, std::vector<NdArray>> states_;
  std::vector<Perm> permutations_;  // of what is read, to the graph's layout; empty where nothing changes
};

/// The inputs of a graph as a runner would state them, but for its states.
std::vector<TensorInfo> input_infos(const Graph& g);

}  // namespace atl
