#include "run/python.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

extern char** environ;

namespace atl {
namespace {

constexpr size_t kMaxOutput = 1 << 20;

struct Descriptor {
  int fd = -1;
  ~Descriptor() { reset(); }
  void reset() {
    if (fd >= 0) close(fd);
    fd = -1;
  }
};

// Reads until the end of the pipe; false on too much output or at the deadline.
bool read_all(int fd, std::chrono::steady_clock::time_point deadline, std::string& out) {
  while (true) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd p{fd, POLLIN, 0};
    int ready = left <= 0 ? 0 : poll(&p, 1, static_cast<int>(left));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    char chunk[4096];
    ssize_t n = read(fd, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n == 0;
    out.append(chunk, static_cast<size_t>(n));
    if (out.size() > kMaxOutput) return false;
  }
}

bool is_executable(const std::string& path) { return access(path.c_str(), X_OK) == 0; }

Result<pid_t> spawn(const std::string& python, const std::string& code, int out) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  std::string args[] = {python, "-B", "-c", code};
  char* argv[] = {args[0].data(), args[1].data(), args[2].data(), args[3].data(), nullptr};
  pid_t pid = 0;
  int code_of_spawn = posix_spawn(&pid, python.c_str(), &actions, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (code_of_spawn != 0) {
    return error(Code::kReference,
                 fmt::format("cannot start '{}': {}", python, std::generic_category().message(code_of_spawn)));
  }
  return pid;
}

}  // namespace

std::string find_python() {
  if (const char* named = std::getenv("ATOLL_PYTHON"); named != nullptr && *named != 0) return named;
  if (const char* venv = std::getenv("VIRTUAL_ENV"); venv != nullptr && *venv != 0) {
    std::string python = std::string(venv) + "/bin/python";
    if (is_executable(python)) return python;
  }
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  while (!rest.empty()) {
    size_t end = rest.find(':');
    std::string_view folder = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (folder.empty()) continue;
    std::string python = std::string(folder) + "/python3";
    if (is_executable(python)) return python;
  }
  return {};
}

Result<std::string> run_python(const std::string& python, const std::string& code, std::chrono::milliseconds limit) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return error(Code::kReference, "cannot open a pipe");
  Descriptor in{ends[0]}, out{ends[1]};
  TRY(pid_t pid, spawn(python, code, out.fd));
  out.reset();
  std::string text;
  bool complete = read_all(in.fd, std::chrono::steady_clock::now() + limit, text);
  if (!complete) kill(pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!complete) return error(Code::kReference, fmt::format("'{}' did not answer within {} ms", python, limit.count()));
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    int exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return error(Code::kReference, fmt::format("'{}' failed with status {}", python, exit_status));
  }
  return text;
}

Result<std::vector<PythonPackage>> find_python_packages(const std::string& python, std::span<const std::string> names) {
  std::string code =
      "import importlib.util as u, os\n"
      "def version(n):\n"
      "    try:\n"
      "        import importlib.metadata as m\n"
      "        return m.version(n)\n"
      "    except Exception:\n"
      "        return ''\n"
      "def show(n):\n"
      "    try:\n"
      "        s = u.find_spec(n)\n"
      "    except Exception:\n"
      "        s = None\n"
      "    f = '' if s is None else (list(s.submodule_search_locations or []) or [os.path.dirname(s.origin or '')])[0]\n"
      "    print(f, version(n.replace('_', '-')) if f else '', sep='\\t')\n";
  for (const std::string& n : names) code += fmt::format("show('{}')\n", n);
  TRY(std::string text, run_python(python, code));
  std::vector<PythonPackage> packages;
  std::string_view rest = text;
  while (packages.size() < names.size()) {
    size_t end = rest.find('\n'), tab = rest.find('\t');
    if (end == std::string_view::npos || tab > end) return error(Code::kReference, fmt::format("'{}' gave no answer", python));
    packages.push_back({std::string(rest.substr(0, tab)), std::string(rest.substr(tab + 1, end - tab - 1))});
    rest.remove_prefix(end + 1);
  }
  return packages;
}

}  // namespace atl
