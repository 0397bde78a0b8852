#include "pass/pipeline.h"

#include <array>
#include <chrono>

#include "ir/text.h"
#include "ir/verifier.h"

namespace atl {
namespace {

// Legal graphs stay as they are where there is nothing to adapt to.
Status canonicalize_adapted(Graph& graph, PassContext& context) {
  return context.adaptations.empty() ? Status{} : canonicalize(graph, context);
}

// The order matters: each pass says in its file what it depends on.
constexpr std::array kPipeline = {
    // One form for everything: equal ranks, no trivial nodes; then whatever is constant becomes a constant.
    Pass{"canonicalize", "brings nodes into the one form that later passes expect", canonicalize},
    Pass{"fold-constants", "nodes whose operands are all constants become constants", fold_constants},
    Pass{"canonicalize", "again, now that constants are known", canonicalize},
    Pass{"fold-constants", "again", fold_constants},
    Pass{"merge-equal-nodes", "nodes of equal op on equal operands become one", merge_equal_nodes},
    // Constants are where they belong now: inside loops and branches. The rest of the pipeline looks at a graph from outside.
    Pass{"lower-graphs", "runs the pipeline on the bodies of loops and on branches", lower_graphs},
    Pass{"sink-reshapes", "reshapes that add or drop axes of size one go behind elementwise ops", sink_reshapes},
    Pass{"fold-constants", "again, for the constants that were reshaped", fold_constants},
    Pass{"canonicalize", "joins the reshapes that met", canonicalize},
    // Compositions that LiteRT has one operator for.
    Pass{"recognize-activations", "finds activations that the source spelled out", recognize_activations},
    Pass{"recognize-pixel-shuffle", "finds pixel shuffles that the source spelled out", recognize_pixel_shuffle},
    Pass{"canonicalize", "moves the shuffle's order into the convolution before it", canonicalize},
    Pass{"fold-constants", "again, for its weights", fold_constants},
    // Batch norm and other scales go into the weights, paddings into convolutions, while axes still have torch's order.
    Pass{"fold-scales", "multiplications and additions of constants go into weights and biases", fold_scales},
    Pass{"fuse-pads", "zero paddings become a field of the convolution behind them", fuse_pads},
    Pass{"fold-constants", "computes the new weights, or makes them recipes", fold_constants},
    // The only place where layouts and transposes are decided.
    Pass{"assign-layout", "gives every node the layout that moves the fewest bytes", assign_layout},
    Pass{"canonicalize", "joins the reshapes that the layout left", canonicalize},
    Pass{"fuse-activations", "activations become a field of the op before them", fuse_activations},
    // What LiteRT has no form for; this can make new constants and equal nodes.
    Pass{"legalize", "turns what LiteRT has no form for into what it has", legalize},
    // What the target has no form for. Its rules look at ops as LiteRT takes them, so this comes last.
    Pass{"adapt", "turns what the target cannot take into what it takes", adapt},
    Pass{"canonicalize", "joins the reshapes that met", canonicalize_adapted},
    Pass{"fold-constants", "again, for what legalization and the target made", fold_constants},
    Pass{"merge-equal-nodes", "again, for what legalization made", merge_equal_nodes},
};

}  // namespace

Status run_nested_pipeline(Graph& graph, PassContext& context) {
  PassContext inner;
  inner.rewrite_limit = context.rewrite_limit;
  inner.rewrites = context.rewrites;
  inner.depth = context.depth + 1;
  inner.target = context.target;
  for (const Pass& pass : kPipeline)
    if (auto s = pass.run(graph, inner); !s)
      return std::move(s.error()).in(fmt::format("pass {} on {}", pass.name, graph.name));
  context.rewrites = inner.rewrites;
  context.adaptations.insert(context.adaptations.end(), inner.adaptations.begin(), inner.adaptations.end());
  return {};
}

std::span<const Pass> pipeline() { return kPipeline; }

Status run_pipeline(Graph& graph, const PipelineOptions& options, InterfacePermutations* permutations) {
  PassContext context;
  context.interface_layout = options.interface_layout;
  context.sizes_vary = options.sizes_vary;
  context.rewrite_limit = options.rewrite_limit;
  context.target = options.target;
  std::string text = options.track_changes ? print(graph) : std::string();
  if (options.observer) options.observer(0, "import", graph, 0, true);
  size_t index = 0;
  for (const Pass& pass : kPipeline) {
    const auto start = std::chrono::steady_clock::now();
    if (auto s = pass.run(graph, context); !s) return std::move(s.error()).in(fmt::format("pass {}", pass.name));
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    ++index;
    if (options.verify_each || index == kPipeline.size())
      if (auto s = verify(graph); !s) return std::move(s.error()).in(fmt::format("after pass {}", pass.name));
    bool changed = true;
    if (options.track_changes) {
      std::string now = print(graph);
      changed = now != text;
      text = std::move(now);
    }
    if (options.observer) options.observer(index, pass.name, graph, seconds, changed);
  }
  if (options.adaptations) *options.adaptations = std::move(context.adaptations);
  if (permutations) *permutations = {std::move(context.input_permutations), std::move(context.output_permutations)};
  return {};
}

}  // namespace atl
