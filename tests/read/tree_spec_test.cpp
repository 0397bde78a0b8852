#include "read/tree_spec.h"

#include <gtest/gtest.h>

#include "zip_builder.h"

namespace atl {
namespace {

using Names = std::vector<std::string>;

const std::string kLeaf = R"({"type": null, "context": null, "children_spec": []})";

std::string node(const std::string& type, const std::string& context, const Names& children) {
  std::string s = "{\"type\": \"" + type + "\", \"context\": \"" + context + "\", \"children_spec\": [";
  for (size_t i = 0; i < children.size(); ++i) s += (i ? ", " : "") + children[i];
  return s + "]}";
}

std::string quote(const std::string& text) {
  std::string s = "\"";
  for (char c : text) s += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return s + "\"";
}

Result<TreeSpec> read(const std::string& spec, const NamedTupleFields& fields = {}) {
  TRY(const auto document, JsonDocument::parse(make_blob("{\"spec\": " + quote(spec) + "}"), "m.json"));
  const JsonNode root(document);
  TRY(const auto text, root.field("spec"));
  return read_tree_spec(text, fields);
}

Names names(const std::string& tree, const std::string& prefix, const NamedTupleFields& fields = {}) {
  const auto spec = read("[1, " + tree + "]", fields);
  EXPECT_TRUE(spec) << spec.error().what;
  Names all;
  if (spec) append_leaf_names(*spec, prefix, all);
  make_unique(all);
  return all;
}

TEST(TreeSpec, Names) {
  EXPECT_EQ(names(kLeaf, "x"), Names{"x"});
  EXPECT_EQ(names(node("builtins.tuple", "null", {kLeaf, node("builtins.list", "null", {kLeaf, kLeaf})}), "x"),
            (Names{"x_0", "x_1_0", "x_1_1"}));
  EXPECT_EQ(names(node("builtins.dict", R"([\"a.b\", 7])", {kLeaf, kLeaf}), ""), (Names{"a_b", "7"}));
  EXPECT_EQ(names(node("collections.OrderedDict", R"([\"a\"])", {kLeaf}), "x"), Names{"x_a"});
  EXPECT_EQ(
      names(node("collections.defaultdict", R"({\"default_factory_name\": \"list\", \"dict_context\": [\"k\"]})", {kLeaf}),
            "x"),
      Names{"x_k"});
  EXPECT_EQ(names(node("net.Output", R"([[\"logits\", \"loss\"], [\"states\"]])", {kLeaf, kLeaf}), ""),
            (Names{"logits", "loss"}));
  EXPECT_EQ(names(node("net.Point", R"(\"net.Point\")", {kLeaf, kLeaf}), "p", {{"net.Point", {"lat", "lon"}}}),
            (Names{"p_lat", "p_lon"}));
  EXPECT_EQ(names(node("net.Other", "anything", {kLeaf, kLeaf}), "p"), (Names{"p_0", "p_1"}));
  EXPECT_EQ(names(node("builtins.dict", R"([\"a.b\", \"a_b\", \"a-b\", \"a_b_2\"])", {kLeaf, kLeaf, kLeaf, kLeaf}), ""),
            (Names{"a_b", "a_b_3", "a_b_4", "a_b_2"}));
  EXPECT_EQ(names(node("builtins.dict", R"([\"\", \"\"])", {kLeaf, kLeaf}), ""), (Names{"value", "value_2"}));
}

TEST(TreeSpec, Errors) {
  EXPECT_EQ(read("[2, " + kLeaf + "]").error().what, "the nesting at spec: [0]: protocol 2 is not known");
  EXPECT_EQ(read("[1]").error().what, "the nesting at spec: expected a list of two, found a list");
  EXPECT_EQ(read("{}").error().what, "the nesting at spec: expected a list, found an object");
  EXPECT_EQ(read("[1, {\"type\": null}]").error().what, "the nesting at spec: [1]: the field 'children_spec' is missing");
  EXPECT_EQ(read(R"([1, {"type": null, "children_spec": [)" + kLeaf + "]}]").error().what,
            "the nesting at spec: [1]: a leaf has children");
  EXPECT_FALSE(read("["));
}

TEST(TreeSpec, DeepAndLongNames) {
  std::string deep = kLeaf;
  for (int i = 0; i < 300; ++i) deep = node("builtins.tuple", "null", {deep});
  const auto all = names(deep, "x");
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].size(), 256u);
  for (int i = 0; i < 300; ++i) deep = node("builtins.tuple", "null", {deep});
  EXPECT_FALSE(read("[1, " + deep + "]"));  // deeper than any real nesting: refused by the JSON reader
}

TEST(TreeSpec, FlattenLike) {
  Pickle pickle;
  const auto add = [&](PickleValue v) {
    pickle.values.push_back(std::move(v));
    return static_cast<PickleRef>(pickle.values.size() - 1);
  };
  const PickleRef one = add({int64_t{1}}), two = add({int64_t{2}}), a = add({std::string("a")}), seven = add({int64_t{7}});
  const PickleRef dict = add({PickleDict{{{seven, two}, {a, one}}}});  // another order than the spec's
  const PickleRef root = add({PickleTuple{{two, dict}}});
  const auto spec =
      read("[1, " + node("builtins.tuple", "null", {kLeaf, node("builtins.dict", R"([\"a\", 7])", {kLeaf, kLeaf})}) + "]");
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->leaves(), 3u);
  const auto leaves = flatten_like(*spec, pickle, root);
  ASSERT_TRUE(leaves);
  EXPECT_EQ(*leaves, (std::vector<PickleRef>{two, one, two}));
  const auto wrong = flatten_like(*spec, pickle, dict);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().what, "the sample inputs do not nest like the program's inputs");
}

}  // namespace
}  // namespace atl
