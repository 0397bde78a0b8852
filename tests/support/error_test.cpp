#include "support/error.h"

#include <gtest/gtest.h>

#include <set>

#include "support/result.h"

namespace atl {
namespace {

TEST(Error, FormatHasCodeOriginTrailAndHint) {
  const Error e = error(Code::kShape, "3 channels, 4 are needed", "change in_channels")
                      .in("while adding conv2d")
                      .in("pass canonicalize")
                      .at({.module_path = "net.conv",
                           .source_op = "aten.conv2d.default",
                           .file = "net.py",
                           .line = 12,
                           .text = "x = self.conv(x)"});
  EXPECT_EQ(format(e),
            "error[E202]: 3 channels, 4 are needed\n"
            "  --> net.conv  net.py:12  x = self.conv(x)  [aten.conv2d.default]\n"
            "  in: while adding conv2d\n"
            "  in: pass canonicalize\n"
            "  hint: change in_channels\n");
}

TEST(Error, FormatLeavesOutWhatIsNotKnown) {
  EXPECT_EQ(format(error(Code::kFileMissing, "x.pt2: no such file")), "error[E101]: x.pt2: no such file\n");
  EXPECT_EQ(format(error(Code::kShape, "bad").at({.module_path = "net"})), "error[E202]: bad\n  --> net\n");
}

TEST(Error, FormatCountsAndListsTheOthers) {
  Error e = error(Code::kUnsupportedOp, "aten.a.default has no LiteRT form");
  e.count = 3;
  e.others.push_back(error(Code::kUnsupportedOp, "aten.b.default has no LiteRT form", "write it otherwise"));
  EXPECT_EQ(format(e),
            "error[E301]: aten.a.default has no LiteRT form (3 places)\n"
            "error[E301]: aten.b.default has no LiteRT form\n"
            "  hint: write it otherwise\n");
}

TEST(Error, BugsSayWhereInAtollAndAskForAReport) {
  const std::string text = format(error(Code::kInternal, "no"));
  EXPECT_NE(text.find("this is a bug in Atoll"), std::string::npos);
  EXPECT_NE(text.find("error_test.cpp:"), std::string::npos) << text;
  EXPECT_TRUE(error(Code::kInternal, "").is_bug());
  EXPECT_FALSE(error(Code::kUsage, "").is_bug());
}

TEST(Error, TheClosestOriginStays) {
  const Error e = error(Code::kShape, "bad").at({.module_path = "inner"}).at({.module_path = "outer"});
  EXPECT_EQ(e.origin.module_path, "inner");
}

TEST(Error, EveryCodeHasANumberAndASentenceOfItsOwn) {
  std::set<int> numbers;
  std::set<std::string_view> sentences;
  for (const CodeFacts& c : all_codes()) {
    EXPECT_TRUE(numbers.insert(int(c.code)).second) << int(c.code);
    EXPECT_TRUE(sentences.insert(c.sentence).second) << c.sentence;
    EXPECT_GE(int(c.code), 100);
  }
  EXPECT_EQ(numbers.size(), all_codes().size());
  EXPECT_EQ(all_codes().front().code, Code::kFileMissing);
}

Result<int> half(int x) {
  if (x % 2) return error(Code::kArgument, fmt::format("{} is odd", x));
  return x / 2;
}
Result<std::string> quarter(int x) {
  TRY(const int h, half(x));
  TRY(const int q, half(h));
  return std::to_string(q);
}
Status check(int x) {
  CHECK_OP(C3, x > 0, "{} is not positive", x);
  TRY_STATUS(check(x - 10));
  return {};
}

TEST(Result, TryPassesErrorsOn) {
  EXPECT_EQ(*quarter(12), "3");
  const auto r = quarter(6);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().what, "3 is odd");
}

TEST(Result, ChecksEndWithTheirLabel) {
  const Status s = check(15);
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().code, Code::kShape);
  EXPECT_EQ(s.error().what, "-5 is not positive [C3]");
}

}  // namespace
}  // namespace atl
