#include "ir/fields.h"

#include <gtest/gtest.h>

#include <limits>

namespace atl {
namespace {

enum class Color { kRed, kDarkBlue };
constexpr std::array<std::string_view, 2> enum_names(Color) { return {"red", "dark_blue"}; }

struct Sample {
  bool flag = false;
  int64_t size = 0;
  double beta = 0;
  float scale = 0;
  std::string name;
  DType to = DType::kF32;
  Color color = Color::kRed;
  std::vector<int64_t> axes;
  std::array<int64_t, 2> stride{};
  std::vector<std::string> words;

  static auto fields(auto& o) {
    return std::tuple{field("flag", o.flag),     field("size", o.size),  field("beta", o.beta),   field("scale", o.scale),
                      field("name", o.name),     field("to", o.to),      field("color", o.color), field("axes", o.axes),
                      field("stride", o.stride), field("words", o.words)};
  }
};

std::string text_of(const Sample& s) { return print_fields(Sample::fields(s)); }
Status read(std::string_view text, Sample& s) { return parse_fields(text, Sample::fields(s)); }

bool same(const Sample& a, const Sample& b) { return equal_fields(Sample::fields(a), Sample::fields(b)); }

Sample example() {
  return {true, -3, 0.1, 0.1f, "a \"b\" \\ c, d]", DType::kBF16, Color::kDarkBlue, {1, -2, 3}, {4, 5}, {"", "x,y"}};
}

TEST(Fields, PrintAndParse) {
  const Sample s = example();
  EXPECT_EQ(text_of(s), R"(flag=true, size=-3, beta=0.1, scale=0.1, name="a \"b\" \\ c, d]", to=bf16, color=dark_blue, )"
                        R"(axes=[1,-2,3], stride=[4,5], words=["","x,y"])");
  Sample back{};
  const Status status = read(text_of(s), back);
  ASSERT_TRUE(status) << format(status.error());
  EXPECT_TRUE(same(s, back));
  EXPECT_EQ(text_of(back), text_of(s));
}

TEST(Fields, ExtremeNumbersSurvive) {
  Sample s;
  s.size = std::numeric_limits<int64_t>::min();
  s.beta = std::numeric_limits<double>::denorm_min();
  s.scale = std::numeric_limits<float>::infinity();
  Sample back{};
  ASSERT_TRUE(read(text_of(s), back));
  EXPECT_TRUE(same(s, back));
}

TEST(Fields, EachFieldCountsForEquality) {
  const Sample a = example();
  const auto differs = [&](auto change) {
    Sample b = a;
    change(b);
    return !same(a, b);
  };
  EXPECT_FALSE(differs([](Sample&) {}));
  EXPECT_TRUE(differs([](Sample& b) { b.flag = false; }));
  EXPECT_TRUE(differs([](Sample& b) { b.color = Color::kRed; }));
  EXPECT_TRUE(differs([](Sample& b) { b.stride[1] = 6; }));
  EXPECT_TRUE(differs([](Sample& b) { b.words.pop_back(); }));
}

// A good text with one piece exchanged, and what the error says of it.
struct Damage {
  const char* what;
  const char* from;
  const char* to;
  const char* message;
};
class FieldErrors : public testing::TestWithParam<Damage> {};

TEST_P(FieldErrors, SayWhatIsWrong) {
  std::string text = text_of(example());
  const Damage& d = GetParam();
  const size_t at = text.find(d.from);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, std::string(d.from).size(), d.to);
  Sample s;
  const Status status = read(text, s);
  ASSERT_FALSE(status) << text;
  EXPECT_EQ(status.error().code, Code::kGraph);
  EXPECT_NE(status.error().what.find(d.message), std::string::npos) << status.error().what;
}

INSTANTIATE_TEST_SUITE_P(All, FieldErrors,
                         testing::Values(Damage{"Missing", "size=-3, ", "", "field 'size' expected at 'beta=0.1"},
                                         Damage{"Unknown", "beta", "gamma", "field 'beta' expected at 'gamma=0.1"},
                                         Damage{"NoEquals", "size=", "size ", "'=' expected after 'size'"},
                                         Damage{"NotANumber", "-3", "x", "number expected, not 'x'"},
                                         Damage{"NumberWithATail", "-3", "-3x", "number expected, not '-3x'"},
                                         Damage{"TooLarge", "-3", "99999999999999999999", "number expected"},
                                         Damage{"NotABool", "true", "1", "true or false expected, not '1'"},
                                         Damage{"UnknownName", "dark_blue", "green", "unknown name 'green'"},
                                         Damage{"UnknownType", "bf16", "bf17", "unknown element type 'bf17'"},
                                         Damage{"NoList", "axes=[1", "axes=1", "'[' expected"},
                                         Damage{"UnclosedList", "\"x,y\"]", "\"x,y\"", "']' expected"},
                                         Damage{"ListTooLong", "[4,5]", "[4,5,6]", "2 values expected"},
                                         Damage{"ListTooShort", "[4,5]", "[4]", "2 values expected"},
                                         Damage{"UnclosedString", "\"x,y\"]", "\"x,y]", "'\"' expected"},
                                         Damage{"TextBehind", "\"x,y\"]", "\"x,y\"] more", "unexpected text 'more'"}),
                         [](const auto& p) { return p.param.what; });

TEST(Fields, NoFieldsTakeNoText) {
  EXPECT_TRUE(parse_fields("  ", std::tuple<>{}));
  EXPECT_FALSE(parse_fields("a=1", std::tuple<>{}));
}

TEST(Fields, EveryPrefixOfATextIsAnErrorAndEnds) {
  const std::string text = text_of(example());
  for (size_t n = 0; n < text.size(); ++n) {
    Sample s;
    EXPECT_FALSE(read(std::string_view(text).substr(0, n), s)) << text.substr(0, n);
  }
}

}  // namespace
}  // namespace atl
