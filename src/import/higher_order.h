// torch's higher-order operators: control flow whose bodies are graphs of the source.
#pragma once
#include <functional>
#include <optional>

#include "ir/body.h"
#include "read/source.h"

namespace atl {

/// A call of a higher-order operator, its operands resolved.
struct HigherOrderCall {
  const SourceNode& node;
  std::vector<const GraphRef*> graphs;
  /// The other arguments, each flattened: a tensor is a list of one.
  std::vector<Values> operands;
  /// A graph of the source as one that takes values of these types; an empty Body after an error, which is reported then.
  std::function<Body(const GraphRef&, const Types&)> import;
};

/// True for torch.cond, while_loop, scan and map.
bool is_higher_order(std::string_view target);

/// The operator that higher_order.with_effects calls (a check, a print), with its arguments and results but for the token that
/// orders effects; nullopt for other nodes.
std::optional<SourceNode> node_with_effects(const SourceNode& node);

/// Adds what the call does: If for cond, While for the others. The results in the order of the source's.
/// E (the builder's): kUnsupportedForm for what is not tensors or has no steps; kGraph for arguments that are not the
/// operator's.
Values build_higher_order(Builder& b, const HigherOrderCall& call);

}  // namespace atl
