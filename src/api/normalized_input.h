// Inputs that take the pixels of a picture as they are, because the model normalizes them itself.
#pragma once
#include <string>
#include <vector>

#include "api/dataset_samples.h"
#include "ir/graph.h"
#include "run/compiled_model.h"

namespace atl {

/// Makes a graph take pixels for an input that it has normalized ones for: (pixel - mean) / std along `axis` goes into the
/// first layer where its weights can carry it (a padded layer carries std, and an addition stands in front of it: its borders
/// are zeros of the normalized picture), and becomes two operators elsewhere. One entry of mean and std for each index of the
/// axis, or one for all. The input's type stays. E: of evaluating weights.
Status normalize_input(Graph& g, size_t input, size_t axis, const PixelNormalization& normalization);

/// The same for a graph and the samples that were opened for it, where these are pictures and the graph has one input; false,
/// and nothing is changed, where not. E: normalize_input's; of opening the samples anew.
Result<bool> take_pixels(Graph& g, DatasetSamples& samples, const PixelNormalization& normalization);

/// What a file's metadata says of the normalization of its only input; nothing where it says none.
std::optional<PixelNormalization> stated_normalization(const std::vector<std::pair<std::string, std::string>>& metadata);
std::optional<PixelNormalization> stated_normalization(std::span<const std::byte> tflite_file);

}  // namespace atl
