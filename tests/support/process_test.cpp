#include "support/process.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

namespace atl {
namespace {

ProcessResult run(const std::vector<std::string>& argv, const ProcessOptions& options = {}) {
  auto r = run_process(argv, options);
  if (!r) {
    ADD_FAILURE() << format(r.error());
    return {};
  }
  return *r;
}

// True when a process that is no child of this one ends within two seconds.
bool ends(int id) {
  for (int i = 0; i < 200; ++i) {
    std::ifstream file("/proc/" + std::to_string(id) + "/stat");
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    if (text.empty() || text.find(") Z ") != text.npos) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

TEST(Process, CapturesBothStreamsAndTheStatus) {
  const ProcessResult r = run({"sh", "-c", "echo out; echo err >&2; exit 7"});
  EXPECT_EQ(r.out, "out\n");
  EXPECT_EQ(r.err, "err\n");
  EXPECT_EQ(r.status, 7);
  EXPECT_FALSE(r.succeeded());
  EXPECT_EQ(r.text(), "status 7");
}

TEST(Process, HasNoShell) {
  const ProcessResult r = run({"printf", "%s|%s", "a b", "$HOME; *"});
  EXPECT_EQ(r.out, "a b|$HOME; *");
  EXPECT_TRUE(r.succeeded());
}

TEST(Process, StdinIsEmpty) { EXPECT_EQ(run({"cat"}).out, ""); }

TEST(Process, SetsVariablesBesideTheInheritedOnes) {
  ProcessOptions options;
  options.environment = {{"ATOLL_TEST_VARIABLE", "17"}};
  EXPECT_EQ(run({"sh", "-c", "echo $ATOLL_TEST_VARIABLE ${PATH:+path}"}, options).out, "17 path\n");
}

TEST(Process, KillsAtTheLimit) {
  ProcessOptions options;
  options.limit = std::chrono::milliseconds(100);
  const auto start = std::chrono::steady_clock::now();
  const ProcessResult r = run({"sleep", "30"}, options);
  EXPECT_TRUE(r.timed_out);
  EXPECT_EQ(r.signal, 9);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

TEST(Process, KillsAChildThatClosedItsStreams) {
  ProcessOptions options;
  options.limit = std::chrono::milliseconds(200);
  EXPECT_TRUE(run({"sh", "-c", "exec >&- 2>&-; exec sleep 30"}, options).timed_out);
}

TEST(Process, RunsInAFolder) {
  ProcessOptions options;
  options.folder = "/usr";
  EXPECT_EQ(run({"pwd"}, options).out, "/usr\n");
}

// A grandchild holds the pipes open; without a group of its own it would live on after the child's death.
TEST(Process, KillsItsWholeGroup) {
  ProcessOptions options;
  options.own_group = true;
  options.limit = std::chrono::milliseconds(300);
  const auto start = std::chrono::steady_clock::now();
  const ProcessResult r = run({"sh", "-c", "sleep 60 & echo $!; sleep 60"}, options);
  EXPECT_TRUE(r.timed_out);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  EXPECT_TRUE(ends(std::stoi(r.out)));
}

// What a child leaves behind when it ends by itself ends with it.
TEST(Process, EndsWhatAChildLeavesBehind) {
  ProcessOptions options;
  options.own_group = true;
  const ProcessResult r = run({"sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $!"}, options);
  ASSERT_TRUE(r.succeeded());
  EXPECT_TRUE(ends(std::stoi(r.out)));
}

TEST(Process, CanBeCancelled) {
  ProcessOptions options;
  options.cancelled = [] { return true; };
  EXPECT_TRUE(run({"sleep", "30"}, options).cancelled);
}

TEST(Process, KeepsTheEndOfALongOutput) {
  ProcessOptions options;
  options.max_output = 1000;
  const ProcessResult r = run({"sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x; echo end"}, options);
  EXPECT_TRUE(r.succeeded());
  EXPECT_EQ(r.out.size(), 1000u);
  EXPECT_EQ(r.out.substr(996), "end\n");
}

TEST(Process, HandsOutWholeLines) {
  ProcessOptions options;
  std::vector<std::string> lines;
  options.on_line = [&](std::string_view l) { lines.emplace_back(l); };
  run({"sh", "-c", "printf 'one\\ntw'; sleep 0.05; printf 'o\\nrest'"}, options);
  EXPECT_EQ(lines, (std::vector<std::string>{"one", "two"}));
}

TEST(Process, AMissingProgramIsAnError) {
  const auto r = run_process({"/nowhere/python"});
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kReference);
  EXPECT_EQ(r.error().what, "cannot start '/nowhere/python': No such file or directory");
}

TEST(ScratchFolder, IsRemovedWithItsContents) {
  std::string path;
  {
    auto folder = ScratchFolder::create();
    ASSERT_TRUE(folder) << format(folder.error());
    path = folder->path();
    std::ofstream(folder->file("x")) << "text";
    EXPECT_TRUE(std::filesystem::exists(path + "/x"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace atl
