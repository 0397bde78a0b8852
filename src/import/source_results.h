// The results of a source operator: what torch recorded of them, and what a rule made.
#pragma once
#include "ir/source_call.h"
#include "read/source.h"

namespace atl {

/// The types of a node's results, of their parts where they are complex; kUnknown where none was recorded.
struct ResultTypes {
  Types parts;
  std::vector<bool> complex;
};
ResultTypes result_types(const SourceGraph& graph, const SourceNode& node);

/// For each result of a call whose rule has run its value, or both parts of a complex one. E: kInternal where a type is not the
/// one that torch recorded.
Result<std::vector<Values>> checked_results(const SourceCall& call);

}  // namespace atl
