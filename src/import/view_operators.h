// What the importer has to know of the operators that give views.
#pragma once
#include "ir/source_call.h"
#include "read/source.h"

namespace atl {

/// contiguous, reshape, flatten and to give a view where strides and element type allow it, else a copy: true then.
bool gives_copy(const SourceGraph& graph, const SourceNode& node);

/// How a view permutes the axes of its base; nullopt for a view that does not.
std::optional<Perm> view_permutation(SourceCall& call, std::string_view target, size_t rank);

/// True for views that keep the elements in row-major order when they keep all of them.
bool keeps_order(std::string_view target);

/// True for in-place operators of which a second application changes nothing, so that a stored tensor may stay as it is: every
/// run applies them again.
bool repeats_without_effect(std::string_view target);

}  // namespace atl
