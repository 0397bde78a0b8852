// Layers with weights as the Edge TPU counts them: kernels, multiplications, sizes rounded to what its cells hold.
#pragma once
#include <optional>

#include "edgetpu/source_model.h"

namespace atl::edgetpu {

/// The Edge TPU has 4 x 4 tiles of 64 cells, which multiply four inputs by four weights in a cycle each.
inline constexpr uint64_t kTilesAcross = 4, kTiles = kTilesAcross * kTilesAcross, kCells = 64, kLanes = 4;
inline constexpr uint64_t kParameterAlignment = 64;
inline constexpr uint64_t kBiasBytes = 4;  // for each output

/// The next multiple.
constexpr uint64_t up(uint64_t n, uint64_t to) { return (n + to - 1) / to * to; }
/// The quotient, rounded up.
constexpr uint64_t parts(uint64_t n, uint64_t of) { return (n + of - 1) / of; }
/// Dimension i, and the last one; 1 where there is none or it is open.
uint64_t at(const Shape& s, size_t i);
uint64_t last(const Shape& s);
/// Elements.
uint64_t count(const Shape& s);
/// Bytes of each tile for one row of an image, and for all of it: tiles share its width and height, and hold with their share
/// the rim that a window reaches beyond it.
uint64_t row_bytes(const Shape& s, uint64_t rim_x = 0);
uint64_t tile_bytes(const Shape& s, uint64_t rim_y = 0, uint64_t rim_x = 0);

/// Where parameters lie: a package leaves out quarters of the 64 cells that nothing fills, the chip does not.
enum class Store { kPackage, kChip };
/// The outputs of a layer with those that fill up its cells; an image of four channels or fewer takes no more in a package.
uint64_t rows_of(uint64_t outputs, Store store, bool image = false);
/// Bytes of a layer: for each row its weights, and a word of scales, offsets and bias.
constexpr uint64_t matrix_bytes(uint64_t rows, uint64_t weights, uint64_t word) {
  return up(rows * (weights + word), kParameterAlignment);
}

/// Height, width and channels of a convolution-like operator's kernel, and its outputs.
struct Kernel {
  uint64_t height = 1, width = 1, in = 1, out = 1;
  uint64_t stored_in = 4;   ///< inputs of a tap with those that fill up lanes, of each pixel where an image is flattened
  bool multiplied = false;  ///< a depthwise one with several outputs for each channel, which is stored as a convolution
  bool depthwise = false, per_channel = false, has_bias = false, dense = false;
};
/// nullopt for operators without constant weights.
std::optional<Kernel> kernel_of(const SourceModel& model, const SourceOp& op);

/// Time steps of an LSTM.
uint64_t lstm_steps(const SourceModel& model, const SourceOp& op);

/// Multiply-accumulates of an operator (convolutions, products of matrices, fully connected layers, LSTM); 0 for others.
uint64_t macs_of(const SourceModel& model, const SourceOp& op);

}  // namespace atl::edgetpu
