// Arguments of source operators that hold no tensors.
#pragma once
#include "import/known_numbers.h"
#include "ir/source_call.h"
#include "read/source.h"

namespace atl {

/// A number, a string, a list of numbers or an element type; None for what only torch needs (devices, memory formats). The
/// element type of complex numbers is that of their parts. Symbols are looked up in `numbers`. E: kSymbolic for a size that is
/// not fixed; kUnsupportedForm.
Result<SourceArg> plain_argument(const SourceValue& value, const KnownNumbers& numbers);

}  // namespace atl
