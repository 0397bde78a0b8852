#include "import/refusal.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace atl {

Error without_form(const std::string& target) {
  const std::string space = target.substr(0, target.find('.'));
  if (space == "higher_order")
    return error(Code::kUnsupportedOp, fmt::format("{} has no LiteRT form in Atoll", target),
                 "torch.cond, while_loop, scan and map convert; save program.run_decompositions() where that takes it apart");
  // choose_qparams, quantize_per_token and their like.
  if (target.find("choose_qparams") != std::string::npos || target.find("quantize_per_token") != std::string::npos)
    return error(Code::kUnsupportedOp, fmt::format("{}: scales that are computed while the program runs", target),
                 std::string(kDynamicQuantizationHint));
  constexpr std::array<std::string_view, 5> kTorchs = {"aten", "prims", "_operator", "quantized_decomposed", "math"};
  if (std::find(kTorchs.begin(), kTorchs.end(), space) != kTorchs.end())
    return error(Code::kUnsupportedOp, fmt::format("{} has no LiteRT form in Atoll", target),
                 "`atoll ops` lists what is supported; write it with other operators, or keep it outside the exported module");
  return error(
      Code::kUnsupportedOp, fmt::format("{} is a custom operator, which has no LiteRT form", target),
      fmt::format("say what it computes in torch's own operators, and export again:\n"
                  "    def decomposition(*args):  # takes what {0} takes\n"
                  "        ...\n"
                  "    program = torch.export.export(model, args).run_decompositions({{torch.ops.{0}: decomposition}})\n"
                  "    torch.export.save(program, \"model.pt2\")",
                  target));
}

std::optional<Error> never_computed(const SourceNode& node) {
  if (node.target.rfind("torch._functorch.", 0) != 0) return std::nullopt;
  return error(Code::kUnsupportedOp, "torch.vmap, or another transform of torch.func, is left in the program",
               "save program.run_decompositions(), which applies it");
}

Error without_value(const SourceGraph& graph, const std::string& name) {
  for (const SourceNode& node : graph.nodes) {
    size_t i = 0;
    for (const SourceValue& v : node.outputs) {
      const auto* one = v.get<TensorRef>();
      const auto* list = v.get<TensorRefs>();
      const auto made = list ? list->names : one ? std::vector<std::string>{one->name} : std::vector<std::string>();
      for (const std::string& n : made) {
        if (n == name)
          return error(Code::kUnsupportedForm, fmt::format("{}: its result {} ('{}') has no LiteRT form", node.target, i, name),
                       "use its other results only")
              .at(node.origin);
        ++i;
      }
    }
  }
  return error(Code::kGraph, fmt::format("value '{}' is not computed by any node", name));
}

}  // namespace atl
