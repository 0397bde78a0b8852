// The sizes at which a program with open sizes is looked at.
#pragma once
#include "import/dynamic_sizes.h"

namespace atl {

struct ExampleSizes {
  /// At least three, none of them 0 or 1 where the range allows: sizes that differ from each other and from every fixed size of
  /// the program, so that a number of the graph tells where it comes from.
  std::vector<SizeValues> sizes;
  /// So many of the last have every size that has an upper end there: none when no size has one, two (with other values for the
  /// sizes without) when only some have.
  size_t largest = 0;
  /// Others for the proof: those of the export, the smallest, and one in between.
  std::vector<SizeValues> checks;
};

/// `fixed` gives the sizes that are not open. The same program gives the same examples.
/// E: kSymbolic when there are too few sizes in the range for which the program's guards hold, or when a shape changes its form
/// (Min, Max) at a size that the examples do not reach.
Result<ExampleSizes> choose_example_sizes(const SourceProgram& program, const SizeValues& fixed,
                                          std::span<const DynamicSize> open);

}  // namespace atl
