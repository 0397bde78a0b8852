// What a model takes of the Edge TPU's memory: parameters, in the package and on the chip, and activations.
#pragma once
#include "edgetpu/placement.h"

namespace atl::edgetpu {

/// Activation memory of one of the Edge TPU's 16 tiles, in bytes.
inline constexpr uint64_t kNarrowBytes = 196608;

/// Bytes of an operator's parameters in the package, with what the compiler adds to move channels (see rearrangement.h).
/// Constants of elementwise operators are counted as they are streamed.
uint64_t parameter_bytes_of(const SourceModel& model, const SourceOp& op, Compiler compiler);
/// Bytes that the same parameters take in the Edge TPU's memory, as the compiler prints them: rows of 64 outputs.
uint64_t on_chip_bytes_of(const SourceModel& model, const SourceOp& op, Compiler compiler);
/// Bytes of each cell that holds a fully connected layer. Its outputs fill cells from the first on, so that layers of less than
/// 1,024 outputs leave the others empty; all other parameters are spread over all cells.
uint64_t cell_bytes_of(const SourceModel& model, const SourceOp& op, Compiler compiler);
/// The part of parameter_bytes_of() that is sent with each inference even where the chip has room: constants of elementwise
/// operators.
uint64_t streamed_bytes_of(const SourceModel& model, const SourceOp& op);

/// The most activation memory that is live at once, in bytes of each tile; more than kNarrowBytes where the compiler has to cut
/// the image into bands.
uint64_t peak_narrow_bytes(const SourceModel& model, const Placement& placement);

}  // namespace atl::edgetpu
