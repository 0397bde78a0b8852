// AtomicFile: an output file that appears whole or not at all.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/result.h"

namespace atl {

/// Streams bytes into an unnamed (or, where the file system knows none, temporary) file in the folder of `path` and gives it
/// its name in commit(). Destroyed without commit(), it leaves the folder and a file already there as they were. A device or a
/// pipe (/dev/null, /dev/stdout) is written directly. Every error is kWrite with the system's reason.
class AtomicFile {
 public:
  /// Opens `path` for writing. E: a directory, a missing folder, no permission.
  static Result<AtomicFile> create(const std::filesystem::path& path);

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  ~AtomicFile();

  /// Appends bytes. E: a full disk, and whatever else the system says; the file is then lost and commit() fails.
  Status write(std::span<const std::byte> bytes);
  Status write(std::string_view text);
  /// Bytes written so far.
  uint64_t size() const { return size_; }
  /// Puts the file in place, over a file of the same name. Nothing may be written afterwards.
  Status commit();

 private:
  AtomicFile() = default;
  void discard();
  Status drain();
  Status push(const std::byte* data, size_t n);
  Status name_unnamed();
  Error failed(int code);

  std::filesystem::path path_;       // as the user gave it, for messages
  std::filesystem::path target_;     // path_ with symbolic links followed
  std::filesystem::path temporary_;  // empty for an unnamed file or a device
  int fd_ = -1;
  bool direct_ = false;
  bool broken_ = false;
  uint64_t size_ = 0;
  std::vector<std::byte> pending_;
};

/// Writes `bytes` to `path` through an AtomicFile.
Status write_file(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace atl
