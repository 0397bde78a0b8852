// The order of the passes, readable top to bottom in pipeline.cpp, and what can be observed between them.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "pass/pass.h"

namespace atl {

struct PipelineOptions {
  InterfaceLayout interface_layout = InterfaceLayout::kKeep;
  bool sizes_vary = false;                         ///< see PassContext
  int64_t rewrite_limit = -1;                      ///< stop rewriting after so many rewrites; -1: no limit
  Target target;                                   ///< what the file is for
  std::vector<Adaptation>* adaptations = nullptr;  ///< receives what was rewritten for the target
  bool verify_each = false;                        ///< run the verifier after every pass, not only after the last
  /// Called before the first pass (index 0, name "import") and after each pass with its number, name and seconds; `changed` is
  /// false when the graph's text is the same as before (only computed when `track_changes`).
  std::function<void(size_t index, std::string_view name, const Graph&, double seconds, bool changed)> observer;
  bool track_changes = false;
};

/// Every pass in the order in which it runs.
std::span<const Pass> pipeline();

/// How the axes of the interface were permuted: axis k of input or output i is the source's axis perm[k]; empty when unchanged.
struct InterfacePermutations {
  std::vector<Perm> inputs, outputs;
};

/// Runs all passes on an imported graph; it is then ready to be written (Stage::kLegal).
/// E: the passes'; kInternal when the verifier finds an inconsistency.
Status run_pipeline(Graph& graph, const PipelineOptions& options, InterfacePermutations* permutations = nullptr);

/// The same for the graph of an op, which may hand inputs on as the outputs of the same number. `context` is the outer graph's:
/// rewrites are counted there.
Status run_nested_pipeline(Graph& graph, PassContext& context);

}  // namespace atl
