// What LiteRT's STRIDED_SLICE asks for, for the writer, too, which makes one of a SLICE where sizes are open.
#pragma once
#include "ir/type.h"

namespace atl {

/// The lowest version of STRIDED_SLICE that takes an operand of this type.
int strided_slice_version(const Type& in);

}  // namespace atl
