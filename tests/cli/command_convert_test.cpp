#include <sys/resource.h>

#include "command_line.h"

namespace atl::cli {
namespace {

using nlohmann::json;

const std::string kDigits = source_file("demo/digits.pt2");

TEST_F(CommandLineTest, ConvertReportsAsJson) {
  const Answer a = run({"convert", kDigits, "-o", "d.tflite", "--json"});
  ASSERT_EQ(a.exit_code, 0) << a.err;
  const json j = json::parse(a.out, nullptr, false);
  ASSERT_TRUE(j.is_object()) << a.out;
  EXPECT_EQ(j["inputs"][0]["type"], "f32[1,1,8,8]");
  EXPECT_EQ(j["outputs"][0]["type"], "f32[1,10]");
  EXPECT_EQ(j["bytes"], std::filesystem::file_size(path("d.tflite")));
  EXPECT_EQ(j["proof"]["verdict"], has_litert() ? "proven" : "not run");
  EXPECT_EQ(names(), std::vector<std::string>{"d.tflite"});
}

TEST_F(CommandLineTest, AnInputWithoutElementsIsWarnedOf) {
  const Answer a = run({"convert", source_file("tests/read/fixtures/empty_input.pt2"), "-o", "e.tflite", "--json"});
  ASSERT_EQ(a.exit_code, 0) << a.err;
  const json j = json::parse(a.out, nullptr, false);
  ASSERT_TRUE(j.is_object()) << a.out;
  EXPECT_EQ(j["proof"]["verdict"], "not run");
  EXPECT_EQ(j["warnings"], json::array({"input 'x' (f32[0,3]) has no elements: LiteRT's C API does not run the file, nor does "
                                        "`atoll run`; export with an example that has some"}));
}

TEST_F(CommandLineTest, ConvertGivesTheSameBytes) {
  ASSERT_EQ(run({"convert", kDigits, "-o", "a.tflite", "--quiet"}).out, "");
  ASSERT_EQ(run({"convert", kDigits, "-o", "b.tflite", "--quiet"}).exit_code, 0);
  EXPECT_GT(read("a.tflite").size(), 50'000u);
  EXPECT_EQ(read("a.tflite"), read("b.tflite"));
}

TEST_F(CommandLineTest, AFailedConversionLeavesTheOutputAsItWas) {
  write("old.tflite", "what was there");
  write("broken.pt2", "PK\x03\x04 this is no archive");
  const Answer a = run({"convert", "broken.pt2", "-o", "old.tflite"});
  EXPECT_EQ(a.exit_code, 1);
  EXPECT_TRUE(a.err.starts_with("error[E")) << a.err;
  EXPECT_EQ(read("old.tflite"), "what was there");
  EXPECT_EQ(names().size(), 2u);
}

TEST_F(CommandLineTest, ATextFileIsNoProgram) {
  write("notes.pt2", "not a model\n");
  const Answer a = run({"convert", "notes.pt2", "-o", "out.tflite"});
  EXPECT_EQ(a.exit_code, 1);
  EXPECT_EQ(a.err,
            "error[E102]: 'notes.pt2' is a text file, not an exported program\n"
            "  hint: give a .pt2 file: torch.export.save(torch.export.export(model, args), \"model.pt2\")\n");
  EXPECT_EQ(names(), std::vector<std::string>{"notes.pt2"});
}

TEST_F(CommandLineTest, OutputsThatCannotBeWritten) {
  std::filesystem::create_directory(path("folder"));
  Answer a = run({"convert", kDigits, "-o", "folder"});
  EXPECT_EQ(a.exit_code, 1);
  EXPECT_EQ(a.err, "error[E109]: cannot write 'folder': it is not a regular file\n  hint: name a file with -o\n");
  a = run({"convert", kDigits, "-o", "nowhere/out.tflite"});
  EXPECT_EQ(a.exit_code, 1);
  EXPECT_TRUE(a.err.starts_with("error[E109]: cannot write 'nowhere/out.tflite': ")) << a.err;
  a = run({"run", kDigits, "-o", "folder"});
  EXPECT_EQ(a.exit_code, 1);
  EXPECT_EQ(names(), std::vector<std::string>{"folder"});
  EXPECT_TRUE(std::filesystem::is_empty(path("folder")));
}

TEST_F(CommandLineTest, TheOutputIsNeverTheSource) {
  std::filesystem::copy(kDigits, path("d.pt2"));
  std::filesystem::create_symlink("d.pt2", path("link.tflite"));
  std::filesystem::create_hard_link(path("d.pt2"), path("hard.tflite"));
  for (const std::string name : {"d.pt2", "./d.pt2", "link.tflite", "hard.tflite"}) {
    const Answer a = run({"convert", "d.pt2", "-o", name});
    EXPECT_EQ(a.exit_code, 1);
    EXPECT_EQ(a.err, "error[E109]: cannot write '" + name + "': it is the source program\n  hint: name another file with -o\n");
  }
  std::ifstream original(kDigits, std::ios::binary);
  EXPECT_EQ(read("d.pt2"), std::string(std::istreambuf_iterator<char>(original), {}));
}

TEST_F(CommandLineTest, OutputNamesThatCannotBe) {
  Answer a = run({"convert", kDigits, "-o", ""});
  EXPECT_EQ(a.exit_code, 1);
  EXPECT_EQ(a.err, "error[E109]: cannot write '': No such file or directory\n  hint: give a file name\n");
  a = run({"convert", kDigits, "-o", "no/where/x.tflite"});
  EXPECT_EQ(a.err,
            "error[E109]: cannot write 'no/where/x.tflite': No such file or directory\n"
            "  hint: create the folder first: mkdir -p 'no/where'\n");
  a = run({"convert", kDigits, "-o", "/proc/x.tflite"});
  EXPECT_EQ(a.err,
            "error[E109]: cannot write '/proc/x.tflite': No such file or directory\n"
            "  hint: choose a folder that you may write to\n");
}

// A limit on file sizes stops the writing half way, as a full disk does.
TEST_F(CommandLineTest, ADiskThatIsFull) {
  write("old.tflite", "what was there");
  rlimit before{}, small{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  small = before;
  small.rlim_cur = 20'000;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const Answer a = run({"convert", kDigits, "-o", "old.tflite"});
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(a.exit_code, 1);
  EXPECT_EQ(a.err,
            "error[E109]: cannot write 'old.tflite': File too large\n"
            "  hint: raise the limit on file sizes (ulimit -f), or write to another disk\n");
  EXPECT_EQ(read("old.tflite"), "what was there");
  EXPECT_EQ(names(), std::vector<std::string>{"old.tflite"});
}

TEST_F(CommandLineTest, AFolderThatMayNotBeWritten) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  std::filesystem::create_directory(path("locked"));
  std::filesystem::permissions(path("locked"), std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  const Answer a = run({"convert", kDigits, "-o", "locked/out.tflite"});
  std::filesystem::permissions(path("locked"), std::filesystem::perms::owner_all);
  EXPECT_EQ(a.exit_code, 1);
  EXPECT_EQ(
      a.err,
      "error[E109]: cannot write 'locked/out.tflite': Permission denied\n  hint: choose a folder that you may write to\n");
}

TEST_F(CommandLineTest, WithoutLiteRtTheResultIsNotProven) {
  const Answer a = run({"convert", kDigits, "-o", "d.tflite", "--json"}, {"ATOLL_LITERT=" + path("nothing").string()});
  ASSERT_EQ(a.exit_code, 0) << a.err;
  const json j = json::parse(a.out, nullptr, false);
  EXPECT_EQ(j["proof"]["verdict"], "not run");
  EXPECT_NE(j["proof"]["reason"].get<std::string>(), "");
  EXPECT_TRUE(std::filesystem::exists(path("d.tflite")));
}

}  // namespace
}  // namespace atl::cli
