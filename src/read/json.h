// JsonNode: a place in a JSON document that knows its path, so that every refusal says where. Internal to src/read.
#pragma once
#include <simdjson.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "read/archive.h"

namespace atl {

/// A parsed document. Nodes refer to it.
class JsonDocument {
 public:
  /// Parses `json`, without a copy when enough readable bytes follow it. Errors: kJson with the document's name.
  static Result<JsonDocument> parse(const Blob& json, std::string name);
  const std::string& name() const { return *name_; }

 private:
  friend class JsonNode;
  JsonDocument() = default;
  std::unique_ptr<simdjson::dom::parser> parser_;
  std::unique_ptr<std::string> name_;
  simdjson::dom::element root_;
};

/// A value in a document. Lives on the stack and refers to its parent, which must outlive it.
class JsonNode {
 public:
  explicit JsonNode(const JsonDocument& document) : element_(document.root_), document_(document.name_.get()) {}

  bool is_null() const { return element_.is_null(); }
  bool is_string() const { return element_.is_string(); }

  /// A required field of an object. Errors of this class: kJson, naming the document and the path of the node.
  Result<JsonNode> field(std::string_view key) const;
  /// A field that may be absent or null.
  Result<std::optional<JsonNode>> optional_field(std::string_view key) const;
  /// The only field of an object, which stands for a union: {"as_int": 3}.
  Result<JsonNode> only_field() const;
  /// The key under which this node lies in its object.
  std::string_view key() const { return key_; }

  Result<std::string_view> text() const;
  Result<int64_t> integer() const;
  /// An integer in [0, limit).
  Result<int64_t> integer_below(int64_t limit) const;
  Result<bool> boolean() const;
  /// A number, or "Infinity", "-Infinity", "NaN".
  Result<double> number() const;
  Result<size_t> size() const;

  /// Calls f(JsonNode) -> Status for each element of an array.
  template <class F>
  Status for_each_item(F f) const {
    simdjson::dom::array array;
    if (element_.get_array().get(array)) return wrong("a list");
    size_t index = 0;
    for (simdjson::dom::element e : array) TRY_STATUS(f(JsonNode(e, this, {}, index++)));
    return {};
  }
  /// Calls f(JsonNode) -> Status for each field of an object, in the order of the document; key() is the field's name.
  template <class F>
  Status for_each_field(F f) const {
    simdjson::dom::object object;
    if (element_.get_object().get(object)) return wrong("an object");
    for (const auto& pair : object) TRY_STATUS(f(JsonNode(pair.value, this, pair.key, 0)));
    return {};
  }

  /// The error "<document>: <path>: expected <what>, found <kind>".
  Error wrong(std::string_view expected) const;
  /// The error "<document>: <path>: <what>".
  Error refuse(std::string_view what, std::string_view hint = "export and save the model again") const;
  /// Where this node is, such as "graph_module.graph.nodes[3].inputs[0].arg".
  std::string path() const;

 private:
  JsonNode(simdjson::dom::element element, const JsonNode* parent, std::string_view key, size_t index)
      : element_(element), parent_(parent), document_(parent->document_), key_(key), index_(index) {}

  simdjson::dom::element element_;
  const JsonNode* parent_ = nullptr;
  const std::string* document_;
  std::string_view key_;
  size_t index_ = 0;
};

/// A list of values, each read by `read`: JsonNode -> Result<T>.
template <class T, class Read>
Result<std::vector<T>> read_list(const JsonNode& node, Read read) {
  std::vector<T> items;
  TRY_STATUS(node.for_each_item([&](const JsonNode& item) -> Status {
    TRY(T value, read(item));
    items.push_back(std::move(value));
    return {};
  }));
  return items;
}

}  // namespace atl
