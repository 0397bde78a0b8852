#include "support/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace atl {
namespace {

class MappedFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/atoll_mapped_XXXXXX";
    folder_ = ::mkdtemp(pattern);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, const std::string& contents) {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << contents;
    return folder_ + "/" + name;
  }
  std::string folder_;
};

TEST_F(MappedFileTest, HoldsTheBytes) {
  const std::string contents = std::string("abc\0def", 7);
  const auto file = MappedFile::open(write("x.bin", contents));
  ASSERT_TRUE(file) << file.error().what;
  const auto bytes = (*file)->bytes();
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()), contents);
  EXPECT_EQ((*file)->path(), folder_ + "/x.bin");
}

TEST_F(MappedFileTest, ViewsOutliveTheName) {
  const auto path = write("x.bin", std::string(100000, 'q'));
  const auto file = MappedFile::open(path);
  ASSERT_TRUE(file);
  std::filesystem::remove(path);
  EXPECT_EQ((*file)->bytes()[99999], std::byte{'q'});
}

TEST_F(MappedFileTest, AdviceKeepsTheBytes) {
  const auto file = MappedFile::open(write("x.bin", std::string(50000, 'q')));
  ASSERT_TRUE(file);
  const auto part = (*file)->bytes().subspan(17, 30001);
  advise_sequential(part);
  advise_will_need(part);
  advise_dont_need(part);
  advise_dont_need({});
  for (size_t i = 0; i < 50000; i += 999) EXPECT_EQ((*file)->bytes()[i], std::byte{'q'});
}

TEST_F(MappedFileTest, MissingFile) {
  const auto file = MappedFile::open(folder_ + "/none.pt2");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Code::kFileMissing);
  EXPECT_EQ(file.error().what, "there is no file '" + folder_ + "/none.pt2'");
}

TEST_F(MappedFileTest, Directory) {
  const auto file = MappedFile::open(folder_);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Code::kFileFormat);
  EXPECT_EQ(file.error().what, "'" + folder_ + "' is a directory, not a file");
}

TEST_F(MappedFileTest, EmptyFile) {
  const auto file = MappedFile::open(write("empty.pt2", ""));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Code::kFileFormat);
  EXPECT_EQ(file.error().what, "'" + folder_ + "/empty.pt2' is empty");
}

TEST_F(MappedFileTest, PipeAndDeviceDoNotWait) {
  const std::string pipe = folder_ + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const auto file = MappedFile::open(pipe);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().what, "'" + pipe + "' is a pipe, not a file");
  const auto device = MappedFile::open("/dev/null");
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().what, "'/dev/null' is a device, not a file");
}

TEST_F(MappedFileTest, UnreadableFile) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  const auto path = write("secret.pt2", "x");
  ::chmod(path.c_str(), 0);
  const auto file = MappedFile::open(path);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Code::kFileMissing);
  EXPECT_EQ(file.error().what, "cannot open '" + path + "': Permission denied");
}

}  // namespace
}  // namespace atl
