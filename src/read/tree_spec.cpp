#include "read/tree_spec.h"

#include <algorithm>
#include <unordered_set>

namespace atl {
namespace {

constexpr size_t kMaxName = 256;

Blob blob_of(std::string_view text) { return {.bytes = std::as_bytes(std::span(text)), .owner = nullptr, .slack = 0}; }

/// The keys of a mapping: ["a", 1] gives "a", "1". Empty when the node is no list of strings and integers.
std::vector<std::string> read_keys(const JsonNode& node) {
  auto keys = read_list<std::string>(node, [](const JsonNode& item) -> Result<std::string> {
    if (const auto text = item.text()) return std::string(*text);
    TRY(const int64_t number, item.integer());
    return std::to_string(number);
  });
  return keys ? std::move(*keys) : std::vector<std::string>();
}

/// The names of `count` children from a container's context, itself a JSON text; empty when there are none.
Result<std::vector<std::string>> context_keys(const JsonNode& context, size_t count) {
  if (!context.is_string()) return std::vector<std::string>();
  TRY(const auto text, context.text());
  const auto document = JsonDocument::parse(blob_of(text), "context");
  if (!document) return std::vector<std::string>();
  const JsonNode root(*document);
  auto keys = read_keys(root);  // dict
  if (keys.size() == count && count > 0) return keys;
  if (const auto inner = root.field("dict_context")) {  // defaultdict
    keys = read_keys(*inner);
    if (keys.size() == count) return keys;
  }
  const Status dataclass = root.for_each_item([&](const JsonNode& item) -> Status {  // [[fields], [fields that are None]]
    if (keys.size() != count) keys = read_keys(item);
    return {};
  });
  if (dataclass && keys.size() == count) return keys;
  return std::vector<std::string>();
}

bool is_sequence(std::string_view type) {
  return type == "builtins.tuple" || type == "builtins.list" || type == "collections.deque";
}

Result<TreeSpec> read_tree(const JsonNode& node, const NamedTupleFields& fields) {
  TreeSpec tree;
  TRY(const auto type, node.optional_field("type"));
  TRY(const auto children, node.field("children_spec"));
  TRY(tree.children, read_list<TreeSpec>(children, [&](const JsonNode& child) { return read_tree(child, fields); }));
  if (!type) {
    if (!tree.children.empty()) return node.refuse("a leaf has children");
    return tree;
  }
  TRY(const auto name, type->text());
  tree.kind = TreeSpec::Kind::kSequence;
  if (!is_sequence(name)) {
    if (const auto it = fields.find(std::string(name)); it != fields.end()) tree.keys = it->second;
    if (tree.keys.size() != tree.children.size()) {
      TRY(const auto context, node.optional_field("context"));
      if (context) {
        TRY(tree.keys, context_keys(*context, tree.children.size()));
      }
    }
    if (tree.keys.size() == tree.children.size()) tree.kind = TreeSpec::Kind::kMapping;
  }
  if (tree.keys.size() != tree.children.size()) {
    tree.keys.clear();
    for (size_t i = 0; i < tree.children.size(); ++i) tree.keys.push_back(std::to_string(i));
  }
  return tree;
}

std::string clean(std::string_view name) {
  std::string s(name.substr(0, kMaxName));
  for (char& c : s) {
    const bool keep = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (!keep) c = '_';
  }
  return s;
}

/// The value under a key: by name in a dict, by position in a list or tuple.
std::optional<PickleRef> child_of(const TreeSpec& tree, size_t i, const Pickle& pickle, PickleRef ref) {
  if (const auto* items = pickle.sequence(ref)) {
    if (items->size() != tree.children.size()) return std::nullopt;
    return (*items)[i];
  }
  const auto* dict = pickle[ref].get<PickleDict>();
  if (!dict || dict->items.size() != tree.children.size()) return std::nullopt;
  for (const auto& [key, value] : dict->items) {
    const auto* text = pickle[key].get<std::string>();
    const auto* number = pickle[key].get<int64_t>();
    if ((text && *text == tree.keys[i]) || (number && std::to_string(*number) == tree.keys[i])) return value;
  }
  return std::nullopt;
}

Status flatten_into(const TreeSpec& tree, const Pickle& pickle, PickleRef ref, std::vector<PickleRef>& leaves) {
  if (tree.kind == TreeSpec::Kind::kLeaf) {
    leaves.push_back(ref);
    return {};
  }
  for (size_t i = 0; i < tree.children.size(); ++i) {
    const auto child = child_of(tree, i, pickle, ref);
    if (!child) return error(Code::kPickle, "the sample inputs do not nest like the program's inputs");
    TRY_STATUS(flatten_into(tree.children[i], pickle, *child, leaves));
  }
  return {};
}

}  // namespace

size_t TreeSpec::leaves() const {
  if (kind == Kind::kLeaf) return 1;
  size_t count = 0;
  for (const auto& child : children) count += child.leaves();
  return count;
}

Result<TreeSpec> read_tree_spec(const JsonNode& text, const NamedTupleFields& fields) {
  TRY(const auto json, text.text());
  TRY(const auto document, JsonDocument::parse(blob_of(json), fmt::format("the nesting at {}", text.path())));
  TreeSpec tree;
  size_t index = 0;
  TRY_STATUS(JsonNode(document).for_each_item([&](const JsonNode& item) -> Status {
    if (index == 0) {
      TRY(const int64_t protocol, item.integer());
      if (protocol != 1) return item.refuse(fmt::format("protocol {} is not known", protocol));
    } else if (index == 1) {
      TRY(tree, read_tree(item, fields));
    }
    ++index;
    return {};
  }));
  if (index != 2) return JsonNode(document).wrong("a list of two");
  return tree;
}

void append_leaf_names(const TreeSpec& tree, const std::string& prefix, std::vector<std::string>& names) {
  if (tree.kind == TreeSpec::Kind::kLeaf) {
    names.push_back(clean(prefix));
    return;
  }
  for (size_t i = 0; i < tree.children.size(); ++i) {
    append_leaf_names(tree.children[i], clean(prefix.empty() ? tree.keys[i] : prefix + "_" + tree.keys[i]), names);
  }
}

void make_unique(std::vector<std::string>& names) {
  std::unordered_set<std::string> taken(names.begin(), names.end());
  std::unordered_set<std::string> seen;
  std::unordered_map<std::string, int> next;
  for (auto& name : names) {
    if (name.empty()) name = "value";
    if (seen.insert(name).second) continue;
    const std::string base = name;
    int& number = next.try_emplace(base, 2).first->second;
    do {
      name = fmt::format("{}_{}", base, number++);
    } while (taken.count(name) || seen.count(name));
    seen.insert(name);
  }
}

Result<std::vector<PickleRef>> flatten_like(const TreeSpec& tree, const Pickle& pickle, PickleRef root) {
  std::vector<PickleRef> leaves;
  TRY_STATUS(flatten_into(tree, pickle, root, leaves));
  return leaves;
}

}  // namespace atl
