// Which buffers a program changes: they are kept from one run to the next.
#pragma once
#include <set>
#include <string>

#include "read/source.h"

namespace atl {

/// The value names of the stored buffers that the program changes: by an in-place operator on the buffer or on a view of it, or
/// by an output that is the buffer's new value. Counters of batches that batch norm keeps while training are left out: they
/// tell that the module is not in eval mode.
std::set<std::string> changed_buffers(const SourceProgram& program);

/// The in-place operator's first operand, or an empty string for a node that changes nothing in place.
std::string changed_operand(const SourceNode& node);

}  // namespace atl
