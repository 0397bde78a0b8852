#include "read/json.h"

#include <limits>

namespace atl {
namespace {

std::string_view kind(const simdjson::dom::element& element) {
  switch (element.type()) {
    case simdjson::dom::element_type::ARRAY:
      return "a list";
    case simdjson::dom::element_type::OBJECT:
      return "an object";
    case simdjson::dom::element_type::INT64:
    case simdjson::dom::element_type::UINT64:
      return "an integer";
    case simdjson::dom::element_type::DOUBLE:
      return "a number";
    case simdjson::dom::element_type::STRING:
      return "a string";
    case simdjson::dom::element_type::BOOL:
      return "a bool";
    case simdjson::dom::element_type::NULL_VALUE:
      return "null";
  }
  return "something else";
}

}  // namespace

Result<JsonDocument> JsonDocument::parse(const Blob& json, std::string name) {
  JsonDocument document;
  document.parser_ = std::make_unique<simdjson::dom::parser>();
  document.name_ = std::make_unique<std::string>(std::move(name));
  const bool copy = json.slack < simdjson::SIMDJSON_PADDING;
  const auto failure =
      document.parser_->parse(reinterpret_cast<const uint8_t*>(json.bytes.data()), json.bytes.size(), copy).get(document.root_);
  if (failure) {
    return error(Code::kJson, fmt::format("{} is not valid JSON: {}", *document.name_, simdjson::error_message(failure)),
                 "export and save the model again");
  }
  return document;
}

Result<JsonNode> JsonNode::field(std::string_view key) const {
  simdjson::dom::object object;
  if (element_.get_object().get(object)) return wrong("an object");
  simdjson::dom::element value;
  if (object.at_key(key).get(value)) return refuse(fmt::format("the field '{}' is missing", key));
  return JsonNode(value, this, key, 0);
}

Result<std::optional<JsonNode>> JsonNode::optional_field(std::string_view key) const {
  simdjson::dom::object object;
  if (element_.get_object().get(object)) return wrong("an object");
  simdjson::dom::element value;
  if (object.at_key(key).get(value) || value.is_null()) return std::optional<JsonNode>();
  return std::optional<JsonNode>(JsonNode(value, this, key, 0));
}

Result<JsonNode> JsonNode::only_field() const {
  simdjson::dom::object object;
  if (element_.get_object().get(object) || object.size() != 1) return wrong("an object with one field");
  const auto pair = *object.begin();
  return JsonNode(pair.value, this, pair.key, 0);
}

Result<std::string_view> JsonNode::text() const {
  std::string_view value;
  if (element_.get_string().get(value)) return wrong("a string");
  return value;
}

Result<int64_t> JsonNode::integer() const {
  int64_t value = 0;
  if (element_.get_int64().get(value)) return wrong("an integer of 64 bits");
  return value;
}

Result<int64_t> JsonNode::integer_below(int64_t limit) const {
  TRY(const int64_t value, integer());
  if (value < 0 || value >= limit) return refuse(fmt::format("{} is not in 0..{}", value, limit - 1));
  return value;
}

Result<bool> JsonNode::boolean() const {
  bool value = false;
  if (element_.get_bool().get(value)) return wrong("a bool");
  return value;
}

Result<double> JsonNode::number() const {
  double value = 0;
  if (!element_.get_double().get(value)) return value;
  std::string_view name;
  if (!element_.get_string().get(name)) {
    if (name == "Infinity") return std::numeric_limits<double>::infinity();
    if (name == "-Infinity") return -std::numeric_limits<double>::infinity();
    if (name == "NaN") return std::numeric_limits<double>::quiet_NaN();
  }
  return wrong("a number");
}

Result<size_t> JsonNode::size() const {
  simdjson::dom::array array;
  if (element_.get_array().get(array)) return wrong("a list");
  return array.size();
}

Error JsonNode::wrong(std::string_view expected) const {
  return refuse(fmt::format("expected {}, found {}", expected, kind(element_)));
}

Error JsonNode::refuse(std::string_view what, std::string_view hint) const {
  const std::string where = path();
  return error(Code::kJson, fmt::format("{}: {}{}{}", *document_, where, where.empty() ? "" : ": ", what), std::string(hint));
}

std::string JsonNode::path() const {
  if (!parent_) return {};
  std::string path = parent_->path();
  if (key_.data() == nullptr) return fmt::format("{}[{}]", path, index_);
  return fmt::format("{}{}{}", path, path.empty() ? "" : ".", key_);
}

}  // namespace atl
