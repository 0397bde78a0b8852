#include <atoll/convert.h>
#include <atoll/inspect.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace {

TEST(Library, ConvertsAndInspects) {
  const auto file = std::filesystem::path(testing::TempDir()) / "library_digits.tflite";
  atl::ConvertOptions options;
  options.verify = false;
  const auto converted = atl::convert(ATOLL_SOURCE_DIR "/demo/digits.pt2", file.string(), options);
  ASSERT_TRUE(converted) << atl::format(converted.error());
  const auto report = atl::inspect(file.string());
  ASSERT_TRUE(report) << atl::format(report.error());
  EXPECT_TRUE(std::filesystem::remove(file));
}

TEST(Library, GivesErrorsAsValues) {
  const auto converted = atl::convert("no_such_file.pt2", "never.tflite");
  ASSERT_FALSE(converted);
  EXPECT_FALSE(converted.error().is_bug());
  EXPECT_FALSE(std::filesystem::exists("never.tflite"));
}

}  // namespace
