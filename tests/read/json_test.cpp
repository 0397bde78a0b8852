#include "read/json.h"

#include <gtest/gtest.h>

#include <cmath>

#include "zip_builder.h"

namespace atl {
namespace {

TEST(Json, PathsInErrors) {
  const auto document =
      JsonDocument::parse(make_blob(R"({"a": [{"b": 1}, {"b": "x"}], "none": null, "u": {"as_int": 3}})"), "m.json");
  ASSERT_TRUE(document);
  const JsonNode root(*document);
  const auto a = root.field("a");
  ASSERT_TRUE(a);
  const Status status = a->for_each_item([](const JsonNode& item) -> Status {
    TRY(const auto b, item.field("b"));
    TRY([[maybe_unused]] const int64_t number, b.integer());
    return {};
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kJson);
  EXPECT_EQ(status.error().what, "m.json: a[1].b: expected an integer of 64 bits, found a string");
  EXPECT_EQ(root.field("c").error().what, "m.json: the field 'c' is missing");
  EXPECT_EQ(a->field("c").error().what, "m.json: a: expected an object, found a list");
  EXPECT_EQ(a->only_field().error().what, "m.json: a: expected an object with one field, found a list");
  EXPECT_FALSE(root.optional_field("none")->has_value());
  EXPECT_FALSE(root.optional_field("c")->has_value());
  const auto u = root.field("u");
  const auto only = u->only_field();
  ASSERT_TRUE(only);
  EXPECT_EQ(only->key(), "as_int");
  EXPECT_EQ(*only->integer(), 3);
  EXPECT_EQ(only->integer_below(3).error().what, "m.json: u.as_int: 3 is not in 0..2");
  EXPECT_EQ(only->text().error().what, "m.json: u.as_int: expected a string, found an integer");
}

TEST(Json, Numbers) {
  const auto document =
      JsonDocument::parse(make_blob(R"(["Infinity", "-Infinity", "NaN", 3, 2.5, 18446744073709551615, "x"])"), "m");
  ASSERT_TRUE(document);
  std::vector<double> numbers;
  Error last;
  const Status status = JsonNode(*document).for_each_item([&](const JsonNode& item) -> Status {
    TRY(const double v, item.number());
    numbers.push_back(v);
    return {};
  });
  EXPECT_EQ(status.error().what, "m: [6]: expected a number, found a string");
  ASSERT_EQ(numbers.size(), 6u);
  EXPECT_EQ(numbers[0], INFINITY);
  EXPECT_EQ(numbers[1], -INFINITY);
  EXPECT_TRUE(std::isnan(numbers[2]));
  EXPECT_EQ(numbers[3], 3.0);
  EXPECT_EQ(numbers[4], 2.5);
}

TEST(Json, DamagedDocuments) {
  for (const auto* text : {"", "{", "{\"a\": }", "[1,]", "nul", "{\"a\": \"\xff\"}"}) {
    const auto document = JsonDocument::parse(make_blob(text), "m.json");
    ASSERT_FALSE(document) << text;
    EXPECT_EQ(document.error().code, Code::kJson);
    EXPECT_EQ(document.error().what.rfind("m.json is not valid JSON: ", 0), 0u) << document.error().what;
  }
  const auto deep = JsonDocument::parse(make_blob(std::string(100000, '[')), "m.json");
  EXPECT_FALSE(deep);
}

}  // namespace
}  // namespace atl
