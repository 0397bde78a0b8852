// Matrices of zeros and ones that the Edge TPU compiler adds, by which channels move to other places.
#pragma once
#include "edgetpu/layer.h"

namespace atl::edgetpu {

/// Bytes of the matrices of a RESHAPE, TRANSPOSE, CONCATENATION, SPLIT or PAD: channels are kept in groups of four, and what
/// does not begin a group is moved there by a convolution. 0 for other operators, and for those that move whole groups.
uint64_t rearrangement_bytes_of(const SourceModel& model, const SourceOp& op, Store store);

}  // namespace atl::edgetpu
