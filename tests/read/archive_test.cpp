#include "read/archive.h"

#include <gtest/gtest.h>

#include "zip_builder.h"

namespace atl {
namespace {

Result<Archive> open_zip(std::string bytes) { return Archive::open(make_blob(std::move(bytes)), "x.pt2"); }

void expect_error(const std::string& bytes, Code code, const std::string& what) {
  const auto archive = open_zip(bytes);
  ASSERT_FALSE(archive) << what;
  EXPECT_EQ(archive.error().code, code) << archive.error().what;
  EXPECT_EQ(archive.error().what, what);
  EXPECT_FALSE(archive.error().hint.empty() && code != Code::kFileFormat);
}

TEST(Archive, StoredEntriesAreViews) {
  const Blob file = make_blob(build_zip({{.name = "top/a", .contents = "hello"}, {.name = "top/b/c.json", .contents = "{}"}}));
  const auto archive = Archive::open(file, "x.pt2");
  ASSERT_TRUE(archive) << archive.error().what;
  EXPECT_EQ(archive->top_folder(), "top");
  ASSERT_EQ(archive->entries().size(), 2u);
  ASSERT_TRUE(archive->find("a"));
  EXPECT_FALSE(archive->find("top/a"));
  const auto a = archive->read("a");
  ASSERT_TRUE(a);
  EXPECT_EQ(a->text(), "hello");
  EXPECT_GE(a->bytes.data(), file.bytes.data());
  EXPECT_LT(a->bytes.data(), file.bytes.data() + file.bytes.size());
  EXPECT_EQ(a->bytes.data() + 5 + a->slack, file.bytes.data() + file.bytes.size());
  EXPECT_EQ(archive->read("b/c.json")->text(), "{}");
}

TEST(Archive, ViewsOutliveTheArchive) {
  Blob view;
  {
    const auto archive = open_zip(build_zip({{.name = "a", .contents = "hello"}}));
    ASSERT_TRUE(archive);
    view = *archive->read("a");
  }
  EXPECT_EQ(view.text(), "hello");
}

TEST(Archive, NoTopFolderUnlessAllShareIt) {
  const auto archive = open_zip(build_zip({{.name = "top/a", .contents = "1"}, {.name = "b", .contents = "2"}}));
  ASSERT_TRUE(archive);
  EXPECT_EQ(archive->top_folder(), "");
  EXPECT_TRUE(archive->find("top/a"));
}

TEST(Archive, DeflatedAndZip64AndFolders) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += std::to_string(i * i);
  const auto archive = open_zip(build_zip({{.name = "top/", .contents = ""},
                                           {.name = "top/text", .contents = text, .deflate = true},
                                           {.name = "top/none", .contents = "", .deflate = true},
                                           {.name = "top/big", .contents = "64", .zip64 = true}},
                                          true));
  ASSERT_TRUE(archive) << archive.error().what;
  EXPECT_EQ(archive->entries().size(), 3u);
  EXPECT_EQ(archive->read("text")->text(), text);
  EXPECT_EQ(archive->read("none")->text(), "");
  EXPECT_EQ(archive->read("big")->text(), "64");
}

TEST(Archive, CommentAtTheEnd) {
  std::string bytes = build_zip({{.name = "a", .contents = "hello"}});
  bytes[bytes.size() - 2] = 7;
  const auto archive = open_zip(bytes + "PK\x05\x06zip");
  ASSERT_TRUE(archive) << archive.error().what;
  EXPECT_EQ(archive->read("a")->text(), "hello");
}

TEST(Archive, NotAZip) {
  expect_error("hello, world", Code::kFileFormat, "'x.pt2' is not a zip archive");
  expect_error(std::string(1000, 'x'), Code::kFileFormat, "'x.pt2' is not a zip archive");
}

TEST(Archive, EveryTruncationIsAnError) {
  const std::string bytes =
      build_zip({{.name = "top/a", .contents = "hello"}, {.name = "top/b", .contents = "world", .deflate = true}}, true);
  for (size_t size = 0; size < bytes.size(); ++size) {
    const auto archive = open_zip(bytes.substr(0, size));
    ASSERT_FALSE(archive) << size;
    EXPECT_EQ(archive.error().code, size < 4 ? Code::kFileFormat : Code::kFileTruncated) << size;
  }
  expect_error(bytes.substr(0, 100), Code::kFileTruncated, "the archive 'x.pt2' ends after 100 bytes, before its directory");
}

TEST(Archive, NamesThatLeaveTheArchive) {
  const auto with_name = [](std::string name) { return build_zip({{.name = std::move(name), .contents = "x"}}); };
  expect_error(with_name("/etc/passwd"), Code::kArchive,
               "the archive 'x.pt2' has an entry with an absolute path, '/etc/passwd'");
  expect_error(with_name("C:\\x"), Code::kArchive, "the archive 'x.pt2' has an entry with an absolute path, 'C:\\x'");
  expect_error(with_name("top/../../x"), Code::kArchive,
               "the archive 'x.pt2' has an entry whose path leaves the archive, 'top/../../x'");
  expect_error(with_name("top\\..\\x"), Code::kArchive,
               "the archive 'x.pt2' has an entry whose path leaves the archive, 'top\\..\\x'");
  expect_error(with_name(".."), Code::kArchive, "the archive 'x.pt2' has an entry whose path leaves the archive, '..'");
  expect_error(with_name(std::string("a\0b", 3)), Code::kArchive,
               "the archive 'x.pt2' has an entry whose name holds a zero byte");
  EXPECT_TRUE(open_zip(with_name("a..b/.data/x..")));
}

TEST(Archive, DuplicateNames) {
  expect_error(build_zip({{.name = "top/a", .contents = "1"}, {.name = "top/a", .contents = "2"}}), Code::kArchive,
               "the archive 'x.pt2' has two entries 'a'");
}

TEST(Archive, SizesThatLie) {
  expect_error(build_zip({{.name = "a", .contents = "hello", .directory_size = 6}}), Code::kArchive,
               "entry 'a' of the archive 'x.pt2' has another size in its header");
  // With sizes behind the data (flag 8), as torch writes them, only the directory knows the size.
  expect_error(build_zip({{.name = "a", .contents = "hello", .directory_size = 600, .flags = 8}}), Code::kArchive,
               "entry 'a' of the archive 'x.pt2' has 600 bytes at 31, beyond the data's end at 36");
  expect_error(build_zip({{.name = "a", .contents = "hello", .directory_size = 0x7FFFFFFFFFFFFFF0, .flags = 8, .zip64 = true}}),
               Code::kArchive,
               "entry 'a' of the archive 'x.pt2' has 9223372036854775792 bytes at 31, beyond the data's end at 36");
}

TEST(Archive, OverlappingEntries) {
  expect_error(
      build_zip({{.name = "a", .contents = "hello", .directory_size = 20, .flags = 8}, {.name = "b", .contents = "world"}}),
      Code::kArchive, "entry 'b' of the archive 'x.pt2' overlaps entry 'a'");
  expect_error(build_zip({{.name = "a", .contents = "hello"},
                          {.name = "b", .contents = "world", .header_offset = 0, .header_name = "b"}}),
               Code::kArchive, "entry 'b' of the archive 'x.pt2' has another name in its header");
}

TEST(Archive, HeadersThatLie) {
  expect_error(build_zip({{.name = "a", .contents = "hello", .header_name = "b"}}), Code::kArchive,
               "entry 'a' of the archive 'x.pt2' has another name in its header");
  expect_error(build_zip({{.name = "a", .contents = "hello", .header_offset = 3}}), Code::kArchive,
               "entry 'a' of the archive 'x.pt2' has no header at 3");
  expect_error(build_zip({{.name = "a", .contents = "hello", .header_offset = 4000000000}}), Code::kArchive,
               "entry 'a' of the archive 'x.pt2' lies beyond the file's data, at 4000000000");
  expect_error(build_zip({{.name = "a", .contents = "hello", .flags = 1}}), Code::kArchive,
               "entry 'a' of the archive 'x.pt2' is encrypted");
  expect_error(build_zip({{.name = "a", .contents = "hello", .method = 12}}), Code::kArchive,
               "entry 'a' of the archive 'x.pt2' uses compression method 12");
  expect_error(build_zip({{.name = "a", .contents = "hello", .inflated_size = 4}}), Code::kArchive,
               "entry 'a' of the archive 'x.pt2' is stored, but its sizes differ: 5 and 4 bytes");
}

TEST(Archive, DirectoryThatLies) {
  std::string bytes = build_zip({{.name = "a", .contents = "hello"}});
  const size_t end = bytes.size() - 22;
  std::string more = bytes;
  more[end + 10] = 2;
  expect_error(more, Code::kArchive,
               "the archive 'x.pt2' says that it has 2 entries, more than its directory of 47 bytes can hold");
  std::string fewer = bytes;
  fewer[end + 10] = 0;
  expect_error(fewer, Code::kArchive, "the archive 'x.pt2' has more directory than entries");
  std::string moved = bytes;
  moved[end + 16] = 35;
  expect_error(moved, Code::kArchive, "the archive 'x.pt2' says that its directory is at 35 with 47 bytes, but it ends at 83");
  std::string split = bytes;
  split[end + 4] = 1;
  expect_error(split, Code::kArchive, "the archive 'x.pt2' is one part of an archive that was split into several files");
  std::string broken = bytes;
  broken[36] = 'Q';
  expect_error(broken, Code::kArchive, "the archive 'x.pt2' has a damaged directory at byte 36");
}

TEST(Archive, Bombs) {
  const std::string zeros(100000, '\0');
  expect_error(
      build_zip({{.name = "a", .contents = zeros, .deflate = true, .inflated_size = 2000000000}}), Code::kArchive,
      fmt::format("entry 'a' of the archive 'x.pt2' claims to grow from {} to 2000000000 bytes", deflated(zeros).size()));
  const std::string bomb(size_t{65} << 20, '\0');
  expect_error(
      build_zip({{.name = "a", .contents = bomb, .deflate = true}}), Code::kArchive,
      fmt::format("entry 'a' of the archive 'x.pt2' claims to grow from {} to {} bytes", deflated(bomb).size(), bomb.size()));
  for (const int64_t size : {99999, 100001}) {
    const auto archive = open_zip(build_zip({{.name = "a", .contents = zeros, .deflate = true, .inflated_size = size}}));
    ASSERT_TRUE(archive) << archive.error().what;
    const auto blob = archive->read("a");
    ASSERT_FALSE(blob);
    EXPECT_EQ(blob.error().what, fmt::format("entry 'a' of the archive 'x.pt2' does not inflate to its {} bytes", size));
  }
}

TEST(Archive, Checksums) {
  const auto archive = open_zip(build_zip({{.name = "a", .contents = "hello", .crc = 0x12345678}}));
  ASSERT_TRUE(archive);
  const auto blob = archive->read("a");
  ASSERT_FALSE(blob);
  EXPECT_EQ(blob.error().code, Code::kArchive);
  EXPECT_EQ(blob.error().what, "entry 'a' of the archive 'x.pt2' is damaged: its checksum is 3610a686 instead of 12345678");
  EXPECT_TRUE(archive->view(*archive->find("a")));
  EXPECT_EQ(archive->read("none").error().what, "the archive 'x.pt2' has no entry 'none'");
}

TEST(Archive, RealArchive) {
  const std::string bytes = read_whole_file(fixture("nested.pt2"));
  const auto archive = open_zip(bytes);
  ASSERT_TRUE(archive) << archive.error().what;
  EXPECT_EQ(archive->top_folder(), "nested");
  EXPECT_EQ(archive->read("archive_format")->text(), "pt2");
  for (const auto& entry : archive->entries()) EXPECT_TRUE(archive->read(entry)) << entry.name;
}

}  // namespace
}  // namespace atl
