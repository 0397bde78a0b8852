// Slices whose begin or end follows from open sizes.
#pragma once
#include <span>

#include "ir/tflite_op.h"

namespace atl {

/// Brings a SLICE or STRIDED_SLICE, given as it is in every member of a family, into a form that LiteRT sizes while it
/// prepares: what reaches the end of an axis says so (end_mask), and a SLICE of an open tensor becomes a STRIDED_SLICE, because
/// LiteRT sizes the result of such a SLICE when it runs. `in`: the type of its operand in every member.
void open_slice(std::vector<TfliteOp>& ops, TypesIn in);

}  // namespace atl
