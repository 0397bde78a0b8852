// Child processes: started without a shell, with a time limit, their output captured.
#pragma once
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "support/result.h"

namespace atl {

struct ProcessOptions {
  /// The whole run; the child is killed when it is over.
  std::chrono::milliseconds limit = std::chrono::seconds(20);
  /// The last bytes of each stream that are kept; earlier ones are dropped, never waited for.
  size_t max_output = size_t{1} << 20;
  std::string folder;      ///< where it runs; empty: where this process does
  bool own_group = false;  ///< in a group of processes of its own, all of which end with it
  std::vector<std::pair<std::string, std::string>> environment;  ///< set besides the inherited variables
  /// Called for every whole line of the child's stdout, without the newline, as it arrives.
  std::function<void(std::string_view)> on_line;
  /// Asked a few times a second; true kills the child.
  std::function<bool()> cancelled;
};

/// How a child ended.
struct ProcessResult {
  int status = 0;          ///< exit status, or -1 when a signal ended it
  int signal = 0;          ///< that ended it; 0 when it exited
  bool timed_out = false;  ///< killed at the limit
  bool cancelled = false;  ///< killed because `cancelled` said so
  std::string out, err;    ///< the ends of its stdout and stderr
  bool succeeded() const { return status == 0 && signal == 0 && !timed_out && !cancelled; }
  /// "status 1", "signal 9", "no answer within 20 s".
  std::string text() const;
};

/// Runs `argv` (argv[0] is looked up on the PATH) with stdin empty and waits for its end. A child that fails is not an error.
/// E: kReference when it cannot be started.
Result<ProcessResult> run_process(const std::vector<std::string>& argv, const ProcessOptions& options = {});

/// A folder of its own under the system's temporary folder, removed with all it holds.
class ScratchFolder {
 public:
  /// E: kWrite.
  static Result<ScratchFolder> create();
  ScratchFolder(ScratchFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchFolder& operator=(ScratchFolder&& other) noexcept;
  ~ScratchFolder();
  const std::string& path() const { return path_; }
  std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  explicit ScratchFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace atl
