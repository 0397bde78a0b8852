// What the tests of the command line share: runs of the binary with its streams in pipes, and a folder of their own.
#pragma once
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

extern char** environ;

namespace atl::cli {

struct Answer {
  int exit_code = -1;
  std::string out, err;
};

/// What is tested: the binary of this build, or what ATOLL_TESTED names (one for another machine, started through QEMU).
inline std::string binary() {
  const char* other = std::getenv("ATOLL_TESTED");
  return other ? other : ATOLL_BINARY;
}

/// A stand-in of tests/stand_in; ATOLL_TESTED_STAND_INS is the folder of those for the other machine.
inline std::string stand_in(const std::string& file) {
  const char* other = std::getenv("ATOLL_TESTED_STAND_INS");
  return std::string(other ? other : ATOLL_STAND_INS) + "/" + file;
}

inline std::string source_file(const std::string& path) { return std::string(ATOLL_SOURCE_DIR) + "/" + path; }

/// Reads both pipes until the child has closed them.
inline void read_pipes(int out, int err, Answer& answer) {
  std::array<pollfd, 2> fds = {pollfd{out, POLLIN, 0}, pollfd{err, POLLIN, 0}};
  std::array<std::string*, 2> texts = {&answer.out, &answer.err};
  for (int open = 2; open > 0;) {
    if (poll(fds.data(), fds.size(), -1) < 0) return;
    for (size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].revents == 0) continue;
      std::array<char, 4096> chunk;
      const ssize_t n = read(fds[i].fd, chunk.data(), chunk.size());
      if (n > 0) {
        texts[i]->append(chunk.data(), size_t(n));
        continue;
      }
      fds[i].fd = -1;
      --open;
    }
  }
}

/// Runs the binary in `folder` (empty: where the test runs) with `environment` ("NAME=value") besides the inherited variables.
inline Answer atoll(std::vector<std::string> args, const std::vector<std::string>& environment = {},
                    const std::string& folder = {}) {
  Answer answer;
  int out[2], err[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) {
    ADD_FAILURE() << "no pipe";
    return answer;
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  posix_spawn_file_actions_adddup2(&actions, err[1], 2);
  if (!folder.empty()) posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  args.insert(args.begin(), binary());
  std::vector<char*> argv, env;
  for (std::string& a : args) argv.push_back(a.data());
  argv.push_back(nullptr);
  std::vector<std::string> variables = environment;
  for (char** e = environ; *e; ++e) {
    const std::string name = std::string(*e).substr(0, std::string(*e).find('=') + 1);
    bool replaced = false;
    for (const std::string& v : environment) replaced |= v.starts_with(name);
    if (!replaced) variables.emplace_back(*e);
  }
  for (std::string& v : variables) env.push_back(v.data());
  env.push_back(nullptr);
  pid_t pid = 0;
  const int failed = posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), env.data());
  posix_spawn_file_actions_destroy(&actions);
  close(out[1]);
  close(err[1]);
  if (failed == 0) {
    read_pipes(out[0], err[0], answer);
    int status = 0;
    waitpid(pid, &status, 0);
    answer.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  } else {
    ADD_FAILURE() << "cannot start " << args[0];
  }
  close(out[0]);
  close(err[0]);
  return answer;
}

/// A test with an empty folder, where the binary runs.
class CommandLineTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "atoll_cli_XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  Answer run(std::vector<std::string> args, const std::vector<std::string>& environment = {}) const {
    return atoll(std::move(args), environment, folder_.string());
  }
  std::filesystem::path path(const std::string& name) const { return folder_ / name; }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path(name), std::ios::binary) << text; }
  std::string read(const std::string& name) const {
    std::ifstream file(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) out.push_back(entry.path().filename().string());
    return out;
  }
  /// Tests that run a model are skipped without.
  static bool has_litert() {
    static const bool found = atoll({"doctor"}).exit_code == 0;
    return found;
  }

  std::filesystem::path folder_;
};

}  // namespace atl::cli
