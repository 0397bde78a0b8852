// How the axes of a written graph's interface stand to the source's.
#pragma once
#include "verify/written_model.h"

namespace atl {

/// The passes only permute the axes of inputs and outputs, so shapes say how: as they were, or channels-last. nullopt when an
/// input or output has another shape or another number of them.
std::optional<InterfaceLayouts> interface_layouts(const Graph& source, const Graph& written);

}  // namespace atl
