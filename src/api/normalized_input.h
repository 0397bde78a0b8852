// Inputs that take the pixels of a picture as they are, because the model normalizes them itself.
#pragma once
#include <string>
#include <vector>

#include "ir/graph.h"
#include "run/compiled_model.h"

namespace atl {

/// Makes a graph take pixels for an input that it has normalized ones for: (pixel - mean) / std along `axis` goes into the
/// first layer where its weights can carry it (a padded layer carries std, and an addition stands in front of it: its borders
/// are zeros of the normalized picture), and becomes two operators elsewhere. One entry of mean and std for each index of the
/// axis, or one for all. The input's type stays. E: of evaluating weights.
Status normalize_input(Graph& g, size_t input, size_t axis, const PixelNormalization& normalization);

/// What a file's metadata says of the normalization of its only input; nothing where it says none.
std::optional<PixelNormalization> stated_normalization(const std::vector<std::pair<std::string, std::string>>& metadata);
std::optional<PixelNormalization> stated_normalization(std::span<const std::byte> tflite_file);

}  // namespace atl
