// The Debian packages: what they hold, that dpkg takes them, and that what they hold runs.
#include <nlohmann/json.hpp>

#include "board_files.h"

namespace atl::board {
namespace {

using nlohmann::json;

/// Each test has the package of one architecture unpacked in a scratch root.
class DebTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    auto scratch = ScratchFolder::create();
    ASSERT_TRUE(scratch);
    scratch_ = std::make_unique<ScratchFolder>(std::move(*scratch));
    deb_ = package(std::string("_") + GetParam() + ".deb");
    ASSERT_TRUE(execute({"dpkg-deb", "-x", deb_.string(), root()}).succeeded());
  }
  std::string root() const { return scratch_->path(); }
  bool is_arm() const { return std::string_view(GetParam()) == "arm64"; }
  std::string field(const std::string& name) const { return execute({"dpkg-deb", "-f", deb_.string(), name}).out; }
  ProcessResult atoll(std::vector<std::string> args) const {
    std::vector<std::string> command;
    if (is_arm()) command = {"qemu-aarch64-static", "-cpu", "cortex-a53", "-L", arm_root().string()};
    command.push_back(root() + "/usr/bin/atoll");
    command.insert(command.end(), args.begin(), args.end());
    return execute(command, {{"ATOLL_LITERT", ""}});
  }
  std::unique_ptr<ScratchFolder> scratch_;
  fs::path deb_;
};

TEST_P(DebTest, HoldsTheToolItsManualTheRuleAndLiteRt) {
  const std::string list = execute({"dpkg-deb", "-c", deb_.string()}).out;
  for (const char* file : {"-rwxr-xr-x root/root", "./usr/bin/atoll\n", "./usr/lib/atoll/libLiteRt.so\n",
                           "./usr/lib/atoll/ai_edge_litert-2.3.0.dist-info/METADATA\n", "./lib/udev/rules.d/60-edgetpu.rules\n",
                           "./usr/share/man/man1/atoll.1.gz\n", "./usr/share/man/man1/atoll-convert.1.gz\n",
                           "./usr/share/man/man1/atoll-doctor.1.gz\n", "./usr/share/doc/atoll/copyright\n",
                           "./usr/share/doc/atoll/changelog.gz\n", "./usr/share/doc/atoll/board.md\n"})
    EXPECT_NE(list.find(file), std::string::npos) << file << " is not in\n" << list;
  for (size_t at = 0, end = 0; at < list.size(); at = end + 1) {
    end = list.find('\n', at);
    const std::string line = list.substr(at, end - at);
    EXPECT_NE(line.find(" root/root "), std::string::npos) << line;
    EXPECT_TRUE(line.starts_with("drwxr-xr-x") || line.starts_with("-rw-r--r--") || line.starts_with("-rwxr-xr-x")) << line;
  }
  const std::string rule = text_of(root() + "/lib/udev/rules.d/60-edgetpu.rules");
  for (const char* part : {R"(ATTR{idVendor}=="1a6e", ATTR{idProduct}=="089a")",
                           R"(ATTR{idVendor}=="18d1", ATTR{idProduct}=="9302")", R"(SUBSYSTEM=="apex", GROUP="apex")"})
    EXPECT_NE(rule.find(part), std::string::npos) << part;
}

TEST_P(DebTest, NamesWhatItNeeds) {
  EXPECT_EQ(field("Architecture"), std::string(GetParam()) + "\n");
  const std::string depends = field("Depends");
  for (const char* name : {"libc6 (>= ", "libstdc++6 (>= ", "libfmt9 (>= ", "libsimdjson14 (>= ", "libpng16-16 (>= ",
                           "libjemalloc2 (>= ", "libssl3 (>= ", "libturbojpeg0 (>= ", "zlib1g (>= ", "adduser"})
    EXPECT_NE(depends.find(name), std::string::npos) << name << " is not in " << depends;
  EXPECT_EQ(depends.find(":arm64"), std::string::npos) << depends;
  const std::string file = execute({"file", "-b", root() + "/usr/bin/atoll"}).out;
  EXPECT_NE(file.find(is_arm() ? "ARM aarch64" : "x86-64"), std::string::npos) << file;
  EXPECT_NE(file.find(", stripped"), std::string::npos) << file;
}

TEST_P(DebTest, HasAPageForEveryCommand) {
  const std::string help = atoll({"--help"}).out;
  const size_t begin = help.find("Subcommands:\n");
  ASSERT_NE(begin, std::string::npos);
  int commands = 0;
  for (size_t at = begin + 13; help.compare(at, 2, "  ") == 0; at = help.find('\n', at) + 1) {
    if (help[at + 2] == ' ') continue;  // a summary goes on
    const std::string name = help.substr(at + 2, help.find(' ', at + 2) - at - 2);
    const ProcessResult page = execute({"zcat", root() + "/usr/share/man/man1/atoll-" + name + ".1.gz"});
    EXPECT_NE(page.out.find(".SH SYNOPSIS"), std::string::npos) << name;
    EXPECT_NE(page.out.find("\natoll-" + name + " \\- "), std::string::npos) << name;
    EXPECT_NE(page.out.find("$ atoll " + name), std::string::npos) << "no examples in the page of " << name;
    ++commands;
  }
  EXPECT_GE(commands, 11);
}

TEST_P(DebTest, IsTakenByDpkg) {
  const std::string other = scratch_->file("system");
  fs::create_directories(other + "/var/lib/dpkg/info");
  fs::create_directories(other + "/var/lib/dpkg/updates");
  std::ofstream(other + "/var/lib/dpkg/status").flush();
  const ProcessResult unpacked = execute({"dpkg", "--root=" + other, "--force-depends", "--force-architecture",
                                          "--force-not-root", "--force-bad-path", "--unpack", deb_.string()});
  ASSERT_TRUE(unpacked.succeeded()) << unpacked.err;
  EXPECT_TRUE(fs::exists(other + "/usr/bin/atoll"));
  EXPECT_EQ(execute({"dpkg", "--root=" + other, "--verify", "atoll"}).out, "");
}

TEST_P(DebTest, MakesTheGroupsThatTheRuleNames) {
  ASSERT_TRUE(execute({"dpkg-deb", "-e", deb_.string(), scratch_->file("control")}).succeeded());
  const std::string tools = scratch_->file("tools"), log = scratch_->file("log");
  fs::create_directories(tools);
  std::ofstream(tools + "/getent") << "#!/bin/sh\n[ \"$2\" = plugdev ]\n";  // this system has plugdev
  std::ofstream(tools + "/addgroup") << "#!/bin/sh\necho \"$@\" >> " << log << "\n";
  std::ofstream(tools + "/udevadm") << "#!/bin/sh\n";
  for (const char* tool : {"/getent", "/addgroup", "/udevadm"}) fs::permissions(tools + tool, fs::perms::owner_all);
  const std::string path = tools + ":/usr/bin:/bin", script = scratch_->file("control/postinst");
  const ProcessResult done = execute({"sh", script, "configure"}, {{"PATH", path}});
  EXPECT_TRUE(done.succeeded()) << done.err;
  EXPECT_EQ(text_of(log), "--quiet --system apex\n");
}

TEST_P(DebTest, RunsWithoutPython) {
  EXPECT_EQ(atoll({"--version"}).out, "atoll 0.1.0\n");
  const ProcessResult doctor = atoll({"doctor", "--json"});
  ASSERT_TRUE(doctor.succeeded()) << doctor.out << doctor.err;
  const json report = json::parse(doctor.out);
  EXPECT_EQ(report["good"], true);
  bool found = false;
  for (const json& f : report["findings"])
    if (f["name"] == "LiteRT") {
      found = true;
      EXPECT_EQ(f["status"], "ok") << f;
      EXPECT_NE(f["detail"].get<std::string>().find("beside the program"), std::string::npos) << f;
    }
  EXPECT_TRUE(found) << doctor.out;
  const std::string model = std::string(ATOLL_SOURCE_DIR) + "/tests/run/data/quantized.tflite";
  EXPECT_TRUE(atoll({"run", model, "--random", "1"}).succeeded());
}

INSTANTIATE_TEST_SUITE_P(Architectures, DebTest, testing::Values("amd64", "arm64"), [](const auto& i) { return i.param; });

}  // namespace
}  // namespace atl::board
