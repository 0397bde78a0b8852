// A program with open sizes as one with fixed sizes: every size, and every number that is computed from sizes, becomes a
// number.
#pragma once
#include "import/dynamic_sizes.h"

namespace atl {

/// True when the program has sizes or numbers that are not fixed, whether they follow from input sizes or from data.
bool has_open_sizes(const SourceProgram& program);

/// The program for these values, which must give every size of dynamic_sizes(). Nodes that only compute with sizes are gone,
/// and so are assertions about them, which have been checked; numbers that depend on data stay, for the import to look at.
/// E: kSymbolic at the node where an assertion does not hold; of check_sizes.
Result<SourceProgram> specialize(const SourceProgram& program, const SizeValues& values);

}  // namespace atl
