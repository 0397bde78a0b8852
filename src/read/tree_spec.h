// TreeSpec: the nesting of a program's inputs or outputs (torch's pytree), and the names that it gives to their leaves.
#pragma once
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "read/json.h"
#include "read/pickle.h"

namespace atl {

/// A leaf, or a container with keyed children.
struct TreeSpec {
  enum class Kind : uint8_t { kLeaf, kSequence, kMapping };
  Kind kind = Kind::kLeaf;
  std::vector<std::string> keys;  ///< one a child: "0", "1" in a sequence, the key in a mapping or the field in a dataclass
  std::vector<TreeSpec> children;

  size_t leaves() const;
};

/// Field names of named tuples by their type's name.
using NamedTupleFields = std::unordered_map<std::string, std::vector<std::string>>;

/// Reads what torch.utils._pytree.treespec_dumps writes: a JSON text inside the JSON node. Errors: kJson.
Result<TreeSpec> read_tree_spec(const JsonNode& text, const NamedTupleFields& fields);

/// A name for each leaf under `tree`: the keys on the way joined with '_', after `prefix`. Only letters, digits and '_' stay.
/// A lone leaf is `prefix`.
void append_leaf_names(const TreeSpec& tree, const std::string& prefix, std::vector<std::string>& names);

/// Makes the names unique: the second "x" becomes "x_2".
void make_unique(std::vector<std::string>& names);

/// The values of `pickle` under `root` in the order of the tree's leaves. Errors: kPickle when the values do not nest like the
/// tree.
Result<std::vector<PickleRef>> flatten_like(const TreeSpec& tree, const Pickle& pickle, PickleRef root);

}  // namespace atl
