#include "import/alias_table.h"

#include <algorithm>
#include <array>

namespace atl {
namespace {

// Operators that torch's schema marks as returning an alias of `self`.
constexpr std::array<std::string_view, 39> kViews = {"alias",
                                                     "as_strided",
                                                     "chunk",
                                                     "contiguous",
                                                     "detach",
                                                     "diagonal",
                                                     "expand",
                                                     "expand_as",
                                                     "flatten",
                                                     "movedim",
                                                     "mT",
                                                     "narrow",
                                                     "permute",
                                                     "reshape",
                                                     "select",
                                                     "slice",
                                                     "split",
                                                     "split_with_sizes",
                                                     "squeeze",
                                                     "swapaxes",
                                                     "swapdims",
                                                     "t",
                                                     "to",
                                                     "transpose",
                                                     "unbind",
                                                     "unflatten",
                                                     "unfold",
                                                     "unsafe_chunk",
                                                     "unsqueeze",
                                                     "view",
                                                     "view_as",
                                                     "numpy_T",
                                                     "tensor_split",
                                                     "real",
                                                     "imag",
                                                     "conj",
                                                     "_conj",
                                                     "view_as_real",
                                                     "view_as_complex"};

// "aten.slice.Tensor" -> "slice"
std::string_view base_name(std::string_view target) {
  if (target.substr(0, 5) != "aten.") return {};
  target.remove_prefix(5);
  return target.substr(0, target.find('.'));
}

std::string first_tensor(const SourceNode& node) {
  for (const SourceArgument& a : node.inputs)
    if (const auto* t = a.value.get<TensorRef>()) return t->name;
  return {};
}

}  // namespace

bool is_view_operator(std::string_view target) {
  return std::find(kViews.begin(), kViews.end(), base_name(target)) != kViews.end();
}

std::string functional_name(std::string_view target) {
  const std::string_view base = base_name(target);
  if (base.size() < 2 || base.back() != '_' || base.substr(0, 2) == "__") return {};
  std::string name = "aten." + std::string(base.substr(0, base.size() - 1));
  const size_t dot = target.find('.', 5);
  if (dot != std::string_view::npos) name += target.substr(dot);
  return name;
}

void AliasTable::add_node(const SourceNode& node) {
  if (!is_view_operator(node.target)) return;
  const std::string base = first_tensor(node);
  if (base.empty()) return;
  size_t output = 0;
  const auto add = [&](const std::string& name) {
    if (name.empty()) return;
    views_[name] = View{base, &node, output++};
    on_[base].push_back(name);
  };
  for (const SourceValue& v : node.outputs) {
    if (const auto* t = v.get<TensorRef>()) add(t->name);
    if (const auto* t = v.get<TensorRefs>())
      for (const std::string& name : t->names) add(name);
  }
}

void AliasTable::add_alias(const std::string& value, const std::string& base) {
  SourceNode& node = alias_nodes_.emplace_back();
  node.target = "aten.alias.default";
  node.inputs.push_back({"self", SourceValue{TensorRef{base}}, ArgumentKind::kPositional});
  node.outputs.push_back(SourceValue{TensorRef{value}});
  add_node(node);
}

const View* AliasTable::view_of(const std::string& value) const {
  const auto it = views_.find(value);
  return it == views_.end() ? nullptr : &it->second;
}

const std::vector<std::string>& AliasTable::views_on(const std::string& base) const {
  static const std::vector<std::string> kNone;
  const auto it = on_.find(base);
  return it == on_.end() ? kNone : it->second;
}

}  // namespace atl
