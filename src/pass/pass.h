// What a pass is: a name, a sentence, and a function that changes a graph.
#pragma once
#include <string_view>

#include "ir/rewrite.h"
#include "ir/target.h"

namespace atl {

/// How the interface of the written model is laid out.
enum class InterfaceLayout {
  kKeep,  ///< inputs and outputs as in the source
  kNhwc,  ///< inputs and outputs of four or five axes may become channels-last, whichever costs less
};

/// What adapt() made of a layer.
struct Adaptation {
  Origin origin;
  std::string before, after;  ///< the op with its fields; the names of those that took its place
};

/// Settings and counters of one run of the pipeline.
struct PassContext {
  InterfaceLayout interface_layout = InterfaceLayout::kKeep;
  /// The graph is one of several at other sizes: no padding moves into a strided window, whose form would depend on the size.
  bool sizes_vary = false;
  /// Rewrites left to apply: after that many, passes stop rewriting (to bisect a wrong rewrite). Layout and legalization always
  /// run.
  int64_t rewrite_limit = -1;
  int64_t rewrites = 0;  ///< applied so far
  int depth = 0;         ///< of the graph: 0 for a model's own, more for the graph of an op
  /// Set by assign_layout: axis k of an input or output is the source's axis perm[k]; an empty entry where nothing changed.
  std::vector<Perm> input_permutations, output_permutations;
  Target target;
  std::vector<Adaptation> adaptations;  ///< in the order of the graph

  bool may_rewrite() const { return rewrite_limit < 0 || rewrites < rewrite_limit; }
};

struct Pass {
  std::string_view name;
  std::string_view sentence;
  Status (*run)(Graph&, PassContext&);
};

Status canonicalize(Graph&, PassContext&);
Status fold_constants(Graph&, PassContext&);
Status merge_equal_nodes(Graph&, PassContext&);
Status sink_reshapes(Graph&, PassContext&);
Status lower_graphs(Graph&, PassContext&);
Status recognize_activations(Graph&, PassContext&);
Status recognize_pixel_shuffle(Graph&, PassContext&);
Status fold_scales(Graph&, PassContext&);
Status fuse_pads(Graph&, PassContext&);
Status assign_layout(Graph&, PassContext&);
Status fuse_activations(Graph&, PassContext&);
Status legalize(Graph&, PassContext&);
Status adapt(Graph&, PassContext&);

/// Applies `rule` to every live node, operands first, again and again until nothing changes. A rule returns true when it
/// replaced the node. E: the rule's; kInternal when it does not come to an end.
Status apply_to_fixpoint(Graph& graph, PassContext& context, bool limited, Result<bool> (*rule)(Rewrite&));

}  // namespace atl
