#include "api/interface_layouts.h"

#include "pass/layout_problem.h"

namespace atl {
namespace {

bool find_permutations(const Graph& a, const std::vector<Port>& source, const Graph& b, const std::vector<Port>& written,
                       std::vector<Perm>& out) {
  if (source.size() != written.size()) return false;
  for (size_t i = 0; i < source.size(); ++i) {
    const Shape &from = a.type(source[i].value).shape, &to = b.type(written[i].value).shape;
    Perm p;
    if (from != to) {
      p = channels_last(from.size());
      if (permuted(from, p) != to) return false;
    }
    out.push_back(std::move(p));
  }
  return true;
}

}  // namespace

std::optional<InterfaceLayouts> interface_layouts(const Graph& source, const Graph& written) {
  InterfaceLayouts layouts;
  if (!find_permutations(source, source.inputs(), written, written.inputs(), layouts.inputs) ||
      !find_permutations(source, source.outputs(), written, written.outputs(), layouts.outputs))
    return std::nullopt;
  return layouts;
}

}  // namespace atl
