#include "support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

extern char** environ;

namespace atl {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPollMilliseconds = 200;

struct Descriptor {
  int fd = -1;
  Descriptor() = default;
  explicit Descriptor(int f) : fd(f) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { reset(); }
  void reset() {
    if (fd >= 0) close(fd);
    fd = -1;
  }
};

struct Pipe {
  Descriptor in, out;
  bool open() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    in.fd = ends[0];
    out.fd = ends[1];
    return true;
  }
};

std::vector<std::string> environment_with(const std::vector<std::pair<std::string, std::string>>& more) {
  std::vector<std::string> all;
  for (char** e = environ; e && *e; ++e) {
    const std::string_view entry = *e;
    const std::string_view key = entry.substr(0, entry.find('='));
    if (std::none_of(more.begin(), more.end(), [&](const auto& m) { return m.first == key; })) all.emplace_back(entry);
  }
  for (const auto& [key, value] : more) all.emplace_back(key).append("=").append(value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (std::string& s : strings) out.push_back(s.data());
  out.push_back(nullptr);
  return out;
}

Result<pid_t> spawn(const std::vector<std::string>& argv, const ProcessOptions& options, int out, int err) {
  if (argv.empty() || argv[0].empty()) return error(Code::kReference, "no program is named");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_adddup2(&actions, err, 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  if (options.own_group) posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);  // to group 0: a new one
  if (!options.folder.empty()) posix_spawn_file_actions_addchdir_np(&actions, options.folder.c_str());
  std::vector<std::string> arguments = argv, environment = environment_with(options.environment);
  const std::vector<char*> argument_list = pointers(arguments), environment_list = pointers(environment);
  pid_t pid = 0;
  const int code = posix_spawnp(&pid, argv[0].c_str(), &actions, &attributes, argument_list.data(), environment_list.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (code != 0)
    return error(Code::kReference, fmt::format("cannot start '{}': {}", argv[0], std::generic_category().message(code)));
  return pid;
}

// One of the child's streams: keeps its end, hands out whole lines.
struct Stream {
  int fd;
  std::string& kept;
  size_t limit;
  const std::function<void(std::string_view)>* on_line = nullptr;
  std::string line = {};
  bool open = true;

  void take(std::string_view text) {
    kept += text;
    if (kept.size() > 2 * limit) kept.erase(0, kept.size() - limit);
    if (!on_line || !*on_line) return;
    line += text;
    size_t begin = 0;
    for (size_t end = line.find('\n'); end != std::string::npos; end = line.find('\n', begin)) {
      (*on_line)(std::string_view(line).substr(begin, end - begin));
      begin = end + 1;
    }
    line.erase(0, begin);
    if (line.size() > limit) line.clear();
  }
  void finish() {
    if (kept.size() > limit) kept.erase(0, kept.size() - limit);
  }
  // False at the end of the stream.
  bool read_some() {
    char chunk[1 << 14];
    const ssize_t n = read(fd, chunk, sizeof chunk);
    if (n < 0) return errno == EINTR || errno == EAGAIN;
    if (n > 0) take({chunk, size_t(n)});
    return n > 0;
  }
};

// Kills a child, and with its own group whatever it has started.
void end(pid_t pid, const ProcessOptions& options) { kill(options.own_group ? -pid : pid, SIGKILL); }

// Reads both streams until their ends; false when the child is to be killed.
bool read_streams(std::array<Stream, 2>& streams, Clock::time_point deadline, const ProcessOptions& options, ProcessResult& r) {
  while (streams[0].open || streams[1].open) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) {
      r.timed_out = true;
      return false;
    }
    if (options.cancelled && options.cancelled()) {
      r.cancelled = true;
      return false;
    }
    pollfd polls[2];
    for (size_t i = 0; i < 2; ++i) polls[i] = {streams[i].open ? streams[i].fd : -1, POLLIN, 0};
    const int ready = poll(polls, 2, int(std::min<long long>(left, kPollMilliseconds)));
    if (ready < 0 && errno != EINTR) return false;
    for (size_t i = 0; ready > 0 && i < 2; ++i)
      if (streams[i].open && polls[i].revents != 0) streams[i].open = streams[i].read_some();
  }
  return true;
}

// Waits for the child's end; kills it at the deadline (it may have closed its streams and gone on).
int wait_for(pid_t pid, Clock::time_point deadline, const ProcessOptions& options, ProcessResult& r) {
  int status = 0;
  bool killed = r.timed_out || r.cancelled;
  for (;;) {
    const pid_t got = waitpid(pid, &status, killed ? 0 : WNOHANG);
    if (got == pid) return status;
    if (got < 0 && errno != EINTR) return 0;
    if (killed) continue;
    r.timed_out = Clock::now() > deadline;
    r.cancelled = !r.timed_out && options.cancelled && options.cancelled();
    if (r.timed_out || r.cancelled) {
      end(pid, options);
      killed = true;
    } else {
      poll(nullptr, 0, 5);
    }
  }
}

}  // namespace

std::string ProcessResult::text() const {
  if (timed_out) return "no answer within the time limit";
  if (cancelled) return "cancelled";
  if (signal != 0) return fmt::format("signal {}", signal);
  return fmt::format("status {}", status);
}

Result<ProcessResult> run_process(const std::vector<std::string>& argv, const ProcessOptions& options) {
  const auto deadline = Clock::now() + options.limit;
  Pipe out, err;
  if (!out.open() || !err.open())
    return error(Code::kReference, fmt::format("cannot open a pipe: {}", std::generic_category().message(errno)));
  TRY(const pid_t pid, spawn(argv, options, out.out.fd, err.out.fd));
  out.out.reset();
  err.out.reset();
  ProcessResult r;
  std::array<Stream, 2> streams{Stream{out.in.fd, r.out, options.max_output, &options.on_line},
                                Stream{err.in.fd, r.err, options.max_output}};
  if (!read_streams(streams, deadline, options, r)) end(pid, options);
  for (Stream& s : streams) s.finish();
  const int status = wait_for(pid, deadline, options, r);
  if (options.own_group) end(pid, options);  // what it has left behind
  if (WIFEXITED(status)) r.status = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) {
    r.status = -1;
    r.signal = WTERMSIG(status);
  }
  return r;
}

Result<ScratchFolder> ScratchFolder::create() {
  std::error_code code;
  std::filesystem::path base = std::filesystem::temp_directory_path(code);
  if (code) base = "/tmp";
  std::string name = (base / "atoll-XXXXXX").string();
  if (!mkdtemp(name.data()))
    return error(Code::kWrite,
                 fmt::format("cannot make a folder in '{}': {}", base.string(), std::generic_category().message(errno)),
                 "set TMPDIR to a folder that can be written");
  return ScratchFolder(std::move(name));
}

ScratchFolder& ScratchFolder::operator=(ScratchFolder&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace atl
