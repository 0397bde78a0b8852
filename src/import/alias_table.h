// Which values of a source graph are views of others. torch's in-place operators change a tensor and everything that shares its
// storage; the importer replays that on values.
#pragma once
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "read/source.h"

namespace atl {

/// One view: result `output` of `node`, looking at `base`.
struct View {
  std::string base;
  const SourceNode* node = nullptr;
  size_t output = 0;  ///< which of the node's results (split, unbind)
};

class AliasTable {
 public:
  /// Records the results of a node that are views of one of its arguments.
  void add_node(const SourceNode& node);
  /// Records that `value` is `base` under another name (the result of an in-place operator).
  void add_alias(const std::string& value, const std::string& base);
  /// The view behind a value, or nullptr when it is not a view.
  const View* view_of(const std::string& value) const;
  /// The values that look directly at `base`.
  const std::vector<std::string>& views_on(const std::string& base) const;

 private:
  std::deque<SourceNode> alias_nodes_;
  std::unordered_map<std::string, View> views_;
  std::unordered_map<std::string, std::vector<std::string>> on_;
};

/// True for an operator whose results share the storage of its first argument.
bool is_view_operator(std::string_view target);
/// The functional name of an in-place operator ("aten.relu_.default" -> "aten.relu.default"), or an empty string.
std::string functional_name(std::string_view target);

}  // namespace atl
